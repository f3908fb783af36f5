/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 32-bit program that makes system calls the way the vdso says (AT_SYSINFO: SYSENTER, SYSCALL or int $0x80, whatever the
 * kernel chose for the processor) and by int $0x80 itself, and compares. It exits with the number of the step that failed.
 */
#define AT_SYSINFO	32
#define NR_exit		1
#define NR_write	4
#define NR_getpid	20
#define ROUNDS		1000

	.text
	.globl _start
_start:
	mov	(%esp), %ecx
	lea	8(%esp,%ecx,4), %esi		/* behind the arguments: environment */
1:	lodsl
	test	%eax, %eax
	jnz	1b
2:	lodsl					/* then pairs of type and value */
	mov	%eax, %ecx
	lodsl
	cmp	$AT_SYSINFO, %ecx
	je	3f
	test	%ecx, %ecx
	jnz	2b
	mov	$1, %ebx
	jmp	exit
3:	mov	%eax, vdso

	mov	$NR_getpid, %eax
	int	$0x80
	mov	%eax, pid
	movl	$ROUNDS, rounds
4:	mov	$NR_getpid, %eax
	mov	$0x11111111, %ecx
	mov	$0x22222222, %edx
	mov	$0x33333333, %esi
	mov	$0x44444444, %edi
	mov	$0x55555555, %ebp
	call	*vdso
	mov	$2, %ebx
	cmp	%eax, pid
	jne	exit
	inc	%ebx				/* 3: the registers are the caller's */
	cmp	$0x11111111, %ecx
	jne	exit
	cmp	$0x22222222, %edx
	jne	exit
	cmp	$0x33333333, %esi
	jne	exit
	cmp	$0x44444444, %edi
	jne	exit
	cmp	$0x55555555, %ebp
	jne	exit
	decl	rounds
	jnz	4b

	mov	$NR_write, %eax			/* one with arguments */
	mov	$1, %ebx
	mov	$text, %ecx
	mov	$text_end - text, %edx
	call	*vdso
	mov	$4, %ebx
	cmp	$text_end - text, %eax
	jne	exit
	xor	%ebx, %ebx
exit:	mov	$NR_exit, %eax
	int	$0x80

	.data
text:	.ascii	"32-bit system calls work\n"
text_end:
	.bss
	.lcomm	vdso, 4
	.lcomm	pid, 4
	.lcomm	rounds, 4

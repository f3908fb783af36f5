/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The smallest PV guest: the first letter of its command line says how it ends. p: power off, r: reboot, c: crash, w: crash
 * after 20,000 million ticks of the TSC, anything else: it sleeps for ever.
 *
 * Entry: rsi = start_info, hypercalls through the page below.
 */
#include <xen/elfnote.h>

#define CMD_LINE 0x80		/* offset of start_info.cmd_line */
#define SCHEDOP_shutdown 2
#define SCHEDOP_poll 3		/* its event mask stays: there is no handler */
#define HYPERCALL_sched_op 29

	.text
	.globl _start
_start:
	movzbl CMD_LINE(%rsi), %eax
	xorl %edx, %edx		/* SHUTDOWN_poweroff */
	cmpb $'p', %al
	je end
	incl %edx		/* SHUTDOWN_reboot */
	cmpb $'r', %al
	je end
	movl $3, %edx		/* SHUTDOWN_crash */
	cmpb $'c', %al
	je end
	cmpb $'w', %al
	jne sleep
	rdtsc
	shlq $32, %rdx
	leaq (%rdx, %rax), %rbx
	movabsq $20000000000, %rcx
	addq %rcx, %rbx
wait:
	rdtsc
	shlq $32, %rdx
	addq %rdx, %rax
	cmpq %rbx, %rax
	jb wait
	movl $3, %edx
	jmp end
sleep:
	subq $24, %rsp
	movq $0, (%rsp)		/* struct sched_poll: no ports, no timeout */
	movq $0, 8(%rsp)
	movq $0, 16(%rsp)
	movl $SCHEDOP_poll, %edi
	movq %rsp, %rsi
	call hypercalls + HYPERCALL_sched_op * 32
	addq $24, %rsp
	jmp sleep
end:
	pushq %rdx
	movq %rsp, %rsi
	movl $SCHEDOP_shutdown, %edi
	call hypercalls + HYPERCALL_sched_op * 32
	jmp sleep

	.balign 4096
hypercalls:
	.fill 4096, 1, 0xcc

/* note TYPE, BYTES OF DATA, DATA */
	.macro note type:req, size:req, data:vararg
	.long 4, \size, \type
	.asciz "Xen"
	\data
	.balign 4
	.endm

	.section .note.Xen, "a", @note
	note XEN_ELFNOTE_ENTRY, 8, .quad _start
	note XEN_ELFNOTE_HYPERCALL_PAGE, 8, .quad hypercalls
	note XEN_ELFNOTE_VIRT_BASE, 8, .quad 0xffffffff80000000
	note XEN_ELFNOTE_XEN_VERSION, 8, .asciz "xen-3.0"
	note XEN_ELFNOTE_GUEST_OS, 5, .asciz "stub"
	note XEN_ELFNOTE_LOADER, 8, .asciz "generic"
	.section .note.GNU-stack, "", @progbits

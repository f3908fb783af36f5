/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The assembly of a guest micro-kernel: ELF notes, first instruction, trap and callback entries, return to guest code.
 *
 * How an exception reaches a 64-bit PV guest (stack grows down; rcx and r11 are saved because SYSRET destroys them):
 *
 *	ss  rsp  rflags  cs  rip  [error code]  r11  rcx	<- rsp
 *
 * The entries turn this into struct frame (lib.h), whose upper part from rax on is exactly the frame that the iret
 * hypercall takes. The field `flags` of that frame holds error code and vector while the handler runs.
 */

#define __ASSEMBLY__
#include <xen/xen.h>
#include <xen/elfnote.h>

#include "frame-regs.h"

#define VIRT_BASE 0xffffffff80000000

.macro note type desc:vararg
	.pushsection .note.xen, "a", @note
	.balign 4
	.long 4, 2f - 1f, \type
	.asciz "Xen"
1:	\desc
2:	.balign 4
	.popsection
.endm

	note XEN_ELFNOTE_GUEST_OS,	.asciz "xenolith-selftest"
	note XEN_ELFNOTE_GUEST_VERSION,	.asciz "1"
	note XEN_ELFNOTE_LOADER,	.asciz "generic"
	note XEN_ELFNOTE_XEN_VERSION,	.asciz "xen-3.0"
	note XEN_ELFNOTE_FEATURES,	.asciz "!writable_page_tables|pae_pgdir_above_4gb"
	note XEN_ELFNOTE_SUPPORTED_FEATURES, .long 0x801	/* dom0, writable page tables */
	note XEN_ELFNOTE_PAE_MODE,	.asciz "yes"
	note XEN_ELFNOTE_VIRT_BASE,	.quad VIRT_BASE
	note XEN_ELFNOTE_PADDR_OFFSET,	.quad 0
	note XEN_ELFNOTE_ENTRY,		.quad _start
	note XEN_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page
	note XEN_ELFNOTE_L1_MFN_VALID,	.quad 1, 1
	note XEN_ELFNOTE_HV_START_LOW,	.quad HYPERVISOR_VIRT_START

	.text
	.code64
	.globl	_start
_start:
	cld
	lea	boot_stack_top(%rip), %rsp
	mov	%rsi, %rdi
	xor	%ebp, %ebp
	call	guest_start
	ud2

	.globl	vcpu_start			/* secondary vcpus: rdi = struct pcpu */
vcpu_start:
	cld
	xor	%ebp, %ebp
	call	guest_vcpu_start
	ud2

	.balign 4096
	.globl	hypercall_page
hypercall_page:
	.skip	4096

/* --- entries ----------------------------------------------------------------------------------------------------- */

.macro entry vector, has_error
	.globl	entry_\vector
entry_\vector:
	pop	%rcx
	pop	%r11
	.if !\has_error
	push	$0
	.endif
	movl	$\vector, 4(%rsp)
	jmp	common
.endm

	.irp	v, 0,1,2,3,4,5,6,7,9,15,16,18,19,20
	entry	\v, 0
	.endr
	.irp	v, 8,10,11,12,13,14,17,21
	entry	\v, 1
	.endr
	entry	0x80, 0
	entry	0x100, 0		/* syscall */
	entry	0x101, 0		/* event */
	entry	0x103, 0		/* sysenter */
	entry	0x104, 0		/* syscall32 */

	.globl	entry_0x102		/* failsafe: rcx r11 ds es fs gs rip ... */
entry_0x102:
	pop	%rcx
	pop	%r11
	add	$24, %rsp		/* three of the four selectors; the fourth makes room for `flags` */
	movq	$0, (%rsp)
	movl	$0x102, 4(%rsp)
	jmp	common

common:
	push_frame
	cld
	mov	%rsp, %rdi
	mov	%rsp, %rbp
	and	$~15, %rsp
	call	trap_dispatch
	mov	%rbp, %rdi
	/* fall through */

/* void frame_return(struct frame *rdi): give all registers their values and go there, by the iret hypercall. */
	.globl	frame_return
frame_return:
	mov	%rdi, %rsp
	pop_frame
	mov	iret_flags(%rip), %rax		/* 0, or VGCF_in_syscall in a test */
	mov	%rax, 24(%rsp)
	mov	$__HYPERVISOR_iret, %eax
	syscall
	ud2

/* int frame_enter(struct frame *rdi, unsigned long *rsi): frame_return() that comes back by frame_leave(*rsi, value). */
	.globl	frame_enter
frame_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, (%rsi)
	jmp	frame_return

	.globl	frame_leave
frame_leave:
	mov	%rdi, %rsp
	mov	%esi, %eax
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.bss
	.balign 4096
	.skip	32768
boot_stack_top:

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page faults of guests that are the guest's own business: bounced to its handler from here,
 * without C and without saving what is not touched. All others (ours, writes to page tables, the
 * hypervisor's range, a stack that is not there) go the general way.
 *
 * The guest's handler finds, 16-byte aligned at the top:
 *	ss rsp rflags cs+mask rip error_code r11 rcx <- rsp
 */
#include <xenolith/layout.h>
#include "asm.h"

#define PFEC_PRESENT	1
#define PFEC_WRITE	2
#define PFEC_USER	4
#define TI_IF		4
#define FAULT_FRAME	(8 * 8)

/*
 * In: rsp = guest_regs, rcx current, rdx where the frame goes, rax free. \user: from user mode, and
 * the kernel's mode and tables are there already. Where the stack cannot be written: at \fault.
 */
.macro BOUNCE user, fault
	STAC
	mov	REGS_error_code(%rsp), %eax
	.if !\user
	and	$~PFEC_USER, %eax			/* the guest's kernel does not know its ring */
	.endif
	OR_ELSE	\fault, mov %rax, 16(%rdx)
	mov	REGS_cs(%rsp), %eax
	.if !\user
	and	$~3, %eax
	.endif
	OR_ELSE	\fault, mov %eax, 32(%rdx)
	mov	REGS_rcx(%rsp), %rax
	OR_ELSE	\fault, mov %rax, 0(%rdx)
	OR_ELSE	\fault, mov %r11, 8(%rdx)
	mov	REGS_rip(%rsp), %rax
	OR_ELSE	\fault, mov %rax, 24(%rdx)
	mov	REGS_rsp(%rsp), %rax
	OR_ELSE	\fault, mov %rax, 48(%rdx)
	mov	REGS_ss(%rsp), %eax
	OR_ELSE	\fault, mov %rax, 56(%rdx)
	mov	V_info(%rcx), %rax
	cmpb	$0, 1(%rax)
	setne	%al
	movzbl	%al, %eax
	OR_ELSE	\fault, mov %eax, 36(%rdx)		/* upcall mask, above cs */
	shl	$9, %eax
	xor	REGS_rflags(%rsp), %rax			/* IF is set in hardware: shows !mask */
	or	V_bounce_flags(%rcx), %rax
	OR_ELSE	\fault, mov %rax, 40(%rdx)
	CLAC
.endm

	.section .text.hot, "ax", @progbits

/* In: rsp = vector:error_code below the CPU's frame, all registers the interrupted code's; irqs off. */
ENTRY entry_page_fault
	testb	$3, 16(%rsp)				/* cs */
	jz	entry_exception_general
	sub	$REGS_error_code, %rsp
	CLAC
	mov	%rax, REGS_rax(%rsp)
	mov	%rcx, REGS_rcx(%rsp)
	mov	%rdx, REGS_rdx(%rsp)
	mov	%cr2, %rdx
	mov	CI_vcpu(%rsp), %rcx
	mov	%rdx, V_last_cr2(%rcx)			/* a fault on the guest's stack changes CR2 */
	shr	$43, %rdx
	cmp	$(HYP_VIRT_START >> 43), %rdx
	je	slow
	mov	V_trap(%rcx), %rax
	cmpq	$0, TRAP_PF_address(%rax)
	je	slow
	cmpl	$0, V_kernel_mode(%rcx)
	jne	from_kernel

	mov	V_frame_sp(%rcx), %rdx			/* not canonical when it must not be used */
	sub	$FAULT_FRAME, %rdx
	movl	$1, V_kernel_mode(%rcx)
	swapgs
	mov	V_kernel_cr3(%rcx), %rax
	mov	%rax, %cr3
	incl	CI_cr3_loads(%rsp)
	BOUNCE	1, user_frame_fault

/* rcx current, rdx the frame */
to_handler:
	mov	%rdx, REGS_rsp(%rsp)
	mov	V_info(%rcx), %rdx
	mov	V_last_cr2(%rcx), %rax
	mov	%rax, INFO_cr2(%rdx)
	mov	V_trap(%rcx), %rcx
	testb	$TI_IF, TRAP_PF_flags(%rcx)
	jz	1f
	movb	$1, 1(%rdx)
1:	mov	TRAP_PF_address(%rcx), %rax
	mov	%rax, REGS_rip(%rsp)
	movq	$SEL_GUEST_CS64, REGS_cs(%rsp)
	andq	$~EFLAGS_BOUNCE_CLEAR, REGS_rflags(%rsp)
	movq	$SEL_GUEST_SS, REGS_ss(%rsp)
	mov	REGS_rax(%rsp), %rax
	mov	REGS_rcx(%rsp), %rcx
	mov	REGS_rdx(%rsp), %rdx
	IRET_TO_GUEST

from_kernel:
	mov	REGS_error_code(%rsp), %eax
	test	$PFEC_USER, %al				/* not so: see pv_emulate_iret() */
	jz	slow
	and	$(PFEC_PRESENT | PFEC_WRITE), %eax	/* perhaps a page-table write */
	cmp	$(PFEC_PRESENT | PFEC_WRITE), %eax
	je	slow
	mov	REGS_rsp(%rsp), %rdx
	and	$~15, %rdx
	sub	$FAULT_FRAME, %rdx
	mov	%rdx, %rax
	shr	$43, %rax
	cmp	$(HYP_VIRT_START >> 43), %rax
	je	slow
	BOUNCE	0, frame_fault
	jmp	to_handler

/* The guest's stack cannot be written. Back to the mode we came from, let C say it. */
user_frame_fault:
	movl	$0, V_kernel_mode(%rcx)
	swapgs
	mov	V_user_cr3(%rcx), %rax
	mov	%rax, %cr3
frame_fault:
	CLAC
slow:
	mov	REGS_rax(%rsp), %rax
	mov	REGS_rcx(%rsp), %rcx
	mov	REGS_rdx(%rsp), %rdx
	add	$REGS_error_code, %rsp
	SAVE_REGS
	mov	CI_vcpu(%rsp), %rax
	mov	V_last_cr2(%rax), %rsi
	jmp	entry_exception_call
END entry_page_fault

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
	mov	%rsi, REGS_rsi(%rsp)
	mov	%rdi, REGS_rdi(%rsp)
	mov	%cr2, %rdx
	mov	CI_vcpu(%rsp), %rcx
	mov	%rdx, V_last_cr2(%rcx)			/* a fault on the guest's stack changes CR2 */
	mov	%rdx, %rax
	shr	$43, %rax
	cmp	$(HYP_VIRT_START >> 43), %rax
	je	slow
	mov	V_trap(%rcx), %rsi
	cmpq	$0, TRAP_PF_address(%rsi)
	je	slow
	mov	REGS_error_code(%rsp), %eax
	cmpl	$0, V_kernel_mode(%rcx)
	jne	from_kernel

	mov	V_kernel_sp(%rcx), %rdx
	and	$~15, %rdx
	sub	$64, %rdx
	mov	%rdx, %rdi
	shr	$43, %rdi
	cmp	$(HYP_VIRT_START >> 43), %rdi
	je	slow
	movl	$1, REGS_r15(%rsp)			/* remember: mode was switched */
	movl	$1, V_kernel_mode(%rcx)
	swapgs
	mov	V_kernel_cr3(%rcx), %rdi
	mov	%rdi, %cr3
	mov	REGS_cs(%rsp), %edi
	jmp	write_frame

from_kernel:
	test	$PFEC_USER, %al				/* not so: see pv_emulate_iret() */
	jz	slow
	mov	%eax, %edx
	and	$(PFEC_PRESENT | PFEC_WRITE), %edx	/* perhaps a page-table write */
	cmp	$(PFEC_PRESENT | PFEC_WRITE), %edx
	je	slow
	and	$~PFEC_USER, %eax			/* the guest's kernel does not know its ring */
	mov	REGS_rsp(%rsp), %rdx
	and	$~15, %rdx
	sub	$64, %rdx
	mov	%rdx, %rdi
	shr	$43, %rdi
	cmp	$(HYP_VIRT_START >> 43), %rdi
	je	slow
	movl	$0, REGS_r15(%rsp)
	mov	REGS_cs(%rsp), %edi
	and	$~3, %edi

/* eax error code, rcx current, rdx where the frame goes, rsi trap table, edi cs to show */
write_frame:
	STAC
1:	mov	%rax, 16(%rdx)
2:	mov	%edi, 32(%rdx)
	mov	REGS_rcx(%rsp), %rax
3:	mov	%rax, 0(%rdx)
4:	mov	%r11, 8(%rdx)
	mov	REGS_rip(%rsp), %rax
5:	mov	%rax, 24(%rdx)
	mov	REGS_rsp(%rsp), %rax
6:	mov	%rax, 48(%rdx)
	mov	REGS_ss(%rsp), %eax
7:	mov	%rax, 56(%rdx)
	mov	V_info(%rcx), %rdi
	xor	%eax, %eax
	cmpb	$0, 1(%rdi)
	setne	%al
8:	mov	%eax, 36(%rdx)				/* upcall mask, above cs */
	shl	$9, %eax
	xor	REGS_rflags(%rsp), %rax			/* IF is set in hardware: shows !mask */
	or	V_bounce_flags(%rcx), %rax
9:	mov	%rax, 40(%rdx)
	CLAC
	mov	V_last_cr2(%rcx), %rax
	mov	%rax, INFO_cr2(%rdi)
	testb	$TI_IF, TRAP_PF_flags(%rsi)
	jz	10f
	movb	$1, 1(%rdi)
10:	mov	TRAP_PF_address(%rsi), %rax
	mov	%rax, REGS_rip(%rsp)
	movq	$SEL_GUEST_CS64, REGS_cs(%rsp)
	andq	$~EFLAGS_BOUNCE_CLEAR, REGS_rflags(%rsp)
	mov	%rdx, REGS_rsp(%rsp)
	movq	$SEL_GUEST_SS, REGS_ss(%rsp)
	mov	REGS_rax(%rsp), %rax
	mov	REGS_rcx(%rsp), %rcx
	mov	REGS_rdx(%rsp), %rdx
	mov	REGS_rsi(%rsp), %rsi
	mov	REGS_rdi(%rsp), %rdi
	IRET_TO_GUEST

	EXTABLE 1b, frame_fault
	EXTABLE 2b, frame_fault
	EXTABLE 3b, frame_fault
	EXTABLE 4b, frame_fault
	EXTABLE 5b, frame_fault
	EXTABLE 6b, frame_fault
	EXTABLE 7b, frame_fault
	EXTABLE 8b, frame_fault
	EXTABLE 9b, frame_fault

/* The guest's stack cannot be written. Back to the mode we came from, let C say it. */
frame_fault:
	CLAC
	cmpl	$0, REGS_r15(%rsp)
	je	slow
	movl	$0, V_kernel_mode(%rcx)
	swapgs
	mov	V_user_cr3(%rcx), %rax
	mov	%rax, %cr3
slow:
	mov	REGS_rax(%rsp), %rax
	mov	REGS_rcx(%rsp), %rcx
	mov	REGS_rdx(%rsp), %rdx
	mov	REGS_rsi(%rsp), %rsi
	mov	REGS_rdi(%rsp), %rdi
	add	$REGS_error_code, %rsp
	SAVE_REGS
	mov	CI_vcpu(%rsp), %rax
	mov	V_last_cr2(%rax), %rsi
	jmp	entry_exception_call
END entry_page_fault

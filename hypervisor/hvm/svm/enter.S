/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into a guest by VMRUN and back. From CLGI to STGI nothing can interrupt, not even an NMI: in between
 * the CPU holds the guest's TR and system-call registers. Interrupts that come in the guest, or were
 * pending on the way in, end VMRUN at once and are taken behind STGI.
 */
#include <xenolith/layout.h>
#include <generated/offsets.h>

	.section .text, "ax", @progbits

/*
 * void svm_enter(paddr_t vmcb, paddr_t host, struct cpu_regs *regs)
 * In: interrupts off. Out: on. All general registers but rax and rsp are exchanged with @regs.
 *
 *	stack:	host  vmcb  regs  rbx rbp r12 r13 r14 r15  return address
 */
	.globl svm_enter
	.type svm_enter, @function
	.balign 16
svm_enter:
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbp
	push	%rbx
	push	%rdx
	push	%rdi
	push	%rsi
	clgi
	sti
	mov	%rdi, %rax
	vmload	%rax
	mov	REGS_rbx(%rdx), %rbx
	mov	REGS_rcx(%rdx), %rcx
	mov	REGS_rsi(%rdx), %rsi
	mov	REGS_rdi(%rdx), %rdi
	mov	REGS_rbp(%rdx), %rbp
	mov	REGS_r8(%rdx), %r8
	mov	REGS_r9(%rdx), %r9
	mov	REGS_r10(%rdx), %r10
	mov	REGS_r11(%rdx), %r11
	mov	REGS_r12(%rdx), %r12
	mov	REGS_r13(%rdx), %r13
	mov	REGS_r14(%rdx), %r14
	mov	REGS_r15(%rdx), %r15
	mov	REGS_rdx(%rdx), %rdx
	vmrun	%rax
	mov	8(%rsp), %rax
	vmsave	%rax
	mov	16(%rsp), %rax
	mov	%rbx, REGS_rbx(%rax)
	mov	%rcx, REGS_rcx(%rax)
	mov	%rdx, REGS_rdx(%rax)
	mov	%rsi, REGS_rsi(%rax)
	mov	%rdi, REGS_rdi(%rax)
	mov	%rbp, REGS_rbp(%rax)
	mov	%r8, REGS_r8(%rax)
	mov	%r9, REGS_r9(%rax)
	mov	%r10, REGS_r10(%rax)
	mov	%r11, REGS_r11(%rax)
	mov	%r12, REGS_r12(%rax)
	mov	%r13, REGS_r13(%rax)
	mov	%r14, REGS_r14(%rax)
	mov	%r15, REGS_r15(%rax)
	pop	%rax
	vmload	%rax
	stgi
	cld
	add	$16, %rsp
	pop	%rbx
	pop	%rbp
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	ret
	.size svm_enter, . - svm_enter

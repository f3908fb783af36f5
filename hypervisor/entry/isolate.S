/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Isolated guests: on a CPU that lets ring 3 read supervisor memory speculatively (Meltdown,
 * XSA-254) the tables in force while a guest runs map nothing of the hypervisor but
 *
 *	.text.gates (the stubs and this), the IDT, and this CPU's SYSCALL stubs and TSS, GDT and LDT
 *	window, and gate page: the only one of these that is written to
 *
 * The CPU's frame arrives on the gate page. Here CR3 changes to the tables in force at the last
 * exit (GATE_TABLES), the frame moves to guest_regs, and the normal entry goes on with it. All ways
 * out end here too (ISOLATION_SITE), on which the frame and CR3 go the opposite way. Everything
 * that the hypervisor maps elsewhere is non-global, so that loading CR3 takes it out of the TLB.
 *
 * A guest can read the gate page: general registers that pass over it (rax, and rcx and rax of the
 * hypervisor at an NMI) are wiped out, so that user mode finds none of its kernel's, and no guest another's.
 *
 * All addresses count from the CPU's stack window, which holds both: "rsp & WINDOW_MASK".
 */
#include <xenolith/layout.h>
#include "asm.h"

#define WINDOW_MASK	(-STACK_WINDOW_SIZE)
#define GUEST_REGS	(STACK_SIZE - CI_SIZE)		/* where in the window they are */
#define GATE_REGS	(GATE_STACK - REGS_SIZE)	/* and their like on the gate page */
#define RETURN_FRAME	(GATE_REGS + REGS_rip)		/* rip cs rflags rsp ss */
#define RETURN_RSP	(GATE_REGS + REGS_rsp)

	.section .text.gates, "ax", @progbits

/* In: rsp = window + \at. Out: rax = CR3 for the mode that the guest is in. The present one is noted. */
.macro GUEST_TABLES at
	mov	%cr3, %rax
	mov	%rax, GATE_TABLES - \at(%rsp)
	mov	CI_vcpu + GUEST_REGS - \at(%rsp), %rax
	mov	V_kernel_mode(%rax), %eax		/* 0 or 1 */
	shl	$PAGE_SHIFT, %eax
	or	GATE_ROOTS - \at(%rsp), %rax
.endm

/* In: guest's tables, rsp on the gate page, rax free. Out: the hypervisor's tables. */
.macro HYPERVISOR_TABLES
	mov	%rsp, %rax
	and	$WINDOW_MASK, %rax
	mov	GATE_TABLES(%rax), %rax
	mov	%rax, %cr3
.endm

/* In: as entry_syscall, but rsp = the frame on the gate page, and the guest's tables in force. */
.macro SYSCALL_GATE name, normal
ENTRY \name
	mov	%rax, REGS_rax(%rsp)
	mov	GATE_TABLES - GATE_REGS(%rsp), %rax
	mov	%rax, %cr3
	mov	REGS_rsp(%rsp), %rax
	mov	%rax, GUEST_REGS - GATE_REGS + REGS_rsp(%rsp)
	mov	REGS_rax(%rsp), %rax
	movq	$0, REGS_rax(%rsp)
	lea	GUEST_REGS - GATE_REGS(%rsp), %rsp
	jmp	\normal
END \name
.endm

SYSCALL_GATE entry_isolated_syscall, entry_syscall
SYSCALL_GATE entry_isolated_syscall32, entry_syscall32

/* In: rsp = vector:error_code below the CPU's frame, on the gate page if from a guest. */
.macro GATE name, normal
ENTRY \name
	testb	$3, 16(%rsp)				/* cs */
	jz	1f
2:	push	%rax
	HYPERVISOR_TABLES
	mov	%rsp, %rax
	and	$WINDOW_MASK, %rsp
	lea	GUEST_REGS + REGS_SIZE(%rsp), %rsp
	pushq	48(%rax)				/* ss */
	pushq	40(%rax)
	pushq	32(%rax)
	pushq	24(%rax)
	pushq	16(%rax)				/* rip */
	pushq	8(%rax)					/* vector:error_code */
	pushq	(%rax)
	movq	$0, (%rax)
	pop	%rax
	jmp	\normal
1:	test	$STACK_SIZE, %esp			/* the upper half of the window: the gate page */
	jz	\normal
	jmp	iret_fault
END \name
.endm

GATE entry_isolated_page_fault, entry_page_fault
GATE entry_isolated_interrupt, entry_interrupt_general
GATE entry_isolated_exception, entry_exception_general
from_guest = 2b

/*
 * NMI, #DF, #MC, #DB. From the hypervisor they may come anywhere, also between the ways in and out
 * and their CR3: it is given back as it was found. On the gate page then:
 *	ss rsp rflags cs rip vector:error_code rax rcx CR3 <- rsp
 */
ENTRY entry_isolated_ist
	testb	$3, 16(%rsp)
	jnz	from_guest
	push	%rax
	push	%rcx
	mov	%cr3, %rax
	push	%rax
	mov	%rsp, %rcx
	and	$WINDOW_MASK, %rcx
	and	$~PAGE_SIZE, %rax			/* one of the two roots? */
	cmp	GATE_ROOTS(%rcx), %rax
	jne	1f
	mov	GATE_TABLES(%rcx), %rax
	mov	%rax, %cr3
1:	mov	%esp, %eax				/* first stack n00-nff, where the real one ends */
	and	$0xf00, %eax
	shl	$4, %eax				/* at page n + 1 */
	lea	PAGE_SIZE(%rcx,%rax), %rax
	mov	%rsp, %rcx
	mov	%rax, %rsp
	push	%rcx					/* to come back */
	push	%rcx
	pushq	64(%rcx)
	pushq	56(%rcx)
	pushq	48(%rcx)
	pushq	40(%rcx)
	pushq	32(%rcx)
	pushq	24(%rcx)
	mov	16(%rcx), %rax
	mov	8(%rcx), %rcx
	SAVE_REGS
	mov	%cr2, %rsi
	mov	%rsp, %rdi
	call	entry_exception
	RESTORE_REGS
	mov	REGS_SIZE(%rsp), %rsp
	pop	%rax
	mov	%rax, %cr3
	pop	%rcx
	pop	%rax
	movq	$0, -8(%rsp)
	movq	$0, -16(%rsp)
	add	$8, %rsp
	iretq
END entry_isolated_ist

/* In: as IRET_TO_GUEST. */
ENTRY entry_isolated_iret
	mov	%rax, RETURN_FRAME - 8 - GUEST_REGS(%rsp)
	offset = 0
	.rept 5
	mov	REGS_rip + offset(%rsp), %rax
	mov	%rax, RETURN_FRAME + offset - GUEST_REGS(%rsp)
	offset = offset + 8
	.endr
	GUEST_TABLES GUEST_REGS
	lea	RETURN_FRAME - 8 - GUEST_REGS(%rsp), %rsp
	mov	%rax, %cr3
	pop	%rax
1:	iretq
END entry_isolated_iret
	faulting_iret = 1b

/* In: as SYSRET_TO_GUEST. */
ENTRY entry_isolated_sysret
	mov	%rax, RETURN_RSP - 8 - GUEST_REGS(%rsp)
	mov	REGS_rsp(%rsp), %rax
	mov	%rax, RETURN_RSP - GUEST_REGS(%rsp)
	movq	$0, RETURN_FRAME - 8 - GUEST_REGS(%rsp)	/* what entry_isolated_iret left */
	GUEST_TABLES GUEST_REGS
	lea	RETURN_RSP - 8 - GUEST_REGS(%rsp), %rsp
	mov	%rax, %cr3
	pop	%rax
	pop	%rsp
	sysretq
END entry_isolated_sysret

/*
 * The iretq above refused what the guest had in cs, ss or rip, or wants a page of its LDT: on the
 * gate page lies that fault's frame, all registers are the guest's, and guest_regs is untouched.
 * Make it a fault of entry_isolated_iret's first instruction, which may be repeated.
 */
iret_fault:
	push	%rax
	HYPERVISOR_TABLES
	mov	%rsp, %rax
	and	$WINDOW_MASK, %rsp
	lea	GUEST_REGS(%rsp), %rsp
	pushq	48(%rax)				/* ss */
	pushq	40(%rax)
	addq	$GUEST_REGS - RETURN_FRAME, (%rsp)
	pushq	32(%rax)
	pushq	24(%rax)
	pushq	16(%rax)
	subq	$faulting_iret - entry_isolated_iret, (%rsp)
	pushq	8(%rax)
	mov	(%rax), %rax
	jmp	entry_exception_general
	EXTABLE entry_isolated_iret, entry_isolated_iret_refused

	.section .text, "ax", @progbits

entry_isolated_iret_refused:
	add	$REGS_rip, %rsp
	jmp	entry_iret_fault

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way out to a guest, and the stack switches of the CPU's own.
 */
#include <xenolith/layout.h>
#include "asm.h"

	.section .text.hot, "ax", @progbits

/*
 * In: rsp = guest_regs, complete; interrupts as they like.
 * Looks for work (softirqs, events, NMI) with interrupts off until there is none, then restores.
 */
ENTRY entry_exit_to_guest
	cli
	mov	CI_vcpu(%rsp), %rbx
	mov	V_info(%rbx), %rax
	cmpl	$0, CI_softirq_pending(%rsp)
	jne	work
	cmpb	$0, 0(%rax)			/* evtchn_upcall_pending */
	jne	events
check_nmi:
	cmpb	$0, V_nmi_pending(%rbx)
	jne	nmi
restore:
	testl	$ENTRY_SYSCALL, REGS_vector(%rsp)
	jz	restore_iret
	/* SYSRET: faults in ring 0, on the guest's rsp, unless rip is canonical (XSA-7). */
	mov	REGS_rip(%rsp), %rcx
	mov	%rcx, %rax
	sar	$47, %rax
	jnz	2f
1:	RESTORE_MOST
	mov	REGS_rflags(%rsp), %r11
	SYSRET_TO_GUEST
2:	cmp	$-1, %rax			/* upper half */
	je	1b
restore_iret:
	RESTORE_REGS
	IRET_TO_GUEST

events:
	cmpb	$0, 1(%rax)			/* evtchn_upcall_mask */
	jne	check_nmi
	jmp	work
nmi:
	cmpb	$0, V_nmi_masked(%rbx)
	jne	restore
work:
	mov	%rsp, %rdi
	call	entry_exit_work			/* interrupts on inside */
	test	%al, %al
	jnz	restore
	jmp	entry_exit_to_guest
END entry_exit_to_guest

	.section .text, "ax", @progbits

/*
 * IRETQ refused what the guest had in cs, ss or rip. All registers are restored already and the
 * five words still stand at rsp: make it an entry from the guest again.
 */
ENTRY entry_iret_fault
	sub	$8, %rsp
	movq	$0, (%rsp)
	SAVE_REGS
	mov	%rsp, %rdi
	sti
	call	pv_iret_fault
	jmp	entry_exit_to_guest
END entry_iret_fault

/*
 * rdi: function that does not return. In C or entry_exit_to_guest alike: rsp = cpu_info. Interrupts may be on, so rsp
 * never points behind what lies there.
 */
ENTRY entry_reset_stack_and_jump
	mov	%rsp, %rax
	or	$(STACK_SIZE - 1), %rax
	sub	$(CI_SIZE - 1), %rax
	mov	%rax, %rsp
	xor	%ebp, %ebp
	mov	%rdi, %rax
	lea	entry_exit_to_guest(%rip), %rdx
	cmp	%rdx, %rax
	je	1f
	call	*%rax				/* a C function wants its return address there */
	ud2
1:	jmp	*%rax
END entry_reset_stack_and_jump

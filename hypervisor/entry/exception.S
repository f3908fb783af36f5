/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exceptions and interrupts. The CPU pushes ss rsp rflags cs rip and sometimes an error code; the
 * stub of the vector completes that to vector:error_code. From a guest this happens on the main
 * stack right below the rest of struct cpu_info (TSS.rsp0), so the frame is guest_regs. NMI, #DF,
 * #MC and #DB have stacks of their own: they can hit before SYSCALL's stub has loaded a stack.
 *
 * Where guests are isolated the stubs go on in isolate.S, which comes here with the same frame.
 */
#include <xenolith/layout.h>
#include "asm.h"

#define HAS_ERROR_CODE	0x227d00

	.section .text.gates, "ax", @progbits

/* 16 bytes each, from entry_stubs on, one a vector. */
	.balign 16
	.globl entry_stubs
entry_stubs:
	vector = 0
	.rept 256
	.balign 16
	.if (HAS_ERROR_CODE >> (vector & 31)) & (vector < 32) & 1
	movl	$vector, 4(%rsp)		/* above the error code the CPU pushed */
	.else
	push	$0
	movl	$vector, 4(%rsp)
	.endif
	.if vector == 14
	JMP_OR	entry_page_fault, entry_isolated_page_fault
	.elseif vector == 1 || vector == 2 || vector == 8 || vector == 18
	JMP_OR	ist_exception, entry_isolated_ist
	.elseif vector < 32 || vector == VEC_LEGACY_SYSCALL
	JMP_OR	entry_exception_general, entry_isolated_exception
	.else
	JMP_OR	entry_interrupt_general, entry_isolated_interrupt
	.endif
	vector = vector + 1
	.endr

	.section .text.hot, "ax", @progbits

	.globl entry_exception_general, entry_exception_call, entry_interrupt_general
entry_exception_general:
	SAVE_REGS
exception_saved:
	mov	%cr2, %rsi			/* before anything else can fault */
entry_exception_call:
	mov	%rsp, %rdi
	call	entry_exception			/* interrupts off; enables them when they were on */
	testb	$3, REGS_cs(%rsp)
	jnz	entry_exit_to_guest
return_to_hypervisor:
	RESTORE_REGS
	add	$REGS_rip, %rsp
	iretq

entry_interrupt_general:
	SAVE_REGS
	mov	%rsp, %rdi
	call	entry_interrupt
	testb	$3, REGS_cs(%rsp)
	jnz	entry_exit_to_guest
	jmp	return_to_hypervisor

	.section .text, "ax", @progbits

/*
 * On a stack of its own. From a guest: move the frame to the main stack, where it belongs; the
 * exception is then like any other. From the hypervisor it is an NMI, fatal, or a #DB to be ignored.
 */
ist_exception:
	SAVE_REGS
	testb	$3, REGS_cs(%rsp)
	jz	exception_saved
	mov	%rsp, %rsi
	or	$(STACK_SIZE - 1), %rsp
	sub	$(CI_SIZE - 1), %rsp
	mov	%rsp, %rdi
	mov	$(REGS_SIZE / 8), %ecx
	rep movsq
	jmp	exception_saved

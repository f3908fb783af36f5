/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries of a hardware-assisted child: all vectors to hvm_trap(struct frame *), with the frame of lib.h. */
#include "frame-regs.h"

	.text
	.globl	hvm_stubs
	.balign 16
hvm_stubs:
	vector = 0
	.rept 256
	.balign 16
	.if !((0x227d00 >> (vector & 31)) & (vector < 32) & 1)
	push	$0
	.endif
	movl	$vector, 4(%rsp)
	jmp	common
	vector = vector + 1
	.endr

common:
	push_frame
	mov	%rsp, %rdi
	cld
	call	hvm_trap
	pop_frame
	pop	%rax
	pop	%r11
	pop	%rcx
	add	$8, %rsp
	iretq

/* The first instruction of vcpu 0: rdi = function, rsi = its argument, rsp = top of a stack. */
	.globl	hvm_begin
hvm_begin:
	xor	%ebp, %ebp
	push	%rdi
	push	%rsi
	call	hvm_setup
	pop	%rdi
	pop	%rax
	call	*%rax
	ud2

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries of a hardware-assisted child: all vectors to hvm_trap(struct frame *), with the frame of lib.h. */
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
	push	%rcx
	push	%r11
	push	%rax
	push	%rdi
	push	%rsi
	push	%rdx
	push	%r8
	push	%r9
	push	%r10
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	cld
	call	hvm_trap
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdx
	pop	%rsi
	pop	%rdi
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

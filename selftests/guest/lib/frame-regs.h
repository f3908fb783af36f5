/* SPDX-License-Identifier: GPL-2.0-only */
/* The general registers of struct frame (lib.h), rax excepted on the way back: its slot is the iret hypercall's. */
.macro push_frame
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
.endm

.macro pop_frame
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
.endm

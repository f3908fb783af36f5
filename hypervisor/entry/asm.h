/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the assembly of the transitions shares.
 *
 * The saved registers lie at the bottom of struct cpu_info, at the very top of the main stack, so
 * rsp is at once the address of guest_regs and of cpu_info whenever a guest's frame is complete:
 *
 *	top of stack block
 *	  rest of struct cpu_info    CI_*(%rsp)
 *	  ss rsp rflags cs rip       pushed by the CPU, or by the SYSCALL stub
 *	  vector:error_code
 *	  rdi .. r15                 REGS_*(%rsp)
 *	  <- %rsp
 */
#ifndef ENTRY_ASM_H
#define ENTRY_ASM_H

#include <xenolith/layout.h>
#include <generated/offsets.h>

#define ENTRY_SYSCALL	0x100

#define EFLAGS_BOUNCE_CLEAR	0x74100		/* TF NT RF VM AC: not for the guest's handler */
#define EFLAGS_IOPL		0x3000
#define EFLAGS_GUEST		0x254dd5	/* what a guest may set by iret: arithmetic TF DF NT RF AC ID */

.macro ENTRY name
	.globl \name
	.type \name, @function
	.balign 16
\name:
.endm

.macro END name
	.size \name, . - \name
.endm

/* A fault at \from continues at \to. */
.macro EXTABLE from, to
	.pushsection .extable, "a"
	.balign 4
	.long \from - ., \to - .
	.popsection
.endm

/* Three bytes that become stac or clac where the CPU has SMAP (cpu-tables.c, patch_smap()). */
.macro SMAP_SITE opcode
771:	.byte 0x0f, 0x1f, 0x00
	.pushsection .smap_sites, "a"
	.long 771b - ., \opcode
	.popsection
.endm
.macro STAC
	SMAP_SITE 0xcb
.endm
.macro CLAC
	SMAP_SITE 0xca
.endm

/* The five bytes here become "jmp \to" where guests are isolated (isolate.c, patch_sites()). */
.macro ISOLATION_SITE to
772:
	.pushsection .isolation_sites, "a"
	.long 772b - ., \to - .
	.popsection
.endm

/* A jump that can be such a site: always with a 32-bit displacement. */
.macro JMP_OR to, isolated
	ISOLATION_SITE \isolated
	.byte 0xe9
	.long \to - . - 4
.endm

/* An instruction on guest memory; where it faults, it goes on at \to. */
.macro OR_ELSE to, insn:vararg
774:	\insn
	EXTABLE 774b, \to
.endm

.macro SAVE_REST
	mov	%rdi, REGS_rdi(%rsp)
	mov	%rsi, REGS_rsi(%rsp)
	mov	%r8, REGS_r8(%rsp)
	mov	%r9, REGS_r9(%rsp)
	mov	%r10, REGS_r10(%rsp)
	mov	%rbx, REGS_rbx(%rsp)
	mov	%rbp, REGS_rbp(%rsp)
	mov	%r12, REGS_r12(%rsp)
	mov	%r13, REGS_r13(%rsp)
	mov	%r14, REGS_r14(%rsp)
	mov	%r15, REGS_r15(%rsp)
.endm

/* rsp just below vector:error_code -> complete frame. Interrupted code's AC must not open guest memory. */
.macro SAVE_REGS
	sub	$REGS_error_code, %rsp
	CLAC
	cld
	mov	%rax, REGS_rax(%rsp)
	mov	%rcx, REGS_rcx(%rsp)
	mov	%rdx, REGS_rdx(%rsp)
	mov	%r11, REGS_r11(%rsp)
	SAVE_REST
.endm

/* All but rcx, r11 and the return frame. */
.macro RESTORE_MOST
	mov	REGS_r15(%rsp), %r15
	mov	REGS_r14(%rsp), %r14
	mov	REGS_r13(%rsp), %r13
	mov	REGS_r12(%rsp), %r12
	mov	REGS_rbp(%rsp), %rbp
	mov	REGS_rbx(%rsp), %rbx
	mov	REGS_r10(%rsp), %r10
	mov	REGS_r9(%rsp), %r9
	mov	REGS_r8(%rsp), %r8
	mov	REGS_rax(%rsp), %rax
	mov	REGS_rdx(%rsp), %rdx
	mov	REGS_rsi(%rsp), %rsi
	mov	REGS_rdi(%rsp), %rdi
.endm

.macro RESTORE_REGS
	RESTORE_MOST
	mov	REGS_r11(%rsp), %r11
	mov	REGS_rcx(%rsp), %rcx
.endm

/* The ends of all ways to a guest. rsp = guest_regs; its general registers are loaded, rsp is not. */
.macro IRET_TO_GUEST
	ISOLATION_SITE entry_isolated_iret
	add	$REGS_rip, %rsp
773:	iretq
	EXTABLE 773b, entry_iret_fault
.endm
.macro SYSRET_TO_GUEST
	ISOLATION_SITE entry_isolated_sysret
	mov	REGS_rsp(%rsp), %rsp
	sysretq
.endm

#endif

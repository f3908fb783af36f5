/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYSCALL: system calls of guest user space, hypercalls of the guest kernel.
 *
 * Each CPU has its own few instructions at MSR_LSTAR (cpu-tables.c, write_stub()), which save rsp
 * in the frame and load the stack, both by rip-relative addresses: no register is lost and GS is left
 * to the guest. Two transitions are done here without C and without saving what is not touched:
 *
 *   user space's system call -> guest kernel's handler      (bounce_syscall)
 *   guest kernel's iret hypercall -> user space or kernel   (fast_iret)
 *
 * Interrupts are off throughout (FMASK), so nothing can become pending that was not seen on the
 * last way out; what does become pending interrupts right after the return to the guest.
 */
#include <xenolith/layout.h>
#include "asm.h"

#define HYPERCALL_iret	23
#define SYSCALL_FRAME	(7 * 8)

/* In: rdx the guest's frame. What remains of it into registers; rdx last, since slow_iret needs rsp as it was. */
.macro IRET_REST
	OR_ELSE	slow_iret, mov 8(%rdx), %r11
	OR_ELSE	slow_iret, mov 0(%rdx), %rax
	OR_ELSE	slow_iret, mov 56(%rdx), %rdx
	CLAC
	mov	%rdx, REGS_rsp(%rsp)
.endm

	.section .text.hot, "ax", @progbits

/*
 * In: rsp = guest_regs, in which rsp is the guest's; rcx guest's rip, r11 guest's rflags, rax number;
 *     all else the guest's.
 */
ENTRY entry_syscall
	mov	%rcx, REGS_rip(%rsp)
	mov	CI_vcpu(%rsp), %rcx
	cmpl	$0, V_kernel_mode(%rcx)
	je	bounce_syscall
	incl	CI_hypercalls(%rsp)
	cmp	$HYPERCALL_iret, %rax
	je	fast_iret

/* Any other hypercall. rcx and r11 are lost to the caller: what the frame has there is of an earlier entry. */
hypercall:
	movq	$SEL_GUEST_SS, REGS_ss(%rsp)
	movq	$SEL_GUEST_CS64, REGS_cs(%rsp)
	mov	%r11, REGS_rflags(%rsp)
	movl	$ENTRY_SYSCALL, REGS_vector(%rsp)
	mov	%rax, REGS_rax(%rsp)
	mov	%rdx, REGS_rdx(%rsp)
	SAVE_REST
	cmp	$NR_HYPERCALLS, %rax
	jae	no_hypercall
	lea	hypercall_table(%rip), %rcx
	mov	(%rcx,%rax,8), %rax
	test	%rax, %rax
	jz	no_hypercall
	mov	%r10, %rcx				/* rdi rsi rdx r10 r8: as in the C convention but one */
	sti
	call	*%rax
	mov	%rax, REGS_rax(%rsp)
	jmp	entry_exit_to_guest
no_hypercall:
	movq	$-ENOSYS, REGS_rax(%rsp)
	jmp	entry_exit_to_guest

/*
 * In: rcx current, r11 guest's rflags, rip and rsp in the frame.
 * The handler finds on its kernel stack, 16-byte aligned at the top:
 *	ss rsp rflags cs rip r11 rcx <- rsp
 */
bounce_syscall:
	mov	%r11, REGS_rflags(%rsp)
	mov	%rax, REGS_rax(%rsp)
	mov	%rdx, REGS_rdx(%rsp)
	mov	V_info(%rcx), %rax
	/* No handler, or events masked in user mode: the general code knows what to do. */
	cmpq	$0, V_syscall_entry(%rcx)
	je	slow_syscall
	cmpb	$0, 1(%rax)
	jne	slow_syscall
	mov	V_frame_sp(%rcx), %rdx			/* not canonical when it must not be used */
	sub	$SYSCALL_FRAME, %rdx
	movl	$1, V_kernel_mode(%rcx)
	swapgs
	mov	V_kernel_cr3(%rcx), %r11
	mov	%r11, %cr3
	incl	CI_cr3_loads(%rsp)
	STAC
	OR_ELSE	bounce_fault, movq $SEL_GUEST_SS, 48(%rdx)
	mov	REGS_rsp(%rsp), %r11
	OR_ELSE	bounce_fault, mov %r11, 40(%rdx)
	OR_ELSE	bounce_fault, movq $SEL_GUEST_CS64, 24(%rdx)	/* upcall mask in its upper half: 0 */
	mov	REGS_rip(%rsp), %r11
	OR_ELSE	bounce_fault, mov %r11, 16(%rdx)
	OR_ELSE	bounce_fault, mov %r11, 0(%rdx)	/* rcx: SYSCALL left rip there */
	mov	REGS_rflags(%rsp), %r11
	OR_ELSE	bounce_fault, mov %r11, 8(%rdx)	/* r11: rflags */
	or	V_bounce_flags(%rcx), %r11
	OR_ELSE	bounce_fault, mov %r11, 32(%rdx)
	CLAC
	mov	%rdx, REGS_rsp(%rsp)
	mov	V_syscall_masks_events(%rcx), %edx
	mov	%dl, 1(%rax)
	mov	V_syscall_entry(%rcx), %rcx
	and	$~(EFLAGS_BOUNCE_CLEAR | EFLAGS_IOPL), %r11
	mov	REGS_rax(%rsp), %rax
	mov	REGS_rdx(%rsp), %rdx
	SYSRET_TO_GUEST

/* The kernel stack cannot be written: undo the switch, let C say it. */
bounce_fault:
	CLAC
	movl	$0, V_kernel_mode(%rcx)
	swapgs
	mov	V_user_cr3(%rcx), %r11
	mov	%r11, %cr3
slow_syscall:
	mov	REGS_rax(%rsp), %rax
	mov	REGS_rdx(%rsp), %rdx
	movq	$SEL_GUEST_CS64, REGS_cs(%rsp)
	xor	%ecx, %ecx
slow_syscall_any:
	movq	$SEL_GUEST_SS, REGS_ss(%rsp)
	mov	%ecx, REGS_error_code(%rsp)
	movl	$ENTRY_SYSCALL, REGS_vector(%rsp)
	mov	REGS_rip(%rsp), %rcx
	mov	REGS_rflags(%rsp), %r11
	add	$REGS_error_code, %rsp
	SAVE_REGS
	mov	%rsp, %rdi
	mov	REGS_error_code(%rsp), %esi
	sti
	call	pv_syscall_slow
	jmp	entry_exit_to_guest

/* SYSCALL in compatibility mode (AMD): always by the general code. In: as entry_syscall. */
ENTRY entry_syscall32
	mov	%rcx, REGS_rip(%rsp)
	mov	%r11, REGS_rflags(%rsp)
	movq	$SEL_GUEST_CS32, REGS_cs(%rsp)
	mov	$1, %ecx
	jmp	slow_syscall_any

/*
 * In: rcx current, rax and r11 free, the guest's rsp in the frame. On the guest's stack:
 *	ss rsp rflags cs rip flags rcx r11 rax <- rsp
 * What is not rare is done here, or not at all: slow_iret starts over.
 */
fast_iret:
	mov	%rdx, REGS_rdx(%rsp)
	mov	REGS_rsp(%rsp), %rdx
	/* 72 bytes from there: what starts below the hypervisor's range ends in the non-canonical gap. */
	mov	%rdx, %rax
	shr	$43, %rax
	cmp	$(HYP_VIRT_START >> 43), %rax
	je	slow_iret
	mov	V_info(%rcx), %rax
	cmpb	$0, 0(%rax)				/* an event, perhaps to be delivered */
	jne	slow_iret
	cmpb	$0, V_nmi_masked(%rcx)
	jne	slow_iret
	STAC
	OR_ELSE	slow_iret, cmpl $0, 24(%rdx)		/* VGCF_in_syscall */
	jne	slow_iret
	OR_ELSE	slow_iret, mov 48(%rdx), %r11		/* rflags */
	bt	$9, %r11d				/* IF */
	setnc	1(%rax)					/* the upcall mask is its opposite */
	and	$EFLAGS_GUEST, %r11d
	or	$0x202, %r11d
	mov	%r11, REGS_rflags(%rsp)
	OR_ELSE	slow_iret, mov 32(%rdx), %rax
	mov	%rax, REGS_rip(%rsp)
	OR_ELSE	slow_iret, movzwl 64(%rdx), %eax
	or	$3, %eax
	mov	%rax, REGS_ss(%rsp)
	OR_ELSE	slow_iret, mov 16(%rdx), %rax
	mov	%rax, REGS_rcx(%rsp)
	OR_ELSE	slow_iret, mov 40(%rdx), %eax		/* cs: RPL 3 means to user mode */
	lea	1(%rax), %r11d
	or	$3, %eax
	mov	%rax, REGS_cs(%rsp)
	test	$3, %r11b
	jnz	iret_to_kernel
	cmpq	$0, V_user_cr3(%rcx)
	je	slow_iret
	IRET_REST
	movl	$0, V_kernel_mode(%rcx)
	swapgs
	mov	V_user_cr3(%rcx), %rcx
	mov	%rcx, %cr3
	incl	CI_cr3_loads(%rsp)
	mov	REGS_rcx(%rsp), %rcx
	mov	REGS_rdx(%rsp), %rdx
	IRET_TO_GUEST
iret_to_kernel:
	IRET_REST
	mov	REGS_rcx(%rsp), %rcx
	mov	REGS_rdx(%rsp), %rdx
	IRET_TO_GUEST

/* To C, as the hypercall that it is: the guest's frame is still there. */
slow_iret:
	CLAC
	mov	REGS_rdx(%rsp), %rdx
	mov	$0x202, %r11d
	mov	$HYPERCALL_iret, %eax
	jmp	hypercall
END entry_syscall

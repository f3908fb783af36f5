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

	.section .text.hot, "ax", @progbits

/*
 * In: rsp = &regs.rsp with the guest's rsp in it, rcx guest's rip, r11 guest's rflags, rax number;
 *     all else the guest's.
 */
ENTRY entry_syscall
	movq	$SEL_GUEST_SS, 8(%rsp)
	push	%r11
	pushq	$SEL_GUEST_CS64
	push	%rcx
	sub	$REGS_rip, %rsp
	movl	$ENTRY_SYSCALL, REGS_vector(%rsp)
	mov	CI_vcpu(%rsp), %rcx
	cmpl	$0, V_kernel_mode(%rcx)
	je	bounce_syscall
	cmp	$HYPERCALL_iret, %rax
	je	fast_iret

	/* Any other hypercall. rcx and r11 are lost to the caller, but must not show old values. */
	mov	REGS_rip(%rsp), %rcx
	mov	%r11, REGS_r11(%rsp)
	mov	%rcx, REGS_rcx(%rsp)
hypercall:
	mov	%rdi, REGS_rdi(%rsp)
	mov	%rsi, REGS_rsi(%rsp)
	mov	%rdx, REGS_rdx(%rsp)
	mov	%rax, REGS_rax(%rsp)
	mov	%r8, REGS_r8(%rsp)
	mov	%r9, REGS_r9(%rsp)
	mov	%r10, REGS_r10(%rsp)
	mov	%rbx, REGS_rbx(%rsp)
	mov	%rbp, REGS_rbp(%rsp)
	mov	%r12, REGS_r12(%rsp)
	mov	%r13, REGS_r13(%rsp)
	mov	%r14, REGS_r14(%rsp)
	mov	%r15, REGS_r15(%rsp)
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
 * In: rcx current, frame complete but for the general registers, which are the guest's except
 *     rcx and r11 (free).
 * The handler finds on its kernel stack, 16-byte aligned at the top:
 *	ss rsp rflags cs rip r11 rcx <- rsp
 */
bounce_syscall:
	mov	%rax, REGS_rax(%rsp)
	mov	%rdx, REGS_rdx(%rsp)
	mov	V_info(%rcx), %rax
	/* No handler, or events masked in user mode: the general code knows what to do. */
	cmpq	$0, V_syscall_entry(%rcx)
	je	slow_syscall
	cmpb	$0, 1(%rax)
	jne	slow_syscall
	mov	V_kernel_sp(%rcx), %rdx
	and	$~15, %rdx
	sub	$56, %rdx
	mov	%rdx, %r11
	shr	$43, %r11
	cmp	$(HYP_VIRT_START >> 43), %r11		/* the hypervisor's 8 TiB are one value of this */
	je	slow_syscall
	mov	V_kernel_cr3(%rcx), %r11
	movl	$1, V_kernel_mode(%rcx)
	swapgs
	mov	%r11, %cr3
	mov	REGS_rip(%rsp), %r11
	STAC
1:	mov	%r11, 0(%rdx)				/* rcx: SYSCALL left rip there */
2:	mov	%r11, 16(%rdx)
	mov	REGS_rflags(%rsp), %r11
3:	mov	%r11, 8(%rdx)				/* r11: rflags */
	or	V_bounce_flags(%rcx), %r11
4:	mov	%r11, 32(%rdx)
5:	movq	$SEL_GUEST_CS64, 24(%rdx)		/* upcall mask in its upper half: 0 */
	mov	REGS_rsp(%rsp), %r11
6:	mov	%r11, 40(%rdx)
7:	movq	$SEL_GUEST_SS, 48(%rdx)
	CLAC
	mov	REGS_rflags(%rsp), %r11
	mov	%rdx, REGS_rsp(%rsp)
	mov	V_syscall_masks_events(%rcx), %edx
	mov	%dl, 1(%rax)
	mov	V_syscall_entry(%rcx), %rcx
	and	$~EFLAGS_BOUNCE_CLEAR, %r11
	mov	REGS_rax(%rsp), %rax
	mov	REGS_rdx(%rsp), %rdx
	SYSRET_TO_GUEST

	EXTABLE 1b, bounce_fault
	EXTABLE 2b, bounce_fault
	EXTABLE 3b, bounce_fault
	EXTABLE 4b, bounce_fault
	EXTABLE 5b, bounce_fault
	EXTABLE 6b, bounce_fault
	EXTABLE 7b, bounce_fault

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
	xor	%ecx, %ecx
slow_syscall_any:
	mov	%rcx, REGS_error_code(%rsp)
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

/* SYSCALL in compatibility mode (AMD): always by the general code. */
ENTRY entry_syscall32
	movq	$SEL_GUEST_SS, 8(%rsp)
	push	%r11
	pushq	$SEL_GUEST_CS32
	push	%rcx
	sub	$REGS_rip, %rsp
	mov	$1, %ecx
	jmp	slow_syscall_any

/*
 * In: as bounce_syscall. On the guest's stack:
 *	ss rsp rflags cs rip flags rcx r11 rax <- rsp
 */
fast_iret:
	mov	%rdx, REGS_rdx(%rsp)
	mov	REGS_rsp(%rsp), %rdx
	/* 72 bytes from there: what starts below the hypervisor's range ends in the non-canonical gap. */
	mov	%rdx, %r11
	shr	$43, %r11
	cmp	$(HYP_VIRT_START >> 43), %r11
	je	slow_iret
	cmpb	$0, V_nmi_masked(%rcx)
	jne	slow_iret
	STAC
1:	testl	$~0, 24(%rdx)				/* VGCF_in_syscall: rare */
	jne	slow_iret
2:	mov	40(%rdx), %r11d				/* cs: RPL 3 means to user mode */
	mov	%r11d, %eax
	and	$3, %eax
	cmp	$3, %eax
	mov	$0, %eax				/* rax: CR3 to load, 0 none */
	jne	3f
	mov	V_user_cr3(%rcx), %rax
	test	%rax, %rax
	jz	slow_iret
3:	or	$3, %r11d
	mov	%r11, REGS_cs(%rsp)
4:	mov	0(%rdx), %r11
	mov	%r11, REGS_rax(%rsp)
5:	mov	8(%rdx), %r11
	mov	%r11, REGS_r11(%rsp)
6:	mov	16(%rdx), %r11
	mov	%r11, REGS_rcx(%rsp)
7:	mov	32(%rdx), %r11
	mov	%r11, REGS_rip(%rsp)
8:	movzwl	64(%rdx), %r11d
	or	$3, %r11d
	mov	%r11, REGS_ss(%rsp)
9:	mov	48(%rdx), %r11				/* rflags */
10:	mov	56(%rdx), %rdx				/* last: slow_iret needs the slot as it was */
	CLAC
	mov	%rdx, REGS_rsp(%rsp)
	movl	$ENTRY_IRET, REGS_vector(%rsp)
	mov	%r11d, %edx
	and	$EFLAGS_GUEST, %r11d
	or	$0x202, %r11d
	mov	%r11, REGS_rflags(%rsp)
	shr	$9, %edx
	not	%edx
	and	$1, %edx				/* new upcall mask: !IF */
	mov	V_info(%rcx), %r11
	mov	%dl, 1(%r11)
	test	%rax, %rax
	jz	11f
	movl	$0, V_kernel_mode(%rcx)
	swapgs
	mov	%rax, %cr3
11:	or	%dl, %dl
	jnz	12f
	cmpb	$0, 0(%r11)
	jne	iret_events
12:	mov	REGS_rdx(%rsp), %rdx
	mov	REGS_rax(%rsp), %rax
	mov	REGS_r11(%rsp), %r11
	mov	REGS_rcx(%rsp), %rcx
	IRET_TO_GUEST

	EXTABLE 1b, slow_iret
	EXTABLE 2b, slow_iret
	EXTABLE 4b, slow_iret
	EXTABLE 5b, slow_iret
	EXTABLE 6b, slow_iret
	EXTABLE 7b, slow_iret
	EXTABLE 8b, slow_iret
	EXTABLE 9b, slow_iret
	EXTABLE 10b, slow_iret

/* To C, as the hypercall that it is: the guest's frame is still there. */
slow_iret:
	CLAC
	mov	REGS_rdx(%rsp), %rdx
	mov	$HYPERCALL_iret, %eax
	movl	$ENTRY_SYSCALL, REGS_vector(%rsp)
	jmp	hypercall

/* An event became deliverable: complete the frame, leave by the general way. */
iret_events:
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
	jmp	entry_exit_to_guest
END entry_syscall

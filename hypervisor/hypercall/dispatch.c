// SPDX-License-Identifier: GPL-2.0-only
/*
 * What lets a long call pause. (From registers to handler and back is entry/syscall.S's.)
 *
 * A continuation needs no state in the hypervisor: rip goes back over the SYSCALL or VMMCALL instruction and
 * the argument registers are rewritten, so that the guest itself makes the rest of the call when
 * it next runs, after its events were delivered. In a multicall the same happens to the entry.
 */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>

#define SYSCALL_LENGTH	2
#define VMMCALL_LENGTH	3

long hypercall_continue(unsigned long op, unsigned long a1, unsigned long a2, unsigned long a3,
			unsigned long a4, unsigned long a5)
{
	struct vcpu *v = current;
	struct cpu_regs *regs = guest_regs();

	if (v->in_multicall) {
		v->continuation.pending = true;
		v->continuation.op = op;
		memcpy(v->continuation.args, (unsigned long[]){ a1, a2, a3, a4, a5 }, sizeof(v->continuation.args));
		return op;
	}
	regs->rip -= v->is_hvm ? VMMCALL_LENGTH : SYSCALL_LENGTH;
	regs->rdi = a1;
	regs->rsi = a2;
	regs->rdx = a3;
	regs->r10 = a4;
	regs->r8 = a5;
	return op;			/* becomes rax, the number of the call made again */
}

bool hypercall_preempt(void)
{
	/* IF is always set in PV guests, whose way to mask events is their vcpu_info. */
	return READ_ONCE(cpu_info()->softirq_pending) ||
	       (evtchn_upcall_needed(current) && guest_regs()->rflags & X86_EFLAGS_IF);
}

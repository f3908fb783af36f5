// SPDX-License-Identifier: GPL-2.0-only
/*
 * Progress between one event upcall and the next.
 *
 * An event that is raised while the upcall's handler runs is delivered as the handler returns: the
 * guest is in its next upcall before it executed one instruction of what was interrupted. A handler
 * that always raises another event (a work item that re-queues itself by an IPI to its own vcpu
 * until the interrupted code has gone on) would so stay in upcalls for ever:
 *
 *	interrupted code --upcall--> handler: sends IPI --iret--> upcall --> handler: sends IPI ...
 *	       ^ never moves
 *
 * So upcalls that begin where the last one returned to are counted, and when there are
 * UPCALLS_IN_PLACE in a row, the next is put off: the guest goes on with the event pending and not
 * masked, which is a state that it knows (an event that just came looks the same), until it enters
 * the hypervisor again, for which a timer sees. Nothing is lost: the way out delivers whatever is
 * pending and not masked, and a vcpu in that state does not block.
 */
#include <xenolith/domain.h>

#define UPCALLS_IN_PLACE	8
#define PUT_OFF_NS		50000

static DEFINE_PER_CPU(struct timer, wake_up);

/* That the timer interrupts the guest is all that is wanted of it. */
static void interrupted(void *arg)
{
}

static void interrupt_soon(void)
{
	struct timer *t = &this_cpu(wake_up);

	if (!t->fn)
		timer_init(t, interrupted, NULL);
	timer_set(t, now_ns() + PUT_OFF_NS);
}

/* Count upcalls at one place; those not on the way out of an iret say nothing but that it moved. */
static bool in_place_too_often(struct pv_vcpu *pv, const struct cpu_regs *regs)
{
	bool iret = regs->vector & ENTRY_IRET, same;

	same = pv->upcall_rip == regs->rip && pv->upcall_rsp == regs->rsp;
	if (!iret) {
		if (same)
			pv->upcalls_in_place = 0;
		return false;
	}
	if (!same) {
		pv->upcall_rip = regs->rip;
		pv->upcall_rsp = regs->rsp;
		pv->upcalls_in_place = 0;
	}
	if (++pv->upcalls_in_place <= UPCALLS_IN_PLACE)
		return false;
	pv->upcalls_in_place = 0;
	return true;
}

bool pv_upcall_put_off(const struct cpu_regs *regs)
{
	struct pv_vcpu *pv = &current->pv;

	if (likely(!in_place_too_often(pv, regs)))
		return false;
	pv->upcalls_put_off++;
	interrupt_soon();
	return true;
}

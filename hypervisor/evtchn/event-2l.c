// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 2-level ABI: one pending and one mask bit per port in shared_info, and per vcpu one selector
 * bit for each 64 ports, so that the guest finds pending ports in two steps:
 *
 *   vcpu_info.evtchn_upcall_pending <- evtchn_pending_sel (64 bits) <- shared_info.evtchn_pending
 *
 * Bits are set from the right to the left, the guest clears from the left to the right.
 */
#include "evtchn-private.h"

#define PORTS_PER_SEL	64

static void mark_selector(struct vcpu *v, port_t port)
{
	if (!test_and_set_bit(port / PORTS_PER_SEL, &v->info->evtchn_pending_sel))
		evtchn_upcall(v);
}

static void twol_set_pending(struct vcpu *v, struct evtchn *ch)
{
	struct domain *d = v->domain;
	struct shared_info *shared = d->shared_info;

	if (test_and_set_bit(ch->port, shared->evtchn_pending))
		return;
	if (!test_bit(ch->port, shared->evtchn_mask))
		mark_selector(v, ch->port);
	evtchn_poll_wake(d, ch->port);
}

static void twol_clear_pending(struct domain *d, struct evtchn *ch)
{
	clear_bit(ch->port, d->shared_info->evtchn_pending);
}

static void twol_unmask(struct domain *d, struct evtchn *ch)
{
	struct shared_info *shared = d->shared_info;

	if (test_and_clear_bit(ch->port, shared->evtchn_mask) &&
	    test_bit(ch->port, shared->evtchn_pending))
		mark_selector(d->vcpu[ch->notify_vcpu], ch->port);
}

static u32 twol_marks(const struct domain *d, const struct evtchn *ch)
{
	return (test_bit(ch->port, d->shared_info->evtchn_pending) ? EVTCHN_PENDING : 0) |
	       (test_bit(ch->port, d->shared_info->evtchn_mask) ? EVTCHN_MASKED : 0);
}

const struct evtchn_abi evtchn_2l = {
	.name		= "2-level",
	.max_ports	= EVTCHN_2L_NR_CHANNELS,
	.set_pending	= twol_set_pending,
	.clear_pending	= twol_clear_pending,
	.unmask		= twol_unmask,
	.marks		= twol_marks,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notifying: from "something happened" to "the vcpu is on its way into its upcall".
 *
 *   send, virq, pirq -> ABI's set_pending -> evtchn_upcall -> wake or kick the vcpu
 *
 * Each step stops when it finds its mark set already: then somebody else goes the rest of the way
 * and the guest has not looked yet.
 */
#include "evtchn-private.h"

static void deliver(struct domain *d, struct evtchn *ch)
{
	d->evtchn.abi->set_pending(d->vcpu[READ_ONCE(ch->notify_vcpu)], ch);
}

int evtchn_send(struct domain *d, port_t port)
{
	unsigned long irq;
	struct evtchn *ch = evtchn_lock(d, port, &irq);
	int rc = 0;

	if (unlikely(!ch))
		return -EINVAL;
	if (ch->state == EVTCHNSTAT_interdomain)
		deliver(ch->remote, ch->peer);
	else if (ch->state == EVTCHNSTAT_ipi)
		deliver(d, ch);
	else if (ch->state != EVTCHNSTAT_unbound)	/* nobody there yet: bind_interdomain makes it good */
		rc = -EINVAL;
	evtchn_unlock(ch, irq);
	return rc;
}

/* Raise @port if it is (still: it may be closed at any time) bound to irq @number of kind @state. */
static bool deliver_irq(struct domain *d, port_t port, u8 state, unsigned int number)
{
	unsigned long irq;
	struct evtchn *ch = port ? evtchn_lock(d, port, &irq) : NULL;
	bool bound;

	if (!ch)
		return false;
	bound = ch->state == state && ch->virq == number;	/* pirq: the same place */
	if (likely(bound))
		deliver(d, ch);
	evtchn_unlock(ch, irq);
	return bound;
}

void evtchn_send_virq(struct vcpu *v, unsigned int virq)
{
	deliver_irq(v->domain, READ_ONCE(v->evtchn.virq_port[virq]), EVTCHNSTAT_virq, virq);
}

void evtchn_send_global_virq(unsigned int virq)
{
	struct domain *d = domain0;

	if (likely(d && d->vcpu && d->vcpu[0]))
		evtchn_send_virq(d->vcpu[0], virq);
}

bool evtchn_send_pirq(struct domain *d, unsigned int pirq)
{
	port_t *table = READ_ONCE(d->evtchn.pirq_port);

	return table && pirq < EVTCHN_PIRQS && deliver_irq(d, READ_ONCE(table[pirq]), EVTCHNSTAT_pirq, pirq);
}

/* Have @v, which has something new to see, look: if blocked it runs again, if running it is told. */
static void rouse(struct vcpu *v)
{
	if (test_bit(VF_BLOCKED, &v->sched.flags))
		vcpu_unblock(v);
	else
		vcpu_kick(v);
}

/*
 * The exchange is a full barrier: the vcpu, when it blocks, sets VF_BLOCKED before it looks at the
 * byte; here the byte is set before the flag is looked at.
 */
void evtchn_upcall(struct vcpu *v)
{
	if (!xchg(&v->info->evtchn_upcall_pending, 1))
		rouse(v);
}

bool evtchn_upcall_needed(const struct vcpu *v)
{
	const struct vcpu_info *info = v->info;

	return READ_ONCE(info->evtchn_upcall_pending) && !READ_ONCE(info->evtchn_upcall_mask);
}

bool evtchn_port_pending(struct domain *d, port_t port)
{
	unsigned long irq;
	struct evtchn *ch = evtchn_lock(d, port, &irq);
	bool pending;

	if (!ch)
		return false;
	pending = d->evtchn.abi->marks(d, ch) & EVTCHN_PENDING;
	evtchn_unlock(ch, irq);
	return pending;
}

void evtchn_vcpu_info_moved(struct vcpu *v)
{
	/* What was marked in the old place meanwhile is lost: have the guest look everywhere. */
	WRITE_ONCE(v->info->evtchn_pending_sel, ~0UL);
	WRITE_ONCE(v->info->evtchn_upcall_pending, 1);
	smp_mb();		/* as in evtchn_upcall() */
	rouse(v);
}

void evtchn_poll_wake(struct domain *d, port_t port)
{
	unsigned long *mask = d->evtchn.poll_mask;
	unsigned int id;

	if (likely(!(READ_ONCE(mask[0]) | READ_ONCE(mask[1]))))
		return;
	for (id = find_next_bit(mask, MAX_VCPUS, 0); id < d->max_vcpus;
	     id = find_next_bit(mask, MAX_VCPUS, id + 1)) {
		struct vcpu *v = d->vcpu[id];
		port_t polled = READ_ONCE(v->evtchn.poll_port);

		if ((polled == port || polled == EVTCHN_POLL_ANY) && test_and_clear_bit(id, mask))
			vcpu_unblock(v);
	}
}

static void dump_port(struct domain *d, struct evtchn *ch)
{
	static const char *const names[] = {
		[EVTCHNSTAT_unbound] = "unbound, for d", [EVTCHNSTAT_interdomain] = "to d",
		[EVTCHNSTAT_pirq] = "pirq ", [EVTCHNSTAT_virq] = "virq ", [EVTCHNSTAT_ipi] = "ipi ",
	};
	u32 marks = d->evtchn.abi->marks(d, ch);
	bool linked = ch->state == EVTCHNSTAT_interdomain;

	printk("  %4u: v%u %c%c %s%u port %u\n", ch->port, ch->notify_vcpu, marks & EVTCHN_PENDING ? 'p' : '-',
	       marks & EVTCHN_MASKED ? 'm' : '-', names[ch->state], linked ? ch->remote->id : ch->virq,
	       linked ? ch->peer->port : 0);
}

void evtchn_dump(struct domain *d)
{
	const struct evtchn_domain *e = &d->evtchn;
	unsigned int left = e->active;
	struct evtchn *ch;
	unsigned long irq;

	printk("d%u: %u event channels, %s; port: vcpu, pending, masked, bound to\n", d->id, left, e->abi->name);
	for (port_t port = 1; left && port <= e->max_port; port++) {
		ch = evtchn_lock(d, port, &irq);
		if (!ch)
			continue;
		dump_port(d, ch);
		evtchn_unlock(ch, irq);
		left--;
	}
}

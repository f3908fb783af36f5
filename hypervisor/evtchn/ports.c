// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports of a domain: which are in use, what they are bound to, how they are closed.
 *
 *            alloc_unbound           bind_interdomain by the other side
 *   FREE ----------------> UNBOUND <-----------------------------------> INTERDOMAIN
 *    |                                 close by the other side               ^
 *    |---- bind_virq, bind_ipi, bind_pirq ---> VIRQ, IPI, PIRQ               |
 *    '---- bind_interdomain -------------------------------------------------'
 *   Closing leads from every state back to FREE.
 *
 * Ports live in groups that are allocated on first use and stay until the domain is freed, so a
 * port may be looked up without a lock. Port 0 is never taken: 0 means "none" in the ABI.
 */
#include <xenolith/hypercall.h>
#include "evtchn-private.h"

/* Held while an interdomain channel of any two domains comes or goes: so two ports may be locked. */
static DEFINE_SPINLOCK(binding_lock);

struct evtchn *evtchn_find(const struct domain *d, port_t port)
{
	const struct evtchn_domain *e = &d->evtchn;
	struct evtchn *group;

	if (unlikely(port > e->max_port))
		return NULL;
	group = READ_ONCE(e->groups[port / EVTCHN_GROUP]);
	return likely(group) ? &group[port % EVTCHN_GROUP] : NULL;
}

struct evtchn *evtchn_lock(const struct domain *d, port_t port, unsigned long *irq)
{
	struct evtchn *ch = evtchn_find(d, port);

	if (unlikely(!ch))
		return NULL;
	*irq = spin_lock_irqsave(&ch->lock);
	if (likely(ch->state != EVTCHNSTAT_closed))
		return ch;
	spin_unlock_irqrestore(&ch->lock, *irq);
	return NULL;
}

static struct evtchn *group_create(struct evtchn_domain *e, port_t port)
{
	struct evtchn *group = new_array(struct evtchn, EVTCHN_GROUP);

	if (!group)
		return NULL;
	for (unsigned int i = 0; i < EVTCHN_GROUP; i++) {
		spin_lock_init(&group[i].lock);
		group[i].port = ROUND_DOWN(port, EVTCHN_GROUP) + i;
	}
	smp_wmb();		/* evtchn_find() sees a whole group */
	WRITE_ONCE(e->groups[port / EVTCHN_GROUP], group);
	return &group[port % EVTCHN_GROUP];
}

/*
 * Take the lowest free port, that the guest no longer has on a queue either, for @state with @number
 * (its virq or pirq). The state is written last: whoever sees it, with the port's lock or not, sees
 * the rest. The port, or -EINVAL: @d is dying; -ENOSPC; -ENOMEM.
 */
static int port_take(struct domain *d, u8 state, unsigned int number, unsigned int vcpu)
{
	struct evtchn_domain *e = &d->evtchn;
	unsigned int limit = min(e->max_port + 1, e->abi->max_ports);
	bool linked = false;

	if (READ_ONCE(d->state) != DOMAIN_RUNNING)
		return -EINVAL;
	for (port_t port = e->first_free; port < limit; port++) {
		struct evtchn *ch = evtchn_find(d, port) ?: group_create(e, port);

		if (!ch)
			return -ENOMEM;
		if (ch->state != EVTCHNSTAT_closed)
			continue;
		if (e->abi->marks(d, ch) & EVTCHN_LINKED) {
			linked = true;
			continue;
		}
		e->first_free = linked ? e->first_free : port + 1;
		e->active++;
		ch->notify_vcpu = vcpu;
		ch->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
		ch->fifo_missed = false;
		ch->virq = number;		/* or pirq, or unbound_domid: the same place */
		smp_wmb();
		WRITE_ONCE(ch->state, state);
		return port;
	}
	return -ENOSPC;
}

static void port_release(struct domain *d, struct evtchn *ch)
{
	struct evtchn_domain *e = &d->evtchn;
	unsigned long irq = spin_lock_irqsave(&ch->lock);

	e->abi->clear_pending(d, ch);	/* nothing old when it is used again */
	ch->state = EVTCHNSTAT_closed;
	evtchn_unlock(ch, irq);
	e->active--;
	e->first_free = min(e->first_free, ch->port);
}

/* ---- binding ---- */

static int op_alloc_unbound(struct domain *d, union evtchn_args *a)
{
	domid_t remote = a->alloc_unbound.remote_dom;

	return port_take(d, EVTCHNSTAT_unbound, remote == DOMID_SELF ? current->domain->id : remote, 0);
}

static int connect_to(struct domain *d, struct domain *rd, port_t remote_port)
{
	struct evtchn *ch, *peer = evtchn_find(rd, remote_port);
	unsigned long irq;
	int port;

	if (!peer || READ_ONCE(peer->state) != EVTCHNSTAT_unbound || peer->unbound_domid != d->id)
		return -EINVAL;
	port = port_take(d, EVTCHNSTAT_unbound, DOMID_INVALID, 0);
	if (port < 0)
		return port;
	ch = evtchn_find(d, port);
	irq = spin_lock_irqsave(&ch->lock);
	spin_lock(&peer->lock);
	ch->remote = rd;
	ch->peer = peer;
	peer->remote = d;
	peer->peer = ch;
	ch->state = peer->state = EVTCHNSTAT_interdomain;
	/* What the other side sent before was lost: always tell this side once. */
	d->evtchn.abi->set_pending(d->vcpu[ch->notify_vcpu], ch);
	spin_unlock(&peer->lock);
	evtchn_unlock(ch, irq);
	return port;
}

static int op_bind_interdomain(struct domain *d, union evtchn_args *a)
{
	struct domain *rd = domain_get(a->bind_interdomain.remote_dom);
	int rc;

	if (!rd)
		return -ESRCH;
	spin_lock(&binding_lock);
	rc = connect_to(d, rd, a->bind_interdomain.remote_port);
	spin_unlock(&binding_lock);
	domain_put(rd);
	return rc;
}

static bool virq_is_global(unsigned int virq)
{
	return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

static int op_bind_virq(struct domain *d, union evtchn_args *a)
{
	unsigned int virq = a->bind_virq.virq, vcpu = a->bind_virq.vcpu;
	struct vcpu *v = vcpu_find(d, vcpu);
	int port;

	if (virq >= NR_VIRQS || (virq_is_global(virq) && vcpu != 0))
		return -EINVAL;
	if (!v)
		return -ENOENT;
	if (v->evtchn.virq_port[virq])
		return -EEXIST;
	port = port_take(d, EVTCHNSTAT_virq, virq, vcpu);
	if (port > 0)
		WRITE_ONCE(v->evtchn.virq_port[virq], port);
	return port;
}

static int op_bind_ipi(struct domain *d, union evtchn_args *a)
{
	if (!vcpu_find(d, a->bind_ipi.vcpu))
		return -ENOENT;
	return port_take(d, EVTCHNSTAT_ipi, 0, a->bind_ipi.vcpu);
}

static int op_bind_pirq(struct domain *d, union evtchn_args *a)
{
	struct evtchn_domain *e = &d->evtchn;
	unsigned int pirq = a->bind_pirq.pirq;
	int rc, port;

	if (pirq >= EVTCHN_PIRQS)
		return -EINVAL;
	if (rights_hardware(d))
		return -EPERM;
	if (!e->pirq_port)		/* interrupts read it without a lock */
		WRITE_ONCE(e->pirq_port, new_array(port_t, EVTCHN_PIRQS));
	if (!e->pirq_port)
		return -ENOMEM;
	if (e->pirq_port[pirq])
		return -EEXIST;
	port = port_take(d, EVTCHNSTAT_pirq, pirq, 0);
	if (port < 0)
		return port;
	WRITE_ONCE(e->pirq_port[pirq], port);
	rc = pirq_bind(d->vcpu[0], pirq, a->bind_pirq.flags & BIND_PIRQ__WILL_SHARE);
	if (!rc)
		return port;		/* it may have fired already */
	WRITE_ONCE(e->pirq_port[pirq], 0);
	port_release(d, evtchn_find(d, port));
	return rc;
}

/*
 * Who sends to @ch holds its lock or its peer's: behind this nobody tells the vcpu that was told before. A guest whose vcpu
 * goes relies on it: what comes to a FIFO queue that it has emptied for the last time lies there until the vcpu is back.
 */
static void notify_from_now(struct evtchn *ch, struct vcpu *v)
{
	struct evtchn *peer;
	unsigned long irq;

	spin_lock(&binding_lock);
	irq = spin_lock_irqsave(&ch->lock);
	peer = ch->state == EVTCHNSTAT_interdomain ? ch->peer : NULL;
	if (peer)
		spin_lock(&peer->lock);
	WRITE_ONCE(ch->notify_vcpu, v->id);
	if (peer)
		spin_unlock(&peer->lock);
	evtchn_unlock(ch, irq);
	spin_unlock(&binding_lock);
}

static int op_bind_vcpu(struct domain *d, union evtchn_args *a)
{
	struct evtchn *ch = evtchn_find(d, a->bind_vcpu.port);
	struct vcpu *v = vcpu_find(d, a->bind_vcpu.vcpu);
	u8 state = ch ? READ_ONCE(ch->state) : EVTCHNSTAT_closed;

	if (!v)
		return -ENOENT;
	if (state == EVTCHNSTAT_closed || state == EVTCHNSTAT_ipi ||
	    (state == EVTCHNSTAT_virq && !virq_is_global(ch->virq)))
		return -EINVAL;
	notify_from_now(ch, v);
	if (state == EVTCHNSTAT_pirq)
		pirq_set_affinity(d, ch->pirq, v);
	return 0;
}

/* ---- closing ---- */

/* End the connection of @ch, if it has one: its peer becomes unbound, itself too, but for nobody. */
static void disconnect(struct domain *d, struct evtchn *ch)
{
	struct evtchn *peer;
	unsigned long irq;

	spin_lock(&binding_lock);
	irq = spin_lock_irqsave(&ch->lock);
	if (ch->state == EVTCHNSTAT_interdomain) {
		peer = ch->peer;
		spin_lock(&peer->lock);
		peer->state = EVTCHNSTAT_unbound;
		peer->unbound_domid = d->id;
		spin_unlock(&peer->lock);
	}
	ch->state = EVTCHNSTAT_unbound;
	ch->unbound_domid = DOMID_INVALID;
	evtchn_unlock(ch, irq);
	spin_unlock(&binding_lock);
}

static int port_close(struct domain *d, struct evtchn *ch)
{
	unsigned int owner;

	switch (READ_ONCE(ch->state)) {
	case EVTCHNSTAT_closed:
		return -EINVAL;
	case EVTCHNSTAT_unbound:	/* each may become the other at any time */
	case EVTCHNSTAT_interdomain:
		disconnect(d, ch);
		break;
	case EVTCHNSTAT_pirq:
		WRITE_ONCE(d->evtchn.pirq_port[ch->pirq], 0);
		pirq_unbind(d, ch->pirq);	/* without ch->lock: a handler may be waiting for it */
		break;
	case EVTCHNSTAT_virq:
		owner = virq_is_global(ch->virq) ? 0 : ch->notify_vcpu;
		WRITE_ONCE(d->vcpu[owner]->evtchn.virq_port[ch->virq], 0);
	}
	port_release(d, ch);
	return 0;
}

static int op_close(struct domain *d, union evtchn_args *a)
{
	struct evtchn *ch = evtchn_find(d, a->close.port);

	return ch ? port_close(d, ch) : -EINVAL;
}

/*
 * Close all ports, then go back to the 2-level ABI; d->evtchn.lock held. -ERESTART: call again, it got
 * somewhere. -EAGAIN: a port was bound meanwhile.
 */
static int close_all(struct domain *d)
{
	struct evtchn_domain *e = &d->evtchn;

	for (; e->active && e->close_next <= e->max_port; e->close_next++) {
		struct evtchn *ch = evtchn_find(d, e->close_next);

		if (ch && !port_close(d, ch) && hypercall_preempt())
			return -ERESTART;
	}
	e->close_next = 0;
	if (e->active)
		return -EAGAIN;
	evtchn_fifo_destroy(d);
	return 0;
}

static int op_reset(struct domain *d, union evtchn_args *a)
{
	return d == current->domain || d->controller_pauses ? close_all(d) : -EINVAL;
}

/* ---- asking and setting ---- */

static int op_status(struct domain *d, union evtchn_args *a)
{
	struct evtchn_status *op = &a->status;
	struct evtchn *ch = evtchn_find(d, op->port);
	unsigned long irq;

	if (!ch)
		return -EINVAL;
	irq = spin_lock_irqsave(&ch->lock);
	op->status = ch->state;
	op->vcpu = ch->notify_vcpu;
	if (ch->state == EVTCHNSTAT_interdomain) {
		op->u.interdomain.dom = ch->remote->id;
		op->u.interdomain.port = ch->peer->port;
	} else if (ch->state == EVTCHNSTAT_unbound) {
		op->u.unbound.dom = ch->unbound_domid;
	} else if (ch->state == EVTCHNSTAT_virq || ch->state == EVTCHNSTAT_pirq) {
		op->u.virq = ch->virq;		/* the same place in all of them */
	}
	evtchn_unlock(ch, irq);
	return 0;
}

static int op_unmask(struct domain *d, union evtchn_args *a)
{
	unsigned long irq;
	struct evtchn *ch = evtchn_lock(d, a->unmask.port, &irq);

	if (ch) {
		d->evtchn.abi->unmask(d, ch);
		evtchn_unlock(ch, irq);
	}
	return ch || evtchn_find(d, a->unmask.port) ? 0 : -EINVAL;
}

static int op_set_priority(struct domain *d, union evtchn_args *a)
{
	struct evtchn *ch = evtchn_find(d, a->set_priority.port);

	if (!d->evtchn.fifo)
		return -ENOSYS;
	if (!ch || a->set_priority.priority > EVTCHN_FIFO_PRIORITY_MIN)
		return -EINVAL;
	WRITE_ONCE(ch->priority, a->set_priority.priority);	/* from the next event on */
	return 0;
}

#define OP(field, flags, fn)	{ sizeof(((union evtchn_args *)0)->field), flags, fn }
const struct evtchn_operation evtchn_operations[NR_EVTCHN_OPS] = {
	[EVTCHNOP_bind_interdomain] = OP(bind_interdomain, OP_RESULT | OP_LOCKED, op_bind_interdomain),
	[EVTCHNOP_bind_virq]	= OP(bind_virq, OP_RESULT | OP_LOCKED, op_bind_virq),
	[EVTCHNOP_bind_pirq]	= OP(bind_pirq, OP_RESULT | OP_LOCKED, op_bind_pirq),
	[EVTCHNOP_close]	= OP(close, OP_LOCKED, op_close),
	[EVTCHNOP_status]	= OP(status, OP_RESULT | OP_DOMAIN, op_status),
	[EVTCHNOP_alloc_unbound] = OP(alloc_unbound, OP_RESULT | OP_DOMAIN | OP_LOCKED, op_alloc_unbound),
	[EVTCHNOP_bind_ipi]	= OP(bind_ipi, OP_RESULT | OP_LOCKED, op_bind_ipi),
	[EVTCHNOP_bind_vcpu]	= OP(bind_vcpu, OP_LOCKED, op_bind_vcpu),
	[EVTCHNOP_unmask]	= OP(unmask, 0, op_unmask),
	[EVTCHNOP_reset]	= OP(dom, OP_DOMAIN | OP_LOCKED, op_reset),
	[EVTCHNOP_init_control]	= OP(init_control, OP_RESULT | OP_LOCKED, evtchn_fifo_init_control),
	[EVTCHNOP_expand_array]	= OP(expand_array, OP_LOCKED, evtchn_fifo_expand_array),
	[EVTCHNOP_set_priority]	= OP(set_priority, OP_LOCKED, op_set_priority),
};

/* ---- life of the domain ---- */

int evtchn_domain_init(struct domain *d, unsigned int max_port)
{
	struct evtchn_domain *e = &d->evtchn;

	spin_lock_init(&e->lock);
	e->abi = &evtchn_2l;
	e->max_port = min_t(unsigned int, max_port, EVTCHN_FIFO_NR_CHANNELS - 1);
	e->first_free = 1;
	e->groups = new_array(struct evtchn *, e->max_port / EVTCHN_GROUP + 1);
	return e->groups ? 0 : -ENOMEM;
}

int evtchn_domain_destroy(struct domain *d)
{
	int rc;

	spin_lock(&d->evtchn.lock);
	rc = close_all(d);
	spin_unlock(&d->evtchn.lock);
	return rc ? -ERESTART : 0;	/* one last port may have been taken meanwhile */
}

void evtchn_domain_free(struct domain *d)
{
	struct evtchn_domain *e = &d->evtchn;

	for (unsigned int i = 0; e->groups && i <= e->max_port / EVTCHN_GROUP; i++)
		lib_free(e->groups[i]);
	lib_free(e->groups);
	lib_free(e->pirq_port);
	e->groups = NULL;
	e->pirq_port = NULL;
}

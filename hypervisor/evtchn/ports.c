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
 * port may be looked up without a lock. Port 0 is reserved: 0 means "none" in the ABI.
 */
#include <xenolith/hypercall.h>
#include "evtchn-private.h"

struct evtchn *evtchn_find(const struct domain *d, port_t port)
{
	const struct evtchn_domain *e = &d->evtchn;
	struct evtchn_group *g;

	if (unlikely(port / EVTCHN_GROUP >= e->nr_groups))
		return NULL;
	g = READ_ONCE(e->groups[port / EVTCHN_GROUP]);
	return likely(g) ? &g->ch[port % EVTCHN_GROUP] : NULL;
}

/* Lock a port and, when it is another one, @b. */
static unsigned long lock_pair(struct evtchn *a, struct evtchn *b)
{
	unsigned long irq = irq_save();

	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock(a < b ? &b->lock : &a->lock);
	return irq;
}

static void unlock_pair(struct evtchn *a, struct evtchn *b, unsigned long irq)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
	irq_restore(irq);
}

static struct evtchn_group *group_create(struct evtchn_domain *e, unsigned int nr)
{
	struct evtchn_group *g = new(struct evtchn_group);

	if (!g)
		return NULL;
	for (unsigned int i = 0; i < EVTCHN_GROUP; i++) {
		spin_lock_init(&g->ch[i].lock);
		g->ch[i].port = nr * EVTCHN_GROUP + i;
	}
	smp_wmb();		/* evtchn_find() sees a whole group */
	WRITE_ONCE(e->groups[nr], g);
	return g;
}

/* A free port of the group below @limit that the guest no longer has on a queue, or NULL. */
static struct evtchn *group_pick(struct domain *d, struct evtchn_group *g, unsigned int limit)
{
	u64 free = ~g->used;

	for (; free; free &= free - 1) {
		struct evtchn *ch = &g->ch[ffs64(free)];

		if (ch->port >= limit)
			return NULL;
		if (!d->evtchn.abi->is_busy(d, ch))
			return ch;
	}
	return NULL;
}

/*
 * Take the lowest free port for @state with @number (its virq or pirq). The state is written last:
 * whoever sees it, with the port's lock or not, sees the rest. -EINVAL: @d is dying; -ENOSPC; -ENOMEM.
 */
static int port_take(struct domain *d, enum evtchn_state state, unsigned int number,
		     unsigned int vcpu, struct evtchn **chp)
{
	struct evtchn_domain *e = &d->evtchn;
	unsigned int limit = min_t(unsigned int, e->max_port + 1, e->abi->max_ports);
	struct evtchn *ch = NULL;

	if (READ_ONCE(d->state) != DOMAIN_RUNNING)
		return -EINVAL;
	for (unsigned int i = 0; !ch && i * EVTCHN_GROUP < limit; i++) {
		struct evtchn_group *g = e->groups[i] ?: group_create(e, i);

		if (!g)
			return -ENOMEM;
		ch = group_pick(d, g, limit);
	}
	if (!ch)
		return -ENOSPC;
	e->groups[ch->port / EVTCHN_GROUP]->used |= BIT(ch->port % EVTCHN_GROUP);
	e->active++;
	ch->notify_vcpu = vcpu;
	ch->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
	ch->fifo_missed = false;
	ch->virq = number;		/* or pirq, or unbound_domid: the same place */
	smp_wmb();
	WRITE_ONCE(ch->state, state);
	*chp = ch;
	return 0;
}

static void port_release(struct domain *d, struct evtchn *ch)
{
	struct evtchn_domain *e = &d->evtchn;
	unsigned long irq = spin_lock_irqsave(&ch->lock);

	e->abi->clear_pending(d, ch);	/* nothing old when it is used again */
	ch->state = ECS_FREE;
	spin_unlock_irqrestore(&ch->lock, irq);
	e->groups[ch->port / EVTCHN_GROUP]->used &= ~BIT(ch->port % EVTCHN_GROUP);
	e->active--;
}

/* ---- binding ---- */

static int op_alloc_unbound(struct domain *d, union evtchn_args *a)
{
	struct evtchn_alloc_unbound *op = &a->alloc_unbound;
	domid_t remote = op->remote_dom == DOMID_SELF ? current->domain->id : op->remote_dom;
	struct evtchn *ch;
	int rc = port_take(d, ECS_UNBOUND, remote, 0, &ch);

	if (!rc)
		op->port = ch->port;
	return rc;
}

static int connect_ports(struct domain *ld, struct evtchn *lch, struct domain *rd, struct evtchn *rch)
{
	unsigned long irq = lock_pair(lch, rch);
	int rc = -EINVAL;

	if (rch->state == ECS_UNBOUND && rch->unbound_domid == ld->id) {
		lch->remote = rd;
		lch->peer = rch;
		rch->remote = ld;
		rch->peer = lch;
		lch->state = rch->state = ECS_INTERDOMAIN;
		/* What the other side sent before was lost: always tell this side once. */
		ld->evtchn.abi->set_pending(ld->vcpu[lch->notify_vcpu], lch);
		rc = 0;
	}
	unlock_pair(lch, rch, irq);
	return rc;
}

static int op_bind_interdomain(struct domain *d, union evtchn_args *a)
{
	struct evtchn_bind_interdomain *op = &a->bind_interdomain;
	struct domain *rd = domain_get(op->remote_dom);
	struct evtchn *lch, *rch;
	int rc = -EINVAL;

	if (!rd)
		return -ESRCH;
	rch = evtchn_find(rd, op->remote_port);
	if (rch)
		rc = port_take(d, ECS_RESERVED, 0, 0, &lch);
	if (!rc) {
		rc = connect_ports(d, lch, rd, rch);
		if (rc)
			port_release(d, lch);
		op->local_port = lch->port;
	}
	domain_put(rd);
	return rc;
}

static bool virq_is_global(unsigned int virq)
{
	return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF &&
	       virq != VIRQ_XENPMU;
}

static int op_bind_virq(struct domain *d, union evtchn_args *a)
{
	struct evtchn_bind_virq *op = &a->bind_virq;
	struct vcpu *v = vcpu_find(d, op->vcpu);
	struct evtchn *ch;
	int rc;

	if (op->virq >= NR_VIRQS || (virq_is_global(op->virq) && op->vcpu != 0))
		return -EINVAL;
	if (!v)
		return -ENOENT;
	if (v->evtchn.virq_port[op->virq])
		return -EEXIST;
	rc = port_take(d, ECS_VIRQ, op->virq, op->vcpu, &ch);
	if (rc)
		return rc;
	op->port = ch->port;
	WRITE_ONCE(v->evtchn.virq_port[op->virq], ch->port);
	return 0;
}

static int op_bind_ipi(struct domain *d, union evtchn_args *a)
{
	struct evtchn *ch;
	int rc;

	if (!vcpu_find(d, a->bind_ipi.vcpu))
		return -ENOENT;
	rc = port_take(d, ECS_IPI, 0, a->bind_ipi.vcpu, &ch);
	if (!rc)
		a->bind_ipi.port = ch->port;
	return rc;
}

static int op_bind_pirq(struct domain *d, union evtchn_args *a)
{
	struct evtchn_domain *e = &d->evtchn;
	struct evtchn_bind_pirq *op = &a->bind_pirq;
	struct evtchn *ch;
	int rc;

	if (op->pirq >= EVTCHN_PIRQS)
		return -EINVAL;
	if (rights_hardware(d))
		return -EPERM;
	if (!e->pirq_port)		/* interrupts read it without a lock */
		WRITE_ONCE(e->pirq_port, new_array(port_t, EVTCHN_PIRQS));
	if (!e->pirq_port)
		return -ENOMEM;
	if (e->pirq_port[op->pirq])
		return -EEXIST;
	rc = port_take(d, ECS_PIRQ, op->pirq, 0, &ch);
	if (rc)
		return rc;
	op->port = ch->port;
	WRITE_ONCE(e->pirq_port[op->pirq], ch->port);
	rc = pirq_bind(d->vcpu[0], op->pirq, op->flags & BIND_PIRQ__WILL_SHARE);
	if (rc) {			/* else it may fire from now on */
		WRITE_ONCE(e->pirq_port[op->pirq], 0);
		port_release(d, ch);
	}
	return rc;
}

static int op_bind_vcpu(struct domain *d, union evtchn_args *a)
{
	struct evtchn *ch = evtchn_find(d, a->bind_vcpu.port);
	struct vcpu *v = vcpu_find(d, a->bind_vcpu.vcpu);
	u8 state = ch ? READ_ONCE(ch->state) : ECS_FREE;

	if (!v)
		return -ENOENT;
	if (state != ECS_UNBOUND && state != ECS_INTERDOMAIN && state != ECS_PIRQ &&
	    (state != ECS_VIRQ || !virq_is_global(ch->virq)))
		return -EINVAL;
	WRITE_ONCE(ch->notify_vcpu, v->id);
	if (state == ECS_PIRQ)
		pirq_set_affinity(d, ch->pirq, v);
	return 0;
}

/* ---- closing ---- */

/*
 * End the connection of @ch, if it has one: its peer becomes unbound. The peer may close its end, or
 * bind it elsewhere, whenever ch->lock is not held; the reference keeps the memory of its port.
 */
static void disconnect(struct domain *d, struct evtchn *ch)
{
	unsigned long irq = spin_lock_irqsave(&ch->lock);

	while (ch->state == ECS_INTERDOMAIN) {
		struct domain *remote = ch->remote;
		struct evtchn *peer = ch->peer;

		domain_hold(remote);
		spin_unlock_irqrestore(&ch->lock, irq);
		irq = lock_pair(ch, peer);
		if (ch->state == ECS_INTERDOMAIN && ch->peer == peer) {
			peer->state = ECS_UNBOUND;
			peer->unbound_domid = d->id;
			ch->state = ECS_RESERVED;
		}
		unlock_pair(ch, peer, irq);
		domain_put(remote);
		irq = spin_lock_irqsave(&ch->lock);
	}
	ch->state = ECS_RESERVED;	/* nobody binds to it any more */
	spin_unlock_irqrestore(&ch->lock, irq);
}

static int port_close(struct domain *d, struct evtchn *ch)
{
	unsigned int owner;

	switch (READ_ONCE(ch->state)) {
	case ECS_UNBOUND:		/* each may become the other at any time */
	case ECS_INTERDOMAIN:
		disconnect(d, ch);
		break;
	case ECS_PIRQ:
		WRITE_ONCE(d->evtchn.pirq_port[ch->pirq], 0);
		pirq_unbind(d, ch->pirq);	/* without ch->lock: a handler may be waiting for it */
		break;
	case ECS_VIRQ:
		owner = virq_is_global(ch->virq) ? 0 : ch->notify_vcpu;
		WRITE_ONCE(d->vcpu[owner]->evtchn.virq_port[ch->virq], 0);
		break;
	case ECS_IPI:
		break;
	default:
		return -EINVAL;
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
 * Close all ports, then go back to the 2-level ABI. What is closed stays closed, so a call made again
 * goes on where this one stopped; it stops only after it got somewhere. -EAGAIN: a port was bound
 * meanwhile.
 */
static int close_all(struct domain *d)
{
	struct evtchn_domain *e = &d->evtchn;
	int rc = 0;

	for (unsigned int i = 0; i < e->nr_groups; i++) {
		struct evtchn_group *g = READ_ONCE(e->groups[i]);
		unsigned int closed = 0;

		if (!g || !READ_ONCE(g->used))
			continue;
		spin_lock(&e->lock);
		for (unsigned int n = 0; n < EVTCHN_GROUP; n++)
			closed += !port_close(d, &g->ch[n]);
		spin_unlock(&e->lock);
		if (closed && hypercall_preempt())
			return -ERESTART;
	}
	spin_lock(&e->lock);
	if (e->active)
		rc = -EAGAIN;
	else
		evtchn_fifo_destroy(d);
	spin_unlock(&e->lock);
	return rc;
}

static int op_reset(struct domain *d, union evtchn_args *a)
{
	return d == current->domain || d->controller_pauses ? close_all(d) : -EINVAL;
}

/* ---- asking and setting ---- */

static const u8 abi_status[] = {
	[ECS_FREE]		= EVTCHNSTAT_closed,
	[ECS_RESERVED]		= EVTCHNSTAT_closed,
	[ECS_UNBOUND]		= EVTCHNSTAT_unbound,
	[ECS_INTERDOMAIN]	= EVTCHNSTAT_interdomain,
	[ECS_PIRQ]		= EVTCHNSTAT_pirq,
	[ECS_VIRQ]		= EVTCHNSTAT_virq,
	[ECS_IPI]		= EVTCHNSTAT_ipi,
};

static int op_status(struct domain *d, union evtchn_args *a)
{
	struct evtchn_status *op = &a->status;
	struct evtchn *ch = evtchn_find(d, op->port);
	unsigned long irq;

	if (!ch)
		return -EINVAL;
	irq = spin_lock_irqsave(&ch->lock);
	op->status = abi_status[ch->state];
	op->vcpu = ch->notify_vcpu;
	if (ch->state == ECS_INTERDOMAIN) {
		op->u.interdomain.dom = ch->remote->id;
		op->u.interdomain.port = ch->peer->port;
	} else if (ch->state == ECS_UNBOUND) {
		op->u.unbound.dom = ch->unbound_domid;
	} else if (ch->state == ECS_VIRQ || ch->state == ECS_PIRQ) {
		op->u.virq = ch->virq;		/* the same place in all of them */
	}
	spin_unlock_irqrestore(&ch->lock, irq);
	return 0;
}

static int op_unmask(struct domain *d, union evtchn_args *a)
{
	struct evtchn *ch = evtchn_find(d, a->unmask.port);
	unsigned long irq;

	if (!ch)
		return -EINVAL;
	irq = spin_lock_irqsave(&ch->lock);
	if (ch->state > ECS_RESERVED)
		d->evtchn.abi->unmask(d, ch);
	spin_unlock_irqrestore(&ch->lock, irq);
	return 0;
}

static int op_set_priority(struct domain *d, union evtchn_args *a)
{
	struct evtchn *ch = evtchn_find(d, a->set_priority.port);
	const struct evtchn_abi *abi = d->evtchn.abi;

	if (!ch)
		return -EINVAL;
	return abi->set_priority ? abi->set_priority(ch, a->set_priority.priority) : -ENOSYS;
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
	[EVTCHNOP_reset]	= OP(dom, OP_DOMAIN, op_reset),
	[EVTCHNOP_init_control]	= OP(init_control, OP_RESULT | OP_LOCKED, evtchn_fifo_init_control),
	[EVTCHNOP_expand_array]	= OP(expand_array, OP_LOCKED, evtchn_fifo_expand_array),
	[EVTCHNOP_set_priority]	= OP(set_priority, OP_LOCKED, op_set_priority),
};

/* ---- life of the domain ---- */

int evtchn_domain_init(struct domain *d, unsigned int max_port)
{
	struct evtchn_domain *e = &d->evtchn;
	struct evtchn_group *g;

	spin_lock_init(&e->lock);
	e->abi = &evtchn_2l;
	e->max_port = min_t(unsigned int, max_port, EVTCHN_FIFO_NR_CHANNELS - 1);
	e->nr_groups = e->max_port / EVTCHN_GROUP + 1;
	e->groups = new_array(struct evtchn_group *, e->nr_groups);
	if (!e->groups)
		return -ENOMEM;
	g = group_create(e, 0);
	if (!g) {
		evtchn_domain_free(d);
		return -ENOMEM;
	}
	g->used = 1;
	g->ch[0].state = ECS_RESERVED;
	return 0;
}

int evtchn_domain_destroy(struct domain *d)
{
	return close_all(d) ? -ERESTART : 0;	/* one last port may have been taken meanwhile */
}

void evtchn_domain_free(struct domain *d)
{
	struct evtchn_domain *e = &d->evtchn;

	for (unsigned int i = 0; e->groups && i < e->nr_groups; i++)
		lib_free(e->groups[i]);
	lib_free(e->groups);
	lib_free(e->pirq_port);
	e->groups = NULL;
	e->pirq_port = NULL;
	e->nr_groups = 0;
}

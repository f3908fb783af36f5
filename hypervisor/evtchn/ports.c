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
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/evtchn.h>
#include <xenolith/hypercall.h>

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

/* Take a free port, the lowest there is. It stays ECS_FREE until the caller binds it. */
static int port_take(struct domain *d, struct evtchn **chp)
{
	struct evtchn_domain *e = &d->evtchn;
	unsigned int limit = min_t(unsigned int, e->max_port + 1, e->abi->max_ports);

	if (READ_ONCE(d->state) != DOMAIN_RUNNING)
		return -EINVAL;
	for (unsigned int i = 0; i < e->nr_groups && i * EVTCHN_GROUP < limit; i++) {
		struct evtchn_group *g = e->groups[i] ?: group_create(e, i);
		struct evtchn *ch = g ? group_pick(d, g, limit) : NULL;

		if (!g)
			return -ENOMEM;
		if (!ch)
			continue;
		g->used |= BIT(ch->port % EVTCHN_GROUP);
		e->active++;
		ch->notify_vcpu = 0;
		ch->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
		ch->fifo_missed = false;
		*chp = ch;
		return 0;
	}
	return -ENOSPC;
}

static void port_give_back(struct domain *d, struct evtchn *ch)
{
	struct evtchn_domain *e = &d->evtchn;

	e->groups[ch->port / EVTCHN_GROUP]->used &= ~BIT(ch->port % EVTCHN_GROUP);
	e->active--;
}

static void mark_free(struct domain *d, struct evtchn *ch)
{
	d->evtchn.abi->clear_pending(d, ch);	/* nothing old when it is used again */
	ch->state = ECS_FREE;
}

static void release(struct domain *d, struct evtchn *ch)
{
	unsigned long irq = spin_lock_irqsave(&ch->lock);

	mark_free(d, ch);
	spin_unlock_irqrestore(&ch->lock, irq);
	port_give_back(d, ch);
}

/* ---- binding ---- */

int evtchn_alloc_unbound(struct domain *d, domid_t remote, port_t *port)
{
	struct evtchn *ch;
	unsigned long irq;
	int rc;

	spin_lock(&d->evtchn.lock);
	rc = port_take(d, &ch);
	if (!rc) {
		irq = spin_lock_irqsave(&ch->lock);
		ch->unbound_domid = remote;
		ch->state = ECS_UNBOUND;
		spin_unlock_irqrestore(&ch->lock, irq);
		*port = ch->port;
	}
	spin_unlock(&d->evtchn.lock);
	return rc;
}

static int connect_ports(struct domain *ld, struct evtchn *lch, struct domain *rd, struct evtchn *rch)
{
	unsigned long irq = lock_pair(lch, rch);
	int rc = -EINVAL;

	if (rch->state == ECS_UNBOUND && rch->unbound_domid == ld->id) {
		lch->remote = rd;
		lch->peer = rch;
		lch->state = ECS_INTERDOMAIN;
		rch->remote = ld;
		rch->peer = lch;
		rch->state = ECS_INTERDOMAIN;
		/* What the other side sent before was lost: always tell this side once. */
		ld->evtchn.abi->set_pending(ld->vcpu[lch->notify_vcpu], lch);
		rc = 0;
	}
	unlock_pair(lch, rch, irq);
	return rc;
}

int evtchn_bind_interdomain(struct domain *ld, struct domain *rd, port_t rport, port_t *lport)
{
	struct evtchn *lch, *rch = evtchn_find(rd, rport);
	int rc;

	if (!rch)
		return -EINVAL;
	spin_lock(&ld->evtchn.lock);
	rc = port_take(ld, &lch);
	if (!rc) {
		rc = connect_ports(ld, lch, rd, rch);
		if (rc)
			port_give_back(ld, lch);
		else
			*lport = lch->port;
	}
	spin_unlock(&ld->evtchn.lock);
	return rc;
}

/* Take a port for @state; @number is its virq or pirq. d->evtchn.lock held. */
static int bind_local(struct domain *d, enum evtchn_state state, unsigned int number,
		      unsigned int vcpu, port_t *port)
{
	struct evtchn *ch;
	unsigned long irq;
	int rc = port_take(d, &ch);

	if (rc)
		return rc;
	irq = spin_lock_irqsave(&ch->lock);
	ch->notify_vcpu = vcpu;
	ch->virq = number;		/* or pirq: the same place */
	ch->state = state;
	spin_unlock_irqrestore(&ch->lock, irq);
	*port = ch->port;
	return 0;
}

static bool virq_is_global(unsigned int virq)
{
	return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF &&
	       virq != VIRQ_XENPMU;
}

int evtchn_bind_virq(struct domain *d, unsigned int virq, unsigned int vcpu, port_t *port)
{
	struct vcpu *v = vcpu_find(d, vcpu);
	int rc = -EEXIST;

	if (virq >= NR_VIRQS || (virq_is_global(virq) && vcpu != 0))
		return -EINVAL;
	if (!v)
		return -ENOENT;
	spin_lock(&d->evtchn.lock);
	if (!v->evtchn.virq_port[virq]) {
		rc = bind_local(d, ECS_VIRQ, virq, vcpu, port);
		if (!rc)
			WRITE_ONCE(v->evtchn.virq_port[virq], *port);
	}
	spin_unlock(&d->evtchn.lock);
	return rc;
}

int evtchn_bind_ipi(struct domain *d, unsigned int vcpu, port_t *port)
{
	int rc;

	if (!vcpu_find(d, vcpu))
		return -ENOENT;
	spin_lock(&d->evtchn.lock);
	rc = bind_local(d, ECS_IPI, 0, vcpu, port);
	spin_unlock(&d->evtchn.lock);
	return rc;
}

/* The table of pirqs is allocated at the first binding; interrupts read it without a lock. */
static int pirq_table_create(struct evtchn_domain *e)
{
	port_t *table;

	if (e->pirq_port)
		return 0;
	table = new_array(port_t, EVTCHN_PIRQS);
	WRITE_ONCE(e->pirq_port, table);
	return table ? 0 : -ENOMEM;
}

int evtchn_bind_pirq(struct domain *d, unsigned int pirq, bool share, port_t *port)
{
	struct evtchn_domain *e = &d->evtchn;
	int rc;

	if (pirq >= EVTCHN_PIRQS)
		return -EINVAL;
	if (rights_hardware(d))
		return -EPERM;
	spin_lock(&e->lock);
	rc = pirq_table_create(e);
	if (!rc && e->pirq_port[pirq])
		rc = -EEXIST;
	if (!rc)
		rc = bind_local(d, ECS_PIRQ, pirq, 0, port);
	if (!rc) {
		WRITE_ONCE(e->pirq_port[pirq], *port);
		rc = pirq_bind(d->vcpu[0], pirq, share);	/* it may fire from now on */
		if (rc) {
			struct evtchn *ch = evtchn_find(d, *port);

			WRITE_ONCE(e->pirq_port[pirq], 0);
			release(d, ch);
		}
	}
	spin_unlock(&e->lock);
	return rc;
}

int evtchn_bind_vcpu(struct domain *d, port_t port, unsigned int vcpu)
{
	struct evtchn *ch = evtchn_find(d, port);
	struct vcpu *v = vcpu_find(d, vcpu);
	unsigned long irq;
	bool is_pirq;
	int rc = 0;

	if (!v)
		return -ENOENT;
	if (!ch)
		return -EINVAL;
	spin_lock(&d->evtchn.lock);
	irq = spin_lock_irqsave(&ch->lock);
	is_pirq = ch->state == ECS_PIRQ;
	if (is_pirq || ch->state == ECS_UNBOUND || ch->state == ECS_INTERDOMAIN ||
	    (ch->state == ECS_VIRQ && virq_is_global(ch->virq)))
		WRITE_ONCE(ch->notify_vcpu, vcpu);
	else
		rc = -EINVAL;
	spin_unlock_irqrestore(&ch->lock, irq);
	if (is_pirq)
		pirq_set_affinity(d, ch->pirq, v);
	spin_unlock(&d->evtchn.lock);
	return rc;
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

static int close_locked(struct domain *d, struct evtchn *ch)
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
	release(d, ch);
	return 0;
}

int evtchn_close(struct domain *d, port_t port)
{
	struct evtchn *ch = evtchn_find(d, port);
	int rc;

	if (!ch)
		return -EINVAL;
	spin_lock(&d->evtchn.lock);
	rc = close_locked(d, ch);
	spin_unlock(&d->evtchn.lock);
	return rc;
}

/*
 * Close all ports. What is closed stays closed, so a call made again goes on where this one
 * stopped; it stops only after it got somewhere.
 */
static int close_all(struct domain *d)
{
	struct evtchn_domain *e = &d->evtchn;

	for (unsigned int i = 0; i < e->nr_groups; i++) {
		struct evtchn_group *g = READ_ONCE(e->groups[i]);
		unsigned int closed = 0;

		for (unsigned int n = 0; g && READ_ONCE(g->used) && n < EVTCHN_GROUP; n++)
			closed += !evtchn_close(d, g->ch[n].port);
		if (closed && hypercall_preempt())
			return -ERESTART;
	}
	return 0;
}

int evtchn_reset(struct domain *d)
{
	int rc = close_all(d);

	if (rc)
		return rc;
	spin_lock(&d->evtchn.lock);
	if (d->evtchn.active)
		rc = -EAGAIN;
	else
		evtchn_fifo_destroy(d);
	spin_unlock(&d->evtchn.lock);
	return rc;
}

/* ---- asking and setting ---- */

int evtchn_status(struct domain *d, struct evtchn_status *st)
{
	struct evtchn *ch = evtchn_find(d, st->port);
	unsigned long irq;

	if (!ch)
		return -EINVAL;
	irq = spin_lock_irqsave(&ch->lock);
	st->vcpu = ch->notify_vcpu;
	switch (ch->state) {
	case ECS_UNBOUND:
		st->status = EVTCHNSTAT_unbound;
		st->u.unbound.dom = ch->unbound_domid;
		break;
	case ECS_INTERDOMAIN:
		st->status = EVTCHNSTAT_interdomain;
		st->u.interdomain.dom = ch->remote->id;
		st->u.interdomain.port = ch->peer->port;
		break;
	case ECS_PIRQ:
		st->status = EVTCHNSTAT_pirq;
		st->u.pirq = ch->pirq;
		break;
	case ECS_VIRQ:
		st->status = EVTCHNSTAT_virq;
		st->u.virq = ch->virq;
		break;
	case ECS_IPI:
		st->status = EVTCHNSTAT_ipi;
		break;
	default:
		st->status = EVTCHNSTAT_closed;
	}
	spin_unlock_irqrestore(&ch->lock, irq);
	return 0;
}

int evtchn_unmask(struct domain *d, port_t port)
{
	struct evtchn *ch = evtchn_find(d, port);
	unsigned long irq;

	if (!ch)
		return -EINVAL;
	irq = spin_lock_irqsave(&ch->lock);
	if (ch->state > ECS_RESERVED)
		d->evtchn.abi->unmask(d, ch);
	spin_unlock_irqrestore(&ch->lock, irq);
	return 0;
}

int evtchn_set_priority(struct domain *d, port_t port, unsigned int priority)
{
	struct evtchn *ch = evtchn_find(d, port);
	const struct evtchn_abi *abi = d->evtchn.abi;

	if (!ch)
		return -EINVAL;
	return abi->set_priority ? abi->set_priority(d, ch, priority) : -ENOSYS;
}

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
	int rc = evtchn_reset(d);

	return rc == -EAGAIN ? -ERESTART : rc;	/* one last port was being taken meanwhile */
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

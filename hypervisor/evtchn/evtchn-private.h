/* SPDX-License-Identifier: GPL-2.0-only */
/* The operations of EVTCHNOP_*, between the hypercall edge (ops.c) and what they do. */
#ifndef XENOLITH_EVTCHN_PRIVATE_H
#define XENOLITH_EVTCHN_PRIVATE_H

#include <xenolith/domain.h>
#include <xenolith/evtchn.h>

union evtchn_args {
	domid_t dom;			/* first of those that name a domain */
	struct evtchn_alloc_unbound alloc_unbound;
	struct evtchn_bind_interdomain bind_interdomain;
	struct evtchn_bind_virq bind_virq;
	struct evtchn_bind_pirq bind_pirq;
	struct evtchn_bind_ipi bind_ipi;
	struct evtchn_close close;
	struct evtchn_send send;
	struct evtchn_status status;
	struct evtchn_bind_vcpu bind_vcpu;
	struct evtchn_unmask unmask;
	struct evtchn_init_control init_control;
	struct evtchn_expand_array expand_array;
	struct evtchn_set_priority set_priority;
};

/*
 * One operation on the ports of @d: 0, an error as the ABI has it, -ERESTART (to be called again), or
 * the port that was taken, which becomes the last field of the argument.
 */
typedef int evtchn_op_fn(struct domain *d, union evtchn_args *a);
struct evtchn_operation {
	u8 size;			/* of its argument */
	u8 flags;
	evtchn_op_fn *fn;
};
#define OP_RESULT	1		/* the argument is a result too */
#define OP_DOMAIN	2		/* on the domain that the argument names, else the caller's */
#define OP_LOCKED	4		/* called with d->evtchn.lock held */
#define NR_EVTCHN_OPS	(EVTCHNOP_set_priority + 1)
extern const struct evtchn_operation evtchn_operations[NR_EVTCHN_OPS];

/* evtchn_find: @port of @d, in use or not; NULL when there never was such a port. */
struct evtchn *evtchn_find(const struct domain *d, port_t port);
/* evtchn_lock: @port of @d, locked with irqs off (*@irq), if it is in use; else NULL, nothing locked. */
struct evtchn *evtchn_lock(const struct domain *d, port_t port, unsigned long *irq);
static inline void evtchn_unlock(struct evtchn *ch, unsigned long irq)
{
	spin_unlock_irqrestore(&ch->lock, irq);
}

/* ---- ABIs ---- */
extern const struct evtchn_abi evtchn_2l;
evtchn_op_fn evtchn_fifo_init_control, evtchn_fifo_expand_array;
/* evtchn_fifo_destroy: unmap its pages, back to 2-level. d->evtchn.lock held, nobody uses the FIFO ABI. */
void evtchn_fifo_destroy(struct domain *d);

#endif

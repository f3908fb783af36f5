/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evtchn: event channels. A port is one bit that one side sets and the other is told of. Ports
 * are bound to another domain's port, a virtual irq, a physical irq or an inter-vcpu signal. How
 * pending and masked bits lie in guest memory is an ABI behind struct evtchn_abi: 2-level or FIFO.
 */
#ifndef XENOLITH_EVTCHN_H
#define XENOLITH_EVTCHN_H

#include <xenolith/lib.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xenolith/lock.h>

struct domain;
struct vcpu;
typedef u32 port_t;			/* evtchn_port_t */

enum evtchn_state {
	ECS_FREE, ECS_RESERVED, ECS_UNBOUND, ECS_INTERDOMAIN, ECS_PIRQ, ECS_VIRQ, ECS_IPI
};

struct evtchn {
	spinlock_t lock;		/* state and binding; order: lower address first when two */
	u8 state;
	u8 priority;			/* FIFO */
	u8 last_priority;		/* FIFO: queue it sits on */
	bool pending_before_bind;	/* FIFO: array page not there yet */
	u16 notify_vcpu;		/* vcpu that is told */
	u16 last_vcpu;			/* FIFO */
	port_t port;
	union {
		struct { u16 remote_domid; } unbound;
		struct { struct domain *remote; port_t remote_port; } interdomain;
		struct { unsigned int pirq; port_t next, prev; } pirq;	/* list per vcpu: affinity */
		unsigned int virq;
	} u;
};

struct evtchn_abi {
	const char *name;
	unsigned int max_ports;
	void (*set_pending)(struct vcpu *v, struct evtchn *ch);
	void (*clear_pending)(struct domain *d, struct evtchn *ch);
	void (*unmask)(struct domain *d, struct evtchn *ch);
	bool (*is_pending)(const struct domain *d, const struct evtchn *ch);
	bool (*is_masked)(const struct domain *d, const struct evtchn *ch);
	int (*set_priority)(struct domain *d, struct evtchn *ch, unsigned int priority);
	void (*dump)(struct domain *d, const struct evtchn *ch);
};

#define EVTCHN_GROUP	64		/* ports per allocated group */
struct evtchn_domain {			/* d->evtchn */
	spinlock_t lock;		/* allocation, ABI switch, reset */
	const struct evtchn_abi *abi;
	struct evtchn **groups;		/* NULL until used */
	unsigned int nr_groups;
	unsigned int active, max_port;
	port_t next_free_hint;
	struct evtchn_fifo *fifo;
	struct vcpu *poll_waiters[1];	/* see poll_mask */
	unsigned long poll_mask[BITS_TO_LONGS(128)];	/* vcpus in SCHEDOP_poll */
};
struct evtchn_vcpu {			/* v->evtchn */
	port_t virq_port[NR_VIRQS];	/* 0: unbound */
	port_t pirq_head;
	struct evtchn_fifo_vcpu *fifo;
	port_t poll_port;		/* 0: none, ~0: several */
};

int evtchn_domain_init(struct domain *d, unsigned int max_port);
int evtchn_domain_destroy(struct domain *d);	/* close all; 0 or -ERESTART */
void evtchn_domain_free(struct domain *d);	/* memory, after the last reference */

/** evtchn_send: notify the other end of @d's @port (EVTCHNOP_send). Any context but irq. */
int evtchn_send(struct domain *d, port_t port);
/** evtchn_send_virq: raise a per-vcpu (@v) virq, or a global one of @d. Any context. */
void evtchn_send_virq(struct vcpu *v, unsigned int virq);
void evtchn_send_global_virq(unsigned int virq);	/* to the domain that handles it (Domain0) */
/** evtchn_send_pirq: interrupt @pirq of @d fired. irq context. False when no port is bound. */
bool evtchn_send_pirq(struct domain *d, unsigned int pirq);
/** evtchn_upcall: mark v's upcall pending, wake or kick it. For the ABI files. */
void evtchn_upcall(struct vcpu *v);
/** evtchn_upcall_needed: pending and unmasked, looked at by exit and block paths. */
bool evtchn_upcall_needed(const struct vcpu *v);
bool evtchn_port_pending(struct domain *d, port_t port);	/* SCHEDOP_poll; false when not valid */
/** evtchn_vcpu_info_moved: after VCPUOP_register_vcpu_info: re-deliver everything. */
void evtchn_vcpu_info_moved(struct vcpu *v);
void evtchn_poll_wake(struct domain *d, port_t port);
void evtchn_dump(struct domain *d);		/* debug key 'e' */

extern const struct evtchn_abi evtchn_2l;
int evtchn_fifo_init_control(struct evtchn_init_control *op);
int evtchn_fifo_expand_array(const struct evtchn_expand_array *op);

long do_event_channel_op(unsigned long cmd, unsigned long arg, unsigned long, unsigned long, unsigned long);
long do_event_channel_op_compat(unsigned long op, unsigned long, unsigned long, unsigned long, unsigned long);

#endif

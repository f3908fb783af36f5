/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evtchn: event channels. A port is one bit that one side sets and the other is told of. Ports
 * are bound to another domain's port, a virtual irq, a physical irq or an inter-vcpu signal. How
 * pending and masked bits lie in guest memory is an ABI behind struct evtchn_abi: 2-level or FIFO.
 *
 * Locks, in this order:
 *   d->evtchn.lock   which ports of @d are in use, its ABI, its virq and pirq tables
 *   ch->lock         state and binding of one port; of two the one at the lower address first.
 *                    Both ends of an interdomain channel only change with both locks held, so
 *                    either of them keeps the other end bound and its domain alive. Irqs off.
 *   FIFO queue lock  of one vcpu; innermost but for the scheduler's
 * Delivery takes the lock of one port and no other but the queue's.
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
	spinlock_t lock;
	u8 state;			/* enum evtchn_state */
	u8 priority;			/* FIFO: queue for the next event */
	u16 notify_vcpu;		/* vcpu that is told */
	port_t port;
	u32 fifo_queue;			/* FIFO: queue it was last linked on; survives closing */
	bool fifo_missed;		/* FIFO: raised while its array page was not there yet */
	union {
		unsigned int unbound_domid;	/* who may bind to it */
		unsigned int pirq, virq;	/* one place for these: port_take() */
		struct {
			struct domain *remote;
			struct evtchn *peer;	/* the other end: port of @remote */
		};
	};
};

/*
 * One way to lay pending and masked bits in guest memory. All but is_busy are called with a lock
 * held that keeps @ch in use (its own or its peer's), which keeps the ABI's memory in place;
 * is_busy with d->evtchn.lock.
 */
struct evtchn_abi {
	const char *name;
	unsigned int max_ports;
	void (*set_pending)(struct vcpu *v, struct evtchn *ch);
	void (*clear_pending)(struct domain *d, struct evtchn *ch);
	void (*unmask)(struct domain *d, struct evtchn *ch);
	bool (*is_pending)(const struct domain *d, const struct evtchn *ch);
	bool (*is_masked)(const struct domain *d, const struct evtchn *ch);
	bool (*is_busy)(const struct domain *d, const struct evtchn *ch);	/* not to be reused yet */
	int (*set_priority)(struct evtchn *ch, unsigned int priority);
};

#define EVTCHN_GROUP	64		/* ports per allocated group */
struct evtchn_group {
	u64 used;			/* bit n: ch[n] is taken */
	struct evtchn ch[EVTCHN_GROUP];
};

#define EVTCHN_PIRQS	1024		/* pirqs that a domain can bind */
struct evtchn_domain {			/* d->evtchn */
	spinlock_t lock;
	const struct evtchn_abi *abi;
	struct evtchn_group **groups;	/* each NULL until used, stays until the domain is freed */
	unsigned int nr_groups;
	unsigned int active;		/* ports in use but the reserved ones */
	unsigned int max_port;		/* highest number it may use */
	struct evtchn_fifo *fifo;
	port_t *pirq_port;		/* EVTCHN_PIRQS entries, 0 unbound; NULL until used */
	unsigned long poll_mask[BITS_TO_LONGS(128)];	/* vcpus in SCHEDOP_poll */
};
struct evtchn_vcpu {			/* v->evtchn */
	port_t virq_port[NR_VIRQS];	/* 0: unbound; global ones with vcpu 0 */
	struct evtchn_fifo_vcpu *fifo;
	port_t poll_port;		/* 0: none, EVTCHN_POLL_ANY: several */
};
#define EVTCHN_POLL_ANY	(~0u)

int evtchn_domain_init(struct domain *d, unsigned int max_port);
/** evtchn_domain_destroy: of a dying domain: close all ports. 0 or -ERESTART. Before its vcpus go. */
int evtchn_domain_destroy(struct domain *d);
void evtchn_domain_free(struct domain *d);	/* memory, after the last reference */

/** evtchn_send: notify the other end of @d's @port (EVTCHNOP_send). Any context but irq. */
int evtchn_send(struct domain *d, port_t port);
/** evtchn_send_virq: raise a per-vcpu (@v) virq, or a global one of v->domain. Any context. */
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
/**
 * evtchn_poll_wake: @port became pending: unblock those of poll_mask that poll for it. The poller
 * sets poll_port, then its bit in poll_mask (full barrier), then looks at its ports.
 */
void evtchn_poll_wake(struct domain *d, port_t port);
void evtchn_dump(struct domain *d);		/* debug key 'e' */

long do_event_channel_op(unsigned long cmd, unsigned long arg, unsigned long, unsigned long, unsigned long);
long do_event_channel_op_compat(unsigned long op, unsigned long, unsigned long, unsigned long, unsigned long);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evtchn: event channels. A port is one bit that one side sets and the other is told of. Ports
 * are bound to another domain's port, a virtual irq, a physical irq or an inter-vcpu signal. How
 * pending and masked bits lie in guest memory is an ABI behind struct evtchn_abi: 2-level or FIFO.
 *
 * Locks, in this order:
 *   d->evtchn.lock   which ports of @d are in use, its ABI, its virq and pirq tables
 *   binding lock     of all domains together: interdomain channels change only with it held
 *   ch->lock         state and binding of one port, irqs off. Both ends of an interdomain channel
 *                    change with both locks held, so either of them keeps the other end bound and
 *                    its domain alive. Two are only taken with the binding lock held.
 *   FIFO lock        queues of one domain; innermost but for the scheduler's
 * Delivery takes the lock of one port and no other but the FIFO's.
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

struct evtchn {
	spinlock_t lock;
	u8 state;			/* EVTCHNSTAT_* */
	u8 priority;			/* FIFO: queue for the next event */
	u16 notify_vcpu;		/* vcpu that is told */
	port_t port;
	bool fifo_missed;		/* FIFO: raised while its array page was not there yet */
	port_t *fifo_tail;		/* FIFO: of the queue it was last linked on; survives closing */
	union {
		unsigned int unbound_domid;	/* who may bind to it */
		unsigned int pirq, virq;	/* one place for these: port_take() */
		struct {
			struct domain *remote;
			struct evtchn *peer;	/* the other end: port of @remote */
		};
	};
};

#define EVTCHN_PENDING	(1u << EVTCHN_FIFO_PENDING)
#define EVTCHN_MASKED	(1u << EVTCHN_FIFO_MASKED)
#define EVTCHN_LINKED	(1u << EVTCHN_FIFO_LINKED)
/*
 * One way to lay pending and masked bits in guest memory. All but marks are called with a lock held
 * that keeps @ch in use (its own or its peer's), which keeps the ABI's memory in place; marks with
 * that or with d->evtchn.lock. A port that is LINKED may not be taken for something else.
 */
struct evtchn_abi {
	const char *name;
	unsigned int max_ports;
	void (*set_pending)(struct vcpu *v, struct evtchn *ch);
	void (*clear_pending)(struct domain *d, struct evtchn *ch);
	void (*unmask)(struct domain *d, struct evtchn *ch);
	u32 (*marks)(const struct domain *d, const struct evtchn *ch);	/* EVTCHN_PENDING, _MASKED, _LINKED */
};

#define EVTCHN_GROUP	64		/* ports per allocated group */
#define EVTCHN_PIRQS	1024		/* pirqs that a domain can bind */
struct evtchn_domain {			/* d->evtchn */
	spinlock_t lock;
	const struct evtchn_abi *abi;
	struct evtchn **groups;		/* of EVTCHN_GROUP ports; NULL until used, stay until the domain is freed */
	unsigned int max_port;		/* highest number it may use */
	unsigned int active;		/* ports in use */
	port_t first_free;		/* no port below is free */
	port_t close_next;		/* where closing all goes on */
	struct evtchn_fifo *fifo;	/* NULL: 2-level */
	port_t *pirq_port;		/* EVTCHN_PIRQS entries, 0 unbound; NULL until used */
	unsigned long poll_mask[BITS_TO_LONGS(128)];	/* vcpus in SCHEDOP_poll */
};
struct evtchn_vcpu {			/* v->evtchn */
	port_t virq_port[NR_VIRQS];	/* 0: unbound; global ones with vcpu 0 */
	port_t poll_port;		/* SCHEDOP_poll: 0 not in it, EVTCHN_POLL_ANY several */
	struct evtchn_fifo_control_block *control;	/* FIFO: guest memory, or NULL */
	port_t tail[EVTCHN_FIFO_MAX_QUEUES];		/* FIFO: last port appended to each queue; 0 none */
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

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* How events come from the hypervisor: two ABIs behind one table. event.c makes interrupts of them. */
#ifndef PORT_EVENT_ABI_H
#define PORT_EVENT_ABI_H

#include <linux/types.h>
#include <asm/sync_bitops.h>
#include "port.h"
#include <xen/interface/event_channel.h>

/**
 * struct event_abi
 * @ports: numbers are below this
 * @start: of the domain, before any CPU. 0, or -errno: the ABI is not to be had
 * @stop: no CPU takes events any more
 * @cpu_up: before events for @cpu are allowed; on it
 * @cpu_dead: it takes no events any more; may sleep
 * @room: there may be events of @port from now on, masked. 0 or -errno
 * @unmask: an event that is pending then comes
 * @take: true: @port was pending and not masked, and is not pending any more. Of two CPUs that came for it one gets it
 * @own: the port's events come to @to from now on (nr_cpu_ids: to nobody); for @from, too, while the hypervisor does not know
 * @handle: event_port() for all that is pending for the CPU that runs here. Interrupts off
 */
struct event_abi {
	const char *name;
	unsigned int ports;
	int (*start)(void);
	void (*stop)(void);
	int (*cpu_up)(unsigned int cpu);
	void (*cpu_dead)(unsigned int cpu);
	int (*room)(evtchn_port_t port);
	void (*mask)(evtchn_port_t port);
	void (*unmask)(evtchn_port_t port);
	bool (*take)(evtchn_port_t port);
	void (*set)(evtchn_port_t port);
	void (*own)(evtchn_port_t port, unsigned int from, unsigned int to);
	void (*handle)(unsigned int cpu, struct vcpu_info *info);
};
extern const struct event_abi event_2l, event_fifo;

/** event_port: @port was seen pending and not masked. */
void event_port(evtchn_port_t port);
/** event_again: what is pending on @port comes again, to the CPU that it is bound to. */
void event_again(evtchn_port_t port);

/** event_ask_unmask: the hypervisor unmasks @port, and raises what is pending. */
static inline void event_ask_unmask(evtchn_port_t port)
{
	struct evtchn_unmask op = { .port = port };

	HYPERVISOR_event_channel_op(EVTCHNOP_unmask, &op);
}

#endif

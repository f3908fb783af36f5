// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 2-level ABI: a bit a port in shared_info says pending, another masked; a vcpu has a word that says where pending ones
 * are. Several vcpus may look at the same words, so each has a map of the ports that are its own.
 */
#include <linux/percpu.h>
#include "event-abi.h"

#define PORTS (BITS_PER_LONG * BITS_PER_LONG)

static unsigned long __percpu *own_ports;	/* a bit a port */

static void mask(evtchn_port_t port)
{
	sync_set_bit(port, port_shared->evtchn_mask);
}

/* What became pending meanwhile is raised by the hypervisor, which does so only if it finds the port masked. */
static void unmask(evtchn_port_t port)
{
	sync_clear_bit(port, port_shared->evtchn_mask);
	smp_mb__after_atomic();		/* the hypervisor sets pending, then looks at the mask */
	if (!sync_test_bit(port, port_shared->evtchn_pending))
		return;
	sync_set_bit(port, port_shared->evtchn_mask);
	event_ask_unmask(port);
}

static bool take(evtchn_port_t port)
{
	return !sync_test_bit(port, port_shared->evtchn_mask) && sync_test_and_clear_bit(port, port_shared->evtchn_pending);
}

static void set(evtchn_port_t port)
{
	sync_set_bit(port, port_shared->evtchn_pending);
}

static void own(evtchn_port_t port, unsigned int from, unsigned int to)
{
	clear_bit(port, per_cpu_ptr(own_ports, from));
	if (to < nr_cpu_ids)
		set_bit(port, per_cpu_ptr(own_ports, to));
}

static void handle_word(unsigned int word, const unsigned long *mine)
{
	unsigned long active = READ_ONCE(port_shared->evtchn_pending[word]) & mine[word] &
			       ~READ_ONCE(port_shared->evtchn_mask[word]);

	for (; active; active &= active - 1)
		event_port(word * BITS_PER_LONG + __ffs(active));
}

/* Words are gone through from the one behind the last, so that low ports do not starve high ones. */
static void handle(unsigned int cpu, struct vcpu_info *info)
{
	static DEFINE_PER_CPU(unsigned int, first);
	unsigned long words = xchg(&info->evtchn_pending_sel, 0);
	unsigned int i, start = __this_cpu_read(first);

	for (i = 0; i < BITS_PER_LONG; i++) {
		unsigned int word = (start + i) % BITS_PER_LONG;

		if (words & BIT(word)) {
			handle_word(word, per_cpu_ptr(own_ports, cpu));
			__this_cpu_write(first, (word + 1) % BITS_PER_LONG);
		}
	}
}

static int start(void)
{
	memset(port_shared->evtchn_mask, ~0, sizeof(port_shared->evtchn_mask));
	own_ports = __alloc_percpu(PORTS / 8, sizeof(long));
	return own_ports ? 0 : -ENOMEM;
}

/* Who comes after us finds all ports masked. */
static void stop(void)
{
	memset(port_shared->evtchn_mask, ~0, sizeof(port_shared->evtchn_mask));
	free_percpu(own_ports);
}

const struct event_abi event_2l = {
	.name	= "2-level",
	.ports	= PORTS,
	.start	= start,
	.stop	= stop,
	.mask	= mask,
	.unmask	= unmask,
	.take	= take,
	.set	= set,
	.own	= own,
	.handle	= handle,
};

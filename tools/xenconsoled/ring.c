// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page that a guest's console shares with us, and its event channel. Everything in the page is the guest's to
 * change at any time: indexes are read once and what they claim is limited to the ring's size. How much a guest may say
 * in a tenth of a second is limited as well, and how often it may call; then its event is not unmasked until the time is
 * over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xen/grant_table.h>

#include "console.h"

#define BUDGET		65536		/* bytes a tick */
#define EVENT_COST	32		/* what an event costs of it, whether anything was said or not */

static xenevtchn_handle *evtchn;
static xengnttab_handle *gnttab;
static xenforeignmemory_handle *foreign;

static struct console **by_port;		/* our ports */
static unsigned int ports;

static void event_ready(struct source *s, uint32_t events);
static struct source event_source = { event_ready };

bool rings_open(void)
{
	evtchn = xenevtchn_open(NULL, 0);
	gnttab = xengnttab_open(NULL, 0);
	foreign = xenforeignmemory_open(NULL, 0);
	if (!evtchn || (!gnttab && !foreign))
		return false;
	loop_watch(xenevtchn_fd(evtchn), &event_source, EPOLLIN);
	if (options.log_hypervisor && hypervisor_open()) {
		hypervisor_port = xenevtchn_bind_virq(evtchn, VIRQ_CON_RING);
		hypervisor_poll();
	}
	return true;
}

/* Ports are small numbers: the lowest free one is given. */
static bool remember_port(struct console *c, unsigned int port)
{
	unsigned int more = port + 64;
	struct console **bigger;

	if (port >= ports) {
		bigger = realloc(by_port, more * sizeof(*by_port));
		if (!bigger)
			return false;
		memset(bigger + ports, 0, (more - ports) * sizeof(*by_port));
		by_port = bigger;
		ports = more;
	}
	by_port[port] = c;
	return true;
}

static void map_ring(struct console *c, unsigned long frame)
{
	xen_pfn_t pfn = frame;

	c->ring = gnttab ? xengnttab_map_grant_ref(gnttab, c->domid, GNTTAB_RESERVED_CONSOLE, PROT_READ | PROT_WRITE) : NULL;
	c->ring_granted = c->ring;
	if (!c->ring && foreign)
		c->ring = xenforeignmemory_map(foreign, c->domid, PROT_READ | PROT_WRITE, 1, &pfn, NULL);
}

static void unmap_ring(struct console *c)
{
	if (c->ring && c->ring_granted)
		xengnttab_unmap(gnttab, c->ring, 1);
	else if (c->ring)
		xenforeignmemory_unmap(foreign, c->ring, 1);
	c->ring = NULL;
}

bool ring_connect(struct console *c, unsigned long frame, unsigned int remote_port)
{
	if (c->ring && c->remote_port == remote_port && c->frame == frame)
		return true;
	ring_disconnect(c);
	map_ring(c, frame);
	if (!c->ring)
		return false;
	c->port = xenevtchn_bind_interdomain(evtchn, c->domid, remote_port);
	if (c->port < 0 || !remember_port(c, c->port)) {
		ring_disconnect(c);
		return false;
	}
	c->frame = frame;
	c->remote_port = remote_port;
	return true;
}

void ring_disconnect(struct console *c)
{
	if (c->port >= 0) {
		if ((unsigned int)c->port < ports)
			by_port[c->port] = NULL;
		xenevtchn_unbind(evtchn, c->port);
	}
	c->port = -1;
	c->held_back = false;
	unmap_ring(c);
}

/* ---- output ---- */

static uint64_t tick_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (t.tv_sec * 1000000000ull + t.tv_nsec) / TICK_NS;
}

static void refill(struct console *c)
{
	uint64_t now = tick_now();

	if (c->budget_since == now)
		return;
	c->budget_since = now;
	c->budget = BUDGET;
}

static void spend(struct console *c, unsigned int n)
{
	c->budget -= n < c->budget ? n : c->budget;
}

/* Copy what is there to the window, and tell the guest how far. */
static void take_output(struct console *c)
{
	struct xencons_interface *ring = c->ring;
	XENCONS_RING_IDX cons = __atomic_load_n(&ring->out_cons, __ATOMIC_RELAXED), prod = __atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE);
	unsigned int n = prod - cons, size = sizeof(ring->out);
	char copy[sizeof(ring->out)];

	if (!n || n > size)		/* nothing, or nonsense: the guest harms its own console only */
		return;
	for (unsigned int i = 0; i < n; i++)
		copy[i] = ring->out[(cons + i) & (size - 1)];
	__atomic_store_n(&ring->out_cons, cons + n, __ATOMIC_RELEASE);
	xenevtchn_notify(evtchn, c->port);
	output_add(&c->output, copy, n);
	log_write(&c->log, copy, n);
	spend(c, n);
}

void ring_serve(struct console *c)
{
	if (!c->ring)
		return;
	take_output(c);
	readers_output(c);
	readers_room(c);
}

static void event_served(struct console *c)
{
	if (c->budget) {
		xenevtchn_unmask(evtchn, c->port);
		return;
	}
	c->held_back = true;
	tick_start();
}

static void event_ready(struct source *s, uint32_t events)
{
	int port = xenevtchn_pending(evtchn);
	struct console *c;

	(void)s, (void)events;
	if (port < 0)
		return;
	if (port == hypervisor_port) {
		xenevtchn_unmask(evtchn, port);
		hypervisor_poll();
		return;
	}
	c = (unsigned int)port < ports ? by_port[port] : NULL;
	if (!c)
		return;
	refill(c);
	ring_serve(c);
	spend(c, EVENT_COST);
	event_served(c);
}

void ring_tick(void)
{
	for (struct console *c = consoles; c; c = c->next) {
		if (!c->held_back)
			continue;
		c->held_back = false;
		c->budget_since = 0;
		refill(c);
		ring_serve(c);
		event_served(c);
	}
}

/* ---- input ---- */

unsigned int ring_room(const struct console *c)
{
	unsigned int size = sizeof(c->ring->in), used;

	if (!c->ring)
		return 0;
	used = c->ring->in_prod - __atomic_load_n(&c->ring->in_cons, __ATOMIC_ACQUIRE);
	return used > size ? 0 : size - used;
}

unsigned int ring_input(struct console *c, const char *data, unsigned int n)
{
	unsigned int room = ring_room(c), size = sizeof(c->ring->in);
	XENCONS_RING_IDX prod;

	if (n > room)
		n = room;
	if (!n)
		return 0;
	prod = c->ring->in_prod;
	for (unsigned int i = 0; i < n; i++)
		c->ring->in[(prod + i) & (size - 1)] = data[i];
	__atomic_store_n(&c->ring->in_prod, prod + n, __ATOMIC_RELEASE);
	xenevtchn_notify(evtchn, c->port);
	return n;
}

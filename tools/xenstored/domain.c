// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of domains, and the transport over their rings.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "blob.h"
#include "conn.h"
#include "domain.h"
#include "log.h"
#include "ring.h"
#include "store.h"
#include "tree.h"
#include "xen.h"

struct domain *domains;
static struct domain *ports;

/* Each request and each answer is charged to a domain, mostly to the same one. */
static struct domain *found_last;

struct domain *domain_find(uint32_t domid)
{
	struct domain *d;

	if (found_last && found_last->domid == domid)
		return found_last;
	HASH_FIND(by_id, domains, &domid, sizeof(domid), d);
	if (d)
		found_last = d;
	return d;
}

static struct domain *by_port(int port)
{
	struct domain *d;

	HASH_FIND(by_port, ports, &port, sizeof(port), d);
	return d;
}

struct domain *domain_new(uint32_t domid, uint64_t since)
{
	struct domain *d = xalloc(sizeof(*d));

	d->domid = domid;
	d->since = since;
	d->port = -1;
	HASH_ADD(by_id, domains, domid, sizeof(d->domid), d);
	return d;
}

struct domain *domain_know(uint32_t domid)
{
	struct domain *d = domain_find(domid);

	if (!d && xen_domain_state(domid) != DOMAIN_GONE)
		d = domain_new(domid, ++tree_generation);
	return d;
}

uint64_t domain_since(uint32_t domid)
{
	struct domain *d = domain_find(domid);

	return d ? d->since : UINT64_MAX;
}

/* --- the transport ------------------------------------------------------------------------------------------------ */

static ssize_t domain_read(struct conn *c, void *buf, size_t len)
{
	struct domain *d = c->domain;
	ssize_t n, total = 0;

	/* The ring's end splits what is in it at most once. */
	do {
		n = d->ring ? ring_read(d->ring, (char *)buf + total, len - total) : 0;
		if (n > 0) {
			d->kick = true;
			total += n;
		}
	} while (n > 0 && (size_t)total < len);
	return n < 0 ? -1 : total;
}

static ssize_t domain_write(struct conn *c, const struct iovec *iov, int count)
{
	struct domain *d = c->domain;
	ssize_t total = 0;

	for (int i = 0; i < count; i++) {
		ssize_t n = d->ring ? ring_write(d->ring, iov[i].iov_base, iov[i].iov_len) : 0;

		if (n < 0)
			return -1;
		d->kick |= n > 0;
		total += n;
		if ((size_t)n < iov[i].iov_len)
			break;
	}
	return total;
}

static void domain_settle(struct conn *c, bool want_bytes, bool want_room)
{
	struct domain *d = c->domain;

	(void)want_bytes;
	(void)want_room;	/* the domain sends an event for either */
	if (d->kick)
		xen_notify(d->port);
	d->kick = false;
}

static void domain_fault(struct conn *c)
{
	if (c->domain->ring)
		ring_fault(c->domain->ring, XENSTORE_ERROR_PROTO);
}

static void unbind(struct domain *d)
{
	if (d->port < 0)
		return;
	HASH_DELETE(by_port, ports, d);
	xen_unbind(d->port);
	d->port = -1;
}

static void domain_close(struct conn *c)
{
	struct domain *d = c->domain;

	d->conn = NULL;
	if (d->kick)
		xen_notify(d->port);
	unbind(d);
	if (d->ring)
		xen_unmap_ring(d->ring);
	d->ring = NULL;
}

static const struct transport domain_transport = {
	.read = domain_read,
	.write = domain_write,
	.settle = domain_settle,
	.fault = domain_fault,
	.close = domain_close,
};

/* --- introduce, release ------------------------------------------------------------------------------------------- */

static int bind_ring(struct domain *d, uint32_t remote_port)
{
	int port = xen_bind(d->domid, remote_port);

	if (port < 0)
		return errno ? errno : EINVAL;
	d->remote_port = remote_port;
	d->port = port;
	HASH_ADD(by_port, ports, port, sizeof(d->port), d);
	return 0;
}

static void attach(struct domain *d, struct xenstore_domain_interface *ring)
{
	d->ring = ring;
	d->introduced = true;
	d->conn = conn_new(&domain_transport, d->domid, d, -1);
}

int domain_introduce(uint32_t domid, uint64_t mfn, uint32_t port)
{
	struct domain *d = domain_know(domid);
	struct xenstore_domain_interface *ring;
	int rc;

	if (!d)
		return ENOENT;
	if (d->conn) {
		/* A domain that is connected gets a new event channel, and starts over. */
		unbind(d);
		conn_reset(d->conn);
		ring_reset(d->ring);
		return bind_ring(d, port);
	}
	ring = xen_map_ring(domid, mfn);
	if (!ring)
		return errno;
	rc = bind_ring(d, port);
	if (rc) {
		xen_unmap_ring(ring);
		return rc;
	}
	d->mfn = mfn;
	d->shutdown = false;
	ring_reset(ring);
	ring->server_features = XENSTORE_SERVER_FEATURE_ERROR;
	attach(d, ring);
	xen_notify(d->port);
	store_fire_special("@introduceDomain");
	return 0;
}

void domain_release(struct domain *d)
{
	uint32_t domid = d->domid;

	if (d->conn)
		conn_free(d->conn);
	store_forget_owner(domid);
	HASH_DELETE(by_id, domains, d);
	found_last = NULL;
	free(d);
	for (d = domains; d; d = d->by_id.next)
		if (d->target == domid)
			d->target = 0;
}

/* --- news --------------------------------------------------------------------------------------------------------- */

static void heard_of(uint32_t domid, enum domain_state state, void *arg)
{
	struct domain *d = domain_find(domid);
	bool *tell = arg;

	if (!d)
		return;
	d->gone = state == DOMAIN_GONE;
	if (state == DOMAIN_SHUTDOWN && d->introduced && !d->shutdown)
		d->shutdown = *tell = true;
}

void domain_check_all(void)
{
	struct domain *d, *next;
	bool tell = false;

	for (d = domains; d; d = d->by_id.next)
		d->gone = d->domid != 0;
	if (!xen_each_domain(heard_of, &tell))
		return;
	for (d = domains; d; d = next) {
		next = d->by_id.next;
		if (!d->gone)
			continue;
		tell |= d->introduced;
		domain_release(d);
	}
	if (tell)
		store_fire_special("@releaseDomain");
}

static void xen_ready(struct source *s, uint32_t events)
{
	int port = xen_next_event();
	struct domain *d = by_port(port);

	(void)s;
	(void)events;
	if (port >= 0 && port == xen_news_port())
		domain_check_all();
	else if (d && d->conn)
		conn_readable(d->conn);
}

void domain_init(void)
{
	static struct source source = { xen_ready };

	if (!domain_find(0))
		domain_new(0, 0);
	if (xen_is_open())
		loop_watch(xen_events_fd(), &source, EPOLLIN);
}

bool domain_connect_own(void)
{
	struct domain *d = domain_find(0);
	uint32_t port;
	struct xenstore_domain_interface *ring = xen_map_own_ring(&port);

	if (!ring || bind_ring(d, port)) {
		log_line("the kernel offers no ring: %m");
		return false;
	}
	attach(d, ring);
	/* What the kernel asked before there was a daemon waits in the ring. */
	conn_readable(d->conn);
	xen_notify(d->port);
	return true;
}

void domain_reattach(struct domain *d)
{
	uint32_t port;
	struct xenstore_domain_interface *ring = d->domid ? xen_map_ring(d->domid, d->mfn) : xen_map_own_ring(&port);

	if (d->port >= 0)
		HASH_ADD(by_port, ports, port, sizeof(d->port), d);
	attach(d, ring);
	if (ring)
		return;
	log_line("domain %u: its ring cannot be mapped again: %m", d->domid);
	conn_lost(d->conn);
}

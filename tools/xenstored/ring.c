// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes through a domain's page; works on any memory, so tests need no hypervisor.
 */
#include <string.h>

#include "ring.h"

static uint32_t load(const volatile uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

ssize_t ring_read(struct xenstore_domain_interface *r, void *buf, size_t len)
{
	uint32_t cons = load(&r->req_cons), prod = load(&r->req_prod);	/* pairs with the domain's barrier before prod */
	uint32_t at = MASK_XENSTORE_IDX(cons);
	size_t n, first;

	if (prod - cons > XENSTORE_RING_SIZE) {
		ring_fault(r, XENSTORE_ERROR_RINGIDX);
		return -1;
	}
	n = min(prod - cons, len);
	first = min(n, XENSTORE_RING_SIZE - at);
	memcpy(buf, r->req + at, first);
	memcpy((char *)buf + first, r->req, n - first);
	/* The bytes are out before the domain may write over them. */
	__atomic_store_n(&r->req_cons, cons + n, __ATOMIC_RELEASE);
	return n;
}

ssize_t ring_write(struct xenstore_domain_interface *r, const void *buf, size_t len)
{
	uint32_t cons = load(&r->rsp_cons), prod = load(&r->rsp_prod);
	uint32_t at = MASK_XENSTORE_IDX(prod);
	size_t n, first;

	if (prod - cons > XENSTORE_RING_SIZE) {
		ring_fault(r, XENSTORE_ERROR_RINGIDX);
		return -1;
	}
	n = min(XENSTORE_RING_SIZE - (prod - cons), len);
	first = min(n, XENSTORE_RING_SIZE - at);
	memcpy(r->rsp + at, buf, first);
	memcpy(r->rsp, (const char *)buf + first, n - first);
	/* The bytes are there before the domain is told of them. */
	__atomic_store_n(&r->rsp_prod, prod + n, __ATOMIC_RELEASE);
	return n;
}

void ring_reset(struct xenstore_domain_interface *r)
{
	r->req_cons = r->req_prod = 0;
	r->rsp_cons = r->rsp_prod = 0;
	r->error = XENSTORE_ERROR_NONE;
	__atomic_store_n(&r->connection, XENSTORE_CONNECTED, __ATOMIC_RELEASE);
}

void ring_fault(struct xenstore_domain_interface *r, uint32_t error)
{
	__atomic_store_n(&r->error, error, __ATOMIC_RELEASE);
}

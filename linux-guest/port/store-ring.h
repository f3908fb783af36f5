/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes to and from the store: two rings in a page. The other side's positions are not believed: where they make no sense
 * there is nothing to read and no room to write. No hypercall, no waiting, so KUnit tests it.
 */
#ifndef PORT_STORE_RING_H
#define PORT_STORE_RING_H

#include <linux/minmax.h>
#include <linux/string.h>
#include <asm/barrier.h>
#include <xen/interface/io/xs_wire.h>

static inline u32 store_room(const struct xenstore_domain_interface *s)
{
	u32 used = s->req_prod - READ_ONCE(s->req_cons);

	return used > XENSTORE_RING_SIZE ? 0 : XENSTORE_RING_SIZE - used;
}

static inline u32 store_waiting(const struct xenstore_domain_interface *s)
{
	u32 n = READ_ONCE(s->rsp_prod) - s->rsp_cons;

	return n > XENSTORE_RING_SIZE ? 0 : n;
}

/** store_put, store_get: as many of @bytes as go at once, perhaps none. Return: how many. */
static inline u32 store_put(struct xenstore_domain_interface *s, const char *from, u32 bytes)
{
	u32 at = MASK_XENSTORE_IDX(s->req_prod), n = min3(bytes, store_room(s), (u32)XENSTORE_RING_SIZE - at);

	mb();				/* the other side's position before the bytes that it frees */
	memcpy(s->req + at, from, n);
	wmb();				/* bytes before our position */
	WRITE_ONCE(s->req_prod, s->req_prod + n);
	return n;
}

static inline u32 store_get(struct xenstore_domain_interface *s, char *to, u32 bytes)
{
	u32 at = MASK_XENSTORE_IDX(s->rsp_cons), n = min3(bytes, store_waiting(s), (u32)XENSTORE_RING_SIZE - at);

	rmb();				/* the other side's position before its bytes */
	memcpy(to, s->rsp + at, n);
	mb();				/* bytes are read before their space is given back */
	WRITE_ONCE(s->rsp_cons, s->rsp_cons + n);
	return n;
}

#endif

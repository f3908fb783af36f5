/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a packet for the frontend is laid out in its buffers of a page each. Pure.
 *
 * Two ways: each piece of the packet (inside of one page of ours) gets a buffer of its own, so that one copy suffices for
 * it; or, when that would take too many buffers, the pieces are packed one behind the other.
 */
#ifndef NETBACK_RX_PLAN_H
#define NETBACK_RX_PLAN_H

#include <linux/minmax.h>
#include <linux/types.h>

#define RX_SLOT_BYTES	4096
/* What every frontend takes: 16 pages, one more as packets do not begin at a page's start, and one for the headers. */
#define RX_PLAN_SLOTS	18
/* Extra information that is apart from it: GSO, hash, headroom. */
#define RX_PLAN_EXTRAS	3

/**
 * struct rx_plan - a packet on its way into buffers
 * @headroom: bytes left free at each buffer's start
 * @packed: see above
 * @nr_slots: buffers used so far, of which the last one may have room
 * @len: bytes in each
 */
struct rx_plan {
	unsigned int headroom, nr_slots;
	bool packed;
	u16 len[RX_PLAN_SLOTS];
};

/**
 * rx_plan_start() - choose the way
 * @bytes: length of the packet, at least 1
 * @pieces: of which it consists, at least 1
 *
 * Return: how many buffers it will take; above RX_PLAN_SLOTS it cannot be sent.
 */
static inline unsigned int rx_plan_start(struct rx_plan *p, unsigned int headroom, unsigned int bytes, unsigned int pieces)
{
	unsigned int room = RX_SLOT_BYTES - headroom, packed = (bytes + room - 1) / room;

	p->headroom = headroom;
	p->nr_slots = 0;
	p->packed = headroom || pieces > packed + 2 || pieces > RX_PLAN_SLOTS;
	return p->packed ? packed : pieces;
}

/**
 * rx_plan_take() - place (the first part of) a piece
 * @begins: it is a piece's beginning
 * @len: bytes left of the piece
 * @slot, @offset: where its first part goes
 *
 * Return: the length of that part.
 */
static inline unsigned int rx_plan_take(struct rx_plan *p, bool begins, unsigned int len, unsigned int *slot,
					unsigned int *offset)
{
	unsigned int last = p->nr_slots - 1, n;

	if (!p->nr_slots || (begins && !p->packed) || p->len[last] + p->headroom == RX_SLOT_BYTES) {
		last = p->nr_slots++;
		p->len[last] = 0;
	}
	*slot = last;
	*offset = p->headroom + p->len[last];
	n = min(len, RX_SLOT_BYTES - *offset);
	p->len[last] += n;
	return n;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet as the responses of a receive ring describe it: its first slot, extra information, further slots.
 *
 * Pure: the caller copies each entry out of the ring and hands in the copy. Needs of Xen only the wire format
 * (xen/interface/io/netif.h and grant_ref_t).
 */
#ifndef NETFRONT_RX_CHAIN_H
#define NETFRONT_RX_CHAIN_H

#include <linux/types.h>
#include <xen/interface/grant_table.h>
#include <xen/interface/io/netif.h>

/* A packet of 64 KiB fills 16 pages, begins somewhere in a page, and may have its headers apart. */
#define RX_CHAIN_SLOTS	(XEN_NETIF_NR_SLOTS_MIN + 1)
#define RX_SLOT_BYTES	4096

struct rx_chain_slot {
	u8 position;	/* entries after the first one of the packet */
	u16 offset, len;
};

/**
 * struct rx_chain - a packet
 * @entries: ring entries used so far, extra information included
 * @slots, @nr_slots: where the data is
 * @len: bytes of all slots
 * @flags: XEN_NETRXF_* of the first entry
 * @failed: the backend reports an error for a part: the packet is to be dropped
 * @gso_type, @gso_size: XEN_NETIF_GSO_TYPE_*, 0 if there is none
 * @hash_type, @hash: XEN_NETIF_CTRL_HASH_TYPE_* index, and value; @hashed if there is one
 */
struct rx_chain {
	unsigned int entries, nr_slots, len;
	struct rx_chain_slot slots[RX_CHAIN_SLOTS];
	u16 flags;
	bool failed, extras_follow, more, hashed;
	u8 gso_type, hash_type;
	u16 gso_size;
	u32 hash;
};

enum rx_chain_state { RX_CHAIN_MORE, RX_CHAIN_DONE, RX_CHAIN_BAD };

/* A response of the ring, as a data slot or as extra information: which it is follows from the entries before. */
union rx_entry {
	struct xen_netif_rx_response data;
	struct xen_netif_extra_info extra;
};

/* Before the first entry of a packet. */
static inline void rx_chain_start(struct rx_chain *c)
{
	c->entries = c->nr_slots = c->len = 0;
	c->failed = c->extras_follow = c->more = c->hashed = false;
	c->gso_type = XEN_NETIF_GSO_TYPE_NONE;
	c->gso_size = 0;
}

/**
 * rx_chain_add() - look at the next entry
 * @c: the packet so far
 * @e: our copy of the entry
 * @why: what is wrong with it, for RX_CHAIN_BAD
 */
enum rx_chain_state rx_chain_add(struct rx_chain *c, const union rx_entry *e, const char **why);

#endif

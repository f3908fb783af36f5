/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet as the requests of a frontend's transmit ring describe it: a first request with the length of the whole,
 * extra information, a request for each further part.
 *
 * Pure: the caller copies each entry out of the ring and hands in the copy. Needs of Xen only the wire format
 * (xen/interface/io/netif.h and grant_ref_t).
 */
#ifndef NETBACK_TX_CHAIN_H
#define NETBACK_TX_CHAIN_H

#include <linux/if_ether.h>
#include <linux/types.h>
#include <xen/interface/grant_table.h>
#include <xen/interface/io/netif.h>

#define TX_CHAIN_SLOTS		XEN_NETIF_NR_SLOTS_MIN
/* Old frontends sent some more: such a packet is dropped; even more are an attack. */
#define TX_CHAIN_TOLERATED	20
/* The first request, its extra information, further requests. */
#define TX_CHAIN_ENTRIES	(TX_CHAIN_TOLERATED + XEN_NETIF_EXTRA_TYPE_MAX)
#define TX_SLOT_BYTES		4096
#define TX_ID_EXTRA		-1

struct tx_chain_slot {
	grant_ref_t gref;
	u16 offset, len;
};

/**
 * struct tx_chain - a packet
 * @entries, @ids: ring entries used so far, and what to answer them with: the identifier, or TX_ID_EXTRA
 * @slots, @nr_slots: where the data is, parts of length 0 left out
 * @len: of the packet
 * @flags: XEN_NETTXF_* of the first request
 * @drop: it is no packet that can be passed on, but no breach of the protocol either
 * @gso_type, @gso_size: XEN_NETIF_GSO_TYPE_*, 0 if there is none
 * @group_change: XEN_NETIF_EXTRA_TYPE_MCAST_ADD or _DEL of @group; such a request carries no packet. 0: none
 */
struct tx_chain {
	unsigned int entries, nr_slots, len, rest;
	int ids[TX_CHAIN_ENTRIES];
	struct tx_chain_slot slots[TX_CHAIN_SLOTS];
	unsigned int nr_requests;
	u16 flags;
	bool drop, extras_follow, more;
	u8 gso_type, group_change, group[ETH_ALEN];
	u16 gso_size;
};

enum tx_chain_state { TX_CHAIN_MORE, TX_CHAIN_DONE, TX_CHAIN_BAD };

union tx_entry {
	struct xen_netif_tx_request data;
	struct xen_netif_extra_info extra;
};

/* Before the first entry of a packet. */
static inline void tx_chain_start(struct tx_chain *c)
{
	c->entries = c->nr_slots = c->nr_requests = c->len = c->rest = 0;
	c->drop = c->extras_follow = c->more = false;
	c->gso_type = XEN_NETIF_GSO_TYPE_NONE;
	c->group_change = 0;
	c->gso_size = 0;
}

/**
 * tx_chain_add() - look at the next entry
 * @c: the packet so far
 * @e: our copy of the entry
 * @why: what is wrong with it, for TX_CHAIN_BAD
 */
enum tx_chain_state tx_chain_add(struct tx_chain *c, const union tx_entry *e, const char **why);

#endif

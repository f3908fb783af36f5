// SPDX-License-Identifier: GPL-2.0-only
/* See tx-chain.h. */
#include <linux/string.h>

#include "tx-chain.h"

static enum tx_chain_state bad(const char **why, const char *what)
{
	*why = what;
	return TX_CHAIN_BAD;
}

/* Everything is there: the first part is what the others leave of the whole. */
static enum tx_chain_state finish(struct tx_chain *c, const char **why)
{
	if (c->group_change)
		return TX_CHAIN_DONE;
	if (c->slots[0].offset + c->rest > TX_SLOT_BYTES)
		return bad(why, "a first part beyond its page");
	c->slots[0].len = c->rest;
	if (c->len < ETH_HLEN || c->slots[0].len == 0)
		c->drop = true;
	return TX_CHAIN_DONE;
}

static enum tx_chain_state next(struct tx_chain *c, const char **why)
{
	return c->extras_follow || c->more ? TX_CHAIN_MORE : finish(c, why);
}

static enum tx_chain_state add_first(struct tx_chain *c, const struct xen_netif_tx_request *r, const char **why)
{
	c->flags = r->flags;
	c->len = c->rest = r->size;
	c->extras_follow = r->flags & XEN_NETTXF_extra_info;
	c->slots[c->nr_slots++] = (struct tx_chain_slot){ r->gref, r->offset, 0 };
	return next(c, why);
}

static enum tx_chain_state add_part(struct tx_chain *c, const struct xen_netif_tx_request *r, const char **why)
{
	if (c->nr_requests > TX_CHAIN_TOLERATED)
		return bad(why, "a packet of too many parts");
	if (r->flags & XEN_NETTXF_extra_info)
		return bad(why, "extra information in the midst of a packet");
	if (r->size > c->rest)
		return bad(why, "parts that are longer than the packet");
	if (r->offset + r->size > TX_SLOT_BYTES)
		return bad(why, "a part beyond its page");
	c->rest -= r->size;
	if (r->size && c->nr_slots < TX_CHAIN_SLOTS)
		c->slots[c->nr_slots++] = (struct tx_chain_slot){ r->gref, r->offset, r->size };
	else if (r->size)
		c->drop = true;
	return next(c, why);
}

static enum tx_chain_state add_request(struct tx_chain *c, const struct xen_netif_tx_request *r, const char **why)
{
	c->ids[c->entries++] = r->id;
	c->nr_requests++;
	c->more = r->flags & XEN_NETTXF_more_data;
	return c->nr_requests == 1 ? add_first(c, r, why) : add_part(c, r, why);
}

static enum tx_chain_state add_gso(struct tx_chain *c, const struct xen_netif_extra_info *e, const char **why)
{
	if (c->gso_type)
		return bad(why, "GSO information twice");
	if (e->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 && e->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6)
		return bad(why, "an unknown GSO type");
	if (!e->u.gso.size)
		return bad(why, "a GSO size of 0");
	c->gso_type = e->u.gso.type;
	c->gso_size = e->u.gso.size;
	return TX_CHAIN_MORE;
}

static enum tx_chain_state add_group(struct tx_chain *c, const struct xen_netif_extra_info *e, const char **why)
{
	if (c->group_change)
		return bad(why, "two multicast groups in one request");
	if (c->more)
		return bad(why, "a multicast request with data");
	if (!(e->u.mcast.addr[0] & 1))
		return bad(why, "a multicast group that is none");
	c->group_change = e->type;
	memcpy(c->group, e->u.mcast.addr, ETH_ALEN);
	return TX_CHAIN_MORE;
}

static enum tx_chain_state add_extra(struct tx_chain *c, const struct xen_netif_extra_info *e, const char **why)
{
	enum tx_chain_state state;

	c->ids[c->entries++] = TX_ID_EXTRA;
	switch (e->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		state = add_gso(c, e, why);
		break;
	case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
	case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
		state = add_group(c, e, why);
		break;
	default:
		return bad(why, "extra information of unknown type");
	}
	if (state == TX_CHAIN_BAD)
		return state;
	c->extras_follow = e->flags & XEN_NETIF_EXTRA_FLAG_MORE;
	if (c->extras_follow && c->entries >= XEN_NETIF_EXTRA_TYPE_MAX)
		return bad(why, "too much extra information");
	return next(c, why);
}

enum tx_chain_state tx_chain_add(struct tx_chain *c, const union tx_entry *e, const char **why)
{
	return c->extras_follow ? add_extra(c, &e->extra, why) : add_request(c, &e->data, why);
}

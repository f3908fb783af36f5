// SPDX-License-Identifier: GPL-2.0-only
/* See rx-chain.h. */
#include <linux/string.h>

#include "rx-chain.h"

static enum rx_chain_state bad(const char **why, const char *what)
{
	*why = what;
	return RX_CHAIN_BAD;
}

static enum rx_chain_state state_of(const struct rx_chain *c)
{
	return c->extras_follow || c->more ? RX_CHAIN_MORE : RX_CHAIN_DONE;
}

static enum rx_chain_state add_slot(struct rx_chain *c, const struct xen_netif_rx_response *r, const char **why)
{
	if (c->nr_slots == RX_CHAIN_SLOTS)
		return bad(why, "a packet of too many slots");
	if (!c->nr_slots) {
		c->flags = r->flags;
		c->extras_follow = r->flags & XEN_NETRXF_extra_info;
		if (r->flags & XEN_NETRXF_gso_prefix)
			return bad(why, "a GSO prefix, which was not negotiated");
	} else if (r->flags & XEN_NETRXF_extra_info) {
		return bad(why, "extra information in the midst of a packet");
	}
	if (r->status < 0)
		c->failed = true;
	else if (r->offset + r->status > RX_SLOT_BYTES)
		return bad(why, "a slot beyond its page");
	c->slots[c->nr_slots++] = (struct rx_chain_slot){ c->entries++, r->offset, r->status < 0 ? 0 : r->status };
	c->len += r->status < 0 ? 0 : r->status;
	c->more = r->flags & XEN_NETRXF_more_data;
	return state_of(c);
}

static enum rx_chain_state add_extra(struct rx_chain *c, const struct xen_netif_extra_info *e, const char **why)
{
	switch (e->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		if (c->gso_type)
			return bad(why, "GSO information twice");
		if (e->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 && e->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6)
			return bad(why, "an unknown GSO type");
		if (!e->u.gso.size)
			return bad(why, "a GSO size of 0");
		c->gso_type = e->u.gso.type;
		c->gso_size = e->u.gso.size;
		break;
	case XEN_NETIF_EXTRA_TYPE_HASH:
		if (c->hashed)
			return bad(why, "a hash twice");
		c->hashed = true;
		c->hash_type = e->u.hash.type;
		memcpy(&c->hash, e->u.hash.value, sizeof(c->hash));
		break;
	case XEN_NETIF_EXTRA_TYPE_XDP:
		break;
	default:
		return bad(why, "extra information of unknown type");
	}
	c->entries++;
	c->extras_follow = e->flags & XEN_NETIF_EXTRA_FLAG_MORE;
	if (c->extras_follow && c->entries > XEN_NETIF_EXTRA_TYPE_MAX)
		return bad(why, "too much extra information");
	return state_of(c);
}

enum rx_chain_state rx_chain_add(struct rx_chain *c, const union rx_entry *e, const char **why)
{
	return c->extras_follow ? add_extra(c, &e->extra, why) : add_slot(c, &e->data, why);
}

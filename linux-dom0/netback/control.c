// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control ring: by it a frontend chooses a hash, its key, the kinds of packets it is for, and a table from hash values
 * to queues. The answers are written by a work item; the present choice is an object of its own that packets read under
 * RCU and that each change replaces.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/ip.h>

#include "netback.h"

#define CONTROL_SLOTS	__CONST_RING_SIZE(xen_netif_ctrl, XEN_PAGE_SIZE)
#define ALL_FLAGS	(XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP | \
			 XEN_NETIF_CTRL_HASH_TYPE_IPV6 | XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)

/* Copy from the frontend's page: whole, or not at all. */
static bool copy_in(struct netback *nb, grant_ref_t ref, void *to, unsigned int len)
{
	struct gnttab_copy op = {
		.source.u.ref = ref, .source.domid = nb->domid,
		.dest.u.gmfn = virt_to_gfn(to), .dest.domid = DOMID_SELF, .dest.offset = xen_offset_in_page(to),
		.len = len, .flags = GNTCOPY_source_gref,
	};

	gnttab_batch_copy(&op, 1);
	return op.status == GNTST_okay;
}

static u32 set_key(struct netback *nb, struct netback_hash *h, grant_ref_t ref, u32 len)
{
	u8 *page;
	bool good;

	if (len > HASH_KEY_BYTES)
		return XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW;
	memset(h->key, 0, sizeof(h->key));
	if (!len)
		return XEN_NETIF_CTRL_STATUS_SUCCESS;
	page = (u8 *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	good = copy_in(nb, ref, page, len);
	memcpy(h->key, page, len);
	free_page((unsigned long)page);
	return good ? XEN_NETIF_CTRL_STATUS_SUCCESS : XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
}

static u32 check_mapping(struct netback *nb, const u32 *entries, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		if (entries[i] >= nb->nr_queues)
			return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static u32 set_mapping(struct netback *nb, struct netback_hash *h, grant_ref_t ref, u32 len, u32 at)
{
	u32 *page, status = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;

	if (len > MAPPING_MAX || at > MAPPING_MAX || at + len > h->mapping_size)
		return XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW;
	if (!len)
		return XEN_NETIF_CTRL_STATUS_SUCCESS;
	page = (u32 *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return status;
	if (copy_in(nb, ref, page, len * sizeof(u32)))
		status = check_mapping(nb, page, len);
	if (status == XEN_NETIF_CTRL_STATUS_SUCCESS)
		memcpy(h->mapping + at, page, len * sizeof(u32));
	free_page((unsigned long)page);
	return status;
}

static u32 set_algorithm(struct netback_hash *h, u32 algorithm)
{
	if (algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_NONE && algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	h->algorithm = algorithm;
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static u32 set_flags(struct netback_hash *h, u32 flags)
{
	if (flags & ~ALL_FLAGS)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	if (h->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	h->flags = flags;
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static u32 set_mapping_size(struct netback_hash *h, u32 size)
{
	if (size > MAPPING_MAX)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	h->mapping_size = size;
	memset(h->mapping, 0, sizeof(h->mapping));
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

/* Do what a request says to h, a copy of the present choice. */
static u32 change(struct netback *nb, struct netback_hash *h, const struct xen_netif_ctrl_request *r, u32 *data)
{
	switch (r->type) {
	case XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM:
		return set_algorithm(h, r->data[0]);
	case XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS:
		*data = ALL_FLAGS;
		return XEN_NETIF_CTRL_STATUS_SUCCESS;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS:
		return set_flags(h, r->data[0]);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_KEY:
		return set_key(nb, h, r->data[0], r->data[1]);
	case XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE:
		*data = MAPPING_MAX;
		return XEN_NETIF_CTRL_STATUS_SUCCESS;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE:
		return set_mapping_size(h, r->data[0]);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
		return set_mapping(nb, h, r->data[0], r->data[1], r->data[2]);
	default:
		return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
	}
}

static u32 handle(struct netback *nb, const struct xen_netif_ctrl_request *r, u32 *data)
{
	struct netback_hash *old = rcu_dereference_protected(nb->hash, 1), *new;
	u32 status;

	new = old ? kmemdup(old, sizeof(*old), GFP_KERNEL) : kzalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	status = change(nb, new, r, data);
	if (status != XEN_NETIF_CTRL_STATUS_SUCCESS) {
		kfree(new);
		return status;
	}
	rcu_assign_pointer(nb->hash, new);
	synchronize_net();
	kfree(old);
	return status;
}

static void answer(struct netback *nb, const struct xen_netif_ctrl_request *r, u32 status, u32 data)
{
	int notify;

	*RING_GET_RESPONSE(&nb->control, nb->control.rsp_prod_pvt++) = (struct xen_netif_ctrl_response){
		.id = r->id, .type = r->type, .status = status, .data = data,
	};
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&nb->control, notify);
	if (notify)
		notify_remote_via_irq(nb->control_irq);
}

static void control_work(struct work_struct *work)
{
	struct netback *nb = container_of(work, struct netback, control_work);
	RING_IDX producer = READ_ONCE(nb->control.sring->req_prod);
	bool idle = producer == nb->control.req_cons;
	struct xen_netif_ctrl_request r;
	u32 status, data;

	if (producer - nb->control.req_cons > CONTROL_SLOTS) {
		netback_fault(nb, "more control requests than the ring has");
		return;
	}
	virt_rmb(); /* the requests were written before req_prod */
	while (nb->control.req_cons != producer) {
		RING_COPY_REQUEST(&nb->control, nb->control.req_cons, &r);
		nb->control.req_cons++;
		data = 0;
		status = handle(nb, &r, &data);
		answer(nb, &r, status, data);
	}
	nb->control.sring->req_event = producer + 1;
	virt_mb(); /* the frontend reads req_event after it has written req_prod: one of us sees the other's */
	if (READ_ONCE(nb->control.sring->req_prod) != producer)
		schedule_work(work);
	else
		xen_irq_lateeoi(nb->control_irq, idle ? XEN_EOI_FLAG_SPURIOUS : 0);
}

static irqreturn_t control_interrupt(int irq, void *data)
{
	struct netback *nb = data;

	schedule_work(&nb->control_work);
	return IRQ_HANDLED;
}

int netback_control_connect(struct netback *nb, grant_ref_t ref, evtchn_port_t port)
{
	struct xen_netif_ctrl_sring *ring;
	int rc;

	rc = xenbus_map_ring_valloc(nb->dev, &ref, 1, (void **)&ring);
	if (rc)
		return rc;
	BACK_RING_ATTACH(&nb->control, ring, READ_ONCE(ring->rsp_prod), XEN_PAGE_SIZE);
	INIT_WORK(&nb->control_work, control_work);
	rc = bind_interdomain_evtchn_to_irqhandler_lateeoi(nb->dev, port, control_interrupt, 0, nb->netdev->name, nb);
	if (rc < 0) {
		xenbus_unmap_ring_vfree(nb->dev, ring);
		nb->control.sring = NULL;
		return rc;
	}
	nb->control_irq = rc;
	return 0;
}

void netback_control_disconnect(struct netback *nb)
{
	struct netback_hash *old = rcu_dereference_protected(nb->hash, 1);

	if (!nb->control.sring)
		return;
	disable_irq(nb->control_irq);
	cancel_work_sync(&nb->control_work);
	unbind_from_irqhandler(nb->control_irq, nb);
	nb->control_irq = 0;
	xenbus_unmap_ring_vfree(nb->dev, nb->control.sring);
	nb->control.sring = NULL;
	RCU_INIT_POINTER(nb->hash, NULL);
	synchronize_net();
	kfree(old);
}

/* Addresses and ports as they lie in the packet: their number of bytes, 0 if the packet is of no kind chosen. */
static unsigned int input4(const struct sk_buff *skb, u32 flags, u8 *to, u8 *type)
{
	struct iphdr buffer;
	const struct iphdr *ip = skb_header_pointer(skb, skb_network_offset(skb), sizeof(buffer), &buffer);
	int ports;

	if (!ip || ip->ihl < 5)
		return 0;
	memcpy(to, &ip->saddr, sizeof(ip->saddr));
	memcpy(to + sizeof(ip->saddr), &ip->daddr, sizeof(ip->daddr));
	ports = skb_network_offset(skb) + ip->ihl * 4;
	if (flags & XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP && ip->protocol == IPPROTO_TCP && !ip_is_fragment(ip) &&
	    !skb_copy_bits(skb, ports, to + 8, 4)) {
		*type = _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP;
		return 12;
	}
	*type = _XEN_NETIF_CTRL_HASH_TYPE_IPV4;
	return flags & XEN_NETIF_CTRL_HASH_TYPE_IPV4 ? 8 : 0;
}

static unsigned int input6(const struct sk_buff *skb, u32 flags, u8 *to, u8 *type)
{
	struct ipv6hdr buffer;
	const struct ipv6hdr *ip = skb_header_pointer(skb, skb_network_offset(skb), sizeof(buffer), &buffer);

	if (!ip)
		return 0;
	memcpy(to, &ip->saddr, sizeof(ip->saddr));
	memcpy(to + sizeof(ip->saddr), &ip->daddr, sizeof(ip->daddr));
	if (flags & XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP && ip->nexthdr == IPPROTO_TCP &&
	    !skb_copy_bits(skb, skb_network_offset(skb) + sizeof(*ip), to + 32, 4)) {
		*type = _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP;
		return 36;
	}
	*type = _XEN_NETIF_CTRL_HASH_TYPE_IPV6;
	return flags & XEN_NETIF_CTRL_HASH_TYPE_IPV6 ? 32 : 0;
}

static bool hash_under_rcu(const struct netback_hash *h, struct sk_buff *skb, u32 *hash, u8 *type, u16 *queue)
{
	u8 input[HASH_INPUT_MAX];
	unsigned int bytes = 0;

	if (!h || h->algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
		return false;
	if (skb->protocol == htons(ETH_P_IP))
		bytes = input4(skb, h->flags, input, type);
	else if (skb->protocol == htons(ETH_P_IPV6))
		bytes = input6(skb, h->flags, input, type);
	if (!bytes)
		return false;
	*hash = toeplitz_hash(h->key, input, bytes);
	*queue = h->mapping_size ? h->mapping[*hash % h->mapping_size] : 0;
	return true;
}

bool netback_hash_skb(struct netback *nb, struct sk_buff *skb, u32 *hash, u8 *type, u16 *queue)
{
	bool found;

	rcu_read_lock();
	found = hash_under_rcu(rcu_dereference(nb->hash), skb, hash, type, queue);
	rcu_read_unlock();
	return found;
}

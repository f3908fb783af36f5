// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets out. Each page (part) of a packet is granted for reading and named in one slot; the first slot's size is that
 * of the whole packet. The backend answers each slot, in any order; then the grant ends and the slot is free.
 *
 * The queue's transmit lock (netif_tx_lock of its netdev_queue) protects everything here.
 */
#include <linux/mm.h>
#include <linux/skbuff.h>

#include "netfront.h"

void netfront_tx_init(struct netfront_queue *queue)
{
	unsigned int i;

	for (i = 0; i < TX_SLOTS; i++)
		queue->tx_slots[i] = (struct netfront_tx_slot){ .kind = TX_FREE, .next = i + 1 };
	queue->tx_slots[TX_SLOTS - 1].next = NO_SLOT;
	queue->tx_free = 0;
	queue->tx_nr_free = TX_SLOTS;
	queue->tx_told = 0;
}

/* Take a free slot for a part of the packet that begins with slot first (NO_SLOT: with this one). */
static u16 take_slot(struct netfront_queue *queue, u16 first, enum tx_kind kind)
{
	u16 id = queue->tx_free;
	struct netfront_tx_slot *slot = &queue->tx_slots[id];

	queue->tx_free = slot->next;
	queue->tx_nr_free--;
	slot->kind = kind;
	slot->owner = NULL;
	slot->page = NULL;
	slot->bounced = slot->answered = false;
	slot->pending = 0;
	slot->next = first == NO_SLOT ? id : first;
	queue->tx_slots[slot->next].pending++;
	return id;
}

static void release_slot(struct netfront_queue *queue, u16 id)
{
	struct netfront_tx_slot *slot = &queue->tx_slots[id];

	slot->kind = TX_FREE;
	slot->page = NULL;
	slot->next = queue->tx_free;
	queue->tx_free = id;
	queue->tx_nr_free++;
}

/* The backend may see a whole page: give it one that holds nothing else. */
static struct page *bounce(struct page *page, unsigned int offset, unsigned int len)
{
	struct page *copy = alloc_page(GFP_ATOMIC | __GFP_NOWARN | __GFP_ZERO);

	if (copy)
		memcpy(page_address(copy) + offset, page_address(page) + offset, len);
	return copy;
}

/* One request. Returns the slot's number. */
static u16 put_request(struct netfront_queue *queue, u16 first, enum tx_kind kind, struct page *page, unsigned int offset,
		       unsigned int len, bool bounced)
{
	u16 id = take_slot(queue, first, kind);
	grant_ref_t ref = queue->tx_grefs[id];

	queue->tx_slots[id].page = page;
	queue->tx_slots[id].bounced = bounced;
	gnttab_grant_foreign_access_ref(ref, queue->front->dev->otherend_id, xen_page_to_gfn(page), GNTMAP_readonly);
	*RING_GET_REQUEST(&queue->tx, queue->tx.req_prod_pvt++) = (struct xen_netif_tx_request){
		.gref = ref, .offset = offset, .id = id, .size = len,
	};
	return id;
}

/* A packet while its slots are written. */
struct tx_packet {
	struct netfront_queue *queue;
	struct sk_buff *skb;
	u16 first;
	struct xen_netif_tx_request *last;
};

static struct xen_netif_extra_info *put_extra(struct netfront_queue *queue)
{
	return (void *)RING_GET_REQUEST(&queue->tx, queue->tx.req_prod_pvt++);
}

static void put_gso(struct netfront_queue *queue, const struct sk_buff *skb)
{
	bool v6 = skb_shinfo(skb)->gso_type & SKB_GSO_TCPV6;

	*put_extra(queue) = (struct xen_netif_extra_info){
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.u.gso.size = skb_shinfo(skb)->gso_size,
		.u.gso.type = v6 ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4,
	};
}

static u16 checksum_flags(const struct sk_buff *skb)
{
	switch (skb->ip_summed) {
	case CHECKSUM_PARTIAL:
		return XEN_NETTXF_csum_blank | XEN_NETTXF_data_validated;
	case CHECKSUM_UNNECESSARY:
		return XEN_NETTXF_data_validated;
	default:
		return 0;
	}
}

static void first_request(struct tx_packet *p, u16 id)
{
	p->first = id;
	p->queue->tx_slots[id].owner = p->skb;
	p->last->size = p->skb->len;
	p->last->flags = checksum_flags(p->skb);
	if (skb_is_gso(p->skb)) {
		p->last->flags |= XEN_NETTXF_extra_info;
		put_gso(p->queue, p->skb);
	}
}

/* A part inside of one page. */
static bool put_piece(struct tx_packet *p, struct page *page, unsigned int offset, unsigned int len)
{
	bool bounced = unlikely(!p->queue->front->trusted);
	struct xen_netif_tx_request *previous = p->last;
	u16 id;

	if (bounced) {
		page = bounce(page, offset, len);
		if (!page)
			return false;
	}
	p->last = RING_GET_REQUEST(&p->queue->tx, p->queue->tx.req_prod_pvt);
	id = put_request(p->queue, p->first, TX_SKB, page, offset, len, bounced);
	if (p->first == NO_SLOT)
		first_request(p, id);
	else
		previous->flags |= XEN_NETTXF_more_data;
	return true;
}

static bool put_range(struct tx_packet *p, struct page *page, unsigned int offset, unsigned int len)
{
	page += offset >> PAGE_SHIFT;
	offset &= ~PAGE_MASK;
	while (len) {
		unsigned int n = min_t(unsigned int, len, PAGE_SIZE - offset);

		if (!put_piece(p, page, offset, n))
			return false;
		len -= n;
		offset = 0;
		page++;
	}
	return true;
}

static bool put_skb(struct tx_packet *p)
{
	struct sk_buff *skb = p->skb;
	unsigned int i;

	if (!put_range(p, virt_to_page(skb->data), offset_in_page(skb->data), skb_headlen(skb)))
		return false;
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		if (!put_range(p, skb_frag_page(frag), skb_frag_off(frag), skb_frag_size(frag)))
			return false;
	}
	return true;
}

static unsigned int slots_of(const struct sk_buff *skb)
{
	unsigned int i, n = netif_pages_of(offset_in_page(skb->data), skb_headlen(skb));

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		n += netif_pages_of(skb_frag_off(frag), skb_frag_size(frag));
	}
	return n;
}

/* Tell the backend of the requests pushed that it was not told of, if it wants to know. All that are there are pushed. */
static void tell(struct netfront_queue *queue, bool later)
{
	RING_IDX end = queue->tx.req_prod_pvt, event;

	virt_mb(); /* the backend reads req_prod after it has written req_event: one of us sees the other's */
	event = READ_ONCE(queue->tx.sring->req_event);
	if ((RING_IDX)(end - event) >= (RING_IDX)(end - queue->tx_told)) {
		queue->tx_told = end;
	} else if (later) {
		netif_tell_later(&queue->teller);
	} else {
		queue->tx_told = end;
		notify_remote_via_evtchn(queue->channels[0].port);
	}
}

void netfront_tx_push(struct netfront_queue *queue, bool later)
{
	RING_PUSH_REQUESTS(&queue->tx);
	tell(queue, later);
}

void netfront_tx_push_polled(struct netfront_queue *queue)
{
	struct netdev_queue *txq = netfront_txq(queue);

	__netif_tx_lock(txq, smp_processor_id());
	queue->polling = false;
	if (queue->tx.sring->req_prod != queue->tx.req_prod_pvt)
		netfront_tx_push(queue, false);
	__netif_tx_unlock(txq);
}

void netfront_tx_tell(struct kthread_work *work)
{
	struct netfront_queue *queue = container_of(work, struct netfront_queue, teller.work);
	struct netdev_queue *txq = netfront_txq(queue);

	__netif_tx_lock_bh(txq);
	netfront_tx_push(queue, false);
	__netif_tx_unlock_bh(txq);
}

/* A packet's first slot is not free before all of them are answered, though its request has left the ring. */
static bool tx_has_room(struct netfront_queue *queue)
{
	return RING_FREE_REQUESTS(&queue->tx) >= TX_PACKET_SLOTS && queue->tx_nr_free >= TX_PACKET_SLOTS;
}

/* Stop when another packet might not fit; the answers to what is under way start the queue again. */
static void stop_if_full(struct netfront_queue *queue)
{
	struct netdev_queue *txq = netfront_txq(queue);

	if (tx_has_room(queue))
		return;
	netif_tx_stop_queue(txq);
	queue->tx_full++;
}

static void unsend_slot(struct netfront_queue *queue, u16 id)
{
	struct netfront_tx_slot *slot = &queue->tx_slots[id];

	if (!gnttab_end_foreign_access_ref(queue->tx_grefs[id]))
		netfront_fault(queue->front, "a page is in use that was never sent");
	else if (slot->bounced)
		__free_page(slot->page);
	release_slot(queue, id);
}

/* Nobody was told about the requests since this one: take them back. */
static void take_back(struct netfront_queue *queue, RING_IDX from, u16 first)
{
	unsigned int id;

	queue->tx.req_prod_pvt = from;
	for (id = 0; first != NO_SLOT && id < TX_SLOTS; id++)
		if (queue->tx_slots[id].kind != TX_FREE && queue->tx_slots[id].next == first)
			unsend_slot(queue, id);
}

static bool fits(struct sk_buff *skb)
{
	if (unlikely(skb->len > XEN_NETIF_MAX_TX_SIZE))
		return false;
	if (likely(slots_of(skb) <= XEN_NETIF_NR_SLOTS_MIN))
		return true;
	return !skb_linearize(skb) && slots_of(skb) <= XEN_NETIF_NR_SLOTS_MIN;
}

netdev_tx_t netfront_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct netfront *front = netdev_priv(netdev);
	struct netfront_queue *queue = &front->queues[skb_get_queue_mapping(skb)];
	struct tx_packet p = { .queue = queue, .skb = skb, .first = NO_SLOT };
	RING_IDX from = queue->tx.req_prod_pvt;
	bool large = skb->len >= NETIF_LARGE;

	if (unlikely(!tx_has_room(queue))) {
		netif_tx_stop_queue(netfront_txq(queue));
		return NETDEV_TX_BUSY;
	}
	if (unlikely(!fits(skb)))
		goto drop;
	if (unlikely(!put_skb(&p))) {
		take_back(queue, from, p.first);
		goto drop;
	}
	netif_count(&queue->tx_stats, 1, skb->len);
	skb_tx_timestamp(skb);
	stop_if_full(queue);
	if (netif_xmit_stopped(netfront_txq(queue)))
		netfront_tx_push(queue, false);
	else if (!netdev_xmit_more() && !queue->polling)
		netfront_tx_push(queue, large);
	return NETDEV_TX_OK;
drop:
	queue->tx_stats.dropped++;
	dev_kfree_skb_any(skb);
	if (!netdev_xmit_more() && !queue->polling)
		netfront_tx_push(queue, false);
	return NETDEV_TX_OK;
}

int netfront_tx_frame(struct netfront_queue *queue, struct xdp_frame *frame)
{
	struct page *page = virt_to_page(frame->data);
	bool bounced = !queue->front->trusted;
	u16 id;

	if (!tx_has_room(queue))
		return -ENOSPC;
	/* Pointers of the kernel lie before a frame. */
	if (bounced)
		page = bounce(page, offset_in_page(frame->data), frame->len);
	if (!page)
		return -ENOMEM;
	id = put_request(queue, NO_SLOT, TX_FRAME, page, offset_in_page(frame->data), frame->len, bounced);
	queue->tx_slots[id].owner = frame;
	netif_count(&queue->tx_stats, 1, frame->len);
	return 0;
}

static void free_owner(enum tx_kind kind, void *owner, int budget)
{
	if (kind == TX_SKB)
		napi_consume_skb(owner, budget);
	else if (kind == TX_FRAME)
		xdp_return_frame(owner);
}

/* One slot is answered: false if it is not one that is under way. A packet's first slot stays until all are answered. */
static bool tx_answered(struct netfront_queue *queue, u16 id, int budget)
{
	struct netfront_tx_slot *slot = &queue->tx_slots[id], *first;
	u16 first_id;

	if (unlikely(id >= TX_SLOTS || slot->kind == TX_FREE || slot->answered))
		return false;
	if (slot->page && unlikely(!gnttab_end_foreign_access_ref(queue->tx_grefs[id]))) {
		netfront_fault(queue->front, "a transmitted page is answered but still in use");
		return true;
	}
	if (unlikely(slot->bounced))
		__free_page(slot->page);
	slot->page = NULL;
	slot->answered = true;
	first_id = slot->next;
	first = &queue->tx_slots[first_id];
	if (id != first_id)
		release_slot(queue, id);
	if (--first->pending)
		return true;
	free_owner(first->kind, first->owner, budget);
	release_slot(queue, first_id);
	return true;
}

static bool take_answers(struct netfront_queue *queue, RING_IDX producer, int budget)
{
	struct xen_netif_tx_response r;

	while (queue->tx.rsp_cons != producer) {
		RING_COPY_RESPONSE(&queue->tx, queue->tx.rsp_cons, &r);
		queue->tx.rsp_cons++;
		if (r.status == XEN_NETIF_RSP_NULL)
			continue;
		if (unlikely(!tx_answered(queue, r.id, budget))) {
			netfront_fault(queue->front, "an answer to no transmit request");
			return false;
		}
		if (r.status < 0)
			queue->tx_stats.errors++;
	}
	return true;
}

/* Ask for an event when half of what is under way is answered: sooner there is little to do. */
static bool tx_arm(struct netfront_queue *queue)
{
	RING_IDX under_way = queue->tx.req_prod_pvt - queue->tx.rsp_cons;

	queue->tx.sring->rsp_event = queue->tx.rsp_cons + (under_way >> 1) + 1;
	virt_mb(); /* the backend reads rsp_event after it has written rsp_prod: one of us sees the other's */
	return READ_ONCE(queue->tx.sring->rsp_prod) != queue->tx.rsp_cons;
}

bool netfront_tx_clean(struct netfront_queue *queue, int budget)
{
	struct netdev_queue *txq = netfront_txq(queue);
	RING_IDX producer, before;

	if (READ_ONCE(queue->tx.sring->rsp_prod) == queue->tx.rsp_cons && queue->tx.req_prod_pvt == queue->tx.rsp_cons)
		return false;
	__netif_tx_lock(txq, smp_processor_id());
	before = queue->tx.rsp_cons;
	do {
		producer = READ_ONCE(queue->tx.sring->rsp_prod);
		if (unlikely(producer - queue->tx.rsp_cons > queue->tx.req_prod_pvt - queue->tx.rsp_cons)) {
			netfront_fault(queue->front, "more transmit answers than requests");
			break;
		}
		virt_rmb(); /* the answers were written before rsp_prod */
		if (!take_answers(queue, producer, budget))
			break;
	} while (tx_arm(queue));
	if (unlikely(queue->tx.rsp_cons == queue->tx.req_prod_pvt && queue->tx_nr_free != TX_SLOTS))
		netfront_fault(queue->front, "all transmit requests are answered, but not by their numbers");
	if (netif_tx_queue_stopped(txq) && tx_has_room(queue) && !test_bit(0, &queue->front->broken))
		netif_tx_wake_queue(txq);
	__netif_tx_unlock(txq);
	return queue->tx.rsp_cons != before;
}

/* The queue ends: what was not answered will not be. A page goes when the backend lets go of it. */
void netfront_tx_drop_all(struct netfront_queue *queue)
{
	unsigned int i;

	for (i = 0; i < TX_SLOTS; i++) {
		struct netfront_tx_slot *slot = &queue->tx_slots[i];

		if (!slot->page || queue->tx_grefs[i] == NO_GRANT)
			continue;
		if (!slot->bounced)
			get_page(slot->page);
		gnttab_end_foreign_access(queue->tx_grefs[i], slot->page);
		queue->tx_grefs[i] = NO_GRANT;
	}
	for (i = 0; i < TX_SLOTS; i++) {
		struct netfront_tx_slot *slot = &queue->tx_slots[i];

		if (slot->kind != TX_FREE && slot->owner)
			free_owner(slot->kind, slot->owner, 0);
	}
	netfront_tx_init(queue);
}

static bool put_group(struct netfront_queue *queue, u8 type, const u8 *address)
{
	struct xen_netif_extra_info extra = { .type = type };
	u16 id;

	if (!tx_has_room(queue))
		return false;
	id = take_slot(queue, NO_SLOT, TX_MESSAGE);
	*RING_GET_REQUEST(&queue->tx, queue->tx.req_prod_pvt++) = (struct xen_netif_tx_request){
		.id = id, .flags = XEN_NETTXF_extra_info,
	};
	ether_addr_copy(extra.u.mcast.addr, address);
	*put_extra(queue) = extra;
	return true;
}

static bool wanted(struct net_device *netdev, const u8 *address)
{
	struct netdev_hw_addr *ha;

	netdev_for_each_mc_addr(ha, netdev)
		if (ether_addr_equal(ha->addr, address))
			return true;
	return false;
}

static bool told(struct netfront *front, const u8 *address)
{
	unsigned int i;

	for (i = 0; i < front->nr_groups; i++)
		if (ether_addr_equal(front->groups[i], address))
			return true;
	return false;
}

static void leave_groups(struct netfront *front, struct netfront_queue *queue)
{
	unsigned int i = 0;

	while (i < front->nr_groups) {
		if (wanted(front->netdev, front->groups[i])) {
			i++;
			continue;
		}
		if (!put_group(queue, XEN_NETIF_EXTRA_TYPE_MCAST_DEL, front->groups[i]))
			return;
		ether_addr_copy(front->groups[i], front->groups[--front->nr_groups]);
	}
}

static void join_groups(struct netfront *front, struct netfront_queue *queue)
{
	struct netdev_hw_addr *ha;

	netdev_for_each_mc_addr(ha, front->netdev) {
		if (told(front, ha->addr))
			continue;
		if (front->nr_groups == MAX_GROUPS || !put_group(queue, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, ha->addr))
			return;
		ether_addr_copy(front->groups[front->nr_groups++], ha->addr);
	}
}

void netfront_tx_multicast(struct netfront *front)
{
	struct netfront_queue *queue = &front->queues[0];
	struct netdev_queue *txq = netfront_txq(queue);

	__netif_tx_lock_bh(txq);
	leave_groups(front, queue);
	join_groups(front, queue);
	netfront_tx_push(queue, false);
	__netif_tx_unlock_bh(txq);
}

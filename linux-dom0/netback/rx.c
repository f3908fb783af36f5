// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the frontend receives. The network stack hands a packet over; the copies into the frontend's buffers are ordered,
 * and made by one hypercall when no further packet is announced. When there might be no room for another packet the
 * stack's queue is stopped, and started by the event that new buffers cause; for a frontend that gives none for long,
 * packets are dropped, so that they do not hold up whoever sent them.
 *
 * The stack's transmit lock of the queue protects everything here.
 */
#include <linux/skbuff.h>

#include "netback.h"

#define MOST_SLOTS	(RX_PLAN_SLOTS + RX_PLAN_EXTRAS)
#define MOST_PIECES	40
#define MOST_OPS	(2 * MOST_PIECES)
#define STALL_TIME	(10 * HZ)
#define PROMPT_EVENTS	4	/* for small packets, in one jiffy */

/* A packet while its copies are ordered. */
struct rx_packet {
	struct netback_queue *queue;
	struct sk_buff *skb;
	RING_IDX start;
	unsigned int nr_extras, nr_taken;
	struct xen_netif_rx_request requests[RX_PLAN_SLOTS];
};

static unsigned int buffers_there(struct netback_queue *queue)
{
	RING_IDX n = READ_ONCE(queue->rx.sring->req_prod) - queue->rx.req_cons;

	if (unlikely(n > RING_SLOTS)) {
		netback_fault(queue->nb, "more buffers than its ring has");
		return 0;
	}
	virt_rmb(); /* the requests were written before req_prod */
	return n;
}

/* Ask for an event when the largest packet would fit. true: it does already. */
static bool arm(struct netback_queue *queue)
{
	queue->rx.sring->req_event = queue->rx.req_cons + MOST_SLOTS;
	virt_mb(); /* the frontend reads req_event after it has written req_prod: one of us sees the other's */
	return buffers_there(queue) >= MOST_SLOTS;
}

static void stop_if_full(struct netback_queue *queue)
{
	struct netdev_queue *txq = netback_txq(queue);

	if (likely(buffers_there(queue) >= MOST_SLOTS) || queue->stalled)
		return;
	netif_tx_stop_queue(txq);
	if (arm(queue)) {
		netif_tx_start_queue(txq);
		return;
	}
	queue->rx_stats.stopped++;
	mod_timer(&queue->stall_timer, jiffies + STALL_TIME);
}

bool netback_rx_wake(struct netback_queue *queue)
{
	struct netdev_queue *txq = netback_txq(queue);
	bool woken = false;

	if (likely(!netif_tx_queue_stopped(txq) && !queue->stalled))
		return false;
	__netif_tx_lock(txq, smp_processor_id());
	if (buffers_there(queue) >= MOST_SLOTS && !test_bit(0, &queue->nb->broken)) {
		del_timer(&queue->stall_timer);
		queue->stalled = false;
		netif_tx_wake_queue(txq);
		woken = true;
	}
	__netif_tx_unlock(txq);
	return woken;
}

void netback_rx_stall(struct timer_list *timer)
{
	struct netback_queue *queue = from_timer(queue, timer, stall_timer);
	struct netdev_queue *txq = netback_txq(queue);

	__netif_tx_lock(txq, smp_processor_id());
	if (netif_tx_queue_stopped(txq) && netif_carrier_ok(queue->nb->netdev)) {
		queue->stalled = true;
		netif_tx_wake_queue(txq);
	}
	__netif_tx_unlock(txq);
}

static void complete_ops(struct netback_queue *queue)
{
	unsigned int i;

	gnttab_batch_copy(queue->rx_ops, queue->nr_rx_ops);
	for (i = 0; i < queue->nr_rx_ops; i++) {
		if (likely(queue->rx_ops[i].status == GNTST_okay))
			continue;
		RING_GET_RESPONSE(&queue->rx, queue->rx_op_slots[i])->status = XEN_NETIF_RSP_ERROR;
		netback_fault(queue->nb, "a grant that cannot be copied to");
	}
	queue->nr_rx_ops = 0;
}

/*
 * So many packets that an event for each would have two changes of domain for each: tell of them as of large ones, when the
 * sender pauses. Who sends and waits for an answer pauses at once.
 */
static bool dense(struct netback_queue *queue)
{
	if (queue->rx_jiffy != jiffies) {
		queue->rx_jiffy = jiffies;
		queue->rx_prompt = 0;
	}
	return queue->rx_prompt++ >= PROMPT_EVENTS;
}

/* Tell the frontend of responses that it was not told of, if it wants to know: now, or when the CPU is idle. */
static void tell(struct netback_queue *queue, bool later)
{
	RING_IDX end = queue->rx.rsp_prod_pvt, event;

	virt_mb(); /* the frontend reads rsp_prod after it has written rsp_event: one of us sees the other's */
	event = READ_ONCE(queue->rx.sring->rsp_event);
	if ((RING_IDX)(end - event) >= (RING_IDX)(end - queue->rx_told)) {
		queue->rx_told = end;
	} else if (later) {
		netif_tell_later(&queue->teller);
	} else {
		queue->rx_told = end;
		notify_remote_via_irq(queue->channels[queue->channels[1].irq ? 1 : 0].irq);
		queue->rx_stats.notified++;
	}
}

void netback_rx_tell(struct kthread_work *work)
{
	struct netback_queue *queue = container_of(work, struct netback_queue, teller.work);
	struct netdev_queue *txq = netback_txq(queue);

	__netif_tx_lock_bh(txq);
	tell(queue, false);
	__netif_tx_unlock_bh(txq);
}

/* Have the copies made and tell the frontend. The socket buffers have waited for it. */
static void flush(struct netback_queue *queue)
{
	bool later = (dense(queue) || queue->rx_large) && !netif_xmit_stopped(netback_txq(queue));
	struct sk_buff *skb = queue->rx_pending;

	if (queue->nr_rx_ops)
		complete_ops(queue);
	queue->rx.rsp_prod_pvt = queue->rx.req_cons;
	RING_PUSH_RESPONSES(&queue->rx);
	tell(queue, later);
	queue->rx_stats.batches++;
	queue->rx_pending = NULL;
	queue->rx_large = false;
	while (skb) {
		struct sk_buff *next = skb->next;

		skb_mark_not_on_list(skb);
		dev_consume_skb_any(skb);
		skb = next;
	}
}

/* The request for the packet's buffer number slot; extra information takes the entries after the first. */
static RING_IDX entry_of(const struct rx_packet *p, unsigned int slot)
{
	return p->start + slot + (slot ? p->nr_extras : 0);
}

static void order(struct rx_packet *p, struct page *page, unsigned int offset, unsigned int len)
{
	struct netback_queue *queue = p->queue;
	unsigned int slot, to, n;
	bool begins = true;

	for (; len; len -= n, offset += n, begins = false) {
		struct gnttab_copy *op = &queue->rx_ops[queue->nr_rx_ops];

		n = rx_plan_take(&queue->plan, begins, len, &slot, &to);
		if (slot == p->nr_taken)
			RING_COPY_REQUEST(&queue->rx, entry_of(p, slot), &p->requests[p->nr_taken++]);
		queue->rx_op_slots[queue->nr_rx_ops++] = entry_of(p, slot);
		op->source.u.gmfn = xen_page_to_gfn(page);
		op->source.domid = DOMID_SELF;
		op->source.offset = offset;
		op->dest.u.ref = p->requests[slot].gref;
		op->dest.domid = queue->nb->domid;
		op->dest.offset = to;
		op->len = n;
		op->flags = GNTCOPY_dest_gref;
	}
}

static void order_range(struct rx_packet *p, struct page *page, unsigned int offset, unsigned int len)
{
	unsigned int n;

	page += offset >> PAGE_SHIFT;
	for (offset &= ~PAGE_MASK; len; len -= n, offset = 0, page++) {
		n = min_t(unsigned int, len, PAGE_SIZE - offset);
		order(p, page, offset, n);
	}
}

static void order_skb(struct rx_packet *p)
{
	const struct sk_buff *skb = p->skb;
	unsigned int i;

	order_range(p, virt_to_page(skb->data), offset_in_page(skb->data), skb_headlen(skb));
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		order_range(p, skb_frag_page(frag), skb_frag_off(frag), skb_frag_size(frag));
	}
}

static unsigned int pieces_of(const struct sk_buff *skb)
{
	unsigned int i, n = netif_pages_of(offset_in_page(skb->data), skb_headlen(skb));

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		n += netif_pages_of(skb_frag_off(frag), skb_frag_size(frag));
	}
	return n;
}

/* Extra information of a packet, in the order in which it goes into the ring. */
static unsigned int make_extras(struct netback_queue *queue, struct sk_buff *skb, struct xen_netif_extra_info *e)
{
	unsigned int n = 0;
	u16 unused;
	u32 hash;
	u8 type;

	if (skb_is_gso(skb)) {
		bool v6 = skb_shinfo(skb)->gso_type & SKB_GSO_TCPV6;

		e[n++] = (struct xen_netif_extra_info){
			.type = XEN_NETIF_EXTRA_TYPE_GSO,
			.u.gso.size = skb_shinfo(skb)->gso_size,
			.u.gso.type = v6 ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4,
		};
	}
	if (queue->nb->xdp_headroom)
		e[n++] = (struct xen_netif_extra_info){
			.type = XEN_NETIF_EXTRA_TYPE_XDP, .u.xdp.headroom = queue->nb->xdp_headroom,
		};
	if (rcu_access_pointer(queue->nb->hash) && netback_hash_skb(queue->nb, skb, &hash, &type, &unused)) {
		e[n] = (struct xen_netif_extra_info){
			.type = XEN_NETIF_EXTRA_TYPE_HASH,
			.u.hash.type = type, .u.hash.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
		};
		memcpy(e[n++].u.hash.value, &hash, sizeof(hash));
	}
	return n;
}

static u16 checksum_flags(const struct sk_buff *skb)
{
	switch (skb->ip_summed) {
	case CHECKSUM_PARTIAL:
		return XEN_NETRXF_csum_blank | XEN_NETRXF_data_validated;
	case CHECKSUM_UNNECESSARY:
		return XEN_NETRXF_data_validated;
	default:
		return 0;
	}
}

/* The responses go where the requests were, which have been read. */
static void write_responses(struct rx_packet *p, const struct xen_netif_extra_info *extras)
{
	struct netback_queue *queue = p->queue;
	u16 flags = checksum_flags(p->skb) | (p->nr_extras ? XEN_NETRXF_extra_info : 0);
	unsigned int i;

	for (i = 0; i < queue->plan.nr_slots; i++, flags = 0) {
		*RING_GET_RESPONSE(&queue->rx, entry_of(p, i)) = (struct xen_netif_rx_response){
			.id = p->requests[i].id,
			.offset = queue->plan.headroom,
			.flags = flags | (i + 1 < queue->plan.nr_slots ? XEN_NETRXF_more_data : 0),
			.status = queue->plan.len[i],
		};
	}
	for (i = 0; i < p->nr_extras; i++) {
		struct xen_netif_extra_info *e = (void *)RING_GET_RESPONSE(&queue->rx, p->start + 1 + i);

		*e = extras[i];
		if (i + 1 < p->nr_extras)
			e->flags = XEN_NETIF_EXTRA_FLAG_MORE;
	}
	queue->rx.req_cons += queue->plan.nr_slots + p->nr_extras;
}

/* How many pieces; 0: it cannot be sent. */
static unsigned int piecewise(struct sk_buff *skb)
{
	unsigned int n = pieces_of(skb);

	if (likely(n <= MOST_PIECES))
		return n;
	return skb_linearize(skb) ? 0 : pieces_of(skb);
}

static bool unwanted(struct netback *nb, const struct sk_buff *skb)
{
	const u8 *to = eth_hdr(skb)->h_dest;

	return nb->multicast_control && is_multicast_ether_addr(to) && !is_broadcast_ether_addr(to) && !netback_wants(nb, to);
}

/* Order a packet's copies: 0, or an error that says that it has to be dropped. */
static int put_packet(struct netback_queue *queue, struct sk_buff *skb)
{
	struct xen_netif_extra_info extras[RX_PLAN_EXTRAS];
	struct rx_packet p = { .queue = queue, .skb = skb, .start = queue->rx.req_cons };
	unsigned int pieces = piecewise(skb), slots;

	if (!pieces)
		return -ENOMEM;
	slots = rx_plan_start(&queue->plan, queue->nb->xdp_headroom, skb->len, pieces);
	p.nr_extras = make_extras(queue, skb, extras);
	if (slots > RX_PLAN_SLOTS)
		return -EMSGSIZE;
	if (slots + p.nr_extras > buffers_there(queue))
		return -ENOSPC;
	order_skb(&p);
	write_responses(&p, extras);
	return 0;
}

netdev_tx_t netback_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct netback *nb = netdev_priv(netdev);
	struct netback_queue *queue = &nb->queues[skb_get_queue_mapping(skb)];

	if (unlikely(unwanted(nb, skb) || put_packet(queue, skb))) {
		queue->rx_stats.counters.dropped++;
		dev_kfree_skb_any(skb);
	} else {
		netif_count(&queue->rx_stats.counters, 1, skb->len);
		skb_tx_timestamp(skb);
		skb->next = queue->rx_pending;
		queue->rx_pending = skb;
		queue->rx_large |= skb->len >= NETIF_LARGE;
	}
	stop_if_full(queue);
	if ((!netdev_xmit_more() && !queue->polling) || netif_xmit_stopped(netback_txq(queue)) ||
	    queue->nr_rx_ops > BATCH_OPS - MOST_OPS)
		flush(queue);
	return NETDEV_TX_OK;
}

void netback_rx_flush_polled(struct netback_queue *queue)
{
	struct netdev_queue *txq = netback_txq(queue);

	__netif_tx_lock(txq, smp_processor_id());
	queue->polling = false;
	if (queue->rx_pending)
		flush(queue);
	__netif_tx_unlock(txq);
}

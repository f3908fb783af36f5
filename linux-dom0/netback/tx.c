// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the frontend transmits. A batch: read packets from the ring and order the copies, have them done by one hypercall,
 * pass the packets on, answer.
 *
 * A packet that fits goes into the socket buffer's own memory; of a larger one the headers do, and each further part into
 * a page of the queue's pool, to which it returns when the packet is freed.
 */
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/tcp.h>

#include "netback.h"

#define HEADERS		128	/* at least so much is in the socket buffer's own memory: no headers among the pages */
#define FIRST_MAX	256	/* a first part up to this length goes there whole */

/* Ring entries into queue->chain. TX_CHAIN_MORE: the ring was empty. */
static enum tx_chain_state read_packet(struct netback_queue *queue, RING_IDX producer)
{
	enum tx_chain_state state = TX_CHAIN_MORE;
	RING_IDX at = queue->tx.req_cons;
	const char *why = "a packet of which the rest is missing";
	union tx_entry entry;

	if (at == producer)
		return TX_CHAIN_MORE;
	tx_chain_start(&queue->chain);
	while (at != producer && state == TX_CHAIN_MORE) {
		RING_COPY_REQUEST(&queue->tx, at, &entry.data);
		at++;
		state = tx_chain_add(&queue->chain, &entry, &why);
	}
	if (unlikely(state != TX_CHAIN_DONE)) {
		netback_fault(queue->nb, why);
		return TX_CHAIN_BAD;
	}
	queue->tx.req_cons = at;
	return state;
}

/* Order the copy of len bytes to where there is room for them inside of one page. */
static void order_page(struct netback_queue *queue, const struct tx_chain_slot *from, unsigned int skip, struct page *page,
		       unsigned int offset, unsigned int len)
{
	struct gnttab_copy *op = &queue->tx_ops[queue->nr_tx_ops++];

	op->source.u.ref = from->gref;
	op->source.domid = queue->nb->domid;
	op->source.offset = from->offset + skip;
	op->dest.u.gmfn = xen_page_to_gfn(page);
	op->dest.domid = DOMID_SELF;
	op->dest.offset = offset;
	op->len = len;
	op->flags = GNTCOPY_source_gref;
}

/* A socket buffer's own memory crosses a page only if it is larger than NETIF_HEAD_MAX. */
static void order_linear(struct netback_queue *queue, const struct tx_chain_slot *from, void *to, unsigned int len)
{
	unsigned int skip, n;

	for (skip = 0; skip < len; skip += n) {
		n = min_t(unsigned int, len - skip, PAGE_SIZE - offset_in_page(to + skip));
		order_page(queue, from, skip, virt_to_page(to + skip), offset_in_page(to + skip), n);
	}
}

/* How much of the packet goes into the socket buffer's own memory. */
static unsigned int linear_part(const struct tx_chain *c)
{
	if (c->len <= NETIF_HEAD_MAX)
		return c->len;
	/* With every slot used there is no page to spare for a rest of the first one. */
	if (c->slots[0].len <= FIRST_MAX || c->nr_slots > MAX_SKB_FRAGS)
		return c->slots[0].len;
	return HEADERS;
}

static bool order_pages(struct netback_queue *queue, struct sk_buff *skb, unsigned int skip)
{
	const struct tx_chain *c = &queue->chain;
	unsigned int i;

	for (i = 0; i < c->nr_slots; i++, skip = 0) {
		unsigned int len = c->slots[i].len - skip;
		struct page *page;

		if (!len)
			continue;
		page = page_pool_dev_alloc_pages(queue->pools.pages);
		if (unlikely(!page))
			return false;
		order_page(queue, &c->slots[i], skip, page, 0, len);
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, 0, len, PAGE_SIZE);
	}
	return true;
}

/* A page for the packet in queue->chain, which a program is to see first, and orders for its content. */
static struct page *order_page_of(struct netback_queue *queue)
{
	const struct tx_chain *c = &queue->chain;
	unsigned int offset = XDP_PACKET_HEADROOM, i;
	struct page *page;

	if (unlikely(c->drop))
		return NULL;
	page = page_pool_dev_alloc_pages(queue->pools.pages);
	if (unlikely(!page))
		return NULL;
	for (i = 0; i < c->nr_slots; offset += c->slots[i++].len)
		order_page(queue, &c->slots[i], 0, page, offset, c->slots[i].len);
	return page;
}

/* A socket buffer for the packet in queue->chain and orders for its content; NULL if it has to be dropped. */
static struct sk_buff *order_packet(struct netback_queue *queue)
{
	const struct tx_chain *c = &queue->chain;
	unsigned int linear = linear_part(c), ops = queue->nr_tx_ops, i;
	struct sk_buff *skb;

	if (unlikely(c->drop))
		return NULL;
	if (likely(linear <= NETIF_HEAD_MAX))
		skb = netif_alloc_skb(&queue->pools, max_t(unsigned int, linear, HEADERS));
	else
		skb = napi_alloc_skb(&queue->napi, linear);
	if (unlikely(!skb))
		return NULL;
	if (linear == c->len) {
		for (i = 0; i < c->nr_slots; i++)
			order_linear(queue, &c->slots[i], skb_put(skb, c->slots[i].len), c->slots[i].len);
		return skb;
	}
	order_linear(queue, &c->slots[0], skb_put(skb, linear), linear);
	skb_mark_for_recycle(skb);
	if (likely(order_pages(queue, skb, linear)))
		return skb;
	queue->nr_tx_ops = ops;
	kfree_skb(skb);
	return NULL;
}

static void remember_answers(struct netback_queue *queue)
{
	unsigned int i;

	for (i = 0; i < queue->chain.entries; i++)
		queue->answers[queue->nr_entries + i] = queue->chain.ids[i];
	queue->nr_entries += queue->chain.entries;
}

static void add_packet(struct netback_queue *queue)
{
	const struct tx_chain *c = &queue->chain;
	struct netback_tx_packet *p = &queue->packets[queue->nr_packets++];

	p->first_entry = queue->nr_entries;
	p->nr_entries = c->entries;
	p->first_op = queue->nr_tx_ops;
	p->flags = c->flags;
	p->gso_type = c->gso_type;
	p->gso_size = c->gso_size;
	p->len = c->len;
	p->skb = NULL;
	p->page = NULL;
	if (unlikely(c->group_change))
		netback_change_group(queue->nb, c->group_change, c->group);
	else if (unlikely(queue->prog && c->len <= NETBACK_XDP_ROOM && !c->gso_type))
		p->page = order_page_of(queue);
	else
		p->skb = order_packet(queue);
	if (unlikely(!p->skb && !p->page && !c->group_change))
		queue->tx_stats.counters.dropped++;
	p->nr_ops = queue->nr_tx_ops - p->first_op;
	remember_answers(queue);
}

/* No more than the rate allows: true if the time for the next packet has not come. */
static bool out_of_credit(struct netback_queue *queue)
{
	const struct netback_rate *rate = &queue->nb->rate;
	u64 now, window = (u64)rate->usecs * NSEC_PER_USEC;

	if (likely(!rate->bytes))
		return false;
	now = ktime_get_ns();
	if (now - queue->credit_start >= window) {
		queue->credit_start = now;
		queue->credit_used = 0;
	}
	if (queue->credit_used < rate->bytes)
		return false;
	mod_timer(&queue->credit_timer, jiffies + nsecs_to_jiffies(queue->credit_start + window - now) + 1);
	return true;
}

static void gather(struct netback_queue *queue, int budget)
{
	RING_IDX producer = READ_ONCE(queue->tx.sring->req_prod);

	queue->nr_packets = queue->nr_tx_ops = queue->nr_entries = 0;
	if (unlikely(producer - queue->tx.req_cons > RING_SLOTS)) {
		netback_fault(queue->nb, "more requests than its ring has");
		return;
	}
	virt_rmb(); /* the requests were written before req_prod */
	while (queue->nr_packets < min(budget, BATCH_PACKETS) && queue->nr_tx_ops <= BATCH_OPS - PACKET_OPS) {
		if (out_of_credit(queue) || read_packet(queue, producer) != TX_CHAIN_DONE)
			break;
		add_packet(queue);
		queue->credit_used += queue->chain.len;
	}
}

static bool copied(struct netback_queue *queue, const struct netback_tx_packet *p)
{
	unsigned int i;

	for (i = p->first_op; i < p->first_op + p->nr_ops; i++)
		if (unlikely(queue->tx_ops[i].status != GNTST_okay))
			return false;
	return true;
}

/* What the stack derives from the headers of a packet to be segmented; they are there: the checksum's place was found. */
static bool set_segments(struct sk_buff *skb)
{
	unsigned int headers;

	if (!skb_is_gso(skb))
		return true;
	headers = skb_checksum_start_offset(skb);
	if (skb->csum_offset != offsetof(struct tcphdr, check) || !pskb_may_pull(skb, headers + sizeof(struct tcphdr)))
		return false;
	headers += tcp_hdrlen(skb);
	if (skb->len <= headers)
		return false;
	skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(skb->len - headers, skb_shinfo(skb)->gso_size);
	return true;
}

static bool prepare(struct netback_queue *queue, struct sk_buff *skb, const struct netback_tx_packet *p)
{
	unsigned int headers = min_t(unsigned int, skb->len, HEADERS);

	if (skb_headlen(skb) < headers && !__pskb_pull_tail(skb, headers - skb_headlen(skb)))
		return false;
	skb->protocol = eth_type_trans(skb, queue->nb->netdev);
	skb_reset_network_header(skb);
	if (!netif_set_offloads(skb, p->flags & XEN_NETTXF_csum_blank, p->flags & XEN_NETTXF_data_validated, p->gso_type, p->gso_size))
		return false;
	if (!set_segments(skb))
		return false;
	skb_probe_transport_header(skb);
	skb_record_rx_queue(skb, queue->index);
	return true;
}

static void deliver(struct netback_queue *queue, struct netback_tx_packet *p)
{
	struct sk_buff *skb = p->skb;

	if (unlikely(p->page)) {
		skb = netback_run_xdp(queue, p->page, p->len);
		if (!skb)
			return;
	}
	if (unlikely(!prepare(queue, skb, p))) {
		queue->tx_stats.counters.errors++;
		kfree_skb(skb);
		return;
	}
	netif_count(&queue->tx_stats.counters, 1, p->len);
	if (unlikely(queue->prog && !p->page) && compat_do_xdp_generic(queue->prog, &skb) != XDP_PASS)
		return;
	netif_receive_skb(skb);
}

static void forget(struct netback_queue *queue, struct netback_tx_packet *p)
{
	kfree_skb(p->skb);
	p->skb = NULL;
	if (p->page)
		page_pool_recycle_direct(queue->pools.pages, p->page);
	p->page = NULL;
}

static void answer(struct netback_queue *queue, const struct netback_tx_packet *p, s16 status)
{
	unsigned int i;

	for (i = p->first_entry; i < p->first_entry + p->nr_entries; i++) {
		struct xen_netif_tx_response *r = RING_GET_RESPONSE(&queue->tx, queue->tx.rsp_prod_pvt++);

		r->id = queue->answers[i] == TX_ID_EXTRA ? 0 : queue->answers[i];
		r->status = queue->answers[i] == TX_ID_EXTRA ? XEN_NETIF_RSP_NULL : status;
	}
}

static void push_answers(struct netback_queue *queue)
{
	int notify;

	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&queue->tx, notify);
	if (!notify)
		return;
	notify_remote_via_irq(queue->channels[0].irq);
	queue->tx_stats.notified++;
}

/* The copies are made. Answer first: the frontend's next packets need not wait for what becomes of these. */
static void finish_batch(struct netback_queue *queue)
{
	unsigned int i;

	for (i = 0; i < queue->nr_packets; i++) {
		struct netback_tx_packet *p = &queue->packets[i];

		if (unlikely(!copied(queue, p))) {
			netback_fault(queue->nb, "a grant that cannot be copied from");
			forget(queue, p);
		}
		answer(queue, p, p->skb || p->page || !p->nr_ops ? XEN_NETIF_RSP_OKAY : XEN_NETIF_RSP_ERROR);
	}
	push_answers(queue);
	for (i = 0; i < queue->nr_packets; i++)
		if (queue->packets[i].skb || queue->packets[i].page)
			deliver(queue, &queue->packets[i]);
}

int netback_tx_work(struct netback_queue *queue, int budget)
{
	int work = 0;

	rcu_read_lock();
	queue->prog = rcu_dereference(queue->nb->xdp_prog);
	while (work < budget) {
		gather(queue, budget - work);
		if (!queue->nr_packets)
			break;
		if (queue->nr_tx_ops)
			gnttab_batch_copy(queue->tx_ops, queue->nr_tx_ops);
		finish_batch(queue);
		queue->tx_stats.batches++;
		work += queue->nr_packets;
	}
	rcu_read_unlock();
	return work;
}

bool netback_tx_arm(struct netback_queue *queue)
{
	if (unlikely(timer_pending(&queue->credit_timer)))
		return false;
	queue->tx.sring->req_event = queue->tx.req_cons + 1;
	virt_mb(); /* the frontend reads req_event after it has written req_prod: one of us sees the other's */
	return READ_ONCE(queue->tx.sring->req_prod) != queue->tx.req_cons;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets in. The ring is kept full of pages that the backend may write. Of a small packet the content is copied and the
 * page stays where it is, granted; the pages of a large one leave the ring, no longer granted, as parts of the socket
 * buffer, and come back through the queue's page pool.
 *
 * Position in the ring, page and grant reference go together: the backend answers in order, so the identifier in its
 * response is not needed and not believed.
 */
#include <linux/skbuff.h>

#include "netfront.h"

#define COPY_BREAK	256	/* a first slot up to this length is copied whole */
#define HEADERS		128	/* of a longer one so much: Ethernet, IP, and TCP with options */
#define RETRY_DELAY	(HZ / 10)

static unsigned int slot_at(RING_IDX index)
{
	return index & (RX_SLOTS - 1);
}

static bool fill_slot(struct netfront_queue *queue, unsigned int i)
{
	struct page *page = page_pool_dev_alloc_pages(queue->pools.pages);

	if (unlikely(!page))
		return false;
	queue->rx_pages[i] = page;
	gnttab_grant_foreign_access_ref(queue->rx_grefs[i], queue->front->dev->otherend_id, xen_page_to_gfn(page), 0);
	return true;
}

void netfront_rx_fill(struct netfront_queue *queue)
{
	RING_IDX producer = queue->rx.req_prod_pvt, end = queue->rx.rsp_cons + RX_SLOTS;
	int notify;

	for (; producer != end; producer++) {
		unsigned int i = slot_at(producer);
		struct xen_netif_rx_request *r = RING_GET_REQUEST(&queue->rx, producer);

		if (!queue->rx_pages[i] && unlikely(!fill_slot(queue, i))) {
			mod_timer(&queue->rx_retry, jiffies + RETRY_DELAY);
			break;
		}
		r->id = i;
		r->gref = queue->rx_grefs[i];
	}
	if (producer == queue->rx.req_prod_pvt)
		return;
	queue->rx.req_prod_pvt = producer;
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&queue->rx, notify);
	if (notify)
		notify_remote_via_evtchn(queue->channels[queue->channels[1].irq ? 1 : 0].port);
}

/* Take a slot's page away from the backend: NULL, and a fault, if it does not let go. */
static struct page *take_page(struct netfront_queue *queue, unsigned int i)
{
	struct page *page = queue->rx_pages[i];

	if (unlikely(!gnttab_end_foreign_access_ref(queue->rx_grefs[i]))) {
		netfront_fault(queue->front, "a page is still in use after its response");
		return NULL;
	}
	queue->rx_pages[i] = NULL;
	return page;
}

static void *slot_data(struct netfront_queue *queue, RING_IDX start, const struct rx_chain_slot *slot)
{
	return page_address(queue->rx_pages[slot_at(start + slot->position)]) + slot->offset;
}

/* Add what slot number n of the packet holds, without its first skip bytes. */
static bool add_page(struct netfront_queue *queue, struct sk_buff *skb, RING_IDX start, unsigned int n, unsigned int skip)
{
	const struct rx_chain_slot *slot = &queue->chain.slots[n];
	struct page *page;

	if (slot->len <= skip)
		return true;
	if (unlikely(skb_shinfo(skb)->nr_frags == MAX_SKB_FRAGS))
		return false;
	page = take_page(queue, slot_at(start + slot->position));
	if (unlikely(!page))
		return false;
	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, slot->offset + skip, slot->len - skip, PAGE_SIZE);
	return true;
}

static struct sk_buff *build_skb_of(struct netfront_queue *queue, RING_IDX start)
{
	const struct rx_chain *c = &queue->chain;
	unsigned int head = c->slots[0].len <= COPY_BREAK ? c->slots[0].len : HEADERS;
	struct sk_buff *skb = netif_alloc_skb(&queue->pools, head);
	unsigned int n;

	if (unlikely(!skb))
		return NULL;
	memcpy(skb_put(skb, head), slot_data(queue, start, &c->slots[0]), head);
	if (head == c->len)
		return skb;
	for (n = 0; n < c->nr_slots; n++) {
		if (unlikely(!add_page(queue, skb, start, n, n ? 0 : head))) {
			napi_consume_skb(skb, 1);
			return NULL;
		}
	}
	return skb;
}

static bool set_offloads(struct sk_buff *skb, const struct rx_chain *c)
{
	return netif_set_offloads(skb, c->flags & XEN_NETRXF_csum_blank, c->flags & XEN_NETRXF_data_validated, c->gso_type,
				  c->gso_size);
}

static void set_hash(struct sk_buff *skb, const struct rx_chain *c)
{
	bool l4 = c->hash_type == _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP || c->hash_type == _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP;

	skb_set_hash(skb, c->hash, l4 ? PKT_HASH_TYPE_L4 : PKT_HASH_TYPE_L3);
}

static void pass_up(struct netfront_queue *queue, struct sk_buff *skb, struct bpf_prog *linear_prog)
{
	const struct rx_chain *c = &queue->chain;
	unsigned int len = skb->len;

	skb->protocol = eth_type_trans(skb, queue->front->netdev);
	skb_reset_network_header(skb);
	if (unlikely(!set_offloads(skb, c))) {
		queue->rx_stats.errors++;
		napi_consume_skb(skb, 1);
		return;
	}
	if (c->hashed)
		set_hash(skb, c);
	skb_record_rx_queue(skb, queue->index);
	netif_count(&queue->rx_stats, 1, len);
	if (unlikely(linear_prog) && compat_do_xdp_generic(linear_prog, &skb) != XDP_PASS)
		return;
	napi_gro_receive(&queue->napi, skb);
}

/* The page of a packet of one slot as the program left it. */
static struct sk_buff *skb_of_page(struct netfront_queue *queue, struct page *page, unsigned int offset, unsigned int len)
{
	unsigned int head = min_t(unsigned int, len, HEADERS);
	struct sk_buff *skb = netif_alloc_skb(&queue->pools, head);

	if (unlikely(!skb)) {
		page_pool_recycle_direct(queue->pools.pages, page);
		return NULL;
	}
	memcpy(skb_put(skb, head), page_address(page) + offset, head);
	if (len > head)
		skb_add_rx_frag(skb, 0, page, offset + head, len - head, PAGE_SIZE);
	else
		page_pool_recycle_direct(queue->pools.pages, page);
	return skb;
}

/* NULL: the program took or dropped it, or there is no memory. */
static struct sk_buff *skb_after_xdp(struct netfront_queue *queue, struct bpf_prog *prog, RING_IDX start)
{
	const struct rx_chain_slot *slot = &queue->chain.slots[0];
	unsigned int offset = slot->offset, len = slot->len;
	struct page *page;

	page = take_page(queue, slot_at(start));
	if (!page || !netfront_run_xdp(queue, prog, page, &offset, &len))
		return NULL;
	return skb_of_page(queue, page, offset, len);
}

static void receive(struct netfront_queue *queue, RING_IDX start)
{
	struct bpf_prog *prog = rcu_dereference(queue->xdp_prog);
	struct sk_buff *skb;

	if (unlikely(queue->chain.failed || queue->chain.len < ETH_HLEN || queue->chain.slots[0].len < ETH_HLEN)) {
		queue->rx_stats.errors++;
		return;
	}
	if (unlikely(prog) && queue->chain.nr_slots == 1) {
		skb = skb_after_xdp(queue, prog, start);
	} else {
		skb = build_skb_of(queue, start);
		if (unlikely(!skb))
			queue->rx_stats.dropped++;
	}
	if (skb)
		pass_up(queue, skb, queue->chain.nr_slots > 1 ? prog : NULL);
}

/* Copy and check the entries of one packet. RX_CHAIN_MORE: not all of it is there yet. */
static enum rx_chain_state read_packet(struct netfront_queue *queue, RING_IDX producer)
{
	RING_IDX at = queue->rx.rsp_cons;
	enum rx_chain_state state = RX_CHAIN_MORE;
	union rx_entry entry;
	const char *why;

	rx_chain_start(&queue->chain);
	while (at != producer && state == RX_CHAIN_MORE) {
		RING_COPY_RESPONSE(&queue->rx, at, &entry.data);
		at++;
		state = rx_chain_add(&queue->chain, &entry, &why);
	}
	if (unlikely(state == RX_CHAIN_BAD))
		netfront_fault(queue->front, why);
	return state;
}

int netfront_rx_clean(struct netfront_queue *queue, int budget)
{
	RING_IDX producer = READ_ONCE(queue->rx.sring->rsp_prod), start;
	int work = 0;

	if (unlikely(producer - queue->rx.rsp_cons > queue->rx.req_prod_pvt - queue->rx.rsp_cons)) {
		netfront_fault(queue->front, "more received packets than buffers");
		return 0;
	}
	queue->rx_seen = producer;
	virt_rmb(); /* the responses were written before rsp_prod */
	rcu_read_lock();
	while (work < budget && queue->rx.rsp_cons != producer) {
		start = queue->rx.rsp_cons;
		if (read_packet(queue, producer) != RX_CHAIN_DONE)
			break;
		queue->rx.rsp_cons += queue->chain.entries;
		receive(queue, start);
		work++;
	}
	rcu_read_unlock();
	if (work)
		netfront_rx_fill(queue);
	return work;
}

void netfront_rx_drop_all(struct netfront_queue *queue)
{
	unsigned int i;

	for (i = 0; i < RX_SLOTS; i++) {
		struct page *page = queue->rx_pages[i];

		queue->rx_pages[i] = NULL;
		if (!page)
			continue;
		/* Two references make the pool forget the page; ours goes when the backend lets go. */
		get_page(page);
		page_pool_put_full_page(queue->pools.pages, page, false);
		gnttab_end_foreign_access(queue->rx_grefs[i], page);
		queue->rx_grefs[i] = NO_GRANT;
	}
}

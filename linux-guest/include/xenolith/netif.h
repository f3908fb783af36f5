/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What both ends of a network card have in common (xen/interface/io/netif.h): event channels that wake a NAPI context,
 * telling the other side, counters, what the protocol says about checksum and segmentation, the verdict of an XDP program.
 */
#ifndef XENOLITH_NETIF_H
#define XENOLITH_NETIF_H

#include <linux/bpf_trace.h>
#include <linux/filter.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/netdevice.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/u64_stats_sync.h>
#include <net/xdp.h>

#include <xenolith/event.h>
#include <xen/interface/io/netif.h>

#include "compat/net.h"

/**
 * struct netif_channel - an event channel of a queue
 * @napi: does the work; no further event comes before netif_channels_eoi()
 * @eoi_due: its handler ran, so the end of the interrupt has to be told when the work is done
 * @port: ours; a backend knows the interrupt alone
 */
struct netif_channel {
	struct napi_struct *napi;
	evtchn_port_t port;
	int irq;
	unsigned long eoi_due;
	u64 events;
	char name[IFNAMSIZ + 12];
};

/* The handler of a channel. */
static inline irqreturn_t netif_interrupt(int irq, void *data)
{
	struct netif_channel *c = data;

	set_bit(0, &c->eoi_due);
	c->events++;
	napi_schedule(c->napi);
	return IRQ_HANDLED;
}

/* Tell that the interrupts are dealt with; who sends events for nothing is made to wait. */
static inline void netif_channels_eoi(struct netif_channel *c, unsigned int nr, bool worked)
{
	for (; nr; nr--, c++)
		if (c->irq && test_and_clear_bit(0, &c->eoi_due))
			xen_irq_lateeoi(c->irq, worked ? 0 : XEN_EOI_FLAG_SPURIOUS);
}

static inline void netif_channel_unbind(struct netif_channel *c)
{
	if (c->irq)
		unbind_from_irqhandler(c->irq, c);
	c->irq = 0;
}

/* From this length on a packet is one of a stream, behind which more are to be expected. */
#define NETIF_LARGE	8192

/**
 * struct netif_teller - tells the other side, a little later
 *
 * An event makes the hypervisor run the other domain at once, if need be instead of us: telling it of each large packet
 * of a stream means two changes of domain for each. So a thread that nobody has to yield to does it, when the sender has
 * nothing more to send (or has had its share of the CPU).
 */
struct netif_teller {
	struct kthread_worker *worker;
	struct kthread_work work;
};

static inline int netif_teller_make(struct netif_teller *t, kthread_work_func_t tell, const char *name, unsigned int queue)
{
	struct kthread_worker *worker = kthread_create_worker(0, "%s-q%u", name, queue);

	if (IS_ERR(worker))
		return PTR_ERR(worker);
	kthread_init_work(&t->work, tell);
	sched_set_normal(worker->task, MAX_NICE);
	t->worker = worker;
	return 0;
}

static inline void netif_teller_free(struct netif_teller *t)
{
	if (t->worker)
		kthread_destroy_worker(t->worker);
	t->worker = NULL;
}

static inline void netif_tell_later(struct netif_teller *t)
{
	kthread_queue_work(t->worker, &t->work);
}

/**
 * struct netif_pools - memory for packets that come in; pages return to it, which spares the kernel to clear them
 * @pages: for a page each
 * @heads: for parts of a page, in which socket buffers begin
 */
struct netif_pools {
	struct page_pool *pages, *heads;
};

static inline int netif_pool_make(struct page_pool **pool, struct device *dev, unsigned int size, unsigned int flags)
{
	struct page_pool_params params = { .pool_size = size, .nid = NUMA_NO_NODE, .dev = dev, .flags = flags };
	struct page_pool *made = page_pool_create(&params);

	if (IS_ERR(made))
		return PTR_ERR(made);
	*pool = made;
	return 0;
}

static inline int netif_pools_make(struct netif_pools *pools, struct device *dev, unsigned int size)
{
	return netif_pool_make(&pools->pages, dev, size, 0) ?: netif_pool_make(&pools->heads, dev, size, COMPAT_POOL_PARTS);
}

static inline void netif_pools_free(struct netif_pools *pools)
{
	if (pools->pages)
		page_pool_destroy(pools->pages);
	if (pools->heads)
		page_pool_destroy(pools->heads);
	pools->pages = pools->heads = NULL;
}

/* The most that netif_alloc_skb() may be asked for: two such socket buffers fill a page. */
#define NETIF_HEAD_MAX	(PAGE_SIZE / 2 - SKB_DATA_ALIGN(NET_SKB_PAD + NET_IP_ALIGN) - SKB_DATA_ALIGN(sizeof(struct skb_shared_info)))

/* An empty socket buffer with room for len bytes, which lie inside of one page; NAPI context. */
static inline struct sk_buff *netif_alloc_skb(struct netif_pools *pools, unsigned int len)
{
	unsigned int size = SKB_DATA_ALIGN(len + NET_SKB_PAD + NET_IP_ALIGN) + SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	unsigned int offset;
	struct page *page = page_pool_dev_alloc_frag(pools->heads, &offset, size);
	struct sk_buff *skb;

	if (unlikely(!page))
		return NULL;
	skb = napi_build_skb(page_address(page) + offset, size);
	if (unlikely(!skb)) {
		page_pool_put_full_page(pools->heads, page, true);
		return NULL;
	}
	skb_reserve(skb, NET_SKB_PAD + NET_IP_ALIGN);
	skb_mark_for_recycle(skb);
	return skb;
}

/* Of one direction of a queue. */
struct netif_counters {
	u64_stats_t packets, bytes;
	u64 dropped, errors;
	struct u64_stats_sync sync;
};

static inline void netif_count(struct netif_counters *c, unsigned int packets, unsigned int bytes)
{
	u64_stats_update_begin(&c->sync);
	u64_stats_add(&c->packets, packets);
	u64_stats_add(&c->bytes, bytes);
	u64_stats_update_end(&c->sync);
}

static inline void netif_add_counters(const struct netif_counters *c, u64 *packets, u64 *bytes)
{
	unsigned int start;
	u64 p, b;

	do {
		start = u64_stats_fetch_begin(&c->sync);
		p = u64_stats_read(&c->packets);
		b = u64_stats_read(&c->bytes);
	} while (u64_stats_fetch_retry(&c->sync, start));
	*packets += p;
	*bytes += b;
}

/* Pages that len bytes touch which begin at this offset in the first. */
static inline unsigned int netif_pages_of(unsigned int offset, unsigned int len)
{
	return PFN_UP(offset_in_page(offset) + len);
}

/**
 * netif_set_offloads() - what the other side says about checksum and segmentation
 * @skb: the packet, its network header known
 * @blank: the checksum is to be filled in
 * @validated: it is correct, or will be
 * @gso_type, @gso_size: XEN_NETIF_GSO_TYPE_*, checked
 *
 * Return: false if the packet contradicts it.
 */
static inline bool netif_set_offloads(struct sk_buff *skb, bool blank, bool validated, u8 gso_type, u16 gso_size)
{
	if (gso_type) {
		skb_shinfo(skb)->gso_size = gso_size;
		skb_shinfo(skb)->gso_type = SKB_GSO_DODGY |
			(gso_type == XEN_NETIF_GSO_TYPE_TCPV4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6);
		skb_shinfo(skb)->gso_segs = 0;
	}
	if (blank || gso_type) {
		skb->ip_summed = CHECKSUM_PARTIAL;
		return !skb_checksum_setup(skb, !blank);
	}
	if (validated)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	return true;
}

/**
 * enum netif_verdict - what became of a packet that a program looked at
 * @NETIF_PASS: it goes on, as the xdp_buff describes it
 * @NETIF_GONE: sent elsewhere, its page with it
 * @NETIF_DROP: its page is the caller's to free
 */
enum netif_verdict { NETIF_PASS, NETIF_GONE, NETIF_DROP };

/**
 * netif_run_xdp() - let a program decide
 * @xdp: the packet, in a page of a page pool
 * @send_back: sends it to where it came from; false if it cannot
 * @redirected: set if xdp_do_flush() is due
 *
 * NAPI context, under rcu_read_lock().
 */
static inline enum netif_verdict netif_run_xdp(struct net_device *netdev, struct bpf_prog *prog, struct xdp_buff *xdp,
					       bool (*send_back)(struct net_device *netdev, struct xdp_buff *xdp),
					       bool *redirected)
{
	u32 act = bpf_prog_run_xdp(prog, xdp);

	switch (act) {
	case XDP_PASS:
		return xdp->data_end - xdp->data < ETH_HLEN ? NETIF_DROP : NETIF_PASS;
	case XDP_TX:
		if (send_back(netdev, xdp))
			return NETIF_GONE;
		break;
	case XDP_REDIRECT:
		if (!xdp_do_redirect(netdev, xdp, prog)) {
			*redirected = true;
			return NETIF_GONE;
		}
		break;
	case XDP_DROP:
		return NETIF_DROP;
	case XDP_ABORTED:
		break;
	default:
		bpf_warn_invalid_xdp_action(netdev, prog, act);
	}
	trace_xdp_exception(netdev, prog, act);
	return NETIF_DROP;
}

#endif

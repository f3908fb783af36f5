// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP: programs that look at what the frontend transmits before there is a socket buffer. While there is a program a packet
 * that fits is copied into one page, behind room for the program; a larger one, or one to be segmented, goes through the
 * program too, but the slow way: as a socket buffer that the kernel makes linear first (tx.c).
 */
#include "netback.h"

static bool send_back(struct net_device *netdev, struct xdp_buff *xdp)
{
	struct xdp_frame *frame = xdp_convert_buff_to_frame(xdp);

	return frame && netback_xdp_xmit(netdev, 1, &frame, XDP_XMIT_FLUSH) == 1;
}

static struct sk_buff *skb_of(struct xdp_buff *xdp)
{
	struct sk_buff *skb = napi_build_skb(xdp->data_hard_start, PAGE_SIZE);

	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, xdp->data - xdp->data_hard_start);
	skb_put(skb, xdp->data_end - xdp->data);
	skb_mark_for_recycle(skb);
	return skb;
}

struct sk_buff *netback_run_xdp(struct netback_queue *queue, struct page *page, unsigned int len)
{
	enum netif_verdict verdict;
	struct sk_buff *skb = NULL;
	struct xdp_buff xdp;

	xdp_init_buff(&xdp, PAGE_SIZE, &queue->xdp_rxq);
	xdp_prepare_buff(&xdp, page_address(page), XDP_PACKET_HEADROOM, len, false);
	verdict = netif_run_xdp(queue->nb->netdev, queue->prog, &xdp, send_back, &queue->xdp_redirected);
	if (verdict == NETIF_PASS)
		skb = skb_of(&xdp);
	if (verdict == NETIF_DROP || (verdict == NETIF_PASS && !skb)) {
		queue->tx_stats.counters.dropped++;
		page_pool_recycle_direct(queue->pools.pages, page);
	}
	return skb;
}

void netback_xdp_flush(struct netback_queue *queue)
{
	if (likely(!queue->xdp_redirected))
		return;
	queue->xdp_redirected = false;
	xdp_do_flush();
}

/* One frame into the frontend's buffers; the transmit lock is held. */
static bool send_frame(struct net_device *netdev, struct netdev_queue *txq, struct xdp_frame *frame)
{
	struct sk_buff *skb;

	if (netif_xmit_frozen_or_stopped(txq))
		return false;
	skb = xdp_build_skb_from_frame(frame, netdev);
	if (!skb)
		return false;
	skb_push(skb, ETH_HLEN);
	skb_set_queue_mapping(skb, txq - netdev->_tx);
	netback_xmit(skb, netdev);
	return true;
}

int netback_xdp_xmit(struct net_device *netdev, int n, struct xdp_frame **frames, u32 flags)
{
	struct netdev_queue *txq;
	int i;

	if (unlikely(flags & ~XDP_XMIT_FLAGS_MASK))
		return -EINVAL;
	if (unlikely(!netif_running(netdev) || !netif_carrier_ok(netdev)))
		return -ENETDOWN;
	txq = netdev_get_tx_queue(netdev, smp_processor_id() % netdev->real_num_tx_queues);
	__netif_tx_lock(txq, smp_processor_id());
	for (i = 0; i < n; i++)
		if (!send_frame(netdev, txq, frames[i]))
			break;
	__netif_tx_unlock(txq);
	return i;
}

int netback_bpf(struct net_device *netdev, struct netdev_bpf *bpf)
{
	struct netback *nb = netdev_priv(netdev);
	struct bpf_prog *old = rtnl_dereference(nb->xdp_prog);

	if (bpf->command != XDP_SETUP_PROG)
		return -EINVAL;
	rcu_assign_pointer(nb->xdp_prog, bpf->prog);
	if (old)
		bpf_prog_put(old);
	return 0;
}

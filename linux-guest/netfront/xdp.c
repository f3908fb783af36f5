// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP. A program wants room before a packet, so it is set in a handshake of its own: the state Reconfiguring, the amount
 * of room in the node xdp-headroom, and the backend's Reconfigured. A packet of several slots goes through the program
 * too, but the slow way: as a socket buffer that the kernel makes linear first (rx.c).
 */
#include <linux/delay.h>
#include <linux/filter.h>

#include "netfront.h"

#define RECONFIGURE_TRIES	3000	/* of 10 ms */

static bool send_back(struct net_device *netdev, struct xdp_buff *xdp)
{
	struct netfront *front = netdev_priv(netdev);
	struct netfront_queue *queue = &front->queues[xdp->rxq->queue_index];
	struct xdp_frame *frame = xdp_convert_buff_to_frame(xdp);
	struct netdev_queue *txq = netfront_txq(queue);
	int rc;

	if (unlikely(!frame))
		return false;
	__netif_tx_lock(txq, smp_processor_id());
	rc = netfront_tx_frame(queue, frame);
	netfront_tx_push(queue, false);
	__netif_tx_unlock(txq);
	return !rc;
}

bool netfront_run_xdp(struct netfront_queue *queue, struct bpf_prog *prog, struct page *page, unsigned int *offset,
		      unsigned int *len)
{
	enum netif_verdict verdict = NETIF_DROP;
	struct xdp_buff xdp;

	/* The end of the page is kept free: a frame that travels on needs room for its description there. */
	if (likely(*offset + *len <= SKB_WITH_OVERHEAD(PAGE_SIZE))) {
		xdp_init_buff(&xdp, PAGE_SIZE, &queue->xdp_rxq);
		xdp_prepare_buff(&xdp, page_address(page), *offset, *len, false);
		verdict = netif_run_xdp(queue->front->netdev, prog, &xdp, send_back, &queue->xdp_redirected);
	}
	if (verdict == NETIF_PASS) {
		*offset = xdp.data - xdp.data_hard_start;
		*len = xdp.data_end - xdp.data;
		return true;
	}
	if (verdict == NETIF_DROP) {
		queue->rx_stats.dropped++;
		page_pool_recycle_direct(queue->pools.pages, page);
	}
	return false;
}

void netfront_xdp_flush(struct netfront_queue *queue)
{
	if (likely(!queue->xdp_redirected))
		return;
	queue->xdp_redirected = false;
	xdp_do_flush();
}

int netfront_xdp_xmit(struct net_device *netdev, int n, struct xdp_frame **frames, u32 flags)
{
	struct netfront *front = netdev_priv(netdev);
	struct netfront_queue *queue;
	struct netdev_queue *txq;
	int i;

	if (unlikely(flags & ~XDP_XMIT_FLAGS_MASK))
		return -EINVAL;
	if (unlikely(!netif_carrier_ok(netdev) || !READ_ONCE(front->connected)))
		return -ENETDOWN;
	queue = &front->queues[smp_processor_id() % front->nr_queues];
	txq = netfront_txq(queue);
	__netif_tx_lock(txq, smp_processor_id());
	for (i = 0; i < n; i++)
		if (netfront_tx_frame(queue, frames[i]))
			break;
	if (flags & XDP_XMIT_FLUSH)
		netfront_tx_push(queue, false);
	__netif_tx_unlock(txq);
	return i;
}

/* Wait for the backend's answer here: this holds the RTNL, which the thread of store events may be waiting for. */
static bool backend_answers(struct xenbus_device *dev, bool answered)
{
	int tries;

	for (tries = 0; tries < RECONFIGURE_TRIES; tries++) {
		if ((xenbus_read_driver_state(dev->otherend) == XenbusStateReconfigured) == answered)
			return true;
		msleep(10);
	}
	return false;
}

static int reconfigure(struct netfront *front, unsigned int headroom)
{
	struct xenbus_device *dev = front->dev;
	bool answered;
	int rc;

	/* Its answer to the change before is not one to this. */
	if (!backend_answers(dev, false))
		return -ETIMEDOUT;
	rc = xenbus_printf(XBT_NIL, dev->nodename, "xdp-headroom", "%u", headroom);
	if (rc)
		return rc;
	xenbus_switch_state(dev, XenbusStateReconfiguring);
	answered = backend_answers(dev, true);
	xenbus_switch_state(dev, XenbusStateConnected);
	return answered ? 0 : -ETIMEDOUT;
}

static int set_program(struct netfront *front, struct bpf_prog *prog, struct netlink_ext_ack *ack)
{
	unsigned int headroom = prog ? XDP_PACKET_HEADROOM : 0, i;
	struct bpf_prog *old = front->xdp_prog;
	int rc;

	if (prog && front->netdev->mtu > NETFRONT_XDP_MTU) {
		NL_SET_ERR_MSG_MOD(ack, "the MTU is too large: a packet and its room have to fit into a page");
		return -EINVAL;
	}
	if (prog && !front->connected)
		return -ENETDOWN;
	if (prog && !xenbus_read_unsigned(front->dev->otherend, "feature-xdp-headroom", 0)) {
		NL_SET_ERR_MSG_MOD(ack, "the backend cannot leave room before packets");
		return -EOPNOTSUPP;
	}
	if (!prog != !old && front->connected) {
		rc = reconfigure(front, headroom);
		if (rc)
			return rc;
	}
	front->xdp_prog = prog;
	for (i = 0; front->connected && i < front->nr_queues; i++)
		rcu_assign_pointer(front->queues[i].xdp_prog, prog);
	if (old)
		bpf_prog_put(old);
	return 0;
}

int netfront_bpf(struct net_device *netdev, struct netdev_bpf *bpf)
{
	switch (bpf->command) {
	case XDP_SETUP_PROG:
		return set_program(netdev_priv(netdev), bpf->prog, bpf->extack);
	default:
		return -EINVAL;
	}
}

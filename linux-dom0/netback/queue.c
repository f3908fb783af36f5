// SPDX-License-Identifier: GPL-2.0-only
/* A queue's rings, event channels and memory. */
#include "netback.h"

#define POOL_PAGES	512

static int bind_channel(struct netback_queue *queue, struct netif_channel *c, evtchn_port_t port, const char *suffix)
{
	int rc;

	c->napi = &queue->napi;
	snprintf(c->name, sizeof(c->name), "%s-q%u-%s", queue->nb->netdev->name, queue->index, suffix);
	rc = bind_interdomain_evtchn_to_irqhandler_lateeoi(queue->nb->dev, port, netif_interrupt, 0, c->name, c);
	if (rc < 0)
		return rc;
	c->irq = rc;
	return 0;
}

static int bind_channels(struct netback_queue *queue, const struct netback_queue_nodes *nodes)
{
	bool split = nodes->tx_port != nodes->rx_port;
	int rc = bind_channel(queue, &queue->channels[0], nodes->tx_port, split ? "tx" : "both");

	if (!rc && split)
		rc = bind_channel(queue, &queue->channels[1], nodes->rx_port, "rx");
	return rc;
}

static int map_ring(struct netback_queue *queue, grant_ref_t ref, void **ring)
{
	return xenbus_map_ring_valloc(queue->nb->dev, &ref, 1, ring);
}

/*
 * The rings may have been used by another backend before: go on where it stopped, which is at the last response. What it
 * had taken without an answer is there still.
 */
static int map_rings(struct netback_queue *queue, const struct netback_queue_nodes *nodes)
{
	struct xen_netif_tx_sring *tx;
	struct xen_netif_rx_sring *rx;
	int rc;

	rc = map_ring(queue, nodes->tx_ref, (void **)&tx);
	if (rc)
		return rc;
	BACK_RING_ATTACH(&queue->tx, tx, READ_ONCE(tx->rsp_prod), XEN_PAGE_SIZE);
	rc = map_ring(queue, nodes->rx_ref, (void **)&rx);
	if (rc)
		return rc;
	BACK_RING_ATTACH(&queue->rx, rx, READ_ONCE(rx->rsp_prod), XEN_PAGE_SIZE);
	/* What another backend has told of is not known: the first event may be one too many. */
	queue->rx_told = queue->rx.rsp_prod_pvt - 1;
	if (READ_ONCE(tx->req_prod) - queue->tx.rsp_prod_pvt > RING_SLOTS ||
	    READ_ONCE(rx->req_prod) - queue->rx.rsp_prod_pvt > RING_SLOTS)
		return -EIO;
	return 0;
}

static void unmap_rings(struct netback_queue *queue)
{
	if (queue->tx.sring)
		xenbus_unmap_ring_vfree(queue->nb->dev, queue->tx.sring);
	if (queue->rx.sring)
		xenbus_unmap_ring_vfree(queue->nb->dev, queue->rx.sring);
	queue->tx.sring = NULL;
	queue->rx.sring = NULL;
}

static int make_memory(struct netback_queue *queue)
{
	return netif_pools_make(&queue->pools, &queue->nb->dev->dev, POOL_PAGES) ?:
	       xdp_rxq_info_reg(&queue->xdp_rxq, queue->nb->netdev, queue->index, 0) ?:
	       xdp_rxq_info_reg_mem_model(&queue->xdp_rxq, MEM_TYPE_PAGE_POOL, queue->pools.pages);
}

static void credit_returns(struct timer_list *timer)
{
	struct netback_queue *queue = from_timer(queue, timer, credit_timer);

	napi_schedule(&queue->napi);
}

int netback_queue_make(struct netback_queue *queue, const struct netback_queue_nodes *nodes)
{
	int rc;

	timer_setup(&queue->credit_timer, credit_returns, 0);
	timer_setup(&queue->stall_timer, netback_rx_stall, 0);
	u64_stats_init(&queue->tx_stats.counters.sync);
	u64_stats_init(&queue->rx_stats.counters.sync);
	/* Before the channels: an event may come at once, and waits for the queue's start in this state. */
	netif_napi_add(queue->nb->netdev, &queue->napi, netback_poll);
	rc = map_rings(queue, nodes);
	if (!rc)
		rc = make_memory(queue);
	if (!rc)
		rc = netif_teller_make(&queue->teller, netback_rx_tell, queue->nb->netdev->name, queue->index);
	if (!rc)
		rc = bind_channels(queue, nodes);
	return rc;
}

void netback_queue_free(struct netback_queue *queue)
{
	unsigned int i;

	netif_teller_free(&queue->teller);
	for (i = 0; i < ARRAY_SIZE(queue->channels); i++)
		netif_channel_unbind(&queue->channels[i]);
	if (queue->napi.poll)
		netif_napi_del(&queue->napi);
	if (xdp_rxq_info_is_reg(&queue->xdp_rxq))
		xdp_rxq_info_unreg(&queue->xdp_rxq);
	netif_pools_free(&queue->pools);
	unmap_rings(queue);
}

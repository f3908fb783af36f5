// SPDX-License-Identifier: GPL-2.0-only
/* A queue's rings, event channels and memory. */
#include "netback.h"

#define POOL_PAGES	512

/* Any event: the work is NAPI's; no further event comes on this channel until netback_queue_eoi(). */
static irqreturn_t netback_interrupt(int irq, void *data)
{
	struct netback_channel *c = data;

	set_bit(0, &c->eoi_due);
	c->queue->tx_stats.events++;
	napi_schedule(&c->queue->napi);
	return IRQ_HANDLED;
}

void netback_queue_eoi(struct netback_queue *queue)
{
	unsigned int flags = queue->worked ? 0 : XEN_EOI_FLAG_SPURIOUS;
	unsigned int i;

	queue->worked = false;
	for (i = 0; i < ARRAY_SIZE(queue->channels); i++) {
		struct netback_channel *c = &queue->channels[i];

		if (c->irq && test_and_clear_bit(0, &c->eoi_due))
			xen_irq_lateeoi(c->irq, flags);
	}
}

static int bind_channel(struct netback_queue *queue, struct netback_channel *c, evtchn_port_t port, const char *suffix)
{
	int rc;

	c->queue = queue;
	snprintf(c->name, sizeof(c->name), "%s-q%u-%s", queue->nb->netdev->name, queue->index, suffix);
	rc = bind_interdomain_evtchn_to_irqhandler_lateeoi(queue->nb->dev, port, netback_interrupt, 0, c->name, c);
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

static int make_pool(struct netback_queue *queue)
{
	struct page_pool_params params = {
		.pool_size = POOL_PAGES,
		.nid = NUMA_NO_NODE,
		.dev = &queue->nb->dev->dev,
	};
	struct page_pool *pool = page_pool_create(&params);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	queue->pool = pool;
	return 0;
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
	u64_stats_init(&queue->tx_stats.sync);
	u64_stats_init(&queue->rx_stats.sync);
	/* Before the channels: an event may come at once, and waits for the queue's start in this state. */
	netif_napi_add(queue->nb->netdev, &queue->napi, netback_poll);
	rc = map_rings(queue, nodes);
	if (!rc)
		rc = make_pool(queue);
	if (!rc)
		rc = bind_channels(queue, nodes);
	return rc;
}

void netback_queue_free(struct netback_queue *queue)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(queue->channels); i++) {
		if (queue->channels[i].irq)
			unbind_from_irqhandler(queue->channels[i].irq, &queue->channels[i]);
		queue->channels[i].irq = 0;
	}
	if (queue->napi.poll)
		netif_napi_del(&queue->napi);
	if (queue->pool)
		page_pool_destroy(queue->pool);
	queue->pool = NULL;
	unmap_rings(queue);
}

// SPDX-License-Identifier: GPL-2.0-only
/* A queue's rings, event channels and grants. */
#include "netfront.h"

static int bind_channel(struct netfront_queue *queue, struct netif_channel *c, const char *suffix)
{
	struct xenbus_device *dev = queue->front->dev;
	int rc;

	c->napi = &queue->napi;
	snprintf(c->name, sizeof(c->name), "%s-q%u-%s", dev_name(&dev->dev), queue->index, suffix);
	rc = xenbus_alloc_evtchn(dev, &c->port);
	if (rc)
		return rc;
	rc = bind_evtchn_to_irqhandler_lateeoi(c->port, netif_interrupt, 0, c->name, c);
	if (rc < 0) {
		xenbus_free_evtchn(dev, c->port);
		return rc;
	}
	c->irq = rc;
	return 0;
}

static void free_grefs(grant_ref_t *refs, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (refs[i] != NO_GRANT)
			gnttab_free_grant_reference(refs[i]);
		refs[i] = NO_GRANT;
	}
}

static int take_grefs(grant_ref_t *refs, unsigned int nr)
{
	grant_ref_t head;
	unsigned int i;
	int rc;

	rc = gnttab_alloc_grant_references(nr, &head);
	if (rc)
		return rc;
	for (i = 0; i < nr; i++)
		refs[i] = gnttab_claim_grant_reference(&head);
	gnttab_free_grant_references(head);
	return 0;
}

static int make_rx_memory(struct netfront_queue *queue)
{
	return netif_pools_make(&queue->pools, &queue->front->dev->dev, RX_SLOTS) ?:
	       xdp_rxq_info_reg(&queue->xdp_rxq, queue->front->netdev, queue->index, 0) ?:
	       xdp_rxq_info_reg_mem_model(&queue->xdp_rxq, MEM_TYPE_PAGE_POOL, queue->pools.pages);
}

static int make_rings(struct netfront_queue *queue)
{
	struct xenbus_device *dev = queue->front->dev;
	struct xen_netif_tx_sring *tx;
	struct xen_netif_rx_sring *rx;
	int rc;

	rc = xenbus_setup_ring(dev, GFP_KERNEL, (void **)&tx, 1, &queue->tx_ring_ref);
	if (rc)
		return rc;
	XEN_FRONT_RING_INIT(&queue->tx, tx, XEN_PAGE_SIZE);
	rc = xenbus_setup_ring(dev, GFP_KERNEL, (void **)&rx, 1, &queue->rx_ring_ref);
	if (rc)
		return rc;
	XEN_FRONT_RING_INIT(&queue->rx, rx, XEN_PAGE_SIZE);
	return 0;
}

static void free_rings(struct netfront_queue *queue)
{
	xenbus_teardown_ring((void **)&queue->tx.sring, 1, &queue->tx_ring_ref);
	xenbus_teardown_ring((void **)&queue->rx.sring, 1, &queue->rx_ring_ref);
}

static void rx_retry(struct timer_list *timer)
{
	struct netfront_queue *queue = from_timer(queue, timer, rx_retry);

	napi_schedule(&queue->napi);
}

static int make_queue(struct netfront_queue *queue, bool split)
{
	int rc;

	timer_setup(&queue->rx_retry, rx_retry, 0);
	u64_stats_init(&queue->tx_stats.sync);
	u64_stats_init(&queue->rx_stats.sync);
	/* Before the channels: an event may come at once, and waits for the queue's start in this state. */
	netif_napi_add(queue->front->netdev, &queue->napi, netfront_poll);
	netfront_tx_init(queue);
	rc = make_rings(queue);
	if (!rc)
		rc = take_grefs(queue->tx_grefs, TX_SLOTS);
	if (!rc)
		rc = take_grefs(queue->rx_grefs, RX_SLOTS);
	if (!rc)
		rc = make_rx_memory(queue);
	if (!rc)
		rc = netif_teller_make(&queue->teller, netfront_tx_tell, dev_name(&queue->front->dev->dev), queue->index);
	if (!rc)
		rc = bind_channel(queue, &queue->channels[0], split ? "tx" : "both");
	if (!rc && split)
		rc = bind_channel(queue, &queue->channels[1], "rx");
	return rc;
}

/* Also of a queue that was made only in part. */
static void free_queue(struct netfront_queue *queue)
{
	netif_teller_free(&queue->teller);
	netif_channel_unbind(&queue->channels[0]);
	netif_channel_unbind(&queue->channels[1]);
	if (queue->napi.poll)
		netif_napi_del(&queue->napi);
	del_timer_sync(&queue->rx_retry);
	netfront_tx_drop_all(queue);
	netfront_rx_drop_all(queue);
	free_grefs(queue->tx_grefs, TX_SLOTS);
	free_grefs(queue->rx_grefs, RX_SLOTS);
	free_rings(queue);
	if (xdp_rxq_info_is_reg(&queue->xdp_rxq))
		xdp_rxq_info_unreg(&queue->xdp_rxq);
	netif_pools_free(&queue->pools);
}

static void init_queue(struct netfront *front, unsigned int index)
{
	struct netfront_queue *queue = &front->queues[index];
	unsigned int i;

	queue->front = front;
	queue->index = index;
	queue->tx_ring_ref = queue->rx_ring_ref = NO_GRANT;
	for (i = 0; i < TX_SLOTS; i++)
		queue->tx_grefs[i] = NO_GRANT;
	for (i = 0; i < RX_SLOTS; i++)
		queue->rx_grefs[i] = NO_GRANT;
	timer_setup(&queue->rx_retry, rx_retry, 0);
}

int netfront_make_queues(struct netfront *front, unsigned int nr, bool split)
{
	unsigned int i;
	int rc;

	front->queues = kvcalloc(nr, sizeof(*front->queues), GFP_KERNEL);
	if (!front->queues)
		return -ENOMEM;
	front->nr_queues = nr;
	for (i = 0; i < nr; i++)
		init_queue(front, i);
	for (i = 0; i < nr; i++) {
		rc = make_queue(&front->queues[i], split);
		if (rc) {
			netfront_free_queues(front);
			return rc;
		}
	}
	return 0;
}

void netfront_free_queues(struct netfront *front)
{
	struct netfront_queue *queues = front->queues;
	unsigned int i, nr = front->nr_queues;
	struct rtnl_link_stats64 sum;

	netfront_ops.ndo_get_stats64(front->netdev, &sum);
	spin_lock(&front->stats_lock);
	front->past = sum;
	front->queues = NULL;
	front->nr_queues = 0;
	spin_unlock(&front->stats_lock);
	for (i = 0; i < nr; i++)
		free_queue(&queues[i]);
	kvfree(queues);
}

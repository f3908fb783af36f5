// SPDX-License-Identifier: GPL-2.0-only
/* The life of rings: memory shared with the backend, an event channel, and the requests that are left when they go. */
#include <xenolith/event.h>
#include "blkfront.h"

static int create_ring(struct front_queue *queue)
{
	struct blkfront *front = queue->front;
	unsigned int pages = 1 << front->order;
	int rc;

	rc = xenbus_setup_ring(front->bus, GFP_KERNEL, &queue->shared, pages, queue->ring_refs);
	if (rc)
		return rc;
	XEN_FRONT_RING_INIT(&queue->ring, (struct blkif_sring *)queue->shared, pages * XEN_PAGE_SIZE);
	return 0;
}

static int create_port(struct front_queue *queue)
{
	struct blkfront *front = queue->front;
	int rc = xenbus_alloc_evtchn(front->bus, &queue->port);

	if (rc)
		return rc;
	snprintf(queue->name, sizeof(queue->name), "%s-q%u", front->vdev.name, (unsigned int)(queue - front->queues));
	rc = bind_evtchn_to_irqhandler_lateeoi(queue->port, front_interrupt, 0, queue->name, queue);
	if (rc <= 0) {
		xenbus_free_evtchn(front->bus, queue->port);
		xenbus_dev_fatal(front->bus, rc, "binding an event channel");
		return rc;
	}
	queue->irq = rc;
	return 0;
}

static int create_queue(struct front_queue *queue, struct blkfront *front)
{
	int rc;

	queue->front = front;
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->pool);
	rc = create_ring(queue);
	if (rc)
		return rc;
	rc = create_port(queue);
	if (rc)
		xenbus_teardown_ring(&queue->shared, 1 << front->order, queue->ring_refs);
	return rc;
}

/* After this the interrupt's handler neither runs nor will. */
static void silence(struct front_queue *queue)
{
	spin_lock_irq(&queue->lock);
	queue->live = false;
	spin_unlock_irq(&queue->lock);
	unbind_from_irqhandler(queue->irq, queue);
}

static void destroy_queue(struct front_queue *queue)
{
	front_free_pages(queue);
	xenbus_teardown_ring(&queue->shared, 1 << queue->front->order, queue->ring_refs);
}

int front_create_queues(struct blkfront *front, unsigned int nr)
{
	int rc = 0;

	front->queues = kvcalloc(nr, sizeof(*front->queues), GFP_KERNEL);
	if (!front->queues)
		return -ENOMEM;
	for (front->nr_queues = 0; front->nr_queues < nr; front->nr_queues++) {
		rc = create_queue(&front->queues[front->nr_queues], front);
		if (rc) {
			front_destroy_queues(front, false);
			return rc;
		}
	}
	return 0;
}

/* What the other side does not let go keeps its page allocated: the grant table holds a reference to it. */
static void abandon_grants(struct front_queue *queue, struct request *rq)
{
	struct front_cmd *cmd = blk_mq_rq_to_pdu(rq);

	if (front_end_grants(queue, rq, false))
		return;
	while (cmd->segments) {
		struct front_segment *segment = &cmd->segment[--cmd->segments];

		if (segment->copy) {
			segment->copy->ref = segment->ref;
			front_free_page(segment->copy);
		} else {
			gnttab_end_foreign_access(segment->ref, NULL);
		}
	}
}

static void end_slot(struct front_queue *queue, struct front_slot *slot, bool requeue)
{
	struct request *rq = slot->rq;

	if (slot->table)
		front_free_page(slot->table);
	slot->table = NULL;
	if (!rq)
		return;
	slot->rq = NULL;
	spin_lock_irq(&queue->lock);
	abandon_grants(queue, rq);
	spin_unlock_irq(&queue->lock);
	if (requeue)
		blk_mq_requeue_request(rq, false);
	else
		blk_mq_end_request(rq, BLK_STS_IOERR);
}

void front_destroy_queues(struct blkfront *front, bool requeue)
{
	unsigned int n;

	for (n = 0; n < front->nr_queues; n++)
		silence(&front->queues[n]);
	if (front->slots)
		for (n = 0; n < front->tags.nr_hw_queues * front->depth; n++)
			end_slot(front_queue_of(front, n / front->depth), &front->slots[n], requeue);
	for (n = 0; n < front->nr_queues; n++)
		destroy_queue(&front->queues[n]);
	front->nr_queues = 0;
	kvfree(front->queues);
	front->queues = NULL;
}

bool front_busy(struct blkfront *front)
{
	unsigned int n;

	if (front->slots)
		for (n = 0; n < front->tags.nr_hw_queues * front->depth; n++)
			if (READ_ONCE(front->slots[n].rq))
				return true;
	return false;
}

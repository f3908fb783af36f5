// SPDX-License-Identifier: GPL-2.0-only
/*
 * Responses. Each is copied, then checked, then believed: it must name a request that is under way on this ring, and repeat
 * its operation. The backend must have let go what was granted for it.
 */
#include <linux/highmem.h>
#include <xenolith/event.h>
#include "blkfront.h"

/* Walks the request as put_segments() did. */
static void copy_back(struct front_cmd *cmd, struct request *rq)
{
	unsigned int n = 0, end = 0;
	struct page *last = NULL;
	struct req_iterator at;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, at) {
		if (last && (bv.bv_page != last || bv.bv_offset != end))
			n++;
		memcpy_page(bv.bv_page, bv.bv_offset, cmd->segment[n].copy->page, bv.bv_offset, bv.bv_len);
		last = bv.bv_page;
		end = bv.bv_offset + bv.bv_len;
	}
}

bool front_end_grants(struct front_queue *queue, struct request *rq, bool read)
{
	struct front_cmd *cmd = blk_mq_rq_to_pdu(rq);

	if (read && queue->front->bounce)
		copy_back(cmd, rq);
	while (cmd->segments) {
		struct front_segment *segment = &cmd->segment[cmd->segments - 1];

		/* The grant of a persistent page is the page's, not the request's. */
		if (!segment->copy || segment->copy->ref == INVALID_GRANT_REF)
			if (!front_return_ref(queue, segment->ref))
				return false;
		if (segment->copy)
			front_return_page(queue, segment->copy);
		cmd->segments--;
	}
	return true;
}

static void no_cache(struct blkfront *front, struct request_queue *q)
{
	if (front->features.flush || front->features.barrier)
		dev_warn(&front->bus->dev, "%s: the backend cannot flush, writes are taken to be safe\n", front->vdev.name);
	front->features.flush = false;
	front->features.barrier = false;
	compat_no_cache(q);
}

/*
 * A backend may say so at any time of what it has offered (blkif.h), and is not asked again. A file system would not live on
 * after a flush that failed, so a cache that cannot be flushed is none. A barrier's data was not written: it is sent once more.
 */
static blk_status_t not_supported(struct front_queue *queue, struct request *rq)
{
	struct front_cmd *cmd = blk_mq_rq_to_pdu(rq);

	switch (cmd->op) {
	case BLKIF_OP_DISCARD:
		if (req_op(rq) == REQ_OP_SECURE_ERASE)
			compat_no_secure_erase(rq->q);
		else
			compat_no_discard(rq->q);
		return BLK_STS_NOTSUPP;
	case BLKIF_OP_FLUSH_DISKCACHE:
	case BLKIF_OP_WRITE_BARRIER:
		no_cache(queue->front, rq->q);
		return req_op(rq) == REQ_OP_FLUSH ? BLK_STS_OK : BLK_STS_RESOURCE;
	default:
		return BLK_STS_NOTSUPP;
	}
}

static blk_status_t status_of(struct front_queue *queue, struct request *rq, int status)
{
	switch (status) {
	case BLKIF_RSP_OKAY:
		return BLK_STS_OK;
	case BLKIF_RSP_EOPNOTSUPP:
		return not_supported(queue, rq);
	default:
		return BLK_STS_IOERR;
	}
}

/* The slot that a response is for, or NULL: it is for none. */
static struct front_slot *slot_of(struct front_queue *queue, const struct blkif_response *response)
{
	struct blkfront *front = queue->front;
	struct front_slot *slot;

	if (!front->slots || response->id >= (u64)front->tags.nr_hw_queues * front->depth)
		return NULL;
	if (front_queue_of(front, (u32)response->id / front->depth) != queue)
		return NULL;
	slot = &front->slots[response->id];
	return slot->rq ? slot : NULL;
}

/* Return: false where the device is broken now. */
static bool take_response(struct front_queue *queue, const struct blkif_response *response, struct list_head *done)
{
	struct front_slot *slot = slot_of(queue, response);
	struct front_cmd *cmd;
	struct request *rq;

	if (!slot) {
		front_break(queue, "a response to request %llu, which was not sent", response->id);
		return false;
	}
	rq = slot->rq;
	cmd = blk_mq_rq_to_pdu(rq);
	if (response->operation != cmd->op) {
		front_break(queue, "operation %u in the response to one of operation %u", response->operation, cmd->op);
		return false;
	}
	cmd->status = status_of(queue, rq, response->status);
	if (!front_end_grants(queue, rq, rq_data_dir(rq) == READ && cmd->status == BLK_STS_OK)) {
		front_break(queue, "a page of request %llu is still mapped after its response", response->id);
		return false;
	}
	slot->rq = NULL;
	list_add_tail(&rq->queuelist, done);
	return true;
}

/* Return: how many were taken. */
static unsigned int take_responses(struct front_queue *queue, struct list_head *done)
{
	struct blkif_front_ring *ring = &queue->ring;
	struct blkif_response response;
	unsigned int n = 0;
	int more = queue->live;
	RING_IDX to;

	while (more) {
		to = READ_ONCE(ring->sring->rsp_prod);
		virt_rmb();	/* the responses after the index that says that they are there */
		if (to - ring->rsp_cons > ring->req_prod_pvt - ring->rsp_cons) {
			front_break(queue, "%u responses to %u requests", to - ring->rsp_cons,
				    ring->req_prod_pvt - ring->rsp_cons);
			return n;
		}
		for (; ring->rsp_cons != to; ring->rsp_cons++, n++) {
			RING_COPY_RESPONSE(ring, ring->rsp_cons, &response);
			if (!take_response(queue, &response, done))
				return n;
		}
		RING_FINAL_CHECK_FOR_RESPONSES(ring, more);
	}
	return n;
}

static void end_request(struct request *rq, blk_status_t status)
{
	if (status == BLK_STS_RESOURCE)
		blk_mq_requeue_request(rq, true);
	else
		blk_mq_end_request(rq, status);
}

irqreturn_t front_interrupt(int irq, void *data)
{
	struct front_queue *queue = data;
	struct request *rq, *next;
	unsigned long flags;
	LIST_HEAD(done);
	unsigned int n;

	spin_lock_irqsave(&queue->lock, flags);
	n = take_responses(queue, &done);
	spin_unlock_irqrestore(&queue->lock, flags);
	list_for_each_entry_safe(rq, next, &done, queuelist) {
		list_del_init(&rq->queuelist);
		end_request(rq, ((struct front_cmd *)blk_mq_rq_to_pdu(rq))->status);
	}
	xen_irq_lateeoi(irq, n ? 0 : XEN_EOI_FLAG_SPURIOUS);
	return IRQ_HANDLED;
}

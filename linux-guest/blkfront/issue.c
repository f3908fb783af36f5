// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a request of the block layer to a request of the ring.
 *
 * A slot of the ring is shared memory: it is written, never read. All that a request will need is reserved before the first
 * byte is written, so that nothing has to be undone.
 */
#include <linux/highmem.h>
#include <xenolith/event.h>
#include "blkfront.h"

/* One piece of a request, within one page. */
struct piece {
	struct page *page;
	unsigned int offset, len;
};

static void grant_piece(struct front_queue *queue, struct front_segment *segment, const struct piece *piece, bool write)
{
	struct page *page = piece->page;

	segment->copy = NULL;
	if (queue->front->bounce) {
		segment->copy = front_take_page(queue);
		page = segment->copy->page;
		segment->ref = segment->copy->ref;
		if (write)
			memcpy_page(page, piece->offset, piece->page, piece->offset, piece->len);
		if (segment->ref != INVALID_GRANT_REF)
			return;
	}
	segment->ref = front_take_ref(queue);
	gnttab_grant_foreign_access_ref(segment->ref, queue->front->bus->otherend_id, xen_page_to_gfn(page), write);
}

static void put_piece(struct front_queue *queue, struct front_cmd *cmd, struct blkif_request_segment *to,
		      const struct piece *piece, bool write)
{
	struct front_segment *segment = &cmd->segment[cmd->segments];

	grant_piece(queue, segment, piece, write);
	to[cmd->segments++] = (struct blkif_request_segment) {
		.gref = segment->ref,
		.first_sect = piece->offset / SECTOR_SIZE,
		.last_sect = (piece->offset + piece->len) / SECTOR_SIZE - 1,
	};
}

/* Neighbours within a page are one piece: that is how the block layer counted. */
static void put_segments(struct front_queue *queue, struct request *rq, struct blkif_request_segment *to)
{
	struct front_cmd *cmd = blk_mq_rq_to_pdu(rq);
	bool write = rq_data_dir(rq) == WRITE;
	struct piece piece = { };
	struct req_iterator at;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, at) {
		if (piece.page == bv.bv_page && piece.offset + piece.len == bv.bv_offset) {
			piece.len += bv.bv_len;
			continue;
		}
		if (piece.page)
			put_piece(queue, cmd, to, &piece, write);
		piece = (struct piece) { bv.bv_page, bv.bv_offset, bv.bv_len };
	}
	put_piece(queue, cmd, to, &piece, write);
}

static bool sectors_only(struct request *rq)
{
	struct req_iterator at;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, at)
		if ((bv.bv_offset | bv.bv_len) % SECTOR_SIZE)
			return false;
	return true;
}

static struct blkif_request *next_slot(struct front_queue *queue)
{
	return RING_GET_REQUEST(&queue->ring, queue->ring.req_prod_pvt);
}

static blk_status_t put_direct(struct front_queue *queue, struct request *rq, u64 id)
{
	struct front_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct blkif_request *to = next_slot(queue);

	to->operation = cmd->op;
	to->u.rw.handle = queue->front->handle;
	to->u.rw.id = id;
	to->u.rw.sector_number = blk_rq_pos(rq);
	put_segments(queue, rq, to->u.rw.seg);
	to->u.rw.nr_segments = cmd->segments;
	return BLK_STS_OK;
}

static blk_status_t put_indirect(struct front_queue *queue, struct request *rq, const struct front_page *table, u64 id)
{
	struct front_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct blkif_request *to = next_slot(queue);

	to->operation = BLKIF_OP_INDIRECT;
	to->u.indirect.indirect_op = cmd->op;
	to->u.indirect.handle = queue->front->handle;
	to->u.indirect.id = id;
	to->u.indirect.sector_number = blk_rq_pos(rq);
	to->u.indirect.indirect_grefs[0] = table->ref;
	put_segments(queue, rq, page_address(table->page));
	to->u.indirect.nr_segments = cmd->segments;
	return BLK_STS_OK;
}

static blk_status_t put_data(struct front_queue *queue, struct request *rq, struct front_slot *slot, u64 id)
{
	struct front_cmd *cmd = blk_mq_rq_to_pdu(rq);
	unsigned int segments = blk_rq_nr_phys_segments(rq);

	if (!sectors_only(rq))
		return BLK_STS_IOERR;
	/* The table first: it takes a reference of its own. */
	if (segments > BLKIF_MAX_SEGMENTS_PER_REQUEST && !front_table(queue, slot))
		return BLK_STS_RESOURCE;
	if (!front_reserve(queue, segments))
		return BLK_STS_RESOURCE;
	cmd->op = rq_data_dir(rq) == READ ? BLKIF_OP_READ : BLKIF_OP_WRITE;
	/* Where there is no flush the block layer asks for FUA, and a barrier is what the protocol has for it. */
	if (rq->cmd_flags & REQ_FUA && queue->front->features.barrier && segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST)
		cmd->op = BLKIF_OP_WRITE_BARRIER;
	if (segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST)
		return put_direct(queue, rq, id);
	return put_indirect(queue, rq, slot->table, id);
}

static blk_status_t put_discard(struct front_queue *queue, struct request *rq, u64 id)
{
	struct front_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct blkif_request *to = next_slot(queue);

	cmd->op = BLKIF_OP_DISCARD;
	to->operation = BLKIF_OP_DISCARD;
	to->u.discard.flag = req_op(rq) == REQ_OP_SECURE_ERASE ? BLKIF_DISCARD_SECURE : 0;
	to->u.discard.id = id;
	to->u.discard.sector_number = blk_rq_pos(rq);
	to->u.discard.nr_sectors = blk_rq_sectors(rq);
	return BLK_STS_OK;
}

static blk_status_t put_flush(struct front_queue *queue, struct request *rq, u64 id)
{
	struct front_features *features = &queue->front->features;
	struct front_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct blkif_request *to = next_slot(queue);

	cmd->op = features->flush ? BLKIF_OP_FLUSH_DISKCACHE : BLKIF_OP_WRITE_BARRIER;
	to->operation = cmd->op;
	to->u.rw.nr_segments = 0;
	to->u.rw.handle = queue->front->handle;
	to->u.rw.id = id;
	to->u.rw.sector_number = 0;
	return BLK_STS_OK;
}

static blk_status_t put_request(struct front_queue *queue, struct request *rq, struct front_slot *slot, u64 id)
{
	switch (req_op(rq)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		return put_data(queue, rq, slot, id);
	case REQ_OP_FLUSH:
		return put_flush(queue, rq, id);
	case REQ_OP_DISCARD:
	case REQ_OP_SECURE_ERASE:
		return put_discard(queue, rq, id);
	default:
		return BLK_STS_NOTSUPP;
	}
}

static blk_status_t send(struct front_queue *queue, struct request *rq, unsigned int hardware_queue)
{
	struct blkfront *front = queue->front;
	struct front_slot *slot = &front->slots[hardware_queue * front->depth + rq->tag];
	struct front_cmd *cmd = blk_mq_rq_to_pdu(rq);
	blk_status_t status;

	if (!queue->live)
		return BLK_STS_IOERR;
	if (RING_FULL(&queue->ring))
		return BLK_STS_RESOURCE;
	cmd->segments = 0;
	status = put_request(queue, rq, slot, hardware_queue * front->depth + rq->tag);
	if (status == BLK_STS_OK) {
		queue->ring.req_prod_pvt++;
		slot->rq = rq;
	}
	return status;
}

/* Make what was put visible. Return: the backend wants to be told. */
static bool push(struct front_queue *queue)
{
	int notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&queue->ring, notify);
	return notify;
}

static void front_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct blkfront *front = hctx->queue->queuedata;
	struct front_queue *queue;
	unsigned long flags;
	bool notify = false;

	if (READ_ONCE(front->state) != FRONT_CONNECTED)
		return;
	queue = front_queue_of(front, hctx->queue_num);
	spin_lock_irqsave(&queue->lock, flags);
	if (queue->live)
		notify = push(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
	if (notify)
		notify_remote_via_evtchn(queue->port);
}

static bool nothing_to_flush(const struct blkfront *front, struct request *rq)
{
	return req_op(rq) == REQ_OP_FLUSH && !front->features.flush && !front->features.barrier;
}

/* The block layer wanted it of a backend that had a cache, and has it no more. */
static blk_status_t end_flush(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	blk_mq_end_request(bd->rq, BLK_STS_OK);
	if (bd->last)
		front_commit_rqs(hctx);		/* those before it */
	return BLK_STS_OK;
}

/* A backend may take fewer segments than the one before it: what the block layer had prepared is split once more. */
static blk_status_t take_apart(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct blkfront *front = hctx->queue->queuedata;
	struct request *rq = bd->rq;
	unsigned long flags;

	spin_lock_irqsave(&front->split_lock, flags);
	blk_steal_bios(&front->bios, rq);
	spin_unlock_irqrestore(&front->split_lock, flags);
	blk_mq_end_request(rq, BLK_STS_OK);
	schedule_work(&front->split);
	if (bd->last)
		front_commit_rqs(hctx);		/* those before it */
	return BLK_STS_OK;
}

static blk_status_t front_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct blkfront *front = hctx->queue->queuedata;
	struct front_queue *queue;
	struct request *rq = bd->rq;
	unsigned long flags;
	blk_status_t status;
	bool notify = false;

	blk_mq_start_request(rq);
	if (READ_ONCE(front->state) != FRONT_CONNECTED)
		return BLK_STS_IOERR;
	if (blk_rq_nr_phys_segments(rq) > front->features.limits.segments && bio_has_data(rq->bio))
		return take_apart(hctx, bd);
	if (nothing_to_flush(front, rq))
		return end_flush(hctx, bd);
	queue = front_queue_of(front, hctx->queue_num);
	spin_lock_irqsave(&queue->lock, flags);
	status = send(queue, rq, hctx->queue_num);
	if (queue->live && (bd->last || status != BLK_STS_OK))
		notify = push(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
	if (notify)
		notify_remote_via_evtchn(queue->port);
	return status;
}

const struct blk_mq_ops front_mq_ops = {
	.queue_rq = front_queue_rq,
	.commit_rqs = front_commit_rqs,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A batch of requests on its way to the device. After each step the requests that have come to an end (an error, or a
 * frontend that broke the protocol) are answered and leave the batch.
 */
#include <linux/mm.h>
#include "blkback.h"

/* --- taking ---------------------------------------------------------------------------------------------------------- */

static int make_room(struct back_request *req, unsigned int segments)
{
	unsigned int room = segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST ? BLKIF_MAX_SEGMENTS_PER_REQUEST : roundup_pow_of_two(segments);
	size_t each = sizeof(*req->segment) + sizeof(*req->vec) + sizeof(*req->unmap) + sizeof(*req->unmap_pages);
	void *memory;

	if (segments <= req->room)
		return 0;
	memory = kvmalloc_array(room, each, GFP_KERNEL);
	if (!memory)
		return -ENOMEM;
	kvfree(req->segment);
	req->room = room;
	req->segment = memory;
	req->vec = memory + room * sizeof(*req->segment);
	req->unmap = (void *)(req->vec + room);
	req->unmap_pages = (void *)(req->unmap + room);
	return 0;
}

/* What an indirect request needs to have its descriptors fetched. */
static int prepare_table(struct back_request *req, const struct blkif_request *raw)
{
	if (req->rq.tables != 1)
		return -EINVAL;
	req->table_ref = raw->u.indirect.indirect_grefs[0];
	if (!req->table)
		req->table = (void *)__get_free_page(GFP_KERNEL);
	return req->table ? 0 : -ENOMEM;
}

static void take_request(struct back_ring *ring, const struct blkif_request *raw, struct list_head *batch)
{
	struct back_request *req;
	const char *wrong;

	spin_lock_irq(&ring->lock);
	req = list_first_entry(&ring->free, struct back_request, list);
	list_del(&req->list);
	ring->flying++;
	spin_unlock_irq(&ring->lock);
	list_add_tail(&req->list, batch);
	req->status = BLKIF_RSP_OKAY;
	wrong = blk_parse(raw, &req->rq);
	req->copied = true;
	if (wrong) {
		back_break(ring, wrong);
		req->rq.segments = 0;
		req->status = BLKIF_RSP_ERROR;
		return;
	}
	if (req->rq.tables)
		req->status = prepare_table(req, raw) ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY;
	else
		memcpy(req->direct, raw->u.rw.seg, sizeof(req->direct));
	if (make_room(req, req->rq.segments))
		req->status = BLKIF_RSP_ERROR;
	if (req->status)
		req->rq.segments = 0;
}

static unsigned int take_batch(struct back_ring *ring, struct list_head *batch)
{
	struct blkif_back_ring *r = &ring->ring;
	struct blkif_request raw;
	unsigned int n = 0;
	RING_IDX to = READ_ONCE(r->sring->req_prod);

	virt_rmb();	/* the requests after the index that says that they are there */
	if (to - r->rsp_prod_pvt > r->nr_ents) {
		back_break(ring, "more requests than the ring has entries");
		return 0;
	}
	for (; r->req_cons != to && n < BACK_BATCH && !READ_ONCE(ring->broken); n++) {
		blk_copy_request(&raw, ring->shared + BLK_RING_HEADER + (r->req_cons & (r->nr_ents - 1)) * blk_entry_size(ring->abi),
				 ring->abi);
		r->req_cons++;
		take_request(ring, &raw, batch);
	}
	return n;
}

/* --- checking ------------------------------------------------------------------------------------------------------- */

static void fill_segments(struct back_request *req, const struct blkif_request_segment *from)
{
	unsigned int n;

	for (n = 0; n < req->rq.segments; n++)
		req->segment[n] = (struct back_segment) {
			.ref = from[n].gref,
			.offset = from[n].first_sect * SECTOR_SIZE,
			.len = (from[n].last_sect - from[n].first_sect + 1) * SECTOR_SIZE,
			.handle = INVALID_GRANT_HANDLE,
		};
}

/* What an honest frontend may ask for and cannot have. */
static bool refused(struct back_request *req)
{
	struct blkback *back = req->ring->back;
	struct block_device *bdev = back->device.bdev;
	unsigned int block = bdev_logical_block_size(bdev) / SECTOR_SIZE;

	if (req->rq.kind != BLK_READ && back->readonly && (req->rq.segments || req->rq.kind == BLK_DISCARD))
		return true;
	if (!req->rq.sectors)
		return false;
	return !blk_in_range(req->rq.sector, req->rq.sectors, bdev_nr_sectors(bdev)) ||
	       (req->rq.sector | req->rq.sectors) % block;
}

static void check_request(struct back_request *req)
{
	const struct blkif_request_segment *from = req->rq.tables ? req->table : req->direct;
	const char *wrong;

	if (req->status) {	/* its descriptors did not come: there are no segments to give back */
		req->rq.segments = 0;
		return;
	}
	wrong = blk_parse_segments(from, &req->rq);
	if (wrong)
		back_break(req->ring, wrong);
	if (wrong || refused(req)) {
		req->status = BLKIF_RSP_ERROR;
		req->rq.segments = 0;
		return;
	}
	fill_segments(req, from);
	req->copied = !req->ring->back->persistent && req->rq.segments <= back_copy_segments;
}

/* --- done ------------------------------------------------------------------------------------------------------------ */

static void count(struct back_request *req)
{
	struct back_ring *ring = req->ring;

	switch (req->rq.kind) {
	case BLK_READ:
		ring->reads++;
		ring->sectors_read += req->rq.sectors;
		break;
	case BLK_WRITE:
		ring->writes++;
		ring->sectors_written += req->rq.sectors;
		break;
	case BLK_DISCARD:
		ring->discards++;
		break;
	default:
		ring->flushes++;
		ring->sectors_written += req->rq.sectors;
	}
}

/* Give back what the request has, in the way that it came. */
static void finish(struct back_request *req)
{
	if (!req->copied) {
		back_unmap_and_respond(req);
		return;
	}
	if (req->rq.kind == BLK_READ && !req->status && req->rq.segments)
		back_copy_out(req);
	back_respond(req);
}

static void device_answered(struct bio *bio)
{
	struct back_request *req = bio->bi_private;

	if (bio->bi_status)
		req->status = bio->bi_status == BLK_STS_NOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
	bio_uninit(bio);
	finish(req);
}

static void leave_batch(struct list_head *batch)
{
	struct back_request *req, *next;

	list_for_each_entry_safe(req, next, batch, list)
		if (req->status) {
			list_del(&req->list);
			finish(req);
		}
}

/* --- submitting ----------------------------------------------------------------------------------------------------- */

static blk_opf_t operation_of(const struct back_request *req)
{
	switch (req->rq.kind) {
	case BLK_READ:
		return REQ_OP_READ;
	case BLK_WRITE:
		return REQ_OP_WRITE | REQ_SYNC | REQ_IDLE;
	case BLK_FLUSH:
		return REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH;
	default:
		return REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH | (req->rq.segments ? REQ_FUA : 0);
	}
}

static void submit_data(struct back_request *req)
{
	struct bio *bio = &req->bio;
	unsigned int n;

	for (n = 0; n < req->rq.segments; n++)
		bvec_set_page(&req->vec[n], req->segment[n].page, req->segment[n].len, req->segment[n].offset);
	bio_init(bio, req->ring->back->device.bdev, req->vec, req->rq.segments, operation_of(req));
	bio->bi_vcnt = req->rq.segments;
	bio->bi_iter.bi_size = req->rq.sectors * SECTOR_SIZE;
	bio->bi_iter.bi_sector = req->rq.sector;
	bio->bi_end_io = device_answered;
	bio->bi_private = req;
	submit_bio(bio);
}

static int issue_discard(struct block_device *bdev, const struct blk_request *rq)
{
	/* The kernel sends an empty erasure to the device, and who knows what that takes it for. */
	if (!rq->sectors)
		return 0;
	if (rq->secure)
		return blkdev_issue_secure_erase(bdev, rq->sector, rq->sectors, GFP_KERNEL);
	return blkdev_issue_discard(bdev, rq->sector, rq->sectors, GFP_KERNEL);
}

static void discard(struct back_request *req)
{
	struct blkback *back = req->ring->back;
	int rc = back->discard_enabled ? issue_discard(back->device.bdev, &req->rq) : -EOPNOTSUPP;

	if (rc)
		req->status = rc == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
	back_respond(req);
}

/* Everything before a barrier is done before it begins, and it is done before anything behind it. */
static void barrier_request(struct back_request *req, unsigned int behind)
{
	back_drain(req->ring, behind + 1);
	submit_data(req);
	back_drain(req->ring, behind);
}

static void submit_batch(struct list_head *batch)
{
	struct back_request *req, *next;
	unsigned int left = 0;
	struct blk_plug plug;

	list_for_each_entry(req, batch, list)
		left++;
	blk_start_plug(&plug);
	list_for_each_entry_safe(req, next, batch, list) {
		list_del(&req->list);
		left--;
		count(req);
		if (req->rq.kind == BLK_BARRIER || req->rq.kind == BLK_DISCARD) {
			blk_finish_plug(&plug);
			if (req->rq.kind == BLK_DISCARD)
				discard(req);
			else
				barrier_request(req, left);
			blk_start_plug(&plug);
		} else {
			submit_data(req);
		}
	}
	blk_finish_plug(&plug);
}

unsigned int back_take_requests(struct back_ring *ring)
{
	struct back_request *req;
	unsigned int taken = 0, n;
	LIST_HEAD(batch);
	int more;

	do {
		n = take_batch(ring, &batch);
		taken += n;
		back_copy_tables(ring, &batch);
		list_for_each_entry(req, &batch, list)
			check_request(req);
		leave_batch(&batch);
		back_copy_in(ring, &batch);
		back_map(ring, &batch);
		leave_batch(&batch);
		submit_batch(&batch);
		if (READ_ONCE(ring->broken))
			break;
		RING_FINAL_CHECK_FOR_REQUESTS(&ring->ring, more);
	} while (more);
	return taken;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data that the hypervisor copies. Operations of many requests go into one hypercall; each has its own status, and a bad one
 * ends its own request. A reference that is not what the frontend said breaks the protocol.
 */
#include <linux/mm.h>
#include <xenolith/hypercall.h>
#include "blkback.h"

#define POOL 64

static void set_copy(struct gnttab_copy *op, domid_t domain, grant_ref_t ref, unsigned int offset, unsigned int len,
		     void *ours, bool out)
{
	struct gnttab_copy_ptr foreign = { .u.ref = ref, .domid = domain, .offset = offset };
	struct gnttab_copy_ptr local = { .u.gmfn = virt_to_gfn(ours), .domid = DOMID_SELF, .offset = offset_in_page(ours) };

	op->source = out ? local : foreign;
	op->dest = out ? foreign : local;
	op->len = len;
	op->flags = out ? GNTCOPY_dest_gref : GNTCOPY_source_gref;
	op->status = GNTST_general_error;
}

static void failed(struct back_request *req, int status)
{
	req->status = BLKIF_RSP_ERROR;
	if (status == GNTST_bad_gntref || status == GNTST_permission_denied || status == GNTST_bad_copy_arg)
		back_break(req->ring, "a grant that cannot be copied");
}

static void copy_batch(struct gnttab_copy *op, struct back_request **owner, struct back_request *only, unsigned int nr)
{
	unsigned int n;

	if (!nr)
		return;
	if (HYPERVISOR_grant_table_op(GNTTABOP_copy, op, nr))
		pr_err_ratelimited("the hypervisor refuses to copy grants\n");
	for (n = 0; n < nr; n++)
		if (op[n].status != GNTST_okay)
			failed(only ?: owner[n], op[n].status);
}

static void flush(struct back_ring *ring, unsigned int *nr)
{
	copy_batch(ring->op.copy, ring->owner, NULL, *nr);
	*nr = 0;
}

static void add(struct back_ring *ring, unsigned int *nr, struct back_request *req, grant_ref_t ref, unsigned int offset,
		unsigned int len, void *ours)
{
	set_copy(&ring->op.copy[*nr], ring->back->bus->otherend_id, ref, offset, len, ours, false);
	ring->owner[*nr] = req;
	if (++*nr == BACK_BATCH)
		flush(ring, nr);
}

void back_copy_tables(struct back_ring *ring, struct list_head *batch)
{
	struct back_request *req;
	unsigned int nr = 0;

	list_for_each_entry(req, batch, list)
		if (!req->status && req->rq.tables)
			add(ring, &nr, req, req->table_ref, 0, req->rq.segments * sizeof(*req->table), req->table);
	flush(ring, &nr);
}

/* --- pages ---------------------------------------------------------------------------------------------------------- */

static struct page *get_pooled(struct back_ring *ring)
{
	struct page *page;

	spin_lock_irq(&ring->lock);
	page = list_first_entry_or_null(&ring->pool, struct page, lru);
	if (page) {
		list_del(&page->lru);
		ring->pooled--;
	}
	spin_unlock_irq(&ring->lock);
	return page ?: alloc_page(GFP_KERNEL | __GFP_NOWARN);
}

/* A device that still reads a page has it to itself. */
static void put_pooled(struct back_ring *ring, struct page *page)
{
	if (ring->pooled < POOL && page_count(page) == 1) {
		list_add(&page->lru, &ring->pool);
		ring->pooled++;
	} else {
		put_page(page);
	}
}

void back_put_pages(struct back_request *req)
{
	unsigned int n;

	if (!req->copied)
		return;
	for (n = 0; n < req->rq.segments; n++)
		if (req->segment[n].page)
			put_pooled(req->ring, req->segment[n].page);
}

void back_free_pool(struct back_ring *ring)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &ring->pool, lru)
		put_page(page);
	INIT_LIST_HEAD(&ring->pool);
	ring->pooled = 0;
}

/* --- data ----------------------------------------------------------------------------------------------------------- */

static void copy_request_in(struct back_ring *ring, struct back_request *req, unsigned int *nr)
{
	struct back_segment *segment;
	unsigned int n;

	for (n = 0; n < req->rq.segments; n++) {
		segment = &req->segment[n];
		segment->page = get_pooled(ring);
		if (!segment->page) {
			req->status = BLKIF_RSP_ERROR;
			return;
		}
		if (req->rq.kind != BLK_READ)
			add(ring, nr, req, segment->ref, segment->offset, segment->len,
			    page_address(segment->page) + segment->offset);
	}
}

void back_copy_in(struct back_ring *ring, struct list_head *batch)
{
	struct back_request *req;
	unsigned int nr = 0;

	list_for_each_entry(req, batch, list)
		if (req->copied)
			copy_request_in(ring, req, &nr);
	flush(ring, &nr);
}

void back_copy_out(struct back_request *req)
{
	domid_t domain = req->ring->back->bus->otherend_id;
	struct gnttab_copy op[BACK_DONE_BATCH];
	unsigned int nr = 0, n;

	for (n = 0; n < req->rq.segments; n++) {
		struct back_segment *segment = &req->segment[n];

		set_copy(&op[nr++], domain, segment->ref, segment->offset, segment->len,
			 page_address(segment->page) + segment->offset, true);
		if (nr == BACK_DONE_BATCH || n == req->rq.segments - 1) {
			copy_batch(op, NULL, req, nr);
			nr = 0;
		}
	}
}

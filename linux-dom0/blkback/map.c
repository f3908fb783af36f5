// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data that is mapped: for one request, or for as long as the frontend uses the same pages.
 *
 * What stays mapped is found by its reference. There are no more than back_max_grants of them to a ring, but for those in
 * use; those that were not used for the longest time go first.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include "blkback.h"

/* --- grants that stay ----------------------------------------------------------------------------------------------- */

static struct back_grant *find_grant(struct back_ring *ring, grant_ref_t ref)
{
	struct back_grant *grant = xa_load(&ring->grants, ref);

	if (grant) {
		spin_lock_irq(&ring->lock);
		grant->users++;
		list_move_tail(&grant->lru, &ring->lru);
		spin_unlock_irq(&ring->lock);
	}
	return grant;
}

/* If it cannot be kept it is unmapped with its request, like any other. */
static void keep_grant(struct back_ring *ring, struct back_segment *segment)
{
	struct back_grant *grant = kmalloc(sizeof(*grant), GFP_KERNEL | __GFP_NOWARN);

	if (!grant)
		return;
	*grant = (struct back_grant) { .page = segment->page, .ref = segment->ref, .handle = segment->handle, .users = 1 };
	if (xa_insert(&ring->grants, segment->ref, grant, GFP_KERNEL | __GFP_NOWARN)) {
		kfree(grant);
		return;
	}
	spin_lock_irq(&ring->lock);
	list_add_tail(&grant->lru, &ring->lru);
	spin_unlock_irq(&ring->lock);
	ring->nr_grants++;
	segment->grant = grant;
}

static struct back_grant *oldest_unused(struct back_ring *ring)
{
	struct back_grant *grant, *found = NULL;

	spin_lock_irq(&ring->lock);
	list_for_each_entry(grant, &ring->lru, lru)
		if (!grant->users) {
			list_del(&grant->lru);
			found = grant;
			break;
		}
	spin_unlock_irq(&ring->lock);
	return found;
}

static void unmap_grant(struct back_ring *ring, struct back_grant *grant)
{
	struct gnttab_unmap_grant_ref op;
	struct gntab_unmap_queue_data wait = { .unmap_ops = &op, .pages = &grant->page, .count = 1 };

	gnttab_set_unmap_op(&op, (unsigned long)page_address(grant->page), GNTMAP_host_map, grant->handle);
	if (gnttab_unmap_refs_sync(&wait))
		pr_err_ratelimited("the hypervisor refuses to unmap a grant\n");
	else
		gnttab_page_cache_put(&ring->cache, &grant->page, 1);
	kfree(grant);
}

void back_trim_grants(struct back_ring *ring, unsigned int most)
{
	struct back_grant *grant;

	while (ring->nr_grants > most) {
		grant = oldest_unused(ring);
		if (!grant)
			return;
		xa_erase(&ring->grants, grant->ref);
		ring->nr_grants--;
		unmap_grant(ring, grant);
	}
}

/* --- mapping -------------------------------------------------------------------------------------------------------- */

static void mapped(struct back_ring *ring, unsigned int n)
{
	struct gnttab_map_grant_ref *op = &ring->op.map[n];
	struct back_segment *segment = ring->map_segment[n];
	struct back_request *req = ring->owner[n];

	if (op->status != GNTST_okay) {
		gnttab_page_cache_put(&ring->cache, &segment->page, 1);
		segment->page = NULL;
		req->status = BLKIF_RSP_ERROR;
		if (op->status == GNTST_bad_gntref || op->status == GNTST_permission_denied)
			back_break(ring, "a grant that cannot be mapped");
		return;
	}
	segment->handle = op->handle;
	if (ring->back->persistent)
		keep_grant(ring, segment);
}

static void flush(struct back_ring *ring, unsigned int *nr)
{
	unsigned int n;

	if (!*nr)
		return;
	if (gnttab_map_refs(ring->op.map, NULL, ring->map_page, *nr))
		pr_err_ratelimited("the hypervisor refuses to map grants\n");
	for (n = 0; n < *nr; n++)
		mapped(ring, n);
	*nr = 0;
}

static void add(struct back_ring *ring, unsigned int *nr, struct back_request *req, struct back_segment *segment)
{
	uint32_t flags = GNTMAP_host_map;

	/* What stays may be read into and written from. */
	if (req->rq.kind != BLK_READ && !ring->back->persistent)
		flags |= GNTMAP_readonly;
	gnttab_set_map_op(&ring->op.map[*nr], (unsigned long)page_address(segment->page), flags, segment->ref,
			  ring->back->bus->otherend_id);
	ring->map_page[*nr] = segment->page;
	ring->map_segment[*nr] = segment;
	ring->owner[*nr] = req;
	if (++*nr == BACK_BATCH)
		flush(ring, nr);
}

static bool same_is_waiting(struct back_ring *ring, unsigned int nr, grant_ref_t ref)
{
	unsigned int n;

	for (n = 0; n < nr; n++)
		if (ring->op.map[n].ref == ref)
			return true;
	return false;
}

static void map_request(struct back_ring *ring, struct back_request *req, unsigned int *nr)
{
	unsigned int n;

	for (n = 0; n < req->rq.segments && !req->status; n++) {
		struct back_segment *segment = &req->segment[n];

		if (ring->back->persistent && same_is_waiting(ring, *nr, segment->ref))
			flush(ring, nr);
		segment->grant = ring->back->persistent ? find_grant(ring, segment->ref) : NULL;
		if (segment->grant) {
			segment->page = segment->grant->page;
			continue;
		}
		if (gnttab_page_cache_get(&ring->cache, &segment->page)) {
			segment->page = NULL;
			req->status = BLKIF_RSP_ERROR;
			return;
		}
		add(ring, nr, req, segment);
	}
}

void back_map(struct back_ring *ring, struct list_head *batch)
{
	struct back_request *req;
	unsigned int nr = 0;

	list_for_each_entry(req, batch, list)
		if (!req->copied)
			map_request(ring, req, &nr);
	flush(ring, &nr);
}

/* --- unmapping ------------------------------------------------------------------------------------------------------- */

static void unmapped(int rc, struct gntab_unmap_queue_data *data)
{
	struct back_request *req = data->data;

	if (rc)
		pr_err_ratelimited("the hypervisor refuses to unmap grants\n");
	else
		gnttab_page_cache_put(&req->ring->cache, data->pages, data->count);
	back_respond(req);
}

static unsigned int prepare_unmap(struct back_request *req)
{
	unsigned int nr = 0, n;

	for (n = 0; n < req->rq.segments; n++) {
		struct back_segment *segment = &req->segment[n];

		if (segment->handle == INVALID_GRANT_HANDLE || segment->grant)
			continue;
		gnttab_set_unmap_op(&req->unmap[nr], (unsigned long)page_address(segment->page), GNTMAP_host_map,
				    segment->handle);
		req->unmap_pages[nr++] = segment->page;
	}
	return nr;
}

static void release_grants(struct back_request *req)
{
	unsigned long flags;
	unsigned int n;

	spin_lock_irqsave(&req->ring->lock, flags);
	for (n = 0; n < req->rq.segments; n++)
		if (req->segment[n].grant)
			req->segment[n].grant->users--;
	spin_unlock_irqrestore(&req->ring->lock, flags);
}

void back_unmap_and_respond(struct back_request *req)
{
	unsigned int nr = prepare_unmap(req);

	if (req->ring->back->persistent)
		release_grants(req);
	if (!nr) {
		back_respond(req);
		return;
	}
	req->unmapping = (struct gntab_unmap_queue_data) {
		.data = req,
		.done = unmapped,
		.unmap_ops = req->unmap,
		.pages = req->unmap_pages,
		.count = nr,
	};
	gnttab_unmap_refs_async(&req->unmapping);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping granted frames and ending that.
 *
 * Each kind of mapping (host: a page-table entry; device: its machine address may be used) holds a
 * reference on the frame, with type "writable" unless it is read-only, and one pin of the entry. A
 * host mapping's reference lives in the page-table entry: if the guest drops that entry by other
 * means it gives the reference back, and the mapping can then only be ended by the domain's end.
 * RAM is always mapped write-back, whatever GTF_PWT, GTF_PCD and GTF_PAT ask for (XSA-402).
 *
 * Unmapping goes in batches of two steps with one TLB flush between them, since the granter may use
 * its frame for something else as soon as the entry's marks are gone:
 *   begin: claim the handle, check, remove the entry;   flush;   finish: references, pins, handle
 */
#include <xenolith/debug.h>
#include <xenolith/hypercall.h>
#include <xenolith/pv.h>
#include "grant-private.h"

/* ---- maptrack ---- */

static struct grant_map *map_entry(const struct grant_table *gt, grant_handle_t handle)
{
	return &gt->maps[handle / MAPS_PER_PAGE][handle % MAPS_PER_PAGE];
}

static bool maptrack_grow(struct grant_table *gt)
{
	unsigned int page = gt->nr_maps / MAPS_PER_PAGE;
	struct grant_map *maps;

	if (page == gt->max_map_pages)
		return false;
	if (!gt->maps)
		gt->maps = new_array(struct grant_map *, gt->max_map_pages);
	maps = gt->maps ? new_array(struct grant_map, MAPS_PER_PAGE) : NULL;
	if (!maps)
		return false;
	for (unsigned int i = 0; i < MAPS_PER_PAGE; i++)
		maps[i].ref = i + 1 < MAPS_PER_PAGE ? gt->nr_maps + i + 1 : NO_HANDLE;
	gt->maps[page] = maps;
	gt->free_map = gt->nr_maps;
	smp_wmb();		/* pairs with map_claim(), which takes no lock */
	WRITE_ONCE(gt->nr_maps, gt->nr_maps + MAPS_PER_PAGE);
	return true;
}

static grant_handle_t maptrack_get(struct grant_table *gt)
{
	grant_handle_t handle;

	spin_lock(&gt->map_lock);
	if (gt->free_map == NO_HANDLE)
		maptrack_grow(gt);
	handle = gt->free_map;
	if (handle != NO_HANDLE)
		gt->free_map = map_entry(gt, handle)->ref;
	spin_unlock(&gt->map_lock);
	return handle;
}

static void maptrack_put(struct grant_table *gt, grant_handle_t handle)
{
	spin_lock(&gt->map_lock);
	map_entry(gt, handle)->ref = gt->free_map;
	gt->free_map = handle;
	spin_unlock(&gt->map_lock);
}

/* Have a mapping for oneself until its flags are written again; NULL: none, or somebody else has. */
static struct grant_map *map_claim(struct grant_table *gt, grant_handle_t handle)
{
	struct grant_map *map;
	u16 flags;

	if (handle >= READ_ONCE(gt->nr_maps))
		return NULL;
	map = map_entry(gt, handle);
	flags = READ_ONCE(map->flags);
	do {
		if (!flags || (flags & MAP_CLAIMED))
			return NULL;
	} while (!try_cmpxchg(&map->flags, &flags, flags | MAP_CLAIMED));
	return map;
}

/* ---- mapping ---- */

static unsigned int nr_kinds(u32 flags)
{
	return !!(flags & GNTMAP_host_map) + !!(flags & GNTMAP_device_map);
}

static int set_pte(u64 host_addr, u32 flags, pte_t new, pte_t expect)
{
	if (unlikely(current->is_hvm))
		return flags & GNTMAP_contains_pte ? -EINVAL : p2m_map_grant(current->domain, host_addr, new, expect);
	if (flags & GNTMAP_contains_pte)
		return pv_map_grant_pte(current, host_addr, new, expect);
	return pv_map_grant_va(current, host_addr, new, expect);
}

static unsigned long frame_of(const struct grant_map *map)
{
	return grant_active_entry(map->granter->grant, map->ref)->frame;
}

/* The kinds in @flags end; as many pins, but only @refs references are ours to drop. */
static void drop(const struct grant_map *map, u32 flags, unsigned int refs)
{
	struct page_info *pg = mfn_to_page(mfn(frame_of(map)));
	bool write = !(flags & GNTMAP_readonly);

	while (refs--)
		grant_frame_put(pg, write);
	grant_unpin(map->granter, map->ref, write, nr_kinds(flags));
}

static int map_with_handle(struct domain *rd, struct gnttab_map_grant_ref *op, struct grant_map *map)
{
	struct page_info *pg;
	mfn_t m;
	int status;

	map->granter = rd;
	map->ref = op->ref;
	status = grant_pin(rd, op->ref, current->domain->id, !(op->flags & GNTMAP_readonly), nr_kinds(op->flags), &pg);
	if (status)
		return status;
	m = page_to_mfn(pg);
	if ((op->flags & GNTMAP_host_map) &&
	    set_pte(op->host_addr, op->flags, pte_make(m, pv_grant_pte_flags(op->flags, 0)), 0)) {
		drop(map, op->flags, nr_kinds(op->flags));
		return GNTST_general_error;
	}
	domain_hold(rd);
	smp_wmb();		/* flags make it visible to map_claim() */
	WRITE_ONCE(map->flags, op->flags & MAP_FLAGS);
	op->dev_bus_addr = mfn_x(m) << PAGE_SHIFT;
	return GNTST_okay;
}

int grant_map_one(struct grant_batch *b, void *element)
{
	struct gnttab_map_grant_ref *op = element;
	struct domain *rd = op->dom == DOMID_SELF ? NULL : grant_peer(&b->src, op->dom);
	struct grant_table *gt = current->domain->grant;
	grant_handle_t handle;

	op->status = !(op->flags & MAP_KINDS) ? GNTST_bad_gntref : rd ? GNTST_okay : GNTST_bad_domain;
	if (op->status)
		return 0;
	handle = maptrack_get(gt);
	if (handle == NO_HANDLE) {
		op->status = GNTST_no_space;
		return 0;
	}
	op->status = map_with_handle(rd, op, map_entry(gt, handle));
	if (op->status)
		maptrack_put(gt, handle);
	else
		op->handle = handle;
	return 0;
}

/* ---- unmapping ---- */

static int unmap_claimed(struct unmapping *u, const struct gnttab_unmap_grant_ref *op)
{
	u32 flags = u->map->flags & MAP_FLAGS;
	unsigned long frame = frame_of(u->map);

	if (op->dev_bus_addr && op->dev_bus_addr != frame << PAGE_SHIFT)
		return GNTST_general_error;
	if (op->host_addr && (flags & GNTMAP_host_map)) {
		if (set_pte(op->host_addr, flags, 0, pte_make(mfn(frame), pv_grant_pte_flags(flags, 0))))
			return GNTST_general_error;
		u->ended |= GNTMAP_host_map;
	}
	if (op->dev_bus_addr)
		u->ended |= flags & GNTMAP_device_map;
	return GNTST_okay;
}

static int unmap_begin(struct unmapping *u, const struct gnttab_unmap_grant_ref *op)
{
	int status;

	u->handle = op->handle;
	u->ended = 0;
	u->map = map_claim(current->domain->grant, op->handle);
	if (!u->map)
		return GNTST_bad_handle;
	status = unmap_claimed(u, op);
	if (!u->ended)
		WRITE_ONCE(u->map->flags, u->map->flags & ~MAP_CLAIMED);
	return status;
}

static void unmap_finish(struct grant_table *gt, const struct unmapping *u)
{
	struct grant_map *map = u->map;
	struct domain *granter = map->granter;
	u32 flags = map->flags & MAP_FLAGS, left = flags & ~u->ended;

	drop(map, u->ended | (flags & GNTMAP_readonly), nr_kinds(u->ended));
	if (left & MAP_KINDS) {
		WRITE_ONCE(map->flags, left);
		return;
	}
	WRITE_ONCE(map->flags, 0);
	maptrack_put(gt, u->handle);
	domain_put(granter);
}

void grant_unmap_end(struct grant_batch *b)
{
	struct domain *d = current->domain;
	u32 any = 0;

	for (unsigned int i = 0; i < b->nr; i++)
		any |= b->unmap[i].ended;
	if (any & GNTMAP_host_map)
		tlb_flush_mask(&d->dirty_cpus, TLB_ALL);
	for (unsigned int i = 0; i < b->nr; i++)
		unmap_finish(d->grant, &b->unmap[i]);
	b->nr = 0;
}

int grant_unmap_one(struct grant_batch *b, void *element)
{
	struct gnttab_unmap_grant_ref *op = element;

	if (b->nr == UNMAP_BATCH)
		grant_unmap_end(b);
	op->status = unmap_begin(&b->unmap[b->nr], op);
	if (op->status == GNTST_bad_handle && b->nr) {
		grant_unmap_end(b);	/* perhaps the other kind of a mapping that is in this batch */
		op->status = unmap_begin(&b->unmap[0], op);
	}
	b->nr += b->unmap[b->nr].ended != 0;
	return 0;
}

/* The page tables of @d, which go next, drop the references of host mappings. */
int grant_domain_relinquish(struct domain *d)
{
	struct grant_table *gt = d->grant;
	unsigned int ended = 0;

	for (; gt->released < gt->nr_maps; gt->released++) {
		struct grant_map *map = map_entry(gt, gt->released);
		u32 flags = map->flags & MAP_FLAGS;

		if (!flags)
			continue;
		if (ended++ >= 64 && hypercall_preempt())
			return -ERESTART;
		drop(map, flags, !!(flags & GNTMAP_device_map));
		map->flags = 0;
		domain_put(map->granter);
	}
	return 0;
}

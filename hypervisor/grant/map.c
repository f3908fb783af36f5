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

static u32 pins_of(u32 flags)
{
	bool ro = flags & GNTMAP_readonly;
	u32 pin = 0;

	if (flags & GNTMAP_host_map)
		pin += ro ? PIN_HOST_READ : PIN_HOST_WRITE;
	if (flags & GNTMAP_device_map)
		pin += ro ? PIN_DEVICE_READ : PIN_DEVICE_WRITE;
	return pin;
}

/* The kinds in @flags end: their references (those that are ours to drop) and pins. */
static void drop(struct domain *granter, grant_ref_t ref, struct page_info *pg, u32 flags,
		 unsigned int refs)
{
	while (refs--)
		grant_frame_put(pg, !(flags & GNTMAP_readonly));
	grant_unpin(granter, ref, pins_of(flags));
}

static unsigned int nr_kinds(u32 flags)
{
	return !!(flags & GNTMAP_host_map) + !!(flags & GNTMAP_device_map);
}

static int set_pte(u64 host_addr, u32 flags, pte_t new, pte_t expect)
{
	if (flags & GNTMAP_contains_pte)
		return pv_map_grant_pte(current, host_addr, new, expect);
	return pv_map_grant_va(current, host_addr, new, expect);
}

static int map_with_handle(struct domain *ld, struct domain *rd, struct gnttab_map_grant_ref *op,
			   grant_handle_t handle)
{
	struct grant_map *map = map_entry(ld->grant, handle);
	struct page_info *pg;
	mfn_t m;
	int status;

	status = grant_pin(rd, op->ref, ld->id, pins_of(op->flags), nr_kinds(op->flags), true, &pg);
	if (status)
		return status;
	m = page_to_mfn(pg);
	if ((op->flags & GNTMAP_host_map) &&
	    set_pte(op->host_addr, op->flags, pte_make(m, pv_grant_pte_flags(op->flags, 0)), 0)) {
		drop(rd, op->ref, pg, op->flags, nr_kinds(op->flags));
		return GNTST_general_error;
	}
	domain_hold(rd);
	map->granter = rd;
	map->ref = op->ref;
	smp_wmb();		/* flags make it visible to map_claim() */
	WRITE_ONCE(map->flags, op->flags & MAP_FLAGS);
	op->handle = handle;
	op->dev_bus_addr = mfn_x(m) << PAGE_SHIFT;
	return GNTST_okay;
}

static int map_one(struct domain *ld, struct domain *rd, struct gnttab_map_grant_ref *op)
{
	grant_handle_t handle;
	int status;

	if (!(op->flags & MAP_KINDS))
		return GNTST_bad_gntref;
	if (!rd)
		return GNTST_bad_domain;
	handle = maptrack_get(ld->grant);
	if (handle == NO_HANDLE)
		return GNTST_no_space;
	status = map_with_handle(ld, rd, op, handle);
	if (status)
		maptrack_put(ld->grant, handle);
	return status;
}

long grant_map(unsigned long uop, unsigned int count)
{
	struct gnttab_map_grant_ref op, *u = (void *)uop;
	struct domain *ld = current->domain, *rd = NULL;
	unsigned int done;
	long rc = 0;

	for (done = 0; done < count; done++, u++) {
		if (done && hypercall_preempt())
			break;
		if (copy_in(&op, u)) {
			rc = -EFAULT;
			break;
		}
		if (!rd || rd->id != op.dom) {
			if (rd)
				domain_put(rd);
			rd = op.dom < DOMID_FIRST_RESERVED ? domain_get(op.dom) : NULL;
		}
		op.status = map_one(ld, rd, &op);
		/* dom to dev_bus_addr: all results, in whole words */
		if (copy_to_guest(guest_ptr(&u->dom), &op.dom, 16)) {
			rc = -EFAULT;
			break;
		}
	}
	if (rd)
		domain_put(rd);
	return rc ?: done;
}
_Static_assert(offsetof(struct gnttab_map_grant_ref, dom) == 16 &&
	       sizeof(struct gnttab_map_grant_ref) == 32, "results are the last 16 bytes");

/* ---- unmapping ---- */

#define UNMAP_BATCH	32
struct unmapping {
	struct grant_map *map;		/* claimed */
	grant_handle_t handle;
	u32 ended;			/* kinds, and GNTMAP_readonly as the mapping has it */
};

_Static_assert(sizeof(struct gnttab_unmap_grant_ref) == 24 &&
	       sizeof(struct gnttab_unmap_and_replace) == 24 &&
	       offsetof(struct gnttab_unmap_and_replace, new_addr) ==
	       offsetof(struct gnttab_unmap_grant_ref, dev_bus_addr), "one loop serves both");

/* Put the frame of its own that the guest maps at @new_addr in the place of the granted one. */
static int replace_pte(u64 host_addr, u64 new_addr, u32 flags, pte_t expect)
{
	struct vcpu *v = current;
	pte_t moved;

	if ((flags & GNTMAP_contains_pte) || !guest_addr_ok(new_addr, 1) ||
	    pt_walk(v->pv.kernel_cr3, new_addr, &moved) != 1 || !mfn_valid(pte_mfn(moved)) ||
	    READ_ONCE(mfn_to_page(pte_mfn(moved))->owner) != v->domain->id ||
	    pv_map_grant_va(v, new_addr, 0, moved))
		return -EINVAL;
	if (!set_pte(host_addr, flags, moved, expect))
		return 0;
	if (pv_map_grant_va(v, new_addr, moved, 0))	/* another vcpu took its table away */
		grant_frame_put(mfn_to_page(pte_mfn(moved)), moved & PTE_RW);
	return -EINVAL;
}

static int unmap_claimed(struct unmapping *u, const struct gnttab_unmap_grant_ref *op, bool replace)
{
	struct grant_map *map = u->map;
	u32 flags = map->flags & MAP_FLAGS;
	unsigned long frame = grant_active_entry(map->granter->grant, map->ref)->frame;
	u64 bus_addr = replace ? 0 : op->dev_bus_addr;
	pte_t expect = pte_make(mfn(frame), pv_grant_pte_flags(flags, 0));
	int rc = 0;

	if (bus_addr && bus_addr != frame << PAGE_SHIFT)
		return GNTST_general_error;
	if (op->host_addr && (flags & GNTMAP_host_map)) {
		if (replace && op->dev_bus_addr)
			rc = replace_pte(op->host_addr, op->dev_bus_addr, flags, expect);
		else
			rc = set_pte(op->host_addr, flags, 0, expect);
		if (rc)
			return GNTST_general_error;
		u->ended |= GNTMAP_host_map;
	}
	if (bus_addr)
		u->ended |= flags & GNTMAP_device_map;
	return GNTST_okay;
}

static int unmap_begin(struct domain *ld, struct unmapping *u,
		       const struct gnttab_unmap_grant_ref *op, bool replace)
{
	int status;

	u->handle = op->handle;
	u->ended = 0;
	u->map = map_claim(ld->grant, op->handle);
	if (!u->map)
		return GNTST_bad_handle;
	status = unmap_claimed(u, op, replace);
	if (!u->ended)
		WRITE_ONCE(u->map->flags, u->map->flags & ~MAP_CLAIMED);
	return status;
}

static void unmap_finish(struct domain *ld, struct unmapping *batch, unsigned int nr)
{
	u32 any = 0;

	for (unsigned int i = 0; i < nr; i++)
		any |= batch[i].ended;
	if (any & GNTMAP_host_map)
		tlb_flush_mask(&ld->dirty_cpus, TLB_ALL);
	for (unsigned int i = 0; i < nr; i++) {
		struct grant_map *map = batch[i].map;
		struct domain *granter = map->granter;
		u32 flags = map->flags & MAP_FLAGS, ended = batch[i].ended;
		struct page_info *pg =
			mfn_to_page(mfn(grant_active_entry(granter->grant, map->ref)->frame));

		drop(granter, map->ref, pg, ended | (flags & GNTMAP_readonly), nr_kinds(ended));
		flags &= ~ended;
		if (flags & MAP_KINDS) {
			WRITE_ONCE(map->flags, flags);
			continue;
		}
		WRITE_ONCE(map->flags, 0);
		maptrack_put(ld->grant, batch[i].handle);
		domain_put(granter);
	}
}

long grant_unmap(unsigned long uop, unsigned int count, bool replace)
{
	struct gnttab_unmap_grant_ref op, *u = (void *)uop;
	struct domain *ld = current->domain;
	struct unmapping batch[UNMAP_BATCH];
	unsigned int done, nr = 0;
	long rc = 0;

	for (done = 0; done < count; done++, u++) {
		if (nr == UNMAP_BATCH) {
			unmap_finish(ld, batch, nr);
			nr = 0;
			if (hypercall_preempt())
				break;
		}
		if (copy_in(&op, u)) {
			rc = -EFAULT;
			break;
		}
		op.status = unmap_begin(ld, &batch[nr], &op, replace);
		if (op.status == GNTST_bad_handle && nr) {
			/* Perhaps the other kind of a mapping that is in this batch. */
			unmap_finish(ld, batch, nr);
			nr = 0;
			op.status = unmap_begin(ld, &batch[nr], &op, replace);
		}
		nr += batch[nr].ended != 0;
		/* handle, status and padding: one word */
		if (copy_to_guest(guest_ptr(&u->handle), &op.handle, 8)) {
			rc = -EFAULT;
			break;
		}
	}
	unmap_finish(ld, batch, nr);
	return rc ?: done;
}

/* The page tables of @d, which go next, drop the references of host mappings. */
int grant_domain_relinquish(struct domain *d)
{
	struct grant_table *gt = d->grant;
	unsigned int ended = 0;

	for (; gt->released < gt->nr_maps; gt->released++) {
		struct grant_map *map = map_entry(gt, gt->released);
		struct domain *granter = map->granter;
		u32 flags = map->flags & MAP_FLAGS;

		if (!flags)
			continue;
		if (ended++ >= 64 && hypercall_preempt())
			return -ERESTART;
		drop(granter, map->ref,
		     mfn_to_page(mfn(grant_active_entry(granter->grant, map->ref)->frame)), flags,
		     !!(flags & GNTMAP_device_map));
		map->flags = 0;
		domain_put(granter);
	}
	return 0;
}

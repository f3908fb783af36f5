// SPDX-License-Identifier: GPL-2.0-only
/* Grants of other domains, shown in user space. The model is in map.h. */
#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "compat/compat.h"
#include "map-parts.h"

/* Entries of PV domains */

static void unmap_user(struct grant_map *map, unsigned int first, unsigned int end)
{
	unsigned int count;

	mutex_lock(&map->lock);
	for (;; first += count) {
		count = handles_next_run(map->user_unmap, &first, end);
		if (!count)
			break;
		if (!HYPERVISOR_grant_table_op(GNTTABOP_unmap_grant_ref, map->user_unmap + first, count))
			handles_note_unmapped(map->user_unmap + first, count);
	}
	mutex_unlock(&map->lock);
}

/* Entries are about to go: by munmap(), by a change of rights, at the process's end. */
static bool entries_go(struct mmu_interval_notifier *notifier, const struct mmu_notifier_range *range,
		       unsigned long seq)
{
	struct grant_map *map = container_of(notifier, struct grant_map, notifier);
	unsigned long end = map->start + (unsigned long)map->count * PAGE_SIZE;

	if (!mmu_notifier_range_blockable(range))
		return false;
	mmu_interval_set_seq(notifier, seq);
	if (range->start < end && range->end > map->start)
		unmap_user(map, (max(range->start, map->start) - map->start) / PAGE_SIZE,
			   DIV_ROUND_UP(min(range->end, end) - map->start, PAGE_SIZE));
	return true;
}

static const struct mmu_interval_notifier_ops notifier_ops = { .invalidate = entries_go };

/*
 * From here on entries_go() is called before an entry changes. While another change of the address space is under way
 * the notifier is only noted: mmu_interval_read_begin() waits for the end of that.
 */
static int watch_entries(struct grant_map *map, struct vm_area_struct *vma)
{
	int rc = mmu_interval_notifier_insert_locked(&map->notifier, vma->vm_mm, vma->vm_start,
						     vma->vm_end - vma->vm_start, &notifier_ops);

	if (rc)
		return rc;
	map->watching = true;
	mmu_interval_read_begin(&map->notifier);
	return 0;
}

static void stop_watching(struct grant_map *map)
{
	if (map->watching)
		mmu_interval_notifier_remove(&map->notifier);
	map->watching = false;
}

static int note_entry(pte_t *pte, unsigned long addr, void *data)
{
	struct grant_map *map = data;

	map->user_unmap[(addr - map->start) / PAGE_SIZE].host_addr = arbitrary_virt_to_machine(pte).maddr;
	return 0;
}

/* The software bit makes the entry a special one: Linux does not look for a page of its own behind it. */
static int map_user_batch(struct grant_map *map, struct gnttab_map_grant_ref *ops, unsigned int first,
			  unsigned int count)
{
	u32 flags = map->flags | GNTMAP_application_map | GNTMAP_contains_pte | (1 << _GNTMAP_guest_avail0);
	struct gnttab_unmap_grant_ref *undo = map->user_unmap + first;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < count; i++)
		gnttab_set_map_op(&ops[i], undo[i].host_addr, flags, map->grants[first + i].ref,
				  map->grants[first + i].domid);
	gnttab_batch_map(ops, count);
	for (i = 0; i < count; i++) {
		if (ops[i].status == GNTST_okay)
			undo[i].handle = ops[i].handle;
		else
			rc = -EINVAL;
	}
	return rc;
}

static int map_user(struct grant_map *map, struct vm_area_struct *vma, struct gnttab_map_grant_ref *ops)
{
	unsigned int first, count;
	int rc = apply_to_page_range(vma->vm_mm, vma->vm_start, vma->vm_end - vma->vm_start, note_entry, map);

	for (first = 0; first < map->count && !rc; first += count) {
		count = min_t(unsigned int, map->count - first, GRANT_BATCH);
		rc = map_user_batch(map, ops, first, count);
	}
	return rc;
}

/* Translated domains: the kernel's pages are shown as they are. */
static int insert_pages(struct grant_map *map, struct vm_area_struct *vma)
{
	unsigned long left = map->count;

	return vm_insert_pages(vma, vma->vm_start, map->pages, &left);
}

/* Mappings: one, more when it was split or, in a translated domain, when its process forked. */

static void mapping_open(struct vm_area_struct *vma)
{
	struct grant_map *map = vma->vm_private_data;

	atomic_inc(&map->areas);
}

static void mapping_close(struct vm_area_struct *vma)
{
	struct grant_map *map = vma->vm_private_data;

	if (!atomic_dec_and_test(&map->areas))
		return;
	stop_watching(map);
	grant_map_unmap(map);
}

/* For direct I/O to the memory of a PV domain's special entries. */
static struct page *mapping_page(struct vm_area_struct *vma, unsigned long addr)
{
	struct grant_map *map = vma->vm_private_data;

	return map->pages[(addr - map->start) / PAGE_SIZE];
}

static const struct vm_operations_struct mapping_ops = {
	.open = mapping_open,
	.close = mapping_close,
	.find_special_page = mapping_page,
};

bool is_grant_mapping(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &mapping_ops;
}

static int map_all(struct grant_map *map, struct vm_area_struct *vma)
{
	struct gnttab_map_grant_ref *ops = grant_map_array(map);
	int rc;

	if (!ops)
		return -ENOMEM;
	rc = grant_map_in_kernel(map, ops);
	if (!rc)
		rc = grant_map_is_pv() ? map_user(map, vma, ops) : insert_pages(map, vma);
	kfree(ops);
	return rc;
}

/* What was not writable here may not become so: the other domain gave no right to that. */
static void set_rights(struct grant_map *map, struct vm_area_struct *vma)
{
	map->flags = GNTMAP_host_map;
	if (!(vma->vm_flags & VM_WRITE)) {
		map->flags |= GNTMAP_readonly;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_MIXEDMAP | (grant_map_is_pv() ? VM_DONTCOPY : 0));
}

int grant_map_show(struct grant_map *map, struct vm_area_struct *vma)
{
	int rc;

	map->start = vma->vm_start;
	set_rights(map, vma);
	rc = grant_map_get_pages(map);
	if (rc)
		goto put;
	if (grant_map_is_pv())
		rc = watch_entries(map, vma);
	if (!rc)
		rc = map_all(map, vma);
	if (rc)
		goto undo;
	atomic_set(&map->areas, 1);
	vma->vm_ops = &mapping_ops;
	vma->vm_private_data = map;
	return 0;

undo:
	stop_watching(map);
	if (grant_map_is_pv())
		unmap_user(map, 0, map->count);
	grant_map_unmap(map);
	return rc;
put:
	grant_map_put(map);
	return rc;
}

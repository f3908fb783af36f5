// SPDX-License-Identifier: GPL-2.0-only
/* Grants of other domains, mapped. The model is in map.h. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "compat/compat.h"
#include "map.h"

/* Grants in one hypercall. */
#define BATCH 64
/* Pages kept for the next map. */
#define CACHED_PAGES 512
/* Waiting for I/O on the pages, in ms. */
#define DELAY_FIRST 5
#define DELAY_MOST 500

static struct gnttab_page_cache page_cache;
static struct workqueue_struct *undo_queue;

static void undo_kernel_work(struct work_struct *work);

/* PV: user space gets its own mapping of each frame. */
static bool is_pv(void)
{
	return !xen_feature(XENFEAT_auto_translated_physmap);
}

int grant_maps_init(void)
{
	gnttab_page_cache_init(&page_cache);
	undo_queue = alloc_workqueue("xen-gntdev", WQ_UNBOUND, 0);
	return undo_queue ? 0 : -ENOMEM;
}

/* Work that waits holds the module; what is left to end here is work about to return. */
void grant_maps_exit(void)
{
	destroy_workqueue(undo_queue);
	gnttab_page_cache_shrink(&page_cache, 0);
}

static void free_map(struct grant_map *map)
{
	kvfree(map->user_unmap);
	kvfree(map->kernel_unmap);
	kvfree(map->pages);
	kvfree(map->grants);
	kfree(map);
}

/* With no handle, so that undoing before all is done finds what was not. */
static struct gnttab_unmap_grant_ref *unmap_array(unsigned int count)
{
	struct gnttab_unmap_grant_ref *ops = kvcalloc(count, sizeof(*ops), GFP_KERNEL_ACCOUNT);

	while (ops && count--)
		ops[count].handle = INVALID_GRANT_HANDLE;
	return ops;
}

struct grant_map *grant_map_create(unsigned int count)
{
	struct grant_map *map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);

	if (!map)
		return NULL;
	map->count = count;
	map->grants = kvcalloc(count, sizeof(*map->grants), GFP_KERNEL_ACCOUNT);
	map->pages = kvcalloc(count, sizeof(*map->pages), GFP_KERNEL_ACCOUNT);
	map->kernel_unmap = unmap_array(count);
	map->user_unmap = is_pv() ? unmap_array(count) : NULL;
	if (!map->grants || !map->pages || !map->kernel_unmap || (is_pv() && !map->user_unmap)) {
		free_map(map);
		return NULL;
	}
	refcount_set(&map->users, 1);
	mutex_init(&map->lock);
	INIT_DELAYED_WORK(&map->work, undo_kernel_work);
	return map;
}

void grant_map_put(struct grant_map *map)
{
	if (!refcount_dec_and_test(&map->users))
		return;
	if (map->notify_action & UNMAP_NOTIFY_SEND_EVENT) {
		notify_remote_via_evtchn(map->notify_port);
		evtchn_put(map->notify_port);
	}
	free_map(map);
}

int grant_map_notify(struct grant_map *map, u64 offset, u32 action, evtchn_port_t port)
{
	u32 old_action;
	evtchn_port_t old_port;

	mutex_lock(&map->lock);
	if ((action & UNMAP_NOTIFY_CLEAR_BYTE) && (map->flags & GNTMAP_readonly)) {
		mutex_unlock(&map->lock);
		return -EINVAL;
	}
	old_action = map->notify_action;
	old_port = map->notify_port;
	map->notify_action = action;
	map->notify_offset = offset;
	map->notify_port = port;
	mutex_unlock(&map->lock);
	if (old_action & UNMAP_NOTIFY_SEND_EVENT)
		evtchn_put(old_port);
	return 0;
}

/* Pages */

static int get_pages(struct grant_map *map)
{
	unsigned int i;
	int rc = 0;

	if (map->count > CACHED_PAGES)
		return gnttab_alloc_pages(map->count, map->pages);
	for (i = 0; i < map->count && !rc; i++)
		rc = gnttab_page_cache_get(&page_cache, &map->pages[i]);
	if (rc)
		gnttab_page_cache_put(&page_cache, map->pages, i - 1);
	return rc;
}

/* What could not be unmapped still shows the other domain's memory: that page is lost. */
static void put_pages(struct grant_map *map)
{
	unsigned int i, good = 0;

	for (i = 0; i < map->count; i++)
		if (map->kernel_unmap[i].handle == INVALID_GRANT_HANDLE)
			map->pages[good++] = map->pages[i];
	if (good < map->count)
		pr_crit("%u pages cannot be unmapped and are lost\n", map->count - good);
	gnttab_page_cache_put(&page_cache, map->pages, good);
	gnttab_page_cache_shrink(&page_cache, CACHED_PAGES);
}

/* Kernel mapping */

static unsigned long page_addr(const struct page *page)
{
	return (unsigned long)pfn_to_kaddr(page_to_pfn(page));
}

/* Return: 0, or -EINVAL if a grant of these could not be mapped. */
static int note_kernel_mapped(struct grant_map *map, const struct gnttab_map_grant_ref *ops, unsigned int first,
			      unsigned int count)
{
	struct gnttab_unmap_grant_ref *undo = map->kernel_unmap + first;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < count; i++) {
		if (ops[i].status != GNTST_okay) {
			rc = -EINVAL;
			continue;
		}
		gnttab_set_unmap_op(&undo[i], page_addr(map->pages[first + i]), map->flags, ops[i].handle);
		if (map->flags & GNTMAP_device_map)
			undo[i].dev_bus_addr = ops[i].dev_bus_addr;
	}
	return rc;
}

static int map_kernel_batch(struct grant_map *map, struct gnttab_map_grant_ref *ops, unsigned int first,
			    unsigned int count)
{
	unsigned int i;
	int rc, failed;

	for (i = 0; i < count; i++)
		gnttab_set_map_op(&ops[i], page_addr(map->pages[first + i]), map->flags,
				  map->grants[first + i].ref, map->grants[first + i].domid);
	rc = gnttab_map_refs(ops, NULL, map->pages + first, count);
	failed = note_kernel_mapped(map, ops, first, count);
	return rc ?: failed;
}

static int map_kernel(struct grant_map *map, struct gnttab_map_grant_ref *ops)
{
	unsigned int first, count;
	int rc = 0;

	for (first = 0; first < map->count && !rc; first += count) {
		count = min_t(unsigned int, map->count - first, BATCH);
		rc = map_kernel_batch(map, ops, first, count);
	}
	return rc;
}

/* The mapped ones from *@first on, as far as they are next to each other. Return: how many; *@first is where they begin. */
static unsigned int next_run(const struct gnttab_unmap_grant_ref *ops, unsigned int *first, unsigned int end)
{
	unsigned int n;

	while (*first < end && ops[*first].handle == INVALID_GRANT_HANDLE)
		++*first;
	for (n = 0; *first + n < end && ops[*first + n].handle != INVALID_GRANT_HANDLE; n++)
		;
	return n;
}

static void note_unmapped(struct gnttab_unmap_grant_ref *ops, unsigned int count)
{
	while (count--)
		if (ops[count].status == GNTST_okay)
			ops[count].handle = INVALID_GRANT_HANDLE;
}

static void unmap_kernel(struct grant_map *map)
{
	struct gnttab_unmap_grant_ref *ops = map->kernel_unmap;
	unsigned int first = 0, count;

	for (;; first += count) {
		count = next_run(ops, &first, map->count);
		if (!count)
			return;
		if (!gnttab_unmap_refs(ops + first, NULL, map->pages + first, count))
			note_unmapped(ops + first, count);
	}
}

/* I/O holds pages beyond the mapping through which it was started. */
static bool pages_busy(const struct grant_map *map)
{
	unsigned int i;

	for (i = 0; i < map->count; i++)
		if (page_count(map->pages[i]) > 1)
			return true;
	return false;
}

static void undo_kernel(struct grant_map *map)
{
	unmap_kernel(map);
	put_pages(map);
	grant_map_put(map);
}

void grant_maps_later(struct delayed_work *work, unsigned long delay)
{
	queue_delayed_work(undo_queue, work, delay);
}

static void undo_later(struct grant_map *map)
{
	map->delay = min_t(unsigned int, map->delay + DELAY_FIRST, DELAY_MOST);
	grant_maps_later(&map->work, msecs_to_jiffies(map->delay));
}

static void undo_kernel_work(struct work_struct *work)
{
	struct grant_map *map = container_of(work, struct grant_map, work.work);

	if (pages_busy(map)) {
		undo_later(map);
		return;
	}
	undo_kernel(map);
	module_put(THIS_MODULE);
}

static void clear_byte(struct grant_map *map)
{
	unsigned long page = map->notify_offset / PAGE_SIZE;

	mutex_lock(&map->lock);
	if ((map->notify_action & UNMAP_NOTIFY_CLEAR_BYTE) && !(map->flags & GNTMAP_readonly) &&
	    map->kernel_unmap[page].handle != INVALID_GRANT_HANDLE)
		WRITE_ONCE(*(u8 *)(page_addr(map->pages[page]) + offset_in_page(map->notify_offset)), 0);
	map->notify_action &= ~UNMAP_NOTIFY_CLEAR_BYTE;
	mutex_unlock(&map->lock);
}

/* The caller's reference goes with the kernel mapping. */
void grant_map_unmap(struct grant_map *map)
{
	clear_byte(map);
	if (!pages_busy(map)) {
		undo_kernel(map);
		return;
	}
	__module_get(THIS_MODULE);
	undo_later(map);
}

/* User mapping of PV domains */

static void unmap_user(struct grant_map *map, unsigned int first, unsigned int end)
{
	unsigned int count;

	mutex_lock(&map->lock);
	for (;; first += count) {
		count = next_run(map->user_unmap, &first, end);
		if (!count)
			break;
		if (!HYPERVISOR_grant_table_op(GNTTABOP_unmap_grant_ref, map->user_unmap + first, count))
			note_unmapped(map->user_unmap + first, count);
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
		count = min_t(unsigned int, map->count - first, BATCH);
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

static struct gnttab_map_grant_ref *map_array(const struct grant_map *map)
{
	return kmalloc_array(min_t(unsigned int, map->count, BATCH), sizeof(struct gnttab_map_grant_ref), GFP_KERNEL);
}

static int map_all(struct grant_map *map, struct vm_area_struct *vma)
{
	struct gnttab_map_grant_ref *ops = map_array(map);
	int rc;

	if (!ops)
		return -ENOMEM;
	rc = map_kernel(map, ops);
	if (!rc)
		rc = is_pv() ? map_user(map, vma, ops) : insert_pages(map, vma);
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
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_MIXEDMAP | (is_pv() ? VM_DONTCOPY : 0));
}

int grant_map_show(struct grant_map *map, struct vm_area_struct *vma)
{
	int rc;

	map->start = vma->vm_start;
	set_rights(map, vma);
	rc = get_pages(map);
	if (rc)
		goto put;
	if (is_pv())
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
	if (is_pv())
		unmap_user(map, 0, map->count);
	grant_map_unmap(map);
	return rc;
put:
	grant_map_put(map);
	return rc;
}

/* Drivers in a domain with translated memory may have an IOMMU between them and the frames: it is told, too. */
int grant_map_map(struct grant_map *map)
{
	struct gnttab_map_grant_ref *ops = map_array(map);
	int rc = -ENOMEM;

	map->flags = GNTMAP_host_map | (is_pv() ? 0 : GNTMAP_device_map);
	if (!ops || get_pages(map)) {
		grant_map_put(map);
	} else {
		rc = map_kernel(map, ops);
		if (rc)
			grant_map_unmap(map);
	}
	kfree(ops);
	return rc;
}

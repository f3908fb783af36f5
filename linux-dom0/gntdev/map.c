// SPDX-License-Identifier: GPL-2.0-only
/* Grants of other domains, mapped: the life of a map and its mapping in the kernel. The model is in map.h. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "compat/compat.h"
#include "map-parts.h"

/* Pages kept for the next map. */
#define CACHED_PAGES 512
/* Waiting for I/O on the pages, in ms. */
#define DELAY_FIRST 5
#define DELAY_MOST 500

static struct gnttab_page_cache page_cache;
static struct workqueue_struct *undo_queue;

static void undo_kernel_work(struct work_struct *work);

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

	if (ops)
		handles_clear(ops, count);
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
	map->user_unmap = grant_map_is_pv() ? unmap_array(count) : NULL;
	if (!map->grants || !map->pages || !map->kernel_unmap || (grant_map_is_pv() && !map->user_unmap)) {
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
	unmap_notify_send(&map->notify);
	free_map(map);
}

int grant_map_notify(struct grant_map *map, const struct unmap_notify *notify)
{
	struct unmap_notify old;

	mutex_lock(&map->lock);
	if ((notify->action & UNMAP_NOTIFY_CLEAR_BYTE) && (map->flags & GNTMAP_readonly)) {
		mutex_unlock(&map->lock);
		return -EINVAL;
	}
	old = map->notify;
	map->notify = *notify;
	mutex_unlock(&map->lock);
	unmap_notify_put(&old);
	return 0;
}

/* Pages */

int grant_map_get_pages(struct grant_map *map)
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
		if (map->kernel_unmap[i].handle == NOT_MAPPED)
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

int grant_map_in_kernel(struct grant_map *map, struct gnttab_map_grant_ref *ops)
{
	unsigned int first, count;
	int rc = 0;

	for (first = 0; first < map->count && !rc; first += count) {
		count = min_t(unsigned int, map->count - first, GRANT_BATCH);
		rc = map_kernel_batch(map, ops, first, count);
	}
	return rc;
}

static void unmap_kernel(struct grant_map *map)
{
	struct gnttab_unmap_grant_ref *ops = map->kernel_unmap;
	unsigned int first = 0, count;

	for (;; first += count) {
		count = handles_next_run(ops, &first, map->count);
		if (!count)
			return;
		if (!gnttab_unmap_refs(ops + first, NULL, map->pages + first, count))
			handles_note_unmapped(ops + first, count);
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
	unsigned long page = map->notify.offset / PAGE_SIZE;

	mutex_lock(&map->lock);
	if ((map->notify.action & UNMAP_NOTIFY_CLEAR_BYTE) && !(map->flags & GNTMAP_readonly) &&
	    map->kernel_unmap[page].handle != NOT_MAPPED)
		WRITE_ONCE(*(u8 *)(page_addr(map->pages[page]) + offset_in_page(map->notify.offset)), 0);
	map->notify.action &= ~UNMAP_NOTIFY_CLEAR_BYTE;
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

struct gnttab_map_grant_ref *grant_map_array(const struct grant_map *map)
{
	return kmalloc_array(min_t(unsigned int, map->count, GRANT_BATCH), sizeof(struct gnttab_map_grant_ref), GFP_KERNEL);
}

/* Drivers in a domain with translated memory may have an IOMMU between them and the frames: it is told, too. */
int grant_map_map(struct grant_map *map)
{
	struct gnttab_map_grant_ref *ops = grant_map_array(map);
	int rc = -ENOMEM;

	map->flags = GNTMAP_host_map | (grant_map_is_pv() ? 0 : GNTMAP_device_map);
	if (!ops || grant_map_get_pages(map)) {
		grant_map_put(map);
	} else {
		rc = grant_map_in_kernel(map, ops);
		if (rc)
			grant_map_unmap(map);
	}
	kfree(ops);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other domains' frames: mapped in place of pages that have given theirs to the hypervisor, or copied by it. A page
 * becomes memory again only after it was unmapped: one that could not be is lost, never used.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "compat/page-cache.h"
#include "port.h"
#include <xen/xen.h>

#define UNMAP_AGAIN_MS 5		/* a page that the kernel still uses is looked at again; times its age */
#define MOST_RETRIES 8			/* of a map or copy for which the other side's page is not there: 1, 2, 4 … ms */

/* ---- pages without a frame ---- */

void xen_free_unpopulated_pages(unsigned int nr_pages, struct page **pages)
{
	unsigned int i;

	for (i = 0; i < nr_pages; i++)
		if (!memory_take(pages[i]))
			__free_page(pages[i]);
}
EXPORT_SYMBOL_GPL(xen_free_unpopulated_pages);

int xen_alloc_unpopulated_pages(unsigned int nr_pages, struct page **pages)
{
	unsigned int i;

	for (i = 0; i < nr_pages; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (pages[i] && !memory_give(pages[i]))
			continue;
		if (pages[i])
			__free_page(pages[i]);
		xen_free_unpopulated_pages(i, pages);
		return -ENOMEM;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(xen_alloc_unpopulated_pages);

int gnttab_alloc_pages(int nr_pages, struct page **pages)
{
	return xen_alloc_unpopulated_pages(nr_pages, pages);
}
EXPORT_SYMBOL_GPL(gnttab_alloc_pages);

void gnttab_free_pages(int nr_pages, struct page **pages)
{
	xen_free_unpopulated_pages(nr_pages, pages);
}
EXPORT_SYMBOL_GPL(gnttab_free_pages);

void gnttab_page_cache_init(struct gnttab_page_cache *cache)
{
	spin_lock_init(&cache->lock);
	page_cache_none(cache);
	cache->num_pages = 0;
}
EXPORT_SYMBOL_GPL(gnttab_page_cache_init);

int gnttab_page_cache_get(struct gnttab_page_cache *cache, struct page **page)
{
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	*page = cache->num_pages ? page_cache_pop(cache) : NULL;
	cache->num_pages -= !!*page;
	spin_unlock_irqrestore(&cache->lock, flags);
	return *page ? 0 : gnttab_alloc_pages(1, page);
}
EXPORT_SYMBOL_GPL(gnttab_page_cache_get);

void gnttab_page_cache_put(struct gnttab_page_cache *cache, struct page **page, unsigned int num)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&cache->lock, flags);
	for (i = 0; i < num; i++)
		page_cache_push(cache, page[i]);
	cache->num_pages += num;
	spin_unlock_irqrestore(&cache->lock, flags);
}
EXPORT_SYMBOL_GPL(gnttab_page_cache_put);

void gnttab_page_cache_shrink(struct gnttab_page_cache *cache, unsigned int num)
{
	struct page *page;
	unsigned long flags;

	do {
		spin_lock_irqsave(&cache->lock, flags);
		page = cache->num_pages > num ? page_cache_pop(cache) : NULL;
		cache->num_pages -= !!page;
		spin_unlock_irqrestore(&cache->lock, flags);
		if (page)
			gnttab_free_pages(1, &page);
	} while (page);
}
EXPORT_SYMBOL_GPL(gnttab_page_cache_shrink);

/* ---- operations: each element has a status of its own ---- */

/* One element whose page the other side has to bring first. */
static void retry(unsigned int cmd, void *op, s16 *status)
{
	unsigned int n;

	for (n = 0; n < MOST_RETRIES && *status == GNTST_eagain; n++) {
		msleep(1 << n);
		if (HYPERVISOR_grant_table_op(cmd, op, 1))
			*status = GNTST_general_error;
	}
	if (*status == GNTST_eagain)
		*status = GNTST_bad_page;
}

void gnttab_batch_map(struct gnttab_map_grant_ref *batch, unsigned int count)
{
	unsigned int i;
	int rc = HYPERVISOR_grant_table_op(GNTTABOP_map_grant_ref, batch, count);

	for (i = 0; i < count; i++) {
		if (rc)
			batch[i].status = GNTST_general_error;
		retry(GNTTABOP_map_grant_ref, &batch[i], &batch[i].status);
	}
}
EXPORT_SYMBOL_GPL(gnttab_batch_map);

void gnttab_batch_copy(struct gnttab_copy *batch, unsigned int count)
{
	unsigned int i;
	int rc = HYPERVISOR_grant_table_op(GNTTABOP_copy, batch, count);

	for (i = 0; i < count; i++) {
		if (rc)
			batch[i].status = GNTST_general_error;
		retry(GNTTABOP_copy, &batch[i], &batch[i].status);
	}
}
EXPORT_SYMBOL_GPL(gnttab_batch_copy);

int gnttab_map_refs(struct gnttab_map_grant_ref *map_ops, struct gnttab_map_grant_ref *kmap_ops, struct page **pages,
		    unsigned int count)
{
	struct xen_page_foreign *foreign;
	unsigned int i;
	int rc = HYPERVISOR_grant_table_op(GNTTABOP_map_grant_ref, map_ops, count);

	if (rc)
		return rc;
	for (i = 0; i < count; i++) {
		retry(GNTTABOP_map_grant_ref, &map_ops[i], &map_ops[i].status);
		if (map_ops[i].status != GNTST_okay)
			continue;
		SetPageForeign(pages[i]);
		foreign = xen_page_foreign(pages[i]);
		foreign->domid = map_ops[i].dom;
		foreign->gref = map_ops[i].ref;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(gnttab_map_refs);

int gnttab_unmap_refs(struct gnttab_unmap_grant_ref *unmap_ops, struct gnttab_unmap_grant_ref *kunmap_ops,
		      struct page **pages, unsigned int count)
{
	unsigned int i;
	int rc = HYPERVISOR_grant_table_op(GNTTABOP_unmap_grant_ref, unmap_ops, count);

	for (i = 0; !rc && i < count; i++) {
		ClearPageForeign(pages[i]);
		set_page_private(pages[i], 0);
	}
	return rc;
}
EXPORT_SYMBOL_GPL(gnttab_unmap_refs);

/* ---- unmapping what the kernel may still be sending or writing ---- */

static void unmap_when_free(struct work_struct *work)
{
	struct gntab_unmap_queue_data *item = container_of(work, struct gntab_unmap_queue_data, gnttab_work.work);
	unsigned int i;

	for (i = 0; i < item->count; i++)
		if (page_count(item->pages[i]) > 1) {
			schedule_delayed_work(&item->gnttab_work, msecs_to_jiffies(UNMAP_AGAIN_MS * ++item->age));
			return;
		}
	item->done(gnttab_unmap_refs(item->unmap_ops, item->kunmap_ops, item->pages, item->count), item);
}

void gnttab_unmap_refs_async(struct gntab_unmap_queue_data *item)
{
	INIT_DELAYED_WORK(&item->gnttab_work, unmap_when_free);
	item->age = 0;
	unmap_when_free(&item->gnttab_work.work);
}
EXPORT_SYMBOL_GPL(gnttab_unmap_refs_async);

struct waiter {
	struct completion done;
	int rc;
};

static void unmapped(int rc, struct gntab_unmap_queue_data *item)
{
	struct waiter *w = item->data;

	w->rc = rc;
	complete(&w->done);
}

int gnttab_unmap_refs_sync(struct gntab_unmap_queue_data *item)
{
	struct waiter w;

	init_completion(&w.done);
	item->data = &w;
	item->done = unmapped;
	gnttab_unmap_refs_async(item);
	wait_for_completion(&w.done);
	return w.rc;
}
EXPORT_SYMBOL_GPL(gnttab_unmap_refs_sync);

/* ---- rings of a frontend, mapped by its backend ---- */

struct ring {
	struct list_head list;
	void *vaddr;
	unsigned int pages;
	struct page *page[XENBUS_MAX_RING_GRANTS];
	grant_handle_t handle[XENBUS_MAX_RING_GRANTS];
};

static LIST_HEAD(rings);
static DEFINE_MUTEX(rings_lock);

/* Return: whether all are unmapped; only then their pages are free. */
static bool unmap_pages(struct ring *r)
{
	struct gnttab_unmap_grant_ref op;
	bool all = true;
	unsigned int i;

	for (i = 0; i < r->pages; i++) {
		if (r->handle[i] == INVALID_GRANT_HANDLE)
			continue;
		gnttab_set_unmap_op(&op, (unsigned long)page_address(r->page[i]), GNTMAP_host_map, r->handle[i]);
		if (gnttab_unmap_refs(&op, NULL, &r->page[i], 1) || op.status != GNTST_okay)
			all = false;
	}
	return all;
}

static int map_pages(struct xenbus_device *dev, struct ring *r, const grant_ref_t *refs)
{
	struct gnttab_map_grant_ref op;
	unsigned int i;

	for (i = 0; i < r->pages; i++) {
		gnttab_set_map_op(&op, (unsigned long)page_address(r->page[i]), GNTMAP_host_map, refs[i], dev->otherend_id);
		gnttab_batch_map(&op, 1);
		if (op.status != GNTST_okay) {
			xenbus_dev_fatal(dev, op.status, "ring page %u: grant %u of domain %d is not mapped", i, refs[i],
					 dev->otherend_id);
			return -EINVAL;
		}
		r->handle[i] = op.handle;
	}
	return 0;
}

static void free_ring(struct ring *r)
{
	if (unmap_pages(r))
		gnttab_free_pages(r->pages, r->page);
	else
		pr_err("a ring is not unmapped: its pages are lost\n");
	kfree(r);
}

int xenbus_map_ring_valloc(struct xenbus_device *dev, grant_ref_t *refs, unsigned int nr, void **vaddr)
{
	struct ring *r;
	unsigned int i;
	int rc;

	*vaddr = NULL;
	if (nr > XENBUS_MAX_RING_GRANTS)
		return -EINVAL;
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	rc = gnttab_alloc_pages(nr, r->page);
	if (rc) {
		kfree(r);
		return rc;
	}
	r->pages = nr;
	for (i = 0; i < nr; i++)
		r->handle[i] = INVALID_GRANT_HANDLE;
	rc = map_pages(dev, r, refs);
	if (!rc) {
		r->vaddr = vmap(r->page, nr, VM_MAP, PAGE_KERNEL);
		rc = r->vaddr ? 0 : -ENOMEM;
	}
	if (rc) {
		free_ring(r);
		return rc;
	}
	mutex_lock(&rings_lock);
	list_add(&r->list, &rings);
	mutex_unlock(&rings_lock);
	*vaddr = r->vaddr;
	return 0;
}
EXPORT_SYMBOL_GPL(xenbus_map_ring_valloc);

int xenbus_unmap_ring_vfree(struct xenbus_device *dev, void *vaddr)
{
	struct ring *r, *found = NULL;

	mutex_lock(&rings_lock);
	list_for_each_entry(r, &rings, list)
		if (r->vaddr == vaddr)
			found = r;
	if (found)
		list_del(&found->list);
	mutex_unlock(&rings_lock);
	if (!found) {
		xenbus_dev_error(dev, -ENOENT, "no ring is mapped at %p", vaddr);
		return GNTST_bad_virt_addr;
	}
	vunmap(vaddr);
	free_ring(found);
	return 0;
}
EXPORT_SYMBOL_GPL(xenbus_unmap_ring_vfree);

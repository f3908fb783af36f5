// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much memory the domain has: memory/target in the store says how much it shall have.
 *
 *	shrink: allocate pages, give their frames to the hypervisor, keep them here
 *	grow:   take frames for pages kept here, free the pages; when there are none, bring new pages first: a block of memory
 *	        is plugged in, and what of it comes online is kept here, without frames
 *
 * Pages kept here are marked offline: nobody may read what has no frame. As long as there are any the module stays, and for
 * ever once memory was plugged in.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "port.h"
#include <xen/interface/memory.h>

#define BATCH 256			/* frames in one hypercall */
#define FIRST_WAIT HZ			/* when there is no memory to give or to get; doubled up to LAST_WAIT */
#define LAST_WAIT (32 * HZ)
#define GFP_BALLOON (GFP_HIGHUSER | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC)

static DEFINE_SPINLOCK(lock);		/* pages, nr_kept: memory comes online behind the worker's back */
static LIST_HEAD(pages);		/* without frames */
static unsigned long nr_kept;
static unsigned long plugged, online;	/* pages brought since we are here; those of them that the kernel knows */
static u64 first, last;			/* addresses between which they are; 0: none yet */
static unsigned long base;		/* pages that the domain was made with, as the store counts */
static unsigned long target;		/* as the store has it */
static unsigned long wait = FIRST_WAIT;
static void adjust(struct work_struct *work);
static DECLARE_DELAYED_WORK(adjustment, adjust);

/* ---- pages without frames ---- */

static void keep(struct page *page)
{
	unsigned long flags;

	__SetPageOffline(page);
	spin_lock_irqsave(&lock, flags);
	list_add(&page->lru, &pages);
	if (!nr_kept++)
		__module_get(THIS_MODULE);
	spin_unlock_irqrestore(&lock, flags);
}

static struct page *unkeep(void)
{
	struct page *page;
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	page = list_first_entry_or_null(&pages, struct page, lru);
	if (page) {
		list_del(&page->lru);
		if (!--nr_kept)
			module_put(THIS_MODULE);
	}
	spin_unlock_irqrestore(&lock, flags);
	if (page)
		__ClearPageOffline(page);
	return page;
}

/* How many of the frames came or went, which are the first ones. */
static unsigned long exchange(unsigned int cmd, xen_pfn_t *frame, unsigned int nr)
{
	struct xen_memory_reservation r = { .nr_extents = nr, .domid = DOMID_SELF };
	long rc;

	set_xen_guest_handle(r.extent_start, frame);
	rc = nr ? HYPERVISOR_memory_op(cmd, &r) : 0;
	return rc < 0 ? 0 : rc;
}

static unsigned long shrink(unsigned long most)
{
	static xen_pfn_t frame[BATCH];
	unsigned int nr, i;
	unsigned long gone;

	for (nr = 0; nr < min(most, (unsigned long)BATCH); nr++) {
		struct page *page = alloc_page(GFP_BALLOON);

		if (!page)
			break;
		frame[nr] = page_to_pfn(page);
	}
	gone = exchange(XENMEM_decrease_reservation, frame, nr);
	for (i = 0; i < nr; i++) {
		struct page *page = pfn_to_page(frame[i]);

		if (i >= gone) {
			__free_page(page);
			continue;
		}
		adjust_managed_page_count(page, -1);
		keep(page);
	}
	return gone;
}

static unsigned long grow(unsigned long most)
{
	static struct page *page[BATCH];
	static xen_pfn_t frame[BATCH];
	unsigned int nr, i;
	unsigned long come;

	for (nr = 0; nr < min(most, (unsigned long)BATCH); nr++) {
		page[nr] = unkeep();
		if (!page[nr])
			break;
		frame[nr] = page_to_pfn(page[nr]);
	}
	come = exchange(XENMEM_populate_physmap, frame, nr);
	for (i = 0; i < nr; i++) {
		if (i >= come) {
			keep(page[i]);
			continue;
		}
		adjust_managed_page_count(page[i], 1);
		__free_page(page[i]);
	}
	return come;
}

/* ---- new pages ---- */

/* They have no frames, whenever somebody brings them online. */
static void come_online(struct page *page, unsigned int order)
{
	u64 at = page_to_phys(page);
	unsigned long i;

	if (at < first || at >= last) {
		generic_online_page(page, order);
		return;
	}
	for (i = 0; i < 1ul << order; i++) {
		ClearPageReserved(page + i);
		set_page_count(page + i, 1);
		keep(page + i);
	}
	online += 1ul << order;
}

/* A block of addresses that nobody uses; add_memory takes it for itself. */
static int find_addresses(unsigned long size, u64 *start)
{
	const struct range all = mhp_get_pluggable_range(true);
	struct resource r = { .name = "xen-port", .flags = IORESOURCE_SYSTEM_RAM };
	int rc = allocate_resource(&iomem_resource, &r, size, max(all.start, 1ull << 32), all.end, size, NULL, NULL);

	*start = r.start;
	return rc ?: release_resource(&r);
}

/* From the first time on the module stays, and so does its callback. */
static int begin_plugging(void)
{
	int rc = last ? 0 : set_online_page_callback(come_online);

	if (!rc && !last)
		__module_get(THIS_MODULE);
	return rc;
}

static int plug(void)
{
	unsigned long size = memory_block_size_bytes();
	u64 start;
	int rc;

	if (online < plugged)
		return -EAGAIN;
	rc = find_addresses(size, &start) ?: begin_plugging();
	if (rc)
		return rc;
	first = last ? min(first, start) : start;
	last = max(last, start + size);
	rc = add_memory_driver_managed(0, start, size, "System RAM (xen-port)", MHP_NONE);
	if (rc)
		return rc;
	plugged += size / PAGE_SIZE;
	if (online < plugged)
		pr_warn("memory at %#llx was plugged in and is offline: memhp_default_state=online has it used\n", start);
	return 0;
}

/* ---- towards the target ---- */

/* What the domain has, as the store counts. */
static unsigned long has(void)
{
	return base + online - nr_kept;
}

static void adjust(struct work_struct *work)
{
	unsigned long to = READ_ONCE(target), now = has(), done = 0;

	if (now > to)
		done = shrink(now - to);
	else if (now < to && nr_kept)
		done = grow(to - now);
	else if (now < to)
		done = !plug() && nr_kept;
	if (has() == READ_ONCE(target))
		return;
	wait = done ? FIRST_WAIT : min(wait * 2, (unsigned long)LAST_WAIT);
	schedule_delayed_work(&adjustment, done ? 0 : wait);
}

static void changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	unsigned long kib;

	if (xenbus_scanf(XBT_NIL, "memory", "target", "%lu", &kib) != 1)
		return;
	WRITE_ONCE(target, kib / (PAGE_SIZE / 1024));
	wait = FIRST_WAIT;
	mod_delayed_work(system_wq, &adjustment, 0);
}
static struct xenbus_watch target_watch = { .node = "memory/target", .callback = changed };

int balloon_init(void)
{
	unsigned long kib;
	int rc = xenbus_scanf(XBT_NIL, "memory", "target", "%lu", &kib);

	if (rc != 1)
		return rc < 0 ? rc : -EINVAL;
	base = target = kib / (PAGE_SIZE / 1024);
	return register_xenbus_watch(&target_watch);
}

/* Pages are kept only if the target fell while the module was on its way out. */
void balloon_exit(void)
{
	unregister_xenbus_watch(&target_watch);
	cancel_delayed_work_sync(&adjustment);
	while (grow(BATCH))
		;
	if (nr_kept)
		pr_warn("%lu pages are lost: no frames for them\n", nr_kept);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The domain's own grant table, version 1: which of its frames other domains may use. Free entries are a list by numbers,
 * from which drivers take a few at a time for themselves; the table grows as long as the hypervisor lets it. Who takes some
 * while it may not sleep cannot make it grow, and may be the only one to take any: so it grows by itself when few are left.
 *
 * A frontend may free a page only when the other side no longer has it. An entry that is still in use when its driver
 * lets go of it is looked at again until it is not.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <asm/sync_bitops.h>
#include "grant-list.h"
#include "port.h"
#include <xen/interface/memory.h>

#define ENTRIES_PER_FRAME (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define FIRST_FREE 8			/* those before are for fixed uses: console, store */
#define FEW (ENTRIES_PER_FRAME / 2)	/* at least as many as any driver takes at once without sleeping */
#define LATER (10 * HZ)

struct held {				/* an entry that the other side still uses */
	struct list_head list;
	grant_ref_t ref;
	struct page *page;
};

static DEFINE_SPINLOCK(lock);		/* free entries */
static unsigned int max_frames, nr_frames;
static struct page **frame;		/* of the table */
static struct grant_list entries;	/* free */
static LIST_HEAD(held);
static DEFINE_SPINLOCK(held_lock);
static void look_again(struct work_struct *work);
static DECLARE_DELAYED_WORK(held_work, look_again);
static void grow_in_time(struct work_struct *work);
static DECLARE_WORK(grow_work, grow_in_time);

static struct grant_entry_v1 *entry(grant_ref_t ref)
{
	return (struct grant_entry_v1 *)page_address(frame[ref / ENTRIES_PER_FRAME]) + ref % ENTRIES_PER_FRAME;
}

/* ---- free entries ---- */

/* With growing; not with the lock: the hypervisor is called. */
static int grow_by_one(void)
{
	unsigned int n = nr_frames, i;
	unsigned long flags;

	if (n == max_frames)
		return -ENOSPC;
	frame[n] = special_map(XENMAPSPACE_grant_table, n);
	if (!frame[n])
		return -ENOSPC;
	spin_lock_irqsave(&lock, flags);
	nr_frames++;
	for (i = ENTRIES_PER_FRAME; i-- > (n ? 0 : FIRST_FREE); )
		if (!READ_ONCE(entry(n * ENTRIES_PER_FRAME + i)->flags))	/* else somebody before us could not end it */
			grant_list_put(&entries, n * ENTRIES_PER_FRAME + i);
	spin_unlock_irqrestore(&lock, flags);
	return 0;
}

static int grow(unsigned int wanted)
{
	static DEFINE_MUTEX(growing);
	int rc = 0;

	mutex_lock(&growing);
	while (!rc && READ_ONCE(entries.nr) < wanted)
		rc = grow_by_one();
	mutex_unlock(&growing);
	return rc;
}

static void grow_in_time(struct work_struct *work)
{
	grow(FEW);
}

static bool take(unsigned int count, grant_ref_t *head)
{
	unsigned long flags;
	bool taken, few;

	spin_lock_irqsave(&lock, flags);
	taken = grant_list_take(&entries, count, head);
	few = entries.nr < FEW && nr_frames < max_frames;
	spin_unlock_irqrestore(&lock, flags);
	if (few)
		schedule_work(&grow_work);
	return taken;
}

int gnttab_alloc_grant_references(u16 count, grant_ref_t *head)
{
	while (!take(count, head))
		if (in_atomic() || irqs_disabled() || grow(count))
			return -ENOSPC;
	return 0;
}
EXPORT_SYMBOL_GPL(gnttab_alloc_grant_references);

void gnttab_free_grant_reference(grant_ref_t ref)
{
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	grant_list_put(&entries, ref);
	spin_unlock_irqrestore(&lock, flags);
}
EXPORT_SYMBOL_GPL(gnttab_free_grant_reference);

void gnttab_free_grant_references(grant_ref_t head)
{
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	grant_list_put_all(&entries, head);
	spin_unlock_irqrestore(&lock, flags);
}
EXPORT_SYMBOL_GPL(gnttab_free_grant_references);

int gnttab_empty_grant_references(const grant_ref_t *head)
{
	return *head == GRANT_LIST_END;
}
EXPORT_SYMBOL_GPL(gnttab_empty_grant_references);

/* The list is its owner's. */
int gnttab_claim_grant_reference(grant_ref_t *head)
{
	grant_ref_t ref = *head;

	if (ref == GRANT_LIST_END)
		return -ENOSPC;
	*head = entries.next[ref];
	return ref;
}
EXPORT_SYMBOL_GPL(gnttab_claim_grant_reference);

void gnttab_release_grant_reference(grant_ref_t *head, grant_ref_t ref)
{
	entries.next[ref] = *head;
	*head = ref;
}
EXPORT_SYMBOL_GPL(gnttab_release_grant_reference);

/* ---- access ---- */

void gnttab_grant_foreign_access_ref(grant_ref_t ref, domid_t domid, unsigned long pfn, int readonly)
{
	struct grant_entry_v1 *e = entry(ref);

	e->frame = pfn;
	e->domid = domid;
	smp_wmb();			/* the hypervisor looks at flags first */
	WRITE_ONCE(e->flags, GTF_permit_access | (readonly ? GTF_readonly : 0));
}
EXPORT_SYMBOL_GPL(gnttab_grant_foreign_access_ref);

int gnttab_grant_foreign_access(domid_t domid, unsigned long pfn, int readonly)
{
	grant_ref_t ref;
	int rc = gnttab_alloc_grant_references(1, &ref);

	if (rc)
		return rc;
	gnttab_grant_foreign_access_ref(ref, domid, pfn, readonly);
	return ref;
}
EXPORT_SYMBOL_GPL(gnttab_grant_foreign_access);

int gnttab_end_foreign_access_ref(grant_ref_t ref)
{
	u16 *flags = &entry(ref)->flags, old = READ_ONCE(*flags), seen;

	for (;; old = seen) {
		if (old & (GTF_reading | GTF_writing))
			return 0;
		seen = sync_cmpxchg(flags, old, 0);
		if (seen == old)
			return 1;
	}
}
EXPORT_SYMBOL_GPL(gnttab_end_foreign_access_ref);

int gnttab_try_end_foreign_access(grant_ref_t ref)
{
	int ended = gnttab_end_foreign_access_ref(ref);

	if (ended)
		gnttab_free_grant_reference(ref);
	return ended;
}
EXPORT_SYMBOL_GPL(gnttab_try_end_foreign_access);

static void look_again(struct work_struct *work)
{
	struct held *h, *then;
	LIST_HEAD(ended);

	spin_lock_irq(&held_lock);
	list_for_each_entry_safe(h, then, &held, list)
		if (gnttab_try_end_foreign_access(h->ref))
			list_move(&h->list, &ended);
	if (!list_empty(&held))
		schedule_delayed_work(&held_work, LATER);
	spin_unlock_irq(&held_lock);
	list_for_each_entry_safe(h, then, &ended, list) {
		if (h->page)
			put_page(h->page);
		kfree(h);
	}
}

/* May be called anywhere. */
void gnttab_end_foreign_access(grant_ref_t ref, struct page *page)
{
	struct held *h;
	unsigned long flags;

	if (gnttab_try_end_foreign_access(ref)) {
		if (page)
			put_page(page);
		return;
	}
	h = kmalloc(sizeof(*h), GFP_ATOMIC);
	if (!h) {
		pr_warn_ratelimited("grant %u stays in use, and its page is lost\n", ref);
		return;
	}
	h->ref = ref;
	h->page = page;
	spin_lock_irqsave(&held_lock, flags);
	list_add_tail(&h->list, &held);
	spin_unlock_irqrestore(&held_lock, flags);
	schedule_delayed_work(&held_work, LATER);
}
EXPORT_SYMBOL_GPL(gnttab_end_foreign_access);

/* ---- life ---- */

unsigned int gnttab_max_grant_frames(void)
{
	return max_frames;
}
EXPORT_SYMBOL_GPL(gnttab_max_grant_frames);

int grant_init(void)
{
	struct gnttab_query_size query = { .dom = DOMID_SELF };
	struct gnttab_set_version version = { .version = 1 };

	HYPERVISOR_grant_table_op(GNTTABOP_set_version, &version, 1);	/* it may not know the call */
	max_frames = !HYPERVISOR_grant_table_op(GNTTABOP_query_size, &query, 1) && query.status == GNTST_okay ?
		     query.max_nr_frames : 1;
	nr_frames = 0;
	entries = (struct grant_list){ .first = GRANT_LIST_END };
	frame = kcalloc(max_frames, sizeof(*frame), GFP_KERNEL);
	entries.next = kvcalloc(max_frames * ENTRIES_PER_FRAME, sizeof(*entries.next), GFP_KERNEL);
	if (frame && entries.next && !grow_by_one())
		return 0;
	kfree(frame);
	kvfree(entries.next);
	return -ENOMEM;
}

/* Entries that are still in use keep the table where it is: its pages, and those that they name, are lost. */
void grant_exit(void)
{
	unsigned int i;

	cancel_work_sync(&grow_work);
	cancel_delayed_work_sync(&held_work);
	look_again(NULL);
	cancel_delayed_work_sync(&held_work);
	if (!list_empty(&held))
		pr_warn("another domain still uses pages of this one: the grant table stays\n");
	for (i = 0; i < nr_frames && list_empty(&held); i++)
		special_unmap(frame[i]);
	kfree(frame);
	kvfree(entries.next);
}

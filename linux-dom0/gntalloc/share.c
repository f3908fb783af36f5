// SPDX-License-Identifier: GPL-2.0-only
/* Pages granted to other domains. The rules are in share.h. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "compat/compat.h"
#include "share.h"

/* How often pages that the other side still has are looked at. */
#define PERIOD HZ

static unsigned int limit = 1024;
module_param(limit, uint, 0644);
MODULE_PARM_DESC(limit, "Most pages that may be shared at a time");

/* Pages that exist or are reserved; those that wait for the other side. */
static unsigned int total;
static LIST_HEAD(waiting);
static DEFINE_MUTEX(lock);

static void reap_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(reaper, reap_work);

/* Return: whether the page is gone. */
static bool try_free(struct share *share)
{
	if (!gnttab_try_end_foreign_access(share->ref))
		return false;
	__free_page(share->page);
	kfree(share);
	return true;
}

static void reap(void)
{
	struct share *share, *next;
	LIST_HEAD(kept);

	lockdep_assert_held(&lock);
	list_for_each_entry_safe(share, next, &waiting, link) {
		list_del(&share->link);
		if (try_free(share))
			total--;
		else
			list_add_tail(&share->link, &kept);
	}
	list_splice(&kept, &waiting);
}

static void reap_work(struct work_struct *work)
{
	mutex_lock(&lock);
	reap();
	if (!list_empty(&waiting))
		schedule_delayed_work(&reaper, PERIOD);
	mutex_unlock(&lock);
}

int shares_reserve(unsigned int count)
{
	unsigned int most = READ_ONCE(limit);
	int rc = -ENOSPC;

	mutex_lock(&lock);
	reap();
	if (total <= most && count <= most - total) {
		total += count;
		rc = 0;
	}
	mutex_unlock(&lock);
	return rc;
}

void shares_unreserve(unsigned int count)
{
	mutex_lock(&lock);
	total -= count;
	mutex_unlock(&lock);
}

struct share *share_create(domid_t domain, bool readonly)
{
	struct share *share = kzalloc(sizeof(*share), GFP_KERNEL_ACCOUNT);
	int rc = -ENOMEM;

	if (!share)
		return ERR_PTR(rc);
	share->page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!share->page)
		goto free;
	rc = gnttab_grant_foreign_access(domain, xen_page_to_gfn(share->page), readonly);
	if (rc < 0)
		goto page;
	share->ref = rc;
	refcount_set(&share->users, 1);
	mutex_init(&share->lock);
	return share;

page:
	__free_page(share->page);
free:
	kfree(share);
	return ERR_PTR(rc);
}

static void send_notification(struct share *share)
{
	if (share->notify.action & UNMAP_NOTIFY_CLEAR_BYTE)
		WRITE_ONCE(((u8 *)page_address(share->page))[share->notify.offset], 0);
	unmap_notify_send(&share->notify);
}

void share_put(struct share *share)
{
	if (!refcount_dec_and_test(&share->users))
		return;
	send_notification(share);
	mutex_lock(&lock);
	if (try_free(share)) {
		total--;
	} else {
		list_add_tail(&share->link, &waiting);
		schedule_delayed_work(&reaper, PERIOD);
	}
	mutex_unlock(&lock);
}

void share_notify(struct share *share, const struct unmap_notify *notify)
{
	struct unmap_notify old;

	mutex_lock(&share->lock);
	old = share->notify;
	share->notify = *notify;
	mutex_unlock(&share->lock);
	unmap_notify_put(&old);
}

void shares_exit(void)
{
	struct share *share, *next;

	cancel_delayed_work_sync(&reaper);
	list_for_each_entry_safe(share, next, &waiting, link) {
		gnttab_end_foreign_access(share->ref, share->page);
		kfree(share);
	}
}

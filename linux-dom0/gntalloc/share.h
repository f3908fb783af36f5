/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page of this domain that another one may map.
 *
 * The other side cannot be made to let go. When nobody here uses a page any more but it is still mapped there, it waits
 * on a list and is freed once that has ended; until then it counts. So a domain that keeps what it was given costs at
 * most the limit, and its page is never somebody else's memory meanwhile.
 */
#ifndef GNTALLOC_SHARE_H
#define GNTALLOC_SHARE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <xenolith/hypercall.h>
#include <xenolith/event.h>
#include <xenolith/grant.h>
#include <xen/gntalloc.h>
#include <xenolith/unmap-notify.h>

/**
 * struct share - a page and its grant
 * @users:	the file's table and each mapping
 * @link:	among those that wait for the other side
 * @page:	what is shared, zeroed at first
 * @ref:	its grant reference
 * @lock:	@notify
 * @notify:	what to do when the last user goes
 */
struct share {
	refcount_t users;
	struct list_head link;
	struct page *page;
	grant_ref_t ref;
	struct mutex lock;
	struct unmap_notify notify;
};

/**
 * shares_reserve - count pages that are about to be made
 *
 * Pages that the other side let go are freed first. Return: 0, or -ENOSPC when they would be more than the limit.
 */
int shares_reserve(unsigned int count);

/** shares_unreserve - the end of shares_reserve() for pages that were not made */
void shares_unreserve(unsigned int count);

/**
 * share_create - a new page, granted to @domain
 *
 * It must have been reserved. Return: the page with one user, or ERR_PTR(-errno); then it still is reserved.
 */
struct share *share_create(domid_t domain, bool readonly);

/** share_put - one user less; the last one triggers the notification and the end of the grant */
void share_put(struct share *share);

/**
 * share_notify - what to do when the last user goes
 * @notify:	with its offset in the page, and held: the page takes it over, and gives up an older one
 */
void share_notify(struct share *share, const struct unmap_notify *notify);

/** shares_exit - what still waits is left to the kernel's grant tables, which wait on */
void shares_exit(void);

#endif

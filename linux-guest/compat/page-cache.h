/* SPDX-License-Identifier: GPL-2.0-only */
/* struct gnttab_page_cache keeps its pages in one of two ways, by the kernel's configuration. */
#ifndef XENOLITH_COMPAT_PAGE_CACHE_H
#define XENOLITH_COMPAT_PAGE_CACHE_H

#include <linux/mm.h>
#include <xenolith/grant.h>

#ifdef CONFIG_XEN_UNPOPULATED_ALLOC
static inline void page_cache_none(struct gnttab_page_cache *cache)
{
	cache->pages = NULL;
}

static inline void page_cache_push(struct gnttab_page_cache *cache, struct page *page)
{
	set_page_private(page, (unsigned long)cache->pages);
	cache->pages = page;
}

static inline struct page *page_cache_pop(struct gnttab_page_cache *cache)
{
	struct page *page = cache->pages;

	cache->pages = (struct page *)page_private(page);
	set_page_private(page, 0);
	return page;
}
#else
static inline void page_cache_none(struct gnttab_page_cache *cache)
{
	INIT_LIST_HEAD(&cache->pages);
}

static inline void page_cache_push(struct gnttab_page_cache *cache, struct page *page)
{
	list_add(&page->lru, &cache->pages);
}

static inline struct page *page_cache_pop(struct gnttab_page_cache *cache)
{
	struct page *page = list_first_entry(&cache->pages, struct page, lru);

	list_del(&page->lru);
	return page;
}
#endif

#endif

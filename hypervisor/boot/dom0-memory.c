// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domain0's memory while it is built: pfns are handed out in the order in which the allocator
 * gives frames, in blocks as large as it has; a list as long as the domain says which is which.
 *
 * The frames are not cleared: like a bare kernel, Domain0 finds memory as the firmware left it.
 */
#include "boot.h"
#include <xenolith/debug.h>

static u32 *frames __initdata;		/* by pfn */
static unsigned long nr_populated __initdata;

bool __init dom0_memory_begin(unsigned long nr_pages)
{
	frames = lib_alloc(nr_pages * sizeof(*frames));
	return frames;
}

unsigned long __init dom0_populate(struct domain *d, unsigned long until)
{
	unsigned int order = MAX_ORDER;

	while (nr_populated < until) {
		struct page_info *pg = NULL;

		if (BIT(order) <= until - nr_populated)
			pg = alloc_domain_pages(d, order, ALLOC_NOZERO);
		for (unsigned long i = 0; pg && i < BIT(order); i++)
			frames[nr_populated++] = mfn_x(page_to_mfn(pg)) + i;
		if (!pg && !order--)
			break;
	}
	return nr_populated;
}

mfn_t __init dom0_mfn(unsigned long pfn)
{
	BUG_ON(pfn >= nr_populated);
	return mfn(frames[pfn]);
}

void * __init dom0_page(unsigned long pfn)
{
	return mfn_to_virt(dom0_mfn(pfn));
}

int __init dom0_write(u64 addr, const void *src, size_t n)
{
	size_t chunk;

	if (addr + n < addr || addr + n > nr_populated << PAGE_SHIFT)
		return -EINVAL;
	for (; n; addr += chunk, n -= chunk) {
		void *dst = dom0_page(addr >> PAGE_SHIFT) + addr % PAGE_SIZE;

		chunk = min_t(size_t, n, PAGE_SIZE - addr % PAGE_SIZE);
		if (!src) {
			memset(dst, 0, chunk);
			continue;
		}
		memcpy(dst, src, chunk);
		src += chunk;
	}
	return 0;
}

void __init dom0_memory_end(const struct dom0_layout *l)
{
	unsigned long per_page = PAGE_SIZE / sizeof(unsigned long);

	for (unsigned long pfn = 0; pfn < l->nr_p2m * per_page; pfn++) {
		unsigned long *list = dom0_page(l->p2m + pfn / per_page);

		list[pfn % per_page] = pfn < nr_populated ? frames[pfn] : INVALID_M2P_ENTRY;
		if (pfn < nr_populated)
			set_m2p(mfn(frames[pfn]), pfn);
	}
	lib_free(frames);
}

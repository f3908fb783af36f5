// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domain0's memory while it is built: pfns are handed out in the order in which the allocator
 * gives frames, in blocks as large as it has; a table of runs remembers which pfn became which mfn.
 *
 * The frames are not cleared: like a bare kernel, Domain0 finds memory as the firmware left it.
 */
#include "boot.h"
#include <xenolith/debug.h>

#define MAX_RUNS	1024

static struct run {
	unsigned long pfn, mfn, nr;
} runs[MAX_RUNS] __initdata;
static unsigned int nr_runs __initdata;
static unsigned long nr_populated __initdata;

static void __init add_run(mfn_t first, unsigned long nr)
{
	struct run *last = nr_runs ? &runs[nr_runs - 1] : NULL;

	if (last && last->mfn + last->nr == mfn_x(first))
		last->nr += nr;
	else
		runs[nr_runs++] = (struct run){ nr_populated, mfn_x(first), nr };
	nr_populated += nr;
}

unsigned long __init dom0_populate(struct domain *d, unsigned long until)
{
	unsigned int order = MAX_ORDER;

	/* never more blocks than runs: a block that did not fit would be lost */
	while (nr_populated < until && nr_runs < MAX_RUNS) {
		struct page_info *pg = NULL;

		if (BIT(order) <= until - nr_populated)
			pg = alloc_domain_pages(d, order, ALLOC_NOZERO);
		if (pg)
			add_run(page_to_mfn(pg), BIT(order));
		else if (!order--)
			break;
	}
	return nr_populated;
}

/* Mostly asked for in rising order: the last answer's run, or the next one, is tried first. */
static const struct run * __init find_run(unsigned long pfn)
{
	static unsigned int hint __initdata;

	BUG_ON(pfn >= nr_populated);
	if (pfn < runs[hint].pfn)
		hint = 0;
	while (pfn - runs[hint].pfn >= runs[hint].nr)
		hint++;
	return &runs[hint];
}

mfn_t __init dom0_mfn(unsigned long pfn)
{
	const struct run *r = find_run(pfn);

	return mfn(r->mfn + pfn - r->pfn);
}

void * __init dom0_page(unsigned long pfn)
{
	return mfn_to_virt(dom0_mfn(pfn));
}

int __init dom0_write(u64 addr, const void *src, size_t n)
{
	if (addr + n < addr || addr + n > nr_populated << PAGE_SHIFT)
		return -EINVAL;
	while (n) {
		const struct run *r = find_run(addr >> PAGE_SHIFT);
		u64 offset = addr - (r->pfn << PAGE_SHIFT);
		size_t chunk = min_t(size_t, n, (r->nr << PAGE_SHIFT) - offset);
		void *dst = (u8 *)mfn_to_virt(mfn(r->mfn)) + offset;

		if (src) {
			memcpy(dst, src, chunk);
			src = (const u8 *)src + chunk;
		} else {
			memset(dst, 0, chunk);
		}
		addr += chunk;
		n -= chunk;
	}
	return 0;
}

void __init dom0_publish_p2m(const struct dom0_layout *l, unsigned long nr_pages)
{
	unsigned long per_page = PAGE_SIZE / sizeof(unsigned long);

	for (unsigned long pfn = 0; pfn < l->nr_p2m * per_page; ) {
		unsigned long *list = dom0_page(l->p2m + pfn / per_page);

		for (unsigned long i = 0; i < per_page; i++, pfn++) {
			if (pfn >= nr_pages) {
				list[i] = INVALID_M2P_ENTRY;
				continue;
			}
			list[i] = mfn_x(dom0_mfn(pfn));
			set_m2p(mfn(list[i]), pfn);
		}
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page-table pages of an address space, for pinning and unpinning. Tables are nearly empty, and the kernel's own walk
 * looks at each entry of each; this one looks at a cache line at a time.
 */
#include <linux/mm.h>
#include <xen/page.h>
#include "mmu.h"

#define ENTRIES 512
#define LINE 8

static bool line_is_empty(const u64 *e)
{
	return !(e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]);
}

/* The first entry in use from @i on; @nr: none. Reads whole lines of the table, also beyond @nr. */
static unsigned int next_used(const u64 *table, unsigned int i, unsigned int nr)
{
	while (i < nr) {
		if (!(i % LINE) && line_is_empty(table + i))
			i += LINE;
		else if (table[i])
			return i;
		else
			i++;
	}
	return nr;
}

/* A table's entries name this domain's own pages: what the machine-to-physical table is made for. */
static struct page *table_page(u64 entry)
{
	return pfn_to_page(machine_to_phys_mapping[(entry & XEN_PTE_MFN_MASK) >> PAGE_SHIFT]);
}

/* How many entries of a table lie below the limit, when the table is the one in which the limit lies. */
static unsigned int entries_below(bool last, unsigned long limit, int shift)
{
	return last ? ((limit >> shift) & (ENTRIES - 1)) + 1 : ENTRIES;
}

static void walk_pmd(struct mm_struct *mm, const u64 *pmd, mmu_walk_fn func, unsigned int nr)
{
	for (unsigned int i = next_used(pmd, 0, nr); i < nr; i = next_used(pmd, i + 1, nr))
		func(mm, table_page(pmd[i]), MMU_PTE);
}

static void walk_pud(struct mm_struct *mm, const u64 *pud, mmu_walk_fn func, bool last, unsigned long limit)
{
	unsigned int nr = entries_below(last, limit, PUD_SHIFT);

	for (unsigned int i = next_used(pud, 0, nr); i < nr; i = next_used(pud, i + 1, nr)) {
		struct page *page = table_page(pud[i]);

		func(mm, page, MMU_PMD);
		walk_pmd(mm, page_address(page), func, entries_below(last && i == nr - 1, limit, PMD_SHIFT));
	}
}

void mmu_pgd_walk(struct mm_struct *mm, pgd_t *pgd, mmu_walk_fn func, unsigned long limit)
{
	const u64 *top = (const u64 *)pgd;
	unsigned int low = pgd_index(GUARD_HOLE_BASE_ADDR), high = pgd_index(GUARD_HOLE_END_ADDR);
	unsigned int nr = pgd_index(--limit) + 1;

	for (unsigned int i = next_used(top, 0, nr); i < nr; i = next_used(top, i + 1, nr)) {
		struct page *page;

		if (i >= low && i < high)
			continue;	/* the hypervisor's */
		page = table_page(top[i]);
		func(mm, page, MMU_PUD);
		walk_pud(mm, page_address(page), func, i == nr - 1, limit);
	}
	func(mm, virt_to_page(pgd), MMU_PGD);
}

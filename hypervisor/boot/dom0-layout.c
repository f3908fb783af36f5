// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the things of a new Domain0 lie and its first page tables (ABI: "Start-of-day memory
 * layout" in xen.h). By pfn:
 *
 *   kernel | [initrd] | [p2m list] | start_info | page tables | stack | padding |  initrd | p2m list, its tables
 *   └─────────────── initial mapping at virt_base, to a 4 MiB boundary ────────┘  └─ if the kernel allows it ─┘
 *
 * A kernel that can find its initrd by pfn and its p2m list at an address of its own choice gets
 * them behind the initial mapping, which then stays small.
 */
#include "boot.h"
#include <xenolith/hypercall.h>

#define PADDING		(KB(512) >> PAGE_SHIFT)
#define END_ALIGN	MB(4)

#define LEAF_FLAGS	(PTE_P | PTE_RW | PTE_A | PTE_D)
#define TABLE_FLAGS	(PTE_P | PTE_RW | PTE_A)

/* Tables of levels 1 to 3 that map @nr pages at @va. */
static unsigned long __init tables_for(unsigned long va, unsigned long nr)
{
	unsigned long last = va + (nr << PAGE_SHIFT) - 1, n = 0;

	for (unsigned int shift = PAGE_SHIFT + 9; shift <= PAGE_SHIFT + 27; shift += 9)
		n += (last >> shift) - (va >> shift) + 1;
	return n;
}

static unsigned long __init take(unsigned long *next, unsigned long nr)
{
	unsigned long at = *next;

	*next += nr;
	return at;
}

/* The tail of the initial mapping depends on how many tables map it, and they lie in it. */
static void __init lay_out_tail(struct dom0_layout *l, u64 virt_base, unsigned long next)
{
	unsigned long needed = 4, pages;

	l->start_info = take(&next, 1);
	do {
		l->nr_tables = needed;
		l->tables = next;
		l->stack = l->tables + l->nr_tables;
		pages = l->stack + 1 + PADDING;
		l->end = (ROUND_UP(virt_base + (pages << PAGE_SHIFT), END_ALIGN) - virt_base) >> PAGE_SHIFT;
		needed = tables_for(virt_base, l->end) + 1;
	} while (needed > l->nr_tables);
}

bool __init dom0_lay_out(struct dom0_layout *l, const struct dom0_image *img, size_t initrd_size,
			 unsigned long nr_pages)
{
	unsigned long next = DIV_ROUND_UP(img->elf.paddr_max - img->paddr_offset, PAGE_SIZE);

	*l = (struct dom0_layout){
		.nr_initrd = DIV_ROUND_UP(initrd_size, PAGE_SIZE),
		.nr_p2m = DIV_ROUND_UP(nr_pages * sizeof(unsigned long), PAGE_SIZE),
		.initrd_mapped = initrd_size && !img->mod_start_pfn,
	};
	if (l->initrd_mapped)
		l->initrd = take(&next, l->nr_initrd);
	if (!img->has_p2m_base) {
		l->p2m = take(&next, l->nr_p2m);
		l->p2m_va = img->virt_base + (l->p2m << PAGE_SHIFT);
	}
	lay_out_tail(l, img->virt_base, next);
	next = l->end;
	if (!l->initrd_mapped)
		l->initrd = take(&next, l->nr_initrd);
	if (img->has_p2m_base) {
		l->p2m_va = img->p2m_base;
		l->p2m = take(&next, l->nr_p2m);
		l->nr_p2m_tables = tables_for(l->p2m_va, l->nr_p2m);
		l->p2m_tables = take(&next, l->nr_p2m_tables);
	}
	l->boot_pages = next;
	/* the last byte, since the mapping may end with the address space */
	return guest_addr_ok(img->virt_base, (l->end << PAGE_SHIFT) - 1) &&
	       guest_addr_ok(l->p2m_va, (l->nr_p2m << PAGE_SHIFT) - 1);
}

/* The level 1 table for @va, whatever is missing on the way taken from *@next on. */
static pte_t * __init table_for(pte_t *l4, unsigned long va, unsigned long *next)
{
	pte_t *table = l4;

	for (unsigned int level = 4; level > 1; level--) {
		pte_t *e = &table[pt_index(va, level)];

		if (!*e) {
			memset(dom0_page(*next), 0, PAGE_SIZE);
			*e = pte_make(dom0_mfn((*next)++), TABLE_FLAGS);
		}
		table = mfn_to_virt(pte_mfn(*e));
	}
	return table;
}

static void __init map_pages(const struct dom0_layout *l, unsigned long va, unsigned long pfn,
			     unsigned long nr, unsigned long *next)
{
	pte_t *l1 = NULL;

	for (; nr; nr--, pfn++, va += PAGE_SIZE) {
		bool is_table = pfn >= l->tables && pfn < l->tables + l->nr_tables;

		if (!l1 || IS_ALIGNED(va, SUPERPAGE_SIZE))
			l1 = table_for(dom0_page(l->tables), va, next);
		l1[pt_index(va, 1)] = pte_make(dom0_mfn(pfn), is_table ? LEAF_FLAGS & ~PTE_RW : LEAF_FLAGS);
	}
}

void __init dom0_build_tables(const struct dom0_layout *l, u64 virt_base)
{
	unsigned long next = l->tables + 1, next_p2m = l->p2m_tables;

	memset(dom0_page(l->tables), 0, PAGE_SIZE);
	map_pages(l, virt_base, 0, l->end, &next);
	if (l->nr_p2m_tables)
		map_pages(l, l->p2m_va, l->p2m, l->nr_p2m, &next_p2m);
	while (next < l->tables + l->nr_tables)
		memset(dom0_page(next++), 0, PAGE_SIZE);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the things of a new Domain0 lie and its first page tables (ABI: "Start-of-day memory
 * layout" in xen.h). By pfn:
 *
 *   kernel | start_info | page tables | stack | padding |  initrd | p2m list | tables that map it
 *   └── initial mapping at virt_base, to a 4 MiB boundary ──┘
 *
 * The kernel finds its initrd by pfn and its p2m list at an address of its own choice.
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

bool __init dom0_lay_out(struct dom0_layout *l, const struct dom0_image *img, size_t initrd_size,
			 unsigned long nr_pages)
{
	unsigned long needed = 4, end;

	l->start_info = DIV_ROUND_UP(img->elf.paddr_max - img->paddr_offset, PAGE_SIZE);
	l->tables = l->start_info + 1;
	/* How many tables map all this depends on its size, and they are part of it. */
	do {
		l->nr_tables = needed;
		l->stack = l->tables + l->nr_tables;
		end = img->virt_base + ((l->stack + 1 + PADDING) << PAGE_SHIFT);
		l->end = (ROUND_UP(end, END_ALIGN) - img->virt_base) >> PAGE_SHIFT;
		needed = tables_for(img->virt_base, l->end) + 1;
	} while (needed > l->nr_tables);
	l->initrd = l->end;
	l->nr_initrd = DIV_ROUND_UP(initrd_size, PAGE_SIZE);
	l->p2m = l->initrd + l->nr_initrd;
	l->nr_p2m = DIV_ROUND_UP(nr_pages * sizeof(unsigned long), PAGE_SIZE);
	l->p2m_tables = l->p2m + l->nr_p2m;
	l->nr_p2m_tables = tables_for(img->p2m_base, l->nr_p2m);
	l->boot_pages = l->p2m_tables + l->nr_p2m_tables;
	/* the last byte, since the mapping may end with the address space */
	return guest_addr_ok(img->virt_base, (l->end << PAGE_SHIFT) - 1) &&
	       guest_addr_ok(img->p2m_base, (l->nr_p2m << PAGE_SHIFT) - 1);
}

/* The level 1 table for @va, whatever is missing on the way taken from *@next on. */
static pte_t * __init table_for(pte_t *l4, unsigned long va, unsigned long *next)
{
	pte_t *table = l4;

	for (unsigned int level = 4; level > 1; level--) {
		pte_t *e = &table[pt_index(va, level)];

		if (!*e)
			*e = pte_make(dom0_mfn((*next)++), TABLE_FLAGS);
		table = mfn_to_virt(pte_mfn(*e));
	}
	return table;
}

static void __init map_pages(const struct dom0_layout *l, unsigned long va, unsigned long pfn,
			     unsigned long nr, unsigned long next)
{
	for (; nr; nr--, pfn++, va += PAGE_SIZE) {
		bool is_table = pfn >= l->tables && pfn < l->tables + l->nr_tables;
		pte_t *l1 = table_for(dom0_page(l->tables), va, &next);

		l1[pt_index(va, 1)] = pte_make(dom0_mfn(pfn), is_table ? LEAF_FLAGS & ~PTE_RW : LEAF_FLAGS);
	}
}

void __init dom0_build_tables(const struct dom0_layout *l, const struct dom0_image *img)
{
	map_pages(l, img->virt_base, 0, l->end, l->tables + 1);
	map_pages(l, img->p2m_base, l->p2m, l->nr_p2m, l->p2m_tables);
}

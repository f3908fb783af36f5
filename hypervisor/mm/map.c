/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's own page tables. hyp_l4 is the master whose slots 256-271 every L4 of the
 * machine copies; all L3 tables below them exist from boot on, so that a mapping entered later is
 * seen everywhere at once.
 */
#include <xenolith/debug.h>
#include <xenolith/hypercall.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

#define TABLE_FLAGS	(PTE_P | PTE_RW | PTE_A | PTE_D)

pte_t hyp_l4[PT_ENTRIES] __aligned(PAGE_SIZE);
static DEFINE_SPINLOCK(map_lock);
static unsigned long ioremap_next = IOREMAP_START;

paddr_t hyp_cr3(void)
{
	return virt_to_maddr(hyp_l4);
}

u64 map_flags(u64 flags)
{
	return x86.isolate ? flags & ~PTE_G : flags;
}

pte_t *map_slot(pte_t *table, unsigned long va, unsigned int to, bool create)
{
	for (unsigned int level = 4; level > to; level--) {
		pte_t *e = &table[pt_index(va, level)];

		if (!(*e & PTE_P)) {
			void *t = create ? alloc_hyp_pages(0) : NULL;

			if (!t)
				return NULL;
			WRITE_ONCE(*e, virt_to_maddr(t) | TABLE_FLAGS);
		} else if (*e & PTE_PSE && level < 4) {
			return NULL;
		}
		table = maddr_to_virt(*e & PTE_ADDR);
	}
	return &table[pt_index(va, to)];
}

int map_hyp_pages(unsigned long va, mfn_t m, unsigned long nr, u64 pte_flags)
{
	int rc = 0;

	pte_flags = map_flags(pte_flags);
	spin_lock(&map_lock);
	for (unsigned long i = 0; i < nr && !rc; i++) {
		pte_t *e = map_slot(hyp_l4, va + (i << PAGE_SHIFT), 1, true);

		if (e)
			WRITE_ONCE(*e, pte_flags ? pte_make(mfn_add(m, i), pte_flags) : 0);
		else
			rc = -ENOMEM;
	}
	spin_unlock(&map_lock);
	return rc;
}

void *ioremap_flags(paddr_t pa, size_t size, u64 pte_flags)
{
	unsigned long offset = pa & ~PAGE_MASK;
	unsigned long nr = (offset + size + PAGE_SIZE - 1) >> PAGE_SHIFT, va;

	spin_lock(&map_lock);
	va = ioremap_next;
	if (!size || nr > (IOREMAP_END - va) >> PAGE_SHIFT) {
		spin_unlock(&map_lock);
		return NULL;
	}
	ioremap_next += (nr + 1) << PAGE_SHIFT;		/* a hole behind each */
	spin_unlock(&map_lock);
	if (map_hyp_pages(va, mfn(pa >> PAGE_SHIFT), nr, pte_flags))
		return NULL;
	return (void *)(va + offset);
}

void *ioremap(paddr_t pa, size_t size)
{
	/* PCD|PWT selects entry 3 of HYP_PAT: uncached whatever the MTRRs say. */
	return ioremap_flags(pa, size, PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX | PTE_G |
			     PTE_PCD | PTE_PWT);
}

/* Addresses are not used again (64 GiB last), so that no CPU needs a flush here. */
void iounmap(void *va)
{
	unsigned long addr = (unsigned long)va & PAGE_MASK;
	pte_t *e;

	spin_lock(&map_lock);
	while ((e = map_slot(hyp_l4, addr, 1, false)) && *e) {
		WRITE_ONCE(*e, 0);
		addr += PAGE_SIZE;
	}
	spin_unlock(&map_lock);
}

void desc_window_set(unsigned int page, pte_t pte)
{
	/* Each CPU's window has an L1 table of its own: found by walking once. */
	static DEFINE_PER_CPU(pte_t *, window);
	pte_t *slots = this_cpu(window);

	if (unlikely(!slots))
		slots = this_cpu(window) = map_slot(hyp_l4, GDT_WINDOW((unsigned long)smp_cpu()), 1, true);
	WRITE_ONCE(slots[page], pte);
}

unsigned int pt_walk(paddr_t cr3, unsigned long va, pte_t *leaf)
{
	paddr_t table = cr3 & PTE_ADDR;

	if (!canonical(va))
		return 0;
	for (unsigned int level = 4; level >= 1; level--) {
		pte_t e;

		if (!mfn_valid(mfn(table >> PAGE_SHIFT)))
			return 0;
		e = READ_ONCE(((pte_t *)maddr_to_virt(table))[pt_index(va, level)]);
		if (!(e & PTE_P))
			return 0;
		if (level == 1 || (level < 4 && e & PTE_PSE)) {
			*leaf = e;
			return level;
		}
		table = e & PTE_ADDR;
	}
	return 0;
}

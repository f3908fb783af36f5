/* SPDX-License-Identifier: GPL-2.0-only */
/* Entering and removing granted frames in a guest's L1 tables; pv.h has the contract. */
#include <xenolith/debug.h>
#include "mmu.h"

u64 pv_grant_pte_flags(u32 gntmap_flags, u64 cache)
{
	u64 flags = PTE_P | PTE_A | PTE_US | cache;

	if (!(gntmap_flags & GNTMAP_readonly))
		flags |= PTE_RW | PTE_D;
	flags |= gntmap_flags & GNTMAP_application_map ? PTE_G : PTE_GUEST_KERNEL;
	return flags | ((u64)(gntmap_flags >> _GNTMAP_guest_avail0) << 9 & PTE_AVAIL);
}

/* Same frame and same right to write: that is what the references were taken for. */
static bool maps_as_expected(pte_t e, pte_t expect)
{
	return e & PTE_P && !((e ^ expect) & (PTE_ADDR | PTE_RW));
}

static int exchange_entry(const struct domain *d, pte_t *slot, pte_t new, pte_t expect)
{
	pte_t old = READ_ONCE(*slot);
	struct page_info *pg = mfn_to_page(pte_mfn(new));

	/* The guest may drop the entry by itself, without a flush: the owner must know (XSA-286). */
	if (!expect && mfn_valid(pte_mfn(new)) && pg->owner != d->id && !(pg->word & PG_FOREIGN))
		__atomic_or_fetch(&pg->word, PG_FOREIGN, __ATOMIC_SEQ_CST);
	do {
		if (expect && !maps_as_expected(old, expect))
			return -EINVAL;
	} while (!try_cmpxchg(slot, &old, new));
	if (!expect)
		pv_put_l1e(d, old);
	return 0;
}

int pv_map_grant_pte(struct vcpu *v, u64 pte_maddr, pte_t new, pte_t expect)
{
	mfn_t m = mfn(pte_maddr >> PAGE_SHIFT);
	struct page_info *table = mfn_to_page(m);
	unsigned int level;
	int rc = -EINVAL;

	/* XSA-227: an entry that straddles two would be two halves nobody checked. */
	if (pte_maddr & (sizeof(pte_t) - 1) || !mfn_valid(m) || !get_table(table, v->domain, &level))
		return -EINVAL;
	if (level == 1)
		rc = exchange_entry(v->domain, maddr_to_virt(pte_maddr), new, expect);
	pv_put_table(table);
	return rc;
}

int pv_map_grant_va(struct vcpu *v, unsigned long va, pte_t new, pte_t expect)
{
	struct page_info *table;
	pte_t *slot = va & ~PAGE_MASK ? NULL : pv_find_l1e(v, va, &table);
	int rc;

	if (!slot)
		return -EINVAL;
	rc = exchange_entry(v->domain, slot, new, expect);
	pv_put_table(table);
	return rc;
}

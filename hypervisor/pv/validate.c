/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may stand in a guest's page table, and the references each entry holds:
 *
 *   L1  frame of the owner, read-only     one count reference
 *       frame of the owner, writable      count and PGT_WRITABLE references
 *       device memory                     none; the domain must have the right to it
 *   L2  L1 table of the domain            count and PGT_L1 references; L3, L4 likewise
 *
 * No superpages, no tables that refer to their own level (a type conflict by construction: a
 * frame has one type). Bits 53-62 are the guest's own: protection keys are never on.
 */
#include <xenolith/debug.h>
#include "mmu.h"

#define DISALLOW_TABLE	(PTE_PWT | PTE_PCD | PTE_PSE | PTE_G)
#define PREEMPT_EVERY	16				/* L2 and up: each entry may be a table's worth of work */

/* Bits an L2, L3 or L4 entry may have; PTE_US is set since the guest kernel runs in ring 3. */
int pv_adjust_table_entry(pte_t *e)
{
	if (*e & DISALLOW_TABLE || pv_bad_address(*e) || !mfn_valid(pte_mfn(*e)))
		return -EINVAL;
	*e = (*e & ~PTE_GUEST_KERNEL) | PTE_US;
	return 0;
}

int pv_get_table_entry(const struct domain *d, unsigned int level, pte_t *e, bool preemptible)
{
	int rc = pv_adjust_table_entry(e);

	if (rc)
		return rc;
	return get_page_and_type(mfn_to_page(pte_mfn(*e)), d, (u64)(level - 1) << PG_TYPE_SHIFT, preemptible);
}

int pv_put_table_entry(pte_t e, bool preemptible)
{
	struct page_info *pg;

	if (!(e & PTE_P))
		return 0;
	pg = mfn_to_page(pte_mfn(e));
	if (preemptible)
		return put_page_and_type_preemptible(pg);
	put_page_and_type(pg);
	return 0;
}

/* Most of a table is empty: look at eight entries at a time. */
static inline pte_t any8(const pte_t *t)
{
	return t[0] | t[1] | t[2] | t[3] | t[4] | t[5] | t[6] | t[7];
}

static bool hyp_slot(unsigned int level, unsigned int i)
{
	return level == 4 && i >= HYP_FIRST_SLOT && i <= HYP_LAST_SLOT;
}

static __always_inline int validate_entries(const struct domain *d, struct page_info *pg, pte_t *t, unsigned int level,
					    bool preemptible)
{
	unsigned int i = pg->nr_validated, worked = 0;
	int rc = 0;

	for (; i < PT_ENTRIES; i++) {
		if (!(i & 7))
			while (i < PT_ENTRIES && !any8(&t[i]))
				i += 8;
		if (i == PT_ENTRIES)
			break;
		if (!(t[i] & PTE_P) || hyp_slot(level, i))
			continue;
		if (level == 1)
			rc = pv_get_l1e(d, d, &t[i], preemptible);
		else if (preemptible && ++worked % PREEMPT_EVERY == 0 && hypercall_preempt())
			rc = -ERESTART;
		else
			rc = pv_get_table_entry(d, level, &t[i], preemptible);
		if (unlikely(rc))
			break;
	}
	pg->nr_validated = i;
	return rc;
}

/* A function of its own, for a tight loop. */
static noinline int validate_l1(const struct domain *d, struct page_info *pg, pte_t *t, bool preemptible)
{
	return validate_entries(d, pg, t, 1, preemptible);
}

/*
 * Every L4 maps the hypervisor: whatever the guest wrote into those slots is replaced. The M2P that
 * guests can read is not for user mode: it comes in when the table is loaded for a guest kernel.
 */
static void enter_hyp_slots(pte_t *l4)
{
	memcpy(&l4[HYP_FIRST_SLOT], &hyp_l4[HYP_FIRST_SLOT], (HYP_LAST_SLOT - HYP_FIRST_SLOT + 1) * sizeof(pte_t));
	l4[M2P_RO_SLOT] = 0;
}

int pv_validate_table(struct page_info *pg, unsigned int level, bool preemptible)
{
	const struct domain *d = domain_find(pg->owner);
	pte_t *t = page_to_virt(pg);
	int rc;

	if (level == 1)
		return validate_l1(d, pg, t, preemptible);
	rc = validate_entries(d, pg, t, level, preemptible);
	if (!rc && level == 4)
		enter_hyp_slots(t);
	return rc;
}

static void devalidate_l1(const struct domain *d, const pte_t *t, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i += 8) {
		if (!(any8(&t[i]) & PTE_P))
			continue;
		for (unsigned int j = i, end = min(i + 8, nr); j < end; j++)
			pv_put_l1e(d, t[j]);
	}
}

int pv_devalidate_table(struct page_info *pg, unsigned int level, bool preemptible)
{
	const struct domain *d = domain_find(pg->owner);
	pte_t *t = page_to_virt(pg);
	unsigned int worked = 0, i = pg->nr_validated;
	int rc = 0;

	if (level == 1) {
		devalidate_l1(d, t, i);
		pg->nr_validated = 0;
		return 0;
	}
	/* What our slots hold is not for a guest to read once the frame is plain data. */
	if (level == 4)
		memset(&t[HYP_FIRST_SLOT], 0, (HYP_LAST_SLOT - HYP_FIRST_SLOT + 1) * sizeof(pte_t));
	while (i && !rc) {
		if (!(i & 7) && !any8(&t[i - 8])) {
			i -= 8;
			continue;
		}
		if (!(t[--i] & PTE_P))
			continue;
		/* An interrupted subtree owns itself (PG_PARTIAL): this entry is done either way. */
		rc = pv_put_table_entry(t[i], preemptible);
		if (!rc && preemptible && ++worked % PREEMPT_EVERY == 0 && hypercall_preempt())
			rc = -ERESTART;
	}
	pg->nr_validated = i;
	return i ? rc : 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The p2m of a domain: the nested page table that the processor walks, 4 KiB, 2 MiB or 1 GiB an entry.
 *
 * Changes are made under d->hvm.lock. Lookup takes no lock: tables are freed with the domain only, and
 * what an entry says is a hint until a reference on the frame, checked against its owner, is held.
 *
 * An entry's references go when the entry goes, without waiting for TLBs: the frame's stamp has them
 * flushed before it gets another owner or role (mm/tlb.c). The guest itself must not see its old frame
 * after a call that took it away, which is what p2m_flush() is for.
 */
#include <xenolith/debug.h>
#include "hvm-private.h"

#define TABLE_FLAGS	(PTE_P | PTE_RW | PTE_US | PTE_A)
#define LEAF_FLAGS	(PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

static bool gfn_ok(unsigned long gfn)
{
	return gfn < BIT(min(x86.phys_bits, 48u) - PAGE_SHIFT);
}

static bool is_leaf(pte_t e, unsigned int level)
{
	return level == 1 || e & PTE_PSE;
}

/* The frames of an entry at @level. */
static unsigned long nr_frames(unsigned int level)
{
	return 1UL << 9 * (level - 1);
}

/* ---- lookup ---- */

static pte_t lookup(const struct domain *d, unsigned long gfn, mfn_t *m)
{
	const pte_t *table = d->hvm.root;
	pte_t e = 0;

	if (!gfn_ok(gfn))
		return 0;
	for (unsigned int level = 4; level; level--) {
		e = READ_ONCE(table[pt_index(gfn << PAGE_SHIFT, level)]);
		if (!(e & PTE_P))
			return 0;
		if (is_leaf(e, level)) {
			*m = mfn_add(pte_mfn(e), gfn & (nr_frames(level) - 1));
			break;
		}
		table = mfn_to_virt(pte_mfn(e));
	}
	return e;
}

struct page_info *p2m_get_page(struct domain *d, unsigned long gfn, bool write)
{
	mfn_t m;
	pte_t e = lookup(d, gfn, &m);
	struct page_info *pg = mfn_to_page(m);

	if (!(e & PTE_P) || (write && !(e & PTE_RW)))
		return NULL;
	if (write ? get_page_and_type(pg, d, PGT_WRITABLE, false) : !get_page(pg, d))
		return NULL;
	return pg;
}

unsigned long p2m_frame(const struct domain *d, unsigned long gfn)
{
	mfn_t m;

	return lookup(d, gfn, &m) & PTE_P ? mfn_x(m) : mfn_x(INVALID_MFN);
}

/* ---- tables ---- */

static pte_t *new_table(struct domain *d)
{
	pte_t *table;

	/* Enough for all memory it may have, and for a few regions apart; not for a table a frame. */
	if (d->hvm.nr_tables >= d->mm.max_pages / 256 + 256)
		return NULL;
	table = alloc_hyp_pages(0);
	d->hvm.nr_tables += table != NULL;
	return table;
}

/* A table in place of the superpage or of nothing at *@slot, which is of @level. */
static pte_t *deepen(struct domain *d, pte_t *slot, unsigned int level)
{
	pte_t *table = new_table(d), old = *slot;

	for (unsigned int i = 0; table && old & PTE_P && i < PT_ENTRIES; i++) {
		table[i] = old + (i * nr_frames(level - 1) << PAGE_SHIFT);
		if (level == 2)
			table[i] &= ~PTE_PSE;
	}
	if (table)
		WRITE_ONCE(*slot, pte_make(virt_to_mfn(table), TABLE_FLAGS));
	return table;
}

/* Lock held. The slot of @gfn at @level; NULL: no memory. */
static pte_t *find_slot(struct domain *d, unsigned long gfn, unsigned int level)
{
	pte_t *table = d->hvm.root;

	for (unsigned int l = 4; table; l--) {
		pte_t *slot = &table[pt_index(gfn << PAGE_SHIFT, l)];

		if (l == level)
			return slot;
		table = *slot & PTE_P && !is_leaf(*slot, l) ? mfn_to_virt(pte_mfn(*slot)) : deepen(d, slot, l);
	}
	return NULL;
}

/* ---- references ---- */

static int get_refs(struct domain *d, mfn_t m, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++) {
		if (!get_page_and_type(mfn_to_page(mfn_add(m, i)), d, PGT_WRITABLE, false))
			continue;
		while (i--)
			put_page_and_type(mfn_to_page(mfn_add(m, i)));
		return -EINVAL;
	}
	return 0;
}

static void put_refs(pte_t e, unsigned int level)
{
	struct page_info *pg = mfn_to_page(pte_mfn(e));

	for (unsigned long i = 0; e & PTE_P && i < nr_frames(level); i++) {
		if (e & PTE_RW)
			put_page_and_type(pg + i);
		else
			put_page(pg + i);
	}
}

/* ---- changes ---- */

/* Exchange one entry whose new references are held. */
static int set_entry(struct domain *d, unsigned long gfn, unsigned int level, pte_t new, pte_t *old)
{
	pte_t *slot;

	spin_lock(&d->hvm.lock);
	slot = find_slot(d, gfn, level);
	if (slot && level > 1 && *slot & PTE_P && !is_leaf(*slot, level)) {
		spin_unlock(&d->hvm.lock);
		return -EEXIST;
	}
	if (slot) {
		*old = xchg(slot, new);
		d->hvm.stale |= *old & PTE_P;
	}
	spin_unlock(&d->hvm.lock);
	return slot ? 0 : -ENOMEM;
}

static int add_at(struct domain *d, unsigned long gfn, mfn_t m, unsigned int level)
{
	pte_t old;
	int rc = get_refs(d, m, nr_frames(level));

	if (rc)
		return rc;
	rc = set_entry(d, gfn, level, pte_make(m, LEAF_FLAGS | (level > 1 ? PTE_PSE : 0)), &old);
	put_refs(rc ? pte_make(m, LEAF_FLAGS) : old, level);
	return rc;
}

/* Smaller entries that were there stay that. */
static int add_small(struct domain *d, unsigned long gfn, mfn_t m, unsigned long nr)
{
	int rc = 0;

	for (unsigned long i = 0; !rc && i < nr; i++)
		rc = add_at(d, gfn + i, mfn_add(m, i), 1);
	return rc;
}

int p2m_add(struct domain *d, unsigned long gfn, mfn_t m, unsigned int order)
{
	unsigned int level = order == 18 && x86.pge1g ? 3 : order >= 9 ? 2 : 1;
	int rc = 0;

	if (!gfn_ok(gfn + (1UL << order) - 1))
		return -EINVAL;
	if ((gfn | mfn_x(m)) & (nr_frames(level) - 1))
		level = 1;
	for (unsigned long i = 0, step = nr_frames(level); !rc && i < 1UL << order; i += step) {
		rc = add_at(d, gfn + i, mfn_add(m, i), level);
		if (rc == -EEXIST)
			rc = add_small(d, gfn + i, mfn_add(m, i), step);
	}
	return rc;
}

mfn_t p2m_remove(struct domain *d, unsigned long gfn)
{
	pte_t old;

	if (!gfn_ok(gfn) || set_entry(d, gfn, 1, 0, &old) || !(old & PTE_P))
		return INVALID_MFN;
	put_refs(old, 1);
	return pte_mfn(old);
}

/* Under the lock: who finds nothing left to flush must not go on before that is done. */
void p2m_flush(struct domain *d)
{
	spin_lock(&d->hvm.lock);
	if (d->hvm.stale)
		tlb_flush_mask(&d->dirty_cpus, TLB_ALL);
	d->hvm.stale = false;
	spin_unlock(&d->hvm.lock);
}

/* References of the granted frame are grant/'s, which also flushes. */
int p2m_map_grant(struct domain *d, u64 gpa, pte_t new, pte_t expect)
{
	pte_t e = new ? (new & (PTE_ADDR | PTE_RW | PTE_D)) | PTE_P | PTE_US | PTE_A : 0, *slot, old = 0;
	struct page_info *pg = mfn_to_page(pte_mfn(new));
	int rc = -ENOMEM;

	if (gpa & ~PAGE_MASK || !gfn_ok(gpa >> PAGE_SHIFT))
		return -EINVAL;
	if (new && pg->owner != d->id && !(pg->word & PG_FOREIGN))
		__atomic_or_fetch(&pg->word, PG_FOREIGN, __ATOMIC_SEQ_CST);
	spin_lock(&d->hvm.lock);
	slot = find_slot(d, gpa >> PAGE_SHIFT, 1);
	if (slot)
		rc = expect && (!(*slot & PTE_P) || (*slot ^ expect) & (PTE_ADDR | PTE_RW)) ? -EINVAL : 0;
	if (!rc)
		old = xchg(slot, e);
	spin_unlock(&d->hvm.lock);
	if (!rc && !expect && old & PTE_P) {
		put_refs(old, 1);
		tlb_flush_mask(&d->dirty_cpus, TLB_ALL);
	}
	return rc;
}

/* ---- life ---- */

int p2m_init(struct domain *d)
{
	spin_lock_init(&d->hvm.lock);
	d->hvm.root = alloc_hyp_pages(0);
	return d->hvm.root ? 0 : -ENOMEM;
}

static void free_tables(pte_t *table, unsigned int level)
{
	for (unsigned int i = 0; level > 1 && i < PT_ENTRIES; i++)
		if (table[i] & PTE_P && !is_leaf(table[i], level))
			free_tables(mfn_to_virt(pte_mfn(table[i])), level - 1);
	free_hyp_pages(table, 0);
}

void p2m_free(struct domain *d)
{
	if (d->hvm.root)
		free_tables(d->hvm.root, 4);
	d->hvm.root = NULL;
}

/* The slot that says what is at @gfn, and its level. */
static pte_t *walk(const struct domain *d, unsigned long gfn, unsigned int *level)
{
	pte_t *table = d->hvm.root;

	for (*level = 4; ; --*level) {
		pte_t *slot = &table[pt_index(gfn << PAGE_SHIFT, *level)];

		if (!(*slot & PTE_P) || is_leaf(*slot, *level))
			return slot;
		table = mfn_to_virt(pte_mfn(*slot));
	}
}

int hvm_domain_relinquish(struct domain *d)
{
	unsigned long *gfn = &d->hvm.relinquish_gfn;
	unsigned int level;

	if (!d->hvm.root)
		return 0;
	for (unsigned int done = 1; gfn_ok(*gfn); done++) {
		pte_t old, *slot;

		spin_lock(&d->hvm.lock);
		slot = walk(d, *gfn, &level);
		old = xchg(slot, 0);
		spin_unlock(&d->hvm.lock);
		put_refs(old, level);
		*gfn = (*gfn | (nr_frames(level) - 1)) + 1;
		if (done % 64 == 0 && hypercall_preempt())
			return -ERESTART;
	}
	return 0;
}

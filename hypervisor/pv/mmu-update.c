/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing entries of a guest's page tables: mmu_update, update_va_mapping.
 *
 * No lock is taken. A typed reference keeps the table a table; the new entry's references are
 * taken, the entry is exchanged, the old one's references are dropped. Whoever loses a race for
 * the entry starts again, so every value that ever stood in it was paid for.
 */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include "mmu.h"

int mmu_owner_get(struct mmu_owner *o, domid_t id)
{
	struct domain *self = current->domain;
	int rc;

	o->d = NULL;
	if (likely(id == DOMID_SELF || id == self->id)) {
		o->d = self;
		return 0;
	}
	if (id == DOMID_IO)
		return 0;
	o->d = domain_get(id);
	if (!o->d)
		return -ESRCH;
	rc = rights_foreign_map(self, o->d);
	if (rc)
		domain_put(o->d);
	return rc;
}

void mmu_owner_put(struct mmu_owner *o)
{
	if (o->d && o->d != current->domain)
		domain_put(o->d);
}

/* The owner of a frame that an entry maps: mostly @guess. */
static const struct domain *owner_of(const struct page_info *pg, const struct domain *guess)
{
	domid_t id = READ_ONCE(pg->owner);

	return likely(guess && guess->id == id) ? guess : domain_find(id);
}

/*
 * Same frame, same caching: only the right to write may change, and with it the type reference.
 * Nothing but the entry holds the frame, and another CPU may clear it at any time: references are
 * taken as for a new entry, and after the exchange those of the old one are dropped.
 */
static int mod_l1_rights(const struct domain *owner, pte_t *slot, pte_t *old, pte_t new)
{
	struct page_info *pg = mfn_to_page(pte_mfn(new));
	bool ram = mfn_valid(pte_mfn(new)) && pg->owner != DOMID_IO;
	bool gain = new & ~*old & PTE_RW, lose = *old & ~new & PTE_RW;
	int rc = 0;

	/* A frame got read-only from elsewhere, by a grant say, does not become writable here. */
	if (gain && ram) {
		rc = owner ? get_page_and_type(pg, owner, PGT_WRITABLE, true) : -EINVAL;
	} else if (lose && ram) {
		owner = owner_of(pg, owner);
		rc = owner && get_page(pg, owner) ? 0 : -EINVAL;
	}
	if (rc)
		return rc;
	if (!try_cmpxchg(slot, old, new)) {
		if (gain || lose)
			pv_put_l1e(NULL, new);
		return -EBUSY;
	}
	if (gain || lose)
		pv_put_l1e(NULL, gain ? new & ~PTE_RW : new | PTE_RW);
	return 0;
}

int pv_mod_l1e(const struct domain *d, const struct domain *owner, pte_t *slot, pte_t new,
	       bool preserve_ad, pte_t *expect)
{
	pte_t old = READ_ONCE(*slot), want;
	int rc;

	for (;;) {
		if (expect && old != *expect) {
			*expect = old;
			return -EBUSY;
		}
		want = new | (preserve_ad ? old & (PTE_A | PTE_D) : 0);
		if (!(new & PTE_P)) {
			if (!try_cmpxchg(slot, &old, want))
				continue;
			pv_put_l1e(d, old);
			return 0;
		}
		if (old & PTE_P && !((old ^ new) & (PTE_ADDR | PTE_CACHE_L1))) {
			rc = pv_adjust_l1e(d, &want);
			if (!rc)
				rc = mod_l1_rights(owner, slot, &old, want);
			if (rc != -EBUSY)
				return rc;
			continue;
		}
		rc = pv_get_l1e(d, owner, &want, true);
		if (unlikely(rc))
			return rc;
		if (try_cmpxchg(slot, &old, want)) {
			pv_put_l1e(d, old);
			return 0;
		}
		pv_put_l1e(d, want);
	}
}

static int mod_upper(const struct domain *d, unsigned int level, pte_t *slot, pte_t new,
		     bool preserve_ad)
{
	pte_t old = READ_ONCE(*slot), want;
	int rc;

	for (;;) {
		want = new | (preserve_ad ? old & (PTE_A | PTE_D) : 0);
		if (new & PTE_P) {
			/* Rights of an upper level decide about no reference. */
			if (old & PTE_P && !((old ^ new) & ~(PTE_HARMLESS | PTE_RW | PTE_US))) {
				if (try_cmpxchg(slot, &old, want | PTE_US))
					return 0;
				continue;
			}
			rc = pv_get_table_entry(d, level, &want, true);
			if (rc)
				return rc;
		}
		if (try_cmpxchg(slot, &old, want)) {
			/* Interrupted: current remembers the table, the update itself is done. */
			pv_put_table_entry(old, true);
			return 0;
		}
		/* Meanwhile ours may be the last reference to a tree. */
		rc = new & PTE_P ? pv_put_table_entry(want, true) : 0;
		if (rc)
			return rc;
	}
}

int pv_mod_entry(struct vcpu *v, struct page_info *table, unsigned int level, unsigned int slot,
		 const struct domain *owner, pte_t new, bool preserve_ad)
{
	const struct domain *d = owner_of(table, v->domain);
	pte_t *p = (pte_t *)page_to_virt(table) + slot;

	if (likely(level == 1))
		return pv_mod_l1e(d, owner, p, new, preserve_ad, NULL);
	if (level == 4 && slot >= HYP_FIRST_SLOT && slot <= HYP_LAST_SLOT)
		return -EINVAL;
	return mod_upper(d, level, p, new, preserve_ad);
}

/* ---- unfinished business of a vcpu ---- */

void pv_defer_put(struct page_info *pg)
{
	struct pv_vcpu *pv = &current->pv;

	/* No room: whoever wants the frame next unwinds it. Never here: any number may hang below. */
	if (pv->nr_deferred < ARRAY_SIZE(pv->deferred))
		pv->deferred[pv->nr_deferred++] = pg;
}

int pv_finish_put(struct vcpu *v)
{
	while (unlikely(v->pv.nr_deferred)) {
		if (page_drop_partial(v->pv.deferred[v->pv.nr_deferred - 1], true))
			return -ERESTART;
		v->pv.nr_deferred--;
	}
	return 0;
}

/* ---- mmu_update ---- */

struct update {
	struct vcpu *v;
	struct mmu_owner table_owner, frame_owner;
	struct page_info *table;	/* held, between updates of one table */
	unsigned long table_mfn;
	unsigned int level;
};

static void release_table(struct update *u)
{
	if (u->table && !put_page_and_type_fast(u->table))
		put_page_and_type_preemptible(u->table);
	u->table = NULL;
}

/* Into a frame that is no table (yet): an ordinary write, for which the frame must be writable. */
static int write_plain(struct update *u, struct page_info *pg, unsigned int slot, pte_t val)
{
	int rc = get_page_and_type(pg, u->table_owner.d, PGT_WRITABLE, true);

	if (rc)
		return rc;
	WRITE_ONCE(((pte_t *)page_to_virt(pg))[slot], val);
	put_page_and_type(pg);
	return 0;
}

/* An update in a table that is not held yet. */
static noinline int update_other(struct update *u, u64 ptr, pte_t val, bool preserve_ad)
{
	mfn_t m = mfn(ptr >> PAGE_SHIFT);
	struct page_info *pg = mfn_to_page(m);
	unsigned int slot = (ptr & ~PAGE_MASK) / sizeof(pte_t);

	release_table(u);
	u->table_mfn = ~0UL;
	if (unlikely(!mfn_valid(m) || !u->table_owner.d))
		return -EINVAL;
	if (likely(get_page_and_type_fast(pg, u->table_owner.d->id, PGT_L1)))
		u->level = 1;
	else if (unlikely(!get_table(pg, u->table_owner.d, &u->level)))
		return write_plain(u, pg, slot, val);
	u->table = pg;
	if (u->level == 1) {
		u->table_mfn = mfn_x(m);	/* only these take the short way */
		return pv_mod_l1e(u->table_owner.d, u->frame_owner.d, maddr_to_virt(ptr), val,
				  preserve_ad, NULL);
	}
	return pv_mod_entry(u->v, pg, u->level, slot, u->frame_owner.d, val, preserve_ad);
}

static __always_inline int update_entry(struct update *u, u64 ptr, pte_t val, bool preserve_ad)
{
	if (likely(ptr >> PAGE_SHIFT == u->table_mfn))
		return pv_mod_l1e(u->table_owner.d, u->frame_owner.d, maddr_to_virt(ptr), val,
				  preserve_ad, NULL);
	return update_other(u, ptr, val, preserve_ad);
}

static int update_m2p(struct update *u, u64 ptr, unsigned long pfn)
{
	mfn_t m = mfn(ptr >> PAGE_SHIFT);

	if (!mfn_valid(m) || !u->frame_owner.d || !get_page(mfn_to_page(m), u->frame_owner.d))
		return -EINVAL;
	set_m2p(m, pfn);
	put_page(mfn_to_page(m));
	return 0;
}

static __always_inline int update_one(struct update *u, const struct mmu_update *req)
{
	/* All bits below an entry's size name the operation: no entry is ever misaligned (XSA-227). */
	u64 ptr = req->ptr & -sizeof(pte_t);

	switch (req->ptr - ptr) {
	case MMU_NORMAL_PT_UPDATE:
	case MMU_PT_UPDATE_NO_TRANSLATE:
		return update_entry(u, ptr, req->val, false);
	case MMU_PT_UPDATE_PRESERVE_AD:
		return update_entry(u, ptr, req->val, true);
	case MMU_MACHPHYS_UPDATE:
		return update_m2p(u, ptr, req->val);
	}
	return -ENOSYS;
}

/* The high half of foreigndom names the tables' owner plus one (0: the caller), the low half the frames'. */
static int update_begin(struct update *u, unsigned long foreign)
{
	domid_t tables = foreign >> 16;
	int rc;

	u->table_mfn = ~0UL;
	if (likely(foreign == DOMID_SELF)) {
		u->table_owner.d = u->frame_owner.d = u->v->domain;
		return 0;
	}
	rc = mmu_owner_get(&u->table_owner, tables ? tables - 1 : DOMID_SELF);
	if (rc)
		return rc;
	rc = mmu_owner_get(&u->frame_owner, foreign);
	if (rc)
		mmu_owner_put(&u->table_owner);
	return rc;
}

static void update_end(struct update *u)
{
	release_table(u);
	mmu_owner_put(&u->frame_owner);
	mmu_owner_put(&u->table_owner);
}

/*
 * The caller's own page enters an empty slot of its own L1 table: what a page fault ends with.
 * False: nothing happened, or not that case.
 */
static __always_inline bool fill_empty_slot(const struct domain *d, const struct mmu_update *req)
{
	mfn_t table = mfn(req->ptr >> PAGE_SHIFT), frame = pte_mfn(req->val);
	pte_t *slot = maddr_to_virt(req->ptr), old, want = req->val;
	bool done = false;

	if (unlikely(req->ptr & 7 || !mfn_valid(table) || !mfn_valid(frame) ||
		     (want & (PTE_P | PTE_RW | PTE_CACHE_L1)) != (PTE_P | PTE_RW) ||
		     pv_adjust_l1e(d, &want) ||
		     !get_page_and_type_fast(mfn_to_page(table), d->id, PGT_L1)))
		return false;
	old = READ_ONCE(*slot);
	if (likely(!(old & PTE_P) &&
		   get_page_and_type_fast(mfn_to_page(frame), d->id, PGT_WRITABLE))) {
		done = try_cmpxchg(slot, &old, want);
		if (unlikely(!done))
			put_page_and_type(mfn_to_page(frame));
	}
	if (unlikely(!put_page_and_type_fast(mfn_to_page(table))))
		put_page_and_type_preemptible(mfn_to_page(table));
	return done;
}

static noinline long update_batch(unsigned long reqs, unsigned long count, unsigned long done,
				  unsigned long foreign);

long do_mmu_update(unsigned long reqs, unsigned long count, unsigned long done, unsigned long foreign,
		   unsigned long a5)
{
	struct mmu_update req;

	if (likely(count == 1 && foreign == DOMID_SELF && !done && !current->pv.nr_deferred) &&
	    likely(!copy_in(&req, reqs)) && likely(fill_empty_slot(current->domain, &req)))
		return 0;
	return update_batch(reqs, count, done, foreign);
}

static noinline long update_batch(unsigned long reqs, unsigned long count, unsigned long done,
				  unsigned long foreign)
{
	struct update u = { .v = current, .table = NULL };
	unsigned int nr_done = 0, i;
	bool resumed = count & MMU_UPDATE_PREEMPTED;
	struct mmu_update req;
	long rc;

	count = (u32)count & ~MMU_UPDATE_PREEMPTED;
	if (unlikely(u.v->pv.nr_deferred) && pv_finish_put(u.v))
		return hypercall_continue(__HYPERVISOR_mmu_update, reqs, count | MMU_UPDATE_PREEMPTED,
					  done, foreign, 0);
	if (unlikely(resumed && done && copy_in(&nr_done, done)))
		return -EFAULT;
	rc = update_begin(&u, foreign);
	if (unlikely(rc))
		return rc;
	for (i = 0; i < count; i++) {
		if (unlikely((i % 16 == 15 && hypercall_preempt()) || u.v->pv.nr_deferred)) {
			rc = -ERESTART;
			break;
		}
		if (unlikely(copy_in(&req, reqs + i * sizeof(req)))) {
			rc = -EFAULT;
			break;
		}
		rc = update_one(&u, &req);
		if (unlikely(rc))
			break;
	}
	update_end(&u);
	nr_done += i;
	if (done && copy_out(done, &nr_done))
		rc = -EFAULT;
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_mmu_update, reqs + i * sizeof(req),
					  (count - i) | MMU_UPDATE_PREEMPTED, done, foreign, 0);
	return rc;
}

/* ---- update_va_mapping ---- */

pte_t *pv_find_l1e(const struct vcpu *v, unsigned long va, struct page_info **table)
{
	unsigned int level;
	mfn_t m;

	if (!pv_find_l1_table(v, va, &m))
		return NULL;
	*table = mfn_to_page(m);
	if (!get_table(*table, v->domain, &level))
		return NULL;
	if (level != 1) {
		put_page_and_type(*table);
		return NULL;
	}
	return (pte_t *)page_to_virt(*table) + pt_index(va, 1);
}

static int flush_after(unsigned long va, unsigned long flags)
{
	struct vcpu *v = current;
	unsigned long what = flags & UVMF_FLUSHTYPE_MASK;
	unsigned long target = flags & ~UVMF_FLUSHTYPE_MASK;
	cpumask_t mask;
	int rc;

	if (what == UVMF_NONE)
		return 0;
	if (what != UVMF_TLB_FLUSH && what != UVMF_INVLPG)
		return -EINVAL;
	if (what == UVMF_TLB_FLUSH)
		va = TLB_ALL;
	if (target == UVMF_LOCAL) {
		mask = cpumask_of(smp_cpu());
	} else if (target == UVMF_ALL) {
		mask = v->domain->dirty_cpus;
	} else {
		rc = pv_vcpus_to_cpus(v->domain, target, &mask);
		if (rc)
			return rc;
	}
	tlb_flush_mask(&mask, va);
	return 0;
}

static long update_va(unsigned long va, pte_t new, unsigned long flags, const struct domain *owner)
{
	struct vcpu *v = current;
	struct page_info *table;
	pte_t *slot;
	int rc, frc;

	slot = pv_find_l1e(v, va, &table);
	if (unlikely(!slot))
		return -EINVAL;
	rc = pv_mod_l1e(v->domain, owner, slot, new, false, NULL);
	put_page_and_type_preemptible(table);
	if (unlikely(rc == -ERESTART))
		return rc;
	frc = flush_after(va, flags);
	return rc ? rc : frc;
}

/* The table that a frame was is still being taken apart: by @v, or by whoever wants the frame. */
static bool must_finish(struct vcpu *v)
{
	return unlikely(v->pv.nr_deferred) && pv_finish_put(v);
}

long do_update_va_mapping(unsigned long va, unsigned long pte, unsigned long flags, unsigned long a4,
			  unsigned long a5)
{
	long rc = must_finish(current) ? -ERESTART : update_va(va, pte, flags, current->domain);

	if (unlikely(rc == -ERESTART))
		return hypercall_continue(__HYPERVISOR_update_va_mapping, va, pte, flags, 0, 0);
	return rc;
}

long do_update_va_mapping_otherdomain(unsigned long va, unsigned long pte, unsigned long flags,
				      unsigned long domid, unsigned long a5)
{
	struct mmu_owner o;
	long rc = mmu_owner_get(&o, domid);

	if (rc)
		return rc;
	rc = must_finish(current) ? -ERESTART : update_va(va, pte, flags, o.d);
	mmu_owner_put(&o);
	if (unlikely(rc == -ERESTART))
		return hypercall_continue(__HYPERVISOR_update_va_mapping_otherdomain, va, pte, flags,
					  domid, 0);
	return rc;
}

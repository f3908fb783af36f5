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
#include <xenolith/entry.h>
#include "mmu.h"

int mmu_owner_get(struct domain **d, domid_t id)
{
	struct domain *self = current->domain;
	int rc;

	*d = id == DOMID_IO ? NULL : self;
	if (likely(id == DOMID_SELF || id == self->id || id == DOMID_IO))
		return 0;
	*d = domain_get(id);
	if (!*d)
		return -ESRCH;
	rc = rights_foreign_map(self, *d);
	if (rc)
		domain_put(*d);
	return rc;
}

void mmu_owner_put(struct domain *d)
{
	if (d && d != current->domain)
		domain_put(d);
}

static __always_inline int put_entry(const struct domain *d, unsigned int level, pte_t e)
{
	if (level > 1)
		return pv_put_table_entry(e, true);
	pv_put_l1e(d, e);
	return 0;
}

/*
 * An entry of a table of @level becomes @new. Where that gives the same access to the same frame only bits change; else
 * the references of the new entry are taken first and those of the old one dropped last.
 */
static __always_inline int mod_entry(const struct domain *d, const struct domain *owner, unsigned int level,
				     pte_t *slot, pte_t new, bool preserve_ad, pte_t *expect)
{
	/* Rights of an upper level decide about no reference. */
	const u64 decisive = level == 1 ? PTE_P | PTE_ADDR | PTE_CACHE_L1 | PTE_RW : ~(PTE_HARMLESS | PTE_RW | PTE_US);
	pte_t old = READ_ONCE(*slot), want;
	bool same;
	int rc;

	for (;;) {
		if (expect && old != *expect) {
			*expect = old;
			return -EBUSY;
		}
		want = new | (preserve_ad ? old & (PTE_A | PTE_D) : 0);
		same = want & PTE_P && !((old ^ want) & decisive);
		if (same)
			rc = level == 1 ? pv_adjust_l1e(d, &want) : pv_adjust_table_entry(&want);
		else if (want & PTE_P)
			rc = level == 1 ? pv_get_l1e(d, owner, &want, true) : pv_get_table_entry(d, level, &want, true);
		else
			rc = 0;
		if (unlikely(rc))
			return rc;
		if (try_cmpxchg(slot, &old, want)) {
			if (level == 4 && entry_isolated())
				entry_root_update(slot);
			/* Interrupted: current remembers the table, the update itself is done. */
			if (!same)
				put_entry(d, level, old);
			return 0;
		}
		/* Meanwhile ours may be the last reference to a tree. */
		rc = same ? 0 : put_entry(d, level, want);
		if (rc)
			return rc;
	}
}

static noinline int mod_l1e(const struct domain *d, const struct domain *owner, pte_t *slot, pte_t new, bool preserve_ad,
			    pte_t *expect)
{
	return mod_entry(d, owner, 1, slot, new, preserve_ad, expect);
}

int pv_mod_l1e(const struct domain *d, const struct domain *owner, pte_t *slot, pte_t new, bool preserve_ad, pte_t *expect)
{
	pte_t old = READ_ONCE(*slot);

	if (likely(owner == d && (!expect || old == *expect) &&
		   pv_try_l1e(d, slot, old, new | (preserve_ad ? old & (PTE_A | PTE_D) : 0))))
		return 0;
	return mod_l1e(d, owner, slot, new, preserve_ad, expect);
}

static noinline int mod_upper(const struct domain *d, unsigned int level, pte_t *slot, pte_t new, bool preserve_ad)
{
	unsigned int i = ((unsigned long)slot & ~PAGE_MASK) / sizeof(pte_t);

	if (level == 4 && i >= HYP_FIRST_SLOT && i <= HYP_LAST_SLOT)
		return -EINVAL;
	return mod_entry(d, NULL, level, slot, new, preserve_ad, NULL);
}

/* ---- unfinished business of a vcpu ---- */

void pv_defer_put(struct page_info *pg)
{
	struct pv_vcpu *pv = &current->pv;

	/* No room: whoever wants the frame next unwinds it, or its domain's end. Never here: any number may hang below. */
	if (pv->nr_deferred < ARRAY_SIZE(pv->deferred))
		pv->deferred[pv->nr_deferred++] = pg;
	else
		WRITE_ONCE(domain_find(pg->owner)->mm.undriven, true);
}

int pv_finish_put(struct vcpu *v)
{
	while (unlikely(v->pv.nr_deferred)) {
		struct page_info *pg = v->pv.deferred[--v->pv.nr_deferred];

		/* What hangs below it may have been remembered meanwhile, whether it is done or not. */
		if (page_drop_partial(pg, true)) {
			pv_defer_put(pg);
			return -ERESTART;
		}
	}
	return 0;
}

/* ---- mmu_update ---- */

static void release_table(struct mmu_batch *b)
{
	if (b->table)
		pv_put_table(b->table);
	b->table = NULL;
	b->l1 = NO_L1;
}

/* What is no table (yet) takes an ordinary write, for which it must be memory that the guest may write. */
static noinline int hold_table(struct mmu_batch *b, mfn_t m)
{
	struct page_info *pg = mfn_to_page(m);
	int rc;

	release_table(b);
	if (unlikely(!mfn_valid(m) || !b->table_owner))
		return -EINVAL;
	if (likely(get_page_and_type_fast(pg, b->table_owner->id, PGT_L1))) {
		b->level = 1;
		if (likely(b->owner == b->table_owner))
			b->l1 = mfn_x(m) << PAGE_SHIFT;
	} else if (!get_table(pg, b->table_owner, &b->level)) {
		b->level = 0;
		rc = get_page_and_type(pg, b->table_owner, PGT_WRITABLE, true);
		if (rc)
			return rc;
	}
	b->table = pg;
	return 0;
}

static int update_m2p(struct mmu_batch *b, u64 ptr, unsigned long pfn)
{
	mfn_t m = mfn(ptr >> PAGE_SHIFT);

	if (!mfn_valid(m) || !b->owner || !get_page(mfn_to_page(m), b->owner))
		return -EINVAL;
	set_m2p(m, pfn);
	put_page(mfn_to_page(m));
	return 0;
}

#define PT_UPDATES	(BIT(MMU_NORMAL_PT_UPDATE) | BIT(MMU_PT_UPDATE_PRESERVE_AD) | BIT(MMU_PT_UPDATE_NO_TRANSLATE))

/* Frames of a hardware-assisted domain go by its own numbers, unless they come from acquire_resource. */
static int translate_foreign(const struct domain *owner, pte_t *e)
{
	mfn_t m;

	if (!owner || !owner->is_hvm || !(*e & PTE_P))
		return 0;
	m = mfn(domain_frame(owner, mfn_x(pte_mfn(*e))));
	if (!mfn_valid(m))
		return -EINVAL;
	*e = (*e & ~PTE_ADDR) | mfn_x(m) << PAGE_SHIFT;
	return 0;
}

static noinline int mod_foreign(const struct mmu_batch *b, pte_t *slot, pte_t new, u64 cmd)
{
	int rc = cmd == MMU_PT_UPDATE_NO_TRANSLATE ? 0 : translate_foreign(b->owner, &new);

	return rc ?: pv_mod_l1e(b->table_owner, b->owner, slot, new, cmd == MMU_PT_UPDATE_PRESERVE_AD, NULL);
}

static __always_inline int update_one(struct mmu_batch *b, const void *request)
{
	const struct mmu_update *req = request;
	/* All bits below an entry's size name the operation: no entry is ever misaligned (XSA-227). */
	u64 ptr = req->ptr & -sizeof(pte_t), cmd = req->ptr - ptr;
	bool preserve_ad = cmd == MMU_PT_UPDATE_PRESERVE_AD;
	mfn_t m = mfn(ptr >> PAGE_SHIFT);
	pte_t *slot = maddr_to_virt(ptr);
	int rc;

	if (cmd == MMU_MACHPHYS_UPDATE)
		return update_m2p(b, ptr, req->val);
	if (unlikely(!(BIT(cmd) & PT_UPDATES)))
		return -ENOSYS;
	if (b->table != mfn_to_page(m)) {
		rc = hold_table(b, m);
		if (unlikely(rc))
			return rc;
	}
	if (unlikely(b->owner != b->table_owner && b->level == 1))
		return mod_foreign(b, slot, req->val, cmd);
	if (likely(b->level == 1))
		return pv_mod_l1e(b->table_owner, b->owner, slot, req->val, preserve_ad, NULL);
	if (b->level)
		return mod_upper(b->table_owner, b->level, slot, req->val, preserve_ad);
	WRITE_ONCE(*slot, req->val);
	return 0;
}

/* @foreign names the frames' owner, and in its high half the tables' plus one (0: the caller). */
static int batch_begin(struct mmu_batch *b, u32 foreign)
{
	domid_t tables = foreign >> 16;
	int rc;

	b->owner = b->table_owner = b->v->domain;
	if (likely(foreign == DOMID_SELF))
		return 0;
	rc = mmu_owner_get(&b->table_owner, tables ? tables - 1 : DOMID_SELF);
	if (rc)
		return rc;
	rc = mmu_owner_get(&b->owner, foreign);
	if (rc)
		mmu_owner_put(b->table_owner);
	return rc;
}

static void batch_end(struct mmu_batch *b)
{
	release_table(b);
	if (likely(b->owner == b->v->domain && b->table_owner == b->owner))
		return;
	mmu_owner_put(b->owner);
	mmu_owner_put(b->table_owner);
}

#define RUN	16u		/* requests without a look at what else there is to do */

/* Requests of @size bytes at @reqs go to @run as many as it does, others to @one until one fails; in between all may pause. */
static __always_inline long run_batch(unsigned int op, size_t size,
				      unsigned int (*run)(struct mmu_batch *, unsigned long, unsigned int),
				      int (*one)(struct mmu_batch *, const void *), unsigned long reqs,
				      unsigned long count, unsigned long done, u32 foreign)
{
	struct mmu_batch b = { .v = current, .l1 = NO_L1 };
	unsigned int nr_done = 0, i = 0, n;
	bool resumed = count & MMU_UPDATE_PREEMPTED;
	u64 req[3];
	long rc;

	count = (u32)count & ~MMU_UPDATE_PREEMPTED;
	if (unlikely(pv_finish_put(b.v)))
		return hypercall_continue(op, reqs, count | MMU_UPDATE_PREEMPTED, done, foreign, 0);
	if (unlikely(resumed && done && copy_in(&nr_done, done)))
		return -EFAULT;
	rc = batch_begin(&b, foreign);
	if (unlikely(rc))
		goto out;		/* the guest must hear that nothing was done: Linux goes on from there */
	for (; i < count && !rc; i += n) {
		if (i && (hypercall_preempt() || pv_finish_put(b.v))) {
			rc = -ERESTART;
			break;
		}
		n = run ? run(&b, reqs + i * size, count - i) : 0;
		if (n)
			continue;
		rc = copy_from_guest(req, guest_ptr(reqs + i * size), size) ?: one(&b, req);
		n = !rc;
	}
	batch_end(&b);
out:
	nr_done += i;
	if (done && copy_out(done, &nr_done))
		rc = -EFAULT;
	if (rc == -ERESTART)
		return hypercall_continue(op, reqs + i * size, (count - i) | MMU_UPDATE_PREEMPTED, done, foreign, 0);
	return rc;
}

/* What the request at @reqs asks for, in an L1 table that is held: the common cases. @l1: the table's address. */
static __always_inline bool update_l1e(const struct domain *d, const struct mmu_update *req, u64 l1)
{
	u64 cmd = (req->ptr & ~(PAGE_SIZE - sizeof(pte_t))) ^ l1;
	pte_t *slot = maddr_to_virt(req->ptr - cmd), old = READ_ONCE(*slot);
	pte_t keep = cmd == MMU_PT_UPDATE_PRESERVE_AD ? old & (PTE_A | PTE_D) : 0;

	return pv_try_l1e(d, slot, old, req->val | keep);
}

/* The same for the frames of another domain: a new entry of a PV guest's, as who builds it or maps its pages makes it. */
static __always_inline bool fill_foreign(const struct mmu_batch *b, const struct mmu_update *req)
{
	pte_t *slot = maddr_to_virt(req->ptr & -sizeof(pte_t)), old = READ_ONCE(*slot);

	if (b->level != 1 || !b->owner || b->owner->is_hvm || old || (req->val & (PTE_P | PTE_CACHE_L1)) != PTE_P)
		return false;
	return pv_fill_l1e(b->owner, slot, old, pv_derive_l1e(req->val), true);
}

#define COMMON_UPDATE(cmd)	(!((cmd) & ~(u64)MMU_PT_UPDATE_PRESERVE_AD))	/* that, or MMU_NORMAL_PT_UPDATE */

/* At most @n requests, as many as are common cases: of L1 tables, and of memory that is to become one. */
static noinline unsigned int update_run(struct mmu_batch *b, unsigned long reqs, unsigned int n)
{
	const struct domain *d = b->table_owner;
	struct mmu_update req;
	unsigned int i;
	mfn_t m;

	for (i = 0; i < min(n, RUN); i++) {
		if (unlikely(copy_in(&req, reqs + i * sizeof(req))))
			break;
		if (!COMMON_UPDATE((req.ptr & ~(PAGE_SIZE - sizeof(pte_t))) ^ b->l1)) {
			m = mfn(req.ptr >> PAGE_SHIFT);
			if (!COMMON_UPDATE(req.ptr % sizeof(pte_t)) || (b->table != mfn_to_page(m) && hold_table(b, m)))
				break;
			if (!b->level) {
				WRITE_ONCE(*(pte_t *)maddr_to_virt(req.ptr & -sizeof(pte_t)), req.val);
				continue;
			}
			if (b->l1 == NO_L1) {
				if (!fill_foreign(b, &req))
					break;
				continue;
			}
		}
		if (unlikely(!update_l1e(d, &req, b->l1)))
			break;
	}
	return i;
}

static noinline long update_batch(unsigned long reqs, unsigned long count, unsigned long done, unsigned long foreign)
{
	return run_batch(__HYPERVISOR_mmu_update, sizeof(struct mmu_update), update_run, update_one, reqs, count, done, foreign);
}

/* A single update of the caller's own L1 table: what a page fault ends with. False: nothing happened, or not that case. */
static __always_inline bool update_single(const struct domain *d, unsigned long reqs)
{
	struct page_info *table;
	struct mmu_update req;
	bool done;

	if (unlikely(copy_in(&req, reqs) || !COMMON_UPDATE(req.ptr % sizeof(pte_t)) || !mfn_valid(mfn(req.ptr >> PAGE_SHIFT))))
		return false;
	table = mfn_to_page(mfn(req.ptr >> PAGE_SHIFT));
	if (unlikely(!get_page_and_type_fast(table, d->id, PGT_L1)))
		return false;
	done = update_l1e(d, &req, req.ptr & PAGE_MASK);
	pv_put_table(table);
	return done;
}

long do_mmu_update(unsigned long reqs, unsigned long count, unsigned long done, unsigned long foreign,
		   unsigned long a5)
{
	if (likely(count == 1 && foreign == DOMID_SELF && !done && !current->pv.nr_deferred) &&
	    likely(update_single(current->domain, reqs)))
		return 0;
	return update_batch(reqs, count, done, foreign);
}

long do_mmuext_op(unsigned long ops, unsigned long count, unsigned long done, unsigned long foreign, unsigned long a5)
{
	return run_batch(__HYPERVISOR_mmuext_op, sizeof(struct mmuext_op), NULL, pv_mmuext, ops, count, done, (domid_t)foreign);
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
	unsigned long what = flags & UVMF_FLUSHTYPE_MASK, where = flags & ~UVMF_FLUSHTYPE_MASK;

	if (what == UVMF_NONE)
		return 0;
	if (what != UVMF_TLB_FLUSH && what != UVMF_INVLPG)
		return -EINVAL;
	return pv_flush(what == UVMF_TLB_FLUSH ? TLB_ALL : va, where == UVMF_LOCAL ? FLUSH_LOCAL :
			where == UVMF_ALL ? FLUSH_ALL : FLUSH_VCPUS, where);
}

static int update_va(struct vcpu *v, unsigned long va, pte_t new, unsigned long flags, const struct domain *owner)
{
	struct page_info *table;
	pte_t *slot;
	int rc, frc;

	if (pv_finish_put(v))
		return -ERESTART;
	slot = pv_find_l1e(v, va, &table);
	if (unlikely(!slot))
		return -EINVAL;
	rc = pv_mod_l1e(v->domain, owner, slot, new, false, NULL);
	pv_put_table(table);
	if (unlikely(rc == -ERESTART))
		return rc;
	frc = flush_after(va, flags);
	return rc ?: frc;
}

long do_update_va_mapping_otherdomain(unsigned long va, unsigned long pte, unsigned long flags, unsigned long domid,
				      unsigned long a5)
{
	struct domain *owner;
	long rc = mmu_owner_get(&owner, domid);

	if (rc)
		return rc;
	rc = translate_foreign(owner, &pte) ?: update_va(current, va, pte, flags, owner);
	mmu_owner_put(owner);
	if (unlikely(rc == -ERESTART))
		return hypercall_continue(__HYPERVISOR_update_va_mapping_otherdomain, va, pte, flags, domid, 0);
	return rc;
}

long do_update_va_mapping(unsigned long va, unsigned long pte, unsigned long flags, unsigned long a4, unsigned long a5)
{
	return do_update_va_mapping_otherdomain(va, pte, flags, DOMID_SELF, 0);
}

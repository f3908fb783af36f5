/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of the PV MMU: validate.c, mmu-update.c, mmuext.c, ptwr.c, grant-map.c. */
#ifndef PV_MMU_H
#define PV_MMU_H

#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include <xenolith/mm.h>

/* Bits that make no difference to what an entry gives access to (XSA-148, XSA-182). */
#define PTE_HARMLESS	(PTE_A | PTE_D | PTE_AVAIL | PTE_NX | 0x7feUL << 52)
/* Bits that the hypervisor itself derives from PTE_US in a guest's L1 entry. */
#define PTE_DERIVED	(PTE_US | PTE_G | PTE_GUEST_KERNEL)

/* In the count of a continued batch: the done counter is to be read first (ABI). */
#define MMU_UPDATE_PREEMPTED	0x80000000u

/**
 * mmu_owner_get: whose frames an update may name: a domain, referenced until mmu_owner_put(), or (*@d NULL) device
 * memory only: DOMID_IO. 0, -ESRCH, -EPERM.
 */
int mmu_owner_get(struct domain **d, domid_t id);
void mmu_owner_put(struct domain *d);

/* A batch of mmu_update or mmuext_op under way. */
#define NO_L1		(~0UL)
struct mmu_batch {
	struct vcpu *v;
	struct domain *owner;		/* of the frames that requests name */
	struct domain *table_owner;	/* of the tables that they change */
	struct page_info *table;	/* held, between updates of one table */
	unsigned int level;		/* its; 0: memory that the guest may write itself */
	u64 l1;				/* its address if it is an L1 table and all frames are the caller's, else NO_L1 */
	bool flushed;			/* this CPU has loaded other tables, and dropped all TLB entries, in this batch */
};

/* Drop a reference taken for an update. What is interrupted is finished before our next operation. */
static inline void pv_put_table(struct page_info *pg)
{
	if (!put_page_and_type_fast(pg))
		put_page_and_type_preemptible(pg);
}

/** pv_mmuext: one request of mmuext_op, a struct mmuext_op. */
int pv_mmuext(struct mmu_batch *b, const void *request);

enum flush_where { FLUSH_LOCAL, FLUSH_VCPUS, FLUSH_ALL };
/** pv_flush: @va (TLB_ALL: everything) of current's domain from TLBs; @bitmap: guest address, of vcpus. 0, -EFAULT. */
int pv_flush(unsigned long va, enum flush_where where, unsigned long bitmap);
/** pv_set_l4: @v's tables for its kernel or @user mode become @m (0: none, user only), loaded if current. As get_page_type. */
int pv_set_l4(struct vcpu *v, bool user, mfn_t m);

/**
 * pv_get_table_entry: take the references of present entry *@e of an L2, L3 or L4 table; its bits become what we really set.
 * -ERESTART: interrupted; see mm.h. pv_adjust_table_entry: just the bits.
 */
int pv_adjust_table_entry(pte_t *e);
int pv_get_table_entry(const struct domain *d, unsigned int level, pte_t *e, bool preemptible);
int pv_put_table_entry(pte_t e, bool preemptible);
/**
 * pv_show_m2p: a validated L4 is loaded for a guest kernel (shows the read-only M2P) or for guest
 * user mode (hides it, always, as VMASST_TYPE_m2p_strict would). Not counted: who loads one table
 * in both roles decides by what it did last. The M2P is not mapped global, so loading CR3 flushes it.
 */
static inline void pv_show_m2p(struct page_info *l4, bool show)
{
	pte_t *slot = (pte_t *)page_to_virt(l4) + M2P_RO_SLOT;
	pte_t want = show ? hyp_l4[M2P_RO_SLOT] : 0;

	if (unlikely((*slot ^ want) & ~(PTE_A | PTE_D)))
		WRITE_ONCE(*slot, want);
}
/**
 * pv_mod_l1e: replace an L1 entry. @expect: NULL, or the value it must have (else -EBUSY and
 * *@expect says what it has); -ERESTART as above, nothing changed. Typed reference on the table held by the caller.
 */
int pv_mod_l1e(const struct domain *d, const struct domain *owner, pte_t *slot, pte_t new,
	       bool preserve_ad, pte_t *expect);
/** pv_find_l1e: the L1 entry that maps @va in current's tables, its table held (get_table). */
pte_t *pv_find_l1e(const struct vcpu *v, unsigned long va, struct page_info **table);

/*
 * The frame of the L1 table that maps @va in current's tables. Walking unreferenced tables is safe:
 * what is read there is only a hint, until get_table().
 */
static inline bool pv_find_l1_table(const struct vcpu *v, unsigned long va, mfn_t *m)
{
	pte_t e = v->pv.kernel_mode ? v->pv.kernel_cr3 : v->pv.user_cr3;

	if (!guest_addr_ok(va, 1) || !canonical(va))
		return false;
	for (unsigned int l = 4; l > 1; l--) {
		e = READ_ONCE(((pte_t *)maddr_to_virt(e & PTE_ADDR))[pt_index(va, l)]);
		if (!(e & PTE_P) || !mfn_valid(pte_mfn(e)))
			return false;
	}
	*m = pte_mfn(e);
	return true;
}

/* ---- references of an L1 entry: inline, this is the inner loop of everything ---- */

static inline bool pv_bad_address(pte_t e)
{
	return (e & PTE_ADDR) >> x86.phys_bits;
}

/* Guest bits to the bits we really set; -EINVAL when one is not allowed. */
static inline int pv_adjust_l1e(const struct domain *d, pte_t *e)
{
	bool kernel = !(*e & PTE_US) || *e & PTE_GUEST_KERNEL;

	if (unlikely(pv_bad_address(*e)))
		return -EINVAL;
	/* The guest kernel runs in ring 3 too. Its own pages must not outlive a mode switch in the TLB. */
	*e = (*e & ~PTE_DERIVED) | PTE_US | (kernel ? PTE_GUEST_KERNEL : PTE_G);
	return 0;
}

static inline bool pv_is_device(mfn_t m)
{
	return !mfn_valid(m) || mfn_to_page(m)->owner == DOMID_IO;
}

/* Caching other than write-back over RAM: only for those who drive devices, and remembered. */
static inline int pv_check_cache(const struct domain *d, struct page_info *pg, pte_t e)
{
	if (likely(!(e & PTE_CACHE_L1)))
		return 0;
	if (!d->is_hardware)
		return -EINVAL;
	__atomic_or_fetch(&pg->word, PG_NONCOHERENT, __ATOMIC_SEQ_CST);
	return 0;
}

/* Drop the references of an entry, of which @pg is the frame. */
static inline void pv_put_refs(struct page_info *pg, pte_t e)
{
	if (!(e & PTE_RW)) {
		if (!put_page_fast(pg))
			put_page(pg);
	} else if (!put_page_and_type_fast(pg)) {
		put_page_and_type(pg);
	}
}

static inline void pv_put_l1e(const struct domain *d, pte_t e)
{
	if (e & PTE_P && !unlikely(pv_is_device(pte_mfn(e))))
		pv_put_refs(mfn_to_page(pte_mfn(e)), e);
}

/*
 * The common cases of pv_mod_l1e(): frames are @d's, and references of at most one frame change. What an entry is to hold is
 * taken before it is exchanged: what @old held is ours only afterwards. False: nothing happened.
 */
static __always_inline bool pv_fill_l1e(const struct domain *d, pte_t *slot, pte_t old, pte_t new, bool foreign)
{
	struct page_info *pg = mfn_to_page(pte_mfn(new));

	if (unlikely(!mfn_valid(pte_mfn(new))) ||
	    unlikely(!(new & PTE_RW ? get_page_writable_fast(pg, d->id) : get_page_fast(pg, d->id))))
		return false;
	if (foreign && !(READ_ONCE(pg->word) & PG_FOREIGN))
		__atomic_or_fetch(&pg->word, PG_FOREIGN, __ATOMIC_SEQ_CST);
	if (likely(try_cmpxchg(slot, &old, new)))
		return true;
	pv_put_refs(pg, new);
	return false;
}

static __always_inline bool pv_change_rights(const struct domain *d, pte_t *slot, pte_t old, pte_t new)
{
	struct page_info *pg = mfn_to_page(pte_mfn(new));
	u64 word;

	if (unlikely((old ^ new) & PTE_ADDR))
		return false;
	if (!((old ^ new) & PTE_RW))
		return try_cmpxchg(slot, &old, new);
	if (unlikely(!mfn_valid(pte_mfn(new)) || READ_ONCE(pg->owner) != d->id))
		return false;
	if (new & PTE_RW) {
		if (unlikely(!get_page_writable_fast(pg, d->id)))
			return false;
		if (unlikely(!try_cmpxchg(slot, &old, new))) {
			pv_put_refs(pg, new);
			return false;
		}
		__atomic_sub_fetch(&pg->word, PG_COUNT_ONE, __ATOMIC_SEQ_CST);
		return true;
	}
	if (unlikely(!try_cmpxchg(slot, &old, new)))
		return false;
	word = READ_ONCE(pg->word);
	if (unlikely((word & PG_TYPE_COUNT_MASK) <= PG_TYPE_COUNT_ONE || !try_cmpxchg(&pg->word, &word, word - PG_TYPE_COUNT_ONE)))
		put_writable(pg);
	return true;
}

/* The bits that we really set; see pv_adjust_l1e(), which also looks at the address. */
static __always_inline pte_t pv_derive_l1e(pte_t e)
{
	return (e & ~PTE_DERIVED) | PTE_US | ((e & (PTE_US | PTE_GUEST_KERNEL)) == PTE_US ? PTE_G : PTE_GUEST_KERNEL);
}

static __always_inline bool pv_try_l1e(const struct domain *d, pte_t *slot, pte_t old, pte_t new)
{
	if (new & PTE_P) {
		if (unlikely(new & PTE_CACHE_L1))
			return false;
		new = pv_derive_l1e(new);
		return old & PTE_P ? pv_change_rights(d, slot, old, new) : pv_fill_l1e(d, slot, old, new, false);
	}
	if (unlikely(!try_cmpxchg(slot, &old, new)))
		return false;
	pv_put_l1e(d, old);
	return true;
}

/*
 * Take the references of present entry *@e (adjusted in place) mapping @owner's frame. -ERESTART
 * (only if @preemptible): the frame is a table that is still being taken apart.
 */
static inline int pv_get_l1e(const struct domain *d, const struct domain *owner, pte_t *e, bool preemptible)
{
	struct page_info *pg;
	mfn_t m;
	int rc = pv_adjust_l1e(d, e);

	if (unlikely(rc))
		return rc;
	m = pte_mfn(*e);
	if (unlikely(pv_is_device(m)))
		return domain_has((struct domain *)d, &d->io_frames, mfn_x(m), mfn_x(m)) ? 0 : -EINVAL;
	pg = mfn_to_page(m);
	if (unlikely(!owner))
		return -EINVAL;
	if (!(*e & PTE_RW))
		rc = get_page(pg, owner) ? 0 : -EINVAL;
	else if (!get_page_writable_fast(pg, owner->id))
		rc = get_page_and_type(pg, owner, PGT_WRITABLE, preemptible);
	if (unlikely(rc))
		return rc;
	rc = pv_check_cache(d, pg, *e);
	if (unlikely(rc)) {
		pv_put_l1e(d, *e);
		return rc;
	}
	if (unlikely(owner != d))
		__atomic_or_fetch(&pg->word, PG_FOREIGN, __ATOMIC_SEQ_CST);
	return 0;
}

#endif

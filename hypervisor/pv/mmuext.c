/* SPDX-License-Identifier: GPL-2.0-only */
/* mmuext_op: pinning, base pointers, flushes, whole-page operations. The batch itself is mmu-update.c's. */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/entry.h>
#include "mmu.h"

static int unpin(struct page_info *pg, const struct domain *d)
{
	bool pinned;

	if (!get_page(pg, d))
		return -EINVAL;
	pinned = __atomic_fetch_and(&pg->word, ~PG_PINNED, __ATOMIC_SEQ_CST) & PG_PINNED;
	/* The pin's references go; what is interrupted is finished before our next operation. */
	if (pinned)
		put_page_and_type_preemptible(pg);
	put_page(pg);
	return pinned ? 0 : -EINVAL;
}

static bool same_kernel_half(const pte_t *a, const pte_t *b)
{
	for (unsigned int i = HYP_LAST_SLOT + 1; i < PT_ENTRIES; i++)
		if ((a[i] ^ b[i]) & (PTE_ADDR | PTE_P))
			return false;
	return true;
}

/*
 * Is @pg a base that the guest names before it has pinned it? A preemptible kernel can be preempted in execve()
 * where the new address space is the task's already but not pinned yet; switching back to the task then loads it. The
 * kernel half is that of the tables in use, so the kernel goes on with those; its next step is to pin the new ones, and
 * load_early() loads them. It accesses no user memory before, and cannot go to user mode: there is no user base.
 */
static bool named_early(struct vcpu *v, bool user, struct page_info *pg)
{
	struct pv_vcpu *pv = &v->pv;
	bool early;

	if (v != current || !pv->kernel_l4 || !get_page(pg, v->domain))
		return false;
	early = user ? mfn_x(pv->early_l4[0]) :
		       same_kernel_half(page_to_virt(pg), page_to_virt(pv->kernel_l4));
	put_page(pg);
	if (!early)
		return false;
	pv->early_l4[user] = page_to_mfn(pg);
	pv->user_cr3 = 0;
	return true;
}

/* @flushed: all TLB entries have gone since the guest ran last. */
static __always_inline int set_l4(struct vcpu *v, bool user, mfn_t m, bool flushed)
{
	struct page_info **l4 = user ? &v->pv.user_l4 : &v->pv.kernel_l4, *old = *l4;
	struct page_info *pg = user && !mfn_x(m) ? NULL : mfn_to_page(m);
	u64 *cr3 = user ? &v->pv.user_cr3 : &v->pv.kernel_cr3;
	int rc;

	if (pg && !mfn_valid(m))
		return -EINVAL;
	if (pg && pg != old) {
		rc = get_page_and_type_fast(pg, v->domain->id, PGT_L4) ? 0 : get_page_and_type(pg, v->domain, PGT_L4, true);
		if (rc)
			return rc == -EINVAL && named_early(v, user, pg) ? 0 : rc;
	}
	v->pv.early_l4[user] = mfn(0);
	if (!user || (pg && pg != v->pv.kernel_l4))
		pv_show_m2p(pg, !user);
	*l4 = pg;
	*cr3 = mfn_x(m) << PAGE_SHIFT;
	if (v == current && pg && entry_isolated())
		entry_root_load(!user, *cr3);
	/* User tables are not loaded now: their next load flushes all but global entries, so do that here. */
	if (v == current && !user)
		tlb_load_cr3(*cr3);
	else if (v == current && old != pg && !flushed)
		tlb_flush_local();
	if (old && old != pg)
		pv_put_table(old);
	return 0;
}

int pv_set_l4(struct vcpu *v, bool user, mfn_t m)
{
	return user ? set_l4(v, true, m, false) : set_l4(v, false, m, false);
}

/* @m has become a pinned table: load it where it was asked for. */
static void load_early(struct vcpu *v, mfn_t m)
{
	for (unsigned int user = 0; user < 2; user++)
		if (unlikely(mfn_x(m) == mfn_x(v->pv.early_l4[user]) && mfn_x(m)))
			pv_set_l4(v, user, m);
}

static int pin(struct page_info *pg, const struct domain *d, unsigned int level)
{
	int rc = get_page_and_type(pg, d, (u64)level << PG_TYPE_SHIFT, true);

	if (rc)
		return rc;
	if (__atomic_fetch_or(&pg->word, PG_PINNED, __ATOMIC_SEQ_CST) & PG_PINNED) {
		put_page_and_type_preemptible(pg);
		return -EINVAL;
	}
	load_early(current, page_to_mfn(pg));
	return 0;
}

static int vcpus_to_cpus(const struct domain *d, unsigned long bitmap, cpumask_t *mask)
{
	unsigned long word = 0;

	*mask = (cpumask_t){ { 0 } };
	for (unsigned int id = 0; id < d->max_vcpus; id++) {
		unsigned int cpu;

		if (id % 64 == 0 && copy_in(&word, bitmap + id / 8))
			return -EFAULT;
		if (!(word >> (id % 64) & 1) || !d->vcpu[id])
			continue;
		cpu = READ_ONCE(d->vcpu[id]->dirty_cpu);
		if (cpu < NR_CPUS)
			mask->bits[cpu / 64] |= 1UL << (cpu % 64);
	}
	return 0;
}

int pv_flush(unsigned long va, enum flush_where where, unsigned long bitmap)
{
	const struct domain *d = current->domain;
	cpumask_t mask = d->dirty_cpus;

	if (where == FLUSH_LOCAL) {
		va == TLB_ALL ? tlb_flush_local() : tlb_flush_local_va(va);
		return 0;
	}
	if (where == FLUSH_VCPUS && vcpus_to_cpus(d, bitmap, &mask))
		return -EFAULT;
	tlb_flush_mask(&mask, va);
	return 0;
}

#define ONE_ADDRESS	4
static const u8 flushes[] = {
	[MMUEXT_TLB_FLUSH_LOCAL] = FLUSH_LOCAL,	[MMUEXT_INVLPG_LOCAL] = FLUSH_LOCAL | ONE_ADDRESS,
	[MMUEXT_TLB_FLUSH_MULTI] = FLUSH_VCPUS,	[MMUEXT_INVLPG_MULTI] = FLUSH_VCPUS | ONE_ADDRESS,
	[MMUEXT_TLB_FLUSH_ALL] = FLUSH_ALL,	[MMUEXT_INVLPG_ALL] = FLUSH_ALL | ONE_ADDRESS,
};

static int flush(const struct mmuext_op *op)
{
	unsigned long va = flushes[op->cmd] & ONE_ADDRESS ? op->arg1.linear_addr : TLB_ALL;

	if (va != TLB_ALL && !guest_addr_ok(va, 1))
		return 0;
	return pv_flush(va, flushes[op->cmd] & ~ONE_ADDRESS, (unsigned long)op->arg2.vcpumask.p) ? -EINVAL : 0;
}

static void wbinvd_here(void *arg)
{
	wbinvd();
}

static int flush_cache(const struct domain *d, bool global)
{
	cpumask_t here = cpumask_of(smp_cpu());

	if (!d->is_hardware)
		return -EACCES;
	smp_call(global ? &cpu_online_mask : &here, wbinvd_here, NULL);
	return 0;
}

/* Copy @from, or zeroes (NULL), over a page that the guest may write. */
static int fill_page(const struct domain *d, struct page_info *to, struct page_info *from)
{
	int rc;

	if (from && !get_page(from, d))
		return -EINVAL;
	rc = get_page_and_type(to, d, PGT_WRITABLE, true);
	if (!rc) {
		if (from)
			memcpy(page_to_virt(to), page_to_virt(from), PAGE_SIZE);
		else
			memset(page_to_virt(to), 0, PAGE_SIZE);
		put_page_and_type(to);
	}
	if (from)
		put_page(from);
	return rc;
}

/* Operations whose first argument is a frame of the domain that the call names. */
#define ON_FRAME	(BIT(MMUEXT_PIN_L1_TABLE) | BIT(MMUEXT_PIN_L2_TABLE) | BIT(MMUEXT_PIN_L3_TABLE) |	\
			 BIT(MMUEXT_PIN_L4_TABLE) | BIT(MMUEXT_UNPIN_TABLE) | BIT(MMUEXT_CLEAR_PAGE) | BIT(MMUEXT_COPY_PAGE))

/* What acts on the caller's own address space cannot be asked for on behalf of another domain. */
static bool for_caller(const struct mmu_batch *b)
{
	return likely(b->owner == b->v->domain);
}

static int new_base(struct mmu_batch *b, bool user, mfn_t m)
{
	int rc;

	if (!for_caller(b))
		return -EPERM;
	rc = user ? set_l4(b->v, true, m, b->flushed) : set_l4(b->v, false, m, false);
	/* Not where named_early() kept the old one. */
	if (!user && !rc && b->v->pv.kernel_l4 == mfn_to_page(m))
		b->flushed = true;
	return rc;
}

int pv_mmuext(struct mmu_batch *b, const void *request)
{
	const struct mmuext_op *op = request;
	mfn_t m = mfn(op->arg1.mfn);
	struct page_info *pg = mfn_to_page(m);

	/* Every switch of address spaces. */
	switch (op->cmd) {
	case MMUEXT_NEW_BASEPTR:
		return new_base(b, false, m);
	case MMUEXT_NEW_USER_BASEPTR:
		return new_base(b, true, m);
	}
	if (op->cmd > MMUEXT_NEW_BASEPTR && op->cmd < MMUEXT_NEW_USER_BASEPTR && !for_caller(b))
		return -EPERM;
	/* XSA-109: hardware-assisted domains have no tables of ours. */
	if (op->cmd < 64 && BIT(op->cmd) & ON_FRAME && (!mfn_valid(m) || !b->owner || b->owner->is_hvm))
		return -EINVAL;
	switch (op->cmd) {
	case MMUEXT_PIN_L1_TABLE ... MMUEXT_PIN_L4_TABLE:
		return pin(pg, b->owner, op->cmd - MMUEXT_PIN_L1_TABLE + 1);
	case MMUEXT_UNPIN_TABLE:
		return unpin(pg, b->owner);
	case MMUEXT_TLB_FLUSH_LOCAL ... MMUEXT_INVLPG_ALL:
		return flush(op);
	case MMUEXT_FLUSH_CACHE:
	case MMUEXT_FLUSH_CACHE_GLOBAL:
		return flush_cache(b->v->domain, op->cmd == MMUEXT_FLUSH_CACHE_GLOBAL);
	case MMUEXT_SET_LDT:
		return pv_set_ldt(b->v, op->arg1.linear_addr, op->arg2.nr_ents);
	case MMUEXT_CLEAR_PAGE:
		return fill_page(b->owner, pg, NULL);
	case MMUEXT_COPY_PAGE:
		m = mfn(op->arg2.src_mfn);
		return mfn_valid(m) ? fill_page(b->owner, pg, mfn_to_page(m)) : -EINVAL;
	case MMUEXT_MARK_SUPER:
	case MMUEXT_UNMARK_SUPER:
		return -EOPNOTSUPP;
	}
	return -ENOSYS;
}

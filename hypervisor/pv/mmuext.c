/* SPDX-License-Identifier: GPL-2.0-only */
/* mmuext_op: pinning, base pointers, flushes, whole-page operations. */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include "mmu.h"

struct ext {
	struct vcpu *v;
	struct mmu_owner owner;		/* of the frames named by arg1 */
};

static int pin(struct ext *x, mfn_t m, unsigned int level)
{
	struct page_info *pg = mfn_to_page(m);
	int rc;

	if (!mfn_valid(m) || !x->owner.d)
		return -EINVAL;
	rc = get_page_and_type(pg, x->owner.d, (u64)level << PG_TYPE_SHIFT, true);
	if (rc)
		return rc;
	if (__atomic_fetch_or(&pg->word, PG_PINNED, __ATOMIC_SEQ_CST) & PG_PINNED) {
		put_page_and_type_preemptible(pg);
		return -EINVAL;
	}
	return 0;
}

static int unpin(struct ext *x, mfn_t m)
{
	struct page_info *pg = mfn_to_page(m);

	if (!mfn_valid(m) || !x->owner.d || !get_page(pg, x->owner.d))
		return -EINVAL;
	if (!(__atomic_fetch_and(&pg->word, ~PG_PINNED, __ATOMIC_SEQ_CST) & PG_PINNED)) {
		put_page(pg);
		return -EINVAL;
	}
	/* The pin's references go; what is interrupted is finished before our next operation. */
	put_page_and_type_preemptible(pg);
	put_page(pg);
	return 0;
}

int pv_new_guest_cr3(struct vcpu *v, mfn_t m)
{
	struct page_info *pg = mfn_to_page(m), *old = v->pv.kernel_l4;
	int rc;

	if (old && mfn_eq(page_to_mfn(old), m)) {
		pv_show_m2p(old, true);
		tlb_load_cr3(v->pv.kernel_cr3);
		return 0;
	}
	if (!mfn_valid(m))
		return -EINVAL;
	rc = get_page_and_type_fast(pg, v->domain->id, PGT_L4) ? 0 :
	     get_page_and_type(pg, v->domain, PGT_L4, true);
	if (rc)
		return rc;
	pv_show_m2p(pg, true);
	v->pv.kernel_l4 = pg;
	v->pv.kernel_cr3 = mfn_x(m) << PAGE_SHIFT;
	tlb_load_cr3(v->pv.kernel_cr3);
	if (old && !put_page_and_type_fast(old))
		put_page_and_type_preemptible(old);
	return 0;
}

/* The user tables are not loaded now: their next load flushes all but global entries, so do that here. */
static int new_user_baseptr(struct vcpu *v, mfn_t m)
{
	struct page_info *pg = NULL, *old = v->pv.user_l4;
	int rc;

	if (mfn_x(m)) {
		if (!mfn_valid(m))
			return -EINVAL;
		pg = mfn_to_page(m);
		if (pg == old)
			return 0;
		rc = get_page_and_type_fast(pg, v->domain->id, PGT_L4) ? 0 :
		     get_page_and_type(pg, v->domain, PGT_L4, true);
		if (rc)
			return rc;
	}
	if (pg && pg != v->pv.kernel_l4)
		pv_show_m2p(pg, false);
	v->pv.user_l4 = pg;
	v->pv.user_cr3 = mfn_x(m) << PAGE_SHIFT;
	if (old) {
		tlb_flush_local();
		if (!put_page_and_type_fast(old))
			put_page_and_type_preemptible(old);
	}
	return 0;
}

int pv_vcpus_to_cpus(const struct domain *d, unsigned long bitmap, cpumask_t *mask)
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

static int flush_multi(struct ext *x, const struct mmuext_op *op, unsigned long va)
{
	cpumask_t mask;
	int rc = pv_vcpus_to_cpus(x->v->domain, (unsigned long)op->arg2.vcpumask.p, &mask);

	if (rc)
		return rc == -EFAULT ? -EINVAL : rc;
	tlb_flush_mask(&mask, va);
	return 0;
}

static void wbinvd_here(void *arg)
{
	wbinvd();
}

static int flush_cache(struct ext *x, bool global)
{
	if (!x->v->domain->is_hardware)
		return -EACCES;
	if (global)
		smp_call(&cpu_online_mask, wbinvd_here, NULL);
	else
		wbinvd();
	return 0;
}

static int clear_page(struct ext *x, mfn_t m)
{
	struct page_info *pg = mfn_to_page(m);
	int rc;

	if (!mfn_valid(m) || !x->owner.d)
		return -EINVAL;
	rc = get_page_and_type(pg, x->owner.d, PGT_WRITABLE, true);
	if (rc)
		return rc;
	memset(page_to_virt(pg), 0, PAGE_SIZE);
	put_page_and_type(pg);
	return 0;
}

static int copy_page(struct ext *x, mfn_t dst, mfn_t src)
{
	struct page_info *from = mfn_to_page(src);
	struct page_info *to = mfn_to_page(dst);
	int rc;

	if (!mfn_valid(src) || !mfn_valid(dst) || !x->owner.d || !get_page(from, x->owner.d))
		return -EINVAL;
	rc = get_page_and_type(to, x->owner.d, PGT_WRITABLE, true);
	if (rc) {
		put_page(from);
		return rc;
	}
	memcpy(page_to_virt(to), page_to_virt(from), PAGE_SIZE);
	put_page_and_type(to);
	put_page(from);
	return 0;
}

/* What acts on the caller's own address space cannot be asked for on behalf of another domain. */
static bool own_only(unsigned int cmd)
{
	return cmd >= MMUEXT_NEW_BASEPTR && cmd <= MMUEXT_NEW_USER_BASEPTR;
}

static int ext_one(struct ext *x, const struct mmuext_op *op)
{
	mfn_t m = mfn(op->arg1.mfn);

	if (own_only(op->cmd) && x->owner.d != x->v->domain)
		return -EPERM;
	switch (op->cmd) {
	case MMUEXT_PIN_L1_TABLE:
	case MMUEXT_PIN_L2_TABLE:
	case MMUEXT_PIN_L3_TABLE:
	case MMUEXT_PIN_L4_TABLE:
		return pin(x, m, op->cmd - MMUEXT_PIN_L1_TABLE + 1);
	case MMUEXT_UNPIN_TABLE:
		return unpin(x, m);
	case MMUEXT_NEW_BASEPTR:
		return pv_new_guest_cr3(x->v, m);
	case MMUEXT_NEW_USER_BASEPTR:
		return new_user_baseptr(x->v, m);
	case MMUEXT_TLB_FLUSH_LOCAL:
		tlb_flush_local();
		return 0;
	case MMUEXT_INVLPG_LOCAL:
		if (guest_addr_ok(op->arg1.linear_addr, 1))
			tlb_flush_local_va(op->arg1.linear_addr);
		return 0;
	case MMUEXT_TLB_FLUSH_MULTI:
		return flush_multi(x, op, TLB_ALL);
	case MMUEXT_INVLPG_MULTI:
		return guest_addr_ok(op->arg1.linear_addr, 1) ?
			flush_multi(x, op, op->arg1.linear_addr) : 0;
	case MMUEXT_TLB_FLUSH_ALL:
		tlb_flush_mask(&x->v->domain->dirty_cpus, TLB_ALL);
		return 0;
	case MMUEXT_INVLPG_ALL:
		if (guest_addr_ok(op->arg1.linear_addr, 1))
			tlb_flush_mask(&x->v->domain->dirty_cpus, op->arg1.linear_addr);
		return 0;
	case MMUEXT_FLUSH_CACHE:
		return flush_cache(x, false);
	case MMUEXT_FLUSH_CACHE_GLOBAL:
		return flush_cache(x, true);
	case MMUEXT_SET_LDT:
		return pv_set_ldt(x->v, op->arg1.linear_addr, op->arg2.nr_ents);
	case MMUEXT_CLEAR_PAGE:
		return clear_page(x, m);
	case MMUEXT_COPY_PAGE:
		return copy_page(x, m, mfn(op->arg2.src_mfn));
	case MMUEXT_MARK_SUPER:
	case MMUEXT_UNMARK_SUPER:
		return -EOPNOTSUPP;
	default:
		return -ENOSYS;
	}
}

long do_mmuext_op(unsigned long ops, unsigned long count, unsigned long done, unsigned long foreign,
		  unsigned long a5)
{
	struct ext x = { .v = current };
	bool resumed = count & MMU_UPDATE_PREEMPTED;
	unsigned int nr_done = 0, i;
	struct mmuext_op op;
	long rc;

	count = (u32)count & ~MMU_UPDATE_PREEMPTED;
	if (unlikely(x.v->pv.nr_deferred) && pv_finish_put(x.v))
		return hypercall_continue(__HYPERVISOR_mmuext_op, ops, count | MMU_UPDATE_PREEMPTED,
					  done, foreign, 0);
	if (unlikely(resumed && done && copy_in(&nr_done, done)))
		return -EFAULT;
	x.owner.d = x.v->domain;
	rc = likely(foreign == DOMID_SELF) ? 0 : mmu_owner_get(&x.owner, foreign);
	if (unlikely(rc))
		return rc;
	for (i = 0; i < count; i++) {
		if (i && (hypercall_preempt() || (x.v->pv.nr_deferred && pv_finish_put(x.v)))) {
			rc = -ERESTART;
			break;
		}
		if (unlikely(copy_in(&op, ops + i * sizeof(op)))) {
			rc = -EFAULT;
			break;
		}
		rc = ext_one(&x, &op);
		if (unlikely(rc))
			break;
	}
	mmu_owner_put(&x.owner);
	nr_done += i;
	if (done && copy_out(done, &nr_done))
		rc = -EFAULT;
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_mmuext_op, ops + i * sizeof(op),
					  (count - i) | MMU_UPDATE_PREEMPTED, done, foreign, 0);
	return rc;
}

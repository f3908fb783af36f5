// SPDX-License-Identifier: GPL-2.0-only
/*
 * Updates of page-table entries: one at a time, or, between the kernel's entering and leaving its lazy mode, together.
 *
 * A CPU's batch is written by the task that is in lazy mode there. Who is switched out leaves lazy mode before and enters it
 * again afterwards (the kernel does that), and interrupts neither add nor carry out anything: so a batch has one writer.
 * What the kernel still collects itself in lazy mode may be carried out before it leaves it: ours is done before each flush
 * of a TLB, and before a page-table page is given up.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <asm/paravirt.h>
#include <asm/xen/hypercall.h>
#include <asm/xen/page.h>
#include "mmu.h"

#define BATCH 64

struct batch {
	bool lazy;
	unsigned int nr;
	struct mmu_update update[BATCH];
};

static DEFINE_PER_CPU(struct batch, batches);

static void carry_out(struct batch *b)
{
	WARN_ONCE(HYPERVISOR_mmu_update(b->update, b->nr, NULL, DOMID_SELF) < 0, "the hypervisor refuses an update\n");
	b->nr = 0;
}

static notrace void batch_end(void)
{
	struct batch *b;

	if (!this_cpu_read(batches.nr) || !in_task())
		return;
	preempt_disable_notrace();
	b = this_cpu_ptr(&batches);
	if (b->nr)
		carry_out(b);
	preempt_enable_notrace();
}

static notrace void batch_add(const struct mmu_update *update)
{
	struct batch *b;

	preempt_disable_notrace();
	b = this_cpu_ptr(&batches);
	b->update[b->nr++] = *update;
	if (b->nr == BATCH)
		carry_out(b);
	preempt_enable_notrace();
}

/* Page tables lie in memory that the kernel has mapped for good, and are this domain's own. */
static __always_inline void update_entry(pte_t *ptep, pte_t pte, unsigned int how)
{
	struct mmu_update update = {
		.ptr = (xen_p2m_addr[__pa(ptep) >> PAGE_SHIFT] << PAGE_SHIFT) + offset_in_page(ptep) + how,
		.val = pte.pte,
	};

	if (this_cpu_read(batches.lazy) && in_task())
		batch_add(&update);
	else
		HYPERVISOR_mmu_update(&update, 1, NULL, DOMID_SELF);
}

notrace void mmu_set_pte(pte_t *ptep, pte_t pte)
{
	update_entry(ptep, pte, MMU_NORMAL_PT_UPDATE);
}

notrace void mmu_modify_prot_commit(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep, pte_t pte)
{
	update_entry(ptep, pte, MMU_PT_UPDATE_PRESERVE_AD);
}

/* --- around the kernel's own: what pv_ops names is still theirs ---------------------------------------------------------- */

notrace void mmu_lazy_enter(void)
{
	pv_ops.mmu.lazy_mode.enter();
	this_cpu_write(batches.lazy, true);
}

notrace void mmu_lazy_leave(void)
{
	batch_end();
	this_cpu_write(batches.lazy, false);
	pv_ops.mmu.lazy_mode.leave();
}

notrace void mmu_flush_tlb(void)
{
	batch_end();
	pv_ops.mmu.flush_tlb_user();
}

notrace void mmu_flush_tlb_one(unsigned long addr)
{
	batch_end();
	pv_ops.mmu.flush_tlb_one_user(addr);
}

notrace void mmu_flush_tlb_multi(const struct cpumask *cpus, const struct flush_tlb_info *info)
{
	batch_end();
	pv_ops.mmu.flush_tlb_multi(cpus, info);
}

notrace void mmu_release_pte(unsigned long pfn)
{
	batch_end();
	pv_ops.mmu.release_pte(pfn);
}

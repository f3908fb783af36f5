// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hardware-assisted domain flushes the TLBs of other CPUs.
 *
 *   the kernel's own   an interrupt for each CPU, and a wait until all have taken it: those whose vcpus wait for a processor
 *                      of the machine, too
 *   here               one hypercall: vcpus that run are made to leave their guests for a moment, the others are marked
 *
 * A CPU that was flushed so does not note it: the kernel flushes it once more when it comes to another address space, no more.
 * Lazy CPUs look by themselves before they go on, as ever. The interrupts stay where page tables are freed: walkers of tables
 * that take no lock (get_user_pages_fast()) hold tables by holding interrupts off, and only kernels that were born in a
 * domain free tables another way.
 */
#undef MODULE		/* what a flush is asked for is hidden from modules, although the per-CPU state is exported */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <asm/alternative.h>
#include <asm/paravirt.h>
#include <asm/processor.h>
#include <asm/tlbflush.h>
#include <xen/interface/xen.h>
#include <xen/interface/hvm/hvm_op.h>
#include "mmu.h"

/* In both flavours of a domain's signature: whose leaf it is, and what it says (the hypervisor's hvm.h). */
#define OURS "XenolithPort"
#define LEAF_OURS 6
#define FLUSH_MASK BIT(2)

#ifndef HVMOP_flush_tlbs
#define HVMOP_flush_tlbs 5
#endif

/* The ABI has it flush all when the mask is 0, and refuse what is none of its own. */
#define ALL_VCPUS 0UL
#define MASK_VCPUS 64

bool mmu_flush_available(void)
{
	u32 base = hypervisor_cpuid_base("XenVMMXenVMM", LEAF_OURS) ?: hypervisor_cpuid_base(OURS, LEAF_OURS), leaf[4];

	if (!base)
		return false;
	cpuid(base + LEAF_OURS, &leaf[0], &leaf[1], &leaf[2], &leaf[3]);
	return !memcmp(&leaf[1], OURS, sizeof(leaf) - sizeof(leaf[0])) && leaf[0] & FLUSH_MASK;
}

/* In place: one of the two kinds of kernels has no page of hypercalls. */
static __always_inline void flush_vcpus(unsigned long mask)
{
	unsigned long rax = __HYPERVISOR_hvm_op, cmd = HVMOP_flush_tlbs;

	asm volatile(ALTERNATIVE("vmcall", "vmmcall", X86_FEATURE_VMMCALL)
		     : "+a" (rax), "+D" (cmd), "+S" (mask) : : "rdx", "r8", "r10", "memory");
}

/* The number of a vcpu is that of its local APIC. */
static __always_inline bool wants_flush(int cpu)
{
	return cpu != smp_processor_id() && !READ_ONCE(per_cpu(cpu_tlbstate_shared.is_lazy, cpu));
}

notrace void mmu_flush_vcpus(const struct cpumask *cpus, const struct flush_tlb_info *info)
{
	unsigned long mask = 0;
	bool all = false;
	int cpu;

	if (info->freed_tables) {
		pv_ops.mmu.flush_tlb_multi(cpus, info);
		return;
	}
	for_each_cpu(cpu, cpus)
		if (wants_flush(cpu)) {
			u32 vcpu = cpu_physical_id(cpu);

			if (vcpu < MASK_VCPUS)
				mask |= BIT(vcpu);
			else
				all = true;
		}
	if (all || mask)
		flush_vcpus(all ? ALL_VCPUS : mask);
	if (cpumask_test_cpu(smp_processor_id(), cpus))
		pv_ops.mmu.flush_tlb_multi(cpumask_of(smp_processor_id()), info);
}

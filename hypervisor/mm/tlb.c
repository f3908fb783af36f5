/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLB and cache flushing.
 *
 * tlb_clock counts full flushes. Whoever drops the last reference to a frame stamps it with the
 * clock; a CPU that has flushed everything since cannot hold a stale entry for the frame, so the
 * flush before the frame's next use is often free (tlb_filter()).
 */
#include <xenolith/mm.h>
#include <xenolith/x86.h>

u64 tlb_clock = 1;
static DEFINE_PER_CPU(u64, flushed_at);

/* Toggling PGE drops global entries too (SDM vol. 3, 4.10.4.1). */
void tlb_flush_local(void)
{
	u64 t = __atomic_add_fetch(&tlb_clock, 1, __ATOMIC_SEQ_CST);
	unsigned long irq = irq_save(), cr4 = read_cr4();

	asm volatile("mov %0, %%cr4; mov %1, %%cr4"
		     :: "r" (cr4 & ~X86_CR4_PGE), "r" (cr4) : "memory");
	this_cpu(flushed_at) = t;
	cpu_info()->count[COUNT_FLUSH]++;
	irq_restore(irq);
}

u64 tlb_flushes(void)
{
	return this_cpu(flushed_at);
}

void tlb_load_cr3(paddr_t cr3)
{
	u64 t = __atomic_add_fetch(&tlb_clock, 1, __ATOMIC_SEQ_CST);
	unsigned long irq = irq_save(), cr4 = read_cr4();

	asm volatile("mov %0, %%cr4; mov %2, %%cr3; mov %1, %%cr4"
		     :: "r" (cr4 & ~X86_CR4_PGE), "r" (cr4), "r" (cr3) : "memory");
	this_cpu(flushed_at) = t;
	cpu_info()->count[COUNT_CR3]++;
	cpu_info()->count[COUNT_FLUSH]++;
	irq_restore(irq);
}

void tlb_flush_local_va(unsigned long va)
{
	invlpg(va);
	cpu_info()->count[COUNT_FLUSH_PAGE]++;
}

static void flush(void *va)
{
	if ((unsigned long)va == TLB_ALL)
		tlb_flush_local();
	else
		tlb_flush_local_va((unsigned long)va);
}

void tlb_flush_mask(const cpumask_t *mask, unsigned long va)
{
	cpu_info()->count[COUNT_FLUSH_REMOTE] += cpumask_weight(mask) - cpumask_test(mask, smp_cpu());
	smp_call(mask, flush, (void *)va);
}

void tlb_filter(cpumask_t *mask, u64 stamp)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		if (READ_ONCE(per_cpu(flushed_at, cpu)) > stamp)
			mask->bits[cpu / 64] &= ~(1UL << (cpu % 64));
}

void cache_flush_page(mfn_t m)
{
	char *p = mfn_to_virt(m);

	for (unsigned int i = 0; i < PAGE_SIZE; i += 64)
		asm volatile("clflush %0" : "+m" (p[i]));
	smp_mb();
}

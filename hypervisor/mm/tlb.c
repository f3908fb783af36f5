/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLB and cache flushing.
 *
 * tlb_clock counts full flushes. Whoever drops the last reference to a frame stamps it with the
 * clock; a CPU that has flushed everything since cannot hold a stale entry for the frame, so the
 * flush before the frame's next use is often free (tlb_filter()).
 */
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include <xenolith/entry.h>
#include <xenolith/mm.h>

u64 tlb_clock = 1;
static DEFINE_PER_CPU(u64, flushed_at);

static DEFINE_SPINLOCK(flush_lock);		/* one shootdown at a time; owns the next two */
static unsigned long flush_va;
static cpumask_t flush_pending;

/* Toggling PGE drops global entries too (SDM vol. 3, 4.10.4.1). */
void tlb_flush_local(void)
{
	u64 t = __atomic_add_fetch(&tlb_clock, 1, __ATOMIC_SEQ_CST);
	unsigned long irq = irq_save(), cr4 = read_cr4();

	asm volatile("mov %0, %%cr4; mov %1, %%cr4"
		     :: "r" (cr4 & ~X86_CR4_PGE), "r" (cr4) : "memory");
	this_cpu(flushed_at) = t;
	irq_restore(irq);
}

void tlb_load_cr3(paddr_t cr3)
{
	u64 t = __atomic_add_fetch(&tlb_clock, 1, __ATOMIC_SEQ_CST);
	unsigned long irq = irq_save(), cr4 = read_cr4();

	asm volatile("mov %0, %%cr4; mov %2, %%cr3; mov %1, %%cr4"
		     :: "r" (cr4 & ~X86_CR4_PGE), "r" (cr4), "r" (cr3) : "memory");
	this_cpu(flushed_at) = t;
	irq_restore(irq);
}

void tlb_flush_local_va(unsigned long va)
{
	invlpg(va);
}

static void flush_here(unsigned long va)
{
	if (va == TLB_ALL)
		tlb_flush_local();
	else
		tlb_flush_local_va(va);
}

static void flush_interrupt(struct cpu_regs *regs)
{
	apic_eoi();
	if (!cpumask_test(&flush_pending, smp_cpu()))
		return;
	flush_here(flush_va);
	/* Full barrier: the flush is done before tlb_flush_mask() sees the bit clear. */
	cpumask_clear(&flush_pending, smp_cpu());
}

void tlb_flush_mask(const cpumask_t *mask, unsigned long va)
{
	cpumask_t others = cpumask_and(mask, &cpu_online_mask);
	unsigned int cpu = smp_cpu();

	if (cpumask_test(&others, cpu)) {
		flush_here(va);
		cpumask_clear(&others, cpu);
	}
	if (cpumask_empty(&others))
		return;
	/* With interrupts off, two CPUs that flush each other would wait for ever. */
	ASSERT(irq_enabled());
	spin_lock(&flush_lock);
	flush_va = va;
	flush_pending = others;
	smp_mb();
	apic_send_ipi_mask(&others, VEC_TLB_FLUSH);
	while (READ_ONCE(flush_pending.bits[0]) | READ_ONCE(flush_pending.bits[1]))
		cpu_relax();
	spin_unlock(&flush_lock);
}

void tlb_filter(cpumask_t *mask, u64 stamp)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		if (READ_ONCE(per_cpu(flushed_at, cpu)) > stamp)
			mask->bits[cpu / 64] &= ~(1UL << (cpu % 64));
}

void tlb_init(void)
{
	entry_set_vector(VEC_TLB_FLUSH, flush_interrupt);
}

void cache_flush_page(mfn_t m)
{
	char *p = mfn_to_virt(m);

	for (unsigned int i = 0; i < PAGE_SIZE; i += 64)
		asm volatile("clflush %0" : "+m" (p[i]));
	smp_mb();
}

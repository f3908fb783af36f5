// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine's CPUs, and getting them to do something: run a function, look at their softirqs,
 * stop. Bring-up is boot/smp.c.
 */
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include <xenolith/entry.h>
#include <xenolith/x86.h>
#include "x86-private.h"

cpumask_t cpu_online_mask, cpu_present_mask;
unsigned int nr_cpus_present;
u32 cpu_apic_id[NR_CPUS], cpu_acpi_id[NR_CPUS];

static DEFINE_SPINLOCK(call_lock);		/* one call at a time; owns the next three */
static void (*call_fn)(void *arg);
static void *call_arg;
static cpumask_t call_pending;

static bool stopping;

static void call_interrupt(struct cpu_regs *regs)
{
	apic_eoi();
	if (!cpumask_test(&call_pending, smp_cpu()))
		return;
	call_fn(call_arg);
	/* Full barrier: what fn did is seen before the bit is. */
	cpumask_clear(&call_pending, smp_cpu());
}

static bool call_is_over(void)
{
	return !(READ_ONCE(call_pending.bits[0]) | READ_ONCE(call_pending.bits[1]));
}

/*
 * Processors do not lose interrupts, but emulators have (QEMU 7.2, while another processor changes the map of memory), and
 * then all would wait here for ever. Who has run fn does not run it again.
 */
#define PATIENCE 3		/* seconds */

static void ask_again(void)
{
	cpumask_t silent = call_pending;
	unsigned int cpu;

	for_each_cpu(cpu, &silent)
		printk_warn("CPU %u has not answered for %u seconds: asked again\n", cpu, PATIENCE);
	apic_send_ipi_mask(&silent, VEC_CALL_FUNCTION);
}

static void wait_for_others(void)
{
	u64 asked = rdtsc(), patience = tsc_khz * 1000UL * PATIENCE;

	while (!call_is_over()) {
		cpu_relax();
		if (rdtsc() - asked > patience) {
			ask_again();
			asked = rdtsc();
		}
	}
}

/*
 * With interrupts off two callers would wait for each other for ever. This CPU alone may be asked
 * in any state.
 */
void smp_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg)
{
	cpumask_t others = cpumask_and(mask, &cpu_online_mask);
	bool here = cpumask_test(&others, smp_cpu());
	unsigned long flags;

	cpumask_clear(&others, smp_cpu());
	if (!cpumask_empty(&others)) {
		ASSERT(irq_enabled());
		spin_lock(&call_lock);
		call_fn = fn;
		call_arg = arg;
		call_pending = others;
		smp_mb();		/* pairs with the interrupt's arrival */
		apic_send_ipi_mask(&others, VEC_CALL_FUNCTION);
	}
	if (here) {
		flags = irq_save();
		fn(arg);
		irq_restore(flags);
	}
	if (!cpumask_empty(&others)) {
		wait_for_others();
		spin_unlock(&call_lock);
	}
}

/* Softirqs and events are looked at on the way out of every interrupt. */
static void check_interrupt(struct cpu_regs *regs)
{
	apic_eoi();
}

void smp_kick(unsigned int cpu)
{
	apic_send_ipi(cpu, VEC_EVENT_CHECK);
}

void smp_nmi(void)
{
	if (likely(!READ_ONCE(stopping)))
		return;
	cpumask_clear(&cpu_online_mask, smp_cpu());
	for (;;)
		asm volatile("cli; hlt");
}

void smp_stop_others(void)
{
	if (xchg(&stopping, true))
		return;
	apic_send_nmi_others();
	/* Wait a moment for them: a CPU that is caught in NMI or SMM never answers. */
	for (unsigned int i = 0; i < 1000 && cpumask_weight(&cpu_online_mask) > 1; i++)
		udelay(10);
	cpu_online_mask = cpumask_of(smp_cpu());
}

void __init smp_init(void)
{
	entry_set_vector(VEC_EVENT_CHECK, check_interrupt);
	entry_set_vector(VEC_CALL_FUNCTION, call_interrupt);
}

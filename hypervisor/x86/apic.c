// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC, through its page of registers (xAPIC): inter-processor interrupts and the
 * one-shot timer. Destinations are always physical.
 */
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include <xenolith/entry.h>
#include <xenolith/mm.h>
#include <xenolith/sched.h>
#include <xenolith/x86.h>
#include "x86-private.h"

#define APIC_TPR	0x080
#define APIC_EOI	0x0b0
#define APIC_SVR	0x0f0
#define APIC_ISR	0x100
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define APIC_LVT_TIMER	0x320
#define APIC_LVT_LINT0	0x350
#define APIC_LVT_LINT1	0x360
#define APIC_LVT_ERROR	0x370
#define APIC_TIMER_INIT	0x380
#define APIC_TIMER_NOW	0x390
#define APIC_TIMER_DIV	0x3e0

#define SVR_ENABLE	BIT(8)
#define LVT_MASKED	BIT(16)
#define ICR_FIXED	0x000
#define ICR_NMI		0x400
#define ICR_INIT	0x500
#define ICR_STARTUP	0x600
#define ICR_BUSY	BIT(12)
#define ICR_ASSERT	BIT(14)
#define ICR_OTHERS	(BIT(19) | BIT(18))
#define BASE_X2APIC	BIT(10)
#define BASE_ENABLE	BIT(11)
#define DIVIDE_BY_1	0xb

static __ro_after_init volatile u32 *regs;
static __ro_after_init u64 timer_scale;		/* timer ticks per ns, 32 fraction bits */

static inline u32 apic_read(unsigned int reg)
{
	return regs[reg / 4];
}

static inline void apic_write(unsigned int reg, u32 val)
{
	regs[reg / 4] = val;
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

bool apic_in_service(u8 vector)
{
	return apic_read(APIC_ISR + vector / 32 * 16) >> vector % 32 & 1;
}

/* Interrupts stay off between the two halves: a handler may send IPIs too. */
static void send(u32 apic_id, u32 command)
{
	unsigned long flags = irq_save();

	while (apic_read(APIC_ICR) & ICR_BUSY)
		cpu_relax();
	apic_write(APIC_ICR2, apic_id << 24);
	apic_write(APIC_ICR, command);
	irq_restore(flags);
}

void apic_send_ipi(unsigned int cpu, u8 vector)
{
	send(cpu_apic_id[cpu], ICR_FIXED | ICR_ASSERT | vector);
}

void apic_send_ipi_mask(const cpumask_t *mask, u8 vector)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		apic_send_ipi(cpu, vector);
}

void apic_send_init(u32 apic_id)
{
	send(apic_id, ICR_INIT | ICR_ASSERT);
}

void apic_send_startup(u32 apic_id, u8 page)
{
	send(apic_id, ICR_STARTUP | ICR_ASSERT | page);
}

void apic_send_nmi_others(void)
{
	if (regs)			/* nothing before apic_init() */
		send(0, ICR_OTHERS | ICR_ASSERT | ICR_NMI);
}

static void timer_vector(struct cpu_regs *r)
{
	apic_eoi();
	timer_interrupt();
}

/*
 * Everything but the timer and (on the boot CPU, as firmware wired it) NMI is masked: LINT0
 * carries the 8259, which is off. x2APIC mode can only be left by way of "disabled".
 */
void apic_init(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	if (!regs) {
		entry_set_vector(VEC_TIMER, timer_vector);
		smp_init();
		regs = ioremap(base & PTE_ADDR, PAGE_SIZE);
		if (!regs)
			panic("no memory to map the local APIC\n");
	}
	if (base & BASE_X2APIC)
		wrmsr(MSR_APIC_BASE, base & ~(BASE_X2APIC | BASE_ENABLE));
	wrmsr(MSR_APIC_BASE, (base & ~BASE_X2APIC) | BASE_ENABLE);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SVR, SVR_ENABLE | VEC_SPURIOUS);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	apic_write(APIC_LVT_LINT1, ICR_NMI | (smp_cpu() ? LVT_MASKED : 0));
	apic_write(APIC_LVT_ERROR, LVT_MASKED);
	apic_write(APIC_TIMER_INIT, 0);
	apic_write(APIC_TIMER_DIV, DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, VEC_TIMER);
}

/* Far deadlines are cut: the timer code finds nothing to do and asks again. */
#define FARTHEST	(1L << 32)

static inline u64 ns_to_ticks(s64 ns)
{
	return (unsigned __int128)ns * timer_scale >> 32;
}

void apic_timer_set(s64 expires)
{
	s64 delta = min(max(expires - now_ns(), 0L), FARTHEST);

	if (expires)
		apic_write(APIC_TIMER_INIT, min(ns_to_ticks(delta), 0xfffffffeUL) + 1);
	else
		apic_write(APIC_TIMER_INIT, 0);
}

/* Timer and system time together: the first of some readings that nothing came between. */
static u32 __init read_timer(s64 *ns)
{
	unsigned int tries = 20;
	u32 ticks;

	do {
		*ns = now_ns();
		ticks = apic_read(APIC_TIMER_NOW);
	} while (now_ns() - *ns > 5000 && --tries);
	return ticks;
}

void __init apic_timer_calibrate(void)
{
	s64 t0, t1;
	u32 from, to;

	apic_write(APIC_LVT_TIMER, VEC_TIMER | LVT_MASKED);
	apic_write(APIC_TIMER_INIT, ~0u);
	from = read_timer(&t0);
	udelay(10000);
	to = read_timer(&t1);
	apic_write(APIC_TIMER_INIT, 0);
	apic_write(APIC_LVT_TIMER, VEC_TIMER);
	if (from <= to)
		panic("the local APIC timer does not run\n");
	timer_scale = ((u64)(from - to) << 32) / (t1 - t0);
	printk("APIC timer: %lu kHz\n", (timer_scale * 1000000) >> 32);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of devices: a source (IO-APIC pin or MSI) -> its vector, the same number on every
 * CPU -> its descriptor -> a pirq of a domain, or a handler of the hypervisor.
 *
 *   edge, MSI:  EOI, send the event. The device's next one may come at once.
 *   level:      mask, EOI, send the event; unmasked when the guest says PHYSDEVOP_eoi. A guest
 *               that never does stays without that interrupt, nobody else suffers.
 *
 * A domain with pirqs is never freed while one may arrive: only Domain0 has any so far, and the
 * machine ends with it.
 */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/entry.h>
#include <xenolith/evtchn.h>
#include "irq.h"

DEFINE_SPINLOCK(irq_lock);
__ro_after_init struct irq_desc *irqs;
__ro_after_init unsigned int nr_gsis, nr_irqs;
static struct irq_desc *vector_irq[256];	/* written under irq_lock, read without */
static u64 nr_unexpected;

/* ---- vectors ---- */

/* The lowest free one; 0 when there is none. */
static u8 alloc_vector(struct irq_desc *irq)
{
	for (unsigned int vec = VEC_FIRST_DYNAMIC; vec <= VEC_LAST_DYNAMIC; vec++) {
		if (vector_irq[vec] || vec == VEC_LEGACY_SYSCALL || vec == VEC_HYPERCALL_COMPAT)
			continue;
		WRITE_ONCE(vector_irq[vec], irq);
		return vec;
	}
	return 0;
}

int irq_start(struct irq_desc *irq, unsigned int cpu)
{
	irq->vector = alloc_vector(irq);
	if (!irq->vector)
		return -ENOSPC;
	irq->cpu = cpu;
	irq->waiting_eoi = false;
	irq->masked = true;
	irq->chip->program(irq);
	irq->chip->set_masked(irq, false);
	return 0;
}

/* One that is on its way still may find no descriptor, or the vector's next one: both cope. */
void irq_stop(struct irq_desc *irq)
{
	if (!irq->vector)
		return;
	irq->chip->set_masked(irq, true);
	WRITE_ONCE(vector_irq[irq->vector], NULL);
	irq->vector = 0;
}

struct irq_desc *irq_gsi(unsigned int gsi)
{
	return gsi < nr_gsis && irqs[gsi].chip ? &irqs[gsi] : NULL;
}

/* ---- arrival ---- */

static noinline void unexpected(u8 vector)
{
	/* The 8259's spurious interrupts do not pass the local APIC's books. */
	if (apic_in_service(vector))
		apic_eoi();
	nr_unexpected++;
}

/* To the guest that it is bound to; its vcpu may have moved since the last one. */
static void send(struct irq_desc *irq, struct domain *guest)
{
	struct vcpu *v = irq->vcpu;

	evtchn_send_pirq(guest, irq - irqs);
	if (likely(v->sched.cpu == irq->cpu))
		return;
	spin_lock(&irq_lock);
	if (irq->vector) {
		irq->cpu = v->sched.cpu;
		irq->chip->program(irq);
	}
	spin_unlock(&irq_lock);
}

void irq_entry(struct cpu_regs *regs)
{
	struct irq_desc *irq = READ_ONCE(vector_irq[(u8)regs->vector]);
	struct domain *guest;

	if (unlikely(!irq)) {
		unexpected(regs->vector);
		return;
	}
	irq->count++;
	if (irq->level) {
		irq->chip->set_masked(irq, true);
		/* After the mask: an EOI that overtakes us must not leave it masked for ever. */
		WRITE_ONCE(irq->waiting_eoi, true);
	}
	apic_eoi();
	guest = READ_ONCE(irq->guest);		/* it may just be unmapped by another CPU */
	if (likely(guest && irq->bound)) {
		send(irq, guest);
	} else if (irq->fn) {
		irq->fn();
		if (irq->level)
			irq->chip->set_masked(irq, false);
	}
}

int irq_request(unsigned int isa_irq, void (*fn)(void))
{
	struct irq_desc *irq = irq_gsi(ioapic_isa_gsi(isa_irq));
	unsigned long flags = spin_lock_irqsave(&irq_lock);
	int rc = -EBUSY;

	if (irq && !irq->fn && !irq->bound) {
		irq->fn = fn;
		rc = irq_start(irq, smp_cpu());
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	return rc;
}

/* The legacy timer's line is nobody's: HPET and PIT are the hypervisor's and stay silent. */
static void legacy_timer(void)
{
}

void __init irq_init(void)
{
	struct irq_desc *timer;

	i8259_off();
	nr_gsis = min(ioapic_init(), EVTCHN_PIRQS - NR_MSIS);
	nr_irqs = nr_gsis + NR_MSIS;
	irqs = new_array(struct irq_desc, nr_irqs);
	if (!irqs)
		panic("no memory for interrupt descriptors\n");
	for (unsigned int i = 0; i < nr_irqs; i++)
		if (i < nr_gsis)
			ioapic_describe(&irqs[i], i);
		else
			irqs[i].chip = &msi_chip;
	timer = irq_gsi(ioapic_isa_gsi(0));
	if (timer)
		timer->fn = legacy_timer;
	printk("Interrupts: %u GSIs, %u IO-APICs\n", nr_gsis, acpi.nr_ioapics);
}

static void dump_one(const struct irq_desc *irq)
{
	bool msi = irq->chip == &msi_chip;

	printk("  %s %3u vector %02x CPU%-3u %-5s %10lu  ", msi ? "MSI" : "GSI", (u32)(irq - irqs), irq->vector,
	       irq->cpu, irq->level ? "level" : "edge", irq->count);
	if (irq->fn)
		printk("%ps\n", (void *)irq->fn);
	else
		printk("pirq%s%s\n", irq->bound ? "" : ", no port", irq->waiting_eoi ? ", waits for EOI" : "");
}

void irq_dump(void)
{
	printk("Interrupts (%lu unexpected):\n", nr_unexpected);
	for (unsigned int i = 0; i < nr_irqs; i++)
		if (irqs[i].vector || irqs[i].guest)
			dump_one(&irqs[i]);
}

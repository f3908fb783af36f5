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
#include <xenolith/entry.h>
#include <xenolith/evtchn.h>
#include "irq.h"

#define NR_MSIS		224		/* a few more than there are vectors */

DEFINE_SPINLOCK(irq_lock);
static struct irq_desc *vector_irq[256];	/* written under irq_lock, read without */
static __ro_after_init struct irq_desc *gsi_desc, *msi_desc;
static __ro_after_init unsigned int nr_gsis;
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
	irq->chip->program(irq);
	irq->chip->unmask(irq);
	return 0;
}

/* One that is on its way still may find no descriptor, or the vector's next one: both cope. */
void irq_stop(struct irq_desc *irq)
{
	if (!irq->vector)
		return;
	irq->chip->mask(irq);
	WRITE_ONCE(vector_irq[irq->vector], NULL);
	irq->vector = 0;
}

void irq_retarget(struct irq_desc *irq, unsigned int cpu)
{
	if (!irq->vector || irq->cpu == cpu)
		return;
	irq->cpu = cpu;
	irq->chip->retarget(irq);
}

void irq_cpu_down(unsigned int cpu)
{
	unsigned long flags = spin_lock_irqsave(&irq_lock);

	for (unsigned int vec = 0; vec < 256; vec++)
		if (vector_irq[vec] && vector_irq[vec]->cpu == cpu)
			irq_retarget(vector_irq[vec], 0);
	spin_unlock_irqrestore(&irq_lock, flags);
}

/* ---- descriptors ---- */

unsigned int irq_nr_gsis(void)
{
	return nr_gsis;
}

struct irq_desc *irq_gsi(unsigned int gsi)
{
	return gsi < nr_gsis && gsi_desc[gsi].chip ? &gsi_desc[gsi] : NULL;
}

struct irq_desc *irq_alloc_msi(void)
{
	for (unsigned int i = 0; i < NR_MSIS; i++) {
		struct irq_desc *irq = &msi_desc[i];

		if (irq->chip)
			continue;
		*irq = (struct irq_desc){ .chip = &msi_chip, .number = i };
		return irq;
	}
	return NULL;
}

void irq_free_msi(struct irq_desc *irq)
{
	irq_stop(irq);
	irq->guest = NULL;
	irq->chip = NULL;
}

static bool same_device(const struct msi *a, const struct msi *b)
{
	return a->segment == b->segment && a->bus == b->bus && a->devfn == b->devfn;
}

struct irq_desc *irq_find_msi(const struct msi *msi)
{
	for (unsigned int i = 0; i < NR_MSIS; i++) {
		struct irq_desc *irq = &msi_desc[i];

		if (irq->chip && same_device(&irq->msi, msi) && irq->msi.msix == msi->msix &&
		    irq->msi.entry == msi->entry)
			return irq;
	}
	return NULL;
}

void irq_for_each_msi(void (*fn)(struct irq_desc *irq, const void *arg), const void *arg)
{
	for (unsigned int i = 0; i < NR_MSIS; i++)
		if (msi_desc[i].chip)
			fn(&msi_desc[i], arg);
}

/* ---- arrival ---- */

static noinline void unexpected(u8 vector)
{
	/* The 8259's spurious interrupts do not pass the local APIC's books. */
	if (apic_in_service(vector))
		apic_eoi();
	nr_unexpected++;
}

static void handle_own(struct irq_desc *irq)
{
	irq->fn(irq->arg);
	if (irq->level)
		irq->chip->unmask(irq);
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
		irq->chip->mask(irq);
		/* After the mask: an EOI that overtakes us must not leave it masked for ever. */
		WRITE_ONCE(irq->waiting_eoi, true);
	}
	apic_eoi();
	guest = READ_ONCE(irq->guest);		/* it may just be unmapped by another CPU */
	if (likely(guest && irq->bound))
		evtchn_send_pirq(guest, irq->pirq);
	else if (irq->fn)
		handle_own(irq);
}

int irq_request(unsigned int gsi, void (*fn)(void *arg), void *arg)
{
	struct irq_desc *irq = irq_gsi(gsi < 16 ? ioapic_isa_gsi(gsi) : gsi);
	unsigned long flags;
	int rc = -EBUSY;

	if (!irq)
		return -EINVAL;
	flags = spin_lock_irqsave(&irq_lock);
	if (!irq->fn && !irq->bound) {
		irq->arg = arg;
		irq->fn = fn;
		rc = irq_start(irq, smp_cpu());
		if (rc)
			irq->fn = NULL;
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	return rc;
}

/* The legacy timer's line is nobody's: HPET and PIT are the hypervisor's and stay silent. */
static void legacy_timer(void *arg)
{
}

void __init irq_init(void)
{
	struct irq_desc *timer;

	i8259_off();
	nr_gsis = ioapic_init();
	gsi_desc = new_array(struct irq_desc, nr_gsis);
	msi_desc = new_array(struct irq_desc, NR_MSIS);
	if (!gsi_desc || !msi_desc)
		panic("no memory for interrupt descriptors\n");
	for (unsigned int gsi = 0; gsi < nr_gsis; gsi++)
		ioapic_describe(&gsi_desc[gsi], gsi);
	timer = irq_gsi(ioapic_isa_gsi(0));
	if (timer)
		timer->fn = legacy_timer;
	printk("Interrupts: %u GSIs, %u IO-APICs\n", nr_gsis, acpi.nr_ioapics);
}

static void dump_one(const struct irq_desc *irq, const char *kind)
{
	char user[64];

	if (!irq->chip || (!irq->vector && !irq->guest))
		return;
	if (irq->fn)
		lib_snprintf(user, sizeof(user), "%ps", (void *)irq->fn);
	else
		lib_snprintf(user, sizeof(user), "pirq %u%s%s", irq->pirq, irq->bound ? "" : ", no port",
			     irq->waiting_eoi ? ", waits for EOI" : "");
	printk("  %s %3u vector %02x CPU%-3u %-5s %10lu  %s\n", kind, irq->number, irq->vector, irq->cpu,
	       irq->level ? "level" : "edge", irq->count, user);
}

void irq_dump(void)
{
	printk("Interrupts (%lu unexpected):\n", nr_unexpected);
	for (unsigned int i = 0; i < nr_gsis; i++)
		dump_one(&gsi_desc[i], "GSI");
	for (unsigned int i = 0; i < NR_MSIS; i++)
		dump_one(&msi_desc[i], "MSI");
}

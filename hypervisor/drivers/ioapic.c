// SPDX-License-Identifier: GPL-2.0-only
/*
 * IO-APICs: each pin is one global system interrupt (GSI) with a redirection entry: vector,
 * destination, trigger, polarity, mask. Registers are reached through an index and a data window.
 */
#include <xenolith/debug.h>
#include "irq.h"

#define IOAPIC_INDEX	0x00
#define IOAPIC_DATA	0x10
#define REG_VERSION	1
#define REG_RTE(pin)	(0x10 + 2 * (pin))
#define RTE_ACTIVE_LOW	BIT(13)
#define RTE_LEVEL	BIT(15)
#define RTE_MASKED	BIT(16)

/* MADT: polarity and trigger of an interrupt source override, two bits each, 3: not as ISA has it */
#define INTI_LOW	3
#define INTI_LEVEL	(3 << 2)

static __ro_after_init struct {		/* of acpi.ioapic[] with the same index */
	volatile u32 *regs;
	unsigned int nr_pins;		/* 0: does not answer */
} ioapics[ARRAY_SIZE(acpi.ioapic)];
static DEFINE_SPINLOCK(ioapic_lock);		/* index register, and whether a pin is masked */

static u32 read_reg(unsigned int i, unsigned int reg)
{
	ioapics[i].regs[IOAPIC_INDEX / 4] = reg;
	return ioapics[i].regs[IOAPIC_DATA / 4];
}

static void write_reg(unsigned int i, unsigned int reg, u32 val)
{
	ioapics[i].regs[IOAPIC_INDEX / 4] = reg;
	ioapics[i].regs[IOAPIC_DATA / 4] = val;
}

static void write_low(const struct irq_desc *irq)
{
	write_reg(irq->ioapic, REG_RTE(irq->pin), irq->vector | (irq->level ? RTE_LEVEL : 0) |
		  (irq->active_low ? RTE_ACTIVE_LOW : 0) | (irq->masked ? RTE_MASKED : 0));
}

static void ioapic_set_masked(struct irq_desc *irq, bool masked)
{
	unsigned long flags = spin_lock_irqsave(&ioapic_lock);

	irq->masked = masked;
	write_low(irq);
	spin_unlock_irqrestore(&ioapic_lock, flags);
}

/* A live one is not masked meanwhile: the edge that came then would be lost. */
static void ioapic_program(struct irq_desc *irq)
{
	unsigned long flags = spin_lock_irqsave(&ioapic_lock);

	write_reg(irq->ioapic, REG_RTE(irq->pin) + 1, cpu_apic_id[irq->cpu] << 24);
	write_low(irq);
	spin_unlock_irqrestore(&ioapic_lock, flags);
}

const struct irq_chip ioapic_chip = { .program = ioapic_program, .set_masked = ioapic_set_masked };

unsigned int __init ioapic_init(void)
{
	unsigned int nr_gsis = 16;

	for (unsigned int i = 0; i < acpi.nr_ioapics; i++) {
		ioapics[i].regs = ioremap(acpi.ioapic[i].address, 0x20);
		if (!ioapics[i].regs || read_reg(i, REG_VERSION) == ~0u) {
			printk_warn("IO-APIC at %#lx does not answer\n", acpi.ioapic[i].address);
			continue;
		}
		ioapics[i].nr_pins = (read_reg(i, REG_VERSION) >> 16 & 0xff) + 1;
		nr_gsis = max(nr_gsis, acpi.ioapic[i].gsi_base + ioapics[i].nr_pins);
		for (unsigned int pin = 0; pin < ioapics[i].nr_pins; pin++)
			write_reg(i, REG_RTE(pin), RTE_MASKED);
	}
	return nr_gsis;
}

unsigned int ioapic_isa_gsi(unsigned int isa_irq)
{
	for (unsigned int i = 0; i < acpi.nr_overrides; i++)
		if (acpi.override[i].source == isa_irq)
			return acpi.override[i].gsi;
	return isa_irq;
}

/* ISA interrupts are edge-triggered and active high unless the MADT says otherwise, others PCI's. */
static void __init describe_trigger(struct irq_desc *irq, unsigned int gsi)
{
	irq->level = irq->active_low = gsi >= 16;
	for (unsigned int i = 0; i < acpi.nr_overrides; i++) {
		u16 flags = acpi.override[i].flags;

		if (acpi.override[i].gsi != gsi)
			continue;
		irq->level = (flags & INTI_LEVEL) == INTI_LEVEL;
		irq->active_low = (flags & INTI_LOW) == INTI_LOW;
	}
}

void __init ioapic_describe(struct irq_desc *irq, unsigned int gsi)
{
	for (unsigned int i = 0; i < acpi.nr_ioapics; i++) {
		if (gsi - acpi.ioapic[i].gsi_base >= ioapics[i].nr_pins)
			continue;
		irq->chip = &ioapic_chip;
		irq->ioapic = i;
		irq->pin = gsi - acpi.ioapic[i].gsi_base;
		describe_trigger(irq, gsi);
	}
}

int ioapic_guest_read(paddr_t base, unsigned int reg, u32 *val)
{
	unsigned long flags;

	for (unsigned int i = 0; i < acpi.nr_ioapics; i++) {
		if (acpi.ioapic[i].address != base || !ioapics[i].nr_pins)
			continue;
		flags = spin_lock_irqsave(&ioapic_lock);
		*val = read_reg(i, reg);
		spin_unlock_irqrestore(&ioapic_lock, flags);
		return 0;
	}
	return -EINVAL;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* What irq.c, pirq.c and the two kinds of interrupt sources (ioapic.c, msi.c) share. */
#ifndef DRIVERS_IRQ_H
#define DRIVERS_IRQ_H

#include <xenolith/drivers.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

struct irq_desc;
/** irq_chip: how a source is handled; program under irq_lock, set_masked in any context. */
struct irq_chip {
	void (*program)(struct irq_desc *irq);	/* irq->vector and irq->cpu anew, masked or not as it was */
	void (*set_masked)(struct irq_desc *irq, bool masked);
};

struct msi {
	u16 device;			/* bus, device and function */
	u8 cap;				/* of the capability in configuration space */
	bool msix;
	u16 entry;			/* MSI-X */
	volatile u32 *slot;		/* MSI-X: mapped table entry */
	u8 mask_reg;			/* MSI with a mask register, else 0 */
};

/*
 * An interrupt source. Never freed: the handler path takes no lock and may look at it any time.
 * Everything is changed under irq_lock, but for the counters, waiting_eoi and masked.
 */
struct irq_desc {
	const struct irq_chip *chip;	/* NULL: GSI without a pin */
	u8 vector;			/* 0: none */
	bool level;			/* masked from its arrival until the handler has seen to it */
	bool active_low;
	bool bound;			/* goes to the guest below */
	bool waiting_eoi;		/* level: masked until the guest's EOI */
	bool masked;
	u32 cpu;			/* that takes it */
	struct domain *guest;		/* mapped as this domain's pirq; NULL, and an MSI: free */
	struct vcpu *vcpu;		/* on whose CPU it should arrive; set when bound, never cleared */
	void (*fn)(void);		/* the hypervisor's own handler */
	u64 count;
	union {
		struct { u8 ioapic, pin; };
		struct msi msi;
	};
};

#define NR_MSIS		224		/* a few more than there are vectors */
extern spinlock_t irq_lock;		/* taken with interrupts off */
extern struct irq_desc *irqs;		/* the GSIs, then NR_MSIS messages; the index is the pirq */
extern unsigned int nr_gsis, nr_irqs;

/** irq_gsi: descriptor of a GSI, NULL when no IO-APIC has it. */
struct irq_desc *irq_gsi(unsigned int gsi);
/** irq_start: give it a vector, aim at @cpu, unmask; irq_lock held. 0 or -ENOSPC. irq_stop: reverse. */
int irq_start(struct irq_desc *irq, unsigned int cpu);
void irq_stop(struct irq_desc *irq);

/* ---- ioapic.c ---- */
extern const struct irq_chip ioapic_chip;
unsigned int ioapic_init(void);			/* masks all pins; how many GSIs there are */
void ioapic_describe(struct irq_desc *irq, unsigned int gsi);	/* pin, trigger, polarity of @gsi */
unsigned int ioapic_isa_gsi(unsigned int isa_irq);
/** ioapic_guest_read: a register for Domain0. 0 or -EINVAL: no such IO-APIC. */
int ioapic_guest_read(paddr_t base, unsigned int reg, u32 *val);

/* ---- i8259.c ---- */
void i8259_off(void);

/* ---- msi.c ---- */
extern const struct irq_chip msi_chip;
/**
 * msi_open: check the capability of the device that @msi names, map its table entry (MSI-X; in
 * device memory that @d may touch), fill in the rest. -ENODEV, -ENXIO, -EINVAL, -EPERM, -ENOMEM.
 */
int msi_open(struct domain *d, struct msi *msi, u64 table_base);
void msi_close(struct msi *msi);		/* off, unmap */
/** msi_restore: write all messages of a device again after it was reset. 0 or -ENODEV. */
int msi_restore(u16 segment, u16 device);

/* ---- pci.c: configuration space of segment 0, bytes 0-255 ---- */
u32 pci_read(u16 device, unsigned int reg, unsigned int bytes);
void pci_write(u16 device, unsigned int reg, unsigned int bytes, u32 val);
bool pci_present(u16 device);
u8 pci_capability(u16 device, u8 id);		/* its offset, 0: not there */

/* ---- pirq.c: the first three are for one caller at a time (physdev.c) ---- */
int pirq_map_gsi(struct domain *d, unsigned int gsi);	/* 0, -EINVAL, -EPERM */
/** pirq_map_msi: @wanted: a certain pirq, or negative. The pirq, or what msi_open() says, -EEXIST, -ENOSPC. */
int pirq_map_msi(struct domain *d, struct msi *msi, u64 table_base, int wanted);
int pirq_unmap(struct domain *d, unsigned int pirq);	/* 0, -EINVAL: not mapped */
int pirq_setup_gsi(unsigned int gsi, bool level, bool active_low);
/** pirq_status: XENIRQSTAT_* or -EINVAL. */
int pirq_status(struct domain *d, unsigned int pirq);
/** pirq_register_eoi_map: frame of the one domain with pirqs: bit set: send PHYSDEVOP_eoi. */
int pirq_register_eoi_map(struct domain *d, mfn_t m);

#endif

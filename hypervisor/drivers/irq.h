/* SPDX-License-Identifier: GPL-2.0-only */
/* What irq.c, pirq.c and the two kinds of interrupt sources (ioapic.c, msi.c) share. */
#ifndef DRIVERS_IRQ_H
#define DRIVERS_IRQ_H

#include <xenolith/drivers.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

struct irq_desc;
/** irq_chip: how a source is handled. Any context; program and retarget under irq_lock. */
struct irq_chip {
	const char *name;
	void (*mask)(struct irq_desc *irq);
	void (*unmask)(struct irq_desc *irq);
	void (*program)(struct irq_desc *irq);	/* irq->vector and irq->cpu anew; leaves it masked */
	void (*retarget)(struct irq_desc *irq);	/* only irq->cpu has changed */
};

struct msi {
	u16 segment;
	u8 bus, devfn;
	u8 cap;				/* of the capability in configuration space */
	bool msix;
	u16 entry;			/* MSI-X */
	volatile u32 *slot;		/* MSI-X: mapped table entry */
	u8 mask_reg;			/* MSI with a mask register, else 0 */
};

/*
 * An interrupt source. Never freed: the handler path takes no lock and may look at it any time.
 * Everything is changed under irq_lock, but for the counters and waiting_eoi.
 */
struct irq_desc {
	const struct irq_chip *chip;	/* NULL: unused MSI descriptor, GSI without a pin */
	u8 vector;			/* 0: none */
	bool level;			/* masked from its arrival until the handler has seen to it */
	bool active_low;
	bool bound;			/* goes to the guest below */
	bool waiting_eoi;		/* level: masked until the guest's EOI */
	u32 cpu;			/* that takes it */
	u32 number;			/* GSI, or index of the MSI descriptor */
	struct domain *guest;		/* mapped as this domain's pirq */
	u32 pirq;
	void (*fn)(void *arg);		/* the hypervisor's own handler */
	void *arg;
	u64 count;
	union {
		struct { u8 ioapic, pin; u32 rte; };
		struct msi msi;
	};
};

extern spinlock_t irq_lock;		/* taken with interrupts off */

/** irq_gsi: descriptor of a GSI, NULL when no IO-APIC has it. */
struct irq_desc *irq_gsi(unsigned int gsi);
/** irq_alloc_msi: a free descriptor with msi_chip; NULL when all are used. irq_free_msi gives it back. */
struct irq_desc *irq_alloc_msi(void);
void irq_free_msi(struct irq_desc *irq);
/** irq_find_msi: the one of @msi's device (and entry), or NULL. */
struct irq_desc *irq_find_msi(const struct msi *msi);
void irq_for_each_msi(void (*fn)(struct irq_desc *irq, const void *arg), const void *arg);
/** irq_start: give it a vector, aim at @cpu, unmask; irq_lock held. 0 or -ENOSPC. irq_stop: reverse. */
int irq_start(struct irq_desc *irq, unsigned int cpu);
void irq_stop(struct irq_desc *irq);
void irq_retarget(struct irq_desc *irq, unsigned int cpu);	/* irq_lock held */

/* ---- ioapic.c ---- */
extern const struct irq_chip ioapic_chip;
unsigned int ioapic_init(void);			/* masks all pins; how many GSIs there are */
bool ioapic_describe(struct irq_desc *irq, unsigned int gsi);	/* pin, trigger, polarity of @gsi */
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
int msi_restore(u16 segment, u8 bus, u8 devfn);

/* ---- pci.c ---- */
u8 pci_capability(u16 seg, u8 bus, u8 devfn, u8 id);
bool pci_present(u16 seg, u8 bus, u8 devfn);

/* ---- pirq.c ---- */
struct pirq_domain {			/* d->pirq */
	spinlock_t map_lock;		/* one physdev_op that maps or unmaps at a time */
	struct irq_desc **irq;		/* by pirq, NULL: not mapped; under irq_lock */
	unsigned long *eoi_map;		/* guest's page: bit set: send PHYSDEVOP_eoi */
	u32 cf8;			/* last value written to port 0xcf8 */
};
unsigned int pirq_nr(void);
int pirq_map_gsi(struct domain *d, int gsi, int *pirq);
int pirq_map_msi(struct domain *d, struct msi *msi, u64 table_base, int *pirq);
int pirq_unmap(struct domain *d, int pirq);
int pirq_get_free(struct domain *d, int type);
int pirq_setup_gsi(unsigned int gsi, bool level, bool active_low);
/** pirq_status: XENIRQSTAT_* or -EINVAL. */
int pirq_status(struct domain *d, unsigned int pirq);
int pirq_register_eoi_map(struct domain *d, mfn_t m);

#endif

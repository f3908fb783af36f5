// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message-signalled interrupts: a device writes a vector to a local APIC's address (SDM volume 3,
 * 11.11). MSI keeps one message in configuration space, MSI-X a table of them in device memory.
 */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include "irq.h"

#define PCI_COMMAND		0x04
#define PCI_COMMAND_MEMORY	BIT(1)
#define CAP_MSI			0x05
#define CAP_MSIX		0x11
#define MSI_CONTROL		2
#define MSI_ENABLE		BIT(0)
#define MSI_QUEUE		(7 << 4)	/* number of messages allowed */
#define MSI_64BIT		BIT(7)
#define MSI_MASKABLE		BIT(8)
#define MSI_ADDRESS		4
#define MSIX_ENABLE		BIT(15)
#define MSIX_MASK_ALL		BIT(14)
#define MSIX_SIZE		0x7ff
#define MSIX_TABLE		4
#define MSIX_ENTRY_SIZE		16
#define ENTRY_MASKED		BIT(0)
#define MESSAGE_ADDRESS		0xfee00000u

static u32 config_read(const struct msi *m, unsigned int reg, unsigned int bytes)
{
	return pci_read(m->device, m->cap + reg, bytes);
}

static void config_write(const struct msi *m, unsigned int reg, unsigned int bytes, u32 val)
{
	pci_write(m->device, m->cap + reg, bytes, val);
}

static void control_update(const struct msi *m, u16 clear, u16 set)
{
	u16 old = config_read(m, MSI_CONTROL, 2), new = (old & ~clear) | set;

	if (new != old)
		config_write(m, MSI_CONTROL, 2, new);
}

static void msi_set_masked(struct irq_desc *irq, bool masked)
{
	const struct msi *m = &irq->msi;

	irq->masked = masked;
	if (m->msix) {
		m->slot[3] = masked ? m->slot[3] | ENTRY_MASKED : m->slot[3] & ~ENTRY_MASKED;
		(void)m->slot[3];		/* posted writes arrive before we go on */
	} else if (m->mask_reg) {
		config_write(m, m->mask_reg, 4, masked);
	}
	if (!masked)
		control_update(m, m->msix ? MSIX_MASK_ALL : MSI_QUEUE, m->msix ? MSIX_ENABLE : MSI_ENABLE);
}

static void write_message(const struct msi *m, u32 address, u32 data)
{
	bool wide;

	if (m->msix) {
		m->slot[0] = address;
		m->slot[1] = 0;
		m->slot[2] = data;
		return;
	}
	wide = config_read(m, MSI_CONTROL, 2) & MSI_64BIT;
	config_write(m, MSI_ADDRESS, 4, address);
	if (wide)
		config_write(m, MSI_ADDRESS + 4, 4, 0);
	config_write(m, MSI_ADDRESS + (wide ? 8 : 4), 2, data);
}

/*
 * Physical destination, fixed delivery, edge. A message between the writes of its parts would be a
 * mixture; when a live one moves to another CPU the vector stays, so that none can be lost.
 */
static void msi_program(struct irq_desc *irq)
{
	bool masked = irq->masked;

	msi_set_masked(irq, true);
	write_message(&irq->msi, MESSAGE_ADDRESS | (cpu_apic_id[irq->cpu] & 0xff) << 12, irq->vector);
	if (!masked)
		msi_set_masked(irq, false);
}

const struct irq_chip msi_chip = { .program = msi_program, .set_masked = msi_set_masked };

static int open_msix(struct domain *d, struct msi *m, u64 table_base)
{
	u64 slot = table_base + (config_read(m, MSIX_TABLE, 4) & ~7u) + m->entry * MSIX_ENTRY_SIZE;
	unsigned long frame = slot >> PAGE_SHIFT;

	if (m->entry > (config_read(m, MSI_CONTROL, 2) & MSIX_SIZE))
		return -EINVAL;
	if (!(pci_read(m->device, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
		return -ENXIO;
	/* We trust neither caller nor BAR: it must not be memory, nor a device of our own. */
	if (slot < table_base || slot >> x86.phys_bits || mfn_valid(mfn(frame)))
		return -EINVAL;
	if (!domain_has(d, &d->io_frames, frame, frame))
		return -EPERM;
	m->slot = ioremap(slot, MSIX_ENTRY_SIZE);
	return m->slot ? 0 : -ENOMEM;
}

int msi_open(struct domain *d, struct msi *m, u64 table_base)
{
	u16 control;

	m->cap = pci_capability(m->device, m->msix ? CAP_MSIX : CAP_MSI);
	if (!m->cap)
		return -ENODEV;
	if (m->msix)
		return open_msix(d, m, table_base);
	control = config_read(m, MSI_CONTROL, 2);
	m->mask_reg = !(control & MSI_MASKABLE) ? 0 : control & MSI_64BIT ? 16 : 12;
	control_update(m, MSI_ENABLE, 0);
	return 0;
}

void msi_close(struct msi *m)
{
	if (m->msix)
		iounmap((void *)m->slot);
	else
		control_update(m, MSI_ENABLE, 0);
}

int msi_restore(u16 segment, u16 device)
{
	unsigned long flags;

	if (segment || !pci_present(device))
		return -ENODEV;
	flags = spin_lock_irqsave(&irq_lock);
	for (struct irq_desc *irq = irqs + nr_gsis; irq < irqs + nr_irqs; irq++)
		if (irq->vector && irq->msi.device == device)
			msi_program(irq);
	spin_unlock_irqrestore(&irq_lock, flags);
	return 0;
}

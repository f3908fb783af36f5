// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI configuration space through ports 0xcf8/0xcfc (PCI Local Bus 3.0, 3.2.2.3.2), shared with
 * Domain0: its address register is a value of ours, so that neither sees the other's.
 */
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include "irq.h"

#define CONFIG_ADDRESS	0xcf8
#define CONFIG_DATA	0xcfc
#define CONFIG_ENABLE	0x80000000u
#define REG_VENDOR	0x00
#define REG_STATUS	0x06
#define REG_CAPS	0x34
#define STATUS_CAPS	BIT(4)

static DEFINE_SPINLOCK(config_lock);

static u32 data_read(u32 address, unsigned int offset, unsigned int bytes)
{
	unsigned long flags = spin_lock_irqsave(&config_lock);
	u16 port = CONFIG_DATA + offset;
	u32 val;

	outl(address, CONFIG_ADDRESS);
	val = bytes == 1 ? inb(port) : bytes == 2 ? inw(port) : inl(port);
	spin_unlock_irqrestore(&config_lock, flags);
	return val;
}

static void data_write(u32 address, unsigned int offset, unsigned int bytes, u32 val)
{
	unsigned long flags = spin_lock_irqsave(&config_lock);
	u16 port = CONFIG_DATA + offset;

	outl(address, CONFIG_ADDRESS);
	if (bytes == 1)
		outb(val, port);
	else if (bytes == 2)
		outw(val, port);
	else
		outl(val, port);
	spin_unlock_irqrestore(&config_lock, flags);
}

static u32 address_of(u8 bus, u8 devfn, u16 reg)
{
	return CONFIG_ENABLE | bus << 16 | devfn << 8 | (reg & 0xfc);
}

/* Segments but the first, and extended registers, need memory-mapped access: nothing here does. */
static bool reachable(u16 seg, u16 reg)
{
	return seg == 0 && reg < 256;
}

u32 pci_read(u16 seg, u8 bus, u8 devfn, u16 reg, unsigned int bytes)
{
	return reachable(seg, reg) ? data_read(address_of(bus, devfn, reg), reg & 3, bytes) : ~0u;
}

void pci_write(u16 seg, u8 bus, u8 devfn, u16 reg, unsigned int bytes, u32 val)
{
	if (reachable(seg, reg))
		data_write(address_of(bus, devfn, reg), reg & 3, bytes, val);
}

bool pci_present(u16 seg, u8 bus, u8 devfn)
{
	return (pci_read(seg, bus, devfn, REG_VENDOR, 2) & 0xffff) != 0xffff;
}

u8 pci_capability(u16 seg, u8 bus, u8 devfn, u8 id)
{
	unsigned int at, steps = 48;		/* a broken list may be a ring */

	if (!pci_present(seg, bus, devfn) || !(pci_read(seg, bus, devfn, REG_STATUS, 2) & STATUS_CAPS))
		return 0;
	at = pci_read(seg, bus, devfn, REG_CAPS, 1) & 0xfc;
	while (at >= 0x40 && steps--) {
		if ((pci_read(seg, bus, devfn, at, 1) & 0xff) == id)
			return at;
		at = pci_read(seg, bus, devfn, at + 1, 1) & 0xfc;
	}
	return 0;
}

u32 pci_cf8_guest_read(struct domain *d, unsigned int port, unsigned int bytes)
{
	if (port >= CONFIG_DATA) {
		if (d->is_hardware && d->pirq->cf8 & CONFIG_ENABLE)
			return data_read(d->pirq->cf8, port - CONFIG_DATA, bytes);
	} else if (port == CONFIG_ADDRESS && bytes == 4) {
		return d->pirq->cf8;
	}
	return ~0u;
}

void pci_cf8_guest_write(struct domain *d, unsigned int port, unsigned int bytes, u32 val)
{
	if (port >= CONFIG_DATA) {
		if (d->is_hardware && d->pirq->cf8 & CONFIG_ENABLE)
			data_write(d->pirq->cf8, port - CONFIG_DATA, bytes, val);
	} else if (port == CONFIG_ADDRESS && bytes == 4) {
		d->pirq->cf8 = val;
	}
}

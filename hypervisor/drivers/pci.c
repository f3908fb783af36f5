// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI configuration space through ports 0xcf8/0xcfc (PCI Local Bus 3.0, 3.2.2.3.2), shared with
 * Domain0: its address register is a value of ours, so that neither sees the other's. Segments but the
 * first, and extended registers, would need memory-mapped access: nothing here needs them.
 */
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include "irq.h"

#define CONFIG_ADDRESS	0xcf8
#define CONFIG_DATA	0xcfc
#define CONFIG_ENABLE	0x80000000u
#define REG_VENDOR	0x00
#define REG_COMMAND	0x04
#define REG_STATUS	0x06
#define REG_CAPS	0x34
#define REG_DEVICE	0x40		/* those from here on are the device's own */
#define COMMAND_MEMORY	BIT(1)
#define STATUS_CAPS	BIT(4)

static DEFINE_SPINLOCK(config_lock);
static u32 guest_address;		/* what Domain0 last wrote to port 0xcf8 */

u32 io_read(u16 port, unsigned int bytes)
{
	return bytes == 1 ? inb(port) : bytes == 2 ? inw(port) : inl(port);
}

void io_write(u16 port, unsigned int bytes, u32 val)
{
	if (bytes == 1)
		outb(val, port);
	else if (bytes == 2)
		outw(val, port);
	else
		outl(val, port);
}

static u32 data_read(u32 address, unsigned int offset, unsigned int bytes)
{
	unsigned long flags = spin_lock_irqsave(&config_lock);
	u32 val;

	outl(address, CONFIG_ADDRESS);
	val = io_read(CONFIG_DATA + offset, bytes);
	spin_unlock_irqrestore(&config_lock, flags);
	return val;
}

static void data_write(u32 address, unsigned int offset, unsigned int bytes, u32 val)
{
	unsigned long flags = spin_lock_irqsave(&config_lock);

	outl(address, CONFIG_ADDRESS);
	io_write(CONFIG_DATA + offset, bytes, val);
	spin_unlock_irqrestore(&config_lock, flags);
}

u32 pci_read(u16 device, unsigned int reg, unsigned int bytes)
{
	return data_read(CONFIG_ENABLE | device << 8 | (reg & 0xfc), reg & 3, bytes);
}

void pci_write(u16 device, unsigned int reg, unsigned int bytes, u32 val)
{
	data_write(CONFIG_ENABLE | device << 8 | (reg & 0xfc), reg & 3, bytes, val);
}

bool pci_present(u16 device)
{
	return pci_read(device, REG_VENDOR, 2) != 0xffff;
}

u8 pci_capability(u16 device, u8 id)
{
	unsigned int at, steps = 48;		/* a broken list may be a ring */

	if (!pci_present(device) || !(pci_read(device, REG_STATUS, 2) & STATUS_CAPS))
		return 0;
	at = pci_read(device, REG_CAPS, 1) & 0xfc;
	while (at >= 0x40 && steps--) {
		if (pci_read(device, at, 1) == id)
			return at;
		at = pci_read(device, at + 1, 1) & 0xfc;
	}
	return 0;
}

/* ---- Domain0's accesses ---- */

struct lone_write {
	u32 address, val;
	unsigned int offset, bytes, cpu, waiting;
	bool done;
};

static void write_alone(void *arg)
{
	struct lone_write *w = arg;

	if (smp_cpu() != w->cpu) {
		__atomic_add_fetch(&w->waiting, 1, __ATOMIC_SEQ_CST);
		while (!READ_ONCE(w->done))
			cpu_relax();
		return;
	}
	while (READ_ONCE(w->waiting) < cpumask_weight(&cpu_online_mask) - 1)
		cpu_relax();
	data_write(w->address, w->offset, w->bytes, w->val);
	WRITE_ONCE(w->done, true);
}

/* Can memory of the device appear, move or go by a write to its register @reg? */
static bool moves_memory(u32 address, unsigned int reg)
{
	return reg < REG_DEVICE &&
	       ((reg & ~3u) == REG_COMMAND || data_read((address & ~0xffu) | REG_COMMAND, 0, 2) & COMMAND_MEMORY);
}

/*
 * While the map of memory changes, QEMU (7.2) takes another processor's access to a local APIC or a device for one to something
 * else: the interrupt is lost, or QEMU dies. So the others wait where they access neither, and find the new map behind it.
 */
static void guest_write(u32 address, unsigned int offset, unsigned int bytes, u32 val)
{
	struct lone_write w = { .address = address, .val = val, .offset = offset, .bytes = bytes, .cpu = smp_cpu() };

	if (x86.tcg && cpumask_weight(&cpu_online_mask) > 1 && moves_memory(address, (address & 0xfc) + offset))
		smp_call(&cpu_online_mask, write_alone, &w);
	else
		data_write(address, offset, bytes, val);
}

u32 pci_cf8_guest_read(struct domain *d, unsigned int port, unsigned int bytes)
{
	if (!d->is_hardware)
		return ~0u;
	if (port >= CONFIG_DATA)
		return guest_address & CONFIG_ENABLE ? data_read(guest_address, port - CONFIG_DATA, bytes) : ~0u;
	return port == CONFIG_ADDRESS && bytes == 4 ? guest_address : ~0u;
}

void pci_cf8_guest_write(struct domain *d, unsigned int port, unsigned int bytes, u32 val)
{
	if (!d->is_hardware)
		return;
	if (port == CONFIG_ADDRESS && bytes == 4)
		guest_address = val;
	else if (port >= CONFIG_DATA && guest_address & CONFIG_ENABLE)
		guest_write(guest_address, port - CONFIG_DATA, bytes, val);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The machine for Domain0: everything but what the hypervisor itself drives, and RAM. */
#include "boot.h"
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>

#define APIC_FRAMES	16		/* 0xfee00: interrupt messages beside the local APIC: 0xfeeff */

static const struct {
	u16 first, last;
} own_ports[] __initconst = {
	{ 0x20, 0x21 }, { 0xa0, 0xa1 },		/* 8259 */
	{ 0x40, 0x43 },				/* PIT */
	{ 0x4d0, 0x4d1 },			/* edge or level of 8259 lines */
};

static int __init grant_ports(struct domain *d)
{
	int rc = rangeset_add(&d->io_ports, 0, 0xffff);

	for (unsigned int i = 0; i < ARRAY_SIZE(own_ports) && !rc; i++)
		rc = rangeset_remove(&d->io_ports, own_ports[i].first, own_ports[i].last);
	for (unsigned int port = 0; port <= 0xffff && !rc; port++)
		if (uart_owns_port(port))
			rc = rangeset_remove(&d->io_ports, port, port);
	return rc;
}

static int __init deny_page(struct domain *d, paddr_t pa, unsigned long nr)
{
	return pa ? rangeset_remove(&d->io_frames, pa >> PAGE_SHIFT, (pa >> PAGE_SHIFT) + nr - 1) : 0;
}

/* RAM counts as memory only above 1 MiB: below, firmware leaves tables that Domain0 may read. */
static int __init grant_frames(struct domain *d)
{
	int rc = rangeset_add(&d->io_frames, 0, BIT(x86.phys_bits - PAGE_SHIFT) - 1);

	for (unsigned int i = 0; i < boot_info.nr_e820 && !rc; i++) {
		const struct boot_e820 *e = &boot_info.e820[i];
		paddr_t start = max_t(paddr_t, ROUND_UP(e->addr, PAGE_SIZE), MB(1));
		paddr_t end = ROUND_DOWN(e->addr + e->size, PAGE_SIZE);

		if (e->type == 1 && start < end)
			rc = deny_page(d, start, (end - start) >> PAGE_SHIFT);
	}
	rc = rc ?: deny_page(d, acpi.lapic_address, 1) ?: deny_page(d, 0xfee00000, APIC_FRAMES);
	for (unsigned int i = 0; i < acpi.nr_ioapics && !rc; i++)
		rc = deny_page(d, acpi.ioapic[i].address, 1);
	return rc ?: deny_page(d, acpi.hpet_address, 1);
}

void __init dom0_grant_machine(struct domain *d)
{
	int rc;

	spin_lock(&d->caps_lock);
	rc = grant_ports(d) ?: grant_frames(d) ?: rangeset_add(&d->irqs, 0, 0xffff);
	if (!rc && uart_irq() >= 0)
		rc = rangeset_remove(&d->irqs, uart_irq(), uart_irq());
	spin_unlock(&d->caps_lock);
	if (rc)
		panic_boot("too little memory for Domain0's rights\n");
}

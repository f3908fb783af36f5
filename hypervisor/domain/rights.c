// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what: every check that depends on which domain asks. Domain0 is both the control
 * domain (it acts on others) and the hardware domain (it drives the machine); the two are asked
 * for apart so that they can be apart.
 */
#include <xenolith/boot.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>

#define E820_RAM	1

int rights_control(const struct domain *caller)
{
	return caller->is_control ? 0 : -EPERM;
}

int rights_hardware(const struct domain *caller)
{
	return caller->is_hardware ? 0 : -EPERM;
}

int rights_target(const struct domain *caller, const struct domain *target)
{
	return caller->is_control && caller != target ? 0 : -EPERM;
}

int rights_foreign_map(const struct domain *caller, const struct domain *owner)
{
	return caller == owner || caller->is_control ? 0 : -EPERM;
}

bool domain_has(struct domain *d, const struct rangeset *rs, unsigned long first, unsigned long last)
{
	bool ok;

	spin_lock(&d->caps_lock);
	ok = rangeset_contains(rs, first, last);
	spin_unlock(&d->caps_lock);
	return ok;
}

/* What the hypervisor drives itself and would lose if somebody else did. */
static const struct range own_ports[] = {
	{ 0x20, 0x21 }, { 0xa0, 0xa1 }, { 0x4d0, 0x4d1 },	/* 8259, edge or level of its lines */
	{ 0x40, 0x43 },						/* PIT */
};
#define MESSAGE_FRAMES	16		/* 0xfee00-0xfee0f: local APIC, writes there are interrupts */

static int deny_frames(struct domain *d, paddr_t pa, unsigned long nr)
{
	return nr ? rangeset_remove(&d->io_frames, pa >> PAGE_SHIFT, (pa >> PAGE_SHIFT) + nr - 1) : 0;
}

/* RAM goes by owner, but for the first MiB, where firmware leaves tables that Domain0 reads. */
static int deny_ram(struct domain *d)
{
	int rc = 0;

	for (unsigned int i = 0; i < boot_info.nr_e820 && !rc; i++) {
		const struct boot_e820 *e = &boot_info.e820[i];
		paddr_t start = max_t(paddr_t, ROUND_UP(e->addr, PAGE_SIZE), MB(1));
		paddr_t end = ROUND_DOWN(e->addr + e->size, PAGE_SIZE);

		if (e->type == E820_RAM && start < end)
			rc = deny_frames(d, start, (end - start) >> PAGE_SHIFT);
	}
	return rc;
}

/* The HPET stays in: its driver in Domain0 looks for it, and leaves a running counter alone. */
int rights_give_machine(struct domain *d)
{
	int rc = rangeset_add(&d->io_ports, 0, 0xffff);

	for (unsigned int i = 0; !rc && i < ARRAY_SIZE(own_ports); i++)
		rc = rangeset_remove(&d->io_ports, own_ports[i].start, own_ports[i].end);
	rc = rc ?: rangeset_add(&d->io_frames, 0, BIT(x86.phys_bits - PAGE_SHIFT) - 1);
	rc = rc ?: deny_ram(d) ?: deny_frames(d, 0xfee00000, MESSAGE_FRAMES);
	for (unsigned int i = 0; !rc && i < acpi.nr_ioapics; i++)
		rc = deny_frames(d, acpi.ioapic[i].address, 1);
	return rc ?: rangeset_add(&d->irqs, 0, 0xffff);
}

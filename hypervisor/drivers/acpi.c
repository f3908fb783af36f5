// SPDX-License-Identifier: GPL-2.0-only
/* What the ACPI tables said at boot; without them a machine with one CPU and no IO-APIC. */
#include <xenolith/boot.h>
#include <xenolith/drivers.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

__ro_after_init struct acpi_info acpi;

/* The boot page tables map the first 4 GiB. */
const void *__init acpi_map(paddr_t pa, size_t n)
{
	return pa < GB(4) && n <= GB(4) - pa ? maddr_to_virt(pa) : NULL;
}

void __init acpi_init(paddr_t rsdp_hint)
{
	if (boot_param_bool("acpi", true) && acpi_parse(&acpi, rsdp_hint))
		printk("ACPI: RSDP %#lx, %u CPUs, %u IO-APICs, PM timer %#x, HPET %#lx\n", acpi.rsdp, acpi.nr_cpus,
		       acpi.nr_ioapics, acpi.pm_timer_port, acpi.hpet_address);
	else
		printk_warn("ACPI: no tables: one CPU, no IO-APIC\n");
	if (!acpi.nr_cpus)
		acpi.cpu[acpi.nr_cpus++].apic_id = cpuid(1, 0).b >> 24;
}

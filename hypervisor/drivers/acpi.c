// SPDX-License-Identifier: GPL-2.0-only
/* ACPI at run time: what the tables said, sleep states, the reset register. */
#include <xenolith/boot.h>
#include <xenolith/drivers.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

#define SLP_EN		BIT(13)
#define SLP_TYP(n)	((u16)((n) << 10))
#define SLP_TYP_MASK	SLP_TYP(7)
#define WAK_STS		BIT(15)
#define PM1_STATUS	0
#define SPACE_MEMORY	0
#define SPACE_IO	1

__ro_after_init struct acpi_info acpi;

/* The boot page tables map the first 4 GiB. */
const void *__init acpi_map(paddr_t pa, size_t n)
{
	return pa < GB(4) && n <= GB(4) - pa ? maddr_to_virt(pa) : NULL;
}

void __init acpi_init(paddr_t rsdp_hint)
{
	bool found = boot_param_bool("acpi", true) && acpi_parse(&acpi, rsdp_hint);

	if (!found) {
		printk_warn("ACPI: no tables: one CPU, no IO-APIC\n");
		acpi.lapic_address = 0xfee00000;
		acpi.has_8259 = true;
	}
	if (!acpi.nr_cpus) {
		acpi.nr_cpus = 1;
		acpi.cpu[0].apic_id = cpuid(1, 0).b >> 24;
		acpi.cpu[0].enabled = true;
	}
	if (found)
		printk("ACPI: RSDP %#lx, %u CPUs, %u IO-APICs, PM timer %#x, HPET %#lx, MCFG %#lx\n",
		       acpi.rsdp, acpi.nr_cpus, acpi.nr_ioapics, acpi.pm_timer_port,
		       acpi.hpet_address, acpi.mcfg_address);
}

static void enter_soft_off(u16 pm1a_val, u16 pm1b_val)
{
	smp_stop_others();
	irq_disable();
	if (acpi.pm1a_evt)
		outw(WAK_STS, acpi.pm1a_evt + PM1_STATUS);
	if (acpi.pm1b_evt)
		outw(WAK_STS, acpi.pm1b_evt + PM1_STATUS);
	outw((pm1a_val & ~SLP_EN), acpi.pm1a_cnt);
	if (acpi.pm1b_cnt)
		outw((pm1b_val & ~SLP_EN), acpi.pm1b_cnt);
	outw(pm1a_val | SLP_EN, acpi.pm1a_cnt);
	if (acpi.pm1b_cnt)
		outw(pm1b_val | SLP_EN, acpi.pm1b_cnt);
	udelay(1000000);
}

/* Suspending (S1 to S3) would need a way back; off (S5, and S4 after the image is on disk) does not. */
int acpi_enter_sleep(u16 pm1a_val, u16 pm1b_val, unsigned int flags, unsigned int state)
{
	if (!acpi.pm1a_cnt)
		return -EPERM;
	if (flags || state < 1 || state > 5)
		return -EINVAL;
	if (state < 4)
		return -EOPNOTSUPP;
	printk("Domain0 enters ACPI state S%u: power off\n", state);
	enter_soft_off(pm1a_val, pm1b_val);
	printk_err("The machine stays on: halted.\n");
	machine_halt();
}

void machine_power_off(void)
{
	u16 a, b;

	if (!acpi.s5_known || !acpi.pm1a_cnt)
		return;
	a = (inw(acpi.pm1a_cnt) & ~SLP_TYP_MASK) | SLP_TYP(acpi.s5_typ_a);
	b = acpi.pm1b_cnt ? (inw(acpi.pm1b_cnt) & ~SLP_TYP_MASK) | SLP_TYP(acpi.s5_typ_b) : 0;
	enter_soft_off(a, b);
}

static void reset_by_memory(void)
{
	volatile u8 *p = ioremap(acpi.reset_address, 1);

	if (p)
		*p = acpi.reset_value;
}

void acpi_reset(void)
{
	if (!acpi.reset_supported)
		return;
	switch (acpi.reset_space) {
	case SPACE_MEMORY:
		reset_by_memory();
		break;
	case SPACE_IO:
		outb(acpi.reset_value, acpi.reset_address);
		break;
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of the machine's run: off, restart, halt. The last two may be called in any state, after a
 * panic too.
 */
#include <xenolith/boot.h>
#include <xenolith/drivers.h>
#include <xenolith/x86.h>

#define SLP_EN		BIT(13)		/* of the PM1 control registers */
#define SLP_TYP(n)	((u16)((n) << 10))

static void enter_soft_off(u16 pm1a_val, u16 pm1b_val)
{
	smp_stop_others();
	irq_disable();
	outw(pm1a_val & ~SLP_EN, acpi.pm1a_cnt);
	if (acpi.pm1b_cnt)
		outw(pm1b_val & ~SLP_EN, acpi.pm1b_cnt);
	outw(pm1a_val | SLP_EN, acpi.pm1a_cnt);
	if (acpi.pm1b_cnt)
		outw(pm1b_val | SLP_EN, acpi.pm1b_cnt);
	udelay(1000000);
	printk_err("The machine stays on.\n");
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
	machine_halt();
}

void machine_power_off(void)
{
	u16 keep = ~SLP_TYP(7);

	if (acpi.s5_known && acpi.pm1a_cnt)
		enter_soft_off((inw(acpi.pm1a_cnt) & keep) | SLP_TYP(acpi.s5_typ_a),
			       acpi.pm1b_cnt ? (inw(acpi.pm1b_cnt) & keep) | SLP_TYP(acpi.s5_typ_b) : 0);
}

static void reset_by_acpi(void)
{
	if (acpi.reset_port)
		outb(acpi.reset_value, acpi.reset_port);
}

static void reset_by_keyboard_controller(void)
{
	for (unsigned int i = 0; i < 1000 && (inb(0x64) & 2); i++)
		udelay(1000);
	outb(0xfe, 0x64);
}

static void triple_fault(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed none = { 0, 0 };

	asm volatile("lidt %0; int3" :: "m" (none));
}

void machine_restart(void)
{
	static void (*const ways[])(void) = { reset_by_acpi, reset_by_keyboard_controller, triple_fault };

	irq_disable();
	smp_stop_others();
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		ways[i]();
		udelay(100000);
	}
	machine_halt();
}

void machine_halt(void)
{
	irq_disable();
	smp_stop_others();
	for (;;)
		asm volatile("hlt");
}

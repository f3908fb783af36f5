// SPDX-License-Identifier: GPL-2.0-only
/* The end of the machine's run: restart and halt. Callable in any state, after a panic too. */
#include <xenolith/boot.h>
#include <xenolith/drivers.h>
#include <xenolith/x86.h>

/* Does not need a calibrated TSC: an access to the POST port takes about a microsecond. */
static void wait_ms(unsigned int ms)
{
	for (unsigned int i = 0; i < ms * 1000; i++)
		outb(0, 0x80);
}

static void reset_by_keyboard_controller(void)
{
	for (unsigned int i = 0; i < 1000 && (inb(0x64) & 2); i++)
		wait_ms(1);
	outb(0xfe, 0x64);
}

static void reset_by_chipset(void)
{
	u8 v = inb(0xcf9) & ~6;

	outb(v | 2, 0xcf9);
	wait_ms(1);
	outb(v | 6, 0xcf9);
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
	irq_disable();
	smp_stop_others();
	acpi_reset();
	wait_ms(100);
	reset_by_keyboard_controller();
	wait_ms(100);
	reset_by_chipset();
	wait_ms(100);
	triple_fault();
	machine_halt();
}

void machine_halt(void)
{
	irq_disable();
	smp_stop_others();
	for (;;)
		asm volatile("hlt");
}

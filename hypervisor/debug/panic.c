// SPDX-License-Identifier: GPL-2.0-only
/* The end after an error of our own, or after boot input that cannot be used. */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include <xenolith/entry.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

#define STARS	"****************************************\n"

static __ro_after_init bool no_reboot;

void __init debug_read_options(void)
{
	no_reboot = boot_param_bool("noreboot", false);
}

/* The first CPU to fail speaks; others, and a failure while failing, stop at once. */
static void begin(void)
{
	static int failing;

	irq_disable();
	if (xchg(&failing, 1))
		for (;;)
			asm volatile("hlt");
	console_force();
	smp_stop_others();
}

void debug_end_machine(void)
{
	irq_disable();
	console_force();
	if (no_reboot) {
		printk_err("Manual reset required ('noreboot' specified)\n");
		machine_halt();
	}
	printk_err("Reboot in five seconds...\n");
	udelay(5000000);
	machine_restart();
}

static const char *trap_name(unsigned int vector)
{
	static const char names[][4] = {
		"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9", "#TS",
		"#NP", "#SS", "#GP", "#PF", "15", "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
	};

	return vector < ARRAY_SIZE(names) ? names[vector] : "interrupt";
}

static void headline(const char *what)
{
	printk_err("\n" STARS "Panic on CPU %u:\n%s" STARS "\n", smp_cpu(), what);
}

void panic(const char *fmt, ...)
{
	char what[256];
	va_list ap;

	begin();
	debug_backtrace(NULL);
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	headline(what);
	debug_end_machine();
}

void panic_boot(const char *fmt, ...)
{
	char what[256];
	va_list ap;

	begin();
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	printk_err("Cannot boot: %s", what);
	debug_end_machine();
}

void bug_at(const char *file, int line, const char *what)
{
	panic("BUG at %s:%d: %s\n", file, line, what);
}

void debug_fatal_trap(const struct cpu_regs *regs)
{
	unsigned int vector = regs->vector & 0xff;
	unsigned long cr2 = read_cr2();
	char what[128];

	begin();
	debug_dump_regs(regs);
	debug_backtrace(regs);
	if (vector == X86_EXC_PF)
		debug_dump_walk(read_cr3(), cr2);
	snprintf(what, sizeof(what), "FATAL TRAP: vector = %u (%s)\n[error_code=%04x] cr2=%016lx\n", vector,
		 trap_name(vector), regs->error_code, cr2);
	headline(what);
	debug_end_machine();
}

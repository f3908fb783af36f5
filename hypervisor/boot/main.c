// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of the boot: loader's information, console, CPU, ACPI tables, memory (and with it the
 * final page tables), then on the boot CPU's final stack: interrupts, time, scheduler, the other
 * CPUs, Domain0. At the end the boot-only memory is given back and Domain0 starts.
 */
#include "boot.h"
#include <xenolith/debug.h>
#include <xenolith/hvm.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include <xenolith/entry.h>
#include <xenolith/sched.h>
#include <xenolith/x86.h>

#define EARLY_CS	0x10		/* head.S's 64-bit code segment */

struct idt_gate boot_idt[32] __initdata;

/* Nobody may fault before entry_cpu_init(). On the stack: an error code or none, rip, cs. */
static void __init __noreturn early_trap(void)
{
	unsigned long *sp = __builtin_frame_address(0), rip = sp[2] == EARLY_CS ? sp[1] : sp[2];

	panic("exception during early boot: rip %ps (%lx) cr2 %lx\n", (void *)rip, rip, read_cr2());
}

static void __init early_traps_init(void)
{
	unsigned long at = (unsigned long)early_trap;

	for (unsigned int i = 0; i < ARRAY_SIZE(boot_idt); i++)
		boot_idt[i] = (struct idt_gate){ at, EARLY_CS, 0x8e00, at >> 16, at >> 32, 0 };
}

void __init boot_note_cr4(void)
{
	asm volatile("mov %%cr4, %0" : "=r" (cpu_info()->cr4));
}

static void __init print_memory_map(void)
{
	static const char *const types[] __initconst = {
		"?", "RAM", "reserved", "ACPI tables", "ACPI NVS", "unusable", "disabled", "persistent",
	};

	for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
		const struct boot_e820 *e = &boot_info.e820[i];

		printk(KERN_DEBUG "  %012lx-%012lx %s\n", e->addr, e->addr + e->size - 1,
		       types[e->type < ARRAY_SIZE(types) ? e->type : 0]);
	}
}

/* Not boot-only code: it gives that back. */
static void __noreturn finish(void)
{
	console_hand_to_domain0();
	mm_seal();
	domain_unpause(domain0);
	idle_loop();
}

static void __init __noreturn on_final_stack(void)
{
	entry_cpu_init(0);
	irq_init();
	apic_init();
	time_init();
	apic_timer_calibrate();
	timer_cpu_init(0);
	sched_init();
	cpu_info()->vcpu = idle_vcpu_create(0);
	sched_cpu_init(0);
	irq_enable();
	console_init();
	hvm_init();
	smp_boot_aps();
	time_start();
	grant_init();
	boot_build_domain0();
	boot_param_check_unknown();
	entry_reset_stack_and_jump(finish);
}

static void __init __noreturn change_stack(void (*fn)(void))
{
	struct cpu_info *ci = (struct cpu_info *)entry_cpu_stack_top(0) - 1;

	ci->cr4 = cpu_info()->cr4;
	asm volatile("mov %0, %%rsp; xor %%ebp, %%ebp; call *%1; ud2" :: "a" (ci), "d" (fn) : "memory");
	__builtin_unreachable();
}

void __init boot_main(u32 magic, u32 info)
{
	const char *error;

	boot_note_cr4();
	early_traps_init();
	error = boot_info_parse(magic, info);
	debug_read_options();
	console_early_init();
	printk("Xenolith, ABI 4.17; loader: %s; command line: %s\n", boot_info.loader, boot_info.cmdline);
	print_memory_map();
	if (error)
		panic_boot("%s\n", error);
	x86_early_init();
	acpi_init(boot_info.rsdp);
	boot_enumerate_cpus();
	mm_init();
	if (entry_alloc_cpu(0))
		panic_boot("too little memory\n");
	change_stack(on_final_stack);
}

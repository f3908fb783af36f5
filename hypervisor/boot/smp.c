// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting the other CPUs, one after the other: INIT, then start-up IPIs to a trampoline below
 * 1 MiB (SDM volume 3, 9.4.4). One that does not come online is put back by another INIT, which
 * it leaves only for a start-up IPI, so that it never runs on what the next one is given.
 */
#include "boot.h"
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include <xenolith/entry.h>
#include <xenolith/hvm.h>
#include <xenolith/sched.h>
#include <xenolith/x86.h>

#define ONLINE_US	10000000	/* generous: an emulated CPU may have to wait for its host */

u64 boot_ap_cr3 __initdata, boot_ap_stack __initdata;
static paddr_t trampoline __initdata;

static void __init add_cpu(u32 apic_id, u32 acpi_id)
{
	unsigned int cpu = nr_cpus_present++;

	cpu_apic_id[cpu] = apic_id;
	cpu_acpi_id[cpu] = acpi_id;
	cpumask_set(&cpu_present_mask, cpu);
}

/* The highest page of RAM that a start-up IPI can name; 0: none. */
static paddr_t __init find_low_page(void)
{
	paddr_t best = 0;

	for (const struct boot_e820 *e = boot_info.e820; e < boot_info.e820 + boot_info.nr_e820; e++) {
		paddr_t page = ROUND_DOWN(min_t(paddr_t, e->addr + e->size, 0xa0000), PAGE_SIZE) - PAGE_SIZE;

		if (e->type == 1 && page >= e->addr && page < 0xa0000)
			best = max(best, page);
	}
	return best;
}

void __init boot_enumerate_cpus(void)
{
	unsigned long limit = max(boot_param_size("maxcpus", NR_CPUS, 1), 1UL);
	u32 self = cpuid(1, 0).b >> 24;

	if (boot_param_bool("nosmp", false))
		limit = 1;
	limit = min_t(unsigned long, limit, NR_CPUS);
	add_cpu(self, 0);
	cpumask_set(&cpu_online_mask, 0);
	for (unsigned int i = 0; i < acpi.nr_cpus; i++) {
		if (acpi.cpu[i].apic_id == self)
			cpu_acpi_id[0] = acpi.cpu[i].acpi_id;
		else if (nr_cpus_present < limit && acpi.cpu[i].apic_id < 0xff)
			add_cpu(acpi.cpu[i].apic_id, acpi.cpu[i].acpi_id);
	}
	/* Low memory is surely mapped only now, by the boot page tables. */
	trampoline = find_low_page();
	if (trampoline)
		memcpy(maddr_to_virt(trampoline), boot_ap_trampoline,
		       boot_ap_trampoline_end - boot_ap_trampoline);
}

/* Not boot-only: the boot CPU gives that memory back once all are online. */
static noinline void __noreturn come_online(void)
{
	cpumask_set(&cpu_online_mask, smp_cpu());
	irq_enable();
	entry_reset_stack_and_jump(idle_loop);
}

void __init boot_ap_main(void)
{
	unsigned int cpu = smp_cpu();

	boot_note_cr4();
	x86_cpu_init(cpu);
	entry_cpu_init(cpu);
	hvm_cpu_init();
	apic_init();
	timer_cpu_init(cpu);
	sched_cpu_init(cpu);
	come_online();
}

static bool __init online_within(unsigned int cpu, unsigned int us)
{
	for (; us && !cpumask_test(&cpu_online_mask, cpu); us -= 50)
		udelay(50);
	return us;
}

static bool __init start_cpu(unsigned int cpu)
{
	struct cpu_info *ci;

	if (entry_alloc_cpu(cpu))
		return false;
	ci = (struct cpu_info *)entry_cpu_stack_top(cpu) - 1;
	ci->vcpu = idle_vcpu_create(cpu);
	if (!ci->vcpu)
		return false;
	boot_ap_cr3 = hyp_cr3();
	boot_ap_stack = (u64)ci;
	apic_send_init(cpu_apic_id[cpu]);
	udelay(10000);
	apic_send_startup(cpu_apic_id[cpu], trampoline >> PAGE_SHIFT);
	if (online_within(cpu, 1000))
		return true;
	apic_send_startup(cpu_apic_id[cpu], trampoline >> PAGE_SHIFT);
	return online_within(cpu, ONLINE_US);
}

void __init smp_boot_aps(void)
{
	cpumask_t present = cpu_present_mask;
	unsigned int cpu;

	cpumask_clear(&present, 0);
	for_each_cpu(cpu, &present) {
		if (trampoline && start_cpu(cpu))
			continue;
		printk_err("CPU%u (APIC %u) stays unused: no answer, or no memory for it\n", cpu, cpu_apic_id[cpu]);
		cpumask_clear(&cpu_present_mask, cpu);
		apic_send_init(cpu_apic_id[cpu]);	/* waits for a start-up IPI for ever */
	}
	printk("%u of %u CPUs online\n", cpumask_weight(&cpu_online_mask), nr_cpus_present);
}

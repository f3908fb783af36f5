// SPDX-License-Identifier: GPL-2.0-only
/* Debug keys: one character typed at the console, or sent by Domain0, prints one view of the machine. */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include <xenolith/evtchn.h>
#include <xenolith/grant.h>
#include <xenolith/mm.h>
#include <xenolith/sched.h>
#include <xenolith/x86.h>

static struct debug_key {
	char key;
	void (*fn)(char key);
	const char *help;
} keys[40];
static unsigned int nr_keys;

void debug_key_register(char key, void (*fn)(char key), const char *help)
{
	if (nr_keys < ARRAY_SIZE(keys))
		keys[nr_keys++] = (struct debug_key){ key, fn, help };
}

void debug_key(char key)
{
	for (unsigned int i = 0; i < nr_keys; i++)
		if (keys[i].key == key) {
			printk("'%c' pressed -> %s\n", key, keys[i].help);
			keys[i].fn(key);
			return;
		}
}

static void key_help(char key)
{
	for (unsigned int i = 0; i < nr_keys; i++)
		printk(" key '%c' => %s\n", keys[i].key, keys[i].help);
}

static void key_reboot(char key)
{
	machine_restart();
}

static void dump_vcpus(struct domain *d)
{
	struct vcpu *v;

	for_each_vcpu(d, v)
		if (v->initialised)
			debug_dump_vcpu(v);
}

static void key_domain0(char key)
{
	if (domain0)
		dump_vcpus(domain0);
}

static void dump_registers(struct domain *d, void *arg)
{
	if (!d->is_idle)
		dump_vcpus(d);
}

static void key_registers(char key)
{
	domain_list_for_each(dump_registers, NULL);
}

static void print_vcpu(const struct vcpu *v)
{
	unsigned long flags = v->sched.flags;
	bool bad = !v->info;

	printk("  v%u: CPU%u %s%s%s%spause_count=%d upcall_pend=%u upcall_mask=%u %s\n", v->id,
	       v->sched.cpu, v->sched.running ? "running " : "",
	       test_bit(VF_BLOCKED, &flags) ? "blocked " : "", test_bit(VF_DOWN, &flags) ? "down " : "",
	       test_bit(VF_POLL, &flags) ? "polling " : "", atomic_read(&v->sched.pause_count),
	       bad ? 0 : v->info->evtchn_upcall_pending, bad ? 0 : v->info->evtchn_upcall_mask,
	       v->pv.kernel_mode ? "kernel" : "user");
}

static void print_domain(struct domain *d, void *arg)
{
	static const char *const states[] = { "running", "dying", "dead" };
	struct vcpu *v;

	printk("d%u: %s%s refcnt=%d pause_count=%d pages=%lu of %lu max_vcpus=%u dirty_cpus=%lx:%lx\n",
	       d->id, states[d->state], d->shut_down ? " (shut down)" : "", atomic_read(&d->refcnt),
	       atomic_read(&d->pause_count), d->mm.tot_pages, d->mm.max_pages, d->max_vcpus,
	       d->dirty_cpus.bits[1], d->dirty_cpus.bits[0]);
	for_each_vcpu(d, v)
		print_vcpu(v);
}

static void key_domains(char key)
{
	domain_list_for_each(print_domain, NULL);
}

static void print_memory(struct domain *d, void *arg)
{
	printk("  d%u: %lu pages, at most %lu, %lu claimed\n", d->id, d->mm.tot_pages, d->mm.max_pages,
	       d->mm.outstanding);
}

static void key_memory(char key)
{
	printk("RAM %lu pages, free %lu, highest frame %#lx\n", total_pages, mm_free_pages(), max_page);
	domain_list_for_each(print_memory, NULL);
}

static void key_timers(char key)
{
	timer_dump();
}

static void key_run_queues(char key)
{
	sched_dump();
}

static void dump_events(struct domain *d, void *arg)
{
	if (!d->is_idle)
		evtchn_dump(d);
}

static void key_events(char key)
{
	domain_list_for_each(dump_events, NULL);
}

static void dump_grants(struct domain *d, void *arg)
{
	if (!d->is_idle)
		grant_dump(d);
}

static void key_grants(char key)
{
	domain_list_for_each(dump_grants, NULL);
}

static void key_interrupts(char key)
{
	irq_dump();
}

static s64 seen_time[NR_CPUS];

static void note_time(void *arg)
{
	seen_time[smp_cpu()] = now_ns();
}

static void key_time(char key)
{
	unsigned int cpu;
	u32 ns;
	u64 seconds = time_wallclock(&ns);

	printk("system time %lu ns, wall clock %lu.%09u, TSC %u kHz\n", now_ns(), seconds, ns, tsc_khz);
	smp_call(&cpu_online_mask, note_time, NULL);
	for_each_cpu(cpu, &cpu_online_mask)
		printk("  CPU%u read %ld ns\n", cpu, seen_time[cpu]);
}

void __init debug_init(void)
{
	static const struct debug_key own[] __initconst = {
		{ 'h', key_help, "show this message" },
		{ '0', key_domain0, "dump Dom0 registers" },
		{ 'M', key_interrupts, "dump MSI state" },
		{ 'R', key_reboot, "reboot machine" },
		{ 'a', key_timers, "dump timer queues" },
		{ 'd', key_registers, "dump registers" },
		{ 'e', key_events, "dump evtchn info" },
		{ 'g', key_grants, "print grant table usage" },
		{ 'i', key_interrupts, "dump interrupt bindings" },
		{ 'm', key_memory, "memory info" },
		{ 'q', key_domains, "dump domain (and guest debug) info" },
		{ 'r', key_run_queues, "dump run queues" },
		{ 't', key_time, "display multi-cpu clock info" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(own); i++)
		debug_key_register(own[i].key, own[i].fn, own[i].help);
}

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

static void dump_vcpus(struct domain *d)
{
	struct vcpu *v;

	for_each_vcpu(d, v)
		if (v->initialised)
			debug_dump_vcpu(v);
}

static void dump_domain0(struct domain *d)
{
	if (d == domain0)
		dump_vcpus(d);
}

static void print_vcpu(const struct vcpu *v)
{
	unsigned long flags = v->sched.flags;
	bool bad = !v->info;

	printk("  v%u: CPU%u %s%s%s%spause_count=%d upcall_pend=%u upcall_mask=%u %s\n", v->id,
	       v->sched.cpu, v->sched.running ? "running " : "",
	       test_bit(VF_BLOCKED, &flags) ? "blocked " : "", test_bit(VF_DOWN, &flags) ? "down " : "",
	       v->evtchn.poll_port ? "polling " : "", atomic_read(&v->sched.pause_count),
	       bad ? 0 : v->info->evtchn_upcall_pending, bad ? 0 : v->info->evtchn_upcall_mask,
	       v->pv.kernel_mode ? "kernel" : "user");
}

static void print_domain(struct domain *d)
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

static void print_memory(void)
{
	printk("RAM %lu pages, free %lu, highest frame %#lx\n", total_pages, mm_free_pages(), max_page);
}

#ifdef DEBUG
/* For the tests of what is printed when the hypervisor itself is wrong. */
static noinline void crash_bug(void)
{
	BUG();
}

static noinline void crash_fault(void)
{
	*(volatile u8 *)(FRAMETABLE_START - GB(1)) = 0;	/* nothing is there */
}
#endif

static void print_help(void);

/* One of the two functions is set; @each is called for every domain but the idle one. */
static const struct key {
	char key;
	const char *help;
	void (*all)(void);
	void (*each)(struct domain *d);
} keys[] = {
#ifdef DEBUG
	{ '%', "crash: page fault", .all = crash_fault },
	{ 'C', "crash: failed assertion", .all = crash_bug },
#endif
	{ 'h', "show this message", .all = print_help },
	{ '0', "dump Dom0 registers", .each = dump_domain0 },
	{ 'R', "reboot machine", .all = machine_restart },
	{ 'a', "dump timer queues", .all = timer_dump },
	{ 'd', "dump registers", .each = dump_vcpus },
	{ 'e', "dump evtchn info", .each = evtchn_dump },
	{ 'g', "print grant table usage", .each = grant_dump },
	{ 'i', "dump interrupt bindings", .all = irq_dump },
	{ 'm', "memory info", .all = print_memory },
	{ 'q', "dump domain (and guest debug) info", .each = print_domain },
	{ 'r', "dump run queues", .all = sched_dump },
	{ 'v', "count exits of hardware-assisted guests", .each = hvm_dump },
};

static void print_help(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
		printk(" key '%c' => %s\n", keys[i].key, keys[i].help);
}

static void call_each(struct domain *d, void *each)
{
	if (!d->is_idle)
		((void (*)(struct domain *d))each)(d);
}

void debug_key(char key)
{
	for (const struct key *k = keys; k < keys + ARRAY_SIZE(keys); k++) {
		if (k->key != key)
			continue;
		printk("'%c' pressed -> %s\n", key, k->help);
		if (k->all)
			k->all();
		else
			domain_list_for_each(call_each, k->each);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stolen time: what a vcpu would have run and did not. The hypervisor writes it into an area of the vcpu's when that gets a
 * CPU; the kernel adds it up at its ticks (/proc/stat, top) and takes it out of what a task is said to have run.
 *
 * How the kernel asks is a static call, which may be changed by anybody who knows where it is; that it asks, a static key.
 * Neither is exported. So it is off unless asked for (steal=1), and where they are not found there is none.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/static_call.h>
#include <asm/paravirt.h>
#include "compat/lookup.h"
#include "port.h"
#include <xen/interface/vcpu.h>
#include <xen/xen-ops.h>

static bool wanted;
module_param_named(steal, wanted, bool, 0444);
MODULE_PARM_DESC(steal, "the kernel hears of time that its vcpus did not get (N)");

static DEFINE_PER_CPU(struct vcpu_runstate_info, runstate);
/* A vcpu that is down, or whose domain is suspended, gets no time because it wants none. */
struct hold {
	bool holds;
	u64 at, not_counted;
};
static DEFINE_PER_CPU(struct hold, held);
static struct static_key *accounted, *scheduled;	/* time of processes; clocks of the run queues */
static struct static_call_key *call;
static void *trampoline, *before;

/* Of the CPU itself, or of one that does not run: the hypervisor marks the time of entry while it writes. */
static notrace u64 not_run(int cpu)
{
	const struct vcpu_runstate_info *state = per_cpu_ptr(&runstate, cpu);
	u64 entered, ns;

	do {
		entered = READ_ONCE(state->state_entry_time);
		rmb();			/* against the hypervisor: the mark, the times, the mark again */
		ns = READ_ONCE(state->time[RUNSTATE_runnable]) + READ_ONCE(state->time[RUNSTATE_offline]);
		rmb();
	} while (entered & XEN_RUNSTATE_UPDATE || entered != READ_ONCE(state->state_entry_time));
	return ns;
}

/* It never goes back, whoever asks while a vcpu comes or goes. */
static notrace u64 stolen(int cpu)
{
	return smp_load_acquire(per_cpu_ptr(&held.holds, cpu)) ? per_cpu(held.at, cpu) :
	       not_run(cpu) - per_cpu(held.not_counted, cpu);
}

void steal_cpu_up(unsigned int cpu)
{
	struct vcpu_register_runstate_memory_area area = { .addr.v = per_cpu_ptr(&runstate, cpu) };

	if (call && HYPERVISOR_vcpu_op(VCPUOP_register_runstate_memory_area, xen_vcpu_nr(cpu), &area))
		pr_warn("CPU %u: no stolen time\n", cpu);
	if (per_cpu(held.holds, cpu))
		per_cpu(held.not_counted, cpu) = not_run(cpu) - per_cpu(held.at, cpu);
	smp_store_release(per_cpu_ptr(&held.holds, cpu), false);	/* pairs with stolen() */
}

/* What was stolen so far stays readable. */
void steal_cpu_down(unsigned int cpu)
{
	struct vcpu_register_runstate_memory_area area = { };

	per_cpu(held.at, cpu) = stolen(cpu);
	smp_store_release(per_cpu_ptr(&held.holds, cpu), true);
	if (call)
		HYPERVISOR_vcpu_op(VCPUOP_register_runstate_memory_area, xen_vcpu_nr(cpu), &area);
}

static bool find(void)
{
	lookup_fn lookup = find_lookup();

	if (!lookup)
		return false;
	accounted = (struct static_key *)lookup("paravirt_steal_enabled");
	scheduled = (struct static_key *)lookup("paravirt_steal_rq_enabled");
	call = (struct static_call_key *)lookup("__SCK__pv_steal_clock");
	trampoline = (void *)lookup("__SCT__pv_steal_clock");
	return accounted && scheduled && call && trampoline;
}

/* Before the CPUs: they register what the call reads. */
int steal_init(void)
{
	if (!wanted)
		return 0;
	if (!find()) {
		pr_warn("steal: this kernel does not say where it asks for stolen time\n");
		call = NULL;
		return 0;
	}
	HYPERVISOR_vm_assist(VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag);
	before = call->func;
	__static_call_update(call, trampoline, stolen);
	static_key_slow_inc(accounted);
	static_key_slow_inc(scheduled);
	return 0;
}

/* Calls are made with preemption off, most with interrupts off. */
void steal_exit(void)
{
	if (!call)
		return;
	static_key_slow_dec(scheduled);
	static_key_slow_dec(accounted);
	__static_call_update(call, trampoline, before);
	synchronize_rcu();
	call = NULL;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * null: each vcpu has a CPU of its own and never leaves it. When there are more vcpus than CPUs,
 * those that share one take turns.
 */
#include <xenolith/domain.h>
#include <xen/domctl.h>
#include "sched-private.h"

#define SLICE	10000000LL

static unsigned int owners[NR_CPUS];

/* The CPU with the fewest owners of those that @v may have becomes its home. */
static void null_vcpu_init(struct vcpu *v)
{
	cpumask_t allowed = cpumask_and(&v->sched.hard_affinity, &cpu_online_mask);
	unsigned int cpu, best = cpumask_first(&allowed);

	for_each_cpu(cpu, &allowed)
		if (READ_ONCE(owners[cpu]) < READ_ONCE(owners[best]))
			best = cpu;
	__atomic_add_fetch(&owners[best], 1, __ATOMIC_SEQ_CST);
	v->sched.home = best;
}

static void null_vcpu_remove(struct vcpu *v)
{
	__atomic_sub_fetch(&owners[v->sched.home], 1, __ATOMIC_SEQ_CST);
}

static void null_enqueue(struct vcpu *v, s64 now, bool wakes)
{
	if (!cpumask_test(&v->sched.hard_affinity, v->sched.home)) {	/* was changed */
		null_vcpu_remove(v);
		null_vcpu_init(v);
	}
	list_add_tail(&v->sched.link, &sched_waiting);
}

static unsigned int null_target(struct vcpu *v, s64 now)
{
	const struct sched_cpu *c = sched_cpu(v->sched.home);

	return c->curr == c->idle || c->endless ? c->cpu : NR_CPUS;
}

static struct vcpu *null_pick(struct sched_cpu *c, struct vcpu *prev, s64 now, s64 *slice)
{
	bool stay = prev != c->idle && vcpu_runnable(prev) && cpumask_test(&prev->sched.hard_affinity, c->cpu);
	struct vcpu *v, *next = NULL;

	list_for_each_entry(v, &sched_waiting, sched.link)
		if (!next && v->sched.home == c->cpu && sched_has_left(v))
			next = v;
	if (stay && (!next || (now < prev->sched.slice_end && !prev->sched.yielding))) {
		*slice = next ? prev->sched.slice_end - now : -1;
		return prev;
	}
	if (!next)
		return c->idle;
	next->sched.slice_end = now + SLICE;
	*slice = SLICE;
	return next;
}

const struct sched_ops sched_null = {
	.name = "null", .id = XEN_SCHEDULER_NULL, .vcpu_init = null_vcpu_init, .vcpu_remove = null_vcpu_remove,
	.enqueue = null_enqueue, .target = null_target, .pick = null_pick,
};

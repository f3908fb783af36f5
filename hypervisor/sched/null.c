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

static void null_vcpu_init(struct vcpu *v)
{
	cpumask_t allowed = cpumask_and(&v->sched.hard_affinity, &cpu_online_mask);
	unsigned int cpu, best = cpumask_first(&allowed);

	for_each_cpu(cpu, &allowed)
		if (READ_ONCE(owners[cpu]) < READ_ONCE(owners[best]))
			best = cpu;
	__atomic_add_fetch(&owners[best], 1, __ATOMIC_SEQ_CST);
	v->sched.cpu = best;
}

static void null_vcpu_remove(struct vcpu *v)
{
	__atomic_sub_fetch(&owners[v->sched.cpu], 1, __ATOMIC_SEQ_CST);
}

static unsigned int null_place(struct vcpu *v)
{
	cpumask_t allowed = cpumask_and(&v->sched.hard_affinity, &cpu_online_mask);

	if (cpumask_test(&allowed, v->sched.cpu))
		return v->sched.cpu;
	null_vcpu_remove(v);			/* its affinity was changed */
	__atomic_add_fetch(&owners[cpumask_first(&allowed)], 1, __ATOMIC_SEQ_CST);
	return cpumask_first(&allowed);
}

static void null_enqueue(struct run_queue *rq, struct vcpu *v, s64 now)
{
	list_add_tail(&v->sched.link, &rq->queue);
	rq->nr_queued++;
}

static void null_dequeue(struct run_queue *rq, struct vcpu *v)
{
	list_del(&v->sched.link);
	rq->nr_queued--;
}

static bool null_preempts(struct run_queue *rq, struct vcpu *v)
{
	return rq->curr == rq->idle || rq->nr_queued == 1;
}

static struct vcpu *null_pick(struct run_queue *rq, struct vcpu *prev, s64 now, s64 *slice)
{
	bool stay = prev != rq->idle && sched_may_run(prev, rq->cpu);
	struct vcpu *next = prev;

	if (!stay || (rq->nr_queued && (now >= prev->sched.slice_end || prev->sched.yielding))) {
		next = rq->idle;
		if (rq->nr_queued) {
			next = list_first_entry(&rq->queue, struct vcpu, sched.link);
			null_dequeue(rq, next);
			next->sched.queued = false;
			next->sched.slice_end = now + SLICE;
		}
		if (stay) {
			null_enqueue(rq, prev, now);
			prev->sched.queued = true;
		}
	}
	prev->sched.yielding = false;
	*slice = rq->nr_queued ? max(next->sched.slice_end - now, SLICE / 10) : -1;
	return next;
}

const struct sched_ops sched_null = {
	.name = "null", .id = XEN_SCHEDULER_NULL,
	.vcpu_init = null_vcpu_init, .vcpu_remove = null_vcpu_remove, .place = null_place,
	.enqueue = null_enqueue, .dequeue = null_dequeue,
	.preempts = null_preempts, .pick = null_pick,
};

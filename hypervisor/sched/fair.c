// SPDX-License-Identifier: GPL-2.0-only
/*
 * fair: weighted proportional share.
 *
 * Each vcpu has a virtual run time that advances while it runs, the slower the greater its weight.
 * A CPU runs the vcpu that is furthest behind. The queue is ordered by it; min_vruntime is the
 * queue's clock, to which a vcpu that slept is brought forward (but for LAG, so that one which
 * sleeps often is served at once) and by which one that changes queues is adjusted.
 *
 * A vcpu that becomes runnable goes to an idle CPU if there is one. A CPU with nothing to run, or
 * with one vcpu at the end of its slice while others have a queue, takes one that waits elsewhere:
 * three busy vcpus on two CPUs get two thirds each.
 */
#include <xenolith/domain.h>
#include <xen/domctl.h>
#include "sched-private.h"

#define MS		1000000LL
#define SLICE		(10 * MS)	/* to run when others wait */
#define GRANULARITY	(1 * MS)	/* lead of a waiter that ends a slice early */
#define LAG		(5 * MS)	/* most that a sleeper may be behind */
#define LONELY_SLICE	(30 * MS)	/* alone on the CPU: how often to look for work elsewhere */
#define RETRY		(1 * MS)	/* idle, but a queue could not be looked into */

static s64 weighted(const struct vcpu *v, s64 ns)
{
	return ns * SCHED_DEFAULT_WEIGHT / v->domain->sched.weight;
}

static unsigned int fair_place(struct vcpu *v)
{
	cpumask_t allowed = cpumask_and(&v->sched.hard_affinity, &cpu_online_mask);
	cpumask_t idle = cpumask_and(&allowed, &sched_idle_cpus);
	unsigned int cpu, best = v->sched.cpu;

	if (cpumask_test(&idle, best))
		return best;
	cpu = cpumask_first(&idle);
	if (cpu < NR_CPUS)
		return cpu;
	if (!cpumask_test(&allowed, best))
		best = cpumask_first(&allowed);
	for_each_cpu(cpu, &allowed)
		if (READ_ONCE(sched_queue(cpu)->nr_queued) < READ_ONCE(sched_queue(best)->nr_queued))
			best = cpu;
	return best;
}

static void insert(struct run_queue *rq, struct vcpu *v)
{
	struct list_head *pos = rq->queue.prev;

	while (pos != &rq->queue &&
	       list_entry(pos, struct vcpu, sched.link)->sched.vruntime > v->sched.vruntime)
		pos = pos->prev;
	list_add(&v->sched.link, pos);
	rq->nr_queued++;
}

static struct vcpu *first_of(struct run_queue *rq)
{
	return rq->nr_queued ? list_first_entry(&rq->queue, struct vcpu, sched.link) : NULL;
}

static void account(struct vcpu *v, s64 now)
{
	v->sched.vruntime += weighted(v, now - v->sched.start);
	v->sched.start = now;
}

/* The queue's time is that of whoever is furthest behind: @curr, or the first who waits. */
static void advance_clock(struct run_queue *rq, const struct vcpu *curr)
{
	const struct vcpu *first = first_of(rq);
	s64 min = curr->sched.vruntime;

	if (first)
		min = min(min, first->sched.vruntime);
	rq->min_vruntime = max(rq->min_vruntime, min);
}

static void fair_enqueue(struct run_queue *rq, struct vcpu *v, s64 now)
{
	if (rq->curr != rq->idle) {
		account(rq->curr, now);
		advance_clock(rq, rq->curr);
	}
	v->sched.vruntime = max(v->sched.vruntime, rq->min_vruntime - LAG);
	insert(rq, v);
}

static void fair_dequeue(struct run_queue *rq, struct vcpu *v)
{
	list_del(&v->sched.link);
	rq->nr_queued--;
}

static bool fair_preempts(struct run_queue *rq, struct vcpu *v)
{
	struct vcpu *curr = rq->curr;

	if (curr == rq->idle || rq->nr_queued == 1)	/* idle, or running without end */
		return true;
	return curr->sched.vruntime > v->sched.vruntime + weighted(v, GRANULARITY);
}

/* A waiting vcpu of another queue that may run here, moved to @rq but not queued. */
static struct vcpu *steal(struct run_queue *rq, bool *retry)
{
	unsigned int cpu;
	struct vcpu *v;

	for_each_cpu(cpu, &cpu_online_mask) {
		struct run_queue *from = sched_queue(cpu);

		if (from == rq || !READ_ONCE(from->nr_queued))
			continue;
		if (!spin_trylock(&from->lock)) {	/* its CPU may be waiting for us likewise */
			*retry = true;
			continue;
		}
		list_for_each_entry(v, &from->queue, sched.link) {
			if (v->sched.running || !cpumask_test(&v->sched.hard_affinity, rq->cpu))
				continue;
			fair_dequeue(from, v);
			v->sched.queued = false;
			sched_move(v, rq->cpu);
			spin_unlock(&from->lock);
			return v;
		}
		spin_unlock(&from->lock);
	}
	return NULL;
}

/* Should @prev go on rather than @first, who waits? */
static bool keep(const struct vcpu *prev, const struct vcpu *first, s64 now)
{
	s64 lead;

	if (!first || prev->sched.yielding)
		return !first;
	lead = prev->sched.vruntime - first->sched.vruntime;
	return now < prev->sched.slice_end ? lead < weighted(first, GRANULARITY) : lead < 0;
}

static struct vcpu *fair_pick(struct run_queue *rq, struct vcpu *prev, s64 now, s64 *slice)
{
	struct vcpu *first = first_of(rq), *stolen = NULL, *next;
	bool stay = false, retry = false;

	if (prev != rq->idle) {
		account(prev, now);
		stay = sched_may_run(prev, rq->cpu);
	}
	if (!first && (!stay || now >= prev->sched.slice_end)) {
		stolen = steal(rq, &retry);
		if (stolen) {
			insert(rq, stolen);
			first = stolen;
		}
	}
	next = stay && keep(prev, first, now) ? prev : first;
	if (!next) {
		*slice = retry ? RETRY : -1;
		return rq->idle;
	}
	if (next == first) {
		fair_dequeue(rq, next);
		next->sched.queued = false;
		next->sched.start = now;
	}
	if (next == first || now >= next->sched.slice_end)
		next->sched.slice_end = now + SLICE;
	if (stay && prev != next) {
		insert(rq, prev);
		prev->sched.queued = true;
	}
	prev->sched.yielding = false;
	advance_clock(rq, next);
	if (rq->nr_queued)
		*slice = max(next->sched.slice_end - now, GRANULARITY);
	else
		*slice = sched_overcommitted() ? LONELY_SLICE : -1;
	return next;
}

const struct sched_ops sched_fair = {
	.name = "fair", .id = XEN_SCHEDULER_CREDIT2,
	.place = fair_place, .enqueue = fair_enqueue, .dequeue = fair_dequeue,
	.preempts = fair_preempts, .pick = fair_pick,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * fair: weighted proportional share with caps.
 *
 * Each vcpu has a virtual run time that advances while it runs, the slower the greater its weight. A CPU
 * runs the vcpu that is furthest behind of those that may run there: all CPUs choose from one list in
 * this order, so shares hold over the machine and no CPU idles while somebody waits for it.
 *
 * Affinity can make time advance faster on some CPUs than on others. So each CPU has a clock, the time
 * that its customers have reached. A vcpu that wakes is brought near to the clocks of its CPUs: behind them
 * by WAKE_LAG at most, so that one which sleeps often is served at once and none can save up; and nobody
 * who runs is further behind the next in turn than MAX_LAG, lest that one wait for the difference.
 *
 * A cap gives the vcpus of a domain a budget for each CAP_PERIOD. What they used too much of it is missing
 * from the next, and what they could not use for want of a CPU is there in the next, not longer; without any
 * left they wait for the refill timer, which is armed only then.
 */
#include <xenolith/domain.h>
#include <xen/domctl.h>
#include "sched-private.h"

#define MS		1000000LL
#define SLICE		(10 * MS)	/* to run when others wait */
#define GRANULARITY	(1 * MS)	/* lead of a waiter that ends a slice early */
#define WAKE_LAG	(5 * MS)
#define MAX_LAG		(5 * SLICE)	/* of its own time that who is next in turn may wait */
#define CAP_PERIOD	(10 * MS)
#define MIN_SLICE	(MS / 20)

static s64 weighted(const struct vcpu *v, s64 ns)
{
	unsigned int weight = READ_ONCE(v->domain->sched.weight);

	return likely(weight == SCHED_DEFAULT_WEIGHT) ? ns : ns * SCHED_DEFAULT_WEIGHT / weight;
}

static void account(struct sched_cpu *c, s64 now)
{
	struct vcpu *v = c->curr;
	s64 ran = now - v->sched.start;

	if (v == c->idle)
		return;
	v->sched.start = now;
	v->sched.vruntime += weighted(v, ran);
	if (v->domain->sched.cap)
		v->domain->sched.budget -= ran;
	if (!sched_nr_waiting)		/* else pick() looks often enough */
		c->clock = max(c->clock, v->sched.vruntime);
}

/* ---- caps ---- */

static void refill_fired(void *arg)
{
	struct domain *d = arg;
	struct vcpu *v;

	for_each_vcpu(d, v)
		sched_offer(v);
}

/* Must @v wait for the next period of its domain's budget? */
static bool out_of_budget(const struct vcpu *v, s64 now)
{
	struct sched_domain *s = &v->domain->sched;
	s64 periods, quota = s->cap * CAP_PERIOD / 100;
	unsigned int cpu;

	if (likely(!s->cap))
		return false;
	if (now >= s->next_refill) {
		for_each_cpu(cpu, &cpu_online_mask)	/* what was used before belongs to the old budget */
			account(sched_cpu(cpu), now);
		periods = (now - s->next_refill) / CAP_PERIOD + 1;
		s->next_refill += periods * CAP_PERIOD;
		s->budget = min(s->budget + periods * quota, 2 * quota);
	}
	if (s->budget > 0)
		return false;
	if (!timer_armed(&s->refill)) {
		s->refill.fn = refill_fired;
		s->refill.arg = v->domain;
		timer_set(&s->refill, s->next_refill);
	}
	return true;
}

static void set_params(struct domain *d, u16 weight, u16 cap)
{
	struct sched_domain *s = &d->sched;
	unsigned long flags = sched_lock_irqsave();
	s64 now = now_ns();
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_online_mask) {
		account(sched_cpu(cpu), now);	/* what ran until now did so on the old terms */
		sched_tell(cpu);
	}
	s->weight = weight;
	if (cap != s->cap) {
		s->cap = cap;
		s->budget = 0;
		s->next_refill = now;
	}
	sched_unlock_irqrestore(flags);
}

long sched_domctl(struct domain *d, struct xen_domctl_scheduler_op *op)
{
	struct xen_domctl_sched_credit2 *p = &op->u.credit2;

	if (op->sched_id != sched_policy->id || op->sched_id != XEN_SCHEDULER_CREDIT2)
		return -EINVAL;
	switch (op->cmd) {
	case XEN_DOMCTL_SCHEDOP_getinfo:
		p->weight = d->sched.weight;
		p->cap = d->sched.cap;
		return 0;
	case XEN_DOMCTL_SCHEDOP_putinfo:
		if (p->cap > 100 * d->max_vcpus)
			return -EINVAL;
		set_params(d, p->weight ?: d->sched.weight, p->cap);
		return 0;
	}
	return -EINVAL;
}

/* ---- the list ---- */

/* The first in turn of those that @c may take. */
static struct vcpu *first_for(const struct sched_cpu *c, s64 now)
{
	struct vcpu *v;

	list_for_each_entry(v, &sched_waiting, sched.link)
		if (cpumask_test(&v->sched.hard_affinity, c->cpu) && sched_has_left(v) && !out_of_budget(v, now))
			return v;
	return NULL;
}

/* Bring @v, which slept or may run elsewhere now, near to the clocks of its CPUs. */
static void approach(struct vcpu *v, s64 now)
{
	s64 base = INT64_MIN;
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_online_mask) {
		if (!cpumask_test(&v->sched.hard_affinity, cpu))
			continue;
		account(sched_cpu(cpu), now);
		base = max(base, sched_cpu(cpu)->clock);
	}
	v->sched.vruntime = min(max(v->sched.vruntime, base - WAKE_LAG), base + weighted(v, 2 * SLICE));
}

static void fair_enqueue(struct vcpu *v, s64 now, bool wakes)
{
	struct list_head *pos = sched_waiting.prev;

	if (wakes)
		approach(v, now);
	while (pos != &sched_waiting && list_entry(pos, struct vcpu, sched.link)->sched.vruntime > v->sched.vruntime)
		pos = pos->prev;
	list_add(&v->sched.link, pos);
}

/* An idle CPU, best where @v ran last or likes to, or one that runs who is far enough ahead of it. */
static unsigned int fair_target(struct vcpu *v, s64 now)
{
	cpumask_t allowed = cpumask_and(&v->sched.hard_affinity, &cpu_online_mask);
	cpumask_t idle = cpumask_and(&allowed, &sched_idle_cpus), liked = cpumask_and(&idle, &v->sched.soft_affinity);
	struct sched_cpu *best = NULL;
	unsigned int cpu;

	if (out_of_budget(v, now))
		return NR_CPUS;
	if (!cpumask_empty(&liked))
		idle = liked;
	if (!cpumask_empty(&idle))
		return cpumask_test(&idle, v->sched.cpu) ? v->sched.cpu : cpumask_first(&idle);
	for_each_cpu(cpu, &allowed) {
		struct sched_cpu *c = sched_cpu(cpu);

		if (c->told)
			continue;
		account(c, now);
		if (!best || c->curr->sched.vruntime > best->curr->sched.vruntime)
			best = c;
		if (c->endless)
			sched_tell(cpu);
	}
	if (best && best->curr->sched.vruntime > v->sched.vruntime + weighted(v, GRANULARITY))
		return best->cpu;
	return NR_CPUS;
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

static s64 slice_of(const struct vcpu *v, s64 now)
{
	s64 slice = v->sched.slice_end - now;

	if (v->domain->sched.cap)
		return max(min(slice, v->domain->sched.budget), MIN_SLICE);
	return sched_nr_waiting ? max(slice, GRANULARITY) : -1;
}

static struct vcpu *fair_pick(struct sched_cpu *c, struct vcpu *prev, s64 now, s64 *slice)
{
	struct vcpu *first = first_for(c, now), *next, *other;
	bool stay;

	account(c, now);
	stay = prev != c->idle && vcpu_runnable(prev) && cpumask_test(&prev->sched.hard_affinity, c->cpu) &&
	       !out_of_budget(prev, now);
	next = stay && keep(prev, first, now) ? prev : first;
	if (!next)
		return c->idle;
	if (next != prev || now >= next->sched.slice_end)
		next->sched.slice_end = now + SLICE;
	if (next != prev)
		next->sched.start = now;
	other = next == prev ? first : stay ? prev : NULL;	/* who had it otherwise */
	if (other) {
		next->sched.vruntime = max(next->sched.vruntime, other->sched.vruntime - weighted(other, MAX_LAG));
		c->clock = max(c->clock, min(next->sched.vruntime, other->sched.vruntime));
	} else {
		c->clock = max(c->clock, next->sched.vruntime);
	}
	*slice = slice_of(next, now);
	return next;
}

const struct sched_ops sched_fair = {
	.name = "fair", .id = XEN_SCHEDULER_CREDIT2,
	.enqueue = fair_enqueue, .target = fair_target, .pick = fair_pick,
};

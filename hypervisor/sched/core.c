// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scheduler core: which vcpus may run, where they are queued, run-state accounting, the switch.
 *
 * A vcpu that is not blocked, not down and not paused is runnable. A runnable vcpu is either
 * "curr" of one CPU or queued on one. All of its sched state is covered by the lock of the run
 * queue of v->sched.cpu, which itself changes only under that lock while the vcpu is neither
 * queued nor running. Flags and pause counts are atomic: whoever changes one calls vcpu_wake() or
 * vcpu_sleep_nosync() after it, and those look again under the lock, so that the order in which
 * two changes meet does not matter.
 *
 * "running" outlives "curr" for a moment: it falls when the switch code no longer needs this CPU
 * for the vcpu. Until then no other CPU may take it.
 */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include "sched-private.h"

static DEFINE_PER_CPU(struct run_queue, run_queues);
const struct sched_ops *sched_policy __ro_after_init = &sched_fair;
cpumask_t sched_idle_cpus;
static atomic_t nr_vcpus;

struct run_queue *sched_queue(unsigned int cpu)
{
	return &per_cpu(run_queues, cpu);
}

bool sched_overcommitted(void)
{
	return atomic_read(&nr_vcpus) > cpumask_weight(&cpu_online_mask);
}

bool vcpu_runnable(const struct vcpu *v)
{
	return !(READ_ONCE(v->sched.flags) & (BIT(VF_BLOCKED) | BIT(VF_DOWN))) &&
	       !atomic_read(&v->sched.pause_count) && !atomic_read(&v->domain->pause_count);
}

bool sched_may_run(const struct vcpu *v, unsigned int cpu)
{
	return vcpu_runnable(v) && cpumask_test(&v->sched.hard_affinity, cpu);
}

static struct run_queue *lock_queue(const struct vcpu *v)
{
	for (;;) {
		struct run_queue *rq = sched_queue(READ_ONCE(v->sched.cpu));

		spin_lock(&rq->lock);
		if (rq->cpu == v->sched.cpu)
			return rq;
		spin_unlock(&rq->lock);
	}
}

void sched_move(struct vcpu *v, unsigned int cpu)
{
	v->sched.vruntime += READ_ONCE(sched_queue(cpu)->min_vruntime) -
			     READ_ONCE(sched_queue(v->sched.cpu)->min_vruntime);
	WRITE_ONCE(v->sched.cpu, cpu);
}

/* ---- run states ---- */

static void set_runstate(struct vcpu *v, int state, s64 now)
{
	struct vcpu_runstate_info *rs = &v->sched.runstate;

	rs->time[rs->state] += now - rs->state_entry_time;
	rs->state_entry_time = now;
	rs->state = state;
}

static void set_waiting_runstate(struct vcpu *v, s64 now)
{
	if (vcpu_runnable(v))
		set_runstate(v, RUNSTATE_runnable, now);
	else if (test_bit(VF_BLOCKED, &v->sched.flags))
		set_runstate(v, RUNSTATE_blocked, now);
	else
		set_runstate(v, RUNSTATE_offline, now);
}

void vcpu_runstate_get(const struct vcpu *v, struct vcpu_runstate_info *out)
{
	unsigned long flags = irq_save();
	struct run_queue *rq = lock_queue(v);

	*out = v->sched.runstate;
	spin_unlock_irqrestore(&rq->lock, flags);
	out->time[out->state] += now_ns() - out->state_entry_time;
}

/* ---- becoming runnable and ceasing to be ---- */

static bool waits_unqueued(const struct vcpu *v, const struct run_queue *rq)
{
	return vcpu_runnable(v) && !v->sched.queued && rq->curr != v;
}

void vcpu_wake(struct vcpu *v)
{
	unsigned long flags = irq_save();
	struct run_queue *rq = lock_queue(v);
	unsigned int cpu;
	s64 now;

	if (!waits_unqueued(v, rq))
		goto out;
	if (!v->sched.running) {
		cpu = sched_policy->place(v);
		if (cpu != rq->cpu) {
			sched_move(v, cpu);
			spin_unlock(&rq->lock);
			rq = lock_queue(v);
			if (!waits_unqueued(v, rq))
				goto out;
		}
	}
	now = now_ns();
	set_runstate(v, RUNSTATE_runnable, now);
	v->sched.queued = true;
	sched_policy->enqueue(rq, v, now);
	if (cpumask_test(&sched_idle_cpus, rq->cpu))
		cpumask_clear(&sched_idle_cpus, rq->cpu);
	if (sched_policy->preempts(rq, v))
		softirq_raise_on(rq->cpu, SOFTIRQ_SCHEDULE);
out:
	spin_unlock_irqrestore(&rq->lock, flags);
}

void vcpu_sleep_nosync(struct vcpu *v)
{
	unsigned long flags = irq_save();
	struct run_queue *rq = lock_queue(v);

	if (!vcpu_runnable(v)) {
		if (v->sched.queued) {
			sched_policy->dequeue(rq, v);
			v->sched.queued = false;
		}
		if (rq->curr == v)
			softirq_raise_on(rq->cpu, SOFTIRQ_SCHEDULE);
		else
			set_waiting_runstate(v, now_ns());
	}
	spin_unlock_irqrestore(&rq->lock, flags);
}

void vcpu_sleep_sync(struct vcpu *v)
{
	vcpu_sleep_nosync(v);
	while (READ_ONCE(v->sched.running))
		cpu_relax();
	context_sync(v);
}

void vcpu_pause_nosync(struct vcpu *v)
{
	atomic_inc(&v->sched.pause_count);
	vcpu_sleep_nosync(v);
}

void vcpu_pause(struct vcpu *v)
{
	ASSERT(v != current);
	atomic_inc(&v->sched.pause_count);
	vcpu_sleep_sync(v);
}

void vcpu_unpause(struct vcpu *v)
{
	if (atomic_dec_and_test(&v->sched.pause_count))
		vcpu_wake(v);
}

void domain_pause_nosync(struct domain *d)
{
	struct vcpu *v;

	atomic_inc(&d->pause_count);
	for_each_vcpu(d, v)
		vcpu_sleep_nosync(v);
}

void domain_pause(struct domain *d)
{
	struct vcpu *v;

	ASSERT(d != current->domain);
	domain_pause_nosync(d);
	for_each_vcpu(d, v)
		vcpu_sleep_sync(v);
}

void domain_unpause(struct domain *d)
{
	struct vcpu *v;

	if (atomic_dec_and_test(&d->pause_count))
		for_each_vcpu(d, v)
			vcpu_wake(v);
}

/* ---- blocking ---- */

void sched_poll_end(struct vcpu *v)
{
	if (test_bit(VF_POLL, &v->sched.flags) && test_and_clear_bit(VF_POLL, &v->sched.flags)) {
		v->evtchn.poll_port = 0;
		clear_bit(v->id, v->domain->evtchn.poll_mask);
	}
}

void vcpu_unblock(struct vcpu *v)
{
	if (!test_bit(VF_BLOCKED, &v->sched.flags))
		return;
	sched_poll_end(v);
	if (test_and_clear_bit(VF_BLOCKED, &v->sched.flags))
		vcpu_wake(v);
}

void vcpu_block_current(void)
{
	struct vcpu *v = current;

	v->info->evtchn_upcall_mask = 0;
	set_bit(VF_BLOCKED, &v->sched.flags);	/* orders before the look: pairs with evtchn_upcall() */
	if (evtchn_upcall_needed(v))
		clear_bit(VF_BLOCKED, &v->sched.flags);
	else
		softirq_raise(SOFTIRQ_SCHEDULE);
}

void vcpu_kick(struct vcpu *v)
{
	unsigned int cpu = READ_ONCE(v->sched.cpu);

	if (READ_ONCE(v->sched.running) && cpu != smp_cpu())
		smp_kick(cpu);
}

int vcpu_set_affinity(struct vcpu *v, const cpumask_t *hard)
{
	cpumask_t usable = cpumask_and(hard, &cpu_online_mask);
	struct run_queue *rq;
	unsigned long flags;

	if (cpumask_empty(&usable))
		return -EINVAL;
	flags = irq_save();
	rq = lock_queue(v);
	v->sched.hard_affinity = *hard;
	if (!cpumask_test(hard, rq->cpu)) {
		if (v->sched.queued) {
			sched_policy->dequeue(rq, v);
			v->sched.queued = false;
		} else if (rq->curr == v) {
			softirq_raise_on(rq->cpu, SOFTIRQ_SCHEDULE);
		}
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	vcpu_wake(v);
	return 0;
}

/* ---- the switch ---- */

static void set_slice(struct run_queue *rq, s64 now, s64 slice)
{
	if (slice >= 0)
		timer_set(&rq->slice, now + slice);
	else if (rq->slice.armed)
		timer_stop(&rq->slice);
}

static void schedule(void)
{
	struct run_queue *rq = &this_cpu(run_queues);
	struct vcpu *prev = current, *next;
	s64 slice, now;

	irq_disable();
	spin_lock(&rq->lock);
	now = now_ns();
	next = sched_policy->pick(rq, prev, now, &slice);
	if (next != prev) {
		if (prev == rq->idle)
			set_runstate(prev, RUNSTATE_runnable, now);
		else
			set_waiting_runstate(prev, now);
		set_runstate(next, RUNSTATE_running, now);
		next->sched.running = true;
		rq->curr = next;
		if (next == rq->idle)
			cpumask_set(&sched_idle_cpus, rq->cpu);
		else
			cpumask_clear(&sched_idle_cpus, rq->cpu);
		smp_mb();	/* running before the look at events: pairs with vcpu_kick()'s caller */
	}
	spin_unlock(&rq->lock);
	irq_enable();
	set_slice(rq, now, slice);
	if (next != prev)
		context_switch(prev, next);
}

void sched_context_saved(struct vcpu *prev)
{
	smp_wmb();
	WRITE_ONCE(prev->sched.running, false);
	/* Not queued by pick() because it must not run here: another CPU has to have it. */
	if (unlikely(!cpumask_test(&prev->sched.hard_affinity, smp_cpu())) && !prev->is_idle)
		vcpu_wake(prev);
}

static void slice_over(void *arg)
{
	softirq_raise(SOFTIRQ_SCHEDULE);
}

void __noreturn idle_loop(void)
{
	struct cpu_info *info = cpu_info();

	for (;;) {
		softirq_run();
		irq_disable();
		if (READ_ONCE(info->softirq_pending))
			irq_enable();
		else
			asm volatile("sti; hlt" ::: "memory");
	}
}

/* ---- set-up ---- */

void __init sched_init(void)
{
	const char *name = boot_param("sched");

	if (name && !strcmp(name, sched_null.name))
		sched_policy = &sched_null;
	else if (name && strncmp(name, "credit", 6) && strcmp(name, sched_fair.name))
		printk_warn("sched=%s: there are fair and null; using fair\n", name);
	softirq_set_handler(SOFTIRQ_SCHEDULE, schedule);
}

void sched_cpu_init(unsigned int cpu)
{
	struct run_queue *rq = sched_queue(cpu);
	struct vcpu *idle = idle_domain->vcpu[cpu];

	spin_lock_init(&rq->lock);
	rq->cpu = cpu;
	list_init(&rq->queue);
	rq->curr = rq->idle = idle;
	idle->sched.running = true;
	idle->sched.runstate.state = RUNSTATE_running;
	timer_init(&rq->slice, slice_over, NULL, cpu);
	tasklet_cpu_init(cpu);
	cpumask_set(&sched_idle_cpus, cpu);
}

int sched_vcpu_init(struct vcpu *v, unsigned int cpu)
{
	struct sched_vcpu *s = &v->sched;

	list_init(&s->link);
	s->cpu = cpu;
	memset(&s->hard_affinity, 0xff, sizeof(s->hard_affinity));
	memset(&s->soft_affinity, 0xff, sizeof(s->soft_affinity));
	s->runstate.state_entry_time = now_ns();
	sched_timers_init(v, cpu);
	if (v->is_idle) {
		s->hard_affinity = cpumask_of(cpu);
		return 0;
	}
	s->flags = BIT(VF_DOWN);
	s->runstate.state = RUNSTATE_offline;
	if (sched_policy->vcpu_init)
		sched_policy->vcpu_init(v);
	atomic_inc(&nr_vcpus);
	return 0;
}

void sched_vcpu_destroy(struct vcpu *v)
{
	sched_timers_stop(v);
	if (sched_policy->vcpu_remove)
		sched_policy->vcpu_remove(v);
	atomic_add_return(&nr_vcpus, -1);
}

void sched_dump(void)
{
	struct vcpu *v;
	unsigned int cpu;

	printk("scheduler: %s\n", sched_policy->name);
	for_each_cpu(cpu, &cpu_online_mask) {
		struct run_queue *rq = sched_queue(cpu);
		unsigned long flags = spin_lock_irqsave(&rq->lock);

		printk("CPU%u: runs d%uv%u, %u waiting\n", cpu, rq->curr->domain->id, rq->curr->id,
		       rq->nr_queued);
		list_for_each_entry(v, &rq->queue, sched.link)
			printk("  d%uv%u vruntime %lld us\n", v->domain->id, v->id,
			       (long long)(v->sched.vruntime - rq->min_vruntime) / 1000);
		spin_unlock_irqrestore(&rq->lock, flags);
	}
}

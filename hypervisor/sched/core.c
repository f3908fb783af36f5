// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scheduler core: which vcpus may run, run-state accounting, the switch.
 *
 * A vcpu that is not blocked, not down and not paused is runnable. A runnable vcpu is either "curr" of
 * one CPU or waits in the one list of all CPUs, from which each takes what the policy says. One lock
 * covers that list, who runs where, and the sched state of all vcpus: it is held for some hundred
 * instructions at a time, and there is no balancing between queues to get wrong. Flags and pause counts
 * are atomic: whoever changes one calls vcpu_wake() or vcpu_sleep_nosync() after it, and those look again
 * under the lock, so that the order in which two changes meet does not matter.
 *
 * "running" outlives "curr" for a moment: it falls when the switch code no longer needs this CPU
 * for the vcpu. Until then no other CPU may take it.
 */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include "sched-private.h"

static DEFINE_SPINLOCK(sched_lock);
static DEFINE_PER_CPU(struct sched_cpu, sched_cpus);
LIST_HEAD(sched_waiting);
unsigned int sched_nr_waiting;
cpumask_t sched_idle_cpus;
const struct sched_ops *sched_policy __ro_after_init = &sched_fair;

/*
 * Not in order of arrival: where CPUs are virtual themselves the next in line may not be running, and all
 * others would wait for that.
 */
unsigned long sched_lock_irqsave(void)
{
	unsigned long flags = irq_save();

	while (unlikely(!spin_trylock(&sched_lock)))
		cpu_relax();
	return flags;
}

void sched_unlock_irqrestore(unsigned long flags)
{
	spin_unlock_irqrestore(&sched_lock, flags);
}

struct sched_cpu *sched_cpu(unsigned int cpu)
{
	return &per_cpu(sched_cpus, cpu);
}

bool vcpu_runnable(const struct vcpu *v)
{
	return !(READ_ONCE(v->sched.flags) & (BIT(VF_BLOCKED) | BIT(VF_DOWN))) &&
	       !atomic_read(&v->sched.pause_count) && !atomic_read(&v->domain->pause_count);
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
	set_runstate(v, v->is_idle || vcpu_runnable(v) ? RUNSTATE_runnable :
		     test_bit(VF_BLOCKED, &v->sched.flags) ? RUNSTATE_blocked : RUNSTATE_offline, now);
}

void vcpu_runstate_get(const struct vcpu *v, struct vcpu_runstate_info *out)
{
	unsigned long flags = sched_lock_irqsave();

	*out = v->sched.runstate;
	sched_unlock_irqrestore(flags);
	out->time[out->state] += now_ns() - out->state_entry_time;
}

/* ---- becoming runnable and ceasing to be ---- */

static bool is_curr(const struct vcpu *v)
{
	return sched_cpu(v->sched.cpu)->curr == v;
}

void sched_tell(unsigned int cpu)
{
	if (cpu >= NR_CPUS)
		return;
	sched_cpu(cpu)->told = true;
	if (cpumask_test(&sched_idle_cpus, cpu))
		cpumask_clear(&sched_idle_cpus, cpu);
	softirq_raise_on(cpu, SOFTIRQ_SCHEDULE);
}

bool sched_has_left(struct vcpu *v)
{
	if (!READ_ONCE(v->sched.running))
		return true;
	WRITE_ONCE(v->sched.missed, true);
	smp_mb();	/* pairs with sched_context_saved(): one of the two sees what the other wrote */
	return !READ_ONCE(v->sched.running);
}

void sched_dequeue(struct vcpu *v)
{
	list_del(&v->sched.link);
	v->sched.queued = false;
	sched_nr_waiting--;
}

static void enqueue(struct vcpu *v, s64 now, bool wakes)
{
	sched_policy->enqueue(v, now, wakes);
	v->sched.queued = true;
	v->sched.missed = false;
	sched_nr_waiting++;
}

void sched_offer(struct vcpu *v)
{
	unsigned long flags = sched_lock_irqsave();

	if (v->sched.queued)
		sched_tell(sched_policy->target(v, now_ns()));
	sched_unlock_irqrestore(flags);
}

void vcpu_wake(struct vcpu *v)
{
	unsigned long flags = sched_lock_irqsave();
	s64 now;

	if (vcpu_runnable(v) && !v->sched.queued && !is_curr(v)) {
		now = now_ns();
		set_runstate(v, RUNSTATE_runnable, now);
		enqueue(v, now, true);
		sched_tell(sched_policy->target(v, now));
	}
	sched_unlock_irqrestore(flags);
}

void vcpu_sleep_nosync(struct vcpu *v)
{
	unsigned long flags = sched_lock_irqsave();

	if (!vcpu_runnable(v)) {
		if (v->sched.queued)
			sched_dequeue(v);
		if (is_curr(v))
			sched_tell(v->sched.cpu);
		else
			set_waiting_runstate(v, now_ns());
	}
	sched_unlock_irqrestore(flags);
}

static void vcpu_sleep_sync(struct vcpu *v)
{
	vcpu_sleep_nosync(v);
	while (READ_ONCE(v->sched.running))
		cpu_relax();
	context_sync(v);
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
	if (READ_ONCE(v->evtchn.poll_port)) {
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
	unsigned long flags;

	if (cpumask_empty(&usable))
		return -EINVAL;
	flags = sched_lock_irqsave();
	v->sched.hard_affinity = *hard;
	if (v->sched.queued)
		sched_dequeue(v);
	else if (is_curr(v) && !cpumask_test(hard, v->sched.cpu))
		sched_tell(v->sched.cpu);
	sched_unlock_irqrestore(flags);
	vcpu_wake(v);
	return 0;
}

/* ---- the switch ---- */

static void set_slice(struct sched_cpu *c)
{
	if (!c->endless)
		timer_set(&c->slice, c->slice_end);
	else if (timer_armed(&c->slice))
		timer_stop(&c->slice);
}

static void schedule(void)
{
	struct sched_cpu *c = &this_cpu(sched_cpus);
	struct vcpu *prev = current, *next;
	unsigned long flags;
	s64 slice = -1, now;

	flags = sched_lock_irqsave();
	now = now_ns();
	c->told = false;
	next = sched_policy->pick(c, prev, now, &slice);
	c->endless = slice < 0;
	c->slice_end = now + slice;
	prev->sched.yielding = false;
	if (next != prev) {
		if (next != c->idle)
			sched_dequeue(next);
		if (prev != c->idle && vcpu_runnable(prev))
			enqueue(prev, now, false);
		set_waiting_runstate(prev, now);
		set_runstate(next, RUNSTATE_running, now);
		WRITE_ONCE(next->sched.cpu, c->cpu);
		next->sched.running = true;
		c->curr = next;
		smp_mb();	/* running before the look at events: pairs with vcpu_kick()'s caller */
	}
	if (next == c->idle)
		cpumask_set(&sched_idle_cpus, c->cpu);
	else if (cpumask_test(&sched_idle_cpus, c->cpu))
		cpumask_clear(&sched_idle_cpus, c->cpu);
	sched_unlock_irqrestore(flags);
	if (next != prev)
		context_switch(prev, next);
	set_slice(c);
}

void sched_context_saved(struct vcpu *prev)
{
	smp_wmb();
	WRITE_ONCE(prev->sched.running, false);
	smp_mb();	/* pairs with vcpu_wake(), which tells after it queued, and with sched_has_left() */
	/* Until now nobody could take it. Where it ran it is next in turn as it is. */
	if (unlikely(READ_ONCE(prev->sched.queued)) &&
	    (READ_ONCE(prev->sched.missed) || !cpumask_empty(&sched_idle_cpus) ||
	     !cpumask_test(&prev->sched.hard_affinity, smp_cpu())))
		sched_offer(prev);
	/*
	 * Not earlier: where CPUs are emulated one after the other a timer's change is the others' turn, for a whole slice,
	 * and all that time they could not take @prev.
	 */
	set_slice(&this_cpu(sched_cpus));
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
	struct sched_cpu *c = sched_cpu(cpu);

	c->cpu = cpu;
	c->curr = c->idle = idle_domain->vcpu[cpu];
	c->idle->sched.running = true;
	c->idle->sched.runstate.state = RUNSTATE_running;
	timer_init(&c->slice, slice_over, NULL);
	cpumask_set(&sched_idle_cpus, cpu);
}

void sched_vcpu_init(struct vcpu *v, unsigned int cpu)
{
	struct sched_vcpu *s = &v->sched;

	s->cpu = cpu;
	memset(&s->hard_affinity, 0xff, sizeof(s->hard_affinity));
	memset(&s->soft_affinity, 0xff, sizeof(s->soft_affinity));
	s->runstate.state_entry_time = now_ns();
	sched_timers_init(v);
	if (v->is_idle)
		return;
	s->flags = BIT(VF_DOWN);
	s->runstate.state = RUNSTATE_offline;
	if (sched_policy->vcpu_init)
		sched_policy->vcpu_init(v);
}

void sched_vcpu_destroy(struct vcpu *v)
{
	sched_timers_stop(v);
	timer_stop(&v->domain->sched.refill);
	if (sched_policy->vcpu_remove)
		sched_policy->vcpu_remove(v);
}

void sched_dump(void)
{
	unsigned long flags = sched_lock_irqsave();
	const struct sched_cpu *c;
	unsigned int cpu;
	struct vcpu *v;

	printk("scheduler: %s; %u waiting\n", sched_policy->name, sched_nr_waiting);
	for_each_cpu(cpu, &cpu_online_mask) {
		c = sched_cpu(cpu);
		printk("CPU%u: runs d%uv%u, clock %ld us\n", cpu, c->curr->domain->id, c->curr->id, c->clock / 1000);
	}
	list_for_each_entry(v, &sched_waiting, sched.link)
		printk("  d%uv%u of CPU%u, vruntime %ld us, budget %ld us\n", v->domain->id, v->id, v->sched.cpu,
		       v->sched.vruntime / 1000, v->domain->sched.budget / 1000);
	sched_unlock_irqrestore(flags);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of sched/ share: the run queue of a CPU, the policies. */
#ifndef SCHED_PRIVATE_H
#define SCHED_PRIVATE_H

#include <xenolith/sched.h>

struct run_queue {
	spinlock_t lock;		/* irq-lock; also covers sched state of vcpus with this cpu */
	unsigned int cpu;
	unsigned int nr_queued;
	struct list_head queue;		/* runnable vcpus that wait, in the policy's order */
	struct vcpu *curr, *idle;
	s64 min_vruntime;		/* fair: never goes back */
	struct timer slice;
};
struct run_queue *sched_queue(unsigned int cpu);
/** sched_may_run: @v is runnable and may do so on @cpu. */
bool sched_may_run(const struct vcpu *v, unsigned int cpu);
/** sched_move: @v (not queued, not running; its queue locked) belongs to @cpu from now on. */
void sched_move(struct vcpu *v, unsigned int cpu);
/** sched_overcommitted: there are more vcpus than CPUs. */
bool sched_overcommitted(void);
extern cpumask_t sched_idle_cpus;	/* hints: idle, and nothing was placed on them yet */

extern const struct sched_ops sched_fair, sched_null;

void tasklet_cpu_init(unsigned int cpu);
/* The timers of a vcpu: sched-op.c. */
void sched_timers_init(struct vcpu *v, unsigned int cpu);
void sched_timers_stop(struct vcpu *v);

#endif

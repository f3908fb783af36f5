/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of sched/ share: the CPUs, those who wait, the policies. */
#ifndef SCHED_PRIVATE_H
#define SCHED_PRIVATE_H

#include <xenolith/sched.h>

struct sched_cpu {
	unsigned int cpu;
	bool told;			/* to look at those who wait, and did not yet */
	bool endless;			/* curr runs until it is told: nobody waited when it was chosen */
	struct vcpu *curr, *idle;
	s64 clock;			/* fair: virtual time here, never goes back */
	s64 slice_end;			/* of curr, unless endless */
	struct timer slice;
};
struct sched_cpu *sched_cpu(unsigned int cpu);

/* The scheduler's lock, an irq lock: covers what follows and all of struct sched_cpu and sched_vcpu. */
unsigned long sched_lock_irqsave(void);
void sched_unlock_irqrestore(unsigned long flags);
extern struct list_head sched_waiting;	/* runnable vcpus that are on no CPU, in the policy's order */
extern unsigned int sched_nr_waiting;
extern cpumask_t sched_idle_cpus;	/* idle and not told */

/* sched_dequeue: @v waits no more. */
void sched_dequeue(struct vcpu *v);
/* sched_has_left: whether @v may be taken; where not, it is offered again when the CPU that it ran on has let it go. Locked. */
bool sched_has_left(struct vcpu *v);
/* sched_tell: have @cpu look at those who wait, or stop what it runs; NR_CPUS: nobody. Locked. */
void sched_tell(unsigned int cpu);
/* sched_offer: if @v waits, tell the CPU that should have it. Takes the lock. */
void sched_offer(struct vcpu *v);

extern const struct sched_ops sched_fair, sched_null;

/* The timers of a vcpu: sched-op.c. */
void sched_timers_init(struct vcpu *v);
void sched_timers_stop(struct vcpu *v);

#endif

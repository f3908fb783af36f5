/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sched: softirqs, timers, the scheduler core and its policies, sched_op.
 *
 * A vcpu is runnable, blocked, paused (counted) or offline. Each CPU runs one; when none is
 * runnable, its idle vcpu. A policy (struct sched_ops) says in which order those that wait run and where;
 * the core owns states, run-state accounting and the switch itself.
 */
#ifndef XENOLITH_SCHED_H
#define XENOLITH_SCHED_H

#include <xenolith/lib.h>
#include <xen/xen.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xenolith/lock.h>

struct vcpu;
struct domain;
struct xen_domctl_scheduler_op;

/* ---- softirqs: work of this CPU done on the way out to a guest or in the idle loop ---- */
enum {
	SOFTIRQ_TIMER, SOFTIRQ_SCHEDULE, SOFTIRQ_TIME_CALIBRATE, SOFTIRQ_KEYS, SOFTIRQ_RING, NR_SOFTIRQS
};
void softirq_set_handler(unsigned int nr, void (*fn)(void));
void softirq_raise(unsigned int nr);			/* this CPU */
void softirq_raise_on(unsigned int cpu, unsigned int nr);	/* and kicks it when needed */
/** softirq_run: runs all pending; interrupts enabled inside; may switch vcpus (never when idle-less). */
void softirq_run(void);

/* ---- timers: sched/timer.c: one heap per CPU, ns of now_ns(). All zeroes: not armed ---- */
struct timer {
	s64 expires;
	void (*fn)(void *arg);			/* softirq context, irqs on; may re-arm and may free its timer */
	void *arg;
	unsigned int cpu;			/* whose heap it is or was in */
	struct timer **at, *left, *right;	/* heap: what points to it (NULL: not armed), children */
};
void timer_init(struct timer *t, void (*fn)(void *), void *arg);
/**
 * timer_set: have @t fire at @expires (again), on this CPU, or where its function is running just now: that
 * never runs twice at once. A time that has passed: as soon as softirqs run; 0 or less is the way to put
 * work off out of interrupt context. Any context but NMI.
 */
void timer_set(struct timer *t, s64 expires);
void timer_stop(struct timer *t);		/* after return @fn is not running, unless called from it */
static inline bool timer_armed(const struct timer *t)
{
	return READ_ONCE(t->at) != NULL;
}
void timer_cpu_init(unsigned int cpu);
/** timer_interrupt: local APIC timer fired. */
void timer_interrupt(void);
void timer_dump(void);				/* debug key 'a' */

/* ---- vcpu scheduling state, embedded as v->sched ---- */
struct sched_vcpu {
	struct list_head link;			/* of those that wait */
	unsigned int cpu;			/* where it runs or ran */
	unsigned int home;			/* null: where it is to run */
	bool running;				/* on a CPU now (its registers are there) */
	bool queued;
	bool missed;				/* a CPU wanted it while "running" still held it elsewhere */
	bool yielding;
	s64 vruntime, start, slice_end;		/* policy's */
	cpumask_t hard_affinity, soft_affinity, saved_affinity;
	atomic_t pause_count;			/* vcpu_pause() callers */
	unsigned long flags;			/* VF_*: set bits mean "does not run" except noted */
	struct timer singleshot, periodic, poll;
	s64 periodic_period;			/* ns, 0 off */
	struct vcpu_runstate_info runstate;
};
#define VF_BLOCKED	0	/* waits for an event */
#define VF_DOWN		1	/* offline: VCPUOP_down or never brought up */

struct sched_domain {			/* d->sched */
	u16 weight;
	u16 cap;				/* percent of one CPU for all its vcpus; 0 none */
	s64 budget, next_refill;		/* of a capped one: ns left to run; when there will be more */
	struct timer refill;			/* armed while a vcpu waits for that */
};

#define SCHED_DEFAULT_WEIGHT 256

/* A policy. enqueue, target and pick are called with the scheduler's lock held, interrupts off. */
struct sched_cpu;			/* sched/sched-private.h */
struct sched_ops {
	const char *name;
	unsigned int id;			/* XEN_SCHEDULER_* */
	void (*vcpu_init)(struct vcpu *v);	/* may be NULL, as the next */
	void (*vcpu_remove)(struct vcpu *v);
	/* put @v where it belongs among those that wait; @wakes: it did not run or wait until now */
	void (*enqueue)(struct vcpu *v, s64 now, bool wakes);
	/* the CPU that should look at those who wait since @v does, or NR_CPUS */
	unsigned int (*target)(struct vcpu *v, s64 now);
	/* what @c runs next, @prev, one that waits or idle, and for how long (*slice ns, -1: no limit) */
	struct vcpu *(*pick)(struct sched_cpu *c, struct vcpu *prev, s64 now, s64 *slice);
};
extern const struct sched_ops *sched_policy;

void sched_init(void);				/* after timers; creates nothing */
void sched_cpu_init(unsigned int cpu);		/* idle vcpu exists */
void sched_vcpu_init(struct vcpu *v, unsigned int cpu);
void sched_vcpu_destroy(struct vcpu *v);
bool vcpu_runnable(const struct vcpu *v);
void vcpu_wake(struct vcpu *v);			/* re-evaluate after a flag was cleared; any context */
void vcpu_sleep_nosync(struct vcpu *v);
void vcpu_unblock(struct vcpu *v);		/* event arrived */
void vcpu_block_current(void);			/* unmask events, block unless one is pending */
void vcpu_pause(struct vcpu *v);		/* counted; waits (not for current) */
void vcpu_unpause(struct vcpu *v);
void domain_pause(struct domain *d);		/* all vcpus; not from within @d, see _nosync */
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);
/** vcpu_kick: make @v notice what was set for it (event) soon; IPI only when it runs elsewhere. */
void vcpu_kick(struct vcpu *v);
int vcpu_set_affinity(struct vcpu *v, const cpumask_t *hard);
/**
 * sched_domctl: XEN_DOMCTL_scheduler_op: weight (0: as it is) and cap (percent of one CPU, 0 none) of @d, by
 * the operations of credit2. -EINVAL: another scheduler or operation, a cap above 100 for each vcpu; or this
 * policy has neither. For callers with the right to control @d.
 */
long sched_domctl(struct domain *d, struct xen_domctl_scheduler_op *op);
/** vcpu_runstate_get: snapshot, the running interval added. */
void vcpu_runstate_get(const struct vcpu *v, struct vcpu_runstate_info *out);
/**
 * sched_context_saved: called by the switch code when @prev's CPU no longer runs it (its state may
 * stay loaded there: context_sync() fetches it).
 */
void sched_context_saved(struct vcpu *prev);
/** sched_poll_end: @v leaves SCHEDOP_poll, if it is in it. */
void sched_poll_end(struct vcpu *v);
void sched_dump(void);				/* debug key: run queues */
void __noreturn idle_loop(void);

long do_sched_op(unsigned long cmd, unsigned long arg, unsigned long, unsigned long, unsigned long);
long do_sched_op_compat(unsigned long cmd, unsigned long arg, unsigned long, unsigned long, unsigned long);
long do_set_timer_op(unsigned long timeout, unsigned long, unsigned long, unsigned long, unsigned long);

#endif

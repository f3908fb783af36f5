/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sched: softirqs, timers, the scheduler core and its policies, sched_op.
 *
 * A vcpu is runnable, blocked, paused (counted) or offline. Each CPU runs one; when none is
 * runnable, its idle vcpu. A policy (struct sched_ops) owns the queues; the core owns states,
 * run-state accounting and the switch itself.
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

/* ---- softirqs: work of this CPU done on the way out to a guest or in the idle loop ---- */
enum { SOFTIRQ_TIMER, SOFTIRQ_SCHEDULE, SOFTIRQ_TASKLET, SOFTIRQ_TIME_CALIBRATE, NR_SOFTIRQS };
void softirq_set_handler(unsigned int nr, void (*fn)(void));
void softirq_raise(unsigned int nr);			/* this CPU */
void softirq_raise_on(unsigned int cpu, unsigned int nr);	/* and kicks it when needed */
/** softirq_run: runs all pending; interrupts enabled inside; may switch vcpus (never when idle-less). */
void softirq_run(void);

/*
 * Work put off out of interrupt context; runs on the CPU that scheduled it, never twice at once.
 * @fn must not free the tasklet.
 */
struct tasklet {
	struct list_head link;
	void (*fn)(void *arg);
	void *arg;
	bool queued, running;
};
void tasklet_schedule(struct tasklet *t);		/* any context */

/* ---- timers: sched/timer.c: one heap per CPU, ns of now_ns() ---- */
struct timer {
	s64 expires;
	void (*fn)(void *arg);			/* softirq context, interrupts on; may re-arm */
	void *arg;
	unsigned int cpu;
	bool armed;
	struct timer *child, *next, *prev;	/* heap: first child, siblings (prev of a first: parent) */
};
void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu);
void timer_set(struct timer *t, s64 expires);	/* any context; expired ones fire at once */
void timer_stop(struct timer *t);		/* after return @fn is not running, unless called from it */
void timer_migrate(struct timer *t, unsigned int cpu);
void timer_cpu_init(unsigned int cpu);
/** timer_interrupt: local APIC timer fired. */
void timer_interrupt(void);
void timer_dump(void);				/* debug key 'a' */

/* ---- vcpu scheduling state, embedded as v->sched ---- */
struct sched_vcpu {
	struct list_head link;			/* policy's queue */
	unsigned int cpu;			/* where it runs or ran */
	bool running;				/* on a CPU now (its registers are there) */
	bool queued;
	bool yielding;
	s64 vruntime, start, slice_end;		/* policy's */
	cpumask_t hard_affinity, soft_affinity, saved_affinity;
	atomic_t pause_count;			/* vcpu_pause() callers */
	unsigned long flags;			/* VF_*: set bits mean "does not run" except noted */
	struct timer singleshot, periodic, poll;
	s64 periodic_period;			/* ns, 0 off */
	struct vcpu_runstate_info runstate;	/* under the queue lock */
};
#define VF_BLOCKED	0	/* waits for an event */
#define VF_DOWN		1	/* offline: VCPUOP_down or never brought up */
#define VF_POLL		2	/* in SCHEDOP_poll (with VF_BLOCKED) */

struct sched_domain {
	u16 weight, cap;
};

#define SCHED_DEFAULT_WEIGHT 256

/*
 * A policy. Everything but vcpu_init, vcpu_remove and place is called with the lock of the run
 * queue @rq held, interrupts off.
 */
struct run_queue;			/* sched/run-queue.h */
struct sched_ops {
	const char *name;
	unsigned int id;			/* XEN_SCHEDULER_* */
	void (*vcpu_init)(struct vcpu *v);	/* may change v->sched.cpu */
	void (*vcpu_remove)(struct vcpu *v);
	unsigned int (*place)(struct vcpu *v);	/* the CPU that a woken, not running @v should go to */
	void (*enqueue)(struct run_queue *rq, struct vcpu *v, s64 now);
	void (*dequeue)(struct run_queue *rq, struct vcpu *v);
	bool (*preempts)(struct run_queue *rq, struct vcpu *v);	/* just queued: look at once? */
	/* choose what @rq's CPU runs next and for how long (*slice ns, -1: no limit); queues @prev */
	struct vcpu *(*pick)(struct run_queue *rq, struct vcpu *prev, s64 now, s64 *slice);
};
extern const struct sched_ops *sched_policy;

void sched_init(void);				/* after timers; creates nothing */
void sched_cpu_init(unsigned int cpu);		/* idle vcpu exists */
int sched_vcpu_init(struct vcpu *v, unsigned int cpu);
void sched_vcpu_destroy(struct vcpu *v);
bool vcpu_runnable(const struct vcpu *v);
void vcpu_wake(struct vcpu *v);			/* re-evaluate after a flag was cleared; any context */
void vcpu_sleep_nosync(struct vcpu *v);
void vcpu_sleep_sync(struct vcpu *v);		/* and waits until it is off its CPU; not for current */
void vcpu_unblock(struct vcpu *v);		/* event arrived */
void vcpu_block_current(void);			/* unmask events, block unless one is pending */
void vcpu_pause(struct vcpu *v);		/* counted; waits (not for current) */
void vcpu_pause_nosync(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);
void domain_pause(struct domain *d);		/* all vcpus; not from within @d, see _nosync */
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);
/** vcpu_kick: make @v notice what was set for it (event) soon; IPI only when it runs elsewhere. */
void vcpu_kick(struct vcpu *v);
int vcpu_set_affinity(struct vcpu *v, const cpumask_t *hard);
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

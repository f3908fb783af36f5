// SPDX-License-Identifier: GPL-2.0-only
/* sched_op, its ancient form, set_timer_op; the timers of a vcpu and of a domain's watchdogs. */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include "sched-private.h"

#define MS			1000000LL
#define POLL_MAX_PORTS		128
#define SECOND			(1000 * MS)

/* ---- timers ---- */

static void singleshot_fired(void *arg)
{
	evtchn_send_virq(arg, VIRQ_TIMER);
}

static void periodic_fired(void *arg)
{
	struct vcpu *v = arg;
	s64 period = v->sched.periodic_period, next = v->sched.periodic.expires + period, now = now_ns();

	evtchn_send_virq(v, VIRQ_TIMER);
	if (period)		/* ticks that were missed are not made up for */
		timer_set(&v->sched.periodic, next > now ? next : now + period);
}

static void poll_fired(void *arg)
{
	struct vcpu *v = arg;

	if (v->evtchn.poll_port)
		vcpu_unblock(v);
}

void sched_timers_init(struct vcpu *v)
{
	timer_init(&v->sched.singleshot, singleshot_fired, v);
	timer_init(&v->sched.periodic, periodic_fired, v);
	timer_init(&v->sched.poll, poll_fired, v);
}

void sched_timers_stop(struct vcpu *v)
{
	v->sched.periodic_period = 0;
	timer_stop(&v->sched.singleshot);
	timer_stop(&v->sched.periodic);
	timer_stop(&v->sched.poll);
}

/*
 * Absolute system time. Times that have passed fire at once; absurd ones (a counter wrapped in the
 * guest) fire soon, as an early interrupt does less harm than none.
 */
long do_set_timer_op(unsigned long timeout, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct timer *t = &current->sched.singleshot;
	s64 expires = timeout, now = now_ns();

	if (!timeout) {
		timer_stop(t);
		return 0;
	}
	if (expires < 0 || (expires > now && (expires - now) >> 50))
		expires = now + 100 * MS;
	timer_set(t, expires);
	return 0;
}

/* ---- sched_op ---- */

static long yield(void)
{
	current->sched.yielding = true;
	softirq_raise(SOFTIRQ_SCHEDULE);
	return 0;
}

static int poll_any_pending(struct domain *d, const struct sched_poll *poll, port_t *first)
{
	evtchn_port_t port;

	for (unsigned int i = 0; i < poll->nr_ports; i++) {
		if (copy_from_guest(&port, guest_ptr((unsigned long)(poll->ports.p + i)), sizeof(port)))
			return -EFAULT;
		if (port >= d->evtchn.abi->max_ports)
			return -EINVAL;
		if (evtchn_port_pending(d, port))
			return 1;
		*first = port;
	}
	return 0;
}

/*
 * Sleep until one of the ports is pending, masked or not, or the timeout. The vcpu is entered as
 * a waiter before it looks at the ports: whoever sets one either is seen or sees it.
 */
static long poll(const struct sched_poll *poll)
{
	struct vcpu *v = current;
	struct domain *d = v->domain;
	port_t port = 0;
	int rc;

	if (poll->nr_ports > POLL_MAX_PORTS)
		return -EINVAL;
	set_bit(VF_BLOCKED, &v->sched.flags);
	v->evtchn.poll_port = EVTCHN_POLL_ANY;
	set_bit(v->id, d->evtchn.poll_mask);
	rc = evtchn_upcall_needed(v) ? 1 : poll_any_pending(d, poll, &port);
	if (rc) {
		sched_poll_end(v);
		clear_bit(VF_BLOCKED, &v->sched.flags);
		return rc < 0 ? rc : 0;
	}
	if (poll->nr_ports == 1)
		v->evtchn.poll_port = port;
	if (poll->timeout)
		timer_set(&v->sched.poll, poll->timeout);
	softirq_raise(SOFTIRQ_SCHEDULE);
	return 0;
}

static long remote_shutdown(const struct sched_remote_shutdown *op)
{
	struct domain *d = domain_get(op->domain_id);
	long rc;

	if (!d)
		return -ESRCH;
	rc = rights_target(current->domain, d);
	if (!rc)
		domain_shutdown(d, op->reason);
	domain_put(d);
	return rc;
}

static long set_shutdown_code(unsigned int reason)
{
	struct domain *d = current->domain;

	spin_lock(&d->lock);
	if (d->shutdown_code == SHUTDOWN_CODE_NONE)
		d->shutdown_code = reason;
	spin_unlock(&d->lock);
	return 0;
}

static void watchdog_fired(void *arg)
{
	domain_shutdown(arg, SHUTDOWN_watchdog);
}

/*
 * Arm (a timeout in seconds) or stop (0) a watchdog, 1-based; number 0 takes a free one. No lock is held that
 * watchdog_fired(), for which stopping waits, could want: two vcpus at once may get the same or no watchdog.
 */
static long watchdog(struct domain *d, const struct sched_watchdog *op)
{
	struct timer *t;
	u32 id = op->id;

	if (id > ARRAY_SIZE(d->watchdog) || (!id && !op->timeout))
		return -EINVAL;
	if (id && !(READ_ONCE(d->watchdogs_used) & BIT(id - 1)))
		return -EINVAL;
	if (!id) {
		id = ffs64(~(u64)READ_ONCE(d->watchdogs_used)) + 1;
		if (id > ARRAY_SIZE(d->watchdog) || test_and_set_bit(id - 1, &d->watchdogs_used))
			return -ENOSPC;
	}
	t = &d->watchdog[id - 1];
	if (op->timeout) {
		t->fn = watchdog_fired;
		t->arg = d;
		timer_set(t, now_ns() + op->timeout * SECOND);
		return op->id ? 0 : id;
	}
	timer_stop(t);
	clear_bit(id - 1, &d->watchdogs_used);
	return 0;
}

/* The machine's domain may nail itself to a CPU (firmware calls that only work on CPU 0). */
static long pin_override(s32 cpu)
{
	struct vcpu *v = current;
	cpumask_t mask, only;
	int rc;

	if (rights_hardware(v->domain))
		return -EPERM;
	if (cpu < 0) {
		if (cpumask_empty(&v->sched.saved_affinity))
			return 0;
		mask = v->sched.saved_affinity;
		v->sched.saved_affinity = (cpumask_t){ };
		return vcpu_set_affinity(v, &mask);
	}
	if (cpu >= NR_CPUS)
		return -EINVAL;
	if (!cpumask_empty(&v->sched.saved_affinity))
		return -EBUSY;
	mask = v->sched.hard_affinity;
	only = cpumask_of(cpu);
	rc = vcpu_set_affinity(v, &only);
	if (!rc)
		v->sched.saved_affinity = mask;
	return rc;
}

long do_sched_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4, unsigned long a5)
{
	union {
		struct sched_shutdown shutdown;
		struct sched_poll poll;
		struct sched_remote_shutdown remote;
		struct sched_watchdog watchdog;
		struct sched_pin_override pin;
	} u;

	switch ((u32)cmd) {
	case SCHEDOP_yield:
		return yield();
	case SCHEDOP_block:
		vcpu_block_current();
		return 0;
	case SCHEDOP_poll:
		return copy_in(&u.poll, arg) ?: poll(&u.poll);
	case SCHEDOP_shutdown:
		if (copy_in(&u.shutdown, arg))
			return -EFAULT;
		domain_shutdown(current->domain, (u8)u.shutdown.reason);
		return 0;
	case SCHEDOP_shutdown_code:
		return copy_in(&u.shutdown, arg) ?: set_shutdown_code(u.shutdown.reason);
	case SCHEDOP_remote_shutdown:
		return copy_in(&u.remote, arg) ?: remote_shutdown(&u.remote);
	case SCHEDOP_watchdog:
		return copy_in(&u.watchdog, arg) ?: watchdog(current->domain, &u.watchdog);
	case SCHEDOP_pin_override:
		return copy_in(&u.pin, arg) ?: pin_override(u.pin.pcpu);
	}
	return -ENOSYS;
}

long do_sched_op_compat(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4, unsigned long a5)
{
	if ((u32)cmd != SCHEDOP_shutdown)
		return (u32)cmd <= SCHEDOP_block ? do_sched_op(cmd, 0, 0, 0, 0) : -ENOSYS;
	domain_shutdown(current->domain, (u8)arg);
	return 0;
}

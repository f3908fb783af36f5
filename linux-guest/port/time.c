// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time of the domain: a clock source from the page that the hypervisor keeps for each vcpu (a TSC's value, the time it had
 * then, the ratio), and a timer of the hypervisor's a vcpu, which comes as an event.
 *
 * The scheduler's clock stays the kernel's own, which is the machine's TSC: another one would begin at another time, and a
 * kernel that runs does not survive its scheduler's clock going back. Stolen time: steal.c.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/clockchips.h>
#include <linux/clocksource.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <asm/pvclock.h>
#include <asm/tsc.h>
#include "port.h"
#include <xen/interface/vcpu.h>
#include <xen/xen-ops.h>

#define RATING 400
#define BELOW_TSC 299			/* where the kernel trusts the TSC, that is nearer */
#define MIN_DELTA 1000			/* ns */
#define MAX_DELTA LONG_MAX

struct vcpu_timer {
	struct clock_event_device device;
	int irq;			/* 0: none */
	char name[16];
};
static DEFINE_PER_CPU(struct vcpu_timer, timers);
static atomic64_t last;			/* of all CPUs */

/* ---- clock source ---- */

static u64 now(bool *stable)
{
	const struct pvclock_vcpu_time_info *t;
	unsigned int version;
	u64 ns;

	preempt_disable_notrace();
	t = &port_vcpu(xen_vcpu_nr(smp_processor_id()))->time;
	do {
		version = pvclock_read_begin(t);
		ns = __pvclock_read_cycles(t, rdtsc_ordered());
		*stable = t->flags & PVCLOCK_TSC_STABLE_BIT;
	} while (pvclock_read_retry(t, version));
	preempt_enable_notrace();
	return ns;
}

/* Where TSCs are not known to agree, time that one vcpu has seen is not before that of another. */
static u64 read_clock(struct clocksource *cs)
{
	bool stable;
	u64 ns = now(&stable);
	s64 seen;

	if (stable)
		return ns;
	seen = atomic64_read(&last);
	do {
		if ((s64)ns <= seen)
			return seen;
	} while (!atomic64_try_cmpxchg(&last, &seen, ns));
	return ns;
}

static struct clocksource clock = {
	.name	= "xen",
	.read	= read_clock,
	.mask	= CLOCKSOURCE_MASK(64),
	/* It goes on while the domain is suspended: so the kernel knows how long that was, whatever its clock is. */
	.flags	= CLOCK_SOURCE_IS_CONTINUOUS | CLOCK_SOURCE_SUSPEND_NONSTOP,
	.owner	= THIS_MODULE,		/* in use as long as the kernel has chosen it: it may have no other */
};

/* ---- clock events ---- */

static int timer_off(struct clock_event_device *dev)
{
	int vcpu = xen_vcpu_nr(smp_processor_id());

	HYPERVISOR_vcpu_op(VCPUOP_stop_singleshot_timer, vcpu, NULL);
	return HYPERVISOR_vcpu_op(VCPUOP_stop_periodic_timer, vcpu, NULL);
}

/* An answer that is late fires at once: no VCPU_SSHOTTMR_future. */
static int timer_next(unsigned long delta, struct clock_event_device *dev)
{
	struct vcpu_set_singleshot_timer op = { };
	bool stable;

	op.timeout_abs_ns = now(&stable) + delta;
	return HYPERVISOR_vcpu_op(VCPUOP_set_singleshot_timer, xen_vcpu_nr(smp_processor_id()), &op);
}

static irqreturn_t timer_fired(int irq, void *data)
{
	struct clock_event_device *dev = data;

	if (!dev->event_handler)
		return IRQ_NONE;
	dev->event_handler(dev);
	return IRQ_HANDLED;
}

int time_cpu_up(unsigned int cpu)
{
	struct vcpu_timer *t = &per_cpu(timers, cpu);
	int irq;

	steal_cpu_up(cpu);
	snprintf(t->name, sizeof(t->name), "timer%u", cpu);
	t->device = (struct clock_event_device){
		.name = "xen", .features = CLOCK_EVT_FEAT_ONESHOT, .rating = RATING + 100, .cpumask = cpumask_of(cpu),
		.set_state_shutdown = timer_off, .set_state_oneshot = timer_off, .set_next_event = timer_next,
	};
	irq = event_bind_virq(VIRQ_TIMER, cpu, timer_fired, t->name, &t->device);
	if (irq < 0)
		return irq;
	t->irq = t->device.irq = irq;
	clockevents_config_and_register(&t->device, NSEC_PER_SEC, MIN_DELTA, MAX_DELTA);
	return 0;
}

/* The local APIC's timer takes over. */
void time_cpu_down(unsigned int cpu)
{
	struct vcpu_timer *t = &per_cpu(timers, cpu);

	if (!t->irq)
		return;
	steal_cpu_down(cpu);
	if (clockevents_unbind_device(&t->device, cpu))
		pr_err("CPU %u: its timer has no successor\n", cpu);
	unbind_from_irqhandler(t->irq, &t->device);
	t->irq = 0;
}

/* ---- wall clock ---- */

static void set_wall_clock(void)
{
	struct shared_info *s = port_shared;
	struct timespec64 boot;
	u32 version;
	bool stable;

	do {
		version = READ_ONCE(s->wc.version);
		rmb();			/* the hypervisor makes the version odd first and even last */
		boot.tv_sec = (u64)s->wc_sec_hi << 32 | s->wc.sec;
		boot.tv_nsec = s->wc.nsec;
		rmb();
	} while (version & 1 || version != READ_ONCE(s->wc.version));
	timespec64_add_ns(&boot, now(&stable));
	do_settimeofday64(&boot);
}

static bool tsc_is_clock(void)
{
	return boot_cpu_has(X86_FEATURE_CONSTANT_TSC) && boot_cpu_has(X86_FEATURE_NONSTOP_TSC) && !check_tsc_unstable();
}

/* Behind event_init(), which has readied the CPUs' timers. */
int port_time_init(void)
{
	set_wall_clock();
	clock.rating = tsc_is_clock() ? BELOW_TSC : RATING;
	return clocksource_register_hz(&clock, NSEC_PER_SEC);
}

void port_time_exit(void)
{
	clocksource_unregister(&clock);
}

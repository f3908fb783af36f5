// SPDX-License-Identifier: GPL-2.0-only
/*
 * System time: one line "ns as a function of the TSC" for the whole machine.
 *
 * The first line comes from a measurement over CALIBRATION ns against the platform timer. From
 * then on, once a second, the boot CPU reads TSC and platform timer together and clock-filter.c
 * says whether the line must be a little steeper or flatter; the new line begins where the old
 * one is at that moment, so time never jumps. Guests get a copy of the line (vcpu_time_info).
 *
 * A platform timer read takes long and may be interrupted by whatever hosts us: it counts only
 * between two TSC readings close together.
 */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include <xenolith/hypercall.h>
#include <xenolith/sched.h>
#include <xenolith/x86.h>
#include "x86-private.h"

#define NS		1000000000UL
#define CALIBRATION	60000000L	/* ns */
#define PERIOD		1000000000L	/* ns between two looks at the platform timer */
#define MIN_MASK	0xffffff	/* counters narrower than this wrap between two looks */
#define WARP_ROUNDS	2000

u32 tsc_khz;

/* The line in force. version is odd while it changes; 0: there is none yet. */
static struct {
	u32 version;
	struct clock_line line;
} clock;
static DEFINE_PER_CPU(u64, tsc_offset);		/* to add to this CPU's TSC: the boot CPU's */
static bool tsc_in_step = true, tsc_reliable;

static const struct platform_timer *platform;
static u64 platform_last, platform_total, platform_lost;	/* ticks; lost: ns added by hand */
static u64 best_window = ~0UL;
static struct clock_filter filter;
static struct timer look_timer;

static DEFINE_SPINLOCK(wallclock_lock);
static u64 wallclock_base;			/* ns since 1970 at system time 0 */

static inline u64 rdtsc_ordered(void)
{
	asm volatile("lfence" ::: "memory");
	return rdtsc();
}

s64 now_ns(void)
{
	u32 version;
	s64 ns;

	if (unlikely(!READ_ONCE(clock.version)))
		return 0;
	do {
		while ((version = READ_ONCE(clock.version)) & 1)
			cpu_relax();
		smp_rmb();
		ns = clock_line_at(&clock.line, rdtsc_ordered() + this_cpu(tsc_offset));
		smp_rmb();
	} while (unlikely(version != READ_ONCE(clock.version)));
	return ns;
}

void udelay(unsigned int us)
{
	u64 until;

	if (!tsc_khz) {
		while (us--)
			outb(0, 0x80);		/* takes about a microsecond */
		return;
	}
	until = rdtsc() + (u64)us * tsc_khz / 1000;
	while ((s64)(rdtsc() - until) < 0)
		cpu_relax();
}

/* ---- the platform timer ---- */

struct sample {
	u64 tsc, window;
	s64 ref;		/* ns by the platform timer since time_init() */
};

static s64 platform_ns(u64 count)
{
	platform_total += (count - platform_last) & platform->mask;
	platform_last = count;
	return mul_div(platform_total, NS, platform->hz) + platform_lost;
}

/* The tightest of @tries; content as soon as one is about as tight as any ever was. */
static struct sample take_sample(unsigned int tries)
{
	struct sample s = { .window = ~0UL };
	u64 best_count = 0;

	while (tries--) {
		unsigned long flags = irq_save();
		u64 t0 = rdtsc_ordered(), count = platform->read(), t1 = rdtsc_ordered();

		irq_restore(flags);
		if (t1 - t0 >= s.window)
			continue;
		s.window = t1 - t0;
		s.tsc = t0 + s.window / 2;
		best_count = count;
		if (s.window <= best_window + best_window / 4)
			break;
	}
	best_window = min(best_window, s.window);
	s.ref = platform_ns(best_count);
	return s;
}

/* The tightest of all that can be had in about @ns. */
static struct sample __init sample_during(s64 ns)
{
	struct sample s = take_sample(1), best = s;
	s64 until = s.ref + ns;

	while (s.ref < until) {
		s = take_sample(1);
		if (s.window < best.window)
			best = s;
	}
	return best;
}

/* ---- lines ---- */

/*
 * Readers that have begun before the version became odd find it changed and start over; so the
 * TSC read here is later than any time that anybody got from the old line.
 */
static void follow(u64 rate)
{
	unsigned long flags = irq_save();
	struct clock_line next;

	WRITE_ONCE(clock.version, clock.version + 1);
	smp_mb();
	next.tsc = rdtsc_ordered();
	next.ns = clock_line_at(&clock.line, next.tsc);
	clock_line_set_rate(&next, rate);
	clock.line = next;
	smp_wmb();
	WRITE_ONCE(clock.version, clock.version + 1);
	irq_restore(flags);
}

void __init time_init(void)
{
	struct sample first, last;
	s64 span;

	platform = platform_timer_init();
	span = platform->mask < MIN_MASK ? CALIBRATION / 2 : CALIBRATION;	/* no wrap unseen */
	platform_last = platform->read();
	first = sample_during(span / 6);
	while (platform_ns(platform->read()) < first.ref + span * 5 / 6)
		cpu_relax();
	last = sample_during(span / 6);

	clock_filter_init(&filter, first.tsc, first.ref, last.tsc, last.ref);
	tsc_khz = mul_div(last.tsc - first.tsc, 1000000, last.ref - first.ref);
	clock.line.tsc = last.tsc;
	clock.line.ns = last.ref;
	clock_line_set_rate(&clock.line, filter.rate);
	smp_wmb();
	WRITE_ONCE(clock.version, 2);
	wallclock_base = cmos_wallclock() * NS - now_ns();
	printk("Time: %s, TSC %u.%03u MHz%s\n", platform->name, tsc_khz / 1000, tsc_khz % 1000,
	       x86.invariant_tsc ? ", invariant" : "");
}

void time_cpu_init(void)
{
	/* Nothing is per CPU but the TSC's offset, which time_start() measures. */
}

void time_tsc_scale(u32 *mul, s8 *shift)
{
	*mul = clock.line.mul;
	*shift = clock.line.shift;
}

bool time_tsc_reliable(void)
{
	return tsc_reliable;
}

/* ---- keeping it right ---- */

static void update_current(void)
{
	if (!current->is_idle)
		time_update_vcpu(current);
}

static void look(void *arg)
{
	struct sample s = take_sample(5);
	unsigned int cpu;
	u64 rate;

	timer_set(&look_timer, now_ns() + PERIOD);
	/* A host that was busy elsewhere: the next sample will be better. */
	if (s.window > best_window * 8 && s.window > tsc_khz / 50)
		return;
	switch (clock_filter_sample(&filter, &clock.line, s.tsc, s.ref, &rate)) {
	case CLOCK_GOOD:
		return;
	case CLOCK_INSANE:
		platform_lost += filter.last_ref - s.ref;
		return;
	case CLOCK_ADJUST:
		break;
	}
	follow(rate);
	for_each_cpu(cpu, &cpu_online_mask)
		softirq_raise_on(cpu, SOFTIRQ_TIME_CALIBRATE);
}

/* ---- are the TSCs in step? ---- */

static void read_tsc(void *arg)
{
	*(u64 *)arg = rdtsc_ordered();
}

/* What to add to @cpu's TSC; 0 when the two may well be equal. */
static u64 __init measure_offset(unsigned int cpu)
{
	cpumask_t mask = cpumask_of(cpu);
	u64 window = ~0UL;
	s64 offset = 0;

	for (unsigned int i = 0; i < 20; i++) {
		u64 there, t1, t0 = rdtsc_ordered();

		smp_call(&mask, read_tsc, &there);
		t1 = rdtsc_ordered();
		if (t1 - t0 >= window)
			continue;
		window = t1 - t0;
		offset = t0 + window / 2 - there;
	}
	return max(offset, -offset) <= (s64)window / 2 ? 0 : offset;
}

static struct {
	spinlock_t lock;
	u64 last;
	bool seen;
} warp __initdata;

static void __init warp_check(void *arg)
{
	for (unsigned int i = 0; i < WARP_ROUNDS; i++) {
		u64 t;

		spin_lock(&warp.lock);
		t = rdtsc_ordered();
		if ((s64)(t - warp.last) < 0)
			warp.seen = true;
		warp.last = t;
		spin_unlock(&warp.lock);
	}
}

static void __init compare_tscs(void)
{
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_online_mask) {
		u64 offset = cpu == smp_cpu() ? 0 : measure_offset(cpu);

		if (!offset)
			continue;
		printk_warn("CPU%u: TSC is off by %ld ticks\n", cpu, (long)offset);
		per_cpu(tsc_offset, cpu) = offset;
		tsc_in_step = false;
	}
	if (!tsc_in_step || !x86.invariant_tsc)
		return;
	smp_call(&cpu_online_mask, warp_check, NULL);
	tsc_reliable = !warp.seen;
}

void __init time_start(void)
{
	compare_tscs();
	softirq_set_handler(SOFTIRQ_TIME_CALIBRATE, update_current);
	timer_init(&look_timer, look, NULL, smp_cpu());
	if (platform->mask >= MIN_MASK)
		timer_set(&look_timer, now_ns() + PERIOD);
}

/* ---- what guests see ---- */

/* The registered area lies in guest-kernel memory, which guest-user page tables do not map. */
static void copy_to_area(struct vcpu *v, const struct vcpu_time_info *t)
{
	struct vcpu_time_info __user *area = guest_ptr(v->time_area);
	bool user = !v->pv.kernel_mode;
	u32 odd = t->version - 1;

	if (user)
		pv_toggle_mode(v);
	if (!copy_to_guest(&area->version, &odd, sizeof(odd))) {
		smp_wmb();
		if (!copy_to_guest((char __user *)area + sizeof(odd), (const char *)t + sizeof(odd),
				   sizeof(*t) - sizeof(odd))) {
			smp_wmb();
			copy_to_guest(&area->version, &t->version, sizeof(odd));
		}
	}
	if (user)
		pv_toggle_mode(v);
}

void time_update_vcpu(struct vcpu *v)
{
	struct vcpu_time_info *t = &v->info->time, copy;
	u32 version;

	if (likely(v->time_version == READ_ONCE(clock.version)) && likely(tsc_in_step))
		return;
	do {
		version = READ_ONCE(clock.version) & ~1u;
		smp_rmb();
		copy = (struct vcpu_time_info){
			.tsc_timestamp = clock.line.tsc - this_cpu(tsc_offset),
			.system_time = clock.line.ns,
			.tsc_to_system_mul = clock.line.mul,
			.tsc_shift = clock.line.shift,
			.flags = tsc_reliable ? XEN_PVCLOCK_TSC_STABLE_BIT : 0,
		};
		smp_rmb();
	} while (version != READ_ONCE(clock.version));
	v->time_version = version;

	copy.version = READ_ONCE(t->version) | 1;
	WRITE_ONCE(t->version, copy.version);
	smp_wmb();
	memcpy(&t->pad0, &copy.pad0, sizeof(copy) - offsetof(struct vcpu_time_info, pad0));
	smp_wmb();
	WRITE_ONCE(t->version, ++copy.version);
	if (v->time_area)
		copy_to_area(v, &copy);
}

void time_update_wallclock(struct domain *d)
{
	struct shared_info *s = d->shared_info;
	unsigned long flags;
	u64 secs;
	u32 version;

	if (!s)
		return;
	flags = spin_lock_irqsave(&wallclock_lock);
	secs = wallclock_base / NS + d->time_offset_seconds;
	version = READ_ONCE(s->wc_version) | 1;
	WRITE_ONCE(s->wc_version, version);
	smp_wmb();
	s->wc_sec = secs;
	s->wc_sec_hi = secs >> 32;
	s->wc_nsec = wallclock_base % NS;
	smp_wmb();
	WRITE_ONCE(s->wc_version, version + 1);
	spin_unlock_irqrestore(&wallclock_lock, flags);
}

static void update_wallclock_of(struct domain *d, void *arg)
{
	time_update_wallclock(d);
}

void time_set_wallclock(u64 secs, u32 nsecs, u64 system_time_base)
{
	unsigned long flags = spin_lock_irqsave(&wallclock_lock);

	wallclock_base = secs * NS + nsecs - system_time_base;
	spin_unlock_irqrestore(&wallclock_lock, flags);
	domain_list_for_each(update_wallclock_of, NULL);
}

u64 time_wallclock(u32 *ns)
{
	unsigned long flags = spin_lock_irqsave(&wallclock_lock);
	u64 now = wallclock_base + now_ns();

	spin_unlock_irqrestore(&wallclock_lock, flags);
	*ns = now % NS;
	return now / NS;
}

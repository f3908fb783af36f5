// SPDX-License-Identifier: GPL-2.0-only
/*
 * System time: one line "ns as a function of the TSC" for the whole machine.
 *
 * The first line comes from a measurement over CALIBRATION ns against the platform timer. From
 * then on, once a second, the boot CPU reads TSC and platform timer together and clock-servo.c
 * says how steep the line must be; the new line begins where the old one is at that moment, so
 * time never jumps. Guests get a copy of the line (vcpu_time_info).
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
#define CALIBRATION	50000000L	/* ns */
#define PERIOD		1000000000L	/* ns between two looks at the platform timer */
#define MIN_MASK	0xffffff	/* counters narrower than this wrap between two looks */
#define LOST		50000000L	/* ns: no error, but a wrap of the platform timer unseen */
#define TOLERATED	2000L		/* ns of error */
#define WARP_ROUNDS	2000

u32 tsc_khz;

/* The line in force. version is odd while it changes; 0: there is none yet. */
static struct {
	u32 version;
	struct clock_line line;
} clock;
static bool tsc_reliable;

static const struct platform_timer *platform;
static u64 platform_last, platform_total;	/* ticks */
static s64 platform_lost;			/* ns added by hand */
static struct clock_base base;
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
		ns = clock_line_at(&clock.line, rdtsc_ordered());
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

/* The tightest of @tries. */
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
	}
	s.ref = platform_ns(best_count);
	return s;
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

	platform = platform_timer_init();
	platform_last = platform->read();
	first = take_sample(300);
	while (platform_ns(platform->read()) < first.ref + CALIBRATION)
		cpu_relax();
	last = take_sample(300);

	base = (struct clock_base){ first.tsc, first.ref };
	tsc_khz = mul_div(last.tsc - first.tsc, 1000000, last.ref - first.ref);
	clock.line.tsc = last.tsc;
	clock.line.ns = last.ref;
	clock_line_set_rate(&clock.line, clock_servo(&base, last.tsc, last.ref, 0));
	smp_wmb();
	WRITE_ONCE(clock.version, 2);
	wallclock_base = cmos_wallclock() * NS - now_ns();
	printk("Time: %s, TSC %u.%03u MHz%s\n", platform->name, tsc_khz / 1000, tsc_khz % 1000,
	       x86.invariant_tsc ? ", invariant" : "");
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
	s64 error = s.ref - clock_line_at(&clock.line, s.tsc);
	unsigned int cpu;

	timer_set(&look_timer, now_ns() + PERIOD);
	if (s.window > tsc_khz / 4)		/* 250 us: the host was busy elsewhere */
		return;
	if (max(error, -error) > LOST)
		platform_lost -= error;
	else if (max(error, -error) > TOLERATED) {
		follow(clock_servo(&base, s.tsc, s.ref, error));
		for_each_cpu(cpu, &cpu_online_mask)
			softirq_raise_on(cpu, SOFTIRQ_TIME_CALIBRATE);
	}
}

/* ---- are the TSCs in step? ---- */

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

void __init time_start(void)
{
	smp_call(&cpu_online_mask, warp_check, NULL);
	if (warp.seen)
		printk_warn("the CPUs' TSCs are not in step: time may go back from one to the other\n");
	tsc_reliable = x86.invariant_tsc && !warp.seen;
	softirq_set_handler(SOFTIRQ_TIME_CALIBRATE, update_current);
	timer_init(&look_timer, look, NULL);
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

	if (likely(v->time_version == READ_ONCE(clock.version)))
		return;
	do {
		version = READ_ONCE(clock.version) & ~1u;
		smp_rmb();
		copy = (struct vcpu_time_info){
			.tsc_timestamp = clock.line.tsc,
			.system_time = clock.line.ns,
			.tsc_to_system_mul = clock.line.mul,
			.tsc_shift = clock.line.shift,
			.flags = tsc_reliable ? XEN_PVCLOCK_TSC_STABLE_BIT : 0,
		};
		smp_rmb();
	} while (version != READ_ONCE(clock.version));
	v->time_version = version;

	copy.flags |= v->was_stopped ? XEN_PVCLOCK_GUEST_STOPPED : READ_ONCE(t->flags) & XEN_PVCLOCK_GUEST_STOPPED;
	v->was_stopped = false;
	copy.version = READ_ONCE(t->version) | 1;
	WRITE_ONCE(t->version, copy.version);
	smp_wmb();
	memcpy(&t->pad0, &copy.pad0, sizeof(copy) - offsetof(struct vcpu_time_info, pad0));
	smp_wmb();
	WRITE_ONCE(t->version, ++copy.version);
	copy.flags &= ~XEN_PVCLOCK_GUEST_STOPPED;	/* user mode, for which the area is, could not clear it */
	if (v->time_area)
		copy_to_area(v, &copy);
}

void time_was_stopped(struct vcpu *v)
{
	v->was_stopped |= v->time_version != 0;	/* has it run at all? */
	v->time_version = 0;
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

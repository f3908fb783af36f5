// SPDX-License-Identifier: GPL-2.0-only
/*
 * System time is a line through the TSC that a servo keeps close to a reference clock. What must
 * hold, whatever the true TSC frequency and however noisy the readings: the scale is right to its
 * resolution; time never goes back; once settled it stays within 100 ppm of the reference; an
 * error is worked off; a TSC that jumps does no lasting harm.
 */
#include "host.h"
#include "../../hypervisor/x86/clock-servo.c"

#define S 1000000000L

/* A machine: real time in ns, its TSC, and readings of the reference with noise. */
struct machine {
	double hz, tsc_step;		/* tsc_step: ticks the TSC has jumped so far */
	s64 now, noise;
};

static u64 tsc_at(const struct machine *m, s64 t)
{
	return 1000000 + m->tsc_step + (double)t * m->hz / 1e9;
}

static s64 ref_at(const struct machine *m, s64 t)
{
	return t + (m->noise ? (s64)(host_random() % (2 * m->noise + 1)) - m->noise : 0);
}

struct run {
	struct machine m;
	struct clock_base base;
	struct clock_line line;
	s64 last_ns;
	bool back;
};

static void start(struct run *r, double hz, s64 noise, double initial_error)
{
	*r = (struct run){ .m = { .hz = hz, .noise = noise, .now = 60000000 } };
	r->base = (struct clock_base){ tsc_at(&r->m, 0), 0 };
	r->line.tsc = tsc_at(&r->m, r->m.now);
	r->line.ns = r->m.now;
	clock_line_set_rate(&r->line, clock_servo(&r->base, r->line.tsc, r->m.now * (1 + initial_error), 0));
	r->last_ns = r->line.ns;
}

/* One second: what the rate of published time is, whether it goes back; then a look at the reference. */
static s64 second(struct run *r)
{
	s64 from = clock_line_at(&r->line, tsc_at(&r->m, r->m.now)), to, ppb;
	s64 ref;

	r->m.now += S;
	to = clock_line_at(&r->line, tsc_at(&r->m, r->m.now));
	r->back |= from < r->last_ns || to < from;
	r->last_ns = to;
	ppb = to - from - S;
	ref = ref_at(&r->m, r->m.now);
	r->line.tsc = tsc_at(&r->m, r->m.now);
	r->line.ns = to;
	clock_line_set_rate(&r->line, clock_servo(&r->base, r->line.tsc, ref, ref - to));
	return ppb < 0 ? -ppb : ppb;
}

static s64 seconds(struct run *r, unsigned int n)
{
	s64 worst = 0;

	while (n--)
		worst = max(worst, second(r));
	return worst;
}

static s64 error_of(const struct run *r)
{
	s64 e = r->m.now - clock_line_at(&r->line, tsc_at(&r->m, r->m.now));

	return e < 0 ? -e : e;
}

static void scale(void)
{
	static const double hz[] = { 1e9, 999999999, 1.000001e9, 100e6, 2.5e9, 3.7e9, 2e9, 4e9, 5.2e9, 19.2e6 };

	check(mul_div(~0UL, ~0UL, ~0UL) == ~0UL && mul_div(1UL << 63, 6, 3UL << 62) == 4,
	      "mul_div does not overflow in between");
	for (unsigned int i = 0; i < ARRAY_SIZE(hz); i++) {
		struct clock_line l = { .tsc = 5000, .ns = 777 };
		double ratio, want = 1e9 / hz[i];
		s64 hour = 0;

		clock_line_set_rate(&l, want * (double)(1UL << CLOCK_RATE_BITS));
		ratio = (double)l.mul / 4294967296.0 * (l.shift < 0 ? 1.0 / (1 << -l.shift) : 1 << l.shift);
		hour = clock_line_at(&l, 5000 + (u64)(hz[i] * 3600)) - 777;
		check(l.mul & 0x80000000u && ratio / want - 1 < 1e-9 && ratio / want - 1 > -1e-9 &&
		      hour - 3600 * S < 4000 && hour - 3600 * S > -4000,
		      "%.0f Hz: multiplier %#x, shift %d", hz[i], l.mul, l.shift);
	}
}

static void exact_machine(void)
{
	struct run r;

	start(&r, 2.6e9, 0, 0);
	check(seconds(&r, 600) < 50 && !r.back, "a right scale stays as it is");
	check(error_of(&r) < 3000, "after ten minutes %ld ns off", error_of(&r));
}

static void bad_start(void)
{
	static const double error[] = { 95e-6, -95e-6, 20e-6, -40e-6 };

	for (unsigned int i = 0; i < ARRAY_SIZE(error); i++) {
		struct run r;
		s64 worst;

		start(&r, 2.2e9, 500, error[i]);
		seconds(&r, 3);
		worst = seconds(&r, 300);
		check(worst < 100000 && !r.back && error_of(&r) < 5000,
		      "started %.0f ppm wrong: from then on at most %ld ppb off, in the end %ld ns", error[i] * 1e6,
		      worst, error_of(&r));
	}
}

static void noise(void)
{
	static const s64 amplitude[] = { 300, 3000, 20000 };

	for (unsigned int i = 0; i < ARRAY_SIZE(amplitude); i++) {
		struct run r;
		s64 worst;

		start(&r, 2.9e9, amplitude[i], 30e-6);
		seconds(&r, 5);
		worst = seconds(&r, 1000);
		check(worst < 100000 && !r.back && error_of(&r) < 4 * amplitude[i] + 5000,
		      "readings %ld ns uncertain: at most %ld ppb off", amplitude[i], worst);
	}
}

static void accidents(void)
{
	struct run r;
	s64 worst;

	start(&r, 2.6e9, 200, 0);
	seconds(&r, 50);
	r.m.tsc_step = 130e-6 * r.m.hz;		/* the host moved us to another processor */
	second(&r);
	worst = seconds(&r, 100);
	check(worst < 100000 && error_of(&r) < 5000 && !r.back,
	      "a TSC that jumped by 130 us: worked off at %ld ppb", worst);

	start(&r, 2.6e9, 200, 0);
	seconds(&r, 2);
	r.m.hz *= 1 + 60e-6;			/* a crystal that warms up, all at once */
	r.m.tsc_step -= (double)r.m.now * r.m.hz / 1e9 * 60e-6 / (1 + 60e-6);
	seconds(&r, 3);
	check(seconds(&r, 200) < 100000 && error_of(&r) < 5000 && !r.back, "the TSC's rate may change");
}

int main(void)
{
	scale();
	exact_machine();
	bad_start();
	noise();
	accidents();
	return done();
}

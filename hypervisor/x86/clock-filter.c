// SPDX-License-Identifier: GPL-2.0-only
/* How system time is made from TSC and reference clock: arithmetic only, see x86-private.h. */
#include "x86-private.h"

#define BASELINE	32000000000L	/* ns */
#define CORRECTION_TIME	4		/* seconds in which an error is to vanish */
#define MAX_SLEW	80000		/* ppb faster or slower than the true rate */
#define CATCH_UP	1000000		/* ns behind: then running fast harms less than being late */
#define MAX_CATCH_UP	5000000		/* ppb */
#define TOLERATED_ERROR	2000		/* ns */
#define TOLERATED_RATE	200		/* ppb */

static u64 rate_between(u64 tsc0, s64 ref0, u64 tsc1, s64 ref1)
{
	return mul_div(ref1 - ref0, 1UL << CLOCK_RATE_BITS, tsc1 - tsc0);
}

static s64 clamp(s64 x, s64 low, s64 high)
{
	return max(low, min(x, high));
}

void clock_line_set_rate(struct clock_line *l, u64 rate)
{
	u64 num = rate, den = 1UL << CLOCK_RATE_BITS;

	l->shift = 0;
	while (num >= den) {
		den <<= 1;
		l->shift++;
	}
	while (num * 2 < den) {
		num <<= 1;
		l->shift--;
	}
	l->mul = mul_div(num, 1UL << 32, den);
}

void clock_filter_init(struct clock_filter *f, u64 tsc0, s64 ref0, u64 tsc1, s64 ref1)
{
	*f = (struct clock_filter){
		.rate = rate_between(tsc0, ref0, tsc1, ref1),
		.base_tsc = tsc0, .next_tsc = tsc1, .last_tsc = tsc1,
		.base_ref = ref0, .next_ref = ref1, .last_ref = ref1,
	};
	f->in_force = f->rate;
}

static void restart(struct clock_filter *f, u64 tsc, s64 ref)
{
	f->base_tsc = f->next_tsc = f->last_tsc = tsc;
	f->base_ref = f->next_ref = f->last_ref = ref;
}

/* How far apart the clocks have counted since the last sample, and what is possible: 0.5 %. */
static s64 apart(const struct clock_filter *f, u64 tsc, s64 ref, s64 *limit)
{
	s64 by_tsc = mul_div(tsc - f->last_tsc, f->rate, 1UL << CLOCK_RATE_BITS);
	s64 off = ref - f->last_ref - by_tsc;

	*limit = by_tsc / 200 + 100000;
	return max(off, -off);
}

/* The rate that measured rate and error ask for. */
static u64 corrected(const struct clock_filter *f)
{
	s64 limit = f->error > CATCH_UP ? MAX_CATCH_UP : MAX_SLEW;
	s64 ppb = clamp(f->error / CORRECTION_TIME, -MAX_SLEW, limit);

	return f->rate + (s64)f->rate / 1000000 * ppb / 1000;
}

enum clock_verdict clock_filter_sample(struct clock_filter *f, const struct clock_line *line,
				       u64 tsc, s64 ref, u64 *rate)
{
	s64 limit, drift, off = apart(f, tsc, ref, &limit);

	if (off >= limit) {
		restart(f, tsc, clock_line_at(line, tsc));
		return CLOCK_INSANE;
	}
	/* Once: one clock has made a step, which says nothing of the rate. Again: the rate is wrong. */
	f->stepped = off > limit / 100 && !f->stepped;
	if (f->stepped)
		restart(f, tsc, ref);
	f->last_tsc = tsc;
	f->last_ref = ref;
	f->error = ref - clock_line_at(line, tsc);
	if (ref - f->base_ref > BASELINE / 64)
		f->rate = rate_between(f->base_tsc, f->base_ref, tsc, ref);
	if (ref - f->next_ref > BASELINE) {
		f->base_tsc = f->next_tsc;
		f->base_ref = f->next_ref;
		f->next_tsc = tsc;
		f->next_ref = ref;
	}
	drift = (s64)(f->in_force - f->rate) * 1000 / (s64)(f->rate / 1000000);
	if (max(f->error, -f->error) < TOLERATED_ERROR && max(drift, -drift) < TOLERATED_RATE)
		return CLOCK_GOOD;
	*rate = f->in_force = corrected(f);
	return CLOCK_ADJUST;
}

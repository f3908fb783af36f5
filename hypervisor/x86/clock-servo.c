// SPDX-License-Identifier: GPL-2.0-only
/*
 * How steep the line of system time must be: arithmetic only, contracts in x86-private.h.
 *
 * The true rate is that between a sample long past and the newest. Where the samples were some
 * way off, or a clock has made a step, an error has built up: it is worked off by running a little
 * faster or slower than that.
 */
#include "x86-private.h"

#define BASELINE	64000000000L	/* ns */
#define CORRECTION_TIME	4		/* seconds in which an error is to vanish */
#define MAX_SLEW	80000L		/* ppb faster or slower than the true rate */
#define CATCH_UP	1000000		/* ns behind: then running fast harms less than being late */
#define MAX_CATCH_UP	5000000L	/* ppb */

void clock_line_set_rate(struct clock_line *l, u64 rate)
{
	u64 den = 1UL << CLOCK_RATE_BITS;

	for (l->shift = 0; rate >= den; l->shift++)
		den <<= 1;
	for (; rate * 2 < den; l->shift--)
		rate <<= 1;
	l->mul = mul_div(rate, 1UL << 32, den);
}

u64 clock_servo(struct clock_base *base, u64 tsc, s64 ref, s64 error)
{
	u64 rate = mul_div(ref - base->ref, 1UL << CLOCK_RATE_BITS, tsc - base->tsc);
	s64 limit = error > CATCH_UP ? MAX_CATCH_UP : MAX_SLEW;
	s64 ppb = max(-MAX_SLEW, min(error / CORRECTION_TIME, limit));

	/* The past is forgotten without a jump of the rate: the base moves along the chord. */
	if (ref - base->ref > BASELINE) {
		base->ref += (ref - base->ref) / 2;
		base->tsc += (tsc - base->tsc) / 2;
	}
	return rate + (s64)rate / 1000000 * ppb / 1000;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of x86/ share with each other. */
#ifndef X86_PRIVATE_H
#define X86_PRIVATE_H

#include <xenolith/x86.h>

/** smp_init: boot CPU: vectors of the inter-processor calls. */
void smp_init(void);

/* ---- clock-filter.c: pure arithmetic of time ---- */

/** mul_div: @a * @b / @c without overflow in between; the quotient must fit 64 bits. */
static inline u64 mul_div(u64 a, u64 b, u64 c)
{
	u64 lo, hi;

	asm("mulq %3; divq %4" : "=&a" (lo), "=&d" (hi) : "0" (a), "r" (b), "r" (c) : "cc");
	return lo;
}

/* A line "ns as a function of the TSC"; mul and shift as in struct vcpu_time_info. */
struct clock_line {
	u64 tsc;
	s64 ns;
	u32 mul;
	s8 shift;
};

static inline s64 clock_line_at(const struct clock_line *l, u64 tsc)
{
	u64 delta = tsc - l->tsc;

	delta = l->shift < 0 ? delta >> -l->shift : delta << l->shift;
	return l->ns + (s64)((unsigned __int128)delta * l->mul >> 32);
}

/*
 * The servo. Rates are ns per 2^40 TSC ticks. The rate proper is measured over a long baseline
 * (32 to 64 s once they have passed); the error that has built up is worked off by running a
 * little faster or slower.
 */
#define CLOCK_RATE_BITS	40
struct clock_filter {
	u64 rate;			/* measured */
	u64 in_force;			/* what the line runs at */
	u64 base_tsc, next_tsc, last_tsc;
	s64 base_ref, next_ref, last_ref;
	s64 error;			/* reference - system time at the last sample, ns */
	bool stepped;			/* the last sample was off by a step: a rate needs a second one */
};
enum clock_verdict {
	CLOCK_GOOD,			/* leave the line as it is */
	CLOCK_ADJUST,			/* follow the new rate from now on */
	CLOCK_INSANE,			/* the sample contradicts the last: the reference lost ticks */
};
/** clock_filter_init: @rate was measured between these two samples. */
void clock_filter_init(struct clock_filter *f, u64 tsc0, s64 ref0, u64 tsc1, s64 ref1);
/**
 * clock_filter_sample: at @tsc the reference read @ref ns. CLOCK_ADJUST: *@rate is what @line's
 * successor shall have. CLOCK_INSANE: the caller re-bases the reference on the system time, and
 * the baseline starts anew.
 */
enum clock_verdict clock_filter_sample(struct clock_filter *f, const struct clock_line *line,
				       u64 tsc, s64 ref, u64 *rate);
/** clock_line_set_rate: mul and shift for @rate. */
void clock_line_set_rate(struct clock_line *l, u64 rate);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of x86/ share with each other. */
#ifndef X86_PRIVATE_H
#define X86_PRIVATE_H

#include <xenolith/x86.h>

/** smp_init: boot CPU: vectors of the inter-processor calls. */
void smp_init(void);

/* ---- clock-servo.c: pure arithmetic of time ---- */

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
	s64 delta = tsc - l->tsc;

	delta = l->shift < 0 ? delta >> -l->shift : delta << l->shift;
	return l->ns + (s64)((__int128)delta * l->mul >> 32);
}

/* Rates are ns per 2^40 TSC ticks. */
#define CLOCK_RATE_BITS	40
/** clock_line_set_rate: mul and shift for @rate. */
void clock_line_set_rate(struct clock_line *l, u64 rate);

struct clock_base {			/* an old sample: where the measured rate begins */
	u64 tsc;
	s64 ref;			/* ns by the reference clock */
};
/**
 * clock_servo: the reference read @ref at @tsc, system time is @error ns behind it: the rate that
 * system time shall have from now on. Moves @base on.
 */
u64 clock_servo(struct clock_base *base, u64 tsc, s64 ref, s64 error);

#endif

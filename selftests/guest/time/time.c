// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time: the record in vcpu_info, as the public headers define it.
 *
 * System time never goes back, also not from one vcpu to another; its rate is that of the real-time clock; the wall clock
 * in shared_info plus system time is the date of the real-time clock chip.
 */
#include "lib.h"

static volatile uint64_t latest;
static volatile bool stop, running;
static volatile unsigned long worst, samples;

/* Both vcpus read a clock and publish it; whoever sees a later value of the other than its own next reading has gone back. */
static void race(unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds && !stop; i++) {
		uint64_t before = latest, t = now(), seen;

		if (t < before && before - t > worst)
			worst = before - t;
		do {
			seen = latest;
			if (seen >= t)
				break;
		} while (!__sync_bool_compare_and_swap(&latest, seen, t));
		samples++;
	}
}

static void second(void)
{
	running = true;
	while (!stop)
		race(1000);
}

static void monotonic(void)
{
	uint64_t last = now(), t;
	unsigned int back = 0, versions = 0;
	uint32_t version = this_pcpu()->info->time.version;

	for (unsigned int i = 0; i < 300000; i++) {
		t = now();
		back += t < last;
		last = t;
		if (this_pcpu()->info->time.version != version) {
			version = this_pcpu()->info->time.version;
			versions++;
		}
	}
	is(back, 0, "300,000 readings never go back (%u updates of the record)", versions);
	if (vcpu_count() < 2) {
		skip("one vcpu only");
		return;
	}
	is(vcpu_boot(1, second), 0, "a second vcpu reads the clock");
	ok(wait_for(running, 3000), "it runs");
	race(200000);
	stop = true;
	note("%lu readings on two vcpus: the worst step back is %lu ns", samples, worst);
	/* Xen 4.17 calibrates each CPU's TSC for itself and leaves the rest to the guest (no TSC-stable flag). */
	ok(worst < (xenolith() || this_pcpu()->info->time.flags & XEN_PVCLOCK_TSC_STABLE_BIT ? 1000UL : 10000000UL),
	   "none is earlier than one already seen");
}

/* --- the real-time clock ----------------------------------------------------------------------------------------------- */

static uint8_t rtc(uint8_t reg)
{
	uint8_t v;

	asm volatile("outb %1, $0x70; inb $0x71, %0" : "=a"(v) : "a"(reg));
	return v;
}

static unsigned int bcd(uint8_t v) { return (v >> 4) * 10U + (v & 15); }
static unsigned int rtc_seconds(void) { return bcd(rtc(0)); }

static uint64_t next_second(void)
{
	unsigned int s = rtc_seconds();
	uint64_t end = now() + 5000000000UL;

	while (rtc_seconds() == s && now() < end)
		;
	return now();
}

static void rate(void)
{
	struct physdev_set_iopl iopl = { .iopl = 1 };
	uint64_t a, b;
	uint32_t version;
	uint64_t wall;
	long diff;

	hypercall(physdev_op, PHYSDEVOP_set_iopl, &iopl);
	/* A busy host shows us the change of a second late: a wrong rate is wrong each time. */
	for (unsigned int attempt = 0; attempt < 3; attempt++) {
		a = next_second();
		next_second();
		next_second();
		b = next_second();
		note("three seconds of the RTC are %lu us of system time", (b - a) / 1000);
		if (b - a > 2970000000UL && b - a < 3030000000UL)
			break;
	}
	ok(b - a > 2970000000UL && b - a < 3030000000UL, "the rate of time is right to a hundredth (a busy host is coarse)");
	do {
		version = shared_info->wc_version;
		barrier();
		wall = ((uint64_t)shared_info->wc_sec_hi << 32 | shared_info->wc_sec) * 1000000000UL + shared_info->wc_nsec;
		barrier();
	} while (version & 1 || version != shared_info->wc_version);
	wall = (wall + b) / 1000000000UL;
	diff = (long)(wall % 86400) - (long)(bcd(rtc(4)) * 3600 + bcd(rtc(2)) * 60 + rtc_seconds());
	ok(wall > 1600000000UL, "the wall clock is in our century: %lu", wall);
	ok(diff >= -3 && diff <= 3, "and agrees with the RTC: %ld s apart", diff);
}

static void record(void)
{
	struct vcpu_time_info t = this_pcpu()->info->time;
	uint64_t hz = (1000000000UL << 32) / t.tsc_to_system_mul;

	hz = t.tsc_shift < 0 ? hz << -t.tsc_shift : hz >> t.tsc_shift;
	note("TSC frequency %lu kHz, shift %d, multiplier %x", hz / 1000, t.tsc_shift, t.tsc_to_system_mul);
	ok(hz > 100000000UL && hz < 20000000000UL, "the TSC frequency makes sense");
	ok(t.tsc_to_system_mul & 0x80000000U, "the multiplier is normalised");
}

void test_main(void)
{
	record();
	monotonic();
	rate();
}

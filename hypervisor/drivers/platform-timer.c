// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clocks that run at a known rate: HPET, else the ACPI PM timer, else the PIT's second channel
 * (which wraps too soon for more than the first calibration of the TSC). "clocksource=" chooses.
 * And the battery-backed clock of the day.
 */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

/* ---- HPET ---- */
#define HPET_CAP		0x000
#define HPET_CONFIG		0x010
#define HPET_COUNTER		0x0f0
#define HPET_TIMER_CONFIG(n)	(0x100 + 0x20 * (n))
#define HPET_ENABLE		BIT(0)
#define HPET_LEGACY		BIT(1)
#define HPET_TIMER_IRQ		BIT(2)
#define HPET_MAX_PERIOD		100000000	/* femtoseconds, by the specification */

static volatile u32 *hpet;

static u64 hpet_read(void)
{
	return hpet[HPET_COUNTER / 4];
}

static bool __init hpet_init(struct platform_timer *pt)
{
	u32 cap, period;

	if (!acpi.hpet_address)
		return false;
	hpet = ioremap(acpi.hpet_address, 0x400);
	if (!hpet)
		return false;
	cap = hpet[HPET_CAP / 4];
	period = hpet[HPET_CAP / 4 + 1];
	if (cap == ~0u || !period || period > HPET_MAX_PERIOD)
		return false;
	/* None of its timers is used: no interrupts from it, none in the PIT's place. */
	hpet[HPET_CONFIG / 4] &= ~(HPET_ENABLE | HPET_LEGACY);
	for (unsigned int n = 0; n <= (cap >> 8 & 0x1f); n++)
		hpet[HPET_TIMER_CONFIG(n) / 4] &= ~HPET_TIMER_IRQ;
	hpet[HPET_CONFIG / 4] |= HPET_ENABLE;
	pt->hz = 1000000000000000UL / period;
	pt->mask = 0xffffffff;
	return true;
}

/* ---- ACPI power management timer ---- */
static u64 pm_read(void)
{
	return inl(acpi.pm_timer_port);
}

static bool __init pm_init(struct platform_timer *pt)
{
	pt->mask = acpi.pm_timer_32bit ? 0xffffffff : 0xffffff;
	return acpi.pm_timer_port;
}

/* ---- PIT, channel 2: counts down from 65536 again and again ---- */
#define PIT_CHANNEL2	0x42
#define PIT_COMMAND	0x43
#define PIT_GATE	0x61	/* bit 0: channel 2 counts, bit 1: into the speaker */

static u64 pit_read(void)
{
	unsigned int count;

	outb(0x80, PIT_COMMAND);	/* latch channel 2 */
	count = inb(PIT_CHANNEL2);
	return 65536 - (count | inb(PIT_CHANNEL2) << 8);
}

static bool __init pit_init(struct platform_timer *pt)
{
	outb((inb(PIT_GATE) & ~2) | 1, PIT_GATE);
	outb(0xb4, PIT_COMMAND);	/* channel 2, both bytes, mode 2 */
	outb(0, PIT_CHANNEL2);
	outb(0, PIT_CHANNEL2);
	return true;
}

/* Does it count? Reading takes about a microsecond at least. */
static bool __init runs(const struct platform_timer *pt)
{
	u64 first = pt->read();

	for (unsigned int i = 0; i < 100; i++)
		if ((pt->read() ^ first) & pt->mask)
			return true;
	return false;
}

static __ro_after_init struct timer_choice {
	const char *option;
	bool (*init)(struct platform_timer *pt);
	struct platform_timer timer;
} choice[] = {
	{ "hpet", hpet_init, { "HPET", 0, 0, hpet_read } },
	{ "acpi", pm_init, { "ACPI PM timer", 3579545, 0, pm_read } },
	{ "pit", pit_init, { "PIT", 1193182, 0xffff, pit_read } },
};

const struct platform_timer *__init platform_timer_init(void)
{
	const char *wanted = boot_param("clocksource");
	struct timer_choice *last = &choice[ARRAY_SIZE(choice) - 1];

	for (struct timer_choice *c = choice; c <= last; c++) {
		if (wanted && strcmp(wanted, c->option) && c != last)
			continue;
		if (c->init(&c->timer) && runs(&c->timer))
			return &c->timer;
	}
	panic_boot("No timer to measure the processor's clock with: neither HPET, PM timer nor PIT.\n");
}

/* ---- CMOS real-time clock ---- */
#define RTC_UPDATING	0x80
#define RTC_24H		0x02
#define RTC_BINARY	0x04
#define RTC_PM		0x80
enum { SEC, MIN, HOUR, DAY, MONTH, YEAR, NR_FIELDS };

static u8 cmos_read(u8 reg)
{
	outb(reg, 0x70);
	return inb(0x71);
}

static void rtc_read(u8 t[NR_FIELDS])
{
	static const u8 regs[NR_FIELDS] = { 0, 2, 4, 7, 8, 9 };

	for (unsigned int tries = 10000; cmos_read(10) & RTC_UPDATING && tries; tries--)
		cpu_relax();
	for (unsigned int i = 0; i < NR_FIELDS; i++)
		t[i] = cmos_read(regs[i]);
}

/* Years begin in March, so that the leap day is the last one. */
static u64 days_since_1970(unsigned int y, unsigned int m, unsigned int d)
{
	if (m <= 2) {
		m += 12;
		y--;
	}
	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * (m - 3) + 2) / 5 + d - 1 - 719468UL;
}

u64 cmos_wallclock(void)
{
	u8 mode = cmos_read(11), t[NR_FIELDS], again[NR_FIELDS];
	bool pm;

	do {
		rtc_read(t);
		rtc_read(again);
	} while (memcmp(t, again, sizeof(t)));
	pm = !(mode & RTC_24H) && t[HOUR] & RTC_PM;
	t[HOUR] &= ~RTC_PM;
	for (unsigned int i = 0; i < NR_FIELDS && !(mode & RTC_BINARY); i++)
		t[i] = (t[i] >> 4) * 10 + (t[i] & 0xf);
	if (!(mode & RTC_24H))
		t[HOUR] = t[HOUR] % 12 + (pm ? 12 : 0);
	return days_since_1970(t[YEAR] + (t[YEAR] < 70 ? 2000 : 1900), t[MONTH], t[DAY]) * 86400 +
	       t[HOUR] * 3600 + t[MIN] * 60 + t[SEC];
}

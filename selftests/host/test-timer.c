// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers. What must hold: each armed timer fires exactly once, not before its time, in order of
 * time; one stopped or set anew does not fire at the old time; the hardware is never left set
 * later than the first timer (then it would be lost); all that whatever the order of calls.
 */
#include "host.h"
#include "../../hypervisor/lib/bitmap.c"
#include "../../hypervisor/sched/timer.c"

cpumask_t cpu_online_mask;
static s64 clock_now, hardware = INT64_MAX;
static bool raised;
static void (*handler)(void);

s64 now_ns(void) { return clock_now; }
void apic_timer_set(s64 expires) { hardware = expires; }
void softirq_set_handler(unsigned int nr, void (*fn)(void)) { handler = fn; }
void softirq_raise(unsigned int nr) { raised = true; }
void softirq_raise_on(unsigned int cpu, unsigned int nr) { raised = true; }

#define NR	200
static struct {
	struct timer t;
	bool armed;
	s64 due;
	unsigned int fired;
} model[NR];
static s64 last_due;
static unsigned int fires, bad_fires;

static void fired(void *arg)
{
	unsigned long i = (unsigned long)arg;

	fires++;
	bad_fires += !model[i].armed || model[i].due > clock_now || model[i].due < last_due;
	last_due = model[i].due;
	model[i].armed = false;
	if (host_random() % 8 == 0) {		/* some arm themselves again, some another one */
		unsigned long other = host_random() % 2 ? i : host_random() % NR;

		model[other].due = clock_now + 1 + host_random() % 1000;
		model[other].armed = true;
		timer_set(&model[other].t, model[other].due);
	}
}

static unsigned int heap_errors(struct timer **at, s64 parent, unsigned int *n)
{
	struct timer *t = *at;

	if (!t)
		return 0;
	(*n)++;
	return (t->at != at || t->expires < parent) + heap_errors(&t->left, t->expires, n) +
	       heap_errors(&t->right, t->expires, n);
}

static void step_clock(s64 to)
{
	clock_now = to;
	if (hardware <= clock_now) {
		hardware = INT64_MAX;
		timer_interrupt();
	}
	while (raised) {
		raised = false;
		last_due = 0;
		handler();
	}
}

static unsigned int model_errors(void)
{
	unsigned int n = 0, armed = 0, errors = heap_errors(&percpu_timer_heaps.root, INT64_MIN, &n);
	s64 first = INT64_MAX;

	for (unsigned int i = 0; i < NR; i++) {
		armed += model[i].armed;
		errors += model[i].armed != timer_armed(&model[i].t);
		errors += model[i].armed && model[i].due <= clock_now;
		if (model[i].armed && model[i].due < first)
			first = model[i].due;
	}
	return errors + (n != armed) + (hardware > first);
}

static void random_run(void)
{
	unsigned int errors = 0;

	for (unsigned int i = 0; i < NR; i++)
		timer_init(&model[i].t, fired, (void *)(unsigned long)i);
	for (unsigned int round = 0; round < 100000; round++) {
		unsigned int i = host_random() % NR;

		switch (host_random() % 8) {
		case 0 ... 4:
			model[i].due = clock_now + 1 + host_random() % 5000;
			model[i].armed = true;
			timer_set(&model[i].t, model[i].due);
			break;
		case 5:
			model[i].armed = false;
			timer_stop(&model[i].t);
			break;
		default:
			step_clock(clock_now + host_random() % 300);
		}
		if (round % 64 == 0)
			errors += model_errors();
	}
	step_clock(clock_now + 10000);
	check(errors == 0, "heap and model agree after every batch of random calls");
	check(bad_fires == 0 && fires > 1000, "%u timers fired, each when due and in order", fires);
}

static unsigned int count;
static void counting(void *arg)
{
	count++;
}

/* A function that arms its own timer. */
static struct timer again;
static unsigned int again_left;
static void rearm(void *arg)
{
	count++;
	if (again_left && again_left--)
		timer_set(&again, clock_now + 10);
}

static void arm_again(void)
{
	count = 0;
	again_left = 3;
	timer_init(&again, rearm, NULL);
	timer_set(&again, clock_now);
	for (unsigned int i = 0; i < 6; i++)
		step_clock(clock_now + 10);
	check(count == 4 && !timer_armed(&again), "a function may arm its timer again");
}

static void single_cases(void)
{
	struct timer a, b;

	timer_init(&a, counting, NULL);
	timer_init(&b, counting, NULL);
	count = 0;
	timer_set(&a, clock_now - 5);
	check(hardware <= clock_now, "a time that has passed: the interrupt is due at once");
	step_clock(clock_now);
	check(count == 1, "and the timer fires");
	timer_set(&a, clock_now + 100);
	timer_set(&a, clock_now + 1000);
	step_clock(clock_now + 500);
	check(count == 1, "set to a later time: not at the old one");
	check(hardware == clock_now + 500, "the early interrupt set the hardware anew");
	step_clock(clock_now + 500);
	check(count == 2, "but at the new one");
	timer_set(&a, clock_now + 100);
	timer_set(&b, clock_now + 50);
	check(hardware == clock_now + 50, "an earlier timer moves the hardware forward");
	timer_stop(&b);
	timer_stop(&b);
	step_clock(clock_now + 100);
	check(count == 3 && !timer_armed(&a) && !timer_armed(&b), "a stopped timer does not fire, stopping twice is fine");
	timer_stop(&a);
	hardware = INT64_MAX;
	timer_set(&a, 0);
	check(raised && hardware == INT64_MAX, "time 0 raises the softirq: the hardware takes it for \"never\"");
	timer_set(&b, clock_now + 70);
	step_clock(clock_now);
	check(count == 4 && hardware == clock_now + 70, "it fires at once, and others in their time");
	timer_stop(&b);
	arm_again();
}

int main(void)
{
	timer_cpu_init(0);
	random_run();
	for (unsigned int i = 0; i < NR; i++)
		timer_stop(&model[i].t);
	single_cases();
	return done();
}

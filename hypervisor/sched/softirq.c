// SPDX-License-Identifier: GPL-2.0-only
/*
 * Softirqs: one bit each in the CPU's block, looked at on every way out to a guest and in the idle
 * loop. A bit is cleared before its handler runs, so that work raised meanwhile is not lost, even
 * when the handler is the scheduler and leaves this stack for good.
 */
#include <xenolith/debug.h>
#include <xenolith/entry.h>
#include <xenolith/sched.h>

static void (*handlers[NR_SOFTIRQS])(void) __ro_after_init;

void softirq_set_handler(unsigned int nr, void (*fn)(void))
{
	handlers[nr] = fn;
}

void softirq_raise(unsigned int nr)
{
	set_bit(nr, &cpu_info()->softirq_pending);
}

void softirq_raise_on(unsigned int cpu, unsigned int nr)
{
	struct cpu_info *info = (struct cpu_info *)entry_cpu_stack_top(cpu) - 1;

	if (!test_and_set_bit(nr, &info->softirq_pending) && cpu != smp_cpu())
		smp_kick(cpu);
}

void softirq_run(void)
{
	u32 *pending = &cpu_info()->softirq_pending;
	u32 bits;

	while ((bits = READ_ONCE(*pending)) != 0) {
		unsigned int nr = ffs64(bits);

		clear_bit(nr, pending);
		if (handlers[nr])
			handlers[nr]();
	}
}

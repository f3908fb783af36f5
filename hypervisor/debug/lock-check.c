// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of spinlocks in DEBUG builds: no CPU takes a lock that it holds, no other CPU releases
 * it, and a lock that an interrupt handler takes is never taken with interrupts enabled (the
 * handler could come in between and wait for ever).
 */
#include <xenolith/debug.h>
#include <xenolith/lock.h>
#include <xenolith/x86.h>

#ifdef DEBUG

#define USED_WITH_IRQS_ON	1
#define USED_IN_INTERRUPT	2

static DEFINE_PER_CPU(unsigned int, interrupt_depth);

void lock_check_interrupt(bool entered)
{
	this_cpu(interrupt_depth) += entered ? 1 : -1;
}

static unsigned int use_now(void)
{
	return (irq_enabled() ? USED_WITH_IRQS_ON : 0) |
	       (this_cpu(interrupt_depth) ? USED_IN_INTERRUPT : 0);
}

void lock_check_acquire(spinlock_t *l)
{
	BUG_ON(READ_ONCE(l->owner) == smp_cpu() + 1);
	BUG_ON((l->irq_use | use_now()) == (USED_WITH_IRQS_ON | USED_IN_INTERRUPT));
}

void lock_check_acquired(spinlock_t *l)
{
	l->irq_use |= use_now();
	WRITE_ONCE(l->owner, smp_cpu() + 1);
}

void lock_check_release(spinlock_t *l)
{
	BUG_ON(l->owner != smp_cpu() + 1);
	WRITE_ONCE(l->owner, 0);
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers: per CPU one skew heap of those armed, so that nothing is ever allocated.
 *
 * A heap is a binary tree in which no child expires before its parent: the root is the next to fire. Two
 * heaps are joined by walking down their right edges, taking the earlier root at each step and exchanging
 * its children behind it, which keeps paths short (logarithmic on average over any run of calls). Arming
 * joins with a heap of one; taking a timer out puts its joined children in its place.
 *
 * The local APIC timer is set for the root, lazily: when the root moves to a later time the interrupt
 * comes early, finds nothing to do and sets itself anew.
 */
#include <xenolith/drivers.h>
#include <xenolith/sched.h>
#include <xenolith/x86.h>
#include "sched-private.h"

#define NEVER	INT64_MAX

struct timer_heap {
	spinlock_t lock;
	struct timer *root;
	struct timer *running;		/* its function is being called */
	s64 programmed;			/* when the interrupt is to come */
};
static DEFINE_PER_CPU(struct timer_heap, timer_heaps);

/* What hangs at *@at becomes the join of the heaps @a and @b (either may be NULL). */
static void join(struct timer **at, struct timer *a, struct timer *b)
{
	while (a && b) {
		struct timer *first = b->expires < a->expires ? b : a, *later = first == a ? b : a;

		*at = first;
		first->at = at;
		a = first->right;
		b = later;
		first->right = first->left;
		if (first->right)
			first->right->at = &first->right;
		at = &first->left;
	}
	*at = a ?: b;
	if (*at)
		(*at)->at = at;
}

static void heap_insert(struct timer_heap *h, struct timer *t)
{
	t->left = t->right = NULL;
	join(&h->root, h->root, t);
}

static void heap_remove(struct timer *t)
{
	if (t->at)
		join(t->at, t->left, t->right);
	WRITE_ONCE(t->at, NULL);
}

/* The heap that @t belongs to, locked; @t->cpu only changes under that lock. */
static struct timer_heap *lock_heap(struct timer *t)
{
	for (;;) {
		struct timer_heap *h = &per_cpu(timer_heaps, READ_ONCE(t->cpu));

		spin_lock(&h->lock);
		if (h == &per_cpu(timer_heaps, t->cpu))
			return h;
		spin_unlock(&h->lock);
	}
}

/* Have this CPU look at the clock when the first timer of its heap @h is due. */
static void program(struct timer_heap *h)
{
	s64 next = h->root ? h->root->expires : NEVER;

	if (next <= 0) {
		softirq_raise(SOFTIRQ_TIMER);
	} else if (next < h->programmed) {
		h->programmed = next;
		apic_timer_set(next);
	}
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg)
{
	*t = (struct timer){ .fn = fn, .arg = arg };
}

void timer_set(struct timer *t, s64 expires)
{
	unsigned long flags = irq_save();
	struct timer_heap *mine = &this_cpu(timer_heaps), *h;

	for (;;) {
		h = lock_heap(t);
		heap_remove(t);
		if (h == mine || h->running == t)	/* there run_timers() will see it */
			break;
		WRITE_ONCE(t->cpu, smp_cpu());
		spin_unlock(&h->lock);
	}
	t->expires = expires;
	heap_insert(h, t);
	if (h == mine && h->root == t)
		program(h);
	spin_unlock_irqrestore(&h->lock, flags);
}

/* A function that is just running on another CPU may arm its timer again: then once more. */
void timer_stop(struct timer *t)
{
	struct timer_heap *h;
	unsigned long flags;
	bool running;

	do {
		flags = irq_save();
		h = lock_heap(t);
		heap_remove(t);
		running = h != &this_cpu(timer_heaps) && h->running == t;
		spin_unlock_irqrestore(&h->lock, flags);
		while (running && READ_ONCE(h->running) == t)
			cpu_relax();
	} while (running);
}

void timer_interrupt(void)
{
	this_cpu(timer_heaps).programmed = NEVER;
	softirq_raise(SOFTIRQ_TIMER);
}

/* Call what has expired; the lock is not held meanwhile, timers may be set and stopped. */
static void run_timers(void)
{
	struct timer_heap *h = &this_cpu(timer_heaps);
	s64 now = now_ns();
	struct timer *t;

	irq_disable();
	spin_lock(&h->lock);
	while ((t = h->root) && t->expires <= now) {
		heap_remove(t);
		h->running = t;
		spin_unlock(&h->lock);
		irq_enable();
		t->fn(t->arg);
		irq_disable();
		spin_lock(&h->lock);
		WRITE_ONCE(h->running, NULL);
	}
	program(h);
	spin_unlock(&h->lock);
	irq_enable();
}

void timer_cpu_init(unsigned int cpu)
{
	per_cpu(timer_heaps, cpu).programmed = NEVER;
	softirq_set_handler(SOFTIRQ_TIMER, run_timers);
}

void timer_dump(void)
{
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_online_mask) {
		struct timer_heap *h = &per_cpu(timer_heaps, cpu);
		unsigned long flags = spin_lock_irqsave(&h->lock);
		struct timer *shown = NULL, *t;
		s64 now = now_ns();

		printk("CPU%u:\n", cpu);
		while ((t = h->root) != NULL) {		/* taken out one by one, so in order, and put back */
			printk("  in %ld us: %ps(%p)\n", (t->expires - now) / 1000, t->fn, t->arg);
			heap_remove(t);
			t->right = shown;
			shown = t;
		}
		while ((t = shown) != NULL) {
			shown = t->right;
			heap_insert(h, t);
		}
		spin_unlock_irqrestore(&h->lock, flags);
	}
}

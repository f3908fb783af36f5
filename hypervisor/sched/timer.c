// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers: per CPU one pairing heap of those armed, so that nothing is ever allocated.
 *
 * A heap is a tree in which no child expires before its parent: the root is the next to fire.
 * Children of one parent are siblings in a list through next; prev leads back, from the first of
 * them to the parent. Arming is one comparison (meld with the root); taking a timer out joins its
 * children pairwise. The local APIC timer is set for the root, lazily: when the root moves to a
 * later time the interrupt comes early, finds nothing to do and sets itself anew.
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

/* Join two trees (either may be NULL); the later root becomes first child of the earlier one. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	struct timer *t;

	if (!a || !b)
		return a ? a : b;
	if (b->expires < a->expires) {
		t = a;
		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	b->prev = a;
	a->child = b;
	return a;
}

/* Make one tree of a list of siblings: meld neighbours, then the pairs from the last one back. */
static struct timer *meld_siblings(struct timer *t)
{
	struct timer *pairs = NULL, *root = NULL;

	while (t) {
		struct timer *a = t, *b = t->next;

		t = b ? b->next : NULL;
		a->next = NULL;
		if (b)
			b->next = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		t = pairs->next;
		pairs->next = NULL;
		root = meld(root, pairs);
		pairs = t;
	}
	return root;
}

static void heap_insert(struct timer_heap *h, struct timer *t)
{
	t->child = t->next = t->prev = NULL;
	t->armed = true;
	h->root = meld(h->root, t);
}

static void heap_remove(struct timer_heap *h, struct timer *t)
{
	struct timer *children = meld_siblings(t->child);

	t->armed = false;
	if (t == h->root) {
		h->root = children;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		h->root = meld(h->root, children);
	}
	if (h->root)
		h->root->prev = h->root->next = NULL;
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

static void program(struct timer_heap *h)
{
	s64 next = h->root ? h->root->expires : NEVER;

	if (next < h->programmed) {
		h->programmed = next;
		apic_timer_set(next);
	}
}

/* @t is the heap's earliest now: have its CPU look at the clock in time. */
static void heap_changed(struct timer_heap *h, unsigned int cpu)
{
	if (cpu == smp_cpu())
		program(h);
	else if (h->root->expires < h->programmed)
		softirq_raise_on(cpu, SOFTIRQ_TIMER);
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu)
{
	*t = (struct timer){ .fn = fn, .arg = arg, .cpu = cpu };
}

void timer_set(struct timer *t, s64 expires)
{
	unsigned long flags = irq_save();
	struct timer_heap *h = lock_heap(t);

	if (t->armed)
		heap_remove(h, t);
	t->expires = expires;
	heap_insert(h, t);
	if (h->root == t)
		heap_changed(h, t->cpu);
	spin_unlock_irqrestore(&h->lock, flags);
}

/* A function that is just running on another CPU may arm its timer again: then once more. */
void timer_stop(struct timer *t)
{
	bool waited;

	do {
		unsigned long flags = irq_save();
		struct timer_heap *h = lock_heap(t);
		unsigned int cpu = t->cpu;

		if (t->armed)
			heap_remove(h, t);
		spin_unlock_irqrestore(&h->lock, flags);
		waited = false;
		while (cpu != smp_cpu() && READ_ONCE(h->running) == t) {
			cpu_relax();
			waited = true;
		}
	} while (waited);
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
	unsigned long flags;
	struct timer_heap *h;
	bool was_armed;

	if (READ_ONCE(t->cpu) == cpu)
		return;
	flags = irq_save();
	h = lock_heap(t);
	was_armed = t->armed;
	if (was_armed)
		heap_remove(h, t);
	t->cpu = cpu;
	spin_unlock(&h->lock);
	h = lock_heap(t);
	if (was_armed && !t->armed) {
		heap_insert(h, t);
		if (h->root == t)
			heap_changed(h, t->cpu);
	}
	spin_unlock_irqrestore(&h->lock, flags);
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
		heap_remove(h, t);
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

/* Parents before children, children before later siblings. */
static const struct timer *walk_next(const struct timer *t)
{
	if (t->child)
		return t->child;
	while (t && !t->next) {
		while (t->prev && t->prev->child != t)
			t = t->prev;
		t = t->prev;
	}
	return t ? t->next : NULL;
}

void timer_dump(void)
{
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_online_mask) {
		struct timer_heap *h = &per_cpu(timer_heaps, cpu);
		unsigned long flags = spin_lock_irqsave(&h->lock);
		s64 now = now_ns();

		printk("CPU%u:\n", cpu);
		for (const struct timer *t = h->root; t; t = walk_next(t))
			printk("  in %ld us: %ps(%p)\n", (t->expires - now) / 1000, t->fn, t->arg);
		spin_unlock_irqrestore(&h->lock, flags);
	}
}

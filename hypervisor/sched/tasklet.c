// SPDX-License-Identifier: GPL-2.0-only
/* Tasklets: a list per CPU, emptied in softirq context. */
#include <xenolith/sched.h>
#include <xenolith/x86.h>
#include "sched-private.h"

struct tasklet_list {
	spinlock_t lock;
	struct list_head head;
};
static DEFINE_PER_CPU(struct tasklet_list, tasklets);

void tasklet_schedule(struct tasklet *t)
{
	struct tasklet_list *l = &this_cpu(tasklets);
	unsigned long flags;

	if (xchg(&t->queued, true))
		return;
	flags = spin_lock_irqsave(&l->lock);
	list_add_tail(&t->link, &l->head);
	spin_unlock_irqrestore(&l->lock, flags);
	softirq_raise(SOFTIRQ_TASKLET);
}

static struct tasklet *take_first(struct tasklet_list *l)
{
	unsigned long flags = spin_lock_irqsave(&l->lock);
	struct tasklet *t = NULL;

	if (!list_empty(&l->head)) {
		t = list_first_entry(&l->head, struct tasklet, link);
		list_del(&t->link);
	}
	spin_unlock_irqrestore(&l->lock, flags);
	return t;
}

static void run_tasklets(void)
{
	struct tasklet *t = take_first(&this_cpu(tasklets));

	if (!t)
		return;
	softirq_raise(SOFTIRQ_TASKLET);		/* one at a time: the others run in the next round */
	WRITE_ONCE(t->queued, false);
	if (xchg(&t->running, true)) {
		tasklet_schedule(t);		/* its former run on another CPU is not over yet */
		return;
	}
	t->fn(t->arg);
	smp_wmb();
	WRITE_ONCE(t->running, false);
}

void tasklet_cpu_init(unsigned int cpu)
{
	list_init(&per_cpu(tasklets, cpu).head);
	softirq_set_handler(SOFTIRQ_TASKLET, run_tasklets);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The FIFO ABI: a word a port in an array that grows with the highest port in use; a vcpu has a queue for each priority
 * (fifo-queue.h). A port that was bound to another vcpu meanwhile is handled where it was queued.
 *
 * Pages that the hypervisor writes to are given back as a whole, at the end, by an operation that only this hypervisor has.
 * A CPU that was there once keeps its page.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include "event-abi.h"
#include "fifo-queue.h"
#include <xen/xen-ops.h>

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define MAX_PAGES (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)
#define LEAVE (~0ull)			/* for a control block: back to 2-level */

struct fifo_cpu {
	struct evtchn_fifo_control_block *control;
	struct fifo_queues queues;
};
static DEFINE_PER_CPU(struct fifo_cpu, fifo_cpus);
static event_word_t *array[MAX_PAGES];
static unsigned int nr_pages;

static event_word_t *word_of(u32 port)
{
	unsigned int page = port / WORDS_PER_PAGE;

	return page < READ_ONCE(nr_pages) ? array[page] + port % WORDS_PER_PAGE : NULL;
}

static void mask(evtchn_port_t port)
{
	fifo_word_set(word_of(port), FIFO_MASKED);
}

static void unmask(evtchn_port_t port)
{
	if (!fifo_word_unmask(word_of(port)))
		event_ask_unmask(port);
}

static bool take(evtchn_port_t port)
{
	return fifo_word_take(word_of(port));
}

static void set(evtchn_port_t port)
{
	fifo_word_set(word_of(port), FIFO_PENDING);
}

static void own(evtchn_port_t port, unsigned int from, unsigned int to)
{
}

static void handle(unsigned int cpu, struct vcpu_info *info)
{
	struct fifo_cpu *c = &per_cpu(fifo_cpus, cpu);
	u32 port;

	while ((port = fifo_take(&c->queues, c->control, word_of)))
		event_port(port);
}

/* ---- pages ---- */

/* All its words are masked before the hypervisor sees them. With event.c's lock. */
static int add_page(void)
{
	struct evtchn_expand_array op = { };
	event_word_t *page = (event_word_t *)__get_free_page(GFP_KERNEL);
	unsigned int i;
	int rc;

	if (!page)
		return -ENOMEM;
	for (i = 0; i < WORDS_PER_PAGE; i++)
		page[i] = FIFO_MASKED;
	op.array_gfn = page_to_pfn(virt_to_page(page));
	array[nr_pages] = page;
	rc = HYPERVISOR_event_channel_op(EVTCHNOP_expand_array, &op);
	if (rc)
		free_page((unsigned long)page);
	else
		smp_store_release(&nr_pages, nr_pages + 1);
	return rc;
}

static int room(evtchn_port_t port)
{
	int rc = 0;

	while (!rc && port / WORDS_PER_PAGE >= nr_pages)
		rc = add_page();
	return rc;
}

static int init_control(unsigned int cpu, u32 vcpu)
{
	struct fifo_cpu *c = &per_cpu(fifo_cpus, cpu);
	struct page *page = alloc_page(GFP_ATOMIC | __GFP_ZERO);
	struct evtchn_init_control op = { .vcpu = vcpu };
	int rc;

	if (!page)
		return -ENOMEM;
	op.control_gfn = page_to_pfn(page);
	rc = HYPERVISOR_event_channel_op(EVTCHNOP_init_control, &op);
	if (rc)
		__free_page(page);
	else
		c->control = page_address(page);
	return rc;
}

static int cpu_up(unsigned int cpu)
{
	return per_cpu(fifo_cpus, cpu).control ? 0 : init_control(cpu, xen_vcpu_nr(cpu));
}

/* What is still queued there has been bound to others, but is not queued there as long as it is queued here. */
static void cpu_dead(unsigned int cpu)
{
	struct fifo_cpu *c = &per_cpu(fifo_cpus, cpu);
	u32 port;

	while (c->control && (port = fifo_take(&c->queues, c->control, word_of)))
		event_again(port);
}

static void stop(void)
{
	struct evtchn_init_control op = { .control_gfn = LEAVE };
	int cpu, rc;

	memset(port_shared->evtchn_mask, ~0, sizeof(port_shared->evtchn_mask));
	rc = HYPERVISOR_event_channel_op(EVTCHNOP_init_control, &op);
	if (rc)				/* the hypervisor still writes there */
		pr_err("FIFO event channels do not end (%d): their pages are lost\n", rc);
	for (; nr_pages; nr_pages--)
		if (!rc)
			free_page((unsigned long)array[nr_pages - 1]);
	for_each_possible_cpu(cpu) {
		if (!rc)
			free_page((unsigned long)per_cpu(fifo_cpus, cpu).control);
		per_cpu(fifo_cpus, cpu) = (struct fifo_cpu){ };
	}
}

/* The first control block makes it the domain's ABI. */
static int start(void)
{
	int rc;

	if (!hypervisor_has(PORT_LEAVE_FIFO))
		return -EOPNOTSUPP;
	rc = init_control(get_cpu(), hypervisor_vcpu());
	put_cpu();
	return rc;
}

const struct event_abi event_fifo = {
	.name		= "FIFO",
	.ports		= EVTCHN_FIFO_NR_CHANNELS,
	.start		= start,
	.stop		= stop,
	.cpu_up		= cpu_up,
	.cpu_dead	= cpu_dead,
	.room		= room,
	.mask		= mask,
	.unmask		= unmask,
	.take		= take,
	.set		= set,
	.own		= own,
	.handle		= handle,
};

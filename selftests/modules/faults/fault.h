/* SPDX-License-Identifier: GPL-2.0-only */
/* What the drivers that break a protocol have in common: waiting for the other end, pages shared with it, TAP. */
#ifndef FAULT_H
#define FAULT_H

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <xenolith/bus.h>
#include <xenolith/event.h>
#include <xenolith/grant.h>
#include <xenolith/hypercall.h>
#include <xen/interface/io/ring.h>

#define SECONDS 60		/* for anything to happen */
#define BAD_REF 0x7fffff

/* Both ends: what the other one does is not followed, its events are only taken. */
static inline void fault_changed(struct xenbus_device *bus, enum xenbus_state state) { }

static inline irqreturn_t fault_event(int irq, void *data)
{
	xen_irq_lateeoi(irq, 0);
	return IRQ_HANDLED;
}

/* --- frontends ------------------------------------------------------------------------------------------------------- */

static inline bool fault_backend_is(struct xenbus_device *bus, enum xenbus_state from, enum xenbus_state to)
{
	unsigned int n;

	for (n = 0; n < SECONDS * 20; n++) {
		enum xenbus_state state = xenbus_read_driver_state(bus->otherend);

		if (state >= from && state <= to)
			return true;
		msleep(50);
	}
	return false;
}

/* Nodes of the driver before: they would go before ours. */
static inline void fault_remove_nodes(struct xenbus_device *bus, const char *const *nodes, unsigned int nr)
{
	for (; nr; nr--, nodes++)
		if (xenbus_exists(XBT_NIL, bus->nodename, *nodes))
			xenbus_rm(XBT_NIL, bus->nodename, *nodes);
}

/* A page that the backend may use. */
static inline grant_ref_t fault_grant(struct xenbus_device *bus, struct page **page)
{
	int ref;

	*page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!*page)
		return BAD_REF;
	ref = gnttab_grant_foreign_access(bus->otherend_id, xen_page_to_gfn(*page), 0);
	return ref < 0 ? BAD_REF : ref;
}

/* False: it still uses it, and keeps it. */
static inline bool fault_let_go(grant_ref_t ref, struct page *page)
{
	if (!gnttab_end_foreign_access_ref(ref))
		return false;
	gnttab_free_grant_reference(ref);
	__free_page(page);
	return true;
}

static inline bool fault_ring_let_go(void **ring, grant_ref_t *ref)
{
	bool free = gnttab_end_foreign_access_ref(*ref);

	xenbus_teardown_ring(ring, 1, ref);
	return free;
}

/* Whether the node says that it is this one device, which is to break the protocol. */
static inline bool fault_is_device(struct xenbus_device *bus, const char *node, unsigned int number)
{
	unsigned int read;

	return xenbus_scanf(XBT_NIL, bus->nodename, node, "%u", &read) == 1 && read == number;
}

/* A thing's line of TAP; wrong: why it is not ok, or NULL. */
#define fault_say(driver, number, name, wrong) \
	pr_info(driver ": %sok %u - %s%s%s\n", (wrong) ? "not " : "", number, name, (wrong) ? ": " : "", (wrong) ?: "")

/* --- backends -------------------------------------------------------------------------------------------------------- */

/* A page of the frontend that is kept mapped until the driver is unbound. */
struct fault_page {
	struct page *page;
	grant_handle_t handle;
};

/**
 * struct fault_back - a backend that takes over a device as the one before has left it
 * @shared: its rings
 * @irqs: the first one starts @work
 * @fault: the wrong thing to do
 * @due: it is still to be done, once; not before all ports are bound
 */
struct fault_back {
	struct xenbus_device *bus;
	void *shared[2];
	int irqs[2];
	unsigned int fault;
	bool due;
	struct work_struct work;
	struct fault_page kept;
};

static inline void fault_keep_mapped(struct fault_back *b, grant_ref_t ref)
{
	struct fault_page *p = &b->kept;
	struct gnttab_map_grant_ref op;

	if (gnttab_alloc_pages(1, &p->page))
		return;
	gnttab_set_map_op(&op, (unsigned long)page_address(p->page), GNTMAP_host_map, ref, b->bus->otherend_id);
	if (gnttab_map_refs(&op, NULL, &p->page, 1) || op.status != GNTST_okay)
		dev_err(&b->bus->dev, "the page cannot be mapped\n");
	else
		p->handle = op.handle;
}

static inline void fault_unmap(struct fault_page *p)
{
	struct gnttab_unmap_grant_ref op;

	if (p->handle != INVALID_GRANT_HANDLE) {
		gnttab_set_unmap_op(&op, (unsigned long)page_address(p->page), GNTMAP_host_map, p->handle);
		gnttab_unmap_refs(&op, NULL, &p->page, 1);
	}
	if (p->page)
		gnttab_free_pages(1, &p->page);
}

static inline irqreturn_t fault_work_event(int irq, void *data)
{
	schedule_work(&((struct fault_back *)data)->work);
	return IRQ_HANDLED;
}

static inline int fault_map_ring(struct fault_back *b, unsigned int n, const char *node)
{
	unsigned int ref;

	if (xenbus_scanf(XBT_NIL, b->bus->otherend, node, "%u", &ref) != 1)
		return -EINVAL;
	return xenbus_map_ring_valloc(b->bus, &ref, 1, &b->shared[n]);
}

/* The rings are attached already: an event may come at once. */
static inline int fault_bind(struct fault_back *b, unsigned int n, const char *node)
{
	unsigned int port;
	int rc;

	if (xenbus_scanf(XBT_NIL, b->bus->otherend, node, "%u", &port) != 1)
		return -EINVAL;
	rc = bind_interdomain_evtchn_to_irqhandler_lateeoi(b->bus, port, n ? fault_event : fault_work_event, 0,
						       dev_name(&b->bus->dev), b);
	if (rc < 0)
		return rc;
	b->irqs[n] = rc;
	return 0;
}

/* Of a back that was zeroed, as part of a driver's memory of a device. */
static inline void fault_back_init(struct fault_back *b, struct xenbus_device *bus, unsigned int fault, work_func_t serve)
{
	b->bus = bus;
	b->fault = fault;
	b->kept.handle = INVALID_GRANT_HANDLE;
	INIT_WORK(&b->work, serve);
}

/* Also of one that was made only in part. */
static inline void fault_back_end(struct fault_back *b)
{
	int i;

	for (i = 0; i < 2; i++)
		if (b->irqs[i])
			unbind_from_irqhandler(b->irqs[i], b);
	cancel_work_sync(&b->work);
	fault_unmap(&b->kept);
	for (i = 0; i < 2; i++)
		if (b->shared[i])
			xenbus_unmap_ring_vfree(b->bus, b->shared[i]);
}

/* Whether it is time for the wrong thing. */
static inline bool fault_is_due(struct fault_back *b, bool request_is_there)
{
	if (!b->due || !request_is_there)
		return false;
	b->due = false;
	virt_rmb();	/* the request after the index */
	return true;
}

#endif

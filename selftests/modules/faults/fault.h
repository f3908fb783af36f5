/* SPDX-License-Identifier: GPL-2.0-only */
/* What the drivers that break a protocol have in common: waiting for the other end, pages kept mapped, TAP. */
#ifndef FAULT_H
#define FAULT_H

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <xenolith/bus.h>
#include <xenolith/event.h>
#include <xenolith/grant.h>
#include <xenolith/hypercall.h>
#include <xen/interface/io/ring.h>

#define SECONDS 20		/* for anything to happen */
#define BAD_REF 0x7fffff

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

/* A thing's line of TAP; wrong: why it is not ok, or NULL. */
#define fault_say(driver, number, name, wrong) \
	pr_info(driver ": %sok %u - %s%s%s\n", (wrong) ? "not " : "", number, name, (wrong) ? ": " : "", (wrong) ?: "")

/* A page of the other end. */
struct fault_page {
	struct page *page;
	grant_handle_t handle;
};

static inline void fault_map(struct fault_page *p, struct xenbus_device *bus, grant_ref_t ref)
{
	struct gnttab_map_grant_ref op;

	if (gnttab_alloc_pages(1, &p->page))
		return;
	gnttab_set_map_op(&op, (unsigned long)page_address(p->page), GNTMAP_host_map, ref, bus->otherend_id);
	if (gnttab_map_refs(&op, NULL, &p->page, 1) || op.status != GNTST_okay)
		dev_err(&bus->dev, "the page cannot be mapped\n");
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

#endif

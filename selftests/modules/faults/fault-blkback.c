// SPDX-License-Identifier: GPL-2.0-only
/*
 * A block backend that breaks the protocol. It is bound to a device in place of the real one (drivers/fault-vbd/bind), takes
 * its ring over, and answers the next request in the way that "fault" says when it is bound.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <xenolith/blkif.h>
#include <xenolith/bus.h>
#include <xenolith/event.h>
#include <xenolith/grant.h>

enum fault { BAD_ID, HUGE_ID, TWICE, BAD_OP, JUMP, AHEAD, STILL_MAPPED, BAD_STATUS };

static unsigned int fault;
module_param(fault, uint, 0644);

struct back {
	struct xenbus_device *bus;
	struct blkif_back_ring ring;
	void *shared;
	int irq;
	unsigned int fault;
	bool done;
	struct work_struct work;
	struct page *page;
	grant_handle_t handle;
};

/* Keep the frontend's page mapped until the driver is unbound. */
static void keep_mapped(struct back *b, const struct blkif_request *r)
{
	struct gnttab_map_grant_ref op;

	if (gnttab_alloc_pages(1, &b->page))
		return;
	gnttab_set_map_op(&op, (unsigned long)page_address(b->page), GNTMAP_host_map, r->u.rw.seg[0].gref, b->bus->otherend_id);
	if (gnttab_map_refs(&op, NULL, &b->page, 1) || op.status != GNTST_okay)
		pr_err("fault-blkback: the page cannot be mapped\n");
	else
		b->handle = op.handle;
}

static void unmap(struct back *b)
{
	struct gnttab_unmap_grant_ref op;

	if (b->handle != INVALID_GRANT_HANDLE) {
		gnttab_set_unmap_op(&op, (unsigned long)page_address(b->page), GNTMAP_host_map, b->handle);
		gnttab_unmap_refs(&op, NULL, &b->page, 1);
	}
	if (b->page)
		gnttab_free_pages(1, &b->page);
}

static void put(struct back *b, const struct blkif_response *response)
{
	*RING_GET_RESPONSE(&b->ring, b->ring.rsp_prod_pvt) = *response;
	b->ring.rsp_prod_pvt++;
}

static void answer(struct back *b, const struct blkif_request *r)
{
	struct blkif_response response = { .id = r->u.rw.id, .operation = r->operation, .status = BLKIF_RSP_OKAY };

	if (r->operation == BLKIF_OP_INDIRECT) {
		response.id = r->u.indirect.id;
		response.operation = r->u.indirect.indirect_op;
	}
	switch (b->fault) {
	case BAD_ID:
		response.id += 7;
		break;
	case HUGE_ID:
		response.id = U64_MAX - 1;
		break;
	case TWICE:
		put(b, &response);
		break;
	case BAD_OP:
		response.operation ^= 1;
		break;
	case JUMP:
		b->ring.rsp_prod_pvt += 1000;
		break;
	case STILL_MAPPED:
		keep_mapped(b, r);
		break;
	case BAD_STATUS:
		response.status = 12345;
		break;
	}
	put(b, &response);
	if (b->fault == AHEAD)
		put(b, &response);
	virt_wmb();	/* the responses before the index that says that they are there */
	b->ring.sring->rsp_prod = b->ring.rsp_prod_pvt;
	notify_remote_via_irq(b->irq);
}

static void serve(struct work_struct *work)
{
	struct back *b = container_of(work, struct back, work);
	struct blkif_request r;

	if (!b->done && READ_ONCE(b->ring.sring->req_prod) != b->ring.req_cons) {
		b->done = true;
		virt_rmb();	/* the request after the index */
		RING_COPY_REQUEST(&b->ring, b->ring.req_cons, &r);
		answer(b, &r);
	}
	b->ring.sring->req_event = b->ring.req_cons + 1;
	xen_irq_lateeoi(b->irq, 0);
}

static irqreturn_t interrupt(int irq, void *data)
{
	schedule_work(&((struct back *)data)->work);
	return IRQ_HANDLED;
}

static int take_over(struct back *b)
{
	unsigned int ref, port;
	struct blkif_sring *shared;
	int rc;

	if (xenbus_gather(XBT_NIL, b->bus->otherend, "ring-ref", "%u", &ref, "event-channel", "%u", &port, NULL))
		return -EINVAL;
	rc = xenbus_map_ring_valloc(b->bus, &ref, 1, &b->shared);
	if (rc)
		return rc;
	shared = b->shared;
	BACK_RING_ATTACH(&b->ring, shared, shared->rsp_prod, XEN_PAGE_SIZE);
	rc = bind_interdomain_evtchn_to_irqhandler_lateeoi(b->bus, port, interrupt, 0, "fault-blkback", b);
	if (rc < 0) {
		xenbus_unmap_ring_vfree(b->bus, b->shared);
		return rc;
	}
	b->irq = rc;
	return 0;
}

static int fault_probe(struct xenbus_device *bus, const struct xenbus_device_id *id)
{
	struct back *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int rc;

	if (!b)
		return -ENOMEM;
	b->bus = bus;
	b->fault = fault;
	b->handle = INVALID_GRANT_HANDLE;
	INIT_WORK(&b->work, serve);
	rc = take_over(b);
	if (rc) {
		kfree(b);
		return rc;
	}
	dev_set_drvdata(&bus->dev, b);
	xenbus_switch_state(bus, XenbusStateConnected);
	schedule_work(&b->work);
	return 0;
}

static void fault_remove(struct xenbus_device *bus)
{
	struct back *b = dev_get_drvdata(&bus->dev);

	unbind_from_irqhandler(b->irq, b);
	cancel_work_sync(&b->work);
	unmap(b);
	xenbus_unmap_ring_vfree(bus, b->shared);
	kfree(b);
}

static void changed(struct xenbus_device *bus, enum xenbus_state state) { }

static const struct xenbus_device_id ids[] = { { "vbd" }, { "" } };

static struct xenbus_driver driver = {
	.name = "fault-vbd",
	.ids = ids,
	.probe = fault_probe,
	.remove = fault_remove,
	.otherend_changed = changed,
	.allow_rebind = true,
};

static int __init fault_init(void)
{
	return xenbus_register_backend(&driver);
}

static void __exit fault_exit(void)
{
	xenbus_unregister_driver(&driver);
}

module_init(fault_init);
module_exit(fault_exit);
MODULE_DESCRIPTION("Breaks the block protocol, for tests");
MODULE_LICENSE("GPL");

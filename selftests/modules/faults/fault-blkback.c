// SPDX-License-Identifier: GPL-2.0-only
/*
 * A block backend that breaks the protocol. It is bound to a device in place of the real one (drivers/fault-vbd/bind), takes
 * its ring over, and answers the next request in the way that "fault" says when it is bound.
 */
#include "fault.h"
#include <xenolith/blkif.h>

enum fault { BAD_ID, HUGE_ID, TWICE, BAD_OP, JUMP, AHEAD, STILL_MAPPED, BAD_STATUS };

static unsigned int fault;
module_param(fault, uint, 0644);

struct back {
	struct fault_back base;
	struct blkif_back_ring ring;
};

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
	switch (b->base.fault) {
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
		fault_keep_mapped(&b->base, r->u.rw.seg[0].gref);
		break;
	case BAD_STATUS:
		response.status = 12345;
		break;
	}
	put(b, &response);
	if (b->base.fault == AHEAD)
		put(b, &response);
	virt_wmb();	/* the responses before the index that says that they are there */
	b->ring.sring->rsp_prod = b->ring.rsp_prod_pvt;
	notify_remote_via_irq(b->base.irqs[0]);
}

static void serve(struct work_struct *work)
{
	struct back *b = container_of(work, struct back, base.work);
	struct blkif_request r;

	if (fault_is_due(&b->base, READ_ONCE(b->ring.sring->req_prod) != b->ring.req_cons)) {
		RING_COPY_REQUEST(&b->ring, b->ring.req_cons, &r);
		answer(b, &r);
	}
	b->ring.sring->req_event = b->ring.req_cons + 1;
	xen_irq_lateeoi(b->base.irqs[0], 0);
}

static int take_over(struct back *b)
{
	struct blkif_sring *shared;
	int rc = fault_map_ring(&b->base, 0, "ring-ref");

	if (rc)
		return rc;
	shared = b->base.shared[0];
	BACK_RING_ATTACH(&b->ring, shared, READ_ONCE(shared->rsp_prod), XEN_PAGE_SIZE);
	return fault_bind(&b->base, 0, "event-channel");
}

static int fault_probe(struct xenbus_device *bus, const struct xenbus_device_id *id)
{
	struct back *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int rc;

	if (!b)
		return -ENOMEM;
	fault_back_init(&b->base, bus, fault, serve);
	rc = take_over(b);
	if (rc) {
		fault_back_end(&b->base);
		kfree(b);
		return rc;
	}
	dev_set_drvdata(&bus->dev, b);
	xenbus_switch_state(bus, XenbusStateConnected);
	b->base.due = true;
	schedule_work(&b->base.work);
	return 0;
}

static void fault_remove(struct xenbus_device *bus)
{
	struct back *b = dev_get_drvdata(&bus->dev);

	fault_back_end(&b->base);
	kfree(b);
}

static const struct xenbus_device_id ids[] = { { "vbd" }, { "" } };

static struct xenbus_driver driver = {
	.name = "fault-vbd",
	.ids = ids,
	.probe = fault_probe,
	.remove = fault_remove,
	.otherend_changed = fault_changed,
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

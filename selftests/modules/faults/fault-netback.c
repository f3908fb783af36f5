// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network backend that breaks the protocol. It is bound to a device in place of the real one
 * (drivers/fault-vif/bind), takes the rings over, and does the wrong thing that "fault" says when it is bound: at once
 * on the receive ring, with the next request on the transmit ring. The frontend has one queue.
 */
#include "fault.h"
#include <xen/interface/io/netif.h>

enum fault {
	TX_HUGE_ID, TX_FREE_ID, TX_TWICE, TX_JUMP, TX_NO_ID,
	RX_BEYOND_PAGE, RX_MANY_SLOTS, RX_EXTRA_TYPE, RX_EXTRA_ENDLESS, RX_GSO_ZERO, RX_GSO_PREFIX, RX_JUMP, RX_STILL_MAPPED,
};

static unsigned int fault;
module_param(fault, uint, 0644);

struct back {
	struct fault_back base;
	struct xen_netif_tx_back_ring tx;
	struct xen_netif_rx_back_ring rx;
};

static void rx(struct back *b, unsigned int offset, unsigned int flags, int status)
{
	RING_IDX at = b->rx.rsp_prod_pvt++;

	*RING_GET_RESPONSE(&b->rx, at) = (struct xen_netif_rx_response){
		.id = at & (RING_SIZE(&b->rx) - 1), .offset = offset, .flags = flags, .status = status,
	};
}

static struct xen_netif_extra_info *rx_extra(struct back *b, unsigned int type, unsigned int flags)
{
	struct xen_netif_extra_info *e = (void *)RING_GET_RESPONSE(&b->rx, b->rx.rsp_prod_pvt++);

	*e = (struct xen_netif_extra_info){ .type = type, .flags = flags };
	return e;
}

/* Keep a page of the frontend mapped until the driver is unbound, and give it back nevertheless. */
static void keep_mapped(struct back *b)
{
	struct xen_netif_rx_request r;

	RING_COPY_REQUEST(&b->rx, b->rx.rsp_prod_pvt, &r);
	fault_keep_mapped(&b->base, r.gref);
	rx(b, 0, 0, 1000);
}

static void break_rx(struct back *b)
{
	unsigned int i;

	switch (b->base.fault) {
	case RX_BEYOND_PAGE:
		rx(b, 4000, 0, 200);
		break;
	case RX_MANY_SLOTS:
		for (i = 0; i < 30; i++)
			rx(b, 0, XEN_NETRXF_more_data, 100);
		break;
	case RX_EXTRA_TYPE:
		rx(b, 0, XEN_NETRXF_extra_info, 100);
		rx_extra(b, 77, 0);
		break;
	case RX_EXTRA_ENDLESS:
		rx(b, 0, XEN_NETRXF_extra_info, 100);
		for (i = 0; i < 30; i++)
			rx_extra(b, XEN_NETIF_EXTRA_TYPE_XDP, XEN_NETIF_EXTRA_FLAG_MORE);
		break;
	case RX_GSO_ZERO:
		rx(b, 0, XEN_NETRXF_extra_info, 100);
		rx_extra(b, XEN_NETIF_EXTRA_TYPE_GSO, 0)->u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
		break;
	case RX_GSO_PREFIX:
		rx(b, 0, XEN_NETRXF_gso_prefix | XEN_NETRXF_more_data, 100);
		break;
	case RX_JUMP:
		b->rx.rsp_prod_pvt += 1000;
		break;
	case RX_STILL_MAPPED:
		keep_mapped(b);
		break;
	}
	virt_wmb();	/* the responses before the index that says that they are there */
	b->rx.sring->rsp_prod = b->rx.rsp_prod_pvt;
}

static void answer(struct back *b, unsigned int id, int status)
{
	RING_IDX at = b->tx.rsp_prod_pvt++;

	*RING_GET_RESPONSE(&b->tx, at) = (struct xen_netif_tx_response){ .id = id, .status = status };
}

/* As if all requests were no packets' but further words about one. */
static void answer_none(struct back *b)
{
	RING_IDX n = READ_ONCE(b->tx.sring->req_prod) - b->tx.rsp_prod_pvt;

	while (n--)
		answer(b, 0, XEN_NETIF_RSP_NULL);
}

static void break_tx(struct back *b, unsigned int id)
{
	switch (b->base.fault) {
	case TX_HUGE_ID:
		answer(b, 65535, XEN_NETIF_RSP_OKAY);
		break;
	case TX_FREE_ID:
		answer(b, (id + 100) % RING_SIZE(&b->tx), XEN_NETIF_RSP_OKAY);
		break;
	case TX_TWICE:
		answer(b, id, XEN_NETIF_RSP_OKAY);
		answer(b, id, XEN_NETIF_RSP_OKAY);
		break;
	case TX_JUMP:
		b->tx.rsp_prod_pvt += 1000;
		break;
	case TX_NO_ID:
		answer_none(b);
		break;
	}
	virt_wmb();	/* the responses before the index that says that they are there */
	b->tx.sring->rsp_prod = b->tx.rsp_prod_pvt;
}

static void serve(struct work_struct *work)
{
	struct back *b = container_of(work, struct back, base.work);
	bool receives = b->base.fault >= RX_BEYOND_PAGE;
	struct xen_netif_tx_request r;

	if (fault_is_due(&b->base, receives || READ_ONCE(b->tx.sring->req_prod) != b->tx.req_cons)) {
		RING_COPY_REQUEST(&b->tx, b->tx.req_cons, &r);
		if (receives)
			break_rx(b);
		else
			break_tx(b, r.id);
		notify_remote_via_irq(b->base.irqs[receives]);
	}
	b->tx.sring->req_event = b->tx.req_cons + 1;
	xen_irq_lateeoi(b->base.irqs[0], 0);
}

static int take_over(struct back *b)
{
	struct xen_netif_tx_sring *tx;
	struct xen_netif_rx_sring *rx;
	int rc;

	rc = fault_map_ring(&b->base, 0, "tx-ring-ref") ?: fault_map_ring(&b->base, 1, "rx-ring-ref");
	if (rc)
		return rc;
	tx = b->base.shared[0];
	BACK_RING_ATTACH(&b->tx, tx, READ_ONCE(tx->rsp_prod), XEN_PAGE_SIZE);
	rx = b->base.shared[1];
	BACK_RING_ATTACH(&b->rx, rx, READ_ONCE(rx->rsp_prod), XEN_PAGE_SIZE);
	return fault_bind(&b->base, 0, "event-channel-tx") ?: fault_bind(&b->base, 1, "event-channel-rx");
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

static const struct xenbus_device_id ids[] = { { "vif" }, { "" } };

static struct xenbus_driver driver = {
	.name = "fault-vif",
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

MODULE_DESCRIPTION("Breaks the network protocol, for tests");
MODULE_LICENSE("GPL");

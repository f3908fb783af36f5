// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network frontend that breaks the protocol: each field of it once. For the one card that "handle" names it connects, does
 * the wrong thing, and looks whether the backend has disconnected and let go of every page; then it begins anew with the
 * next. What an honest frontend may do must only be answered. Prints TAP, each line begins with "fault-netfront:".
 */
#include "fault.h"
#include <xen/interface/io/netif.h>

#define FRAME 60
#define MORE XEN_NETTXF_more_data
#define EXTRA XEN_NETTXF_extra_info

static unsigned int handle = 1;
module_param(handle, uint, 0444);

struct front {
	struct xenbus_device *bus;
	struct task_struct *thread;
	struct xen_netif_tx_front_ring tx;
	struct xen_netif_rx_front_ring rx;
	void *shared[2];
	grant_ref_t ring_refs[2], data_ref;
	struct page *data;
	evtchn_port_t port;
	int irq;
};

/**
 * struct fault - a wrong thing
 * @key, @value: written for the rings, over what is right
 * @put: puts requests on the transmit ring
 * @tx_ahead, @rx_ahead: added to the index that says how many there are
 * @harmless: everything is answered, and nobody is disconnected
 */
struct fault {
	const char *name;
	const char *key, *value;
	void (*put)(struct front *front);
	unsigned int tx_ahead, rx_ahead;
	bool harmless;
};

/* --- requests -------------------------------------------------------------------------------------------------------- */

static void request(struct front *f, unsigned int offset, unsigned int size, unsigned int flags)
{
	*RING_GET_REQUEST(&f->tx, f->tx.req_prod_pvt) = (struct xen_netif_tx_request){
		.gref = f->data_ref, .offset = offset, .size = size, .flags = flags, .id = f->tx.req_prod_pvt,
	};
	f->tx.req_prod_pvt++;
}

static struct xen_netif_extra_info *extra(struct front *f, unsigned int type, unsigned int flags)
{
	struct xen_netif_extra_info *e = (void *)RING_GET_REQUEST(&f->tx, f->tx.req_prod_pvt++);

	*e = (struct xen_netif_extra_info){ .type = type, .flags = flags };
	return e;
}

static void gso(struct front *f, unsigned int type, unsigned int size, unsigned int flags)
{
	struct xen_netif_extra_info *e = extra(f, XEN_NETIF_EXTRA_TYPE_GSO, flags);

	e->u.gso.type = type;
	e->u.gso.size = size;
}

static void group(struct front *f, u8 first_byte, unsigned int flags)
{
	extra(f, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, flags)->u.mcast.addr[0] = first_byte;
}

static void parts(struct front *f, unsigned int n, unsigned int size)
{
	unsigned int i;

	request(f, 0, min(65535u, n * size + FRAME), MORE);
	for (i = 0; i < n; i++)
		request(f, 0, size, i + 1 < n ? MORE : 0);
}

static void good(struct front *f) { request(f, 0, FRAME, 0); }
static void beyond_page(struct front *f) { request(f, 4090, FRAME, 0); }
static void offset_beyond_page(struct front *f) { request(f, 65535, FRAME, 0); }
static void whole_in_one(struct front *f) { request(f, 0, 65535, 0); }
static void part_beyond_page(struct front *f) { request(f, 0, 2000, MORE); request(f, 4000, 200, 0); }
static void part_too_long(struct front *f) { request(f, 0, 100, MORE); request(f, 0, 200, 0); }
static void endless(struct front *f) { request(f, 0, 100, MORE); }
static void many_parts(struct front *f) { parts(f, 30, 100); }
static void all_parts(struct front *f) { parts(f, 255, 10); }
static void missing_extra(struct front *f) { request(f, 0, FRAME, EXTRA); }
static void extra_none(struct front *f) { request(f, 0, FRAME, EXTRA); extra(f, XEN_NETIF_EXTRA_TYPE_NONE, 0); }
static void extra_max(struct front *f) { request(f, 0, FRAME, EXTRA); extra(f, XEN_NETIF_EXTRA_TYPE_MAX, 0); }
static void extra_255(struct front *f) { request(f, 0, FRAME, EXTRA); extra(f, 255, 255); }
static void gso_unknown(struct front *f) { request(f, 0, FRAME, EXTRA); gso(f, 77, 1000, 0); }
static void gso_zero(struct front *f) { request(f, 0, FRAME, EXTRA); gso(f, XEN_NETIF_GSO_TYPE_TCPV4, 0, 0); }

static void gso_twice(struct front *f)
{
	request(f, 0, FRAME, EXTRA);
	gso(f, XEN_NETIF_GSO_TYPE_TCPV4, 1000, XEN_NETIF_EXTRA_FLAG_MORE);
	gso(f, XEN_NETIF_GSO_TYPE_TCPV4, 1000, 0);
}

static void extra_in_the_midst(struct front *f)
{
	request(f, 0, 200, MORE);
	request(f, 0, 100, EXTRA);
	gso(f, XEN_NETIF_GSO_TYPE_TCPV4, 1000, 0);
}

static void bad_ref(struct front *f)
{
	good(f);
	RING_GET_REQUEST(&f->tx, 0)->gref = BAD_REF;
}

static void bad_last_ref(struct front *f)
{
	parts(f, 10, 4000);
	RING_GET_REQUEST(&f->tx, 10)->gref = BAD_REF;
}

static void unicast_group(struct front *f) { request(f, 0, 0, EXTRA); group(f, 2, 0); }

static void two_groups(struct front *f)
{
	request(f, 0, 0, EXTRA);
	group(f, 1, XEN_NETIF_EXTRA_FLAG_MORE);
	group(f, 3, 0);
}

static void group_with_data(struct front *f) { request(f, 0, 200, EXTRA | MORE); group(f, 1, 0); request(f, 0, 100, 0); }

/* Harmless ones. */
static void empty(struct front *f) { request(f, 0, 0, 0); }
static void one_byte(struct front *f) { request(f, 0, 1, 0); }
static void empty_parts(struct front *f) { request(f, 0, FRAME, MORE); request(f, 0, 0, MORE); request(f, 4096, 0, 0); }
static void header_in_pieces(struct front *f) { parts(f, 17, 7); }
static void first_part_empty(struct front *f) { request(f, 0, 2000, MORE); request(f, 0, 2000, 0); }
static void largest(struct front *f) { parts(f, 16, 4000); }
static void twenty_parts(struct front *f) { parts(f, 19, 100); }
static void gso_of_no_tcp(struct front *f) { request(f, 0, FRAME, EXTRA); gso(f, XEN_NETIF_GSO_TYPE_TCPV6, 1, 0); }
static void join(struct front *f) { request(f, 0, 0, EXTRA); group(f, 1, 0); }

static void blank_checksum(struct front *f)
{
	request(f, 0, 2000, XEN_NETTXF_csum_blank | MORE);
	request(f, 0, 1999, 0);
}

static void same_id(struct front *f)
{
	good(f);
	good(f);
	RING_GET_REQUEST(&f->tx, 0)->id = RING_GET_REQUEST(&f->tx, 1)->id = 65535;
}

static void joins(struct front *f)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		request(f, 0, 0, EXTRA);
		extra(f, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0)->u.mcast.addr[0] = 1;
		((struct xen_netif_extra_info *)RING_GET_REQUEST(&f->tx, f->tx.req_prod_pvt - 1))->u.mcast.addr[5] = i;
	}
}

/* Events for nothing: the backend may look late, it may not be kept busy. */
static void storm(struct front *f)
{
	unsigned int i;

	for (i = 0; i < 100000; i++)
		notify_remote_via_evtchn(f->port);
	good(f);
}

static const struct fault faults[] = {
	{ "a packet beyond its page", .put = beyond_page },
	{ "an offset beyond the page", .put = offset_beyond_page },
	{ "64 KiB in one page", .put = whole_in_one },
	{ "a part beyond its page", .put = part_beyond_page },
	{ "a part longer than the packet", .put = part_too_long },
	{ "a packet without its end", .put = endless },
	{ "30 parts", .put = many_parts },
	{ "255 parts", .put = all_parts },
	{ "extra information that is missing", .put = missing_extra },
	{ "extra information of type 0", .put = extra_none },
	{ "extra information of a type too large", .put = extra_max },
	{ "extra information of 255s", .put = extra_255 },
	{ "an unknown way of segmentation", .put = gso_unknown },
	{ "segments of length 0", .put = gso_zero },
	{ "segmentation twice", .put = gso_twice },
	{ "extra information in the midst of a packet", .put = extra_in_the_midst },
	{ "a bad reference", .put = bad_ref },
	{ "a bad reference behind ten good ones", .put = bad_last_ref },
	{ "a multicast group that is one station", .put = unicast_group },
	{ "two multicast groups at once", .put = two_groups },
	{ "a multicast group with data", .put = group_with_data },
	{ "more requests than the ring has", .put = good, .tx_ahead = 300 },
	{ "requests counted backwards", .put = good, .tx_ahead = 0x80000000 },
	{ "more buffers than the ring has", .rx_ahead = 300 },
	{ "buffers counted backwards", .rx_ahead = 0x80000000 },
	{ "buffers at bad references", .rx_ahead = 200 },
	{ "no queues", .key = "multi-queue-num-queues", .value = "0" },
	{ "4294967295 queues", .key = "multi-queue-num-queues", .value = "4294967295" },
	{ "a queue that is not there", .key = "multi-queue-num-queues", .value = "2" },
	{ "a ring at a bad reference", .key = "tx-ring-ref", .value = "8388607" },
	{ "a ring at no number", .key = "rx-ring-ref", .value = "here" },
	{ "a port that is not", .key = "event-channel", .value = "131000" },
	{ "page flipping", .key = "request-rx-copy", .value = "0" },
	{ "an empty packet", .put = empty, .harmless = true },
	{ "a packet of one byte", .put = one_byte, .harmless = true },
	{ "parts of length 0", .put = empty_parts, .harmless = true },
	{ "a header in pieces of seven bytes", .put = header_in_pieces, .harmless = true },
	{ "nothing in the first part", .put = first_part_empty, .harmless = true },
	{ "the largest packet", .put = largest, .harmless = true },
	{ "20 parts, as old frontends sent", .put = twenty_parts, .harmless = true },
	{ "TCP segmentation of something else", .put = gso_of_no_tcp, .harmless = true },
	{ "a checksum to fill in where there is none", .put = blank_checksum, .harmless = true },
	{ "one identifier twice", .put = same_id, .harmless = true },
	{ "a multicast group", .put = join, .harmless = true },
	{ "a hundred multicast groups", .put = joins, .harmless = true },
	{ "a storm of events", .put = storm, .harmless = true },
	{ "nothing at all", .put = good, .harmless = true },
};

/* --- one connection -------------------------------------------------------------------------------------------------- */

static int prepare(struct front *f)
{
	int i, rc = 0;

	for (i = 0; !rc && i < 2; i++)
		rc = xenbus_setup_ring(f->bus, GFP_KERNEL, &f->shared[i], 1, &f->ring_refs[i]);
	if (rc)
		return rc;
	XEN_FRONT_RING_INIT(&f->tx, (struct xen_netif_tx_sring *)f->shared[0], XEN_PAGE_SIZE);
	XEN_FRONT_RING_INIT(&f->rx, (struct xen_netif_rx_sring *)f->shared[1], XEN_PAGE_SIZE);
	f->data_ref = fault_grant(f->bus, &f->data);
	rc = xenbus_alloc_evtchn(f->bus, &f->port);
	if (!rc)
		f->irq = bind_evtchn_to_irqhandler_lateeoi(f->port, fault_event, 0, "fault-netfront", f);
	return rc ?: f->irq < 0 ? f->irq : 0;
}

static int publish(struct front *f, const struct fault *fault)
{
	static const char *const old[] = {
		"multi-queue-num-queues", "event-channel-tx", "event-channel-rx", "ctrl-ring-ref", "event-channel-ctrl",
	};
	const char *node = f->bus->nodename;

	fault_remove_nodes(f->bus, old, ARRAY_SIZE(old));
	return xenbus_printf(XBT_NIL, node, "tx-ring-ref", "%u", f->ring_refs[0]) ?:
	       xenbus_printf(XBT_NIL, node, "rx-ring-ref", "%u", f->ring_refs[1]) ?:
	       xenbus_printf(XBT_NIL, node, "event-channel", "%u", f->port) ?:
	       xenbus_printf(XBT_NIL, node, "request-rx-copy", "1") ?:
	       xenbus_printf(XBT_NIL, node, "feature-sg", "1") ?:
	       xenbus_printf(XBT_NIL, node, "request-multicast-control", "1") ?:
	       (fault->key ? xenbus_printf(XBT_NIL, node, fault->key, "%s", fault->value) : 0);
}

/* Buffers that are none: what is sent to this card shows them to the backend. */
static void put_buffers(struct front *f)
{
	unsigned int i;

	for (i = 0; i < RING_SIZE(&f->rx); i++)
		*RING_GET_REQUEST(&f->rx, i) = (struct xen_netif_rx_request){ .id = i, .gref = BAD_REF };
}

static void put(struct front *f, const struct fault *fault)
{
	put_buffers(f);
	if (fault->put)
		fault->put(f);
	virt_wmb();	/* the requests before the indexes that say that they are there */
	f->tx.sring->req_prod = f->tx.req_prod_pvt + fault->tx_ahead;
	f->rx.sring->req_prod = fault->rx_ahead;
	notify_remote_via_evtchn(f->port);
}

static bool answered(struct front *f)
{
	unsigned int n;

	for (n = 0; n < SECONDS * 20 && READ_ONCE(f->tx.sring->rsp_prod) != f->tx.req_prod_pvt; n++)
		msleep(50);
	return n < SECONDS * 20;
}

/* Whether the other side has let go of all pages, now that it is closed. */
static bool let_go(struct front *f)
{
	bool all = fault_let_go(f->data_ref, f->data);
	int i;

	for (i = 0; i < 2; i++)
		all &= fault_ring_let_go(&f->shared[i], &f->ring_refs[i]);
	unbind_from_irqhandler(f->irq, f);
	return all;
}

static const char *provoke(struct front *f, const struct fault *fault)
{
	if (fault->key)
		return fault_backend_is(f->bus, XenbusStateClosing, XenbusStateClosed) ? NULL : "not refused";
	if (!fault_backend_is(f->bus, XenbusStateConnected, XenbusStateConnected))
		return "the backend does not connect";
	put(f, fault);
	if (!fault->harmless)
		return fault_backend_is(f->bus, XenbusStateClosing, XenbusStateClosed) ? NULL : "not disconnected";
	if (!answered(f))
		return "no answer";
	return xenbus_read_driver_state(f->bus->otherend) == XenbusStateConnected ? NULL : "disconnected";
}

static const char *try(struct front *f, const struct fault *fault)
{
	const char *wrong;

	xenbus_switch_state(f->bus, XenbusStateInitialising);
	if (!fault_backend_is(f->bus, XenbusStateInitWait, XenbusStateInitWait))
		return "the backend does not wait for a frontend";
	if (prepare(f) || publish(f, fault))
		return "no rings";
	xenbus_switch_state(f->bus, XenbusStateConnected);
	wrong = provoke(f, fault);
	xenbus_switch_state(f->bus, XenbusStateClosed);
	if (!fault_backend_is(f->bus, XenbusStateClosed, XenbusStateClosed))
		wrong = wrong ?: "the backend does not close";
	if (!let_go(f))
		wrong = wrong ?: "pages are still in use";
	return wrong;
}

static int run(void *data)
{
	struct front *f = data;
	unsigned int n, bad = 0;

	for (n = 0; n < ARRAY_SIZE(faults); n++) {
		const char *wrong = try(f, &faults[n]);

		bad += !!wrong;
		fault_say("fault-netfront", n + 1, faults[n].name, wrong);
	}
	pr_info("fault-netfront: 1..%u, %u failed\n", n, bad);
	return 0;
}

static int fault_probe(struct xenbus_device *bus, const struct xenbus_device_id *id)
{
	struct front *f;

	if (!fault_is_device(bus, "handle", handle))
		return -ENODEV;
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	f->bus = bus;
	f->thread = kthread_run(run, f, "fault-netfront");
	return PTR_ERR_OR_ZERO(f->thread);
}

static const struct xenbus_device_id ids[] = { { "vif" }, { "" } };

/* It is not unloaded: its guest ends with the test. */
static struct xenbus_driver driver = {
	.name = "fault-vif",
	.ids = ids,
	.probe = fault_probe,
	.otherend_changed = fault_changed,
};

static int __init fault_init(void)
{
	return xenbus_register_frontend(&driver);
}
module_init(fault_init);

MODULE_DESCRIPTION("Breaks the network protocol, for tests");
MODULE_LICENSE("GPL");

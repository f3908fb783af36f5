// SPDX-License-Identifier: GPL-2.0-only
/*
 * A block frontend that breaks the protocol: each field of it once. For the one disk that "device" names it connects, does the
 * wrong thing, and looks whether the backend has disconnected and let go of every page; then it begins anew with the next.
 * What an honest frontend may do by mistake must only be an error. Prints TAP, each line begins with "fault-blkfront:".
 * With erase=1 it is about discards for good alone, on a disk of 4 MiB with sectors of 4096 bytes that can; with erase=2 on one
 * that cannot.
 */
#include "fault.h"
#include <xenolith/blkif.h>

static unsigned int device = 51728;
module_param(device, uint, 0644);

static unsigned int erase;
module_param(erase, uint, 0644);

struct front {
	struct xenbus_device *bus;
	struct task_struct *thread;
	struct blkif_front_ring ring;
	void *shared;
	grant_ref_t ring_ref, data_ref, table_ref;
	struct page *data, *table;
	evtchn_port_t port;
	int irq;
};

/**
 * struct fault - a wrong thing
 * @key, @value: written for the rings, over what is right
 * @request: put on the ring, made from a good request to read one sector
 * @produced: how many requests are said to be there
 * @harmless: the response is an error, and nobody is disconnected
 * @good: it is what an honest frontend sends, and done
 */
struct fault {
	const char *name;
	const char *key, *value;
	void (*request)(struct front *front, struct blkif_request *r);
	unsigned int produced;
	bool harmless, good;
};

/* --- wrong requests -------------------------------------------------------------------------------------------------- */

static void unknown_op(struct front *f, struct blkif_request *r) { r->operation = 77; }
static void no_segments(struct front *f, struct blkif_request *r) { r->u.rw.nr_segments = 0; }
static void many_segments(struct front *f, struct blkif_request *r) { r->u.rw.nr_segments = 12; }
static void most_segments(struct front *f, struct blkif_request *r) { r->u.rw.nr_segments = 255; }
static void backwards(struct front *f, struct blkif_request *r) { r->u.rw.seg[0].first_sect = 1; }
static void beyond_page(struct front *f, struct blkif_request *r) { r->u.rw.seg[0].last_sect = 8; }
static void bad_ref(struct front *f, struct blkif_request *r) { r->u.rw.seg[0].gref = BAD_REF; }
static void beyond_end(struct front *f, struct blkif_request *r) { r->u.rw.sector_number = 1ULL << 50; }
static void wrapping(struct front *f, struct blkif_request *r) { r->u.rw.sector_number = U64_MAX; }

static void bad_write_ref(struct front *f, struct blkif_request *r)
{
	r->operation = BLKIF_OP_WRITE;
	r->u.rw.seg[0].gref = BAD_REF;
}

/* More data than is copied: these are mapped, and only the last reference is bad. */
static void bad_last_ref(struct front *f, struct blkif_request *r)
{
	unsigned int n;

	r->u.rw.nr_segments = 11;
	for (n = 0; n < 11; n++)
		r->u.rw.seg[n] = r->u.rw.seg[0];
	r->u.rw.seg[10].gref = BAD_REF;
}

static void indirect(struct front *f, struct blkif_request *r, unsigned int op, unsigned int segments)
{
	struct blkif_request_segment *table = page_address(f->table);
	unsigned int n;

	for (n = 0; n < PAGE_SIZE / sizeof(*table); n++)
		table[n] = (struct blkif_request_segment) { .gref = f->data_ref, .last_sect = 0 };
	*r = (struct blkif_request) { .operation = BLKIF_OP_INDIRECT };
	r->u.indirect.indirect_op = op;
	r->u.indirect.nr_segments = segments;
	r->u.indirect.id = 1;
	r->u.indirect.indirect_grefs[0] = f->table_ref;
}

static void indirect_none(struct front *f, struct blkif_request *r) { indirect(f, r, BLKIF_OP_READ, 0); }
static void indirect_many(struct front *f, struct blkif_request *r) { indirect(f, r, BLKIF_OP_READ, 65535); }
static void indirect_twice(struct front *f, struct blkif_request *r) { indirect(f, r, BLKIF_OP_INDIRECT, 20); }
static void indirect_discard(struct front *f, struct blkif_request *r) { indirect(f, r, BLKIF_OP_DISCARD, 20); }

static void indirect_bad_table(struct front *f, struct blkif_request *r)
{
	indirect(f, r, BLKIF_OP_READ, 20);
	r->u.indirect.indirect_grefs[0] = BAD_REF;
}

static void indirect_bad_last(struct front *f, struct blkif_request *r)
{
	indirect(f, r, BLKIF_OP_READ, 40);
	((struct blkif_request_segment *)page_address(f->table))[39].gref = BAD_REF;
}

static void indirect_beyond_page(struct front *f, struct blkif_request *r)
{
	indirect(f, r, BLKIF_OP_READ, 40);
	((struct blkif_request_segment *)page_address(f->table))[39].last_sect = 255;
}

static void discard(struct blkif_request *r, unsigned int flag, u64 first, u64 count)
{
	*r = (struct blkif_request) { .operation = BLKIF_OP_DISCARD };
	r->u.discard.id = 1;
	r->u.discard.flag = flag;
	r->u.discard.sector_number = first;
	r->u.discard.nr_sectors = count;
}

static void discard_beyond_end(struct front *f, struct blkif_request *r) { discard(r, 0, 8, U64_MAX - 4); }
static void discard_for_good(struct front *f, struct blkif_request *r) { discard(r, BLKIF_DISCARD_SECURE, 0, 8); }
static void erase_most(struct front *f, struct blkif_request *r) { discard(r, BLKIF_DISCARD_SECURE, 8, 4096); }
static void erase_nothing(struct front *f, struct blkif_request *r) { discard(r, BLKIF_DISCARD_SECURE, 8, 0); }
static void erase_from_within(struct front *f, struct blkif_request *r) { discard(r, BLKIF_DISCARD_SECURE, 4, 8); }
static void erase_a_part(struct front *f, struct blkif_request *r) { discard(r, BLKIF_DISCARD_SECURE, 8, 4); }
static void erase_beyond_end(struct front *f, struct blkif_request *r) { discard(r, BLKIF_DISCARD_SECURE, 8, 8192); }
static void erase_wrapping(struct front *f, struct blkif_request *r) { discard(r, BLKIF_DISCARD_SECURE, 8, -8ULL); }
static void erase_far_away(struct front *f, struct blkif_request *r) { discard(r, BLKIF_DISCARD_SECURE, 1ULL << 60, 8); }

static void barrier_write(struct front *f, struct blkif_request *r) { r->operation = BLKIF_OP_WRITE_BARRIER; }

static void empty_barrier(struct front *f, struct blkif_request *r)
{
	r->operation = BLKIF_OP_WRITE_BARRIER;
	r->u.rw.nr_segments = 0;
}

static void flush(struct front *f, struct blkif_request *r)
{
	r->operation = BLKIF_OP_FLUSH_DISKCACHE;
	r->u.rw.nr_segments = 0;
}

static const struct fault faults[] = {
	{ "an unknown operation", .request = unknown_op },
	{ "no segments", .request = no_segments },
	{ "12 segments in a request", .request = many_segments },
	{ "255 segments in a request", .request = most_segments },
	{ "a segment that ends before it begins", .request = backwards },
	{ "a segment beyond its page", .request = beyond_page },
	{ "a bad reference to read into", .request = bad_ref },
	{ "a bad reference to write from", .request = bad_write_ref },
	{ "a bad reference behind ten good ones", .request = bad_last_ref },
	{ "no indirect segments", .request = indirect_none },
	{ "65535 indirect segments", .request = indirect_many },
	{ "indirect of indirect", .request = indirect_twice },
	{ "an indirect discard", .request = indirect_discard },
	{ "a bad reference to descriptors", .request = indirect_bad_table },
	{ "a bad reference behind 39 good ones", .request = indirect_bad_last },
	{ "an indirect segment beyond its page", .request = indirect_beyond_page },
	{ "more requests than the ring has", .produced = 33 },
	{ "requests counted backwards", .produced = 0x80000000 },
	{ "a sector beyond the end", .request = beyond_end, .harmless = true },
	{ "sectors that wrap around", .request = wrapping, .harmless = true },
	{ "a discard that wraps around", .request = discard_beyond_end, .harmless = true },
	{ "a ring of 2^30 pages", .key = "ring-page-order", .value = "30" },
	{ "a ring of 3 pages", .key = "num-ring-pages", .value = "3" },
	{ "no rings", .key = "multi-queue-num-queues", .value = "0" },
	{ "4294967295 rings", .key = "multi-queue-num-queues", .value = "4294967295" },
	{ "two rings where there is one", .key = "multi-queue-num-queues", .value = "2" },
	{ "a ring at a bad reference", .key = "ring-ref", .value = "8388607" },
	{ "a ring at no number", .key = "ring-ref", .value = "here" },
	{ "a port that is not", .key = "event-channel", .value = "131000" },
	{ "a protocol of its own", .key = "protocol", .value = "pdp11-abi" },
	{ "a discard for good of what cannot", .request = discard_for_good, .harmless = true },
	{ "a write that is a barrier", .request = barrier_write, .good = true },
	{ "a barrier alone", .request = empty_barrier, .good = true },
	{ "a flush", .request = flush, .good = true },
	{ "nothing at all", .good = true },	/* the backend is whole after all of the above */
	{ }
};

static const struct fault erasures[] = {
	{ "a discard for good", .request = erase_most, .good = true },
	{ "one of nothing", .request = erase_nothing, .good = true },
	{ "one that begins within a sector", .request = erase_from_within, .harmless = true },
	{ "one of a part of a sector", .request = erase_a_part, .harmless = true },
	{ "one that ends beyond the end", .request = erase_beyond_end, .harmless = true },
	{ "one that wraps around", .request = erase_wrapping, .harmless = true },
	{ "one that begins beyond the end", .request = erase_far_away, .harmless = true },
	{ "another good one", .request = discard_for_good, .good = true },
	{ }
};

static const struct fault refused_erasures[] = {
	{ "a discard for good of what cannot", .request = discard_for_good, .harmless = true },
	{ }
};

/* --- one connection -------------------------------------------------------------------------------------------------- */

static int prepare(struct front *f)
{
	int rc = xenbus_setup_ring(f->bus, GFP_KERNEL, &f->shared, 1, &f->ring_ref);

	if (rc)
		return rc;
	XEN_FRONT_RING_INIT(&f->ring, (struct blkif_sring *)f->shared, XEN_PAGE_SIZE);
	f->data_ref = fault_grant(f->bus, &f->data);
	f->table_ref = fault_grant(f->bus, &f->table);
	rc = xenbus_alloc_evtchn(f->bus, &f->port);
	if (!rc)
		f->irq = bind_evtchn_to_irqhandler_lateeoi(f->port, fault_event, 0, "fault-blkfront", f);
	return rc ?: f->irq < 0 ? f->irq : 0;
}

static int publish(struct front *f, const struct fault *fault)
{
	static const char *const old[] = { "ring-page-order", "num-ring-pages", "multi-queue-num-queues", "feature-persistent" };
	const char *node = f->bus->nodename;

	fault_remove_nodes(f->bus, old, ARRAY_SIZE(old));
	return xenbus_printf(XBT_NIL, node, "ring-ref", "%u", f->ring_ref) ?:
	       xenbus_printf(XBT_NIL, node, "event-channel", "%u", f->port) ?:
	       xenbus_printf(XBT_NIL, node, "protocol", "x86_64-abi") ?:
	       (fault->key ? xenbus_printf(XBT_NIL, node, fault->key, "%s", fault->value) : 0);
}

static void put(struct front *f, const struct fault *fault)
{
	struct blkif_request r = { .operation = BLKIF_OP_READ };

	r.u.rw.nr_segments = 1;
	r.u.rw.id = 1;
	r.u.rw.seg[0].gref = f->data_ref;
	if (fault->request)
		fault->request(f, &r);
	memcpy(RING_GET_REQUEST(&f->ring, 0), &r, sizeof(r));
	virt_wmb();	/* the request before the index that says that it is there */
	f->ring.sring->req_prod = fault->produced ?: 1;
	notify_remote_via_evtchn(f->port);
}

/* The response's status; 1: none came. */
static int response(struct front *f)
{
	unsigned int n;

	for (n = 0; n < SECONDS * 20 && !READ_ONCE(f->ring.sring->rsp_prod); n++)
		msleep(50);
	virt_rmb();	/* the response after the index */
	return n == SECONDS * 20 ? 1 : RING_GET_RESPONSE(&f->ring, 0)->status;
}

/* Whether the other side has let go of all three pages, now that it is closed. */
static bool let_go(struct front *f)
{
	bool all = fault_let_go(f->data_ref, f->data) & fault_let_go(f->table_ref, f->table);

	all &= fault_ring_let_go(&f->shared, &f->ring_ref);
	unbind_from_irqhandler(f->irq, f);
	return all;
}

static const char *provoke(struct front *f, const struct fault *fault)
{
	int status;

	if (fault->key)
		return fault_backend_is(f->bus, XenbusStateClosing, XenbusStateClosed) ? NULL : "not refused";
	if (!fault_backend_is(f->bus, XenbusStateConnected, XenbusStateConnected))
		return "the backend does not connect";
	put(f, fault);
	if (!fault->harmless && !fault->good)
		return fault_backend_is(f->bus, XenbusStateClosing, XenbusStateClosed) ? NULL : "not disconnected";
	status = response(f);
	if (fault->good ? status != BLKIF_RSP_OKAY : status != BLKIF_RSP_ERROR && status != BLKIF_RSP_EOPNOTSUPP)
		return status > 0 ? "no response" : "a wrong response";
	return xenbus_read_driver_state(f->bus->otherend) == XenbusStateConnected ? NULL : "disconnected";
}

static const char *try(struct front *f, const struct fault *fault)
{
	const char *wrong;

	xenbus_switch_state(f->bus, XenbusStateInitialising);
	if (!fault_backend_is(f->bus, XenbusStateInitWait, XenbusStateInitWait))
		return "the backend does not wait for a frontend";
	if (prepare(f) || publish(f, fault))
		return "no ring";
	xenbus_switch_state(f->bus, XenbusStateInitialised);
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
	const struct fault *all = !erase ? faults : erase == 1 ? erasures : refused_erasures;
	struct front *f = data;
	unsigned int n, bad = 0;

	for (n = 0; all[n].name; n++) {
		const char *wrong = try(f, &all[n]);

		bad += !!wrong;
		fault_say("fault-blkfront", n + 1, all[n].name, wrong);
	}
	pr_info("fault-blkfront: 1..%u, %u failed\n", n, bad);
	return 0;
}

static int fault_probe(struct xenbus_device *bus, const struct xenbus_device_id *id)
{
	struct front *f;

	if (!fault_is_device(bus, "virtual-device", device))
		return -ENODEV;
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	f->bus = bus;
	f->thread = kthread_run(run, f, "fault-blkfront");
	return PTR_ERR_OR_ZERO(f->thread);
}

static const struct xenbus_device_id ids[] = { { "vbd" }, { "" } };

/* It is not unloaded: its guest ends with the test. */
static struct xenbus_driver driver = {
	.name = "fault-vbd",
	.ids = ids,
	.probe = fault_probe,
	.otherend_changed = fault_changed,
};

static int __init fault_init(void)
{
	return xenbus_register_frontend(&driver);
}
module_init(fault_init);

MODULE_DESCRIPTION("Breaks the block protocol, for tests");
MODULE_LICENSE("GPL");

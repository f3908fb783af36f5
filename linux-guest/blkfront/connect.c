// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is said in the store: what the backend offers, what we take of it, and where our rings are.
 */
#include <linux/cpumask.h>
#include <xen/interface/io/protocols.h>
#include "blkfront.h"

#define MAX_SECTORS (1ULL << 54)	/* in bytes still a loff_t */

static unsigned int offered(struct blkfront *front, const char *key, unsigned int otherwise)
{
	return xenbus_read_unsigned(front->bus->otherend, key, otherwise);
}

static unsigned int choose_order(struct blkfront *front)
{
	unsigned int order = blkif_ring_order(offered(front, "max-ring-page-order", 0), offered(front, "max-ring-pages", 1));

	return order == UINT_MAX ? 0 : min3(order, front_max_order, (unsigned int)XENBUS_MAX_RING_GRANT_ORDER);
}

static unsigned int choose_queues(struct blkfront *front)
{
	unsigned int nr = min(offered(front, "multi-queue-max-queues", 1), front_max_queues ?: num_online_cpus());

	return clamp(nr, 1U, nr_cpu_ids);
}

static int write_number(struct blkfront *front, struct xenbus_transaction t, const char *key, unsigned int value)
{
	return xenbus_printf(t, front->bus->nodename, key, "%u", value);
}

/* One page is "ring-ref", several are "ring-ref0" and so on. */
static int write_refs(struct front_queue *queue, struct xenbus_transaction t, const char *path)
{
	unsigned int order = queue->front->order, n;
	char key[16];
	int rc = 0;

	if (!order)
		return xenbus_printf(t, path, "ring-ref", "%u", queue->ring_refs[0]);
	for (n = 0; !rc && n < 1U << order; n++) {
		snprintf(key, sizeof(key), "ring-ref%u", n);
		rc = xenbus_printf(t, path, key, "%u", queue->ring_refs[n]);
	}
	return rc;
}

static int write_queue(struct front_queue *queue, struct xenbus_transaction t)
{
	struct blkfront *front = queue->front;
	char *path;
	int rc;

	if (front->nr_queues == 1)
		path = kstrdup(front->bus->nodename, GFP_KERNEL);
	else
		path = kasprintf(GFP_KERNEL, "%s/queue-%u", front->bus->nodename,
				 (unsigned int)(queue - front->queues));
	if (!path)
		return -ENOMEM;
	rc = write_refs(queue, t, path) ?: xenbus_printf(t, path, "event-channel", "%u", queue->port);
	kfree(path);
	return rc;
}

/* What another backend was told, with other rings, must not be left. */
static void remove_old(struct blkfront *front, struct xenbus_transaction t)
{
	static const char *const keys[] = { "ring-page-order", "num-ring-pages", "multi-queue-num-queues", "ring-ref",
					    "event-channel" };
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(keys); n++)
		if (xenbus_exists(t, front->bus->nodename, keys[n]))
			xenbus_rm(t, front->bus->nodename, keys[n]);
}

static int publish(struct xenbus_device *dev, struct xenbus_transaction t)
{
	struct blkfront *front = dev_get_drvdata(&dev->dev);
	unsigned int n;
	int rc = 0;

	remove_old(front, t);
	if (front->order)
		rc = write_number(front, t, "ring-page-order", front->order) ?:
		     write_number(front, t, "num-ring-pages", 1 << front->order);
	if (!rc && front->nr_queues > 1)
		rc = write_number(front, t, "multi-queue-num-queues", front->nr_queues);
	for (n = 0; !rc && n < front->nr_queues; n++)
		rc = write_queue(&front->queues[n], t);
	return rc ?: xenbus_printf(t, front->bus->nodename, "protocol", "%s", XEN_IO_PROTO_ABI_NATIVE) ?:
	       write_number(front, t, "feature-persistent", front->persistent);
}

int front_offer(struct blkfront *front)
{
	int rc;

	front->persistent = front_persistent;
	front->order = choose_order(front);
	rc = front_create_queues(front, choose_queues(front));
	if (rc) {
		xenbus_dev_fatal(front->bus, rc, "making rings");
		return rc;
	}
	rc = xenolith_in_transaction(front->bus, publish);
	if (rc) {
		xenbus_dev_fatal(front->bus, rc, "writing %s", front->bus->nodename);
		front_destroy_queues(front, false);
		return rc;
	}
	return xenbus_switch_state(front->bus, XenbusStateInitialised);
}

/* --- features ------------------------------------------------------------------------------------------------------- */

static bool good_sector_size(unsigned int size)
{
	return is_power_of_2(size) && size >= SECTOR_SIZE && size <= PAGE_SIZE;
}

static void read_discard(struct blkfront *front, struct disk_limits *limits)
{
	unsigned int granularity = offered(front, "discard-granularity", limits->physical);

	limits->discard_granularity = 0;
	if (!offered(front, "feature-discard", 0))
		return;
	limits->discard_granularity = is_power_of_2(granularity) ? granularity : limits->physical;
	limits->discard_alignment = offered(front, "discard-alignment", 0);
	limits->secure_erase = offered(front, "discard-secure", 0);
}

static void read_writes(struct blkfront *front, struct front_features *features)
{
	features->flush = offered(front, "feature-flush-cache", 0);
	features->barrier = offered(front, "feature-barrier", 0);
	features->limits.cache = features->flush || features->barrier;
	features->limits.fua = features->barrier && !features->flush;
}

static unsigned int read_segments(struct blkfront *front, const struct front_features *features)
{
	unsigned int indirect = min(offered(front, "feature-max-indirect-segments", 0), front->max_segments);

	/* A barrier cannot be indirect. */
	if (indirect <= BLKIF_MAX_SEGMENTS_PER_REQUEST || features->limits.fua)
		return BLKIF_MAX_SEGMENTS_PER_REQUEST;
	return indirect;
}

/* Nothing was sent yet. Pages that stay granted are ours alone, and data is copied to them and from them. */
static void read_copying(struct blkfront *front)
{
	bool trusted = front_trusted && xenbus_read_unsigned(front->bus->nodename, "trusted", 1);

	if (front->persistent && !offered(front, "feature-persistent", 0)) {
		front->persistent = false;
		/* The next driver of the backend, which takes over our rings, must not keep what we do not leave granted. */
		xenbus_write(XBT_NIL, front->bus->nodename, "feature-persistent", "0");
	}
	front->bounce = front->persistent || !trusted;
}

int front_read_features(struct blkfront *front)
{
	struct front_features features = { };
	struct disk_limits *limits = &features.limits;
	int rc;

	rc = xenbus_gather(XBT_NIL, front->bus->otherend, "sectors", "%llu", &features.sectors, "info", "%u", &features.info,
			   "sector-size", "%u", &limits->logical, NULL);
	if (rc) {
		xenolith_bus_fault(front->bus, rc, "reading what the backend says in %s", front->bus->otherend);
		return rc;
	}
	limits->physical = offered(front, "physical-sector-size", limits->logical);
	if (!good_sector_size(limits->logical) || !is_power_of_2(limits->physical) || features.sectors > MAX_SECTORS) {
		xenolith_bus_fault(front->bus, -EINVAL, "the backend has %llu sectors of %u and %u bytes", features.sectors,
				   limits->logical, limits->physical);
		return -EINVAL;
	}
	limits->physical = max(limits->physical, limits->logical);
	read_discard(front, limits);
	read_writes(front, &features);
	limits->segments = read_segments(front, &features);
	front->features = features;
	read_copying(front);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is said in the store. Every number that the frontend writes is checked against what was offered before it is used.
 */
#include <linux/blkdev.h>
#include <linux/slab.h>
#include <xen/interface/io/protocols.h>
#include "blkback.h"

/* --- ours ----------------------------------------------------------------------------------------------------------- */

static int write_number(struct blkback *back, struct xenbus_transaction t, const char *key, unsigned long long value)
{
	return xenbus_printf(t, back->bus->nodename, key, "%llu", value);
}

static int write_offer(struct xenbus_device *dev, struct xenbus_transaction t)
{
	struct blkback *back = dev_get_drvdata(&dev->dev);

	return write_number(back, t, "feature-max-indirect-segments", BLK_MAX_SEGMENTS) ?:
	       write_number(back, t, "multi-queue-max-queues", back_max_queues) ?:
	       write_number(back, t, "max-ring-page-order", back_max_order) ?:
	       write_number(back, t, "max-ring-pages", 1 << back_max_order);
}

int back_write_offer(struct blkback *back)
{
	return xenolith_in_transaction(back->bus, write_offer);
}

static int write_discard(struct blkback *back, struct xenbus_transaction t)
{
	struct block_device *bdev = back->device.bdev;

	back->discard_enabled = !back->readonly && bdev_max_discard_sectors(bdev) &&
				xenbus_read_unsigned(back->bus->nodename, "discard-enable", 1);
	if (!back->discard_enabled)
		return write_number(back, t, "feature-discard", 0);
	return write_number(back, t, "feature-discard", 1) ?:
	       write_number(back, t, "discard-granularity", bdev_discard_granularity(bdev)) ?:
	       write_number(back, t, "discard-alignment", bdev_discard_alignment(bdev)) ?:
	       write_number(back, t, "discard-secure", !!bdev_max_secure_erase_sectors(bdev));
}

static int write_device(struct xenbus_device *dev, struct xenbus_transaction t)
{
	struct blkback *back = dev_get_drvdata(&dev->dev);
	struct block_device *bdev = back->device.bdev;
	bool cache = bdev_write_cache(bdev);

	back->sectors = bdev_nr_sectors(bdev);
	return write_discard(back, t) ?:
	       write_number(back, t, "feature-flush-cache", cache) ?:
	       write_number(back, t, "feature-barrier", cache) ?:
	       write_number(back, t, "feature-persistent", back_persistent) ?:
	       write_number(back, t, "sectors", back->sectors) ?:
	       write_number(back, t, "info", (back->cdrom ? VDISK_CDROM : 0) | (back->removable ? VDISK_REMOVABLE : 0) |
						(back->readonly ? VDISK_READONLY : 0)) ?:
	       write_number(back, t, "sector-size", bdev_logical_block_size(bdev)) ?:
	       write_number(back, t, "physical-sector-size", bdev_physical_block_size(bdev));
}

int back_write_device(struct blkback *back)
{
	int rc = xenolith_in_transaction(back->bus, write_device);

	if (rc) {
		xenbus_dev_fatal(back->bus, rc, "writing what the device is");
		return rc;
	}
	return xenbus_switch_state(back->bus, XenbusStateConnected);
}

/* The state is written though it stays the same: that is what the frontend watches. */
static int write_size(struct xenbus_device *dev, struct xenbus_transaction t)
{
	struct blkback *back = dev_get_drvdata(&dev->dev);

	return write_number(back, t, "sectors", back->sectors) ?: write_number(back, t, "state", back->bus->state);
}

void back_write_size(struct blkback *back)
{
	if (xenolith_in_transaction(back->bus, write_size))
		dev_warn(&back->bus->dev, "the frontend is not told that there are %llu sectors now\n", back->sectors);
}

/* --- the frontend's ------------------------------------------------------------------------------------------------ */

static unsigned int said(struct blkback *back, const char *key, unsigned int otherwise)
{
	return xenbus_read_unsigned(back->bus->otherend, key, otherwise);
}

static int read_abi(struct blkback *back, enum blk_abi *abi)
{
	char text[32] = XEN_IO_PROTO_ABI_NATIVE;

	xenbus_scanf(XBT_NIL, back->bus->otherend, "protocol", "%31s", text);
	*abi = BLK_ABI_NATIVE;
	if (!strcmp(text, XEN_IO_PROTO_ABI_X86_32))
		*abi = BLK_ABI_X86_32;
	else if (strcmp(text, XEN_IO_PROTO_ABI_NATIVE) && strcmp(text, XEN_IO_PROTO_ABI_X86_64)) {
		xenolith_bus_fault(back->bus, -EPROTO, "the frontend's protocol '%s' is not known", text);
		return -EPROTO;
	}
	return 0;
}

static int read_order(struct blkback *back, unsigned int *order)
{
	*order = blkif_ring_order(said(back, "ring-page-order", 0), said(back, "num-ring-pages", 1));
	if (*order > back_max_order) {
		xenolith_bus_fault(back->bus, -EINVAL, "the frontend's rings are larger than 2^%u pages", back_max_order);
		return -EINVAL;
	}
	return 0;
}

static int read_queues(struct blkback *back, unsigned int *nr)
{
	*nr = said(back, "multi-queue-num-queues", 1);
	if (!*nr || *nr > back_max_queues) {
		xenolith_bus_fault(back->bus, -EINVAL, "the frontend has %u rings, %u were offered", *nr, back_max_queues);
		return -EINVAL;
	}
	return 0;
}

/* One page is "ring-ref", several are "ring-ref0" and so on; some frontends number a single one, too. */
static int read_refs(struct blkback *back, const char *path, struct back_offer *offer)
{
	char key[20];
	unsigned int n;

	if (offer->pages == 1 && xenbus_scanf(XBT_NIL, path, "ring-ref", "%u", &offer->refs[0]) == 1)
		return 0;
	for (n = 0; n < offer->pages; n++) {
		snprintf(key, sizeof(key), "ring-ref%u", n);
		if (xenbus_scanf(XBT_NIL, path, key, "%u", &offer->refs[n]) != 1)
			return -EINVAL;
	}
	return 0;
}

static int connect_ring(struct blkback *back, struct back_ring *ring, const char *path, struct back_offer *offer)
{
	int rc = read_refs(back, path, offer);

	if (!rc && xenbus_scanf(XBT_NIL, path, "event-channel", "%u", &offer->port) != 1)
		rc = -EINVAL;
	if (rc) {
		xenolith_bus_fault(back->bus, rc, "reading the ring in %s", path);
		return rc;
	}
	rc = back_create_ring(back, ring, offer);
	if (rc)
		xenolith_bus_fault(back->bus, rc, "the ring of %s", path);
	return rc;
}

static int connect_queue(struct blkback *back, unsigned int index, unsigned int of, struct back_offer *offer)
{
	char *path;
	int rc;

	if (of == 1)
		path = kstrdup(back->bus->otherend, GFP_KERNEL);
	else
		path = kasprintf(GFP_KERNEL, "%s/queue-%u", back->bus->otherend, index);
	if (!path)
		return -ENOMEM;
	rc = connect_ring(back, &back->rings[index], path, offer);
	kfree(path);
	return rc;
}

int back_connect_rings(struct blkback *back)
{
	struct back_offer offer = { };
	unsigned int order, nr;
	int rc;

	rc = read_abi(back, &offer.abi) ?: read_order(back, &order) ?: read_queues(back, &nr);
	if (rc)
		return rc;
	offer.pages = 1 << order;
	back->persistent = back_persistent && said(back, "feature-persistent", 0);
	back->rings = kvcalloc(nr, sizeof(*back->rings), GFP_KERNEL);
	if (!back->rings)
		return -ENOMEM;
	for (back->nr_rings = 0; back->nr_rings < nr; back->nr_rings++) {
		rc = connect_queue(back, back->nr_rings, nr, &offer);
		if (rc) {
			back_disconnect_rings(back);
			return rc;
		}
	}
	dev_info(&back->bus->dev, "%u rings of %u pages%s%s\n", nr, offer.pages, offer.abi ? ", 32-bit" : "",
		 back->persistent ? ", grants stay mapped" : "");
	return 0;
}

void back_disconnect_rings(struct blkback *back)
{
	while (back->nr_rings)
		back_destroy_ring(&back->rings[--back->nr_rings]);
	kvfree(back->rings);
	back->rings = NULL;
}

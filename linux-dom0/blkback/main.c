// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver: a device waits for the toolstack to name its block device (physical-device) and for the frontend's rings,
 * in whichever order, and is connected when both are there.
 *
 * The state in the store stays as it is when the driver is taken away from a device, so that another driver can take the
 * rings over: everything that was taken from them is answered by then.
 */
#include <linux/module.h>
#include <xenolith/hypercall.h>
#include "blkback.h"

#define LOOK_SECONDS 2

unsigned int back_max_queues;
module_param_named(max_queues, back_max_queues, uint, 0644);
MODULE_PARM_DESC(max_queues, "Rings of a disk at most (default: one for each vcpu)");

unsigned int back_max_order = XENBUS_MAX_RING_GRANT_ORDER;
module_param_named(max_ring_page_order, back_max_order, uint, 0444);
MODULE_PARM_DESC(max_ring_page_order, "Size of a ring in pages at most, as a power of two, 0 to 4 (4)");

bool back_persistent;
module_param_named(feature_persistent, back_persistent, bool, 0644);
MODULE_PARM_DESC(feature_persistent, "Keep the pages of frontends mapped that copy their data to the same ones (N)");

unsigned int back_max_grants = 1056;
module_param_named(max_persistent_grants, back_max_grants, uint, 0644);
MODULE_PARM_DESC(max_persistent_grants, "Pages of a ring that stay mapped at most (1056)");

unsigned int back_copy_segments = 16;
module_param_named(copy_segments, back_copy_segments, uint, 0644);
MODULE_PARM_DESC(copy_segments, "Requests of so many segments at most are copied, not mapped (16)");

/* --- connecting ----------------------------------------------------------------------------------------------------- */

/* Context: the device's lock is held. */
static void try_connect(struct blkback *back)
{
	enum xenbus_state state = xenbus_read_driver_state(back->bus->otherend);

	if (!back->device.bdev || back->rings || back->bus->state != XenbusStateInitWait)
		return;
	if (state != XenbusStateInitialised && state != XenbusStateConnected)
		return;
	if (back_connect_rings(back))
		return;
	if (back_write_device(back))
		back_disconnect_rings(back);
}

static int read_device(struct blkback *back)
{
	unsigned int major, minor;
	char *text;
	int rc;

	rc = xenbus_scanf(XBT_NIL, back->bus->nodename, "physical-device", "%x:%x", &major, &minor);
	if (XENBUS_EXIST_ERR(rc))
		return -EAGAIN;
	if (rc != 2)
		return -EINVAL;
	text = xenbus_read(XBT_NIL, back->bus->nodename, "mode", NULL);
	if (IS_ERR(text))
		return PTR_ERR(text);
	back->readonly = !strchr(text, 'w');
	kfree(text);
	text = xenbus_read(XBT_NIL, back->bus->otherend, "device-type", NULL);
	back->cdrom = !IS_ERR(text) && !strcmp(text, "cdrom");
	if (!IS_ERR(text))
		kfree(text);
	back->major = major;
	back->minor = minor;
	return 0;
}

/* The toolstack has said, or may have said, what the device is. */
static void device_named(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct blkback *back = container_of(watch, struct blkback, watch);
	int rc = 0;

	mutex_lock(&back->lock);
	if (!back->device.bdev) {
		rc = read_device(back);
		if (!rc)
			rc = back_open_device(back);
		if (!rc) {
			rc = back_create_attributes(back);
			if (rc)
				back_close_device(back);
		}
		if (rc && rc != -EAGAIN)
			xenbus_dev_fatal(back->bus, rc, "opening the device %x:%x", back->major, back->minor);
	}
	try_connect(back);
	mutex_unlock(&back->lock);
}

static void disconnect(struct blkback *back)
{
	mutex_lock(&back->lock);
	back_disconnect_rings(back);
	mutex_unlock(&back->lock);
}

static void broken(struct work_struct *work)
{
	struct blkback *back = container_of(work, struct blkback, broken);

	xenolith_bus_fault(back->bus, -EPROTO, "disconnected, the frontend sent %s", back->reason);
	disconnect(back);
}

/* --- size ------------------------------------------------------------------------------------------------------------- */

static void look_at_size(struct blkback *back)
{
	mutex_lock(&back->lock);
	if (back->rings && back->bus->state == XenbusStateConnected &&
	    back->sectors != bdev_nr_sectors(back->device.bdev)) {
		WRITE_ONCE(back->sectors, bdev_nr_sectors(back->device.bdev));
		back_write_size(back);
	}
	mutex_unlock(&back->lock);
}

static void resize(struct work_struct *work)
{
	look_at_size(container_of(work, struct blkback, resize));
}

/* No one tells when a device grows. This does not wake a machine that sleeps. */
static void look(struct work_struct *work)
{
	struct blkback *back = container_of(work, struct blkback, look.work);

	look_at_size(back);
	schedule_delayed_work(&back->look, LOOK_SECONDS * HZ);
}

/* --- the bus ---------------------------------------------------------------------------------------------------------- */

static void frontend_closed(struct blkback *back)
{
	disconnect(back);
	xenbus_switch_state(back->bus, XenbusStateClosed);
	if (!xenbus_dev_is_online(back->bus))
		device_unregister(&back->bus->dev);
}

/* It may have closed and begun anew before this was seen: rings that are in use are those of before. */
static void frontend_starts(struct blkback *back)
{
	if (back->bus->state == XenbusStateInitWait)
		return;
	disconnect(back);
	cancel_work_sync(&back->broken);	/* which is about rings that are gone */
	xenbus_switch_state(back->bus, XenbusStateInitWait);
}

static void frontend_changed(struct xenbus_device *bus, enum xenbus_state state)
{
	struct blkback *back = dev_get_drvdata(&bus->dev);

	switch (state) {
	case XenbusStateInitialising:
		frontend_starts(back);
		break;
	case XenbusStateInitialised:
	case XenbusStateConnected:
		mutex_lock(&back->lock);
		try_connect(back);
		mutex_unlock(&back->lock);
		break;
	case XenbusStateClosing:
		xenbus_switch_state(bus, XenbusStateClosing);
		break;
	case XenbusStateClosed:
		frontend_closed(back);
		break;
	case XenbusStateUnknown:
		device_unregister(&bus->dev);
		break;
	default:
		xenolith_bus_fault(bus, -EINVAL, "the frontend is in state %d", state);
	}
}

static void back_remove(struct xenbus_device *bus)
{
	struct blkback *back = dev_get_drvdata(&bus->dev);

	if (back->watch.node) {
		unregister_xenbus_watch(&back->watch);
		kfree(back->watch.node);
	}
	cancel_delayed_work_sync(&back->look);
	if (back->device.bdev)
		back_remove_attributes(back);
	disconnect(back);
	cancel_work_sync(&back->broken);
	cancel_work_sync(&back->resize);
	back_close_device(back);
	dev_set_drvdata(&bus->dev, NULL);
	kfree(back);
}

static int back_probe(struct xenbus_device *bus, const struct xenbus_device_id *id)
{
	struct blkback *back = kzalloc(sizeof(*back), GFP_KERNEL);
	int rc;

	if (!back)
		return -ENOMEM;
	back->bus = bus;
	mutex_init(&back->lock);
	INIT_WORK(&back->broken, broken);
	INIT_WORK(&back->resize, resize);
	INIT_DEFERRABLE_WORK(&back->look, look);
	dev_set_drvdata(&bus->dev, back);
	rc = back_write_offer(back);
	if (!rc)
		rc = xenbus_switch_state(bus, XenbusStateInitWait);
	if (!rc)
		rc = xenbus_watch_pathfmt(bus, &back->watch, NULL, device_named, "%s/physical-device", bus->nodename);
	if (rc) {
		xenbus_dev_fatal(bus, rc, "preparing the device");
		back_remove(bus);
		return rc;
	}
	schedule_delayed_work(&back->look, LOOK_SECONDS * HZ);
	return 0;
}

static const struct xenbus_device_id back_ids[] = {
	{ "vbd" },
	{ "" }
};

static struct xenbus_driver back_driver = {
	.ids = back_ids,
	.probe = back_probe,
	.remove = back_remove,
	.otherend_changed = frontend_changed,
	.allow_rebind = true,
};

static int __init back_init(void)
{
	if (!xen_domain())
		return -ENODEV;
	back_max_queues = back_max_queues ?: num_online_cpus();
	back_max_order = min_t(unsigned int, back_max_order, XENBUS_MAX_RING_GRANT_ORDER);
	return xenbus_register_backend(&back_driver);
}

static void __exit back_exit(void)
{
	xenbus_unregister_driver(&back_driver);
}

module_init(back_init);
module_exit(back_exit);
MODULE_DESCRIPTION("Xen virtual block device backend");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);
MODULE_ALIAS("xen-backend:vbd");

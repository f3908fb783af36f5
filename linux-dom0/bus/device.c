// SPDX-License-Identifier: GPL-2.0-only
/*
 * A backend: who its frontend is stands in its folder, which only the toolstack writes; the frontend's state is the other
 * domain's to change as often as it likes, so no more than one report of it waits.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include "bus.h"

static void release(struct device *device)
{
	kfree(to_xenbus_device(device));
}

static struct xenbus_device *allocate(const char *place, const struct backend_name *name)
{
	size_t length = strlen(place) + 1;
	struct xenbus_device *dev = kzalloc(sizeof(*dev) + length + sizeof(name->type), GFP_KERNEL);
	char *text = (char *)(dev + 1);

	if (!dev)
		return NULL;
	dev->nodename = memcpy(text, place, length);
	dev->devicetype = memcpy(text + length, name->type, sizeof(name->type));
	dev->state = XenbusStateInitialising;
	dev->spurious_threshold = 1;
	init_completion(&dev->down);
	sema_init(&dev->reclaim_sem, 1);
	dev->dev.bus = &backend_bus;
	dev->dev.release = release;
	return dev;
}

int backend_device_create(const char *place)
{
	struct backend_name name;
	struct xenbus_device *dev;
	int rc;

	/* One that is about to go is no new one. */
	if (xenbus_read_driver_state(place) != XenbusStateInitialising)
		return 0;
	rc = backend_parse(place, &name);
	if (rc)
		return rc;
	dev = allocate(place, &name);
	if (!dev)
		return -ENOMEM;
	device_initialize(&dev->dev);
	rc = dev_set_name(&dev->dev, "%s-%u-%s", name.type, name.domain, name.device);
	if (!rc)
		rc = device_add(&dev->dev);
	if (rc)
		put_device(&dev->dev);
	return rc;
}

/* --- its frontend --------------------------------------------------------------------------------------------------- */

static int read_frontend(struct xenbus_device *dev)
{
	int rc = xenbus_gather(XBT_NIL, dev->nodename, "frontend-id", "%i", &dev->otherend_id,
			       "frontend", NULL, &dev->otherend, NULL);

	if (rc) {
		xenbus_dev_fatal(dev, rc, "reading frontend and frontend-id");
		return rc;
	}
	if (dev->otherend_id < 0 || dev->otherend_id >= DOMID_FIRST_RESERVED || !*dev->otherend ||
	    !xenbus_exists(XBT_NIL, dev->otherend, "")) {
		xenbus_dev_fatal(dev, -ENOENT, "there is no frontend '%s' of a domain %d", dev->otherend, dev->otherend_id);
		return -ENOENT;
	}
	return 0;
}

static void forget_frontend(struct xenbus_device *dev)
{
	kfree(dev->otherend);
	dev->otherend = NULL;
}

static bool none_waits(struct xenbus_watch *watch, const char *path, const char *token)
{
	return !watch->nr_pending;
}

static void frontend_changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct xenbus_device *dev = container_of(watch, struct xenbus_device, otherend_watch);
	struct xenbus_driver *driver = to_xenbus_driver(dev->dev.driver);

	/* What a frontend says while this machine goes down may want what is no longer there. */
	if (system_state <= SYSTEM_RUNNING && driver->otherend_changed)
		driver->otherend_changed(dev, xenbus_read_driver_state(dev->otherend));
}

static void unwatch_frontend(struct xenbus_device *dev)
{
	if (!dev->otherend_watch.node)
		return;
	unregister_xenbus_watch(&dev->otherend_watch);
	kfree(dev->otherend_watch.node);
	dev->otherend_watch.node = NULL;
}

/* --- its driver ----------------------------------------------------------------------------------------------------- */

static void call_remove(struct xenbus_device *dev, struct xenbus_driver *driver)
{
	if (driver->remove)
		driver->remove(dev);
	module_put(driver->driver.owner);
	forget_frontend(dev);
}

static int start_driver(struct xenbus_device *dev, struct xenbus_driver *driver)
{
	const struct xenbus_device_id *id = driver->ids;
	int rc;

	while (strcmp(id->devicetype, dev->devicetype))
		id++;
	rc = driver->probe(dev, id);
	if (rc) {
		module_put(driver->driver.owner);
		return rc;
	}
	rc = xenbus_watch_pathfmt(dev, &dev->otherend_watch, none_waits, frontend_changed, "%s/state", dev->otherend);
	if (rc)
		call_remove(dev, driver);
	return rc;
}

int backend_device_probe(struct device *device)
{
	struct xenbus_driver *driver = to_xenbus_driver(device->driver);
	struct xenbus_device *dev = to_xenbus_device(device);
	int rc = read_frontend(dev);

	/* A driver that is being unloaded gets no device any more; one that has a device stays. */
	if (!rc && !try_module_get(driver->driver.owner))
		rc = -ENODEV;
	if (!rc)
		rc = start_driver(dev, driver);
	if (rc) {
		xenbus_dev_error(dev, rc, "giving the device to its driver");
		forget_frontend(dev);
	}
	return rc;
}

void backend_device_remove(struct device *device)
{
	struct xenbus_driver *driver = to_xenbus_driver(device->driver);
	struct xenbus_device *dev = to_xenbus_device(device);

	unwatch_frontend(dev);
	call_remove(dev, driver);
	/* Nobody will answer the toolstack if the driver is the last one. */
	if (!driver->allow_rebind || xenbus_read_driver_state(dev->nodename) == XenbusStateClosing)
		xenbus_switch_state(dev, XenbusStateClosed);
}

/* --- what sysfs shows ----------------------------------------------------------------------------------------------- */

#define SHOW(name, format, ...)									\
static ssize_t name##_show(struct device *device, struct device_attribute *attr, char *to)	\
{												\
	struct xenbus_device *dev = to_xenbus_device(device);					\
												\
	return sysfs_emit(to, format "\n", __VA_ARGS__);					\
}

SHOW(nodename, "%s", dev->nodename)
static DEVICE_ATTR_RO(nodename);
SHOW(devtype, "%s", dev->devicetype)
static DEVICE_ATTR_RO(devtype);
SHOW(modalias, "%s:%s", device->bus->name, dev->devicetype)
static DEVICE_ATTR_RO(modalias);
SHOW(state, "%s", xenbus_strstate(dev->state))
static DEVICE_ATTR_RO(state);
SHOW(event_channels, "%d", atomic_read(&dev->event_channels))
static DEVICE_ATTR_RO(event_channels);
SHOW(events, "%d", atomic_read(&dev->events))
static DEVICE_ATTR_RO(events);
SHOW(spurious_events, "%d", atomic_read(&dev->spurious_events))
static DEVICE_ATTR_RO(spurious_events);
SHOW(jiffies_eoi_delayed, "%d", atomic_read(&dev->jiffies_eoi_delayed))
static DEVICE_ATTR_RO(jiffies_eoi_delayed);
SHOW(spurious_threshold, "%u", dev->spurious_threshold)

static ssize_t spurious_threshold_store(struct device *device, struct device_attribute *attr, const char *from, size_t count)
{
	unsigned int value;
	int rc = kstrtouint(from, 0, &value);

	if (rc)
		return rc;
	WRITE_ONCE(to_xenbus_device(device)->spurious_threshold, value);
	return count;
}
static DEVICE_ATTR_RW(spurious_threshold);

static struct attribute *device_attributes[] = {
	&dev_attr_nodename.attr, &dev_attr_devtype.attr, &dev_attr_modalias.attr, &dev_attr_state.attr, NULL
};

static struct attribute *event_attributes[] = {
	&dev_attr_event_channels.attr, &dev_attr_events.attr, &dev_attr_spurious_events.attr,
	&dev_attr_jiffies_eoi_delayed.attr, &dev_attr_spurious_threshold.attr, NULL
};

static const struct attribute_group device_group = { .attrs = device_attributes };
static const struct attribute_group event_group = { .name = "xenbus", .attrs = event_attributes };

const struct attribute_group *backend_device_groups[] = { &device_group, &event_group, NULL };

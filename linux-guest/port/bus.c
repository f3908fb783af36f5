// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two buses of devices that are described in the store: frontends (device/TYPE/ID) and backends
 * (backend/TYPE/DOMAIN/ID). A watch on the root tells of every change; of its path the first components name the device,
 * which comes and goes with its node. The kernel's own buses have the names "xen" and "xen-backend", asleep or not, so
 * these are "xen-port" and "xen-port-backend", and modules for them are found as "port-xen:TYPE".
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "compat/bus.h"
#include "port.h"

#define LOOK_MS 50			/* for a backend that closes */
#define MOST_LOOKS 200
#define MOST_CONNECTING (30 * HZ)	/* that loading a driver waits for its devices */

struct port_bus {
	struct bus_type bus;
	struct xenbus_watch watch;
	const char *root, *alias;
	unsigned int levels;		/* of a device's node below the root */
	const char *otherend_id, *otherend;	/* keys */
	bool looked;			/* for devices that were there before us */
};

static struct port_bus frontends, backends;

static struct port_bus *bus_of(const struct device *dev)
{
	return container_of(dev->bus, struct port_bus, bus);
}

/* ---- drivers ---- */

static const struct xenbus_device_id *match(const struct xenbus_driver *drv, const struct xenbus_device *dev)
{
	const struct xenbus_device_id *id;

	for (id = drv->ids; *id->devicetype; id++)
		if (!strcmp(id->devicetype, dev->devicetype))
			return id;
	return NULL;
}

static int bus_match(struct device *dev, compat_match_driver *drv)
{
	return !!match(container_of(drv, struct xenbus_driver, driver), to_xenbus_device(dev));
}

static int bus_uevent(compat_uevent_device *d, struct kobj_uevent_env *env)
{
	const struct xenbus_device *dev = container_of(d, struct xenbus_device, dev);

	return add_uevent_var(env, "XENBUS_TYPE=%s", dev->devicetype) ?:
	       add_uevent_var(env, "XENBUS_PATH=%s", dev->nodename) ?:
	       add_uevent_var(env, "MODALIAS=%s:%s", bus_of(d)->alias, dev->devicetype);
}

static void otherend_changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct xenbus_device *dev = container_of(watch, struct xenbus_device, otherend_watch);
	struct xenbus_driver *drv = to_xenbus_driver(dev->dev.driver);
	enum xenbus_state state;

	if (!dev->otherend || strncmp(dev->otherend, path, strlen(dev->otherend)))
		return;
	state = xenbus_read_driver_state(dev->otherend);
	if (system_state <= SYSTEM_RUNNING) {
		if (drv->otherend_changed)
			drv->otherend_changed(dev, state);
	} else if (state == XenbusStateClosing) {	/* a kernel that goes down does not begin anew */
		xenbus_frontend_closed(dev);
	}
}

static void forget_otherend(struct xenbus_device *dev)
{
	if (dev->otherend_watch.node) {
		unregister_xenbus_watch(&dev->otherend_watch);
		kfree(dev->otherend_watch.node);
		dev->otherend_watch.node = NULL;
	}
	kfree(dev->otherend);
	dev->otherend = NULL;
}

static int find_otherend(struct xenbus_device *dev)
{
	const struct port_bus *bus = bus_of(&dev->dev);
	int rc = xenbus_gather(XBT_NIL, dev->nodename, bus->otherend_id, "%i", &dev->otherend_id, bus->otherend, NULL,
			       &dev->otherend, NULL);

	if (rc)
		xenbus_dev_fatal(dev, rc, "its other end is not named in %s", dev->nodename);
	else if (!*dev->otherend || !xenbus_exists(XBT_NIL, dev->otherend, ""))
		rc = -ENOENT;
	if (rc)
		forget_otherend(dev);
	return rc;
}

/* Until the backend has nothing of before any more, or (@again) has seen that it may begin; or it has had time enough. */
static void wait_for_backend(const struct xenbus_device *dev, bool again)
{
	unsigned int n;

	for (n = 0; n < MOST_LOOKS; n++) {
		enum xenbus_state state = xenbus_read_driver_state(dev->otherend);

		if (again ? state != XenbusStateClosed : state <= XenbusStateInitWait || state == XenbusStateClosed)
			return;
		msleep(LOOK_MS);
	}
}

/* Its driver before this one has closed it. Both ends begin again, and neither may take the other's old state for news. */
static void begin_anew(struct xenbus_device *dev)
{
	wait_for_backend(dev, false);
	xenbus_switch_state(dev, XenbusStateInitialising);
	wait_for_backend(dev, true);
}

static int bus_probe(struct device *d)
{
	struct xenbus_device *dev = to_xenbus_device(d);
	struct xenbus_driver *drv = to_xenbus_driver(d->driver);
	int rc = find_otherend(dev);

	if (rc)
		return rc;
	if (bus_of(d) == &frontends && dev->state == XenbusStateClosed)
		begin_anew(dev);
	rc = drv->probe ? drv->probe(dev, match(drv, dev)) : -ENODEV;
	if (!rc) {
		rc = xenbus_watch_pathfmt(dev, &dev->otherend_watch, NULL, otherend_changed, "%s/state", dev->otherend);
		if (rc && drv->remove)
			drv->remove(dev);
	}
	if (!rc)
		return 0;
	forget_otherend(dev);
	xenbus_dev_error(dev, rc, "its driver %s refuses %s", drv->name, dev->nodename);
	return rc;
}

static void bus_remove(struct device *d)
{
	struct xenbus_device *dev = to_xenbus_device(d);
	struct xenbus_driver *drv = to_xenbus_driver(d->driver);

	if (dev->otherend_watch.node) {
		unregister_xenbus_watch(&dev->otherend_watch);
		kfree(dev->otherend_watch.node);
		dev->otherend_watch.node = NULL;
	}
	if (drv->remove)
		drv->remove(dev);
	forget_otherend(dev);
	/* Who may be bound again says so; else this is the end of the device. */
	if (!drv->allow_rebind || xenbus_read_driver_state(dev->nodename) == XenbusStateClosing)
		xenbus_switch_state(dev, XenbusStateClosed);
}

/* ---- what user space sees ---- */

#define TEXT(name, format, value)								\
static ssize_t name##_show(struct device *d, struct device_attribute *attr, char *buf)		\
{												\
	struct xenbus_device *dev = to_xenbus_device(d);					\
												\
	return sysfs_emit(buf, format "\n", value);						\
}												\
static DEVICE_ATTR_RO(name)
TEXT(nodename, "%s", dev->nodename);
TEXT(devtype, "%s", dev->devicetype);
TEXT(state, "%s", xenbus_strstate(dev->state));
TEXT(event_channels, "%d", atomic_read(&dev->event_channels));
TEXT(events, "%d", atomic_read(&dev->events));
TEXT(spurious_events, "%d", atomic_read(&dev->spurious_events));
TEXT(jiffies_eoi_delayed, "%d", atomic_read(&dev->jiffies_eoi_delayed));

static ssize_t modalias_show(struct device *d, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s:%s\n", bus_of(d)->alias, to_xenbus_device(d)->devicetype);
}
static DEVICE_ATTR_RO(modalias);

static ssize_t spurious_threshold_show(struct device *d, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_xenbus_device(d)->spurious_threshold);
}

static ssize_t spurious_threshold_store(struct device *d, struct device_attribute *attr, const char *buf, size_t count)
{
	return kstrtouint(buf, 0, &to_xenbus_device(d)->spurious_threshold) ?: count;
}
static DEVICE_ATTR_RW(spurious_threshold);

static struct attribute *device_attrs[] = {
	&dev_attr_nodename.attr, &dev_attr_devtype.attr, &dev_attr_modalias.attr, &dev_attr_state.attr,
	&dev_attr_event_channels.attr, &dev_attr_events.attr, &dev_attr_spurious_events.attr,
	&dev_attr_jiffies_eoi_delayed.attr, &dev_attr_spurious_threshold.attr, NULL
};
ATTRIBUTE_GROUPS(device);

static struct port_bus frontends = {
	.bus = { .name = "xen-port", .match = bus_match, .uevent = bus_uevent, .probe = bus_probe, .remove = bus_remove,
		 .dev_groups = device_groups },
	.root = "device", .levels = 2, .alias = "port-xen", .otherend_id = "backend-id", .otherend = "backend",
};

static struct port_bus backends = {
	.bus = { .name = "xen-port-backend", .match = bus_match, .uevent = bus_uevent, .probe = bus_probe,
		 .remove = bus_remove, .dev_groups = device_groups },
	.root = "backend", .levels = 3, .alias = "port-xen-backend", .otherend_id = "frontend-id", .otherend = "frontend",
};

/* ---- devices ---- */

static void release(struct device *d)
{
	kfree(to_xenbus_device(d));
}

/* "device/vbd/51712" is called "vbd-51712". */
static int set_name(struct device *d, const struct port_bus *bus, const char *node)
{
	char *name = kstrdup(node + strlen(bus->root) + 1, GFP_KERNEL);
	int rc = name ? dev_set_name(d, "%s", strreplace(name, '/', '-') ? name : name) : -ENOMEM;

	kfree(name);
	return rc;
}

static void add_device(struct port_bus *bus, const char *node)
{
	enum xenbus_state state = xenbus_read_driver_state(node);
	size_t length = strlen(node), type = strlen(bus->root) + 1;
	struct xenbus_device *dev;
	char *copy;

	/* One that is about to go is none any more; what somebody before us has closed may begin again. */
	if (state != XenbusStateInitialising && (bus->looked || state != XenbusStateClosed))
		return;
	dev = kzalloc(sizeof(*dev) + 2 * (length + 1), GFP_KERNEL);
	if (!dev)
		return;
	copy = strcpy((char *)(dev + 1), node);
	dev->nodename = copy;
	dev->devicetype = strcpy(copy + length + 1, node + type);
	strchrnul(copy + length + 1, '/')[0] = 0;
	dev->state = state;
	dev->spurious_threshold = 1;
	init_completion(&dev->down);
	sema_init(&dev->reclaim_sem, 1);
	dev->dev.bus = &bus->bus;
	dev->dev.release = release;
	device_initialize(&dev->dev);
	if (set_name(&dev->dev, bus, node) || device_add(&dev->dev))
		put_device(&dev->dev);
}

static int is_node(struct device *d, const void *node)
{
	return !strcmp(to_xenbus_device(d)->nodename, node);
}

/* The device at @node, there or gone. */
static void look_at(struct port_bus *bus, const char *node)
{
	struct device *d = bus_find_device(&bus->bus, NULL, node, is_node);
	bool exists = xenbus_exists(XBT_NIL, node, "");

	if (d && !exists)
		device_unregister(d);
	else if (!d && exists)
		add_device(bus, node);
	put_device(d);
}

/* What is @levels below @dir. */
static void look_below(struct port_bus *bus, const char *dir, unsigned int levels)
{
	unsigned int n, i;
	char **names = levels ? xenbus_directory(XBT_NIL, dir, "", &n) : NULL;

	if (!levels)
		look_at(bus, dir);
	if (IS_ERR_OR_NULL(names))
		return;
	for (i = 0; i < n; i++) {
		char *path = kasprintf(GFP_KERNEL, "%s/%s", dir, names[i]);

		if (path)
			look_below(bus, path, levels - 1);
		kfree(path);
	}
	kfree(names);
}

/* Components behind the root; @end: behind the one that ends a device's node, if it has as many. */
static bool find_end(const struct port_bus *bus, const char *path, size_t *end)
{
	const char *at = path + strlen(bus->root);
	unsigned int level;

	for (level = 0; level < bus->levels; level++) {
		if (*at != '/')
			return false;
		at = strchrnul(at + 1, '/');
	}
	*end = at - path;
	return true;
}

static void changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct port_bus *bus = container_of(watch, struct port_bus, watch);
	size_t end;
	char *node;

	if (strncmp(path, bus->root, strlen(bus->root)))
		return;
	if (!find_end(bus, path, &end)) {
		if (!bus->looked)
			look_below(bus, bus->root, bus->levels);
		bus->looked = true;
		return;
	}
	node = kstrndup(path, end, GFP_KERNEL);
	if (node)
		look_at(bus, node);
	kfree(node);
}

/* ---- what drivers call ---- */

static int register_driver(struct port_bus *bus, struct xenbus_driver *drv, struct module *owner, const char *mod_name)
{
	drv->driver.name = drv->name ?: drv->ids[0].devicetype;
	drv->driver.bus = &bus->bus;
	drv->driver.owner = owner;
	drv->driver.mod_name = mod_name;
	return driver_register(&drv->driver);
}

static int is_connecting(struct device *d, void *driver)
{
	const struct xenbus_device *dev = to_xenbus_device(d);
	const struct xenbus_driver *drv = driver;

	return d->driver == &drv->driver && (dev->state < XenbusStateConnected ||
					     (dev->state == XenbusStateConnected && drv->is_ready && !drv->is_ready(to_xenbus_device(d))));
}

/* Who loads a driver finds its devices there, as with the kernel's own bus: ramdisks count on it. */
int __xenbus_register_frontend(struct xenbus_driver *drv, struct module *owner, const char *mod_name)
{
	unsigned long end = jiffies + MOST_CONNECTING;
	int rc = register_driver(&frontends, drv, owner, mod_name);

	while (!rc && time_before(jiffies, end) &&
	       (!READ_ONCE(frontends.looked) || bus_for_each_dev(&frontends.bus, NULL, drv, is_connecting)))
		msleep(10);
	return rc;
}
EXPORT_SYMBOL_GPL(__xenbus_register_frontend);

int __xenbus_register_backend(struct xenbus_driver *drv, struct module *owner, const char *mod_name)
{
	return register_driver(&backends, drv, owner, mod_name);
}
EXPORT_SYMBOL_GPL(__xenbus_register_backend);

void xenbus_unregister_driver(struct xenbus_driver *drv)
{
	driver_unregister(&drv->driver);
}
EXPORT_SYMBOL_GPL(xenbus_unregister_driver);

/* ---- life ---- */

static int start(struct port_bus *bus)
{
	int rc = bus_register(&bus->bus);

	if (rc)
		return rc;
	bus->looked = false;
	bus->watch.node = bus->root;
	bus->watch.callback = changed;
	rc = register_xenbus_watch(&bus->watch);
	if (rc)
		bus_unregister(&bus->bus);
	return rc;
}

static int remove_device(struct device *d, void *unused)
{
	device_unregister(d);
	return 0;
}

static void stop(struct port_bus *bus)
{
	unregister_xenbus_watch(&bus->watch);
	bus_for_each_dev(&bus->bus, NULL, NULL, remove_device);
	bus_unregister(&bus->bus);
}

int bus_init(void)
{
	int rc = start(&frontends);

	if (rc)
		return rc;
	rc = start(&backends);
	if (rc)
		stop(&frontends);
	return rc;
}

void bus_exit(void)
{
	stop(&backends);
	stop(&frontends);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The bus of backends and its drivers. */
#include <linux/module.h>
#include <xenolith/hypercall.h>
#include "bus.h"

static int match(struct device *device, compat_bus_driver *with)
{
	const struct xenbus_driver *driver = container_of(with, struct xenbus_driver, driver);
	const struct xenbus_device_id *id;

	for (id = driver->ids; *id->devicetype; id++) {
		if (!strcmp(id->devicetype, to_xenbus_device(device)->devicetype))
			return 1;
	}
	return 0;
}

static int uevent(compat_bus_device *device, struct kobj_uevent_env *env)
{
	compat_uevent_device *dev = container_of(device, compat_uevent_device, dev);
	const struct xenbus_driver *driver;
	int rc;

	rc = add_uevent_var(env, "MODALIAS=%s:%s", backend_bus.name, dev->devicetype) ?:
		add_uevent_var(env, "XENBUS_TYPE=%s", dev->devicetype) ?:
		add_uevent_var(env, "XENBUS_PATH=%s", dev->nodename) ?:
		add_uevent_var(env, "XENBUS_BASE_PATH=%s", BACKEND_ROOT);
	if (rc || !device->driver)
		return rc;
	driver = container_of(device->driver, struct xenbus_driver, driver);
	return driver->uevent ? driver->uevent(dev, env) : 0;
}

struct bus_type backend_bus = {
	.name = "xen-backend",
	.match = match,
	.uevent = uevent,
	.probe = backend_device_probe,
	.remove = backend_device_remove,
	.dev_groups = backend_device_groups,
};

int __xenbus_register_backend(struct xenbus_driver *driver, struct module *owner, const char *module_name)
{
	driver->driver.name = driver->name ?: driver->ids[0].devicetype;
	driver->driver.bus = &backend_bus;
	driver->driver.owner = owner;
	driver->driver.mod_name = module_name;
	return driver_register(&driver->driver);
}
EXPORT_SYMBOL_GPL(__xenbus_register_backend);

int xenbus_dev_is_online(struct xenbus_device *dev)
{
	return !!xenbus_read_unsigned(dev->nodename, "online", 0);
}
EXPORT_SYMBOL_GPL(xenbus_dev_is_online);

static int __init backend_init(void)
{
	int rc;

	if (!xen_domain())
		return -ENODEV;
	rc = bus_register(&backend_bus);
	if (rc)
		return rc;
	rc = backend_tree_start();
	if (rc)
		bus_unregister(&backend_bus);
	return rc;
}

static void __exit backend_exit(void)
{
	backend_tree_stop();
	bus_unregister(&backend_bus);
}

module_init(backend_init);
module_exit(backend_exit);
MODULE_DESCRIPTION("Bus of Xen backends for kernels without one");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * resume-front device=vbd-51712: what the bus does to that frontend when its domain was saved and goes on elsewhere. The
 * rest of a restore, a new backend and the states in the store, is done by who loads it. It does not stay loaded.
 */
#include <linux/module.h>
#include <xenolith/bus.h>

static char *device;
module_param(device, charp, 0);
MODULE_PARM_DESC(device, "Which one, as in /sys/bus/xen/devices");

/* Exported to the frontends' bus, which may be a module; there is no header. */
int xenbus_dev_suspend(struct device *device);
int xenbus_dev_resume(struct device *device);

/* Its only use is to be on the bus, which has no name otherwise. */
static const struct xenbus_device_id none[] = { { "resume-front" }, { "" } };
static struct xenbus_driver driver = { .ids = none };

static int __init resume_init(void)
{
	struct device *found;
	int rc = xenbus_register_frontend(&driver);

	if (rc)
		return rc;
	found = device ? bus_find_device_by_name(driver.driver.bus, NULL, device) : NULL;
	xenbus_unregister_driver(&driver);
	if (!found)
		return -ENODEV;
	rc = xenbus_dev_suspend(found) ?: xenbus_dev_resume(found);
	dev_info(found, "resume-front: %d\n", rc);
	put_device(found);
	return rc ?: -EAGAIN;
}
module_init(resume_init);

MODULE_DESCRIPTION("Have a frontend resume");
MODULE_LICENSE("GPL");

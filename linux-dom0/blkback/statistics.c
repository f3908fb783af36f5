// SPDX-License-Identifier: GPL-2.0-only
/*
 * What xentop and administrators read below /sys/bus/xen-backend/devices/vbd-DOMAIN-DEVICE: the names are those that the
 * kernel's own backend has.
 */
#include <linux/sysfs.h>
#include "blkback.h"

#define COUNTER(file, field)											\
	static ssize_t file##_show(struct device *dev, struct device_attribute *attr, char *page)		\
	{													\
		struct blkback *back = dev_get_drvdata(dev);							\
		unsigned long long sum = 0;									\
		unsigned int n;											\
														\
		mutex_lock(&back->lock);									\
		for (n = 0; n < back->nr_rings; n++)								\
			sum += back->rings[n].field;								\
		mutex_unlock(&back->lock);									\
		return sysfs_emit(page, "%llu\n", sum);								\
	}													\
	static DEVICE_ATTR_RO(file)

COUNTER(rd_req, reads);
COUNTER(wr_req, writes);
COUNTER(f_req, flushes);
COUNTER(ds_req, discards);
COUNTER(rd_sect, sectors_read);
COUNTER(wr_sect, sectors_written);

/* There is a request of ours for each entry of a ring: we are never out of them. */
static ssize_t oo_req_show(struct device *dev, struct device_attribute *attr, char *page)
{
	return sysfs_emit(page, "0\n");
}
static DEVICE_ATTR_RO(oo_req);

static struct attribute *counters[] = {
	&dev_attr_oo_req.attr,
	&dev_attr_rd_req.attr,
	&dev_attr_wr_req.attr,
	&dev_attr_f_req.attr,
	&dev_attr_ds_req.attr,
	&dev_attr_rd_sect.attr,
	&dev_attr_wr_sect.attr,
	NULL
};

static const struct attribute_group counter_group = {
	.name = "statistics",
	.attrs = counters,
};

static ssize_t physical_device_show(struct device *dev, struct device_attribute *attr, char *page)
{
	struct blkback *back = dev_get_drvdata(dev);

	return sysfs_emit(page, "%x:%x\n", back->major, back->minor);
}
static DEVICE_ATTR_RO(physical_device);

static ssize_t mode_show(struct device *dev, struct device_attribute *attr, char *page)
{
	struct blkback *back = dev_get_drvdata(dev);

	return sysfs_emit(page, "%s\n", back->readonly ? "r" : "w");
}
static DEVICE_ATTR_RO(mode);

static struct attribute *device_attributes[] = {
	&dev_attr_physical_device.attr,
	&dev_attr_mode.attr,
	NULL
};

static const struct attribute_group device_group = {
	.attrs = device_attributes,
};

static const struct attribute_group *all_groups[] = { &device_group, &counter_group, NULL };

int back_create_attributes(struct blkback *back)
{
	return sysfs_create_groups(&back->bus->dev.kobj, all_groups);
}

void back_remove_attributes(struct blkback *back)
{
	sysfs_remove_groups(&back->bus->dev.kobj, all_groups);
}

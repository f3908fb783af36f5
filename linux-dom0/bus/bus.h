/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bus of backends for kernels that are built without one (CONFIG_XEN_BACKEND): what the kernel's own is, under the same
 * name in sysfs, to the same rules of udev and with the same attributes. Drivers see no difference (xenolith/bus.h).
 *
 *	tree.c		what appears and goes in the store, as devices
 *	device.c	a device: made, given to its driver, told about its frontend, taken away
 *	path.c		text
 *	main.c		the bus and its drivers
 *
 * Devices are made and taken away by the thread that reports changes of the store, one change after the other; a driver may
 * take its own device away. No driver of ours has memory that it could give back when it gets scarce (reclaim_memory), so
 * nobody is asked.
 */
#ifndef XENOLITH_BACKEND_BUS_H
#define XENOLITH_BACKEND_BUS_H

#include <xenolith/bus.h>
#include "compat/compat.h"
#include "path.h"

extern struct bus_type backend_bus;
extern const struct attribute_group *backend_device_groups[];

/**
 * backend_device_create() - a device for a place in the store
 * @place: that has state Initialising
 *
 * Context: the thread of the store's changes
 * Return: 0; -EEXIST, -ENOMEM, -EINVAL where the place is none
 */
int backend_device_create(const char *place);

/* The bus's own part of what a driver does for a device. */
int backend_device_probe(struct device *device);
void backend_device_remove(struct device *device);

/**
 * backend_tree_start() - make the devices that there are, now or when the store can be reached, and follow changes
 *
 * Return: 0, or why nothing was started
 */
int backend_tree_start(void);

/* Follow no more; all devices go. */
void backend_tree_stop(void);

#endif

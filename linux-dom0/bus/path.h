/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Places of backends in the store, "backend/TYPE/DOMAIN/NAME" and what is below: pure text, no service of Xen is used.
 */
#ifndef XENOLITH_BACKEND_PATH_H
#define XENOLITH_BACKEND_PATH_H

#include <linux/types.h>

#define BACKEND_ROOT "backend"

/**
 * struct backend_name - the parts of a device's place
 * @type: what drivers go by, "vbd"
 * @domain: that has the frontend
 * @device: a number among those of that type and domain, as text
 */
struct backend_name {
	char type[32];
	u16 domain;
	char device[32];
};

/**
 * backend_depth() - names in a path
 * @path: "backend/vbd" has two
 *
 * Return: 0 where the path is absolute, has an empty name, or begins with another than "backend"
 */
unsigned int backend_depth(const char *path);

/**
 * backend_device_length() - the device that a node belongs to
 * @path: of the node
 *
 * Return: length of the beginning of @path that is the device's place, 0 where the node is above every device
 */
size_t backend_device_length(const char *path);

/**
 * backend_covers() - whether what happens to a node happens to a device
 * @path: of the node
 * @device: place of the device
 *
 * Return: true when both are the same or the device is below the node
 */
bool backend_covers(const char *path, const char *device);

/**
 * backend_parse() - the parts of a device's place
 * @place: of four names
 * @name: where they go
 *
 * Return: 0; -EINVAL where the number of the domain is none, or something is too long or has letters that a name in sysfs
 *	cannot have
 */
int backend_parse(const char *place, struct backend_name *name);

#endif

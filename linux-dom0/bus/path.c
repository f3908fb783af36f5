// SPDX-License-Identifier: GPL-2.0-only
/* Places of backends in the store, as text. */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <xen/interface/xen.h>
#include "path.h"

#define DEVICE_DEPTH 4

unsigned int backend_depth(const char *path)
{
	unsigned int depth = 0;
	size_t length;

	if (!backend_covers(BACKEND_ROOT, path))
		return 0;
	for (;;) {
		length = strcspn(path, "/");
		if (!length)
			return 0;
		depth++;
		if (!path[length])
			return depth;
		path += length + 1;
	}
}

size_t backend_device_length(const char *path)
{
	unsigned int names = 0;
	size_t i;

	if (backend_depth(path) < DEVICE_DEPTH)
		return 0;
	for (i = 0; path[i]; i++) {
		if (path[i] == '/' && ++names == DEVICE_DEPTH)
			break;
	}
	return i;
}

bool backend_covers(const char *path, const char *device)
{
	size_t length = strlen(path);

	return !strncmp(path, device, length) && (!device[length] || device[length] == '/');
}

/* A name up to the next slash, which *at then stands behind. */
static int take(const char **at, char *to, size_t room)
{
	size_t length = strcspn(*at, "/"), i;

	if (!length || length >= room)
		return -EINVAL;
	for (i = 0; i < length; i++) {
		if (!(isascii((*at)[i]) && isalnum((*at)[i])) && !strchr("-_.@", (*at)[i]))
			return -EINVAL;
	}
	memcpy(to, *at, length);
	to[length] = '\0';
	*at += length + ((*at)[length] == '/');
	return 0;
}

int backend_parse(const char *place, struct backend_name *name)
{
	const char *at = place + strlen(BACKEND_ROOT "/");
	char domain[8];
	int rc;

	if (backend_depth(place) != DEVICE_DEPTH)
		return -EINVAL;
	rc = take(&at, name->type, sizeof(name->type)) ?: take(&at, domain, sizeof(domain)) ?:
		take(&at, name->device, sizeof(name->device));
	if (!rc && (kstrtou16(domain, 10, &name->domain) || name->domain >= DOMID_FIRST_RESERVED))
		rc = -EINVAL;
	return rc;
}

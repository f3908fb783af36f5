// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the store has below "backend", as devices. A change is looked at where it happened: what is gone takes its devices
 * with it, what is there may be a new one. The first report of a watch is its own beginning, which makes all there are.
 */
#include <linux/slab.h>
#include "bus.h"

/* Names in a folder that is no folder of devices are not followed any deeper than this. */
#define TOP_DEPTH 3

static bool watching;

static int is_covered(struct device *device, const void *path)
{
	return backend_covers(path, to_xenbus_device(device)->nodename);
}

static void remove_below(const char *path)
{
	struct device *device;

	while ((device = bus_find_device(&backend_bus, NULL, path, is_covered))) {
		device_unregister(device);
		put_device(device);
	}
}

static int is_at(struct device *device, const void *place)
{
	return !strcmp(to_xenbus_device(device)->nodename, place);
}

static void look_at_device(const char *path)
{
	char *place = kstrndup(path, backend_device_length(path), GFP_KERNEL);
	struct device *device;

	if (!place)
		return;
	device = bus_find_device(&backend_bus, NULL, place, is_at);
	if (device)
		put_device(device);
	else
		backend_device_create(place);
	kfree(place);
}

static void look_below(const char *path)
{
	unsigned int i, n = 0;
	char **names, *below;

	if (backend_depth(path) > TOP_DEPTH) {
		look_at_device(path);
		return;
	}
	names = xenbus_directory(XBT_NIL, path, "", &n);
	if (IS_ERR(names))
		return;
	for (i = 0; i < n; i++) {
		below = kasprintf(GFP_KERNEL, "%s/%s", path, names[i]);
		if (below)
			look_below(below);
		kfree(below);
	}
	kfree(names);
}

static void changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	if (!backend_depth(path))
		return;
	if (xenbus_exists(XBT_NIL, path, ""))
		look_below(path);
	else
		remove_below(path);
}

static struct xenbus_watch tree_watch = {
	.node = BACKEND_ROOT,
	.callback = changed,
};

static int store_ready(struct notifier_block *notifier, unsigned long event, void *data)
{
	int rc = watching ? 0 : register_xenbus_watch(&tree_watch);

	if (rc)
		pr_err("xen-backend-bus: the store's folder " BACKEND_ROOT " cannot be watched (error %d)\n", rc);
	else
		watching = true;
	return NOTIFY_DONE;
}

static struct notifier_block store_notifier = { .notifier_call = store_ready };

int backend_tree_start(void)
{
	return register_xenstore_notifier(&store_notifier);
}

void backend_tree_stop(void)
{
	unregister_xenstore_notifier(&store_notifier);
	if (watching)
		unregister_xenbus_watch(&tree_watch);
	remove_below(BACKEND_ROOT);
}

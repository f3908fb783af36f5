// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of the toolstack, and the states of both ends:
 *
 *	frontend		backend
 *				InitWait	our features are in our folder
 *	Connected				its rings are in its folder: packets flow
 *				Connected	when the toolstack's script says that the interface is in its place
 *	Reconfiguring		Reconfigured	it changed xdp-headroom
 *	Closing, Closed		Closing, Closed
 *	Initialising		InitWait	it starts anew
 *
 * When the driver is taken from a device that lives on (unbind, or an exchange of the module) the state stays, and the
 * next driver attaches to the rings: the frontend sees a pause.
 */
#include "netback.h"

static int write_features(struct xenbus_device *dev, struct xenbus_transaction t)
{
	static const struct {
		const char *node, *value;
	} features[] = {
		{ "feature-sg", "1" },
		{ "feature-gso-tcpv4", "1" },
		{ "feature-gso-tcpv6", "1" },
		{ "feature-ipv6-csum-offload", "1" },
		{ "feature-rx-copy", "1" },
		{ "feature-rx-flip", "0" },
		{ "feature-multicast-control", "1" },
		{ "feature-dynamic-multicast-control", "1" },
		{ "feature-split-event-channels", "1" },
		{ "feature-ctrl-ring", "1" },
		{ "feature-xdp-headroom", "1" },
	};
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < ARRAY_SIZE(features); i++)
		rc = xenbus_write(t, dev->nodename, features[i].node, features[i].value);
	if (!rc)
		rc = xenbus_printf(t, dev->nodename, "multi-queue-max-queues", "%u", netback_max_queues);
	return rc;
}

static int netback_probe(struct xenbus_device *dev, const struct xenbus_device_id *id)
{
	unsigned int handle;
	struct netback *nb;
	int rc;

	if (xenbus_scanf(XBT_NIL, dev->nodename, "handle", "%u", &handle) != 1) {
		xenbus_dev_fatal(dev, -EINVAL, "%s/handle has no number", dev->nodename);
		return -EINVAL;
	}
	rc = xenolith_in_transaction(dev, write_features);
	if (rc) {
		xenbus_dev_fatal(dev, rc, "writing the features");
		return rc;
	}
	nb = netback_create(dev, dev->otherend_id, handle);
	if (IS_ERR(nb)) {
		xenbus_dev_fatal(dev, PTR_ERR(nb), "making the interface vif%u.%u", dev->otherend_id, handle);
		return PTR_ERR(nb);
	}
	dev_set_drvdata(&dev->dev, nb);
	rc = xenbus_switch_state(dev, XenbusStateInitWait);
	/* What udev rules start the script by, where the toolstack does not do it itself. */
	kobject_uevent(&dev->dev.kobj, KOBJ_ONLINE);
	return rc;
}

static void unwatch(struct netback *nb)
{
	if (!nb->watched)
		return;
	unregister_xenbus_watch(&nb->hotplug_watch);
	kfree(nb->hotplug_watch.node);
	nb->watched = false;
}

static void netback_remove(struct xenbus_device *dev)
{
	struct netback *nb = dev_get_drvdata(&dev->dev);

	if (!nb)
		return;
	kobject_uevent(&dev->dev.kobj, KOBJ_OFFLINE);
	unwatch(nb);
	netback_destroy(nb);
	dev_set_drvdata(&dev->dev, NULL);
	xenbus_rm(XBT_NIL, dev->nodename, "hotplug-status");
}

/* The device is in its place when the script has said so and the rings are in use. */
static void check_hotplug(struct netback *nb)
{
	char *status = xenbus_read(XBT_NIL, nb->dev->nodename, "hotplug-status", NULL);

	if (IS_ERR(status))
		return;
	if (!strcmp(status, "connected") && nb->connected && nb->dev->state == XenbusStateInitWait)
		xenbus_switch_state(nb->dev, XenbusStateConnected);
	kfree(status);
}

static void hotplug_changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct netback *nb = container_of(watch, struct netback, hotplug_watch);

	mutex_lock(&nb->lock);
	check_hotplug(nb);
	mutex_unlock(&nb->lock);
}

static void watch_hotplug(struct netback *nb)
{
	if (!nb->watched &&
	    !xenbus_watch_pathfmt(nb->dev, &nb->hotplug_watch, NULL, hotplug_changed, "%s/hotplug-status", nb->dev->nodename))
		nb->watched = true;
}

static void frontend_connected(struct netback *nb)
{
	struct xenbus_device *dev = nb->dev;

	if (dev->state == XenbusStateReconfigured) {
		xenbus_switch_state(dev, XenbusStateConnected);
		return;
	}
	if (nb->connected || test_bit(0, &nb->broken) || dev->state != XenbusStateInitWait)
		return;
	if (netback_connect(nb))
		return;
	watch_hotplug(nb);
	check_hotplug(nb);
}

static void frontend_closes(struct netback *nb, enum xenbus_state to)
{
	netback_disconnect(nb);
	if (nb->dev->state != to && nb->dev->state != XenbusStateClosed)
		xenbus_switch_state(nb->dev, to);
}

/* It may have closed and begun anew before this was seen: rings that are in use are those of before. */
static void frontend_starts(struct netback *nb)
{
	if (nb->dev->state == XenbusStateInitWait && !nb->connected)
		return;
	netback_disconnect(nb);
	clear_bit(0, &nb->broken);
	xenbus_switch_state(nb->dev, XenbusStateInitWait);
}

static void frontend_changed(struct xenbus_device *dev, enum xenbus_state state)
{
	struct netback *nb = dev_get_drvdata(&dev->dev);
	bool gone = false;

	mutex_lock(&nb->lock);
	switch (state) {
	case XenbusStateInitialising:
		frontend_starts(nb);
		break;
	case XenbusStateConnected:
		frontend_connected(nb);
		break;
	case XenbusStateReconfiguring:
		netback_read_headroom(nb);
		xenbus_switch_state(dev, XenbusStateReconfigured);
		break;
	case XenbusStateClosing:
		frontend_closes(nb, XenbusStateClosing);
		break;
	case XenbusStateClosed:
		frontend_closes(nb, XenbusStateClosed);
		gone = !xenbus_dev_is_online(dev);
		break;
	case XenbusStateUnknown:
		frontend_closes(nb, XenbusStateClosed);
		gone = true;
		break;
	default:
		break;
	}
	mutex_unlock(&nb->lock);
	if (gone)
		device_unregister(&dev->dev);
}

static int netback_uevent(compat_uevent_device *dev, struct kobj_uevent_env *env)
{
	struct netback *nb = dev_get_drvdata(&dev->dev);
	char *script = xenbus_read(XBT_NIL, dev->nodename, "script", NULL);

	if (!IS_ERR(script)) {
		add_uevent_var(env, "script=%s", script);
		kfree(script);
	}
	return nb ? add_uevent_var(env, "vif=%s", nb->netdev->name) : 0;
}

static const struct xenbus_device_id netback_ids[] = { { "vif" }, { "" } };

static struct xenbus_driver netback_driver = {
	.ids			= netback_ids,
	.probe			= netback_probe,
	.remove			= netback_remove,
	.uevent			= netback_uevent,
	.otherend_changed	= frontend_changed,
	.allow_rebind		= true,
};

int netback_bus_init(void)
{
	return xenbus_register_backend(&netback_driver);
}

void netback_bus_exit(void)
{
	xenbus_unregister_driver(&netback_driver);
}

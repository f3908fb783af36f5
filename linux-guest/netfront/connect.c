// SPDX-License-Identifier: GPL-2.0-only
/*
 * The handshake. Each end has a state in the store and sees the other's change:
 *
 *	backend		frontend
 *	InitWait				its features are in its folder
 *			Connected		ours, and where the rings are, in our folder
 *	Connected				packets may flow
 *	Closing		Closed			it goes; when it comes back it starts with InitWait, and so do we
 *
 * A backend whose driver is exchanged while we are connected attaches to the rings as they are: nothing to do here.
 */
#include <linux/rtnetlink.h>

#include "netfront.h"

/* What a node in the backend's folder means for the interface. */
static const struct offer {
	const char *node;
	netdev_features_t feature;
} offers[] = {
	{ "feature-sg", NETIF_F_SG },
	{ "feature-ipv6-csum-offload", NETIF_F_IPV6_CSUM },
	{ "feature-gso-tcpv4", NETIF_F_TSO },
	{ "feature-gso-tcpv6", NETIF_F_TSO6 },
};

static void read_offers(struct netfront *front)
{
	const char *backend = front->dev->otherend;
	unsigned int i;

	front->offers = xenbus_read_unsigned(backend, "feature-no-csum-offload", 0) ? 0 : NETIF_F_IP_CSUM;
	for (i = 0; i < ARRAY_SIZE(offers); i++)
		if (xenbus_read_unsigned(backend, offers[i].node, 0))
			front->offers |= offers[i].feature;
	front->multicast_control = xenbus_read_unsigned(backend, "feature-multicast-control", 0) &&
				   xenbus_read_unsigned(backend, "feature-dynamic-multicast-control", 0);
	front->trusted = netfront_trusts_backends && xenbus_read_unsigned(front->dev->nodename, "trusted", 1);
}

static int write_queue(struct xenbus_transaction t, struct netfront_queue *queue, const char *folder)
{
	int rc;

	rc = xenbus_printf(t, folder, "tx-ring-ref", "%u", queue->tx_ring_ref);
	if (!rc)
		rc = xenbus_printf(t, folder, "rx-ring-ref", "%u", queue->rx_ring_ref);
	if (rc)
		return rc;
	if (!queue->channels[1].irq)
		return xenbus_printf(t, folder, "event-channel", "%u", queue->channels[0].port);
	rc = xenbus_printf(t, folder, "event-channel-tx", "%u", queue->channels[0].port);
	if (!rc)
		rc = xenbus_printf(t, folder, "event-channel-rx", "%u", queue->channels[1].port);
	return rc;
}

static int write_queues(struct xenbus_transaction t, struct netfront *front)
{
	const char *node = front->dev->nodename;
	unsigned int i;
	char *folder;
	int rc;

	if (front->nr_queues == 1)
		return write_queue(t, &front->queues[0], node);
	rc = xenbus_printf(t, node, "multi-queue-num-queues", "%u", front->nr_queues);
	for (i = 0; !rc && i < front->nr_queues; i++) {
		folder = kasprintf(GFP_KERNEL, "%s/queue-%u", node, i);
		rc = folder ? write_queue(t, &front->queues[i], folder) : -ENOMEM;
		kfree(folder);
	}
	return rc;
}

static int write_features(struct xenbus_transaction t, struct netfront *front)
{
	static const char * const features[] = {
		"request-rx-copy", "feature-rx-notify", "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6",
		"feature-ipv6-csum-offload",
	};
	const char *node = front->dev->nodename;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < ARRAY_SIZE(features); i++)
		rc = xenbus_write(t, node, features[i], "1");
	if (!rc && front->multicast_control)
		rc = xenbus_write(t, node, "request-multicast-control", "1");
	if (!rc)
		rc = netfront_control_write(front, t);
	if (!rc)
		rc = xenbus_printf(t, node, "xdp-headroom", "%u", front->xdp_prog ? XDP_PACKET_HEADROOM : 0);
	return rc;
}

/* What a connection of another shape has left behind; the backend would go by it. */
static void remove_old(struct netfront *front)
{
	static const char * const old[] = {
		"multi-queue-num-queues", "event-channel", "event-channel-tx", "event-channel-rx", "request-multicast-control",
	};
	const char *node = front->dev->nodename;
	char queue[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(old); i++)
		if (xenbus_exists(XBT_NIL, node, old[i]))
			xenbus_rm(XBT_NIL, node, old[i]);
	for (i = 0; i < MAX_QUEUES; i++) {
		snprintf(queue, sizeof(queue), "queue-%u", i);
		if (!xenbus_exists(XBT_NIL, node, queue))
			break;
		xenbus_rm(XBT_NIL, node, queue);
	}
}

static int write_nodes(struct xenbus_device *dev, struct xenbus_transaction t)
{
	struct netfront *front = dev_get_drvdata(&dev->dev);

	return write_queues(t, front) ?: write_features(t, front);
}

static int publish(struct netfront *front)
{
	if (xenbus_exists(XBT_NIL, front->dev->nodename, "request-rx-copy"))
		remove_old(front);
	return xenolith_in_transaction(front->dev, write_nodes);
}

static int read_address(struct netfront *front)
{
	u8 mac[ETH_ALEN];
	char *text = xenbus_read(XBT_NIL, front->dev->nodename, "mac", NULL);
	bool good;

	if (IS_ERR(text))
		return PTR_ERR(text);
	good = mac_pton(text, mac);
	kfree(text);
	if (!good || !is_valid_ether_addr(mac))
		return -EINVAL;
	eth_hw_addr_set(front->netdev, mac);
	return 0;
}

/* What the toolstack may set for us; the rest is the administrator's. */
static void read_mtu(struct netfront *front)
{
	unsigned int mtu = xenbus_read_unsigned(front->dev->nodename, "mtu", 0);

	if (mtu >= front->netdev->min_mtu && mtu <= front->netdev->max_mtu)
		front->netdev->mtu = mtu;
}

static unsigned int choose_queues(struct netfront *front)
{
	unsigned int theirs = xenbus_read_unsigned(front->dev->otherend, "multi-queue-max-queues", 1);

	return clamp(theirs, 1u, netfront_max_queues);
}

/* The queues as the network stack sees them; the caller holds the RTNL. */
static void attach_queues(struct netfront *front)
{
	unsigned int i;

	netif_set_real_num_tx_queues(front->netdev, front->nr_queues);
	netif_set_real_num_rx_queues(front->netdev, front->nr_queues);
	for (i = 0; i < front->nr_queues; i++)
		rcu_assign_pointer(front->queues[i].xdp_prog, front->xdp_prog);
	front->nr_groups = 0;
	front->connected = true;
	if (netif_running(front->netdev))
		netfront_start_queues(front);
	netif_carrier_on(front->netdev);
}

static int attach(struct netfront *front)
{
	int rc = 0;

	rtnl_lock();
	if (!front->registered) {
		front->netdev->max_mtu = front->offers & NETIF_F_SG ? XEN_NETIF_MAX_TX_SIZE - VLAN_ETH_HLEN : ETH_DATA_LEN;
		read_mtu(front);
		front->netdev->features |= front->netdev->hw_features & front->offers;
		rc = register_netdevice(front->netdev);
		front->registered = !rc;
	}
	if (!rc) {
		attach_queues(front);
		netdev_update_features(front->netdev);
	}
	rtnl_unlock();
	return rc;
}

static int connect(struct netfront *front)
{
	struct xenbus_device *dev = front->dev;
	int rc;

	if (!xenbus_read_unsigned(dev->otherend, "feature-rx-copy", 0)) {
		xenolith_bus_fault(dev, -EINVAL, "the backend has no feature-rx-copy, without which nothing works");
		return -EINVAL;
	}
	rc = read_address(front);
	if (rc) {
		xenolith_bus_fault(dev, rc, "no valid address in %s/mac", dev->nodename);
		return rc;
	}
	read_offers(front);
	rc = netfront_make_queues(front, choose_queues(front),
				  xenbus_read_unsigned(dev->otherend, "feature-split-event-channels", 0));
	if (rc) {
		xenbus_dev_fatal(dev, rc, "making the queues");
		return rc;
	}
	rc = netfront_control_make(front) ?: publish(front) ?: attach(front);
	if (rc) {
		netfront_control_free(front);
		netfront_free_queues(front);
		xenbus_dev_fatal(dev, rc, "connecting");
	}
	return rc;
}

void netfront_disconnect(struct netfront *front)
{
	if (!front->nr_queues)
		return;
	rtnl_lock();
	if (front->connected) {
		netif_carrier_off(front->netdev);
		if (netif_running(front->netdev))
			netfront_stop_queues(front);
		front->connected = false;
		synchronize_net();
	}
	rtnl_unlock();
	netfront_control_free(front);
	netfront_free_queues(front);
}

/* A backend that waits for us: at first, or again after it had gone. */
static void backend_waits(struct netfront *front)
{
	if (front->dev->state == XenbusStateClosed) {
		clear_bit(0, &front->broken);
		xenbus_switch_state(front->dev, XenbusStateInitialising);
	}
	if (front->dev->state != XenbusStateInitialising)
		return;
	netfront_disconnect(front);
	if (!connect(front))
		xenbus_switch_state(front->dev, XenbusStateConnected);
}

void netfront_backend_changed(struct xenbus_device *dev, enum xenbus_state state)
{
	struct netfront *front = dev_get_drvdata(&dev->dev);

	mutex_lock(&front->lock);
	switch (state) {
	case XenbusStateInitWait:
		backend_waits(front);
		break;
	case XenbusStateConnected:
		netdev_notify_peers(front->netdev);
		netfront_control_connected(front);
		break;
	case XenbusStateClosed:
		if (dev->state == XenbusStateClosed)
			break;
		fallthrough;
	case XenbusStateClosing:
		if (xenolith_backend_is_late(dev))
			break;
		netfront_disconnect(front);
		xenbus_frontend_closed(dev);
		break;
	default:
		break;
	}
	mutex_unlock(&front->lock);
}

// SPDX-License-Identifier: GPL-2.0-only
/* What a frontend wrote, and the interface's queues made from it. */
#include <linux/rtnetlink.h>

#include "netback.h"

static int read_number(const char *folder, const char *node, unsigned int *to)
{
	return xenbus_scanf(XBT_NIL, folder, node, "%u", to) == 1 ? 0 : -ENOENT;
}

static int read_ports(const char *folder, struct netback_queue_nodes *n)
{
	if (!read_number(folder, "event-channel-tx", &n->tx_port))
		return read_number(folder, "event-channel-rx", &n->rx_port);
	if (read_number(folder, "event-channel", &n->tx_port))
		return -ENOENT;
	n->rx_port = n->tx_port;
	return 0;
}

static int read_queue(const char *folder, struct netback_queue_nodes *n)
{
	if (read_number(folder, "tx-ring-ref", &n->tx_ref) || read_number(folder, "rx-ring-ref", &n->rx_ref))
		return -ENOENT;
	return read_ports(folder, n);
}

static void read_features(struct netback *nb)
{
	const char *front = nb->dev->otherend;

	nb->offers = xenbus_read_unsigned(front, "feature-no-csum-offload", 0) ? 0 : NETIF_F_IP_CSUM;
	if (xenbus_read_unsigned(front, "feature-ipv6-csum-offload", 0))
		nb->offers |= NETIF_F_IPV6_CSUM;
	if (xenbus_read_unsigned(front, "feature-sg", 0))
		nb->offers |= NETIF_F_SG;
	if (xenbus_read_unsigned(front, "feature-gso-tcpv4", 0))
		nb->offers |= NETIF_F_TSO;
	if (xenbus_read_unsigned(front, "feature-gso-tcpv6", 0))
		nb->offers |= NETIF_F_TSO6;
	nb->multicast_control = xenbus_read_unsigned(front, "request-multicast-control", 0);
	nb->nr_groups = 0;
}

/* The toolstack's "bytes,microseconds"; nothing, or nonsense, is no limit. */
static void read_rate(struct netback *nb)
{
	unsigned int bytes, usecs;

	nb->rate = (struct netback_rate){ 0 };
	if (xenbus_scanf(XBT_NIL, nb->dev->nodename, "rate", "%u,%u", &bytes, &usecs) == 2 && bytes && usecs)
		nb->rate = (struct netback_rate){ bytes, usecs };
}

void netback_read_headroom(struct netback *nb)
{
	unsigned int headroom = xenbus_read_unsigned(nb->dev->otherend, "xdp-headroom", 0);

	if (headroom > XEN_NETIF_MAX_XDP_HEADROOM)
		headroom = 0;
	rtnl_lock();
	WRITE_ONCE(nb->xdp_headroom, headroom);
	netdev_update_features(nb->netdev);
	rtnl_unlock();
}

static int make_queue(struct netback *nb, unsigned int index)
{
	struct netback_queue *queue = &nb->queues[index];
	struct netback_queue_nodes nodes;
	char *folder;
	int rc;

	if (nb->nr_queues == 1)
		folder = kstrdup(nb->dev->otherend, GFP_KERNEL);
	else
		folder = kasprintf(GFP_KERNEL, "%s/queue-%u", nb->dev->otherend, index);
	if (!folder)
		return -ENOMEM;
	queue->nb = nb;
	queue->index = index;
	rc = read_queue(folder, &nodes) ?: netback_queue_make(queue, &nodes);
	kfree(folder);
	return rc;
}

static void free_queues(struct netback *nb)
{
	struct netback_queue *queues = nb->queues;
	unsigned int i, nr = nb->nr_queues;
	struct rtnl_link_stats64 sum;

	netback_ops.ndo_get_stats64(nb->netdev, &sum);
	spin_lock(&nb->stats_lock);
	nb->past = sum;
	nb->queues = NULL;
	nb->nr_queues = 0;
	spin_unlock(&nb->stats_lock);
	for (i = 0; i < nr; i++)
		netback_queue_free(&queues[i]);
	kvfree(queues);
}

static int make_queues(struct netback *nb, unsigned int nr)
{
	unsigned int i;
	int rc = 0;

	nb->queues = kvcalloc(nr, sizeof(*nb->queues), GFP_KERNEL);
	if (!nb->queues)
		return -ENOMEM;
	nb->nr_queues = nr;
	for (i = 0; !rc && i < nr; i++)
		rc = make_queue(nb, i);
	return rc;
}

static void attach(struct netback *nb)
{
	rtnl_lock();
	netif_set_real_num_tx_queues(nb->netdev, nb->nr_queues);
	netif_set_real_num_rx_queues(nb->netdev, nb->nr_queues);
	if (!(nb->offers & NETIF_F_SG) && nb->netdev->mtu > ETH_DATA_LEN)
		dev_set_mtu(nb->netdev, ETH_DATA_LEN);
	nb->netdev->max_mtu = nb->offers & NETIF_F_SG ? ETH_MAX_MTU - VLAN_ETH_HLEN : ETH_DATA_LEN;
	nb->connected = true;
	netdev_update_features(nb->netdev);
	if (netif_running(nb->netdev))
		netback_start_queues(nb);
	netif_carrier_on(nb->netdev);
	rtnl_unlock();
}

static int connect_control(struct netback *nb)
{
	grant_ref_t ref;
	evtchn_port_t port;

	if (read_number(nb->dev->otherend, "ctrl-ring-ref", &ref) || read_number(nb->dev->otherend, "event-channel-ctrl", &port))
		return 0;
	return netback_control_connect(nb, ref, port);
}

int netback_connect(struct netback *nb)
{
	unsigned int nr = xenbus_read_unsigned(nb->dev->otherend, "multi-queue-num-queues", 1);
	int rc;

	if (!nr || nr > netback_max_queues) {
		xenolith_bus_fault(nb->dev, -EINVAL, "the frontend wants %u queues, at most %u were offered", nr,
				   netback_max_queues);
		return -EINVAL;
	}
	if (!xenbus_read_unsigned(nb->dev->otherend, "request-rx-copy", 0)) {
		xenolith_bus_fault(nb->dev, -EOPNOTSUPP, "the frontend does not set request-rx-copy; nothing else is possible");
		return -EOPNOTSUPP;
	}
	read_features(nb);
	read_rate(nb);
	netback_read_headroom(nb);
	rc = make_queues(nb, nr) ?: connect_control(nb);
	if (rc) {
		if (nb->queues)
			free_queues(nb);
		xenolith_bus_fault(nb->dev, rc, "connecting to the rings and event channels that %s names", nb->dev->otherend);
		return rc;
	}
	attach(nb);
	return 0;
}

void netback_disconnect(struct netback *nb)
{
	if (!nb->connected)
		return;
	netback_control_disconnect(nb);
	rtnl_lock();
	netif_carrier_off(nb->netdev);
	if (netif_running(nb->netdev))
		netback_stop_queues(nb);
	nb->connected = false;
	synchronize_net();
	rtnl_unlock();
	free_queues(nb);
}

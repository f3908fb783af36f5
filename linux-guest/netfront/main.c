// SPDX-License-Identifier: GPL-2.0-only
/* The interface and the driver: see netfront.h. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "netfront.h"

unsigned int netfront_max_queues;
module_param_named(max_queues, netfront_max_queues, uint, 0644);
MODULE_PARM_DESC(max_queues, "Most queues of an interface; 0, the default: one for each CPU, at most 8");

bool netfront_trusts_backends = true;
module_param_named(trusted, netfront_trusts_backends, bool, 0644);
MODULE_PARM_DESC(trusted, "Backends may see what else is in the page of a packet (default); else packets are copied");

#define DEFAULT_QUEUES	8u
#define CLOSE_TRIES	500	/* of 10 ms */

/* Ask for an event for what comes next. true: it is there already. */
static bool more_to_do(struct netfront_queue *queue)
{
	queue->rx.sring->rsp_event = queue->rx_seen + 1;
	virt_mb(); /* the backend reads rsp_event after it has written rsp_prod: one of us sees the other's */
	return READ_ONCE(queue->rx.sring->rsp_prod) != queue->rx_seen ||
	       READ_ONCE(queue->tx.sring->rsp_prod) != queue->tx.rsp_cons;
}

static void end_of_work(struct netfront_queue *queue)
{
	netif_channels_eoi(queue->channels, ARRAY_SIZE(queue->channels), queue->worked);
	queue->worked = false;
}

int netfront_poll(struct napi_struct *napi, int budget)
{
	struct netfront_queue *queue = container_of(napi, struct netfront_queue, napi);
	int work = 0;

	if (unlikely(test_bit(0, &queue->front->broken))) {
		napi_complete(napi);
		return 0;
	}
	queue->polling = true;
	if (netfront_tx_clean(queue, budget))
		queue->worked = true;
	if (budget)
		work = netfront_rx_clean(queue, budget);
	netfront_xdp_flush(queue);
	netfront_tx_push_polled(queue);
	if (work)
		queue->worked = true;
	if (work == budget || !napi_complete_done(napi, work))
		return work;
	if (more_to_do(queue) && napi_schedule_prep(napi))
		__napi_schedule(napi);
	else
		end_of_work(queue);
	return work;
}

void netfront_start_queues(struct netfront *front)
{
	unsigned int i;

	for (i = 0; i < front->nr_queues; i++) {
		struct netfront_queue *queue = &front->queues[i];

		local_bh_disable();
		netfront_rx_fill(queue);
		napi_enable(&queue->napi);
		napi_schedule(&queue->napi);
		local_bh_enable();
	}
	netif_tx_start_all_queues(front->netdev);
}

void netfront_stop_queues(struct netfront *front)
{
	unsigned int i;

	for (i = 0; i < front->nr_queues; i++) {
		napi_disable(&front->queues[i].napi);
		del_timer_sync(&front->queues[i].rx_retry);
	}
	netif_tx_disable(front->netdev);	/* last: NAPI that finds room lets the stack go on sending */
}

static int netfront_open(struct net_device *netdev)
{
	struct netfront *front = netdev_priv(netdev);

	if (front->connected)
		netfront_start_queues(front);
	return 0;
}

static int netfront_stop(struct net_device *netdev)
{
	struct netfront *front = netdev_priv(netdev);

	if (front->connected)
		netfront_stop_queues(front);
	return 0;
}

static void netfront_get_stats(struct net_device *netdev, struct rtnl_link_stats64 *to)
{
	struct netfront *front = netdev_priv(netdev);
	unsigned int i;

	spin_lock(&front->stats_lock);
	*to = front->past;
	for (i = 0; i < front->nr_queues; i++) {
		const struct netfront_queue *q = &front->queues[i];

		netif_add_counters(&q->tx_stats, &to->tx_packets, &to->tx_bytes);
		netif_add_counters(&q->rx_stats, &to->rx_packets, &to->rx_bytes);
		to->tx_dropped += q->tx_stats.dropped;
		to->tx_errors += q->tx_stats.errors;
		to->rx_dropped += q->rx_stats.dropped;
		to->rx_errors += q->rx_stats.errors;
	}
	spin_unlock(&front->stats_lock);
}

static netdev_features_t netfront_fix_features(struct net_device *netdev, netdev_features_t features)
{
	struct netfront *front = netdev_priv(netdev);

	return features & ~(netdev->hw_features & ~front->offers);
}

/* The kernel changes segmentation for headers that a backend could not follow. */
static netdev_features_t netfront_features_check(struct sk_buff *skb, struct net_device *netdev, netdev_features_t features)
{
	return vlan_features_check(skb, features);
}

static u16 netfront_select_queue(struct net_device *netdev, struct sk_buff *skb, struct net_device *sb)
{
	unsigned int nr = netdev->real_num_tx_queues;

	return nr == 1 ? 0 : reciprocal_scale(skb_get_hash(skb), nr);
}

static int netfront_change_mtu(struct net_device *netdev, int mtu)
{
	struct netfront *front = netdev_priv(netdev);

	if (front->xdp_prog && mtu > NETFRONT_XDP_MTU)
		return -EINVAL;
	netdev->mtu = mtu;
	return 0;
}

static void netfront_set_rx_mode(struct net_device *netdev)
{
	struct netfront *front = netdev_priv(netdev);

	if (front->connected && front->multicast_control)
		netfront_tx_multicast(front);
}

const struct net_device_ops netfront_ops = {
	.ndo_open		= netfront_open,
	.ndo_stop		= netfront_stop,
	.ndo_start_xmit		= netfront_xmit,
	.ndo_select_queue	= netfront_select_queue,
	.ndo_change_mtu		= netfront_change_mtu,
	.ndo_get_stats64	= netfront_get_stats,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_fix_features	= netfront_fix_features,
	.ndo_features_check	= netfront_features_check,
	.ndo_set_rx_mode	= netfront_set_rx_mode,
	.ndo_bpf		= netfront_bpf,
	.ndo_xdp_xmit		= netfront_xdp_xmit,
};

static void fault_work(struct work_struct *work)
{
	struct netfront *front = container_of(work, struct netfront, fault_work);

	mutex_lock(&front->lock);
	if (test_bit(0, &front->broken)) {	/* else the backend has begun anew meanwhile */
		netfront_disconnect(front);
		xenbus_switch_state(front->dev, XenbusStateClosing);
		xenbus_switch_state(front->dev, XenbusStateClosed);
	}
	mutex_unlock(&front->lock);
}

void netfront_fault(struct netfront *front, const char *what)
{
	if (test_and_set_bit(0, &front->broken))
		return;
	if (xenolith_may_say())
		dev_err(&front->dev->dev, "%s: the backend broke the protocol, disconnected: %s\n", front->netdev->name, what);
	netif_carrier_off(front->netdev);
	schedule_work(&front->fault_work);
}

static struct net_device *make_netdev(struct xenbus_device *dev)
{
	struct net_device *netdev = alloc_etherdev_mq(sizeof(struct netfront), netfront_max_queues);
	struct netfront *front;

	if (!netdev)
		return NULL;
	front = netdev_priv(netdev);
	front->netdev = netdev;
	front->dev = dev;
	mutex_init(&front->lock);
	spin_lock_init(&front->stats_lock);
	INIT_WORK(&front->fault_work, fault_work);
	netdev->netdev_ops = &netfront_ops;
	netdev->ethtool_ops = &netfront_ethtool_ops;
	netdev->hw_features = NETIF_F_SG | NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM | NETIF_F_TSO | NETIF_F_TSO6;
	netdev->features = NETIF_F_RXCSUM | NETIF_F_RXHASH;
	netdev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	netdev->min_mtu = ETH_MIN_MTU;
	compat_xdp_features(netdev);
	SET_NETDEV_DEV(netdev, &dev->dev);
	netif_carrier_off(netdev);
	return netdev;
}

static int netfront_probe(struct xenbus_device *dev, const struct xenbus_device_id *id)
{
	struct net_device *netdev = make_netdev(dev);

	if (!netdev) {
		xenbus_dev_fatal(dev, -ENOMEM, "making the interface");
		return -ENOMEM;
	}
	dev_set_drvdata(&dev->dev, netdev_priv(netdev));
	return xenbus_switch_state(dev, XenbusStateInitialising);
}

/* A backend that sends us something finds our pages gone if it did not stop before; but it is not waited for forever. */
static void ask_to_stop(struct xenbus_device *dev)
{
	unsigned int tries;

	xenbus_switch_state(dev, XenbusStateClosing);
	for (tries = 0; tries < CLOSE_TRIES; tries++) {
		enum xenbus_state state = xenbus_read_driver_state(dev->otherend);

		if (state == XenbusStateClosing || state == XenbusStateClosed || state == XenbusStateUnknown)
			break;
		msleep(10);
	}
}

static void netfront_remove(struct xenbus_device *dev)
{
	struct netfront *front = dev_get_drvdata(&dev->dev);

	if (front->connected && dev->state == XenbusStateConnected)
		ask_to_stop(dev);
	mutex_lock(&front->lock);
	netfront_disconnect(front);
	mutex_unlock(&front->lock);
	cancel_work_sync(&front->fault_work);	/* after the last that may order it */
	if (front->registered)
		unregister_netdev(front->netdev);
	free_netdev(front->netdev);
}

/* In a new place: rings, channels and grants of the old one are gone. */
static int netfront_resume(struct xenbus_device *dev)
{
	struct netfront *front = dev_get_drvdata(&dev->dev);

	mutex_lock(&front->lock);
	netfront_disconnect(front);
	mutex_unlock(&front->lock);
	cancel_work_sync(&front->fault_work);
	clear_bit(0, &front->broken);
	return xenbus_switch_state(dev, XenbusStateInitialising);
}

static const struct xenbus_device_id netfront_ids[] = { { "vif" }, { "" } };

static struct xenbus_driver netfront_driver = {
	.ids			= netfront_ids,
	.probe			= netfront_probe,
	.remove			= netfront_remove,
	.resume			= netfront_resume,
	.otherend_changed	= netfront_backend_changed,
};

static int __init netfront_init(void)
{
	if (!xen_domain() || !xen_has_pv_nic_devices())
		return -ENODEV;
	if (!netfront_max_queues)
		netfront_max_queues = min(DEFAULT_QUEUES, num_online_cpus());
	netfront_max_queues = min_t(unsigned int, netfront_max_queues, MAX_QUEUES);
	return xenbus_register_frontend(&netfront_driver);
}
module_init(netfront_init);

static void __exit netfront_exit(void)
{
	xenbus_unregister_driver(&netfront_driver);
}
module_exit(netfront_exit);

MODULE_DESCRIPTION("Network frontend for Xen domains");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);
MODULE_ALIAS("xen:vif");
MODULE_ALIAS("xennet");

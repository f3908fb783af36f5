// SPDX-License-Identifier: GPL-2.0-only
/* The interface: see netback.h. */
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "netback.h"

unsigned int netback_max_queues;
module_param_named(max_queues, netback_max_queues, uint, 0644);
MODULE_PARM_DESC(max_queues, "Most queues of an interface; 0, the default: one for each CPU");

static void end_of_work(struct netback_queue *queue)
{
	netif_channels_eoi(queue->channels, ARRAY_SIZE(queue->channels), queue->worked);
	queue->worked = false;
}

int netback_poll(struct napi_struct *napi, int budget)
{
	struct netback_queue *queue = container_of(napi, struct netback_queue, napi);
	int work;

	if (unlikely(test_bit(0, &queue->nb->broken))) {
		napi_complete(napi);
		return 0;
	}
	queue->polling = true;
	if (netback_rx_wake(queue))
		queue->worked = true;
	work = netback_tx_work(queue, budget);
	netback_xdp_flush(queue);
	netback_rx_flush_polled(queue);
	if (work)
		queue->worked = true;
	if (work == budget || !napi_complete_done(napi, work))
		return work;
	if (netback_tx_arm(queue) && napi_schedule_prep(napi))
		__napi_schedule(napi);
	else
		end_of_work(queue);
	return work;
}

void netback_start_queues(struct netback *nb)
{
	unsigned int i;

	for (i = 0; i < nb->nr_queues; i++) {
		struct netback_queue *queue = &nb->queues[i];

		queue->stalled = false;
		local_bh_disable();
		napi_enable(&queue->napi);
		napi_schedule(&queue->napi);
		local_bh_enable();
	}
	netif_tx_start_all_queues(nb->netdev);
}

void netback_stop_queues(struct netback *nb)
{
	unsigned int i;

	/* First what lets the stack go on sending: NAPI that found buffers, and the timer that waited for some. */
	for (i = 0; i < nb->nr_queues; i++) {
		napi_disable(&nb->queues[i].napi);
		del_timer_sync(&nb->queues[i].credit_timer);
		del_timer_sync(&nb->queues[i].stall_timer);
	}
	netif_tx_disable(nb->netdev);
	/* A packet sent meanwhile may have set it again; with the carrier off it starts nothing. */
	for (i = 0; i < nb->nr_queues; i++)
		del_timer_sync(&nb->queues[i].stall_timer);
}

static int netback_open(struct net_device *netdev)
{
	struct netback *nb = netdev_priv(netdev);

	if (nb->connected)
		netback_start_queues(nb);
	return 0;
}

static int netback_stop(struct net_device *netdev)
{
	struct netback *nb = netdev_priv(netdev);

	if (nb->connected)
		netback_stop_queues(nb);
	return 0;
}

static void netback_get_stats(struct net_device *netdev, struct rtnl_link_stats64 *to)
{
	struct netback *nb = netdev_priv(netdev);
	unsigned int i;

	spin_lock(&nb->stats_lock);
	*to = nb->past;
	for (i = 0; i < nb->nr_queues; i++) {
		const struct netif_counters *in = &nb->queues[i].tx_stats.counters, *out = &nb->queues[i].rx_stats.counters;

		netif_add_counters(in, &to->rx_packets, &to->rx_bytes);
		netif_add_counters(out, &to->tx_packets, &to->tx_bytes);
		to->rx_dropped += in->dropped;
		to->rx_errors += in->errors;
		to->tx_dropped += out->dropped;
	}
	spin_unlock(&nb->stats_lock);
}

/* No segmentation offload while the frontend runs a program: that wants one buffer for a packet. */
static netdev_features_t netback_fix_features(struct net_device *netdev, netdev_features_t features)
{
	struct netback *nb = netdev_priv(netdev);

	features &= ~(netdev->hw_features & ~nb->offers);
	if (nb->xdp_headroom)
		features &= ~(NETIF_F_TSO | NETIF_F_TSO6);
	return features;
}

static u16 netback_select_queue(struct net_device *netdev, struct sk_buff *skb, struct net_device *sb)
{
	struct netback *nb = netdev_priv(netdev);
	unsigned int nr = netdev->real_num_tx_queues;
	u16 queue;
	u32 hash;
	u8 type;

	if (rcu_access_pointer(nb->hash) && netback_hash_skb(nb, skb, &hash, &type, &queue))
		return queue < nr ? queue : 0;
	return nr == 1 ? 0 : reciprocal_scale(skb_get_hash(skb), nr);
}

const struct net_device_ops netback_ops = {
	.ndo_open		= netback_open,
	.ndo_stop		= netback_stop,
	.ndo_start_xmit		= netback_xmit,
	.ndo_select_queue	= netback_select_queue,
	.ndo_get_stats64	= netback_get_stats,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_fix_features	= netback_fix_features,
	.ndo_bpf		= netback_bpf,
	.ndo_xdp_xmit		= netback_xdp_xmit,
};

static void fault_work(struct work_struct *work)
{
	struct netback *nb = container_of(work, struct netback, fault_work);

	mutex_lock(&nb->lock);
	if (test_bit(0, &nb->broken)) {		/* else the frontend has begun anew meanwhile */
		netback_disconnect(nb);
		if (nb->dev->state != XenbusStateClosed)
			xenbus_switch_state(nb->dev, XenbusStateClosing);
	}
	mutex_unlock(&nb->lock);
}

void netback_fault(struct netback *nb, const char *what)
{
	if (test_and_set_bit(0, &nb->broken))
		return;
	if (xenolith_may_say())
		netdev_err(nb->netdev, "domain %u broke the protocol, disconnected: %s\n", nb->domid, what);
	netif_carrier_off(nb->netdev);
	schedule_work(&nb->fault_work);
}

static void setup(struct net_device *netdev, struct xenbus_device *dev)
{
	static const u8 address[ETH_ALEN] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };

	netdev->netdev_ops = &netback_ops;
	netdev->ethtool_ops = &netback_ethtool_ops;
	netdev->hw_features = NETIF_F_SG | NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM | NETIF_F_TSO | NETIF_F_TSO6;
	netdev->features = netdev->hw_features | NETIF_F_RXCSUM;
	netdev->min_mtu = ETH_MIN_MTU;
	netdev->max_mtu = ETH_MAX_MTU - VLAN_ETH_HLEN;
	/* The lowest priority that a bridge knows: it must not take its own address from a guest's. */
	eth_hw_addr_set(netdev, address);
	compat_xdp_features(netdev);
	SET_NETDEV_DEV(netdev, &dev->dev);
	netif_carrier_off(netdev);
}

struct netback *netback_create(struct xenbus_device *dev, domid_t domid, unsigned int handle)
{
	struct net_device *netdev;
	struct netback *nb;
	char name[IFNAMSIZ];
	int rc;

	snprintf(name, sizeof(name), "vif%u.%u", domid, handle);
	netdev = alloc_netdev_mq(sizeof(*nb), name, NET_NAME_UNKNOWN, ether_setup, netback_max_queues);
	if (!netdev)
		return ERR_PTR(-ENOMEM);
	nb = netdev_priv(netdev);
	nb->netdev = netdev;
	nb->dev = dev;
	nb->domid = domid;
	nb->handle = handle;
	nb->offers = netdev->hw_features;
	mutex_init(&nb->lock);
	spin_lock_init(&nb->stats_lock);
	spin_lock_init(&nb->group_lock);
	INIT_WORK(&nb->fault_work, fault_work);
	setup(netdev, dev);
	nb->offers = netdev->hw_features;
	rc = register_netdev(netdev);
	if (rc) {
		free_netdev(netdev);
		return ERR_PTR(rc);
	}
	return nb;
}

void netback_destroy(struct netback *nb)
{
	mutex_lock(&nb->lock);
	netback_disconnect(nb);
	mutex_unlock(&nb->lock);
	cancel_work_sync(&nb->fault_work);	/* after the last that may order it */
	unregister_netdev(nb->netdev);
	free_netdev(nb->netdev);
}

static int __init netback_init(void)
{
	if (!xen_domain())
		return -ENODEV;
	if (!netback_max_queues)
		netback_max_queues = num_online_cpus();
	netback_max_queues = min_t(unsigned int, netback_max_queues, MAX_QUEUES);
	return netback_bus_init();
}
module_init(netback_init);

static void __exit netback_exit(void)
{
	netback_bus_exit();
}
module_exit(netback_exit);

MODULE_DESCRIPTION("Network backend for Xen domains");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);
MODULE_ALIAS("xen-backend:vif");

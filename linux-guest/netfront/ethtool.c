// SPDX-License-Identifier: GPL-2.0-only
/* What ethtool asks: the driver's name, and counters of each queue; and what it sets: how packets are spread over them. */
#include <linux/ethtool.h>

#include "netfront.h"

static const char * const names[] = {
	"tx_packets", "tx_bytes", "tx_dropped", "tx_errors", "tx_ring_full",
	"rx_packets", "rx_bytes", "rx_dropped", "rx_errors", "events",
};

#define NR_COUNTERS	ARRAY_SIZE(names)

/* Queues go only after the interface is no longer connected, which changes under the RTNL: that is held here. */
static unsigned int nr_queues(const struct netfront *front)
{
	return front->connected ? front->nr_queues : 0;
}

static int get_count(struct net_device *netdev, int set)
{
	return set == ETH_SS_STATS ? nr_queues(netdev_priv(netdev)) * NR_COUNTERS : -EOPNOTSUPP;
}

static void get_names(struct net_device *netdev, u32 set, u8 *to)
{
	struct netfront *front = netdev_priv(netdev);
	unsigned int q, i;

	if (set != ETH_SS_STATS)
		return;
	for (q = 0; q < nr_queues(front); q++)
		for (i = 0; i < NR_COUNTERS; i++)
			ethtool_sprintf(&to, "queue_%u_%s", q, names[i]);
}

static u64 *put_queue(const struct netfront_queue *queue, u64 *to)
{
	const struct netif_counters *tx = &queue->tx_stats, *rx = &queue->rx_stats;

	*to++ = u64_stats_read(&tx->packets);
	*to++ = u64_stats_read(&tx->bytes);
	*to++ = tx->dropped;
	*to++ = tx->errors;
	*to++ = queue->tx_full;
	*to++ = u64_stats_read(&rx->packets);
	*to++ = u64_stats_read(&rx->bytes);
	*to++ = rx->dropped;
	*to++ = rx->errors;
	*to++ = queue->channels[0].events + queue->channels[1].events;
	return to;
}

static void get_counters(struct net_device *netdev, struct ethtool_stats *stats, u64 *to)
{
	struct netfront *front = netdev_priv(netdev);
	unsigned int q;

	for (q = 0; q < nr_queues(front); q++)
		to = put_queue(&front->queues[q], to);
}

static void get_driver(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	struct netfront *front = netdev_priv(netdev);

	strscpy(info->driver, "vif", sizeof(info->driver));
	strscpy(info->bus_info, dev_name(&front->dev->dev), sizeof(info->bus_info));
}

static void get_channels(struct net_device *netdev, struct ethtool_channels *c)
{
	c->max_combined = netdev->num_tx_queues;
	c->combined_count = netdev->real_num_tx_queues;
}

static int get_rings(struct net_device *netdev, struct ethtool_rxnfc *info, u32 *rules)
{
	if (info->cmd != ETHTOOL_GRXRINGS)
		return -EOPNOTSUPP;
	info->data = netdev->real_num_rx_queues;
	return 0;
}

COMPAT_DEFINE_RXFH(hash, netfront_get_hash, netfront_set_hash)

const struct ethtool_ops netfront_ethtool_ops = {
	.get_drvinfo		= get_driver,
	.get_link		= ethtool_op_get_link,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_sset_count		= get_count,
	.get_strings		= get_names,
	.get_ethtool_stats	= get_counters,
	.get_channels		= get_channels,
	.get_rxnfc		= get_rings,
	.get_rxfh_indir_size	= netfront_hash_size,
	.get_rxfh_key_size	= netfront_hash_key_size,
	.get_rxfh		= hash_get,
	.set_rxfh		= hash_set,
};

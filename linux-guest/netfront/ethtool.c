// SPDX-License-Identifier: GPL-2.0-only
/* What ethtool asks: the driver's name, and counters of each queue. */
#include <linux/ethtool.h>

#include "netfront.h"

static const char * const names[] = {
	"tx_packets", "tx_bytes", "tx_dropped", "tx_errors", "tx_ring_full",
	"rx_packets", "rx_bytes", "rx_dropped", "rx_errors", "events",
};

#define NR_COUNTERS	ARRAY_SIZE(names)

static int get_count(struct net_device *netdev, int set)
{
	struct netfront *front = netdev_priv(netdev);

	return set == ETH_SS_STATS ? netdev->real_num_tx_queues * NR_COUNTERS * (front->nr_queues ? 1 : 0) : -EOPNOTSUPP;
}

static void get_names(struct net_device *netdev, u32 set, u8 *to)
{
	struct netfront *front = netdev_priv(netdev);
	unsigned int q, i;

	if (set != ETH_SS_STATS)
		return;
	for (q = 0; q < front->nr_queues; q++)
		for (i = 0; i < NR_COUNTERS; i++)
			ethtool_sprintf(&to, "queue_%u_%s", q, names[i]);
}

static u64 *put_queue(const struct netfront_queue *queue, u64 *to)
{
	const struct netfront_stats *tx = &queue->tx_stats, *rx = &queue->rx_stats;

	*to++ = u64_stats_read(&tx->packets);
	*to++ = u64_stats_read(&tx->bytes);
	*to++ = tx->dropped;
	*to++ = tx->errors;
	*to++ = tx->full;
	*to++ = u64_stats_read(&rx->packets);
	*to++ = u64_stats_read(&rx->bytes);
	*to++ = rx->dropped;
	*to++ = rx->errors;
	*to++ = rx->events;
	return to;
}

static void get_counters(struct net_device *netdev, struct ethtool_stats *stats, u64 *to)
{
	struct netfront *front = netdev_priv(netdev);
	unsigned int q;

	for (q = 0; q < front->nr_queues; q++)
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

const struct ethtool_ops netfront_ethtool_ops = {
	.get_drvinfo		= get_driver,
	.get_link		= ethtool_op_get_link,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_sset_count		= get_count,
	.get_strings		= get_names,
	.get_ethtool_stats	= get_counters,
	.get_channels		= get_channels,
};

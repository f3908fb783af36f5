// SPDX-License-Identifier: GPL-2.0-only
/* What ethtool asks: the driver's name, and counters of each queue. */
#include <linux/ethtool.h>

#include "netback.h"

static const char * const names[] = {
	"rx_packets", "rx_bytes", "rx_dropped", "rx_errors", "rx_batches", "rx_notified",
	"tx_packets", "tx_bytes", "tx_dropped", "tx_batches", "tx_notified", "tx_ring_full", "events",
};

#define NR_COUNTERS	ARRAY_SIZE(names)

/* Queues go only after the interface is no longer connected, which changes under the RTNL: that is held here. */
static unsigned int nr_queues(const struct netback *nb)
{
	return nb->connected ? nb->nr_queues : 0;
}

static int get_count(struct net_device *netdev, int set)
{
	return set == ETH_SS_STATS ? nr_queues(netdev_priv(netdev)) * NR_COUNTERS : -EOPNOTSUPP;
}

static void get_names(struct net_device *netdev, u32 set, u8 *to)
{
	struct netback *nb = netdev_priv(netdev);
	unsigned int q, i;

	if (set != ETH_SS_STATS)
		return;
	for (q = 0; q < nr_queues(nb); q++)
		for (i = 0; i < NR_COUNTERS; i++)
			ethtool_sprintf(&to, "queue_%u_%s", q, names[i]);
}

/* In the words of this interface: it receives what the frontend transmits. */
static u64 *put_queue(const struct netback_queue *queue, u64 *to)
{
	const struct netback_stats *in = &queue->tx_stats, *out = &queue->rx_stats;

	*to++ = u64_stats_read(&in->counters.packets);
	*to++ = u64_stats_read(&in->counters.bytes);
	*to++ = in->counters.dropped;
	*to++ = in->counters.errors;
	*to++ = in->batches;
	*to++ = in->notified;
	*to++ = u64_stats_read(&out->counters.packets);
	*to++ = u64_stats_read(&out->counters.bytes);
	*to++ = out->counters.dropped;
	*to++ = out->batches;
	*to++ = out->notified;
	*to++ = out->stopped;
	*to++ = queue->channels[0].events + queue->channels[1].events;
	return to;
}

static void get_counters(struct net_device *netdev, struct ethtool_stats *stats, u64 *to)
{
	struct netback *nb = netdev_priv(netdev);
	unsigned int q;

	for (q = 0; q < nr_queues(nb); q++)
		to = put_queue(&nb->queues[q], to);
}

static void get_driver(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	struct netback *nb = netdev_priv(netdev);

	strscpy(info->driver, "vif", sizeof(info->driver));
	strscpy(info->bus_info, dev_name(&nb->dev->dev), sizeof(info->bus_info));
}

const struct ethtool_ops netback_ethtool_ops = {
	.get_drvinfo		= get_driver,
	.get_link		= ethtool_op_get_link,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_sset_count		= get_count,
	.get_strings		= get_names,
	.get_ethtool_stats	= get_counters,
};

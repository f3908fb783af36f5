/* SPDX-License-Identifier: GPL-2.0-only */
/* What compat.h is for, for the network drivers. */
#ifndef XENOLITH_COMPAT_NET_H
#define XENOLITH_COMPAT_NET_H

#include <linux/netdevice.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#include <net/page_pool/helpers.h>
#else
#include <net/page_pool.h>
#endif

/* Until 6.6 a page pool has to be told that parts of its pages are taken. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define COMPAT_POOL_PARTS 0
#else
#define COMPAT_POOL_PARTS PP_FLAG_PAGE_FRAG
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#define compat_do_xdp_generic(prog, skb) do_xdp_generic(prog, skb)
#else
#define compat_do_xdp_generic(prog, skb) do_xdp_generic(prog, *(skb))
#endif

/*
 * ethtool's functions NAME_get() and NAME_set() for a Toeplitz hash, from get(netdev, mapping, key) and set(netdev, mapping,
 * key): one structure of arguments since 6.8.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define COMPAT_DEFINE_RXFH(name, get, set)							\
static int name##_get(struct net_device *netdev, struct ethtool_rxfh_param *p)			\
{												\
	p->hfunc = ETH_RSS_HASH_TOP;								\
	return get(netdev, p->indir, p->key);							\
}												\
static int name##_set(struct net_device *netdev, struct ethtool_rxfh_param *p, struct netlink_ext_ack *ack) \
{												\
	if (p->hfunc != ETH_RSS_HASH_NO_CHANGE && p->hfunc != ETH_RSS_HASH_TOP)			\
		return -EOPNOTSUPP;								\
	return set(netdev, p->indir, p->key);							\
}
#else
#define COMPAT_DEFINE_RXFH(name, get, set)							\
static int name##_get(struct net_device *netdev, u32 *mapping, u8 *key, u8 *function)		\
{												\
	if (function)										\
		*function = ETH_RSS_HASH_TOP;							\
	return get(netdev, mapping, key);							\
}												\
static int name##_set(struct net_device *netdev, const u32 *mapping, const u8 *key, const u8 function) \
{												\
	if (function != ETH_RSS_HASH_NO_CHANGE && function != ETH_RSS_HASH_TOP)			\
		return -EOPNOTSUPP;								\
	return set(netdev, mapping, key);							\
}
#endif

/* Since 6.3 an interface says what its XDP can do. */
static inline void compat_xdp_features(struct net_device *netdev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	netdev->xdp_features = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT | NETDEV_XDP_ACT_NDO_XMIT;
#endif
}

#endif

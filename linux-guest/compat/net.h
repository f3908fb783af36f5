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

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#define compat_do_xdp_generic(prog, skb) do_xdp_generic(prog, skb)
#else
#define compat_do_xdp_generic(prog, skb) do_xdp_generic(prog, *(skb))
#endif

/* Since 6.3 an interface says what its XDP can do. */
static inline void compat_xdp_features(struct net_device *netdev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	netdev->xdp_features = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT | NETDEV_XDP_ACT_NDO_XMIT;
#endif
}

#endif

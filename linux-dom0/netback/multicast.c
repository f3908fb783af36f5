// SPDX-License-Identifier: GPL-2.0-only
/* The multicast groups that a frontend wants: it adds and removes them by extra information in its transmit ring. */
#include "netback.h"

static int find(const struct netback *nb, const u8 *address)
{
	unsigned int i;

	for (i = 0; i < nb->nr_groups; i++)
		if (ether_addr_equal(nb->groups[i], address))
			return i;
	return -ENOENT;
}

void netback_change_group(struct netback *nb, u8 type, const u8 *address)
{
	int at;

	spin_lock_bh(&nb->group_lock);
	at = find(nb, address);
	if (type == XEN_NETIF_EXTRA_TYPE_MCAST_DEL && at >= 0)
		ether_addr_copy(nb->groups[at], nb->groups[--nb->nr_groups]);
	else if (type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD && at < 0 && nb->nr_groups < MAX_GROUPS)
		ether_addr_copy(nb->groups[nb->nr_groups++], address);
	spin_unlock_bh(&nb->group_lock);
}

bool netback_wants(struct netback *nb, const u8 *address)
{
	bool wants;

	spin_lock_bh(&nb->group_lock);
	wants = nb->nr_groups == MAX_GROUPS || find(nb, address) >= 0;
	spin_unlock_bh(&nb->group_lock);
	return wants;
}

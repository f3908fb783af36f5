// SPDX-License-Identifier: GPL-2.0-only
/* Network interfaces over rtnetlink. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include "device.h"

#define BUFFER_BYTES 4096

/* Send one request that is acknowledged; 0 or -errno. */
static int talk(struct nlmsghdr *request)
{
	char buffer[BUFFER_BYTES];
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int rc = -1;
	ssize_t n;

	if (!s)
		return -errno;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	request->nlmsg_seq = 1;
	if (!mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) && mnl_socket_sendto(s, request, request->nlmsg_len) >= 0) {
		n = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
		if (n > 0)
			rc = mnl_cb_run(buffer, n, 1, mnl_socket_get_portid(s), NULL, NULL);
	}
	rc = rc < 0 ? -errno : 0;
	mnl_socket_close(s);
	return rc;
}

static struct nlmsghdr *link_request(char *buffer, const char *interface, bool up)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info;

	request->nlmsg_type = RTM_NEWLINK;
	info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = if_nametoindex(interface);
	if (up)
		info->ifi_change = info->ifi_flags = IFF_UP;
	return info->ifi_index ? request : NULL;
}

int bridge_join(const char *interface, const char *bridge, unsigned int mtu)
{
	char buffer[BUFFER_BYTES];
	struct nlmsghdr *request = link_request(buffer, interface, true);
	unsigned int master = bridge ? if_nametoindex(bridge) : 0;

	if (!request || (bridge && !master))
		return -ENODEV;
	if (bridge)
		mnl_attr_put_u32(request, IFLA_MASTER, master);
	if (mtu)
		mnl_attr_put_u32(request, IFLA_MTU, mtu);
	return talk(request);
}

int link_rename(const char *interface, const char *name)
{
	char buffer[BUFFER_BYTES];
	struct nlmsghdr *request = link_request(buffer, interface, false);

	if (!request)
		return -ENODEV;
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	return talk(request);
}

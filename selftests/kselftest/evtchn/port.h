/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/xen/evtchn: the calls, and channels whose both ends are in this domain. */
#ifndef PORT_H
#define PORT_H

#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/sys/evtchn.h>

#include "../node.h"

#define EVTCHN_NODE "/dev/xen/evtchn"

static inline int port_unbound(int fd, unsigned int domid)
{
	struct ioctl_evtchn_bind_unbound_port bind = { .remote_domain = domid };

	return ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
}

static inline int port_interdomain(int fd, unsigned int domid, unsigned int port)
{
	struct ioctl_evtchn_bind_interdomain bind = { .remote_domain = domid, .remote_port = port };

	return ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);
}

static inline int port_virq(int fd, unsigned int virq)
{
	struct ioctl_evtchn_bind_virq bind = { .virq = virq };

	return ioctl(fd, IOCTL_EVTCHN_BIND_VIRQ, &bind);
}

static inline int port_unbind(int fd, unsigned int port)
{
	struct ioctl_evtchn_unbind unbind = { .port = port };

	return ioctl(fd, IOCTL_EVTCHN_UNBIND, &unbind);
}

static inline int port_notify(int fd, unsigned int port)
{
	struct ioctl_evtchn_notify notify = { .port = port };

	return ioctl(fd, IOCTL_EVTCHN_NOTIFY, &notify);
}

static inline int port_restrict(int fd, domid_t domid)
{
	struct ioctl_evtchn_restrict_domid restrict_domid = { .domid = domid };

	return ioctl(fd, IOCTL_EVTCHN_RESTRICT_DOMID, &restrict_domid);
}

/* A channel from an end of one file to an end of another. */
static inline int port_pair(int fd_a, int fd_b, int *a, int *b)
{
	*a = port_unbound(fd_a, DOMID_SELF);
	if (*a < 0)
		return -1;
	*b = port_interdomain(fd_b, DOMID_SELF, *a);
	return *b < 0 ? -1 : 0;
}

static inline int port_readable(int fd, int milliseconds)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, milliseconds) == 1 && (pollfd.revents & POLLIN);
}

/* The next event, 0 when none comes in time. */
static inline unsigned int port_next(int fd, int milliseconds)
{
	evtchn_port_t port = 0;

	if (!port_readable(fd, milliseconds) || read(fd, &port, sizeof(port)) != sizeof(port))
		return 0;
	return port;
}

static inline int port_unmask(int fd, evtchn_port_t port)
{
	return write(fd, &port, sizeof(port)) == sizeof(port);
}

#endif

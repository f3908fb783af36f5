/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program wants to happen when shared pages are let go of: a byte becomes 0, an event is sent. The calls of
 * gntdev and gntalloc are the same but for their names: <xen/gntdev.h> or <xen/gntalloc.h>, whichever has it, comes first.
 */
#ifndef XENOLITH_UNMAP_NOTIFY_H
#define XENOLITH_UNMAP_NOTIFY_H

#include <linux/errno.h>
#include <linux/types.h>
#include <xenolith/event.h>

/**
 * struct unmap_notify - what is wanted; all 0: nothing
 * @action: UNMAP_NOTIFY_...
 * @offset: of the byte to clear
 * @port: to notify; a reference to it is held
 */
struct unmap_notify {
	u32 action;
	u64 offset;
	evtchn_port_t port;
};

/* unmap_notify_put() - it is not wanted any more */
static inline void unmap_notify_put(const struct unmap_notify *notify)
{
	if (notify->action & UNMAP_NOTIFY_SEND_EVENT)
		evtchn_put(notify->port);
}

/**
 * unmap_notify_get() - take what a program asked for
 *
 * It is taken before an older one is given up: both may be of the same port, and this the last to hold it.
 *
 * Return: 0, and there is a reference to the port; -EINVAL where there is no such action or port
 */
static inline int unmap_notify_get(const struct unmap_notify *notify)
{
	if (notify->action & ~(UNMAP_NOTIFY_CLEAR_BYTE | UNMAP_NOTIFY_SEND_EVENT))
		return -EINVAL;
	if ((notify->action & UNMAP_NOTIFY_SEND_EVENT) && evtchn_get(notify->port))
		return -EINVAL;
	return 0;
}

/* unmap_notify_send() - the event, and with it the end; the byte is its owner's to clear */
static inline void unmap_notify_send(const struct unmap_notify *notify)
{
	if (notify->action & UNMAP_NOTIFY_SEND_EVENT)
		notify_remote_via_evtchn(notify->port);
	unmap_notify_put(notify);
}

#endif

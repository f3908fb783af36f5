/* SPDX-License-Identifier: GPL-2.0-only */
/* Event channels as Linux interrupts: bind, unbind, notify, late end-of-interrupt. See hypercall.h for the seam. */
#ifndef XENOLITH_EVENT_H
#define XENOLITH_EVENT_H

#include <xenolith/hypercall.h>
#include <xen/events.h>
#include <xen/interface/event_channel.h>

/* The one service whose prototype depends on the kernel: the port's is the newer one everywhere. */
#ifdef XENOLITH_PORT_H
#undef evtchn_make_refcounted
#define evtchn_make_refcounted xenport_evtchn_make_refcounted
int evtchn_make_refcounted(evtchn_port_t port, bool is_static);
#endif

#endif

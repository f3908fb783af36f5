/* SPDX-License-Identifier: GPL-2.0-only */
/* Event channels as Linux interrupts: bind, unbind, notify, late end-of-interrupt. See hypercall.h for the seam. */
#ifndef XENOLITH_EVENT_H
#define XENOLITH_EVENT_H

#include <xen/events.h>
#include <xen/interface/event_channel.h>

#endif

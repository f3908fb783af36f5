/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that the modules are built for, all of them here: each name below means the same
 * everywhere, so that no other file of linux-guest and linux-dom0 asks for a kernel's version.
 */
#ifndef XENOLITH_COMPAT_H
#define XENOLITH_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)

#include <linux/mm.h>
#include <xen/events.h>

#ifndef XENOLITH_PORT_H
/* No static ports yet. */
static inline int xenolith_evtchn_make_refcounted(evtchn_port_t port, bool is_static)
{
	return evtchn_make_refcounted(port);
}
#define evtchn_make_refcounted xenolith_evtchn_make_refcounted
#endif

/* The flags of a mapping are written directly. */
#define vm_flags_set(vma, flags) ((vma)->vm_flags |= (flags))
#define vm_flags_clear(vma, flags) ((vma)->vm_flags &= ~(flags))

#endif

/* A bus's uevent callback may not change its device, since 6.3. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define compat_uevent_device const struct xenbus_device
#define compat_bus_device const struct device
#else
#define compat_uevent_device struct xenbus_device
#define compat_bus_device struct device
#endif

/* Nor its match callback the driver, since 6.11. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define compat_bus_driver const struct device_driver
#else
#define compat_bus_driver struct device_driver
#endif

#endif

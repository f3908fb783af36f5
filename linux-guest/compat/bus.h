/* SPDX-License-Identifier: GPL-2.0-only */
/* What the driver core hands to a bus, const in newer kernels. */
#ifndef XENOLITH_COMPAT_BUS_H
#define XENOLITH_COMPAT_BUS_H

#include <linux/device.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
typedef struct device compat_uevent_device;
#else
typedef const struct device compat_uevent_device;
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
typedef struct device_driver compat_match_driver;
#else
typedef const struct device_driver compat_match_driver;
#endif

#endif

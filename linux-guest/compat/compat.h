/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that the modules are built for, all of them here: each name below means the same
 * everywhere, so that no other file of linux-guest and linux-dom0 asks for a kernel's version.
 */
#ifndef XENOLITH_COMPAT_H
#define XENOLITH_COMPAT_H

#include <linux/version.h>

#endif

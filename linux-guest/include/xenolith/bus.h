/* SPDX-License-Identifier: GPL-2.0-only */
/* The device bus and the store: drivers, states of both ends, nodes, watches. See hypercall.h for the seam. */
#ifndef XENOLITH_BUS_H
#define XENOLITH_BUS_H

#include <xen/xenbus.h>
#include <xen/platform_pci.h>

#endif

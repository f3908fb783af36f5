/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls and what the hypervisor told at boot, for our modules.
 *
 * The headers of this folder are the seam between a driver and the Xen core under it. A driver reaches Xen through them
 * alone and calls its services by the kernel's names; what stands behind a name is decided here, in one place.
 */
#ifndef XENOLITH_HYPERCALL_H
#define XENOLITH_HYPERCALL_H

#include <linux/types.h>
#ifdef XENOLITH_PORT_H
#include <xenolith/port-hypercall.h>
#endif
#include <xen/xen.h>
#include <xen/features.h>
#include <xen/page.h>
#include <xen/xen-ops.h>
#include <xen/interface/xen.h>
#include <asm/xen/hypervisor.h>
#include <asm/xen/hypercall.h>

#endif

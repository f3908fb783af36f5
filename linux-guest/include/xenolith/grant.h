/* SPDX-License-Identifier: GPL-2.0-only */
/* Grant references: giving access to own pages, mapping and copying foreign ones. See hypercall.h for the seam. */
#ifndef XENOLITH_GRANT_H
#define XENOLITH_GRANT_H

#include <xenolith/hypercall.h>
#include <xen/balloon.h>
#include <xen/grant_table.h>
#include <xen/interface/grant_table.h>

#endif

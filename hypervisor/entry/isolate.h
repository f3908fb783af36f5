/* SPDX-License-Identifier: GPL-2.0-only */
/* Between cpu-tables.c and isolate.c. */
#ifndef ENTRY_ISOLATE_H
#define ENTRY_ISOLATE_H

#include <xenolith/lib.h>

/** entry_isolate_alloc: @cpu's gate page and roots, after its stack and windows. 0 or -ENOMEM. */
int entry_isolate_alloc(unsigned int cpu, const void *idt);
/** entry_isolate_patch: turn all ISOLATION_SITEs, before the first guest runs. */
void entry_isolate_patch(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to mm/. */
#ifndef MEMORY_MAP_H
#define MEMORY_MAP_H

/** memory_map_op: XENMEM_machine_memory_map, _memory_map, _set_memory_map. As the ABI answers. */
long memory_map_op(unsigned int op, unsigned long arg);

#endif

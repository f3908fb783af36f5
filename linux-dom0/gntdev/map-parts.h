/* SPDX-License-Identifier: GPL-2.0-only */
/* What map.c, the mapping in the kernel, does for show.c, the mapping in user space. */
#ifndef GNTDEV_MAP_PARTS_H
#define GNTDEV_MAP_PARTS_H

#include "handles.h"
#include "map.h"

/* Grants in one hypercall. */
#define GRANT_BATCH 64

/* PV: user space gets its own mapping of each frame. */
static inline bool grant_map_is_pv(void)
{
	return !xen_feature(XENFEAT_auto_translated_physmap);
}

/** grant_map_get_pages - pages in whose place the grants will appear; all of them or an error */
int grant_map_get_pages(struct grant_map *map);

/** grant_map_array - room for the operations of a batch; kfree() ends it */
struct gnttab_map_grant_ref *grant_map_array(const struct grant_map *map);

/**
 * grant_map_in_kernel - map all grants into the kernel
 *
 * Return: 0, or -EINVAL where one could not be mapped; the others then are, for grant_map_unmap().
 */
int grant_map_in_kernel(struct grant_map *map, struct gnttab_map_grant_ref *ops);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which grants of an array are mapped: those with a handle. Pure, no service of Xen is used.
 */
#ifndef GNTDEV_HANDLES_H
#define GNTDEV_HANDLES_H

#include <linux/types.h>
#include <xen/interface/grant_table.h>

#define NOT_MAPPED ((grant_handle_t)~0)

/** handles_clear - none is mapped */
void handles_clear(struct gnttab_unmap_grant_ref *ops, unsigned int count);

/**
 * handles_next_run - the mapped ones from *@first on, as far as they are next to each other and before @end
 *
 * Return: how many; *@first is where they begin, @end if there are none.
 */
unsigned int handles_next_run(const struct gnttab_unmap_grant_ref *ops, unsigned int *first, unsigned int end);

/** handles_note_unmapped - those that the hypervisor unmapped are mapped no more; those that it could not, still are */
void handles_note_unmapped(struct gnttab_unmap_grant_ref *ops, unsigned int count);

#endif

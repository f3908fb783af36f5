// SPDX-License-Identifier: GPL-2.0-only
/* Which grants of an array are mapped. */
#include "handles.h"

void handles_clear(struct gnttab_unmap_grant_ref *ops, unsigned int count)
{
	while (count--)
		ops[count].handle = NOT_MAPPED;
}

unsigned int handles_next_run(const struct gnttab_unmap_grant_ref *ops, unsigned int *first, unsigned int end)
{
	unsigned int n;

	while (*first < end && ops[*first].handle == NOT_MAPPED)
		++*first;
	for (n = 0; *first + n < end && ops[*first + n].handle != NOT_MAPPED; n++)
		;
	return n;
}

void handles_note_unmapped(struct gnttab_unmap_grant_ref *ops, unsigned int count)
{
	while (count--) {
		if (ops[count].status == GNTST_okay)
			ops[count].handle = NOT_MAPPED;
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/* Where to continue after a fault that was reckoned with. Unsorted: looked at in faults only. */
#include <xenolith/entry.h>

struct extable {
	s32 from, to;			/* relative to themselves */
};
extern const struct extable boot_extable_start[], boot_extable_end[];

unsigned long entry_fixup(unsigned long rip)
{
	for (const struct extable *e = boot_extable_start; e < boot_extable_end; e++)
		if ((unsigned long)&e->from + e->from == rip)
			return (unsigned long)&e->to + e->to;
	return 0;
}

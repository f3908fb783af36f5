// SPDX-License-Identifier: GPL-2.0-only
/*
 * The firmware's memory map made sane: firmware lists ranges in any order, sometimes overlapping.
 * Between two neighbouring boundaries the highest type that covers the place wins: everything
 * else is stronger than RAM (1). Types that only one firmware or loader knows count as reserved.
 */
#include "boot.h"

#define MAX_RAW		512
#define RESERVED	2
#define LAST_TYPE	7

static struct boot_e820 raw[MAX_RAW] __initdata;
static unsigned int nr_raw __initdata;

void __init e820_add(u64 addr, u64 size, u32 type)
{
	if (!size || addr + size < addr || nr_raw == MAX_RAW)
		return;
	raw[nr_raw++] = (struct boot_e820){ addr, size, type && type <= LAST_TYPE ? type : RESERVED };
}

/* The lowest start or end above @from, or @from when there is none. */
static u64 __init next_boundary(u64 from)
{
	u64 best = ~0UL;

	for (unsigned int i = 0; i < nr_raw; i++) {
		if (raw[i].addr > from)
			best = min(best, raw[i].addr);
		if (raw[i].addr + raw[i].size > from)
			best = min(best, raw[i].addr + raw[i].size);
	}
	return best == ~0UL ? from : best;
}

static u32 __init type_at(u64 addr)
{
	u32 type = 0;

	for (unsigned int i = 0; i < nr_raw; i++)
		if (addr >= raw[i].addr && addr - raw[i].addr < raw[i].size)
			type = max(type, raw[i].type);
	return type;
}

static void __init append(u64 addr, u64 end, u32 type)
{
	struct boot_e820 *last = boot_info.nr_e820 ? &boot_info.e820[boot_info.nr_e820 - 1] : NULL;

	if (last && last->type == type && last->addr + last->size == addr)
		last->size = end - last->addr;
	else if (boot_info.nr_e820 < MAX_BOOT_E820)
		boot_info.e820[boot_info.nr_e820++] = (struct boot_e820){ addr, end - addr, type };
}

void __init e820_finish(void)
{
	u64 at = 0, next;

	boot_info.nr_e820 = 0;
	for (; (next = next_boundary(at)) != at; at = next)
		if (type_at(at))
			append(at, next, type_at(at));
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where everything lies in a PV guest that starts (include/xen/xen.h, "Start-of-day memory layout"):
 *
 *	virt_base ┌────────┬─────────┬──────┬────────────┬───────┬─────────┬─────────────┬───────┬──────────┐ virt_end
 *	          │ kernel │ initrd¹ │ p2m² │ start_info │ store │ console │ page tables │ stack │ ≥ 512 KiB│ 4 MiB aligned
 *	          └────────┴─────────┴──────┴────────────┴───────┴─────────┴─────────────┴───────┴──────────┘
 *	behind virt_end, not mapped there: p2m with the tables that map it³, initrd⁴
 *
 *	¹ unless the kernel takes it unmapped⁴ (MOD_START_PFN)      ² unless it wants it elsewhere³ (INIT_P2M)
 */
#ifndef TOOLS_PV_LAYOUT_H
#define TOOLS_PV_LAYOUT_H

#include "image.h"

#define PV_PAGE 4096ull

/** struct pv_range - pages of the guest; @virt is IMAGE_UNSET when they are not mapped at start */
struct pv_range {
	uint64_t pfn, pages, virt;
};

struct pv_layout {
	uint64_t virt_base, virt_end;
	struct pv_range kernel, initrd, p2m, start_info, store, console, tables, stack;
	struct pv_range p2m_tables;	/* the lower tables for @p2m when that lies elsewhere; not mapped */
	uint64_t end;			/* pages needed in all */
};

/**
 * pv_layout - place everything
 * @pages: memory of the guest
 * @initrd_bytes: 0 when there is none
 *
 * Return: NULL or why it cannot be: bad addresses in the kernel's notes, too little memory.
 */
const char *pv_layout(struct pv_layout *l, const struct image *image, uint64_t pages, uint64_t initrd_bytes);

/** pv_tables - how many page tables of the levels 1 to 3 map [virt, end) */
uint64_t pv_tables(uint64_t virt, uint64_t end);

#endif

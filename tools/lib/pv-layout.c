// SPDX-License-Identifier: GPL-2.0-only
/* The start-of-day layout of a PV guest: arithmetic only. */
#include "pv-layout.h"

#define SLACK (512ull << 10)
#define ALIGN (4ull << 20)

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes + PV_PAGE - 1) / PV_PAGE;
}

uint64_t pv_tables(uint64_t virt, uint64_t end)
{
	uint64_t n = 0;
	int shift;

	for (shift = 21; shift <= 39; shift += 9)
		n += ((end - 1) >> shift) - (virt >> shift) + 1;
	return n;
}

static void place(struct pv_layout *l, struct pv_range *range, uint64_t pages, bool mapped)
{
	range->pfn = l->end;
	range->pages = pages;
	range->virt = mapped ? l->virt_base + range->pfn * PV_PAGE : IMAGE_UNSET;
	l->end += pages;
}

/* The tables map themselves and what follows them: more tables until they suffice. */
static void place_tables(struct pv_layout *l)
{
	uint64_t tables = 0, needed = 1, virt_end = 0;

	while (tables < needed) {
		tables = needed;
		virt_end = l->virt_base + (l->end + tables + 1) * PV_PAGE + SLACK;
		virt_end = (virt_end + ALIGN - 1) & ~(ALIGN - 1);
		needed = 1 + pv_tables(l->virt_base, virt_end);
	}
	place(l, &l->tables, tables, true);
	place(l, &l->stack, 1, true);
	l->virt_end = virt_end;
}

static const char *check_kernel(const struct image *image, uint64_t virt_base)
{
	uint64_t end = virt_base + image->paddr_end - image->paddr_offset;

	if (image->paddr_start < image->paddr_offset)
		return "its notes put the kernel below the guest's memory";
	if (virt_base % PV_PAGE || end < virt_base || end > -(64ull << 20) ||
	    (virt_base >> 47 != 0 && virt_base >> 47 != 0x1ffff))
		return "its notes give an impossible virtual address";
	if (image->init_p2m != IMAGE_UNSET &&
	    (image->init_p2m % PV_PAGE || (image->init_p2m >> 47 != 0 && image->init_p2m >> 47 != 0x1ffff) ||
	     image->init_p2m >> 39 == virt_base >> 39))
		return "its notes give an impossible place for the page-frame list";
	return NULL;
}

const char *pv_layout(struct pv_layout *l, const struct image *image, uint64_t pages, uint64_t initrd_bytes)
{
	uint64_t virt_base = image->virt_base == IMAGE_UNSET ? 0 : image->virt_base;
	uint64_t p2m_pages = pages_of(pages * sizeof(uint64_t));
	const char *wrong = check_kernel(image, virt_base);
	bool p2m_apart = image->init_p2m != IMAGE_UNSET;

	if (wrong)
		return wrong;
	*l = (struct pv_layout){ .virt_base = virt_base };
	l->end = (image->paddr_start - image->paddr_offset) / PV_PAGE;
	place(l, &l->kernel, pages_of(image->paddr_end - image->paddr_offset) - l->end, true);
	if (!image->mod_start_pfn)
		place(l, &l->initrd, pages_of(initrd_bytes), true);
	if (!p2m_apart)
		place(l, &l->p2m, p2m_pages, true);
	place(l, &l->start_info, 1, true);
	place(l, &l->store, 1, true);
	place(l, &l->console, 1, true);
	place_tables(l);
	l->end = (l->virt_end - virt_base) / PV_PAGE;
	if (p2m_apart) {
		place(l, &l->p2m, p2m_pages, true);
		l->p2m.virt = image->init_p2m;
		place(l, &l->p2m_tables, pv_tables(image->init_p2m, image->init_p2m + p2m_pages * PV_PAGE), false);
	}
	if (image->mod_start_pfn)
		place(l, &l->initrd, pages_of(initrd_bytes), false);
	return l->end <= pages ? NULL : "the guest's memory is too small for kernel and ramdisk";
}

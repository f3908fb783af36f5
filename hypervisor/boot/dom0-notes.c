// SPDX-License-Identifier: GPL-2.0-only
/* What a kernel says about itself in its ELF notes, and whether it can be Domain0 here. */
#include "boot.h"
#include <xen/elfnote.h>
#include <xen/features.h>
#include <xenolith/drivers.h>
#include <xenolith/hypercall.h>

#define EM_X86_64	62
#define P2M_BASE	0x8000000000	/* for kernels that do not care */

/* Numbers are 4 or 8 bytes. */
static bool __init note_number(const struct elf_image *elf, u32 type, u64 *value)
{
	u32 size;
	const void *desc = elf_note(elf, "Xen", type, &size);

	if (!desc || (size != 4 && size != 8))
		return false;
	*value = 0;
	memcpy(value, desc, size);
	return true;
}

static bool __init in_kernel(const struct dom0_image *img, u64 va)
{
	u64 first = img->virt_base + img->elf.paddr_min - img->paddr_offset;

	return va >= first && va - first < img->elf.paddr_max - img->elf.paddr_min;
}

static const char * __init check_addresses(const struct dom0_image *img)
{
	if (img->elf.paddr_min < img->paddr_offset || !IS_ALIGNED(img->virt_base, PAGE_SIZE) ||
	    !canonical(img->virt_base) || !guest_addr_ok(img->virt_base, img->elf.paddr_max))
		return "the kernel's addresses are impossible";
	if (!in_kernel(img, img->entry))
		return "the kernel's entry point lies outside of it";
	if (img->hypercall_page && (!IS_ALIGNED(img->hypercall_page, PAGE_SIZE) ||
				    !in_kernel(img, img->hypercall_page)))
		return "the kernel's hypercall page lies outside of it";
	if (!IS_ALIGNED(img->p2m_base, PAGE_SIZE) || !canonical(img->p2m_base))
		return "the kernel's place for the phys-to-machine list is impossible";
	return NULL;
}

const char * __init dom0_read_notes(struct dom0_image *img)
{
	const struct elf_image *elf = &img->elf;
	u64 features;

	if (elf->machine != EM_X86_64)
		return "the kernel is not for x86-64";
	if (!note_number(elf, XEN_ELFNOTE_VIRT_BASE, &img->virt_base))
		return "the kernel has no Xen PV support (CONFIG_XEN_PV)";
	if (note_number(elf, XEN_ELFNOTE_SUPPORTED_FEATURES, &features) && !(features & BIT(XENFEAT_dom0)))
		return "the kernel cannot be Domain0 (built without CONFIG_XEN_DOM0)";
	img->entry = elf->entry;
	img->p2m_base = P2M_BASE;
	note_number(elf, XEN_ELFNOTE_ENTRY, &img->entry);
	note_number(elf, XEN_ELFNOTE_PADDR_OFFSET, &img->paddr_offset);
	note_number(elf, XEN_ELFNOTE_HYPERCALL_PAGE, &img->hypercall_page);
	note_number(elf, XEN_ELFNOTE_INIT_P2M, &img->p2m_base);
	printk("Domain0 kernel: entry %lx, at pseudo-physical %lx-%lx\n", img->entry, elf->paddr_min, elf->paddr_max);
	return check_addresses(img);
}

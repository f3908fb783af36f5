// SPDX-License-Identifier: GPL-2.0-only
/* What a kernel says about itself in its ELF notes, and whether it can be Domain0 here. */
#include "boot.h"
#include <xen/elfnote.h>
#include <xen/features.h>
#include <xenolith/drivers.h>
#include <xenolith/hypercall.h>

#define EM_X86_64	62

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

static bool __init note_string(const struct elf_image *elf, u32 type, char *buf, size_t size)
{
	u32 n;
	const void *desc = elf_note(elf, "Xen", type, &n);

	if (!desc || !n)
		return false;
	n = min_t(size_t, n, size - 1);
	memcpy(buf, desc, n);
	buf[n] = '\0';
	return true;
}

/* In "a|!b|c", what is marked by ! cannot be done without. Returns the first that is not offered. */
static const char * __init missing_feature(char *list)
{
	static const char *const offered[] __initconst = {
		"writable_page_tables", "pae_pgdir_above_4gb", "mmu_pt_update_preserve_ad", "dom0",
	};
	char *next;

	for (char *p = list; p; p = next) {
		unsigned int i = 0;

		next = strchr(p, '|');
		if (next)
			*next++ = '\0';
		if (*p != '!')
			continue;
		while (i < ARRAY_SIZE(offered) && strcmp(p + 1, offered[i]))
			i++;
		if (i == ARRAY_SIZE(offered))
			return p + 1;
	}
	return NULL;
}

static const char * __init check_features(const struct elf_image *elf)
{
	static char error[96] __initdata, list[256] __initdata;
	const char *missing = NULL;
	u64 supported;

	if (note_number(elf, XEN_ELFNOTE_SUPPORTED_FEATURES, &supported) &&
	    !(supported & BIT(XENFEAT_dom0)))
		return "the kernel cannot be Domain0 (built without CONFIG_XEN_DOM0)";
	if (note_string(elf, XEN_ELFNOTE_FEATURES, list, sizeof(list)))
		missing = missing_feature(list);
	if (!missing)
		return NULL;
	snprintf(error, sizeof(error), "the kernel requires the feature '%s', which there is not", missing);
	return error;
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
	if (img->has_hypercall_page && (!IS_ALIGNED(img->hypercall_page, PAGE_SIZE) ||
					!in_kernel(img, img->hypercall_page)))
		return "the kernel's hypercall page lies outside of it";
	if (img->has_p2m_base && (!IS_ALIGNED(img->p2m_base, PAGE_SIZE) || !canonical(img->p2m_base)))
		return "the kernel's place for the phys-to-machine list is impossible";
	return NULL;
}

const char * __init dom0_read_notes(struct dom0_image *img)
{
	const struct elf_image *elf = &img->elf;
	char text[32] = "";
	const char *error;
	u64 n;

	if (elf->machine != EM_X86_64)
		return "the kernel is not for x86-64";
	if (!note_number(elf, XEN_ELFNOTE_VIRT_BASE, &img->virt_base) ||
	    !note_string(elf, XEN_ELFNOTE_XEN_VERSION, text, sizeof(text)))
		return "the kernel has no Xen PV support (CONFIG_XEN_PV)";
	if (strncmp(text, "xen-3.0", 7))
		return "the kernel is made for another interface than xen-3.0";
	if (note_string(elf, XEN_ELFNOTE_LOADER, text, sizeof(text)) && strcmp(text, "generic"))
		return "the kernel asks for a loader other than 'generic'";
	if (note_number(elf, XEN_ELFNOTE_HV_START_LOW, &n) && n > HYP_VIRT_START)
		return "the kernel needs the address space that the hypervisor occupies";
	img->entry = elf->entry;
	note_number(elf, XEN_ELFNOTE_ENTRY, &img->entry);
	note_number(elf, XEN_ELFNOTE_PADDR_OFFSET, &img->paddr_offset);
	img->has_hypercall_page = note_number(elf, XEN_ELFNOTE_HYPERCALL_PAGE, &img->hypercall_page);
	img->has_p2m_base = note_number(elf, XEN_ELFNOTE_INIT_P2M, &img->p2m_base);
	img->mod_start_pfn = note_number(elf, XEN_ELFNOTE_MOD_START_PFN, &n) && n;
	error = check_features(elf) ?: check_addresses(img);
	if (error)
		return error;
	strlcpy_(text, "?", sizeof(text));
	note_string(elf, XEN_ELFNOTE_GUEST_OS, text, sizeof(text));
	printk("Domain0 kernel: %s, entry %lx, at pseudo-physical %lx-%lx\n", text, img->entry,
	       elf->paddr_min, elf->paddr_max);
	return NULL;
}

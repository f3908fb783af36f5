// SPDX-License-Identifier: GPL-2.0-only
/*
 * boot_info out of what a multiboot 1 or 2 loader left in memory. The loader's structures may lie
 * anywhere below 4 GiB, so all is copied out before that memory is used for anything else; only
 * the modules themselves stay where they are.
 *
 * Structures: Multiboot Specification 0.6.96 section 3.3 and 2.0 section 3.6, here as offsets.
 */
#include "boot.h"

#define MB1_LOADED	0x2badb002
#define MB2_LOADED	0x36d76289

/* What the mb1 flags say is there. */
#define MB1_CMDLINE	BIT(2)
#define MB1_MODULES	BIT(3)
#define MB1_MMAP	BIT(6)
#define MB1_LOADER	BIT(9)

enum { TAG_END, TAG_CMDLINE, TAG_LOADER, TAG_MODULE, TAG_MMAP = 6, TAG_FB = 8, TAG_EFI64 = 12,
       TAG_RSDP1 = 14, TAG_RSDP2, TAG_EFI_MMAP = 17 };

struct boot_info boot_info;
static char module_args[MAX_BOOT_MODULES][sizeof(boot_info.cmdline)] __initdata;
static u8 rsdp_copy[36] __aligned(8);

static const void * __init phys(u64 pa)
{
	return maddr_to_virt(pa);
}

static u32 __init r32(const void *p, size_t offset)
{
	u32 v;

	memcpy(&v, (const u8 *)p + offset, sizeof(v));
	return v;
}

static u64 __init r64(const void *p, size_t offset)
{
	return r32(p, offset) | (u64)r32(p, offset + 4) << 32;
}

/*
 * GRUB 2 leaves the file name out of command lines, older loaders and QEMU put it first. GRUB
 * legacy calls itself "GNU GRUB 0.97".
 */
static void __init copy_args(char *dst, const char *s)
{
	if (strncmp(boot_info.loader, "GRUB ", 5) || boot_info.loader[5] == '0') {
		while (*s == ' ')
			s++;
		while (*s && *s != ' ')
			s++;
	}
	while (*s == ' ')
		s++;
	strlcpy_(dst, s, sizeof(boot_info.cmdline));
}

static void __init add_module(u64 start, u64 end, const char *args)
{
	unsigned int n = boot_info.nr_modules;

	if (n == MAX_BOOT_MODULES)
		return;
	copy_args(module_args[n], args);
	boot_info.module[n] = (struct boot_module){ start, end - start, module_args[n] };
	boot_info.nr_modules++;
}

static void __init parse_mb1(const void *mb)
{
	u32 flags = r32(mb, 0);

	if (flags & MB1_LOADER)
		strlcpy_(boot_info.loader, phys(r32(mb, 64)), sizeof(boot_info.loader));
	if (flags & MB1_CMDLINE)
		copy_args(boot_info.cmdline, phys(r32(mb, 16)));
	for (u32 i = 0; flags & MB1_MODULES && i < r32(mb, 20); i++) {
		const void *m = phys(r32(mb, 24) + 16UL * i);

		add_module(r32(m, 0), r32(m, 4), r32(m, 8) ? phys(r32(m, 8)) : "");
	}
	for (u32 at = 0; flags & MB1_MMAP && at < r32(mb, 44); ) {
		const void *e = phys(r32(mb, 48) + (u64)at);

		e820_add(r64(e, 4), r64(e, 12), r32(e, 20));
		at += r32(e, 0) + 4;
	}
}

/* UEFI memory types (UEFI 2.10 section 7.2) by what is left of them when boot services are over. */
static u32 __init efi_to_e820(u32 type)
{
	/* loader and boot services (1-4) and conventional are RAM; ACPI tables, NVS; unusable; persistent */
	static const u8 types[] __initconst = { 2, 1, 1, 1, 1, 2, 2, 1, 5, 3, 4, 2, 2, 2, 7 };

	return type < sizeof(types) ? types[type] : 2;
}

static void __init parse_mmap(const u8 *tag, u32 size, bool efi)
{
	u32 step = r32(tag, 8);

	for (const u8 *e = tag + 16; e + step <= tag + size; e += step) {
		if (efi)
			e820_add(r64(e, 8), r64(e, 24) << PAGE_SHIFT, efi_to_e820(r32(e, 0)));
		else
			e820_add(r64(e, 0), r64(e, 8), r32(e, 16));
	}
}

static void __init parse_tag(const u8 *tag, u32 type, u32 size)
{
	const char *text = (const char *)tag + 8;

	switch (type) {
	case TAG_CMDLINE:
		copy_args(boot_info.cmdline, text);
		break;
	case TAG_MODULE:
		add_module(r32(tag, 8), r32(tag, 12), text + 8);
		break;
	case TAG_MMAP:
	case TAG_EFI_MMAP:
		parse_mmap(tag, size, type == TAG_EFI_MMAP);
		break;
	case TAG_FB:
		if (tag[29] == 1)		/* direct colour; else text or palette */
			memcpy(&boot_info.fb, text, sizeof(boot_info.fb));
		break;
	case TAG_EFI64:
		boot_info.efi_system_table = r64(tag, 8);
		break;
	case TAG_RSDP1:
	case TAG_RSDP2:			/* the tag holds a copy; the newer one comes last */
		memcpy(rsdp_copy, text, min_t(u32, size - 8, sizeof(rsdp_copy)));
		boot_info.rsdp = virt_to_maddr(rsdp_copy);
		break;
	}
}

#define for_each_tag(tag, mb) \
	for (const u8 *tag = (mb) + 8; r32(tag, 0) != TAG_END; tag += ROUND_UP(r32(tag, 4), 8))

/* The loader's name decides how command lines are read; the plain map is preferred. */
static void __init parse_mb2(const u8 *mb)
{
	bool has_mmap = false;

	for_each_tag(tag, mb) {
		if (r32(tag, 0) == TAG_LOADER)
			strlcpy_(boot_info.loader, (const char *)tag + 8, sizeof(boot_info.loader));
		has_mmap |= r32(tag, 0) == TAG_MMAP;
	}
	for_each_tag(tag, mb)
		if (r32(tag, 0) != TAG_EFI_MMAP || !has_mmap)
			parse_tag(tag, r32(tag, 0), r32(tag, 4));
}

const char * __init boot_info_parse(u32 magic, paddr_t info)
{
	if (magic == MB1_LOADED)
		parse_mb1(phys(info));
	else if (magic == MB2_LOADED)
		parse_mb2(phys(info));
	else
		return "not started by a multiboot loader";
	e820_finish();
	if (!boot_info.nr_e820)
		return "the boot loader gave no memory map";
	if (!boot_info.nr_modules)
		return "no module: the boot loader must load Domain0's kernel as the first module";
	return NULL;
}

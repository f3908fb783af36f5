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
#define MB1_FB		BIT(12)

enum { TAG_END, TAG_CMDLINE, TAG_LOADER, TAG_MODULE, TAG_MMAP = 6, TAG_FB = 8, TAG_EFI64 = 12,
       TAG_RSDP1 = 14, TAG_RSDP2, TAG_EFI_MMAP = 17 };
#define MAX_MB2_SIZE	KB(256)

struct boot_info boot_info;
static char loader_name[64];
static char module_args[MAX_BOOT_MODULES][sizeof(boot_info.cmdline)] __initdata;
static u8 rsdp_copy[36] __aligned(8);

static const void * __init phys(u64 pa)
{
	return maddr_to_virt(pa & 0xffffffff);
}

static u8 __init r8(const void *p, size_t offset)
{
	return ((const u8 *)p)[offset];
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
static const char * __init skip_file_name(const char *s)
{
	const char *loader = boot_info.loader;

	if (strncmp(loader, "GRUB ", 5) || loader[5] == '0') {
		while (*s == ' ')
			s++;
		while (*s && *s != ' ')
			s++;
	}
	while (*s == ' ')
		s++;
	return s;
}

static const char * __init add_module(u64 start, u64 end, const char *args)
{
	struct boot_module *m = &boot_info.module[boot_info.nr_modules];

	if (end < start || end > GB(4))
		return "the boot loader's list of modules is damaged";
	if (boot_info.nr_modules == MAX_BOOT_MODULES)
		return "too many modules";
	strlcpy_(module_args[boot_info.nr_modules], skip_file_name(args), sizeof(module_args[0]));
	*m = (struct boot_module){ start, end - start, module_args[boot_info.nr_modules] };
	boot_info.nr_modules++;
	return NULL;
}

/* @colours: position and size of red, green, blue. */
static void __init set_fb(u64 addr, u32 pitch, u32 width, u32 height, u8 bpp, u8 type, const void *colours)
{
	if (type != 1)			/* 1: direct colour; else text or palette */
		return;
	boot_info.fb.addr = addr;
	boot_info.fb.pitch = pitch;
	boot_info.fb.width = width;
	boot_info.fb.height = height;
	boot_info.fb.bpp = bpp;
	memcpy(&boot_info.fb.red_pos, colours, 6);
}

static const char * __init parse_mb1(const void *mb)
{
	const char *error = NULL;
	u32 flags = r32(mb, 0);

	if (flags & MB1_LOADER)
		strlcpy_(loader_name, phys(r32(mb, 64)), sizeof(loader_name));
	if (flags & MB1_CMDLINE)
		strlcpy_(boot_info.cmdline, skip_file_name(phys(r32(mb, 16))), sizeof(boot_info.cmdline));
	if (flags & MB1_MODULES)
		for (u32 i = 0; i < r32(mb, 20) && !error; i++) {
			const void *m = phys(r32(mb, 24) + 16UL * i);

			error = add_module(r32(m, 0), r32(m, 4), r32(m, 8) ? phys(r32(m, 8)) : "");
		}
	if (flags & MB1_MMAP) {
		u32 size = r32(mb, 44), entry;

		for (u32 at = 0; at + 24 <= size; at += entry + 4) {
			const void *e = phys(r32(mb, 48) + (u64)at);

			entry = r32(e, 0);
			if (entry < 20 || entry > 256)
				return "the boot loader's memory map is damaged";
			e820_add(r64(e, 4), r64(e, 12), r32(e, 20));
		}
	}
	if (flags & MB1_FB)
		set_fb(r64(mb, 88), r32(mb, 96), r32(mb, 100), r32(mb, 104), r8(mb, 108), r8(mb, 109),
		       (const u8 *)mb + 110);
	return error;
}

/* UEFI memory types (UEFI 2.10 section 7.2) by what is left of them when boot services are over. */
static u32 __init efi_to_e820(u32 type)
{
	switch (type) {
	case 1 ... 4:			/* loader, boot services */
	case 7:				/* conventional */
		return 1;
	case 9:				/* ACPI tables */
		return 3;
	case 10:			/* ACPI NVS */
		return 4;
	case 8:				/* unusable */
		return 5;
	case 14:			/* persistent */
		return 7;
	default:
		return 2;
	}
}

static void __init parse_mmap(const u8 *tag, u32 size)
{
	u32 step = r32(tag, 8);

	for (u32 at = 16; step >= 24 && at + step <= size; at += step)
		e820_add(r64(tag, at), r64(tag, at + 8), r32(tag, at + 16));
}

static void __init parse_efi_mmap(const u8 *tag, u32 size)
{
	u32 step = r32(tag, 8);

	for (u32 at = 16; step >= 40 && at + step <= size; at += step)
		e820_add(r64(tag, at + 8), r64(tag, at + 24) << PAGE_SHIFT, efi_to_e820(r32(tag, at)));
}

static const char * __init parse_tag(const u8 *tag, u32 type, u32 size)
{
	const char *text = (const char *)tag + 8;

	switch (type) {
	case TAG_CMDLINE:
		strlcpy_(boot_info.cmdline, skip_file_name(text), sizeof(boot_info.cmdline));
		break;
	case TAG_MODULE:
		return add_module(r32(tag, 8), r32(tag, 12), text + 8);
	case TAG_MMAP:
		parse_mmap(tag, size);
		break;
	case TAG_EFI_MMAP:
		parse_efi_mmap(tag, size);
		break;
	case TAG_FB:
		if (size >= 38)
			set_fb(r64(tag, 8), r32(tag, 16), r32(tag, 20), r32(tag, 24), r8(tag, 28),
			       r8(tag, 29), tag + 32);
		break;
	case TAG_EFI64:
		boot_info.efi_system_table = size >= 16 ? r64(tag, 8) : 0;
		break;
	case TAG_RSDP1:
	case TAG_RSDP2:			/* the tag holds a copy; the newer one comes last */
		memcpy(rsdp_copy, text, min_t(u32, size - 8, sizeof(rsdp_copy)));
		boot_info.rsdp = virt_to_maddr(rsdp_copy);
		break;
	}
	return NULL;
}

static const u8 * __init next_tag(const u8 *tag)
{
	return tag + ROUND_UP(r32(tag, 4), 8);
}

/* Every tag lies inside, strings end inside their tag, and the end tag is there. */
static const char * __init check_tags(const u8 *mb, u32 total)
{
	u32 size;

	for (u32 at = 8; at + 8 <= total; at += ROUND_UP(size, 8)) {
		u32 type = r32(mb, at);

		size = r32(mb, at + 4);
		if (size < 8 || size > total - at)
			return "the boot loader's information is damaged";
		if (type == TAG_END)
			return NULL;
		if ((type == TAG_CMDLINE || type == TAG_LOADER || type == TAG_MODULE) &&
		    (size < (type == TAG_MODULE ? 17 : 9) || mb[at + size - 1]))
			return "the boot loader's information is damaged";
		if ((type == TAG_MMAP || type == TAG_EFI_MMAP) && size < 16)
			return "the boot loader's memory map is damaged";
	}
	return "the boot loader's information is cut off";
}

static const char * __init parse_mb2(const u8 *mb)
{
	u32 total = r32(mb, 0);
	const char *error = total > MAX_MB2_SIZE ? "the boot loader's information is too big" :
			    check_tags(mb, total);
	bool has_mmap = false;

	if (error)
		return error;
	/* The loader's name decides how command lines are read; the plain map is preferred. */
	for (const u8 *tag = mb + 8; r32(tag, 0) != TAG_END; tag = next_tag(tag)) {
		if (r32(tag, 0) == TAG_LOADER)
			strlcpy_(loader_name, (const char *)tag + 8, sizeof(loader_name));
		has_mmap |= r32(tag, 0) == TAG_MMAP;
	}
	for (const u8 *tag = mb + 8; r32(tag, 0) != TAG_END && !error; tag = next_tag(tag))
		if (r32(tag, 0) != TAG_EFI_MMAP || !has_mmap)
			error = parse_tag(tag, r32(tag, 0), r32(tag, 4));
	return error;
}

const char * __init boot_info_parse(u32 magic, paddr_t info)
{
	const char *error;

	boot_info.loader = loader_name;
	if (magic != MB1_LOADED && magic != MB2_LOADED)
		return "not started by a multiboot loader";
	error = magic == MB1_LOADED ? parse_mb1(phys(info)) : parse_mb2(phys(info));
	e820_finish();
	if (!error && !boot_info.nr_e820)
		return "the boot loader gave no memory map";
	if (!error && !boot_info.nr_modules)
		return "no module: the boot loader must load Domain0's kernel as the first module";
	return error;
}

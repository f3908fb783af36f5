/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * boot: from firmware to the first domain. head.S brings the boot CPU to 64-bit mode on the boot
 * page tables (image + first 4 GiB identity and direct map), boot_main() does the rest.
 */
#ifndef XENOLITH_BOOT_H
#define XENOLITH_BOOT_H

#include <xenolith/lib.h>

struct boot_module {
	paddr_t start;
	size_t size;
	const char *args;		/* command line without the file name */
};
#define MAX_BOOT_MODULES 4
#define MAX_BOOT_E820	128
struct boot_e820 {
	u64 addr, size;
	u32 type;			/* ACPI address-range type */
};
struct boot_info {			/* the same whatever loader it was */
	char loader[64], cmdline[2048];
	unsigned int nr_modules, nr_e820;
	struct boot_module module[MAX_BOOT_MODULES];
	struct boot_e820 e820[MAX_BOOT_E820];	/* sorted, disjoint */
	paddr_t rsdp;			/* 0 unknown */
	paddr_t efi_system_table;	/* 0: BIOS */
	struct __packed {		/* linear framebuffer as multiboot 2 tells; width 0: text mode */
		paddr_t addr;
		u32 pitch, width, height;
		u8 bpp, type;
		u16 reserved;
		u8 red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
	} fb;
};
extern struct boot_info boot_info;	/* kept after boot (e820 for memory_op, EFI for platform_op) */

/**
 * boot_param: value of the last NAME=... or bare NAME ("") or no-NAME ("no") on the command line, or NULL.
 * Every NAME asked for at boot counts as known; boot_param_check_unknown() then warns of the others.
 */
const char *boot_param(const char *name);
bool boot_param_bool(const char *name, bool deflt);	/* NAME, NAME=0/1/yes/no/on/off/true/false, no-NAME */
/** boot_param_size: a number with or without suffix, of @unit bytes without (1: a plain number). */
unsigned long boot_param_size(const char *name, unsigned long deflt, unsigned long unit);
void boot_param_check_unknown(void);

extern char boot_image_start[], boot_image_end[];	/* linker: whole image, page aligned */
extern char boot_text_start[], boot_text_end[], boot_rodata_start[], boot_rodata_end[];
extern char boot_ro_after_init_start[], boot_ro_after_init_end[];
extern char boot_init_start[], boot_init_end[];
extern char boot_percpu_start[], boot_percpu_end[];		/* template of .percpu */
extern const s32 boot_extable_start[], boot_extable_end[];	/* pairs, see EXTABLE() */
extern char boot_build_id_start[], boot_build_id_end[];		/* ELF note */

void boot_build_domain0(void);		/* creates domain0, ready to run */

#endif

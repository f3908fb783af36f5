// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes from boot loader and firmware, before anything is trusted: multiboot information,
 * memory maps, bzImage headers, initrds. Good input is understood, damaged input is named, nothing
 * outside is read (the sanitizers watch).
 */
#include "host.h"
#include <xenolith/mm.h>

static u8 *memory;			/* "physical" memory of the loader's structures */
#define maddr_to_virt(pa)	((void *)(memory + (pa)))
#define virt_to_maddr(p)	((paddr_t)0x1000)
#include "../../hypervisor/lib/number.c"
#include "lib-string.h"
#include "../../hypervisor/boot/e820.c"
#include "../../hypervisor/boot/bzimage.c"
#include "../../hypervisor/boot/initrd.c"
#include "../../hypervisor/boot/multiboot.c"

static void fresh(void)
{
	memset(&boot_info, 0, sizeof(boot_info));
	nr_raw = 0;
}

static void put32(size_t at, u32 v)
{
	memcpy(memory + at, &v, 4);
}

static void put64(size_t at, u64 v)
{
	memcpy(memory + at, &v, 8);
}

/* ---- memory map ---- */

static void test_e820(void)
{
	const struct boot_e820 *e = boot_info.e820;

	fresh();
	e820_add(MB(1), MB(1023), 1);
	e820_add(0, 0x9fc00, 1);
	e820_add(0xf0000, 0x10000, 2);
	e820_add(MB(512), MB(1), 4);		/* inside RAM */
	e820_add(MB(1), MB(2), 1);		/* told twice */
	e820_add(MB(600), ~0UL, 1);		/* wraps: not believed */
	e820_finish();
	check(boot_info.nr_e820 == 5, "overlaps are resolved into %u ranges", boot_info.nr_e820);
	check(e[0].addr == 0 && e[0].size == 0x9fc00 && e[1].addr == 0xf0000, "sorted");
	check(e[2].addr == MB(1) && e[2].size == MB(511) && e[3].type == 4 && e[4].addr == MB(513),
	      "a reservation splits RAM");
}

static void test_e820_random(void)
{
	for (unsigned int round = 0; round < 300; round++) {
		u64 end = 0;

		fresh();
		for (unsigned int i = 0; i < 40; i++)
			e820_add(host_random() % 64, host_random() % 16, 1 + host_random() % 5);
		e820_finish();
		for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
			const struct boot_e820 *e = &boot_info.e820[i];

			require(e->addr >= end && e->size, "ranges are disjoint and rising, round %u", round);
			for (u64 a = e->addr; a < e->addr + e->size; a++)
				require(type_at(a) == e->type, "the strongest type, round %u", round);
			end = e->addr + e->size;
		}
	}
	check(true, "300 random maps");
}

/* ---- multiboot ---- */

static void test_mb1(const char *loader, const char *cmdline, const char *expected)
{
	fresh();
	memset(memory, 0, 8192);
	put32(0, MB1_CMDLINE | MB1_MODULES | MB1_MMAP | MB1_LOADER);
	put32(16, 0x200);
	strcpy((char *)memory + 0x200, cmdline);
	put32(20, 2);
	put32(24, 0x100);
	put32(0x100, 0x300000); put32(0x104, 0x300123); put32(0x108, 0x240);
	put32(0x110, 0x400000); put32(0x114, 0x400456);
	strcpy((char *)memory + 0x240, cmdline);
	put32(44, 48);
	put32(48, 0x180);
	put32(0x180, 20); put64(0x184, 0); put64(0x18c, 0x9f000); put32(0x194, 1);
	put32(0x198, 20); put64(0x19c, MB(1)); put64(0x1a4, MB(31)); put32(0x1ac, 1);
	put32(64, 0x2c0);
	strcpy((char *)memory + 0x2c0, loader);
	check(!boot_info_parse(MB1_LOADED, 0), "multiboot 1 of '%s'", loader);
	check(!strcmp(boot_info.cmdline, expected), "its command line is '%s'", boot_info.cmdline);
	check(boot_info.nr_modules == 2 && boot_info.module[0].size == 0x123 &&
	      !strcmp(boot_info.module[0].args, expected) && !*boot_info.module[1].args, "its modules");
	check(boot_info.nr_e820 == 2 && boot_info.e820[1].size == MB(31), "its memory map");
	put32(20, 100);
	fresh();
	check(!boot_info_parse(MB1_LOADED, 0) && boot_info.nr_modules == MAX_BOOT_MODULES, "modules are not without number");
	put32(20, 0);
	fresh();
	check(strstr(boot_info_parse(MB1_LOADED, 0) ?: "", "no module") != NULL, "no module is told");
}

static size_t add_tag(size_t at, u32 type, const void *data, size_t n)
{
	put32(at, type);
	put32(at + 4, n + 8);
	memcpy(memory + at + 8, data, n);
	return ROUND_UP(at + 8 + n, 8);
}

static void build_mb2(bool plain_map)
{
	u32 module[] = { MB(16), MB(17), 0 };
	u8 map[16 + 24] = { 24 }, efi[8 + 2 * 40] = { 40 }, rsdp[36] = "RSD PTR ";
	u64 ram[3] = { MB(1), MB(63), 1 }, efi_ram[5] = { 7, MB(1), 0, 100, 0 };
	size_t at = 8;

	memset(memory, 0, 8192);
	memcpy(map + 8, ram, sizeof(ram));
	memcpy(efi + 8, efi_ram, sizeof(efi_ram));
	efi_ram[0] = 6;
	efi_ram[1] = MB(2);
	memcpy(efi + 8 + 40, efi_ram, sizeof(efi_ram));
	memcpy(&module[2], "a b", 4);
	at = add_tag(at, TAG_CMDLINE, "placeholder x=1", 16);
	at = add_tag(at, TAG_MODULE, module, sizeof(module));
	at = add_tag(at, TAG_LOADER, "GRUB 2.06", 10);
	if (plain_map)
		at = add_tag(at, TAG_MMAP, map, sizeof(map));
	at = add_tag(at, TAG_EFI_MMAP, efi, sizeof(efi));
	at = add_tag(at, TAG_EFI64, ram, 8);
	at = add_tag(at, TAG_RSDP2, rsdp, sizeof(rsdp));
	at = add_tag(at, TAG_END, "", 0);
	put32(0, at);
}

static void test_mb2(void)
{
	size_t efi_map;

	build_mb2(false);
	fresh();
	check(!boot_info_parse(MB2_LOADED, 0), "multiboot 2");
	check(!strcmp(boot_info.cmdline, "placeholder x=1") && !strcmp(boot_info.module[0].args, "a b"),
	      "GRUB 2 leaves the file names out");
	check(boot_info.efi_system_table == MB(1) && boot_info.rsdp && !memcmp(rsdp_copy, "RSD PTR ", 8), "firmware tables");
	efi_map = boot_info.nr_e820;
	check(efi_map == 2 && boot_info.e820[0].size == 100 * 4096 && boot_info.e820[1].type == 2, "the EFI map");
	build_mb2(true);
	fresh();
	check(!boot_info_parse(MB2_LOADED, 0) && boot_info.nr_e820 == 1 && boot_info.e820[0].size == MB(63),
	      "the plain map is preferred");
	check(boot_info_parse(1, 0) != NULL, "another magic is refused");
}

/* ---- bzImage ---- */

static void test_bzimage(void)
{
	static u8 file[4096];
	struct bzimage bz;

	check(bzimage_open(&bz, file, sizeof(file)) == -ENOEXEC, "no bzImage");
	file[SETUP_SECTS] = 1;
	file[BOOT_FLAG] = 0x55;
	file[BOOT_FLAG + 1] = 0xaa;
	memcpy(file + HEADER, "HdrS", 4);
	file[VERSION] = 15;
	file[VERSION + 1] = 2;
	file[PAYLOAD_OFFSET] = 16;
	file[PAYLOAD_LENGTH + 1] = 4;			/* 1024 */
	file[1024 + 16 + 1020 + 2] = 1;			/* 64 KiB unpacked */
	check(!bzimage_open(&bz, file, sizeof(file)) && bz.payload == file + 1024 + 16 &&
	      bz.payload_size == 1020 && bz.unpacked_size == 65536, "the payload is found");
	check(bzimage_open(&bz, file, 2000) == -EINVAL, "a file that is cut off");
	check(bzimage_open(&bz, file, 300) == -ENOEXEC, "a file without a whole header");
	memset(file + PAYLOAD_OFFSET, 0xff, 8);
	check(bzimage_open(&bz, file, sizeof(file)) == -EINVAL, "sizes that wrap");
	file[VERSION] = 7;
	check(bzimage_open(&bz, file, sizeof(file)) == -ENOEXEC, "a protocol without payload fields");
}

/* ---- initrd ---- */

static size_t cpio(u8 *at, const char *name, size_t size)
{
	size_t n = sprintf((char *)at, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x%s",
			   0, 0, 0, 0, 0, 0, size, 0, 0, 0, 0, strlen(name) + 1, 0, name) + 1;

	n = ROUND_UP(n, 4);
	memset(at + n, 'x', size);
	return n + ROUND_UP(size, 4);
}

/* Each in an allocation of its exact size. */
static const char *initrd_verdict(const void *data, size_t size)
{
	void *copy = malloc(size);
	const char *verdict;

	memcpy(copy, data, size);
	verdict = initrd_check(copy, size);
	free(copy);
	return verdict;
}

static void test_initrd(void)
{
	static u8 file[4096];
	size_t n = cpio(file, "init", 333), whole;

	n += cpio(file + n, "TRAILER!!!", 0);
	whole = n;
	check(!initrd_verdict(file, whole), "a cpio archive");
	check(!initrd_verdict(file, whole + 512), "padded by zeroes");
	check(initrd_verdict(file, whole - 130) != NULL, "without its trailer");
	check(initrd_verdict(file, 200) != NULL, "cut off inside a file");
	check(initrd_verdict(file, 50) != NULL, "cut off inside a header");
	memcpy(file + whole, "\x1f\x8b rest", 7);
	check(!initrd_verdict(file, whole + 100), "an archive and a compressed one");
	check(!initrd_verdict("\x1f\x8b\x08", 3), "a compressed one");
	check(initrd_verdict("\xfd" "7zXZ\0aaaaaaaaaaaaaaaaaaaaaaa", 30) != NULL, "xz without its end");
	check(!initrd_verdict("\xfd" "7zXZ\0aaaaaaaaaaaaaaaaaaaaaYZ\0\0", 31), "xz with it");
	check(initrd_verdict("#!/bin/sh", 9) != NULL, "something else");
	for (unsigned int round = 0; round < 20000; round++) {
		u8 copy[1024];

		memcpy(copy, file, sizeof(copy));
		copy[host_random() % whole] = host_random();
		initrd_verdict(copy, host_random() % sizeof(copy));
	}
	check(true, "20000 damaged ones");
}

int main(void)
{
	memory = calloc(1, 8192);
	test_e820();
	test_e820_random();
	test_mb1("qemu", "kernel x=1  y", "x=1  y");
	test_mb1("GNU GRUB 0.97", "/boot/kernel x=1", "x=1");
	test_mb1("GRUB 2.06", "x=1 y", "x=1 y");
	test_mb2();
	test_bzimage();
	test_initrd();
	free(memory);
	return done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ELF reader gets whatever the boot loader loaded. Whatever the bytes are, it must read inside
 * them only (the sanitizers watch), give segments exactly as the headers say, and find notes.
 */
#include "host.h"
#include "../../hypervisor/lib/elf.c"

static struct {
	struct ehdr h;
	struct phdr p[3];
	u8 body[256];
} image;

struct put {
	u64 paddr;
	const void *src;
	size_t n;
};
static struct put puts_[8];
static unsigned int nr_puts;
static int put_result;

static int put(void *arg, u64 paddr, const void *src, size_t n)
{
	puts_[nr_puts++] = (struct put){ paddr, src, n };
	return put_result;
}

static size_t add_note(u8 *at, const char *name, u32 type, const void *desc, u32 size)
{
	struct nhdr n = { strlen(name) + 1, size, type };
	size_t desc_at = ROUND_UP(sizeof(n) + n.namesz, 4);

	memcpy(at, &n, sizeof(n));
	memcpy(at + sizeof(n), name, n.namesz);
	memcpy(at + desc_at, desc, size);
	return ROUND_UP(desc_at + size, 4);
}

#define BODY	(offsetof(__typeof__(image), body))

static void fresh(void)
{
	u64 entry = 0x1234;
	size_t n;

	memset(&image, 0, sizeof(image));
	memcpy(image.h.magic, "\177ELF", 4);
	image.h.class = 2;
	image.h.data = 1;
	image.h.machine = 62;
	image.h.entry = 0x100;
	image.h.phoff = offsetof(__typeof__(image), p);
	image.h.phentsize = sizeof(struct phdr);
	image.h.phnum = 3;
	image.p[0] = (struct phdr){ PT_LOAD, 5, BODY, 0, 0x200000, 64, 64, 4096 };
	image.p[1] = (struct phdr){ PT_LOAD, 6, BODY + 64, 0, 0x100000, 32, 96, 4096 };
	n = add_note(image.body + 128, "GNU", 1, &entry, 5);
	n += add_note(image.body + 128 + n, "Xen", 2, &entry, 4);
	n += add_note(image.body + 128 + n, "Xen", 1, &entry, 8);
	image.p[2] = (struct phdr){ PT_NOTE, 4, BODY + 128, 0, 0, n, n, 4 };
}

static int reopen(struct elf_image *elf, size_t size)
{
	return elf_open(elf, &image, size);
}

static void test_good(void)
{
	struct elf_image elf;
	u32 size;
	const void *desc;

	fresh();
	check(reopen(&elf, sizeof(image)) == 0, "a good image opens");
	check(elf.paddr_min == 0x100000 && elf.paddr_max == 0x200040, "its extent is that of all segments");
	check(elf.entry == 0x100 && elf.machine == 62 && elf.bits == 64, "entry, machine and class are told");
	nr_puts = 0;
	check(elf_load(&elf, put, NULL) == 0 && nr_puts == 3, "three pieces are loaded");
	check(puts_[0].paddr == 0x200000 && puts_[0].n == 64 && puts_[0].src == image.body, "the first segment");
	check(puts_[1].paddr == 0x100000 && puts_[1].n == 32, "the second one's file part");
	check(puts_[2].paddr == 0x100020 && puts_[2].n == 64 && !puts_[2].src, "and its zeroes");
	nr_puts = 0;
	put_result = -EINVAL;
	check(elf_load(&elf, put, NULL) == -EINVAL && nr_puts == 1, "loading stops at the first error");
	put_result = 0;
	desc = elf_note(&elf, "Xen", 1, &size);
	check(desc && size == 8 && !memcmp(desc, "\x34\x12", 2), "a note behind others is found");
	check(!elf_note(&elf, "Xen", 3, &size) && !elf_note(&elf, "Xe", 1, &size), "only with name and type");
}

static void test_bad(void)
{
	struct elf_image elf;

	fresh();
	image.h.class = 1;
	check(reopen(&elf, sizeof(image)) == -ENOEXEC && elf.bits == 32, "32-bit ELF is told from no ELF");
	image.h.magic[0] = 'x';
	check(reopen(&elf, sizeof(image)) == -ENOEXEC && elf.bits == 0, "no ELF at all");
	fresh();
	check(reopen(&elf, 40) == -ENOEXEC, "shorter than a header");
	check(reopen(&elf, BODY + 63) == -EINVAL, "a segment that is cut off");
	image.p[0].filesz = ~0UL;
	check(reopen(&elf, sizeof(image)) == -EINVAL, "a file size that wraps");
	fresh();
	image.p[0].memsz = 10;
	check(reopen(&elf, sizeof(image)) == -EINVAL, "more in the file than in memory");
	fresh();
	image.p[0].paddr = ~0UL - 10;
	check(reopen(&elf, sizeof(image)) == -EINVAL, "an address that wraps");
	fresh();
	image.h.phoff = ~0UL - 8;
	check(reopen(&elf, sizeof(image)) == -EINVAL, "program headers outside");
	fresh();
	image.h.phentsize = 8;
	check(reopen(&elf, sizeof(image)) == -EINVAL, "program headers of another size");
	fresh();
	image.h.phnum = 0;
	check(reopen(&elf, sizeof(image)) == -EINVAL, "nothing to load");
}

/* Random damage in a copy of exact size: nothing outside is ever touched. */
static void test_random(void)
{
	for (unsigned int round = 0; round < 20000; round++) {
		size_t size = sizeof(image) - host_random() % 64;
		struct elf_image elf;
		u8 *copy = malloc(size);
		u32 n;

		fresh();
		memcpy(copy, &image, size);
		for (unsigned int i = host_random() % 8; i; i--)
			copy[host_random() % size] = host_random();
		nr_puts = 0;
		if (!elf_open(&elf, copy, size)) {
			const u8 *desc = elf_note(&elf, "Xen", 1, &n);

			require(!desc || (desc >= copy && desc + n <= copy + size), "a note outside, round %u", round);
			elf_load(&elf, put, NULL);
			for (unsigned int i = 0; i < nr_puts; i++)
				require(!puts_[i].src || ((const u8 *)puts_[i].src >= copy &&
					(const u8 *)puts_[i].src + puts_[i].n <= copy + size),
					"a segment outside, round %u", round);
		}
		free(copy);
	}
	check(true, "20000 damaged images were read inside their bounds");
}

int main(void)
{
	test_good();
	test_bad();
	test_random();
	return done();
}

// SPDX-License-Identifier: GPL-2.0-only
/* Kernel images: every compression, every truncation, and the layout that is made for them. */
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include "lib.h"
#include "image.c"
#include "image-elf.c"
#include "image-compact.c"
#include "image-cache.c"
#include "pv-layout.c"

#define ELF_BYTES 0x3000

/* An ELF kernel with one segment at 1 MiB and the notes of a PV kernel. */
static size_t make_elf(uint8_t *to)
{
	Elf64_Ehdr *h = (void *)to;
	Elf64_Phdr *p = (void *)(to + sizeof(*h));
	uint32_t *note = (void *)(to + 0x200);

	memset(to, 0, ELF_BYTES);
	memcpy(h->e_ident, ELFMAG, SELFMAG);
	h->e_ident[EI_CLASS] = ELFCLASS64;
	h->e_machine = EM_X86_64;
	h->e_phoff = sizeof(*h);
	h->e_phentsize = sizeof(*p);
	h->e_phnum = 2;
	p[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = 0x1000, .p_paddr = 1 << 20, .p_filesz = 0x2000, .p_memsz = 0x5000 };
	p[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = 0x200, .p_filesz = 4 * 20 + 24 };
	note[0] = 4, note[1] = 8, note[2] = XEN_ELFNOTE_VIRT_BASE, memcpy(&note[3], "Xen", 4);
	*(uint64_t *)&note[4] = 0xffffffff80000000;
	note += 6;
	note[0] = 4, note[1] = 8, note[2] = XEN_ELFNOTE_XEN_VERSION, memcpy(&note[3], "Xen", 4);
	memcpy(&note[4], "xen-3.0", 8);
	note += 6;
	note[0] = 4, note[1] = 8, note[2] = XEN_ELFNOTE_ENTRY, memcpy(&note[3], "Xen", 4);
	*(uint64_t *)&note[4] = 0xffffffff80100000;
	note += 6;
	note[0] = 4, note[1] = 4, note[2] = XEN_ELFNOTE_MOD_START_PFN, memcpy(&note[3], "Xen", 4);
	note[4] = 1;
	memset(to + 0x1000, 0x5a, 0x2000);
	return ELF_BYTES;
}

static size_t gzip_it(uint8_t *to, size_t room, const uint8_t *from, size_t size)
{
	z_stream z = { .next_in = (uint8_t *)from, .avail_in = size, .next_out = to, .avail_out = room };

	deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return z.total_out;
}

static size_t append_size(uint8_t *to, size_t n, size_t size)
{
	uint32_t length = size;

	memcpy(to + n, &length, 4);
	return n + 4;
}

static size_t xz_it(uint8_t *to, size_t room, const uint8_t *from, size_t size)
{
	size_t n = 0;

	if (lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, from, size, to, &n, room - 4))
		abort();
	return append_size(to, n, size);
}

static size_t zstd_it(uint8_t *to, size_t room, const uint8_t *from, size_t size)
{
	return append_size(to, ZSTD_compress(to, room - 4, from, size, 3), size);
}

static size_t lzma_it(uint8_t *to, size_t room, const uint8_t *from, size_t size)
{
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_options_lzma options;

	lzma_lzma_preset(&options, 6);
	if (lzma_alone_encoder(&z, &options))
		abort();
	z.next_in = from, z.avail_in = size, z.next_out = to, z.avail_out = room - 4;
	if (lzma_code(&z, LZMA_FINISH) != LZMA_STREAM_END)
		abort();
	lzma_end(&z);
	return append_size(to, z.total_out, size);
}

/* One block of the legacy frame holds all of it. */
static size_t lz4_it(uint8_t *to, size_t room, const uint8_t *from, size_t size)
{
	static const uint8_t magic[4] = { 0x02, 0x21, 0x4c, 0x18 };
	uint32_t packed = LZ4_compress_default((const char *)from, (char *)to + 8, size, room - 12);

	memcpy(to, magic, 4);
	memcpy(to + 4, &packed, 4);
	return append_size(to, packed + 8, size);
}

static size_t plain_it(uint8_t *to, size_t room, const uint8_t *from, size_t size)
{
	(void)room;
	memcpy(to, from, size);
	return size;
}

/* The payload in a bzImage with one sector of setup code. */
static size_t make_bzimage(uint8_t *to, const uint8_t *payload, size_t size)
{
	uint32_t offset = 64, length = size;

	memset(to, 0, 1024 + offset);
	to[SETUP_SECTS] = 1;
	memcpy(to + HEADER_MAGIC, "HdrS", 4);
	to[VERSION] = 0x0f;
	to[VERSION + 1] = 2;
	memcpy(to + PAYLOAD_OFFSET, &offset, 4);
	memcpy(to + PAYLOAD_LENGTH, &length, 4);
	memcpy(to + 1024 + offset, payload, size);
	return 1024 + offset + size;
}

static const char *understand(const uint8_t *file, size_t size, struct image *image)
{
	const uint8_t *payload;
	size_t payload_size, unpacked_size = 0;
	uint8_t *unpacked;
	const char *wrong = image_payload(file, size, &payload, &payload_size) ?:
			    image_unpack(payload, payload_size, &unpacked, &unpacked_size);

	*image = (struct image){ 0 };
	if (wrong)
		return wrong;
	image->data = unpacked ?: payload;
	image->size = unpacked ? unpacked_size : payload_size;
	image->map = unpacked;
	image->mapped = unpacked ? unpacked_size : 0;
	return image_parse(image);
}

static void test_formats(void)
{
	static const struct { const char *name; size_t (*pack)(uint8_t *, size_t, const uint8_t *, size_t); } formats[] = {
		{ "gzip", gzip_it }, { "xz", xz_it }, { "zstd", zstd_it }, { "lzma", lzma_it }, { "lz4", lz4_it },
		{ "no compression", plain_it },
	};
	static uint8_t elf[ELF_BYTES], packed[ELF_BYTES * 2], file[ELF_BYTES * 3];
	struct image image;
	size_t i, n, cut, accepted;

	make_elf(elf);
	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		n = make_bzimage(file, packed, formats[i].pack(packed, sizeof(packed), elf, sizeof(elf)));
		check(!understand(file, n, &image) && image.segments == 1 && image.pv && image.mod_start_pfn &&
		      image.entry == 0xffffffff80100000 && image.paddr_end == (1 << 20) + 0x5000 &&
		      image.data[image.segment[0].offset] == 0x5a, "bzImage with %s", formats[i].name);
		image_free(&image);
		accepted = 0;
		for (cut = 0; cut < n; cut++) {
			accepted += !understand(file, cut, &image);
			image_free(&image);
		}
		check(!accepted, "%s: no truncated file is taken for a whole one", formats[i].name);
	}
}

static void test_damage(void)
{
	static uint8_t elf[ELF_BYTES];
	Elf64_Phdr *p = (void *)(elf + sizeof(Elf64_Ehdr));
	struct image image;

	make_elf(elf);
	p->p_filesz = ~0ull - 0xfff;
	check(understand(elf, sizeof(elf), &image), "a segment as large as memory");
	make_elf(elf);
	p->p_paddr = ~0ull - 0xfff;
	check(understand(elf, sizeof(elf), &image), "a segment that ends behind the end of addresses");
	make_elf(elf);
	p->p_memsz = 1;
	check(understand(elf, sizeof(elf), &image), "more in the file than in memory");
	make_elf(elf);
	((Elf64_Ehdr *)elf)->e_phoff = ~0ull - 8;
	check(understand(elf, sizeof(elf), &image), "program headers outside of the file");
	check(understand((const uint8_t *)"#!/bin/sh\n", 10, &image), "a script is no kernel");
}

static bool apart(const struct pv_range *a, const struct pv_range *b)
{
	return a->pfn + a->pages <= b->pfn || b->pfn + b->pages <= a->pfn;
}

/* Nothing overlaps, everything is inside, and the tables map all there is to be mapped. */
static bool sound(const struct pv_layout *l, uint64_t pages)
{
	const struct pv_range *r[] = { &l->kernel, &l->initrd, &l->p2m, &l->start_info, &l->store, &l->console, &l->tables,
				       &l->stack, &l->p2m_tables };
	size_t i, k;

	for (i = 0; i < 9; i++) {
		if (r[i]->pages && r[i]->pfn + r[i]->pages > pages)
			return false;
		for (k = 0; k < i; k++)
			if (r[i]->pages && r[k]->pages && !apart(r[i], r[k]))
				return false;
	}
	return l->tables.pages >= 1 + pv_tables(l->virt_base, l->virt_end) && l->stack.virt + PV_PAGE + SLACK <= l->virt_end;
}

static void test_layout(void)
{
	static uint8_t elf[ELF_BYTES];
	struct pv_layout l;
	struct image image;
	uint64_t pages, initrd;
	bool all = true, refused = false;

	make_elf(elf);
	understand(elf, sizeof(elf), &image);
	for (int variant = 0; variant < 4; variant++) {
		image.mod_start_pfn = variant & 1;
		image.init_p2m = variant & 2 ? 0x8000000000 : IMAGE_UNSET;
		for (pages = 64; pages < 1 << 22; pages = pages * 5 / 4 + 3) {
			for (initrd = 0; initrd < 1 << 28; initrd = initrd * 7 + 4097) {
				const char *wrong = pv_layout(&l, &image, pages, initrd);

				refused |= wrong != NULL;
				all &= wrong || sound(&l, pages);
			}
		}
	}
	check(all, "nothing overlaps in any layout");
	check(refused, "too little memory is refused");
	image.virt_base = 0x7fff00000000000;
	check(pv_layout(&l, &image, 1 << 20, 0), "an address that is none is refused");
}

#define LOADED 0x100000

static void load_into(uint8_t *to, const struct image *image)
{
	unsigned int i;

	memset(to, 0, LOADED);
	for (i = 0; i < image->segments; i++)
		memcpy(to + image->segment[i].paddr - (1 << 20), image->data + image->segment[i].offset,
		       image->segment[i].bytes);
}

/* What a guest finds in its memory is the same; of what is zero little is kept. */
static void test_compact(void)
{
	static uint8_t elf[ELF_BYTES + LOADED], before[LOADED], after[LOADED];
	Elf64_Phdr *p = (void *)(elf + sizeof(Elf64_Ehdr));
	struct image image, small;
	size_t size;

	make_elf(elf);
	p->p_offset = 0x1800;
	p->p_paddr += 0x800;
	p->p_filesz = 0xe0000;
	p->p_memsz = 0xf0000;
	memset(elf + 0x1000, 0, sizeof(elf) - 0x1000);
	elf[0x40fff] = elf[0x41000] = elf[0x43000] = elf[0x80000] = elf[0xe17ff] = 1;
	check(!understand(elf, sizeof(elf), &image), "a sparse kernel");
	small = (struct image){ .data = image_compact(&image, &size) };
	small.size = size;
	check(small.data && !image_parse(&small), "its compact form is understood");
	load_into(before, &image);
	load_into(after, &small);
	check(!memcmp(before, after, LOADED), "the memory is the same");
	check(small.segments == 4 && size < 0xa000, "%u stretches, %zu bytes", small.segments, size);
	check(small.paddr_start == image.paddr_start && small.paddr_end == image.paddr_end && small.pv &&
	      small.virt_base == image.virt_base && small.entry == image.entry && small.mod_start_pfn,
	      "place, size and notes are the same");
	munmap((void *)small.data, size);
	for (size = 0x1800; size < 0xe1000; size += 0x12000)
		elf[size] = 1;
	check(!image_compact(&image, &size) || size < sizeof(elf), "many stretches, or none");
}

int main(void)
{
	test_compact();
	test_formats();
	test_damage();
	test_layout();
	return done();
}

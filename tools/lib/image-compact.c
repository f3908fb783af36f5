// SPDX-License-Identifier: GPL-2.0-only
/*
 * Half of what a kernel's ELF file wants loaded is zero (.bss has a place in the file), and the memory of a new domain is
 * zero already. So an unpacked kernel is kept as an ELF file with a segment for each stretch that holds something:
 *
 *	ELF header, program headers │ stretch │ stretch │ … │ notes		(each on a page boundary)
 */
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include "image.h"

#define FILE_PAGE 4096ull
_Static_assert(sizeof(Elf64_Ehdr) + (IMAGE_SEGMENTS + 1) * sizeof(Elf64_Phdr) <= FILE_PAGE, "headers fill one page at most");
#define GAP (16 * FILE_PAGE)	/* a stretch costs a mapping: a shorter gap is copied along */

/* The end of the page that holds @at, by the address where it is loaded, or of the segment. */
static uint64_t next_page(const struct image_segment *s, uint64_t at)
{
	uint64_t next = at + FILE_PAGE - (s->paddr + at) % FILE_PAGE;

	return next < s->bytes ? next : s->bytes;
}

static bool page_is_zero(const struct image *image, const struct image_segment *s, uint64_t at)
{
	const uint8_t *p = image->data + s->offset + at;

	return !*p && !memcmp(p, p + 1, next_page(s, at) - at - 1);
}

/* Where a stretch that begins at @at ends: before a long gap. */
static uint64_t stretch_end(const struct image *image, const struct image_segment *s, uint64_t at)
{
	uint64_t end = at;

	for (; at < s->bytes && at - end <= GAP; at = next_page(s, at))
		if (!page_is_zero(image, s, at))
			end = next_page(s, at);
	return end;
}

static uint64_t gap_end(const struct image *image, const struct image_segment *s, uint64_t at)
{
	while (at < s->bytes && page_is_zero(image, s, at))
		at = next_page(s, at);
	return at;
}

/* Stretches, each with the gap behind it; a segment that begins with a gap has an empty one first. */
static bool split(const struct image *image, const struct image_segment *s, struct image_segment *to, unsigned int *n)
{
	uint64_t at = 0, end, next;

	do {
		if (*n == IMAGE_SEGMENTS)
			return false;
		end = stretch_end(image, s, at);
		next = gap_end(image, s, end);
		to[(*n)++] = (struct image_segment){
			.paddr = s->paddr + at, .offset = s->offset + at, .bytes = end - at,
			.memory = (next < s->bytes ? next : s->memory) - at,
		};
		at = next;
	} while (at < s->bytes);
	return true;
}

/* Room in the new file, at the same place in a page as in memory. */
static void place_piece(Elf64_Phdr *ph, size_t *size)
{
	ph->p_offset = *size + ph->p_paddr % FILE_PAGE;
	*size = (ph->p_offset + ph->p_filesz + FILE_PAGE - 1) & -FILE_PAGE;
}

/* The notes of all headers become one segment. */
static Elf64_Phdr describe_notes(const struct image *image, uint8_t *to)
{
	Elf64_Phdr all = { .p_type = PT_NOTE }, ph;
	Elf64_Ehdr header;
	unsigned int i;

	memcpy(&header, image->data, sizeof(header));
	for (i = 0; i < header.e_phnum; i++) {
		memcpy(&ph, image->data + header.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_NOTE || ph.p_offset > image->size || ph.p_filesz > image->size - ph.p_offset)
			continue;
		if (to)
			memcpy(to + all.p_filesz, image->data + ph.p_offset, ph.p_filesz);
		all.p_filesz += (ph.p_filesz + 3) & ~3ull;
	}
	return all;
}

static void write_file(const struct image *image, uint8_t *to, const Elf64_Phdr *ph, unsigned int n,
		       const struct image_segment *piece)
{
	Elf64_Ehdr header;
	unsigned int i;

	memcpy(&header, image->data, sizeof(header));
	header.e_phoff = sizeof(header);
	header.e_phnum = n + 1;
	header.e_shoff = header.e_shnum = header.e_shstrndx = 0;
	memcpy(to, &header, sizeof(header));
	memcpy(to + sizeof(header), ph, (n + 1) * sizeof(*ph));
	for (i = 0; i < n; i++)
		memcpy(to + ph[i].p_offset, image->data + piece[i].offset, piece[i].bytes);
	describe_notes(image, to + ph[n].p_offset);
}

uint8_t *image_compact(const struct image *image, size_t *size)
{
	struct image_segment piece[IMAGE_SEGMENTS];
	Elf64_Phdr ph[IMAGE_SEGMENTS + 1];
	unsigned int n = 0, i;
	uint8_t *to;

	for (i = 0; i < image->segments; i++)
		if (!split(image, &image->segment[i], piece, &n))
			return NULL;
	*size = FILE_PAGE;
	for (i = 0; i < n; i++) {
		ph[i] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_paddr = piece[i].paddr, .p_filesz = piece[i].bytes,
				      .p_memsz = piece[i].memory };
		place_piece(&ph[i], size);
	}
	ph[n] = describe_notes(image, NULL);
	place_piece(&ph[n], size);
	to = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (to == MAP_FAILED)
		return NULL;
	write_file(image, to, ph, n, piece);
	return to;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel images of guests: a bzImage (its payload unpacked) or a plain ELF file, both perhaps compressed as a whole.
 * What a builder needs of one is in struct image.
 */
#ifndef TOOLS_IMAGE_H
#define TOOLS_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#define IMAGE_SEGMENTS 40
#define IMAGE_UNSET (~0ull)

struct image_segment {
	uint64_t paddr;		/* where it goes, in the guest's pseudo-physical memory as the ELF header counts it */
	uint64_t memory;	/* bytes there … */
	uint64_t bytes;		/* … of which so many come from the file, the rest is zero */
	uint64_t offset;
};

/**
 * struct image - an unpacked kernel and its Xen notes (XEN_ELFNOTE_*, include/xen/elfnote.h)
 * @data: the ELF file; the segments lie inside
 * @map, @mapped: what image_free() unmaps; nothing when the data is the caller's
 */
struct image {
	const uint8_t *data;
	size_t size;
	void *map;
	size_t mapped;
	struct image_segment segment[IMAGE_SEGMENTS];
	unsigned int segments;
	uint64_t paddr_start, paddr_end;

	uint64_t entry;			/* virtual address; the ELF header's if no note says */
	uint64_t virt_base;		/* IMAGE_UNSET without a note */
	uint64_t paddr_offset;
	uint64_t hypercall_page;	/* IMAGE_UNSET: none wanted */
	uint64_t init_p2m;		/* IMAGE_UNSET: p2m behind the kernel */
	uint64_t phys32_entry;		/* PVH entry; IMAGE_UNSET: none */
	bool mod_start_pfn;		/* the initrd need not be mapped */
	bool pv;			/* says that it is a Xen PV kernel for this ABI */
	char guest_os[24];
};

/**
 * image_load - read, unpack and understand a kernel file
 *
 * Return: 0, the image to be given up with image_free(); -errno after a message that names the file and the fault.
 */
int image_load(const char *path, struct image *image);
void image_free(struct image *image);

/**
 * image_payload - the compressed or plain ELF inside a bzImage; the file itself when it is none
 *
 * Return: NULL and @payload, or what is wrong.
 */
const char *image_payload(const uint8_t *file, size_t size, const uint8_t **payload, size_t *payload_size);

/**
 * image_unpack - undo gzip, xz, lzma, lz4 or zstd
 * @out: a new mapping of *@out_size bytes (munmap it); NULL when the data is not compressed
 *
 * The unpacked size is what the last four bytes say (kernel's own format) and at most IMAGE_MAX.
 *
 * Return: NULL or what is wrong.
 */
const char *image_unpack(const uint8_t *data, size_t size, uint8_t **out, size_t *out_size);
#define IMAGE_MAX (512u << 20)

/**
 * image_parse - fill in @image from the ELF file at image->data
 *
 * Return: NULL or what is wrong. Nothing outside of the file is read whatever it contains.
 */
const char *image_parse(struct image *image);

/**
 * image_compact - the same kernel as an ELF file without long stretches of zeroes
 * @image: parsed
 *
 * Return: a new mapping of *@size bytes that image_parse() understands, or NULL: the kernel stays as it is.
 */
uint8_t *image_compact(const struct image *image, size_t *size);

#endif

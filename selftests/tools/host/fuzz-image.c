// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a kernel file: nothing outside of it is read, and what is accepted has a layout inside of the guest. */
#include <stdint.h>
#include "lib.h"
#include "image.c"
#include "image-elf.c"
#include "image-compact.c"
#include "image-cache.c"
#include "pv-layout.c"

/* What is kept of a kernel that was accepted is accepted, too. */
static void compact_too(const struct image *image)
{
	struct image small = { 0 };

	small.data = image_compact(image, &small.size);
	if (small.data && (image_parse(&small) || small.paddr_start != image->paddr_start || small.entry != image->entry))
		abort();
	if (small.data)
		munmap((void *)small.data, small.size);
}

static void parse(const uint8_t *data, size_t size)
{
	struct image image = { .data = data, .size = size };
	volatile uint8_t sum = 0;
	struct pv_layout l;
	unsigned int i;

	if (image_parse(&image))
		return;
	for (i = 0; i < image.segments; i++)
		if (image.segment[i].bytes)
			sum += data[image.segment[i].offset] + data[image.segment[i].offset + image.segment[i].bytes - 1];
	compact_too(&image);
	if (!pv_layout(&l, &image, 1 << 15, 12345) && l.end > 1 << 15)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *payload;
	size_t payload_size, unpacked_size;
	uint8_t *unpacked;

	parse(data, size);
	if (image_payload(data, size, &payload, &payload_size))
		return 0;
	parse(payload, payload_size);
	/* An honest size only: the limit itself would make each input slow. */
	if (payload_size < 4 || get32(payload + payload_size - 4) > 1 << 20)
		return 0;
	if (!image_unpack(payload, payload_size, &unpacked, &unpacked_size) && unpacked) {
		parse(unpacked, unpacked_size);
		munmap(unpacked, unpacked_size);
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A look at the initrd, so that a cut-off file is told in one line instead of by a Domain0 that
 * finds no root. Uncompressed cpio archives are walked; of a compressed one that follows (or comes
 * first) only the format and, where it has one, the end mark are known.
 */
#include "boot.h"

#define CPIO_HEADER	110

static bool __init is_compressed(const u8 *p, size_t n)
{
	static const struct {
		u8 magic[4];
		u8 size;
	} formats[] __initconst = {
		{ { 0x1f, 0x8b }, 2 }, { { 0xfd, '7', 'z', 'X' }, 4 }, { { 0x28, 0xb5, 0x2f, 0xfd }, 4 },
		{ { 'B', 'Z', 'h' }, 3 }, { { 0x5d, 0, 0 }, 3 }, { { 0x89, 'L', 'Z', 'O' }, 4 },
		{ { 0x02, 0x21, 0x4c, 0x18 }, 4 }, { { 0x04, 0x22, 0x4d, 0x18 }, 4 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++)
		if (n >= formats[i].size && !memcmp(p, formats[i].magic, formats[i].size))
			return true;
	return false;
}

static u32 __init hex8(const u8 *p)
{
	char text[9];

	memcpy(text, p, 8);
	text[8] = '\0';
	return lib_strtoull(text, NULL, 16);
}

/* Bytes of the archive member at @p, or 0 when it does not end inside @n bytes. */
static size_t __init member_size(const u8 *p, size_t n)
{
	u64 size;

	if (n < CPIO_HEADER)
		return 0;
	size = ROUND_UP((u64)CPIO_HEADER + hex8(p + 94), 4UL) + hex8(p + 54);
	if (size > n)
		return 0;
	return min_t(u64, ROUND_UP(size, 4UL), n);
}

const char * __init initrd_check(const void *data, size_t size)
{
	const u8 *p = data, *end = p + size;
	bool in_archive = false;

	while (p < end) {
		size_t n = end - p;

		if (n >= 6 && (!memcmp(p, "070701", 6) || !memcmp(p, "070702", 6))) {
			size_t step = member_size(p, n);

			if (!step)
				return "the initrd is cut off";
			in_archive = hex8(p + 94) != 11 || memcmp(p + CPIO_HEADER, "TRAILER!!!", 11);
			p += step;
		} else if (in_archive) {
			return "the initrd is damaged or cut off";
		} else if (!*p) {
			p++;
		} else if (is_compressed(p, n)) {
			while (end > p && !end[-1])
				end--;
			if (*p == 0xfd && (end - p < 24 || memcmp(end - 2, "YZ", 2)))
				return "the initrd is cut off";
			return NULL;
		} else {
			return p == data ? "the second module is not an initrd" : "the initrd is damaged";
		}
	}
	return in_archive ? "the initrd is cut off" : NULL;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Linux/x86 boot protocol's file: real-mode sectors with a header, then a decompressor in
 * which the compressed kernel is embedded; its last four bytes say how big it is unpacked.
 * Offsets: Documentation/arch/x86/boot.rst of Linux.
 */
#include "boot.h"

#define SETUP_SECTS	0x1f1
#define BOOT_FLAG	0x1fe
#define HEADER		0x202
#define VERSION		0x206
#define PAYLOAD_OFFSET	0x248
#define PAYLOAD_LENGTH	0x24c
#define HEADER_END	0x250

static u32 __init le32(const u8 *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
}

int __init bzimage_open(struct bzimage *bz, const void *data, size_t size)
{
	const u8 *d = data;
	size_t start, length;

	if (size < HEADER_END || d[BOOT_FLAG] != 0x55 || d[BOOT_FLAG + 1] != 0xaa ||
	    memcmp(d + HEADER, "HdrS", 4) || d[VERSION + 1] < 2 ||
	    (d[VERSION + 1] == 2 && d[VERSION] < 8))
		return -ENOEXEC;
	start = ((d[SETUP_SECTS] ?: 4) + 1UL) * 512 + le32(d + PAYLOAD_OFFSET);
	length = le32(d + PAYLOAD_LENGTH);
	if (length < 8 || start > size || length > size - start)
		return -EINVAL;
	bz->payload = d + start;
	bz->payload_size = length - 4;
	bz->unpacked_size = le32(d + start + length - 4);
	return bz->unpacked_size ? 0 : -EINVAL;
}

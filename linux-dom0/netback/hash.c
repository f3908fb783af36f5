// SPDX-License-Identifier: GPL-2.0-only
/* See hash.h. */
#include "hash.h"

u32 toeplitz_hash(const u8 *key, const u8 *input, unsigned int bytes)
{
	u64 window = 0;	/* the key from the present bit on, in the upper half; bits to come below */
	u32 hash = 0;
	unsigned int i, bit;

	for (i = 0; i < 8; i++)
		window = window << 8 | key[i];
	for (i = 0; i < bytes; i++) {
		for (bit = 0; bit < 8; bit++) {
			if (input[i] & (0x80 >> bit))
				hash ^= window >> 32;
			window <<= 1;
		}
		window |= i + 8 < HASH_KEY_BYTES ? key[i + 8] : 0;
	}
	return hash;
}

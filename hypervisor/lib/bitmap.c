// SPDX-License-Identifier: GPL-2.0-only
/* Searching bit maps: whole words at a time, bits behind the end never looked at. */
#include <xenolith/lib.h>

unsigned int find_next_bit(const unsigned long *map, unsigned int bits, unsigned int from)
{
	unsigned long word;

	if (from >= bits)
		return bits;
	word = map[from / 64] & (~0UL << (from % 64));
	from = ROUND_DOWN(from, 64);
	while (!word) {
		from += 64;
		if (from >= bits)
			return bits;
		word = map[from / 64];
	}
	return min(from + ffs64(word), bits);
}

#if !__STDC_HOSTED__
/* What the compiler calls for __builtin_popcountl() on processors that may lack the instruction. */
int __popcountdi2(long x);
int __popcountdi2(long x)
{
	u64 n = x;

	n -= n >> 1 & 0x5555555555555555;
	n = (n & 0x3333333333333333) + (n >> 2 & 0x3333333333333333);
	n = (n + (n >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return n * 0x0101010101010101 >> 56;
}
#endif

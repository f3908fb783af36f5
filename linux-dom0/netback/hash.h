/* SPDX-License-Identifier: GPL-2.0-only */
/* The Toeplitz hash over addresses and ports, which a frontend may choose to spread packets over its queues. Pure. */
#ifndef NETBACK_HASH_H
#define NETBACK_HASH_H

#include <linux/types.h>

#define HASH_KEY_BYTES	40
#define HASH_INPUT_MAX	36	/* two IPv6 addresses, two ports */

/**
 * toeplitz_hash() - for each bit set in the input, the 32 bits of the key from there on, all xored
 * @key: HASH_KEY_BYTES
 * @input: addresses and ports as in the packet
 * @bytes: at most HASH_INPUT_MAX
 */
u32 toeplitz_hash(const u8 *key, const u8 *input, unsigned int bytes);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* What builders share. */
#ifndef TOOLS_BUILD_COMMON_H
#define TOOLS_BUILD_COMMON_H

#include "build.h"

/* An entry of the memory map, as BIOS call 0xe820 gives it. */
struct __attribute__((packed)) e820_entry {
	uint64_t addr, size;
	uint32_t type;
};
#define E820_RAM 1

/** build_copy, build_zero - for pieces far larger than a cache */
void build_copy(uint8_t *to, const uint8_t *from, size_t bytes);
void build_zero(uint8_t *to, size_t bytes);

/** build_map - frames of the new domain, by the numbers that its kind of guest goes by; NULL after a message */
void *build_map(struct host *h, const struct build *b, const xen_pfn_t *frame, size_t pages);
void build_unmap(struct host *h, void *p, size_t pages);

/** build_open_ramdisk - *@fd -1 and *@bytes 0 when there is none. Return: 0 or -errno after a message. */
int build_open_ramdisk(const struct build *b, int *fd, uint64_t *bytes);
int build_copy_ramdisk(const struct build *b, void *to, int fd, uint64_t bytes);

/** build_limits - how much memory it may own, and its memory map. -errno of the map comes without a message. */
int build_limits(struct host *h, const struct build *b, const struct e820_entry *entry, unsigned int entries);

/** build_grants - the two reserved grants of store and console page (b->store_mfn, b->console_mfn) */
int build_grants(struct host *h, const struct build *b);

#endif

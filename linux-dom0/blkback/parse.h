/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a frontend's request says, and whether it can be meant. Pure: it works on private copies and calls no service.
 */
#ifndef BLKBACK_PARSE_H
#define BLKBACK_PARSE_H

#include <linux/types.h>
#include <xenolith/blkif.h>

/* Segments of an indirect request, at most; what we tell frontends. */
#define BLK_MAX_SEGMENTS 256

/**
 * enum blk_abi - the layout of a frontend's requests
 * @BLK_ABI_NATIVE: ours, that of x86_64
 * @BLK_ABI_X86_32: without the padding in front of the id
 */
enum blk_abi { BLK_ABI_NATIVE, BLK_ABI_X86_32 };

/* Distance of two entries of a ring, and what a ring begins with. */
#define BLK_RING_HEADER 64
static inline unsigned int blk_entry_size(enum blk_abi abi)
{
	return abi == BLK_ABI_X86_32 ? 108 : 112;
}

enum blk_kind { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_BARRIER, BLK_DISCARD };

/**
 * struct blk_request - a request, checked
 * @id: the frontend's, for the response
 * @op: the operation of the response
 * @sector: where it begins, in units of 512 bytes
 * @sectors: how many, for a discard; that of others is what their segments come to
 * @segments: 0 for a discard, and for a flush without data
 * @tables: pages of descriptors; 0: they are in the request itself
 * @secure: of a discard
 */
struct blk_request {
	u64 id, sector, sectors;
	enum blk_kind kind;
	u16 segments;
	u8 op, tables;
	bool secure;
};

/**
 * blk_copy_request() - make a private copy of an entry of a ring, in the native layout
 *
 * The one place that reads requests from shared memory. Nothing is known of it yet.
 */
void blk_copy_request(struct blkif_request *to, const void *entry, enum blk_abi abi);

/**
 * blk_parse() - check a request but for its segments
 *
 * Return: NULL, or what is wrong with it. @req->id and @req->op are set in any case.
 */
const char *blk_parse(const struct blkif_request *raw, struct blk_request *req);

/**
 * blk_parse_segments() - check descriptors, and add them up into @req->sectors
 * @segments: private copies of @req->segments of them
 *
 * Return: NULL, or what is wrong with them
 */
const char *blk_parse_segments(const struct blkif_request_segment *segments, struct blk_request *req);

/* Whether @sectors from @sector on are on a device of @capacity. */
static inline bool blk_in_range(u64 sector, u64 sectors, u64 capacity)
{
	return sectors <= capacity && sector <= capacity - sectors;
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests have three shapes that share their first bytes: data with descriptors in the request, data with descriptors in
 * pages of their own (indirect), discard. On x86_32 four bytes of padding behind the fourth byte are missing, in all three.
 */
#include <linux/string.h>
#include "parse.h"

#define ABI_GAP_AT 4
#define ABI_GAP 4

void blk_copy_request(struct blkif_request *to, const void *entry, enum blk_abi abi)
{
	if (abi == BLK_ABI_X86_32) {
		memcpy(to, entry, ABI_GAP_AT);
		memcpy((char *)to + ABI_GAP_AT + ABI_GAP, entry + ABI_GAP_AT, sizeof(*to) - ABI_GAP_AT - ABI_GAP);
	} else {
		memcpy(to, entry, sizeof(*to));
	}
	barrier();	/* the copy is made here, whatever the compiler knows of the other side */
}

static const char *kind_of(u8 op, enum blk_kind *kind)
{
	switch (op) {
	case BLKIF_OP_READ:
		*kind = BLK_READ;
		return NULL;
	case BLKIF_OP_WRITE:
		*kind = BLK_WRITE;
		return NULL;
	case BLKIF_OP_WRITE_BARRIER:
		*kind = BLK_BARRIER;
		return NULL;
	case BLKIF_OP_FLUSH_DISKCACHE:
		*kind = BLK_FLUSH;
		return NULL;
	default:
		return "an unknown operation";
	}
}

static const char *parse_direct(const struct blkif_request *raw, struct blk_request *req)
{
	const char *wrong = kind_of(raw->operation, &req->kind);

	if (wrong)
		return wrong;
	req->sector = raw->u.rw.sector_number;
	req->segments = raw->u.rw.nr_segments;
	if (req->segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
		return "more segments than a request has";
	if (!req->segments && req->kind != BLK_FLUSH && req->kind != BLK_BARRIER)
		return "no segments";
	return NULL;
}

static const char *parse_indirect(const struct blkif_request *raw, struct blk_request *req)
{
	const char *wrong = kind_of(raw->u.indirect.indirect_op, &req->kind);

	req->op = raw->u.indirect.indirect_op;
	if (wrong || (req->kind != BLK_READ && req->kind != BLK_WRITE))
		return "an indirect operation that is neither read nor write";
	req->sector = raw->u.indirect.sector_number;
	req->segments = raw->u.indirect.nr_segments;
	if (!req->segments || req->segments > BLK_MAX_SEGMENTS)
		return "a number of indirect segments that is not offered";
	req->tables = blkif_indirect_pages(req->segments);
	return NULL;
}

static const char *parse_discard(const struct blkif_request *raw, struct blk_request *req)
{
	req->kind = BLK_DISCARD;
	req->sector = raw->u.discard.sector_number;
	req->sectors = raw->u.discard.nr_sectors;
	req->secure = raw->u.discard.flag & BLKIF_DISCARD_SECURE;
	return NULL;
}

const char *blk_parse(const struct blkif_request *raw, struct blk_request *req)
{
	/* The id is at the same place in all shapes. */
	*req = (struct blk_request) { .id = raw->u.rw.id, .op = raw->operation };
	switch (raw->operation) {
	case BLKIF_OP_INDIRECT:
		return parse_indirect(raw, req);
	case BLKIF_OP_DISCARD:
		return parse_discard(raw, req);
	default:
		return parse_direct(raw, req);
	}
}

const char *blk_parse_segments(const struct blkif_request_segment *segments, struct blk_request *req)
{
	unsigned int n;

	for (n = 0; n < req->segments; n++) {
		if (segments[n].last_sect >= BLKIF_SECTORS_PER_PAGE)
			return "a segment that goes beyond its page";
		if (segments[n].first_sect > segments[n].last_sect)
			return "a segment that ends before it begins";
		req->sectors += segments[n].last_sect - segments[n].first_sect + 1;
	}
	return NULL;
}

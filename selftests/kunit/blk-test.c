// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pure parts of the block drivers: what a frontend's request may say (each field of it wrong in turn), the two layouts of
 * requests, arithmetic of rings and descriptors, numbers and names of disks.
 */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/module.h>
#include "linux-dom0/blkback/parse.c"
#include "linux-guest/blkfront/vdev.c"

static struct blkif_request read_request(unsigned int segments)
{
	struct blkif_request raw = { .operation = BLKIF_OP_READ };

	raw.u.rw.id = 0x1122334455667788;
	raw.u.rw.nr_segments = segments;
	raw.u.rw.sector_number = 77;
	return raw;
}

static struct blkif_request indirect_request(unsigned int op, unsigned int segments)
{
	struct blkif_request raw = { .operation = BLKIF_OP_INDIRECT };

	raw.u.indirect.id = 5;
	raw.u.indirect.indirect_op = op;
	raw.u.indirect.nr_segments = segments;
	raw.u.indirect.sector_number = 99;
	return raw;
}

static void good_requests_are_understood(struct kunit *test)
{
	struct blkif_request raw = read_request(11);
	struct blk_request req;

	KUNIT_ASSERT_NULL(test, blk_parse(&raw, &req));
	KUNIT_EXPECT_EQ(test, req.kind, BLK_READ);
	KUNIT_EXPECT_EQ(test, req.id, 0x1122334455667788);
	KUNIT_EXPECT_EQ(test, req.segments, 11);
	KUNIT_EXPECT_EQ(test, req.sector, 77);
	KUNIT_EXPECT_EQ(test, req.tables, 0);
	raw = indirect_request(BLKIF_OP_WRITE, BLK_MAX_SEGMENTS);
	KUNIT_ASSERT_NULL(test, blk_parse(&raw, &req));
	KUNIT_EXPECT_EQ(test, req.kind, BLK_WRITE);
	/* Frontends compare the response's operation with the one that is behind the indirection. */
	KUNIT_EXPECT_EQ(test, req.op, BLKIF_OP_WRITE);
	KUNIT_EXPECT_EQ(test, req.tables, 1);
	KUNIT_EXPECT_EQ(test, req.sector, 99);
	raw = (struct blkif_request) { .operation = BLKIF_OP_FLUSH_DISKCACHE };
	KUNIT_EXPECT_NULL(test, blk_parse(&raw, &req));
	raw = (struct blkif_request) { .operation = BLKIF_OP_DISCARD };
	raw.u.discard.flag = BLKIF_DISCARD_SECURE;
	raw.u.discard.nr_sectors = U64_MAX;
	KUNIT_ASSERT_NULL(test, blk_parse(&raw, &req));
	KUNIT_EXPECT_TRUE(test, req.secure);
	KUNIT_EXPECT_EQ(test, req.segments, 0);
	KUNIT_EXPECT_FALSE(test, blk_in_range(req.sector, req.sectors, 1000));
}

static void numbers_of_segments_are_bounded(struct kunit *test)
{
	struct blk_request req;
	unsigned int n;

	for (n = 0; n < 256; n++) {
		struct blkif_request raw = read_request(n);

		KUNIT_EXPECT_EQ(test, !blk_parse(&raw, &req), n >= 1 && n <= BLKIF_MAX_SEGMENTS_PER_REQUEST);
		KUNIT_EXPECT_EQ(test, req.id, 0x1122334455667788);
	}
	for (n = 0; n < 65536; n++) {
		struct blkif_request raw = indirect_request(BLKIF_OP_READ, n);

		if (!blk_parse(&raw, &req) != (n >= 1 && n <= BLK_MAX_SEGMENTS))
			KUNIT_FAIL(test, "%u indirect segments", n);
	}
}

static void unknown_operations_are_refused(struct kunit *test)
{
	struct blk_request req;
	unsigned int op;

	for (op = 0; op < 256; op++) {
		struct blkif_request raw = read_request(1), indirect = indirect_request(op, 12);
		bool known = op <= BLKIF_OP_FLUSH_DISKCACHE || op == BLKIF_OP_DISCARD;

		raw.operation = op;
		if (op != BLKIF_OP_INDIRECT)
			KUNIT_EXPECT_EQ_MSG(test, !blk_parse(&raw, &req), known, "operation %u", op);
		KUNIT_EXPECT_EQ_MSG(test, !blk_parse(&indirect, &req), op <= BLKIF_OP_WRITE, "indirect operation %u", op);
	}
}

/* Every pair of first and last sector, alone and as the last of a full request. */
static void segments_stay_in_their_page(struct kunit *test)
{
	struct blkif_request_segment segments[3] = { { .last_sect = 7 }, { .first_sect = 3, .last_sect = 3 } };
	unsigned int first, last;

	for (first = 0; first < 256; first++)
		for (last = 0; last < 256; last++) {
			struct blk_request req = { .segments = 3 };
			bool good = first <= last && last < 8;

			segments[2].first_sect = first;
			segments[2].last_sect = last;
			if (!blk_parse_segments(segments, &req) != good || (good && req.sectors != 8 + 1 + last - first + 1))
				KUNIT_FAIL(test, "sectors %u to %u", first, last);
		}
}

static void ranges_do_not_wrap(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, blk_in_range(0, 8, 8));
	KUNIT_EXPECT_TRUE(test, blk_in_range(8, 0, 8));
	KUNIT_EXPECT_FALSE(test, blk_in_range(1, 8, 8));
	KUNIT_EXPECT_FALSE(test, blk_in_range(U64_MAX, 8, 8));
	KUNIT_EXPECT_FALSE(test, blk_in_range(U64_MAX - 7, 8, 8));
	KUNIT_EXPECT_FALSE(test, blk_in_range(U64_MAX - 7, 8, U64_MAX));
	KUNIT_EXPECT_FALSE(test, blk_in_range(2, U64_MAX, 8));
	KUNIT_EXPECT_FALSE(test, blk_in_range(0, 1, 0));
}

/* On x86_32 the id follows the first four bytes at once. The last bytes of an entry are read, none behind it. */
static void both_layouts_say_the_same(struct kunit *test)
{
	struct blkif_request native = read_request(11), copy;
	u8 *entry = kunit_kzalloc(test, blk_entry_size(BLK_ABI_X86_32), GFP_KERNEL);

	native.u.rw.seg[10] = (struct blkif_request_segment) { .gref = 0xabcdef, .first_sect = 1, .last_sect = 6 };
	memcpy(entry, &native, 4);
	memcpy(entry + 4, (u8 *)&native + 8, 104);
	blk_copy_request(&copy, entry, BLK_ABI_X86_32);
	memset((u8 *)&copy + 4, 0, 4);
	KUNIT_EXPECT_EQ(test, memcmp(&copy, &native, sizeof(copy)), 0);
	blk_copy_request(&copy, &native, BLK_ABI_NATIVE);
	KUNIT_EXPECT_EQ(test, memcmp(&copy, &native, sizeof(copy)), 0);
}

static void ring_sizes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, blkif_ring_order(0, 1), 0u);
	KUNIT_EXPECT_EQ(test, blkif_ring_order(4, 16), 4u);
	KUNIT_EXPECT_EQ(test, blkif_ring_order(0, 8), 3u);
	KUNIT_EXPECT_EQ(test, blkif_ring_order(2, 1), 2u);
	KUNIT_EXPECT_EQ(test, blkif_ring_order(1, 3), UINT_MAX);
	KUNIT_EXPECT_EQ(test, blkif_ring_order(1, 0), UINT_MAX);
	KUNIT_EXPECT_EQ(test, blkif_indirect_pages(1), 1u);
	KUNIT_EXPECT_EQ(test, blkif_indirect_pages(512), 1u);
	KUNIT_EXPECT_EQ(test, blkif_indirect_pages(513), 2u);
}

static void disks_are_named(struct kunit *test)
{
	static const struct { u32 number; const char *name; unsigned int minor, minors; } good[] = {
		{ 202 << 8, "xvda", 0, 16 }, { 202 << 8 | 16, "xvdb", 16, 16 }, { 202 << 8 | 17, "xvdb1", 17, 1 },
		{ 3 << 8, "xvda", 0, 16 }, { 3 << 8 | 64, "xvdb", 16, 16 }, { 22 << 8, "xvdc", 32, 16 },
		{ 8 << 8 | 32, "xvdc", 32, 16 }, { 65 << 8, "xvdq", 256, 16 }, { 128 << 8, "xvddy", 2048, 16 },
		{ 1 << 28 | 26 << 8, "xvdaa", 26 * 256, 256 }, { 1 << 28 | 26 << 8 | 3, "xvdaa3", 26 * 256 + 3, 1 },
		{ 1 << 28 | 702 << 8, "xvdaaa", 702 * 256, 256 },
	};
	static const u32 bad[] = { 0, 9 << 8, 3 << 8 | 128, 3 << 8 | 32, 2 << 28, U32_MAX, 1 << 28 | 4096 << 8 };
	struct vdev vdev;
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(good); n++) {
		KUNIT_ASSERT_EQ_MSG(test, vdev_decode(good[n].number, &vdev), 0, "%s", good[n].name);
		KUNIT_EXPECT_STREQ(test, vdev.name, good[n].name);
		KUNIT_EXPECT_EQ(test, vdev.first_minor, good[n].minor);
		KUNIT_EXPECT_EQ(test, vdev.minors, good[n].minors);
	}
	for (n = 0; n < ARRAY_SIZE(bad); n++)
		KUNIT_EXPECT_EQ_MSG(test, vdev_decode(bad[n], &vdev), -ENODEV, "%#x", bad[n]);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(good_requests_are_understood),
	KUNIT_CASE(numbers_of_segments_are_bounded),
	KUNIT_CASE(unknown_operations_are_refused),
	KUNIT_CASE(segments_stay_in_their_page),
	KUNIT_CASE(ranges_do_not_wrap),
	KUNIT_CASE(both_layouts_say_the_same),
	KUNIT_CASE(ring_sizes),
	KUNIT_CASE(disks_are_named),
	{}
};

static struct kunit_suite suite = {
	.name = "blk",
	.test_cases = cases,
};
kunit_test_suites(&suite);

MODULE_LICENSE("GPL");

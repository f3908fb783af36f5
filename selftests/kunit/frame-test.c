// SPDX-License-Identifier: GPL-2.0-only
/*
 * That the frame itself works: suites run, the kernel's checks of memory are on, and the headers of the Xen interface can be
 * used where there is no Xen.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <xen/interface/io/blkif.h>

/* A suite whose out-of-bounds access went unseen would prove little about code that parses foreign bytes. */
static void memory_is_checked(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, IS_ENABLED(CONFIG_KASAN));
	KUNIT_EXPECT_TRUE(test, IS_ENABLED(CONFIG_UBSAN));
}

/* The layout that both ends of a ring agree on does not depend on where this runs. */
static void ring_layout_is_the_one_of_the_interface(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, sizeof(struct blkif_request), 112u);
	KUNIT_EXPECT_EQ(test, __CONST_RING_SIZE(blkif, PAGE_SIZE), 32u);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(memory_is_checked),
	KUNIT_CASE(ring_layout_is_the_one_of_the_interface),
	{}
};

static struct kunit_suite suite = {
	.name = "frame",
	.test_cases = cases,
};
kunit_test_suites(&suite);

MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places of backends in the store: what the bus takes for a device, which devices a change concerns, and what it refuses.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include "linux-dom0/bus/path.c"

static void depth_counts_names(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, backend_depth("backend"), 1);
	KUNIT_EXPECT_EQ(test, backend_depth("backend/vbd/1/51712"), 4);
	KUNIT_EXPECT_EQ(test, backend_depth("backend/vbd/1/51712/state"), 5);
	KUNIT_EXPECT_EQ(test, backend_depth("/local/domain/1/backend"), 0);
	KUNIT_EXPECT_EQ(test, backend_depth("backends/vbd"), 0);
	KUNIT_EXPECT_EQ(test, backend_depth("back"), 0);
	KUNIT_EXPECT_EQ(test, backend_depth("device/vbd/1/51712"), 0);
	KUNIT_EXPECT_EQ(test, backend_depth(""), 0);
	KUNIT_EXPECT_EQ(test, backend_depth("backend/"), 0);
	KUNIT_EXPECT_EQ(test, backend_depth("backend//vbd"), 0);
	KUNIT_EXPECT_EQ(test, backend_depth("backend/vbd/"), 0);
}

static void a_node_belongs_to_its_device(struct kunit *test)
{
	const size_t length = strlen("backend/vbd/1/51712");

	KUNIT_EXPECT_EQ(test, backend_device_length("backend/vbd/1/51712"), length);
	KUNIT_EXPECT_EQ(test, backend_device_length("backend/vbd/1/51712/state"), length);
	KUNIT_EXPECT_EQ(test, backend_device_length("backend/vbd/1/51712/queue-0/a/b"), length);
	KUNIT_EXPECT_EQ(test, backend_device_length("backend/vbd/1"), 0);
	KUNIT_EXPECT_EQ(test, backend_device_length("backend/vbd/1/"), 0);
	KUNIT_EXPECT_EQ(test, backend_device_length("backend"), 0);
	KUNIT_EXPECT_EQ(test, backend_device_length("device/vbd/1/51712"), 0);
}

/* Domain 1 goes; domain 10 and disk 517121 stay. */
static void what_is_removed_takes_whole_names(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, backend_covers("backend", "backend/vbd/1/51712"));
	KUNIT_EXPECT_TRUE(test, backend_covers("backend/vbd/1", "backend/vbd/1/51712"));
	KUNIT_EXPECT_TRUE(test, backend_covers("backend/vbd/1/51712", "backend/vbd/1/51712"));
	KUNIT_EXPECT_FALSE(test, backend_covers("backend/vbd/1", "backend/vbd/10/51712"));
	KUNIT_EXPECT_FALSE(test, backend_covers("backend/vbd/1/51712", "backend/vbd/1/517121"));
	KUNIT_EXPECT_FALSE(test, backend_covers("backend/vbd/1/51712/state", "backend/vbd/1/51712"));
	KUNIT_EXPECT_FALSE(test, backend_covers("backend/vif", "backend/vbd/1/51712"));
}

static void a_place_is_taken_apart(struct kunit *test)
{
	struct backend_name name;

	KUNIT_ASSERT_EQ(test, backend_parse("backend/vif/32751/0", &name), 0);
	KUNIT_EXPECT_STREQ(test, name.type, "vif");
	KUNIT_EXPECT_EQ(test, name.domain, 32751);
	KUNIT_EXPECT_STREQ(test, name.device, "0");
	KUNIT_EXPECT_EQ(test, backend_parse("backend/vkbd/7/a-b_c.d@e", &name), 0);
}

static void bad_places_are_refused(struct kunit *test)
{
	static const char *const bad[] = {
		"", "backend", "backend/vbd/1", "backend/vbd/1/2/3", "backend/vbd/1/", "backend/vbd//2", "backend//1/2",
		"backend/vbd/-1/2", "backend/vbd/x/2", "backend/vbd/1x/2", "backend/vbd/0x1/2", "backend/vbd/65536/2",
		"backend/vbd/32752/2", "backend/vbd/99999999/2", "backend/vbd/99999999999999999999/2", "backend/v d/1/2",
		"backend/vbd/1/a!b", "backend/vbd/1/a\nb", "backend/vbd/1/\xff",
		"backend/0123456789012345678901234567890123/1/2", "backend/vbd/1/0123456789012345678901234567890123",
		"device/vbd/1/2", "/backend/vbd/1/2",
	};
	struct backend_name name;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, backend_parse(bad[i], &name), -EINVAL, "%s", bad[i]);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(depth_counts_names),
	KUNIT_CASE(a_node_belongs_to_its_device),
	KUNIT_CASE(what_is_removed_takes_whole_names),
	KUNIT_CASE(a_place_is_taken_apart),
	KUNIT_CASE(bad_places_are_refused),
	{}
};

static struct kunit_suite suite = {
	.name = "bus",
	.test_cases = cases,
};
kunit_test_suites(&suite);

MODULE_LICENSE("GPL");

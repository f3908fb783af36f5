// SPDX-License-Identifier: GPL-2.0-only
/*
 * The books that gntdev keeps of what is mapped: whatever part of an array is mapped, and whatever the hypervisor refuses to
 * unmap, exactly what is still mapped is found again, in runs for one hypercall each.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include "linux-dom0/gntdev/handles.c"

#define COUNT 6

/* Array number @pattern: bit i says whether grant i is mapped. */
static void set_up(struct gnttab_unmap_grant_ref *ops, unsigned int pattern)
{
	unsigned int i;

	memset(ops, 0, COUNT * sizeof(*ops));
	handles_clear(ops, COUNT);
	for (i = 0; i < COUNT; i++) {
		if (pattern & 1u << i)
			ops[i].handle = i;
	}
}

static unsigned int mapped(const struct gnttab_unmap_grant_ref *ops)
{
	unsigned int i, pattern = 0;

	for (i = 0; i < COUNT; i++)
		pattern |= (ops[i].handle != NOT_MAPPED) << i;
	return pattern;
}

/* Every array: the runs cover what is mapped, all of it, once, in order, and none touches the next. */
static void runs_are_what_is_mapped(struct kunit *test)
{
	struct gnttab_unmap_grant_ref ops[COUNT];
	unsigned int pattern, seen, first, n, end;

	for (pattern = 0; pattern < 1u << COUNT; pattern++) {
		set_up(ops, pattern);
		seen = 0;
		end = 0;
		for (first = 0; (n = handles_next_run(ops, &first, COUNT)); first += n) {
			KUNIT_ASSERT_LE(test, first + n, COUNT);
			KUNIT_EXPECT_TRUE(test, !end || first > end);
			end = first + n;
			seen |= ((1u << n) - 1) << first;
		}
		KUNIT_EXPECT_EQ(test, seen, pattern);
		KUNIT_EXPECT_EQ(test, first, COUNT);
	}
}

/* A part of an address range is unmapped: nothing outside of it is touched. */
static void a_run_ends_where_it_is_told(struct kunit *test)
{
	struct gnttab_unmap_grant_ref ops[COUNT];
	unsigned int first = 2;

	set_up(ops, 0x3f);
	KUNIT_EXPECT_EQ(test, handles_next_run(ops, &first, 4), 2);
	KUNIT_EXPECT_EQ(test, first, 2);
	first = 4;
	KUNIT_EXPECT_EQ(test, handles_next_run(ops, &first, 4), 0);
}

/* Handle 0 is one like every other. */
static void what_was_refused_stays_mapped(struct kunit *test)
{
	struct gnttab_unmap_grant_ref ops[COUNT];
	unsigned int refused, i;

	for (refused = 0; refused < 1u << COUNT; refused++) {
		set_up(ops, 0x3f);
		for (i = 0; i < COUNT; i++)
			ops[i].status = refused & 1u << i ? GNTST_bad_handle : GNTST_okay;
		handles_note_unmapped(ops, COUNT);
		KUNIT_EXPECT_EQ(test, mapped(ops), refused);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(runs_are_what_is_mapped),
	KUNIT_CASE(a_run_ends_where_it_is_told),
	KUNIT_CASE(what_was_refused_stays_mapped),
	{}
};

static struct kunit_suite suite = {
	.name = "grant",
	.test_cases = cases,
};
kunit_test_suites(&suite);

MODULE_LICENSE("GPL");

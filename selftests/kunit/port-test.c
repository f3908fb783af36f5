// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pure parts of xen-port: free grant entries are handed out once and come back; bytes cross the store's ring whole and in
 * order, whatever the other side writes into its positions; a port is masked as long as there is a reason.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include "linux-guest/port/event-mask.h"
#include "linux-guest/port/grant-list.h"
#include "linux-guest/port/store-ring.h"

/* ---- grants ---- */

#define ENTRIES 100

static void entries_are_handed_out_once(struct kunit *test)
{
	static u32 next[ENTRIES], held[ENTRIES];
	struct grant_list l = { .next = next, .first = GRANT_LIST_END };
	unsigned int nr_held = 0, in_lists = 0, i, round;
	DECLARE_BITMAP(out, ENTRIES) = { };
	struct rnd_state random;

	for (i = 8; i < ENTRIES; i++)
		grant_list_put(&l, i);
	prandom_seed_state(&random, 2);
	for (round = 0; round < 20000; round++) {
		u32 n = prandom_u32_state(&random), count = n % 12, head, ref;

		if (n >> 16 & 1) {
			bool taken = grant_list_take(&l, count, &head);

			KUNIT_ASSERT_EQ(test, taken, count <= ENTRIES - 8 - in_lists);
			if (!taken || !count)
				continue;
			held[nr_held++] = head;
			for (ref = head; ref != GRANT_LIST_END; ref = next[ref], in_lists++)
				KUNIT_ASSERT_FALSE(test, __test_and_set_bit(ref, out));
		} else if (nr_held) {
			head = held[--nr_held];
			for (ref = head; ref != GRANT_LIST_END; ref = next[ref], in_lists--)
				__clear_bit(ref, out);
			grant_list_put_all(&l, head);
		}
		KUNIT_ASSERT_EQ(test, l.nr, ENTRIES - 8 - in_lists);
	}
}

static void more_than_there_are_takes_none(struct kunit *test)
{
	u32 next[4], head = 77;
	struct grant_list l = { .next = next, .first = GRANT_LIST_END };

	grant_list_put(&l, 1);
	grant_list_put(&l, 2);
	KUNIT_EXPECT_FALSE(test, grant_list_take(&l, 3, &head));
	KUNIT_EXPECT_EQ(test, head, 77);
	KUNIT_EXPECT_EQ(test, l.nr, 2);
	KUNIT_EXPECT_TRUE(test, grant_list_take(&l, 0, &head));
	KUNIT_EXPECT_EQ(test, head, GRANT_LIST_END);
	KUNIT_EXPECT_TRUE(test, grant_list_take(&l, 2, &head));
	KUNIT_EXPECT_EQ(test, l.first, GRANT_LIST_END);
}

/* ---- the store ---- */

static struct xenstore_domain_interface page;

/* The store takes and answers with the same bytes, as many at a time as it likes. */
static void bytes_arrive_in_order(struct kunit *test)
{
	u32 sent = 0, got = 0, crossed = 0, start = 0u - 3000;	/* positions wrap on the way */
	struct rnd_state random;

	memset(&page, 0, sizeof(page));
	page.req_cons = page.req_prod = page.rsp_cons = page.rsp_prod = start;
	prandom_seed_state(&random, 3);
	while (got < 100000) {
		u32 n = prandom_u32_state(&random) % 700, i;
		static char buffer[700];

		for (i = 0; i < n; i++)
			buffer[i] = (sent + i) * 31 >> 3;
		sent += store_put(&page, buffer, n);
		for (; crossed < sent && crossed - got < XENSTORE_RING_SIZE && n--; crossed++)
			page.rsp[MASK_XENSTORE_IDX(page.rsp_prod++)] = page.req[MASK_XENSTORE_IDX(page.req_cons++)];
		n = store_get(&page, buffer, prandom_u32_state(&random) % 700);
		for (i = 0; i < n; i++)
			KUNIT_ASSERT_EQ(test, buffer[i], (char)((got + i) * 31 >> 3));
		got += n;
		KUNIT_ASSERT_LE(test, page.req_prod - page.req_cons, XENSTORE_RING_SIZE);
	}
}

static void senseless_positions_are_nothing(struct kunit *test)
{
	static char buffer[2000];

	memset(&page, 0, sizeof(page));
	page.rsp_prod = XENSTORE_RING_SIZE + 1;
	KUNIT_EXPECT_EQ(test, store_get(&page, buffer, sizeof(buffer)), 0);
	page.rsp_prod = -1;
	KUNIT_EXPECT_EQ(test, store_get(&page, buffer, sizeof(buffer)), 0);
	page.rsp_prod = XENSTORE_RING_SIZE;
	KUNIT_EXPECT_EQ(test, store_get(&page, buffer, sizeof(buffer)), XENSTORE_RING_SIZE);
	page.req_cons = 1;
	KUNIT_EXPECT_EQ(test, store_put(&page, buffer, 10), 0);
	page.req_cons = -(XENSTORE_RING_SIZE + 1);
	KUNIT_EXPECT_EQ(test, store_put(&page, buffer, 10), 0);
	page.req_cons = 0;
	KUNIT_EXPECT_EQ(test, store_put(&page, buffer, sizeof(buffer)), XENSTORE_RING_SIZE);
	KUNIT_EXPECT_EQ(test, store_put(&page, buffer, 1), 0);
}

/* ---- events ---- */

static void a_port_is_masked_while_there_is_a_reason(struct kunit *test)
{
	unsigned int set, reason;

	for (set = 0; set < 8; set++)
		for (reason = 1; reason < 8; reason <<= 1) {
			u8 mask = set;

			KUNIT_EXPECT_EQ(test, mask_add(&mask, reason), set == 0);
			KUNIT_EXPECT_EQ(test, mask, set | reason);
			mask = set;
			KUNIT_EXPECT_EQ(test, mask_remove(&mask, reason), set == reason);
			KUNIT_EXPECT_EQ(test, mask, set & ~reason);
		}
}

static void a_storm_waits_longer_and_longer(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, late_delay(0, 1, 250), 0);
	KUNIT_EXPECT_EQ(test, late_delay(1, 1, 250), 0);
	KUNIT_EXPECT_EQ(test, late_delay(2, 1, 250), 1);
	KUNIT_EXPECT_EQ(test, late_delay(3, 1, 250), 2);
	KUNIT_EXPECT_EQ(test, late_delay(9, 1, 250), 128);
	KUNIT_EXPECT_EQ(test, late_delay(10, 1, 250), 250);
	KUNIT_EXPECT_EQ(test, late_delay(-1, 1, 250), 250);
	KUNIT_EXPECT_EQ(test, late_delay(5, -1, 250), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(entries_are_handed_out_once),
	KUNIT_CASE(more_than_there_are_takes_none),
	KUNIT_CASE(bytes_arrive_in_order),
	KUNIT_CASE(senseless_positions_are_nothing),
	KUNIT_CASE(a_port_is_masked_while_there_is_a_reason),
	KUNIT_CASE(a_storm_waits_longer_and_longer),
	{}
};

static struct kunit_suite suite = { .name = "port", .test_cases = cases };
kunit_test_suite(suite);

MODULE_LICENSE("GPL");

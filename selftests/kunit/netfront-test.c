// SPDX-License-Identifier: GPL-2.0-only
/* How netfront reads what a backend answered: linux-guest/netfront/rx-chain.c, with good, bad and random responses. */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/random.h>

#include "linux-guest/netfront/rx-chain.c"

static union rx_entry slot(u16 offset, s16 status, u16 flags)
{
	return (union rx_entry){ .data = { .offset = offset, .status = status, .flags = flags } };
}

static union rx_entry gso(u8 type, u16 size, u8 flags)
{
	return (union rx_entry){ .extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO, .flags = flags, .u.gso = { .size = size, .type = type } } };
}

/* Add entries until the packet is whole or wrong. */
static enum rx_chain_state add_all(struct rx_chain *c, const union rx_entry *e, unsigned int count)
{
	enum rx_chain_state state = RX_CHAIN_MORE;
	const char *why = NULL;

	rx_chain_start(c);
	while (state == RX_CHAIN_MORE && count--)
		state = rx_chain_add(c, e++, &why);
	return state == RX_CHAIN_BAD && !why ? RX_CHAIN_MORE : state;
}

static void one_slot(struct kunit *test)
{
	union rx_entry e = slot(64, 1500, XEN_NETRXF_csum_blank);
	struct rx_chain c;

	KUNIT_ASSERT_EQ(test, add_all(&c, &e, 1), RX_CHAIN_DONE);
	KUNIT_EXPECT_EQ(test, c.nr_slots, 1u);
	KUNIT_EXPECT_EQ(test, c.len, 1500u);
	KUNIT_EXPECT_EQ(test, c.slots[0].offset, 64);
	KUNIT_EXPECT_EQ(test, c.flags, XEN_NETRXF_csum_blank);
	KUNIT_EXPECT_FALSE(test, c.failed);
}

/* Extra information takes an entry of the ring but holds no data: positions of what follows count it. */
static void extra_information_between_slots(struct kunit *test)
{
	union rx_entry e[] = {
		slot(0, 4096, XEN_NETRXF_extra_info | XEN_NETRXF_more_data),
		gso(XEN_NETIF_GSO_TYPE_TCPV4, 1448, 0),
		slot(0, 100, 0),
	};
	struct rx_chain c;

	KUNIT_ASSERT_EQ(test, add_all(&c, e, 3), RX_CHAIN_DONE);
	KUNIT_EXPECT_EQ(test, c.nr_slots, 2u);
	KUNIT_EXPECT_EQ(test, c.slots[1].position, 2);
	KUNIT_EXPECT_EQ(test, c.len, 4196u);
	KUNIT_EXPECT_EQ(test, c.gso_size, 1448);
}

/* An error of the backend drops the packet, and the entries after it are still read as its own. */
static void backend_error_in_the_middle(struct kunit *test)
{
	union rx_entry e[] = {
		slot(0, 100, XEN_NETRXF_more_data), slot(0, XEN_NETIF_RSP_ERROR, XEN_NETRXF_more_data), slot(0, 5, 0),
	};
	struct rx_chain c;

	KUNIT_ASSERT_EQ(test, add_all(&c, e, 3), RX_CHAIN_DONE);
	KUNIT_EXPECT_TRUE(test, c.failed);
	KUNIT_EXPECT_EQ(test, c.entries, 3u);
	KUNIT_EXPECT_EQ(test, c.len, 105u);
}

static void what_is_refused(struct kunit *test)
{
	static const u16 more = XEN_NETRXF_more_data, extra = XEN_NETRXF_extra_info;
	union rx_entry beyond = slot(4000, 97, 0), far = slot(0xffff, 1, 0), prefix = slot(0, 1, XEN_NETRXF_gso_prefix);
	union rx_entry late[] = { slot(0, 1, more), slot(0, 1, extra) };
	union rx_entry unknown[] = { slot(0, 1, extra), { .extra = { .type = XEN_NETIF_EXTRA_TYPE_MAX } } };
	union rx_entry no_size[] = { slot(0, 1, extra), gso(XEN_NETIF_GSO_TYPE_TCPV4, 0, 0) };
	union rx_entry no_type[] = { slot(0, 1, extra), gso(77, 1000, 0) };
	union rx_entry twice[] = {
		slot(0, 1, extra), gso(XEN_NETIF_GSO_TYPE_TCPV4, 9, XEN_NETIF_EXTRA_FLAG_MORE), gso(XEN_NETIF_GSO_TYPE_TCPV4, 9, 0),
	};
	struct rx_chain c;

	KUNIT_EXPECT_EQ(test, add_all(&c, &beyond, 1), RX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, add_all(&c, &far, 1), RX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, add_all(&c, &prefix, 1), RX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, add_all(&c, late, 2), RX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, add_all(&c, unknown, 2), RX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, add_all(&c, no_size, 2), RX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, add_all(&c, no_type, 2), RX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, add_all(&c, twice, 3), RX_CHAIN_BAD);
}

/* A packet that never ends is refused before it overruns anything. */
static void endless_packet(struct kunit *test)
{
	union rx_entry e = slot(0, 1, XEN_NETRXF_more_data);
	enum rx_chain_state state = RX_CHAIN_MORE;
	unsigned int added = 0;
	const char *why;
	struct rx_chain c;

	rx_chain_start(&c);
	while (state == RX_CHAIN_MORE && added < 1000) {
		state = rx_chain_add(&c, &e, &why);
		added++;
	}
	KUNIT_EXPECT_EQ(test, state, RX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, added, RX_CHAIN_SLOTS + 1u);
}

/* Random entries, biased towards the flags that matter: whatever is accepted lies within its pages. */
static void random_responses(struct kunit *test)
{
	unsigned int round, i, sum, done = 0;
	enum rx_chain_state state;
	union rx_entry e;
	const char *why;
	struct rx_chain c;

	for (round = 0; round < 20000; round++) {
		rx_chain_start(&c);
		do {
			get_random_bytes(&e, sizeof(e));
			if (!c.extras_follow) {
				e.data.flags &= XEN_NETRXF_more_data | (round & 1 ? XEN_NETRXF_extra_info : 0);
				e.data.offset &= round & 2 ? 0x0fff : 0xffff;
				e.data.status &= round & 4 ? 0x07ff : 0xffff;
			} else if (round & 8) {
				e.extra.type %= XEN_NETIF_EXTRA_TYPE_MAX;
			}
			state = rx_chain_add(&c, &e, &why);
		} while (state == RX_CHAIN_MORE);
		if (state != RX_CHAIN_DONE)
			continue;
		done++;
		for (i = sum = 0; i < c.nr_slots; sum += c.slots[i++].len)
			if (c.slots[i].offset + c.slots[i].len > RX_SLOT_BYTES && c.slots[i].len)
				KUNIT_FAIL(test, "a slot beyond its page was accepted");
		if (sum != c.len || !c.nr_slots || c.nr_slots > RX_CHAIN_SLOTS || c.nr_slots > c.entries)
			KUNIT_FAIL(test, "%u slots, %u entries, %u bytes of %u", c.nr_slots, c.entries, sum, c.len);
	}
	KUNIT_EXPECT_GT(test, done, 100u);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(one_slot),
	KUNIT_CASE(extra_information_between_slots),
	KUNIT_CASE(backend_error_in_the_middle),
	KUNIT_CASE(what_is_refused),
	KUNIT_CASE(endless_packet),
	KUNIT_CASE(random_responses),
	{}
};

static struct kunit_suite suite = {
	.name = "netfront",
	.test_cases = cases,
};
kunit_test_suites(&suite);

MODULE_LICENSE("GPL");

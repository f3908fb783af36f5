// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of netback needs no Xen: how it reads a frontend's requests (tx-chain.c), with good, bad and random ones; how it lays
 * a packet out in a frontend's buffers (rx-plan.h); the hash that a frontend may choose (hash.c), with Microsoft's published
 * verification values for receive side scaling.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/random.h>

#include "linux-dom0/netback/tx-chain.c"
#include "linux-dom0/netback/hash.c"
#include "linux-dom0/netback/rx-plan.h"

#define MORE	XEN_NETTXF_more_data
#define EXTRA	XEN_NETTXF_extra_info

static union tx_entry request(u16 offset, u16 size, u16 flags)
{
	return (union tx_entry){ .data = { .gref = 7, .offset = offset, .size = size, .flags = flags, .id = 42 } };
}

static union tx_entry gso(u8 type, u16 size, u8 flags)
{
	return (union tx_entry){ .extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO, .flags = flags, .u.gso = { .size = size, .type = type } } };
}

static union tx_entry group(u8 first_byte, u8 flags)
{
	return (union tx_entry){ .extra = { .type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD, .flags = flags, .u.mcast.addr = { first_byte } } };
}

/* Add entries until the packet is whole or wrong. */
static enum tx_chain_state add_all(struct tx_chain *c, const union tx_entry *e, unsigned int count)
{
	enum tx_chain_state state = TX_CHAIN_MORE;
	const char *why = NULL;

	tx_chain_start(c);
	while (state == TX_CHAIN_MORE && count--)
		state = tx_chain_add(c, e++, &why);
	return state == TX_CHAIN_BAD && !why ? TX_CHAIN_MORE : state;
}

static void one_request(struct kunit *test)
{
	union tx_entry e = request(100, 60, XEN_NETTXF_csum_blank);
	struct tx_chain c;

	KUNIT_ASSERT_EQ(test, add_all(&c, &e, 1), TX_CHAIN_DONE);
	KUNIT_EXPECT_EQ(test, c.nr_slots, 1u);
	KUNIT_EXPECT_EQ(test, c.len, 60u);
	KUNIT_EXPECT_EQ(test, c.slots[0].offset, 100);
	KUNIT_EXPECT_EQ(test, c.slots[0].len, 60);
	KUNIT_EXPECT_EQ(test, c.ids[0], 42);
	KUNIT_EXPECT_FALSE(test, c.drop);
}

/* The first request says the length of the whole; its own part is what the others leave. */
static void parts_and_segmentation(struct kunit *test)
{
	union tx_entry e[] = {
		request(0, 5000, EXTRA | MORE), gso(XEN_NETIF_GSO_TYPE_TCPV6, 1428, 0), request(16, 3000, MORE), request(0, 1500, 0),
	};
	struct tx_chain c;

	KUNIT_ASSERT_EQ(test, add_all(&c, e, 4), TX_CHAIN_DONE);
	KUNIT_EXPECT_EQ(test, c.entries, 4u);
	KUNIT_EXPECT_EQ(test, c.ids[1], TX_ID_EXTRA);
	KUNIT_EXPECT_EQ(test, c.nr_slots, 3u);
	KUNIT_EXPECT_EQ(test, c.slots[0].len, 500);
	KUNIT_EXPECT_EQ(test, c.gso_type, XEN_NETIF_GSO_TYPE_TCPV6);
	KUNIT_EXPECT_EQ(test, c.gso_size, 1428);
}

/* What is no packet but does nobody harm is dropped, not a reason to disconnect. */
static void what_is_dropped(struct kunit *test)
{
	union tx_entry empty = request(0, 0, 0), short_one = request(0, 13, 0);
	union tx_entry nothing_first[] = { request(0, 100, MORE), request(0, 100, 0) };
	struct tx_chain c;

	KUNIT_EXPECT_EQ(test, add_all(&c, &empty, 1), TX_CHAIN_DONE);
	KUNIT_EXPECT_TRUE(test, c.drop);
	KUNIT_EXPECT_EQ(test, add_all(&c, &short_one, 1), TX_CHAIN_DONE);
	KUNIT_EXPECT_TRUE(test, c.drop);
	KUNIT_EXPECT_EQ(test, add_all(&c, nothing_first, 2), TX_CHAIN_DONE);
	KUNIT_EXPECT_TRUE(test, c.drop);
}

static void requests_that_are_refused(struct kunit *test)
{
	union tx_entry beyond = request(4090, 7, 0);
	union tx_entry part_beyond[] = { request(0, 200, MORE), request(4000, 97, 0) };
	union tx_entry too_long[] = { request(0, 100, MORE), request(0, 101, 0) };
	union tx_entry late_extra[] = { request(0, 200, MORE), request(0, 100, EXTRA) };
	struct tx_chain c;

	KUNIT_EXPECT_EQ(test, add_all(&c, &beyond, 1), TX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, add_all(&c, part_beyond, 2), TX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, add_all(&c, too_long, 2), TX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, add_all(&c, late_extra, 2), TX_CHAIN_BAD);
}

/* A request with one piece of extra information. */
static enum tx_chain_state with_extra(u16 size, u16 flags, union tx_entry extra)
{
	union tx_entry e[] = { request(0, size, EXTRA | flags), extra };
	struct tx_chain c;

	return add_all(&c, e, 2);
}

static void extra_information_that_is_refused(struct kunit *test)
{
	union tx_entry unknown = { .extra = { .type = XEN_NETIF_EXTRA_TYPE_MAX } };
	union tx_entry two_groups[] = { request(0, 0, EXTRA), group(1, XEN_NETIF_EXTRA_FLAG_MORE), group(3, 0) };
	struct tx_chain c;

	KUNIT_EXPECT_EQ(test, with_extra(60, 0, unknown), TX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, with_extra(60, 0, gso(XEN_NETIF_GSO_TYPE_TCPV4, 0, 0)), TX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, with_extra(60, 0, gso(77, 1000, 0)), TX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, with_extra(0, 0, group(2, 0)), TX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, with_extra(200, MORE, group(1, 0)), TX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, with_extra(0, 0, group(1, 0)), TX_CHAIN_DONE);
	KUNIT_EXPECT_EQ(test, add_all(&c, two_groups, 3), TX_CHAIN_BAD);
}

/* Neither parts nor extra information without an end overrun anything. */
static void endless(struct kunit *test)
{
	union tx_entry first = request(0, 60000, MORE), part = request(0, 1, MORE);
	union tx_entry second = request(0, 60, EXTRA), extra = gso(XEN_NETIF_GSO_TYPE_TCPV4, 9, XEN_NETIF_EXTRA_FLAG_MORE);
	enum tx_chain_state state;
	unsigned int added;
	const char *why;
	struct tx_chain c;

	tx_chain_start(&c);
	state = tx_chain_add(&c, &first, &why);
	for (added = 1; state == TX_CHAIN_MORE && added < 1000; added++)
		state = tx_chain_add(&c, &part, &why);
	KUNIT_EXPECT_EQ(test, state, TX_CHAIN_BAD);
	KUNIT_EXPECT_EQ(test, added, TX_CHAIN_TOLERATED + 1u);
	tx_chain_start(&c);
	state = tx_chain_add(&c, &second, &why);
	for (added = 1; state == TX_CHAIN_MORE && added < 1000; added++)
		state = tx_chain_add(&c, &extra, &why);
	KUNIT_EXPECT_EQ(test, state, TX_CHAIN_BAD);
	KUNIT_EXPECT_LE(test, added, 3u);
}

static union tx_entry random_entry(const struct tx_chain *c, unsigned int round)
{
	union tx_entry e;

	get_random_bytes(&e, sizeof(e));
	if (!c->extras_follow) {
		e.data.flags &= MORE | (round & 1 ? EXTRA : 0);
		e.data.offset &= round & 2 ? 0x07ff : 0xffff;
		e.data.size &= c->nr_requests ? 0x07ff : round & 4 ? 0x1fff : 0xffff;
	} else if (round & 8) {
		e.extra.type %= XEN_NETIF_EXTRA_TYPE_MAX;
	}
	return e;
}

/* A multicast request has no data, whatever its first part says. */
static bool sound(const struct tx_chain *c)
{
	unsigned int i, sum = 0;

	if (c->group_change)
		return c->nr_slots == 1 && c->entries <= TX_CHAIN_ENTRIES;
	for (i = 0; i < c->nr_slots; sum += c->slots[i++].len)
		if (c->slots[i].offset + c->slots[i].len > TX_SLOT_BYTES)
			return false;
	return c->nr_slots <= TX_CHAIN_SLOTS && c->entries <= TX_CHAIN_ENTRIES && (c->drop || sum == c->len);
}

/* Random entries, biased towards the flags that matter: whatever is accepted lies within its pages. */
static void random_requests(struct kunit *test)
{
	unsigned int round, done = 0;
	enum tx_chain_state state;
	union tx_entry e;
	const char *why;
	struct tx_chain c;

	for (round = 0; round < 20000; round++) {
		tx_chain_start(&c);
		do {
			e = random_entry(&c, round);
			state = tx_chain_add(&c, &e, &why);
		} while (state == TX_CHAIN_MORE);
		if (state != TX_CHAIN_DONE)
			continue;
		done++;
		if (!sound(&c))
			KUNIT_FAIL(test, "%u slots, %u entries for %u bytes were accepted", c.nr_slots, c.entries, c.len);
	}
	KUNIT_EXPECT_GT(test, done, 100u);
}

/* Take all pieces; false if one goes where none may go, or over another. */
static bool lay_out(struct rx_plan *p, const unsigned int *pieces, unsigned int nr)
{
	unsigned int i, left, n, slot, offset, end[RX_PLAN_SLOTS] = { 0 };

	for (i = 0; i < nr; i++) {
		for (left = pieces[i]; left; left -= n) {
			n = rx_plan_take(p, left == pieces[i], left, &slot, &offset);
			if (!n || slot >= RX_PLAN_SLOTS || offset < p->headroom || offset + n > RX_SLOT_BYTES)
				return false;
			if (offset != (end[slot] ?: p->headroom))
				return false;
			end[slot] = offset + n;
		}
	}
	return true;
}

/* Any packet that the plan agrees to fits into the number of buffers that it said, and no more. */
static void plans(struct kunit *test)
{
	unsigned int round, nr, i, bytes, slots, sum, pieces[40];
	struct rx_plan p;

	for (round = 0; round < 20000; round++) {
		nr = 1 + get_random_u32() % ARRAY_SIZE(pieces);
		for (i = bytes = 0; i < nr; bytes += pieces[i++])
			pieces[i] = 1 + get_random_u32() % (round & 1 ? 200 : RX_SLOT_BYTES);
		slots = rx_plan_start(&p, round & 2 ? 256 : 0, bytes, nr);
		if (slots > RX_PLAN_SLOTS)
			continue;
		if (!lay_out(&p, pieces, nr))
			KUNIT_FAIL(test, "%u pieces, %u bytes: a part out of its place", nr, bytes);
		for (i = sum = 0; i < p.nr_slots; i++)
			sum += p.len[i];
		if (p.nr_slots != slots || sum != bytes)
			KUNIT_FAIL(test, "%u bytes in %u buffers instead of %u in %u", sum, p.nr_slots, bytes, slots);
	}
}

static void hash_values(struct kunit *test)
{
	static const u8 key[HASH_KEY_BYTES] = {
		0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
		0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
	};
	/* 66.9.149.187:2794 to 161.142.100.80:1766 */
	static const u8 v4[] = { 66, 9, 149, 187, 161, 142, 100, 80, 2794 >> 8, 2794 & 255, 1766 >> 8, 1766 & 255 };
	/* [3ffe:2501:200:1fff::7]:2794 to [3ffe:2501:200:3::1]:1766 */
	static const u8 v6[] = {
		0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7,
		0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 1,
		2794 >> 8, 2794 & 255, 1766 >> 8, 1766 & 255,
	};

	KUNIT_EXPECT_EQ(test, toeplitz_hash(key, v4, 8), 0x323e8fc2u);
	KUNIT_EXPECT_EQ(test, toeplitz_hash(key, v4, 12), 0x51ccc178u);
	KUNIT_EXPECT_EQ(test, toeplitz_hash(key, v6, 32), 0x2cc18cd5u);
	KUNIT_EXPECT_EQ(test, toeplitz_hash(key, v6, 36), 0x40207d3du);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(one_request),
	KUNIT_CASE(parts_and_segmentation),
	KUNIT_CASE(what_is_dropped),
	KUNIT_CASE(requests_that_are_refused),
	KUNIT_CASE(extra_information_that_is_refused),
	KUNIT_CASE(endless),
	KUNIT_CASE(random_requests),
	KUNIT_CASE(plans),
	KUNIT_CASE(hash_values),
	{}
};

static struct kunit_suite suite = {
	.name = "netback",
	.test_cases = cases,
};
kunit_test_suites(&suite);

MODULE_LICENSE("GPL");

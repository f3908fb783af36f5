// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's side of FIFO event channels against a hypervisor written from the ABI's description, at random: every event
 * that is raised and not masked is taken once, in the order of its queue, the highest priority first. selftests/host/
 * test-fifo puts the same source against the real hypervisor's.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <xen/interface/xen.h>
#include <xen/interface/event_channel.h>
#include "linux-guest/port/fifo-queue.h"

#define PORTS 64
#define STEPS 200000

static event_word_t words[PORTS];
static struct evtchn_fifo_control_block control;
static struct fifo_queues queues;
static u32 tail[EVTCHN_FIFO_MAX_QUEUES];
static u8 priority[PORTS];
/* The model: what is queued, in order. */
static u32 queued[EVTCHN_FIFO_MAX_QUEUES][PORTS], nr_queued[EVTCHN_FIFO_MAX_QUEUES];

static event_word_t *word_of(u32 port)
{
	return port < PORTS ? &words[port] : NULL;
}

static void link_word(u32 port)
{
	unsigned int q = priority[port];
	bool behind = tail[q] && tail[q] != port && words[tail[q]] & FIFO_LINKED;

	words[port] |= FIFO_LINKED;
	queued[q][nr_queued[q]++] = port;
	if (behind) {
		words[tail[q]] |= port;
	} else {
		control.head[q] = port;
		control.ready |= BIT(q);
	}
	tail[q] = port;
}

static void raise(u32 port)
{
	words[port] |= FIFO_PENDING;
	if (!(words[port] & (FIFO_MASKED | FIFO_LINKED)))
		link_word(port);
}

/* A port that is linked keeps the queue that it is on. */
static void change_priority(u32 port, u8 to)
{
	unsigned int q;

	if (words[port] & FIFO_LINKED)
		return;
	for (q = 0; q < EVTCHN_FIFO_MAX_QUEUES; q++)
		if (tail[q] == port)
			tail[q] = 0;
	priority[port] = to;
}

/* What fifo_take() must return: masked ones and those that are not pending any more are passed over. */
static u32 model_take(void)
{
	unsigned int q;

	for (q = 0; q < EVTCHN_FIFO_MAX_QUEUES; q++)
		while (nr_queued[q]) {
			u32 port = queued[q][0];

			memmove(queued[q], queued[q] + 1, --nr_queued[q] * sizeof(queued[q][0]));
			if ((words[port] & (FIFO_PENDING | FIFO_MASKED)) == FIFO_PENDING)
				return port;
		}
	return 0;
}

static void unmask(u32 port)
{
	if (fifo_word_unmask(&words[port]))
		return;
	words[port] &= ~FIFO_MASKED;	/* as EVTCHNOP_unmask */
	raise(port);
}

static void begin(void)
{
	memset(words, 0, sizeof(words));
	memset(&control, 0, sizeof(control));
	memset(&queues, 0, sizeof(queues));
	memset(tail, 0, sizeof(tail));
	memset(priority, 0, sizeof(priority));
	memset(nr_queued, 0, sizeof(nr_queued));
}

static bool take_one(struct kunit *test)
{
	u32 want = model_take(), port = fifo_take(&queues, &control, word_of);

	KUNIT_EXPECT_EQ(test, port, want);
	if (port)
		KUNIT_EXPECT_TRUE(test, fifo_word_take(&words[port]));
	return port == want;
}

static void order_is_kept(struct kunit *test)
{
	struct rnd_state random;
	unsigned int i;

	begin();
	prandom_seed_state(&random, 1);
	for (i = 0; i < STEPS; i++) {
		u32 n = prandom_u32_state(&random), port = 1 + n % (PORTS - 1);

		switch (n >> 16 & 7) {
		case 0 ... 2:
			raise(port);
			break;
		case 3:
			fifo_word_set(&words[port], FIFO_MASKED);
			break;
		case 4:
			unmask(port);
			break;
		case 5:
			change_priority(port, n >> 20 & 15);
			break;
		default:
			if (!take_one(test))
				return;
		}
	}
	for (i = 1; i < PORTS; i++)
		unmask(i);
	for (i = 1; i < PORTS; i++)	/* at most one event a port is left */
		if (!take_one(test))
			return;
	for (i = 1; i < PORTS; i++)
		KUNIT_EXPECT_EQ(test, words[i], 0);
}

static void a_mask_stays_while_the_event_is_pending(struct kunit *test)
{
	event_word_t w = FIFO_MASKED;

	KUNIT_EXPECT_TRUE(test, fifo_word_unmask(&w));
	KUNIT_EXPECT_EQ(test, w, 0);
	KUNIT_EXPECT_TRUE(test, fifo_word_unmask(&w));
	w = FIFO_MASKED | FIFO_PENDING | FIFO_LINKED | 5;
	KUNIT_EXPECT_FALSE(test, fifo_word_unmask(&w));
	KUNIT_EXPECT_EQ(test, w, FIFO_MASKED | FIFO_PENDING | FIFO_LINKED | 5);
	KUNIT_EXPECT_EQ(test, fifo_word_unlink(&w), 5);
	KUNIT_EXPECT_EQ(test, w, FIFO_MASKED | FIFO_PENDING);
}

/* A port that was moved while its event was pending is on its way to two CPUs: one of them handles it, once. */
static void an_event_is_taken_once(struct kunit *test)
{
	event_word_t w = FIFO_PENDING | FIFO_LINKED | 5;

	KUNIT_EXPECT_TRUE(test, fifo_word_take(&w));
	KUNIT_EXPECT_EQ(test, w, FIFO_LINKED | 5);
	KUNIT_EXPECT_FALSE(test, fifo_word_take(&w));
	w = FIFO_PENDING | FIFO_MASKED;
	KUNIT_EXPECT_FALSE(test, fifo_word_take(&w));
	KUNIT_EXPECT_EQ(test, w, FIFO_PENDING | FIFO_MASKED);
}

/* A queue that is ready and leads to no port ends. */
static void a_broken_queue_ends(struct kunit *test)
{
	begin();
	control.ready = BIT(3) | BIT(7);
	control.head[3] = PORTS + 1;
	KUNIT_EXPECT_EQ(test, fifo_take(&queues, &control, word_of), 0);
	raise(9);
	KUNIT_EXPECT_EQ(test, fifo_take(&queues, &control, word_of), 9);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(order_is_kept),
	KUNIT_CASE(a_mask_stays_while_the_event_is_pending),
	KUNIT_CASE(an_event_is_taken_once),
	KUNIT_CASE(a_broken_queue_ends),
	{}
};

static struct kunit_suite suite = { .name = "port-fifo", .test_cases = cases };
kunit_test_suite(suite);

MODULE_LICENSE("GPL");

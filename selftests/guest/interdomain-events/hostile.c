// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile domain: four vcpus at once set up FIFO control blocks and arrays, reset, bind, send, close, move and unmask
 * ports, and write anything into the words of the queues, while Domain0 binds to its ports and sends on them.
 *
 * XSA-107, 340, 358, 359, 505: no order of these may reach memory that is not there yet or no longer. XSA-342, 343: nor may a
 * port be used while it is closed. What can be seen: the hypervisor and Domain0 live, Domain0's channel to another domain
 * works all the time, and when the hostile one is gone every page is back. Debug builds check references besides.
 */
#include "events.h"

#define PAGES	8

static uint8_t page[PAGES][PAGE_SIZE] __attribute__((aligned(4096)));

static uint64_t next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s >> 8;
}

static uint64_t some_frame(uint64_t r)
{
	return r % 16 == 15 ? cr3_mfn() : r % 16 == 14 ? 0xfffffffUL : va_to_mfn(page[r % PAGES]);
}

static void set_up(uint64_t r)
{
	struct evtchn_init_control i = { .control_gfn = some_frame(r), .vcpu = (uint32_t)(r >> 8) % 5,
					 .offset = (uint32_t)(r >> 16) % 4 * 8 };
	struct evtchn_expand_array e = { .array_gfn = some_frame(r) };

	if (r & 0x1000000)
		evtchn(EVTCHNOP_init_control, &i);
	else
		evtchn(EVTCHNOP_expand_array, &e);
}

static void one_step(uint64_t r)
{
	evtchn_port_t port = (evtchn_port_t)(r >> 4) % 24;
	struct evtchn_bind_vcpu v = { .port = port, .vcpu = (uint32_t)(r >> 12) % 4 };
	uint32_t *word = (uint32_t *)page[(r >> 12) % PAGES] + port;

	switch (r % 16) {
	case 0: case 1: case 2:
		set_up(r >> 4);
		break;
	case 3:
		if (r >> 8 & 1)
			ev_reset(DOMID_SELF, 0, 0);
		break;
	case 4: case 5:
		ev_alloc(DOMID_SELF, 0, 0);
		break;
	case 6:
		ev_close(port, 0, 0);
		break;
	case 7:
		bind_ipi((unsigned int)(r >> 12) % 4);
		break;
	case 8: case 9: case 10:
		ev_send(port, 1, 0);
		break;
	case 11:
		event_unmask(port);
		break;
	case 12:
		fifo_priority(port, (long)(r >> 12) % 17, 0);
		break;
	case 13:
		evtchn(EVTCHNOP_bind_vcpu, &v);
		break;
	case 14:
		__atomic_store_n(word, (uint32_t)(r >> 16), __ATOMIC_RELAXED);
		break;
	default:
		ev_bind(0, port, 0);
	}
}

static long thrash(long seed, long rounds, long unused)
{
	uint64_t s = (uint64_t)seed * 0x9e3779b97f4a7c15UL + 1;

	events_off();
	while (rounds--)
		one_step(next(&s));
	return 0;
}

static bool busy(struct child *c, unsigned int vcpus)
{
	for (unsigned int i = 0; i < vcpus; i++)
		if (c->box->call[i].done != c->box->call[i].asked)
			return true;
	return false;
}

/* Domain0's side of it: bind to what is offered, offer, send, close. */
static unsigned int bystander(unsigned long *bound)
{
	unsigned int strange = 0;
	long mine[24] = { };

	for (int i = 1; i < 24; i++) {
		mine[i] = i & 1 ? ev_bind(one.domid, i, 0) : ev_alloc(DOMID_SELF, one.domid, 0);
		strange += mine[i] <= 0 && mine[i] != -EINVAL;
		*bound += (i & 1) && mine[i] > 0;
	}
	for (int round = 0; round < 4; round++)
		for (int i = 1; i < 24; i++)
			if (mine[i] > 0)
				strange += ev_send(mine[i], 1, 0) != 0;
	for (int i = 1; i < 24; i++)
		if (mine[i] > 0)
			strange += ev_close(mine[i], 0, 0) != 0;
	return strange;
}

static bool reaches_two(unsigned int mine, long its)
{
	long before = child_call(&two, ev_count, its, 0, 0);

	return !ev_send(mine, 1, 0) && wait_for(child_call(&two, ev_count, its, 0, 0) == before + 1, 5000);
}

static void attack(unsigned int vcpus, long rounds)
{
	unsigned int strange = 0, mine, failed = 0;
	unsigned long bound = 0, turns = 0;
	long its = child_call(&two, ev_alloc, DOMID_SELF, 0, 0);

	mine = (unsigned int)ev_bind(two.domid, its, 0);
	child_call(&two, ev_ready, its, 0, 0);
	for (unsigned int i = 0; i < vcpus; i++)
		child_begin(&one, i, thrash, 1 + i, rounds, 0);
	for (; busy(&one, vcpus) && turns < 100000; turns++) {
		strange += bystander(&bound);
		failed += turns % 16 == 0 && !reaches_two(mine, its);
	}
	for (unsigned int i = 0; i < vcpus; i++)
		is(child_end(&one, i), 0, "vcpu %u did its worst", i);
	is(strange, 0, "Domain0 bound %lu times to its ports in %lu turns: nothing strange", bound, turns);
	is(failed, 0, "an innocent domain got each event");
	is(child_call(&two, ev_close, its, 0, 0), 0, "closed");
	is(ev_close(mine, 0, 0), 0, "closed");
}

void test_hostile(void)
{
	unsigned long before;

	make_child(&one, 4);
	child_destroy(&one);
	before = free_pages();
	make_child(&one, 4);
	make_child(&two, 1);
	attack(4, (long)argument("hostile", 1500));
	is(child_destroy(&one), 0, "the hostile one is destroyed");
	is(child_destroy(&two), 0, "the innocent one too");
	ok(wait_for(free_pages() >= before, 2000), "and all pages have come back");
	is((long)free_pages(), (long)before, "as many as before");
}

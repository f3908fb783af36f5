// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two domains of which one uses the FIFO ABI and the other the 2-level one, both ways round.
 *
 * What is sent is found on the receiver's queues: the best priority first, in one priority in the order of sending, a port
 * once however often it was raised. A masked port is not on a queue until it is unmasked. A port that is still linked is
 * not given away for another use. XSA-358: what is raised before its array page is there is found when it comes. Reset leads
 * back to the 2-level ABI.
 */
#include "events.h"

#define ARRAY_PAGES	4
#define WORDS		(PAGE_SIZE / 4)
#define PENDING		(1U << EVTCHN_FIFO_PENDING)
#define MASKED		(1U << EVTCHN_FIFO_MASKED)
#define LINKED		(1U << EVTCHN_FIFO_LINKED)

static uint8_t control_page[PAGE_SIZE] __attribute__((aligned(4096)));
static uint32_t array[ARRAY_PAGES * WORDS] __attribute__((aligned(4096)));
static uint32_t head[16], ready;
static unsigned int pages;

/* ---- the receiver's side of the protocol ---- */

long fifo_init(long vcpu, long unused, long unused2)
{
	struct evtchn_init_control i = { .control_gfn = va_to_mfn(control_page), .vcpu = (uint32_t)vcpu };

	memset(control_page, 0, PAGE_SIZE);
	memset(array, 0, sizeof(array));
	memset(head, 0, sizeof(head));
	ready = pages = 0;
	return evtchn(EVTCHNOP_init_control, &i);
}

long fifo_expand(long unused, long unused2, long unused3)
{
	struct evtchn_expand_array e = { .array_gfn = va_to_mfn(array + pages * WORDS) };
	long rc = evtchn(EVTCHNOP_expand_array, &e);

	pages += !rc;
	return rc;
}

long fifo_priority(long port, long priority, long unused)
{
	struct evtchn_set_priority s = { .port = (evtchn_port_t)port, .priority = (uint32_t)priority };

	return evtchn(EVTCHNOP_set_priority, &s);
}

long fifo_mask(long port, long masked, long unused)
{
	if (!masked)
		return event_unmask((unsigned int)port);
	__atomic_fetch_or(&array[port], MASKED, __ATOMIC_SEQ_CST);
	return 0;
}

static uint32_t unlink_word(uint32_t *word)
{
	uint32_t old = __atomic_load_n(word, __ATOMIC_SEQ_CST);

	while (!__atomic_compare_exchange_n(word, &old, old & ~(LINKED | EVTCHN_FIFO_LINK_MASK), false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST))
		;
	return old & EVTCHN_FIFO_LINK_MASK;
}

long fifo_take(long unused, long unused2, long unused3)
{
	struct evtchn_fifo_control_block *c = (struct evtchn_fifo_control_block *)control_page;

	for (;;) {
		unsigned int q;
		uint32_t port, word;

		ready |= __atomic_exchange_n(&c->ready, 0, __ATOMIC_SEQ_CST);
		if (!ready)
			return 0;
		q = (unsigned int)__builtin_ctz(ready);
		port = head[q] ? head[q] : __atomic_load_n(&c->head[q], __ATOMIC_SEQ_CST);
		head[q] = unlink_word(&array[port]);
		if (!head[q])
			ready &= ~(1U << q);
		word = array[port];
		if ((word & PENDING) && !(word & MASKED)) {
			__atomic_fetch_and(&array[port], ~PENDING, __ATOMIC_SEQ_CST);
			return port;
		}
	}
}

/* ---- the test, told once about each direction ---- */

static bool fifo_is_child;

static long at_fifo(child_fn *fn, long a, long b)
{
	return fifo_is_child ? child_call(&one, fn, a, b, 0) : fn(a, b, 0);
}

static long at_2level(child_fn *fn, long a, long b)
{
	return fifo_is_child ? fn(a, b, 0) : child_call(&one, fn, a, b, 0);
}

static void open(long *fifo_port, long *other)
{
	long fifo_dom = fifo_is_child ? one.domid : 0, other_dom = fifo_is_child ? 0 : one.domid;

	*fifo_port = at_fifo(ev_alloc, DOMID_SELF, other_dom);
	*other = at_2level(ev_bind, fifo_dom, *fifo_port);
	at_2level(ev_ready, *other, 0);
}

static void expect(long want, const char *what)
{
	is(at_fifo(fifo_take, 0, 0), want, "%s", what);
}

static void queues(const long *port, const long *other)
{
	static const int priority[] = { 15, 7, 0, 7 };

	for (int i = 0; i < 4; i++)
		is(at_fifo(fifo_priority, port[i], priority[i]), 0, "priority %d", priority[i]);
	is(at_fifo(fifo_priority, port[0], 16), -EINVAL, "there is no priority 16");
	for (int i = 0; i < 5; i++)
		is(at_2level(ev_send, other[i % 4], 1), 0, "sent");
	expect(port[2], "the best priority comes first");
	expect(port[1], "then the first of two that are equal");
	expect(port[3], "then the second");
	expect(port[0], "then the last one");
	expect(0, "though raised twice it comes once");

	at_fifo(fifo_mask, port[1], 1);
	at_2level(ev_send, other[1], 1);
	expect(0, "a masked one does not come");
	at_fifo(fifo_mask, port[1], 0);
	expect(port[1], "before it is unmasked");
	at_2level(ev_send, other[0], 1);
	at_fifo(fifo_priority, port[0], 2);
	at_2level(ev_send, other[3], 1);
	at_2level(ev_send, other[0], 1);
	expect(port[3], "a new priority counts from the next time on that it is queued");
	expect(port[0], "what is queued stays where it is");
	expect(0, "nothing more");
}

static void linked_ports(long *port, long *other)
{
	long taken;

	at_2level(ev_send, other[3], 1);
	is(at_fifo(ev_close, port[3], 0), 0, "a port on a queue is closed");
	open(&taken, &other[3]);
	ok(taken != port[3], "its number is not used while it is linked");
	expect(0, "it is not pending any more");
	is(at_fifo(ev_close, taken, 0), 0, "closed");
	at_2level(ev_close, other[3], 0);
	open(&taken, &other[3]);
	ok(taken == port[3], "afterwards it is");
	port[3] = taken;
}

static void direction(bool child)
{
	long port[4], other[4], before;

	fifo_is_child = child;
	note("FIFO in %s, 2-level in %s", child ? "the child" : "Domain0", child ? "Domain0" : "the child");
	events_on();
	is(at_fifo(fifo_expand, 0, 0), -EOPNOTSUPP, "no array without a control block");
	open(&port[0], &other[0]);
	is(at_fifo(fifo_init, 0, 0), 0, "control block");
	is(at_2level(ev_send, other[0], 1), 0, "XSA-358: sent before the array's page is there");
	is(at_fifo(fifo_expand, 0, 0), 0, "the page comes");
	expect(port[0], "and the event is there");
	is(at_fifo(fifo_init, 0, 0), -EINVAL, "a second control block for a vcpu is refused");
	at_fifo(fifo_expand, 0, 0);
	for (int i = 1; i < 4; i++)
		open(&port[i], &other[i]);
	queues(port, other);
	before = at_2level(ev_count, other[2], 0);
	is(at_fifo(ev_send, port[2], 1), 0, "the other way");
	ok(wait_for(at_2level(ev_count, other[2], 0) == before + 1, 5000), "a send arrives as ever");
	linked_ports(port, other);

	is(at_fifo(ev_reset, DOMID_SELF, 0), 0, "reset");
	is(at_2level(ev_send, other[0], 1), 0, "sending on the other end does nothing");
	at_2level(ev_reset, DOMID_SELF, 0);
	open(&port[0], &other[0]);
	at_fifo(ev_ready, port[0], 0);
	is(at_2level(ev_send, other[0], 1), 0, "after it");
	ok(wait_for(at_fifo(ev_count, port[0], 0) == 1, 5000), "the 2-level ABI is back");
	at_fifo(ev_reset, DOMID_SELF, 0);
	at_2level(ev_reset, DOMID_SELF, 0);
}

/* Domain0 may have more ports than one page of the array has words. */
static void high_ports(void)
{
	long port = 0, other;

	is(fifo_init(0, 0, 0), 0, "control block");
	is(fifo_expand(0, 0, 0), 0, "one page");
	while (port >= 0 && port < (long)WORDS + 50)
		port = ev_alloc(DOMID_SELF, one.domid, 0);
	is(port, WORDS + 50, "many ports");
	other = child_call(&one, ev_bind, 0, port, 0);
	is(child_call(&one, ev_send, other, 1, 0), 0, "the child sends on the last one");
	is(fifo_take(0, 0, 0), 0, "which has no word");
	is(fifo_expand(0, 0, 0), 0, "until the next page comes");
	is(fifo_take(0, 0, 0), port, "and it is there");
	is(ev_reset(DOMID_SELF, 0, 0), 0, "reset");
	child_call(&one, ev_reset, DOMID_SELF, 0, 0);
}

void test_fifo(void)
{
	make_child(&one, 1);
	direction(true);
	direction(false);
	high_ports();
	is(child_destroy(&one), 0, "destroyed");
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels between domains.
 *
 * A port that one domain offers to another can be bound by that one and nobody else; then each side's sends arrive at the
 * other. When one side closes its end, resets or is destroyed, the other end is unbound: sending on it does nothing, it
 * can be closed, and no port number is lost. What one domain does to its ports, in whatever state, by however many vcpus
 * at once, must not change what others get from theirs.
 *
 * XSA-342: a domain that has used all its ports gets an error, and what it had goes on working.
 * XSA-332, 391: a storm of events from one domain, or one that never takes its events, costs Domain0 no more than its share
 * of the CPU.
 *
 * boot: -i self -m 512 -x dom0_mem=192M -T 240
 */
#include "events.h"

#define MAX_PORT	1023			/* child.c gives its domains as many */

struct child one, two;

/* ---- calls ---- */

long ev_alloc(long dom, long remote, long unused)
{
	struct evtchn_alloc_unbound a = { .dom = (domid_t)dom, .remote_dom = (domid_t)remote };
	long rc = evtchn(EVTCHNOP_alloc_unbound, &a);

	return rc ? rc : (long)a.port;
}

long ev_bind(long remote, long port, long unused)
{
	struct evtchn_bind_interdomain b = { .remote_dom = (domid_t)remote, .remote_port = (evtchn_port_t)port };
	long rc = evtchn(EVTCHNOP_bind_interdomain, &b);

	if (rc)
		return rc;
	/* A binding tells its side once; what is counted from here on was sent. */
	event_clear(b.local_port);
	event_count[b.local_port] = 0;
	event_mask(b.local_port, false);
	return b.local_port;
}

long ev_send(long port, long times, long unused)
{
	struct evtchn_send s = { .port = (evtchn_port_t)port };
	long rc = 0;

	while (!rc && times-- > 0)
		rc = evtchn(EVTCHNOP_send, &s);
	return rc;
}

long ev_close(long port, long unused, long unused2)
{
	struct evtchn_close c = { .port = (evtchn_port_t)port };

	return evtchn(EVTCHNOP_close, &c);
}

long ev_reset(long dom, long unused, long unused2)
{
	struct evtchn_reset r = { .dom = (domid_t)dom };

	return evtchn(EVTCHNOP_reset, &r);
}

long ev_state(long dom, long port, long unused)
{
	struct evtchn_status s = { .dom = (domid_t)dom, .port = (evtchn_port_t)port };
	long rc = evtchn(EVTCHNOP_status, &s);

	return rc ? rc : (long)s.status;
}

long ev_count(long port, long unused, long unused2)
{
	return event_count[port];
}

long ev_ready(long port, long unused2, long unused3)
{
	event_count[port] = 0;
	event_clear((unsigned int)port);
	event_mask((unsigned int)port, false);
	events_on();
	return 0;
}

void make_child(struct child *c, unsigned int vcpus)
{
	if (child_make(c, 1, vcpus) || child_start(c))
		bail("no child");
}

static void channel(struct child *c, unsigned int *mine, unsigned int *its)
{
	*its = (unsigned int)child_call(c, ev_alloc, DOMID_SELF, 0, 0);
	*mine = (unsigned int)ev_bind(c->domid, *its, 0);
	child_call(c, ev_ready, *its, 0, 0);
}

/* ---- one channel ---- */

static bool arrives(struct child *c, unsigned int mine, unsigned int its)
{
	long there = child_call(c, ev_count, its, 0, 0);
	unsigned int here = event_count[mine];

	return !ev_send(mine, 1, 0) && wait_for(child_call(c, ev_count, its, 0, 0) == there + 1, 5000) &&
	       !child_call(c, ev_send, its, 1, 0) && wait_for(event_count[mine] == here + 1, 5000);
}

static long sleep_on(long port, long unused, long unused2)
{
	unsigned int before = event_count[port];

	child_box()->word[0] = 1;
	for (events_off(); event_count[port] == before; events_off())
		hypercall(sched_op, SCHEDOP_block, 0UL);	/* unmasks, and sleeps unless something is pending */
	events_on();
	return event_count[port];
}

static bool asleep(struct child *c)
{
	struct xen_domctl op = { };

	return !domctl(XEN_DOMCTL_getvcpuinfo, c->domid, &op) && op.u.getvcpuinfo.blocked;
}

static void both_ways(void)
{
	unsigned int mine, its;
	long port;

	make_child(&one, 2);
	make_child(&two, 1);
	port = child_call(&one, ev_alloc, DOMID_SELF, 0, 0);
	ok(port > 0, "a domain offers port %ld to Domain0", port);
	is(ev_state(one.domid, port, 0), EVTCHNSTAT_unbound, "which sees it unbound");
	is(child_call(&two, ev_bind, one.domid, port, 0), -EINVAL, "a third domain cannot bind to it");
	is(child_call(&one, ev_bind, one.domid, port, 0), -EINVAL, "nor can its own domain");
	is(child_call(&two, ev_alloc, 0, two.domid, 0), -EPERM, "no port in Domain0 for who does not control it");
	is(child_call(&two, ev_alloc, one.domid, two.domid, 0), -EPERM, "nor in a domain beside it");
	is(child_call(&two, ev_state, one.domid, port, 0), -EPERM, "nor may it look at a port there");
	is(child_call(&two, ev_reset, one.domid, 0, 0), -EPERM, "or reset that domain");
	mine = (unsigned int)ev_bind(one.domid, port, 0);
	its = (unsigned int)port;
	ok((int)mine > 0, "Domain0 binds to it with port %u", mine);
	is(ev_state(DOMID_SELF, mine, 0), EVTCHNSTAT_interdomain, "interdomain here");
	is(ev_state(one.domid, its, 0), EVTCHNSTAT_interdomain, "and there");
	is(ev_bind(one.domid, port, 0), -EINVAL, "bound once it cannot be bound again");
	child_call(&one, ev_ready, its, 0, 0);
	events_on();
	ok(arrives(&one, mine, its), "sends arrive, each way");
	child_begin(&one, 0, sleep_on, its, 0, 0);
	wait_for(one.box->word[0] == 1, 5000);
	ok(wait_for(asleep(&one), 5000), "it sleeps");
	is(ev_send(mine, 1, 0), 0, "one send");
	ok(child_end(&one, 0) > 0, "wakes it");
}

/* Domain0 makes the offer in the name of one child to another one. */
static void between_children(void)
{
	long port = ev_alloc(one.domid, two.domid, 0), other;

	ok(port > 0, "Domain0 offers a port of one child to the other");
	is(ev_bind(one.domid, port, 0), -EINVAL, "it is not its own to bind");
	other = child_call(&two, ev_bind, one.domid, port, 0);
	ok(other > 0, "the other one binds it");
	child_call(&one, ev_ready, port, 0, 0);
	child_call(&two, ev_ready, other, 0, 0);
	is(child_call(&two, ev_send, other, 1, 0), 0, "it sends");
	ok(wait_for(child_call(&one, ev_count, port, 0, 0) == 1, 5000), "and that arrives");
	is(child_call(&one, ev_close, port, 0, 0), 0, "the first one closes its end");
	is(child_call(&two, ev_state, DOMID_SELF, other, 0), EVTCHNSTAT_unbound, "the other end is unbound");
	is(child_call(&two, ev_send, other, 1, 0), 0, "sending on it does nothing");
	is(child_call(&two, ev_close, other, 0, 0), 0, "it can be closed");
}

/* ---- ends that go away ---- */

static void reset_of_one_end(void)
{
	struct xen_domctl op = { };
	unsigned int mine, its, mine2, its2;

	channel(&one, &mine, &its);
	channel(&two, &mine2, &its2);
	is(ev_reset(one.domid, 0, 0), -EINVAL, "a running domain is not reset by Domain0");
	is(child_call(&one, ev_reset, DOMID_SELF, 0, 0), 0, "it resets itself");
	is(ev_state(DOMID_SELF, mine, 0), EVTCHNSTAT_unbound, "Domain0's end is unbound");
	is(ev_send(mine, 3, 0), 0, "sending on it does nothing");
	is(ev_close(mine, 0, 0), 0, "it can be closed");
	ok(arrives(&two, mine2, its2), "the other domain's channel works as before");
	channel(&one, &mine, &its);
	ok(arrives(&one, mine, its), "and a new one to the domain that was reset");
	domctl(XEN_DOMCTL_pausedomain, one.domid, &op);
	is(ev_reset(one.domid, 0, 0), 0, "while it is paused Domain0 may reset it");
	domctl(XEN_DOMCTL_unpausedomain, one.domid, &op);
	is(ev_state(DOMID_SELF, mine, 0), EVTCHNSTAT_unbound, "which unbinds Domain0's end too");
	is(ev_close(mine, 0, 0), 0, "closed");
	is(ev_close(mine2, 0, 0), 0, "closed");
	child_call(&two, ev_close, its2, 0, 0);
}

static void destroyed(void)
{
	unsigned int mine, its, domid = two.domid;
	long offered;

	channel(&two, &mine, &its);
	offered = ev_alloc(DOMID_SELF, domid, 0);
	child_begin(&two, 0, ev_send, its, 1L << 40, 0);
	ok(wait_for(event_count[mine] > 5, 5000), "a domain sends and sends");
	is(child_destroy(&two), 0, "and is destroyed while it does");
	is(ev_state(DOMID_SELF, mine, 0), EVTCHNSTAT_unbound, "Domain0's end is unbound");
	is(ev_send(mine, 1, 0), 0, "sending on it does nothing");
	is(ev_bind(domid, its, 0), -ESRCH, "there is nobody to bind to");
	is(ev_state(DOMID_SELF, offered, 0), EVTCHNSTAT_unbound, "what was offered to it is unbound");
	is(ev_close(mine, 0, 0), 0, "closed");
	is(ev_close(offered, 0, 0), 0, "closed");
	make_child(&two, 1);
	channel(&two, &mine, &its);
	ok(arrives(&two, mine, its), "the next domain's channel works");
	is(ev_close(mine, 0, 0), 0, "closed");
}

/* One vcpu of the child opens and closes a port, the other sends on whatever has that number; Domain0 binds and sends. */
static long open_and_close(long rounds, long unused, long unused2)
{
	struct mailbox *box = child_box();
	long strange = 0;

	while (rounds--) {
		long port = ev_alloc(DOMID_SELF, 0, 0);

		strange += port <= 0;
		box->word[0] = (uint64_t)port;
		for (int i = 0; i < 50; i++)
			barrier();
		strange += ev_close(port, 0, 0) != 0;
	}
	box->word[0] = ~0UL;
	return strange;
}

static long send_to_all(long unused, long unused2, long unused3)
{
	struct mailbox *box = child_box();
	long strange = 0, rc;

	while (box->word[0] != ~0UL) {
		rc = ev_send((long)box->word[0], 1, 0);
		strange += rc != 0 && rc != -EINVAL;
	}
	return strange;
}

static void close_race(void)
{
	unsigned long bound = 0;
	long strange = 0, mine;

	one.box->word[0] = 0;
	child_begin(&one, 0, open_and_close, 10000, 0, 0);
	child_begin(&one, 1, send_to_all, 0, 0, 0);
	while (one.box->word[0] != ~0UL) {
		mine = ev_bind(one.domid, (long)one.box->word[0], 0);
		strange += mine <= 0 && mine != -EINVAL;
		if (mine <= 0)
			continue;
		bound++;
		strange += ev_send(mine, 2, 0) != 0;
		strange += ev_close(mine, 0, 0) != 0;
	}
	is(child_end(&one, 0), 0, "10000 ports opened and closed by one vcpu");
	is(child_end(&one, 1), 0, "while another one sent on them");
	is(strange, 0, "and Domain0 bound to them %lu times, sent and closed: nothing strange", bound);
}

/* ---- limits ---- */

static void limits(void)
{
	unsigned int mine, its;
	long port, n = 0, offered;

	is(child_call(&one, ev_reset, DOMID_SELF, 0, 0), 0, "reset");
	channel(&one, &mine, &its);
	while ((port = child_call(&one, ev_alloc, DOMID_SELF, 0, 0)) > 0 && n < 2000)
		n++;
	is(n, MAX_PORT - 1, "XSA-342: a domain has as many ports as it was given");
	is(port, -ENOSPC, "then there is an error");
	is(ev_alloc(one.domid, 0, 0), -ENOSPC, "Domain0 cannot get it more either");
	offered = ev_alloc(DOMID_SELF, one.domid, 0);
	is(child_call(&one, ev_bind, 0, offered, 0), -ENOSPC, "nor can it bind");
	is(ev_state(DOMID_SELF, offered, 0), EVTCHNSTAT_unbound, "which leaves the other end alone");
	ok(arrives(&one, mine, its), "what is bound works");
	is(child_call(&one, ev_close, its == 1 ? 2 : 1, 0, 0), 0, "one is closed");
	ok(child_call(&one, ev_bind, 0, offered, 0) > 0, "then it can");
	is(child_call(&one, ev_state, DOMID_SELF, MAX_PORT + 1, 0), -EINVAL, "no port has a number beyond");
	is(child_call(&one, ev_reset, DOMID_SELF, 0, 0), 0, "reset");
	is(ev_close(offered, 0, 0), 0, "closed");
	is(ev_close(mine, 0, 0), 0, "closed");
}

/* ---- storms ---- */

static uint64_t work(void)
{
	uint64_t t = now();

	for (unsigned int i = 0; i < 4000; i++)
		hypercall(xen_version, XENVER_version, 0UL);
	return (now() - t) / 1000;
}

static void storm(void)
{
	unsigned int mine, its;
	uint64_t alone, beside;

	channel(&one, &mine, &its);
	alone = work();
	child_begin(&one, 0, ev_send, its, 1L << 40, 0);
	child_begin(&one, 1, ev_send, its, 1L << 40, 0);
	ok(wait_for(event_count[mine] > 5, 5000), "two vcpus of a domain do nothing but send");
	beside = work();
	note("work of %lu us takes %lu us, %u events", alone, beside, event_count[mine]);
	ok(beside < 40 * alone + 200000, "XSA-332: Domain0 gets its work done");
	event_mask(mine, true);
	ok(work() < 40 * alone + 200000, "masked, too");
	is(child_destroy(&one), 0, "and can destroy it");
	is(ev_close(mine, 0, 0), 0, "closed");

	make_child(&one, 1);
	its = (unsigned int)child_call(&one, ev_alloc, DOMID_SELF, 0, 0);
	mine = (unsigned int)ev_bind(one.domid, its, 0);
	is(ev_send(mine, 20000, 0), 0, "20000 events for a domain that takes none");
	is(child_call(&one, ev_count, its, 0, 0), 0, "it has seen none");
	is(ev_close(mine, 0, 0), 0, "closed");
}

/* Nothing of all this may have kept a page. */
static void nothing_lost(unsigned long before)
{
	is(child_destroy(&one), 0, "destroyed");
	is(child_destroy(&two), 0, "destroyed");
	ok(wait_for(free_pages() >= before, 2000), "all pages have come back");
	is((long)free_pages(), (long)before, "as many as before");
}

void test_main(void)
{
	unsigned long before;

	if (child_role())
		child_serve(vcpu_count());
	/* What the hypervisor keeps for the next time: Domain0's table of ports, memory for two domains. */
	while (ev_alloc(DOMID_SELF, 0, 0) < 256)
		;
	ev_reset(DOMID_SELF, 0, 0);
	make_child(&one, 2);
	make_child(&two, 1);
	child_destroy(&one);
	child_destroy(&two);
	before = free_pages();

	both_ways();
	between_children();
	reset_of_one_end();
	destroyed();
	close_race();
	limits();
	storm();
	nothing_lost(before);
	test_fifo();
	test_hostile();
}

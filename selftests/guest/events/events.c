// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels of one domain: binding, sending, masking, closing, polling, blocking, the timer.
 *
 * An event sets a pending bit; if neither the port nor the vcpu is masked, the upcall runs before the guest's next
 * instruction. Nothing is lost while masked, and nothing is delivered twice. The one exception are upcalls that each
 * raise the next: the code that they interrupt must make progress nevertheless.
 */
#include "lib.h"

static long close_port(unsigned int port)
{
	struct evtchn_close c = { .port = port };

	return evtchn(EVTCHNOP_close, &c);
}

static long send(unsigned int port)
{
	struct evtchn_send s = { .port = port };

	return evtchn(EVTCHNOP_send, &s);
}

static long status(unsigned int port, struct evtchn_status *s)
{
	memset(s, 0, sizeof(*s));
	s->dom = DOMID_SELF;
	s->port = port;
	return evtchn(EVTCHNOP_status, s);
}

static void ipi(void)
{
	struct evtchn_status s;
	long port = bind_ipi(0);
	unsigned int p = (unsigned int)port;

	if (!ok(port > 0, "an IPI port for ourselves: %ld", port))
		return;
	event_mask(p, false);
	events_on();
	is(send(p), 0, "send");
	is(event_count[p], 1, "the upcall came at once");
	ok(!event_pending(p), "the pending bit was ours to clear");

	events_off();
	is(send(p), 0, "send while the vcpu is masked");
	is(event_count[p], 1, "no upcall");
	ok(event_pending(p), "but pending");
	is(this_pcpu()->info->evtchn_upcall_pending, 1, "also in vcpu_info");
	is(send(p), 0, "send again");
	events_on();
	is(event_count[p], 2, "one upcall when unmasked");

	event_mask(p, true);
	is(send(p), 0, "send while the port is masked");
	is(event_count[p], 2, "no upcall");
	ok(event_pending(p), "but pending");
	is(event_unmask(p), 0, "the unmask call");
	is(event_count[p], 3, "delivers what was pending");
	is(event_unmask(p), 0, "unmask without anything pending");
	is(event_count[p], 3, "does nothing");

	is(status(p, &s), 0, "status");
	is((long)s.status, EVTCHNSTAT_ipi, "says IPI");
	is((long)s.vcpu, 0, "of vcpu 0");
	is(close_port(p), 0, "close");
	is(status(p, &s), 0, "status");
	is((long)s.status, EVTCHNSTAT_closed, "says closed");
	is(close_port(p), -EINVAL, "a closed port cannot be closed");
	is(send(p), -EINVAL, "nor sent to");
	is(bind_ipi(9999), -ENOENT, "an IPI port for a vcpu that does not exist");
	events_off();
}

/*
 * 6.1-rt waits in its upcall for the interrupted code to go on: until then each upcall ends by sending an IPI to its own
 * vcpu, which is due before the interrupted code's next instruction. Without help no instruction is ever executed.
 */
#define STORM 2000

static unsigned int storm_port;

static void send_again(void)
{
	if (event_count[storm_port] < STORM)
		send(storm_port);
}

static void progress(void)
{
	unsigned int p = (unsigned int)bind_ipi(0), seen;
	uint64_t t;

	storm_port = p;
	event_mask(p, false);
	event_count[p] = 0;
	events_on();
	upcall_end_hook = send_again;
	send(p);
	seen = event_count[p];
	ok(seen && seen < STORM, "upcalls that each raise the next let the code go on: after %u", seen);
	ok(event_pending(p), "with an event pending");
	for (t = now(); event_count[p] == seen && now() - t < 1000000000; )
		;
	ok(event_count[p] > seen, "which is delivered without a hypercall");
	for (t = now(); event_count[p] < STORM && now() - t < 10000000000; )
		;
	is(event_count[p], STORM, "none of all events is lost");
	upcall_end_hook = NULL;
	send(p);
	is(event_count[p], STORM + 1, "and the next comes at once again");
	events_off();
	close_port(p);
}

static void loopback(void)
{
	struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
	struct evtchn_bind_interdomain b = { .remote_dom = DOMID_SELF };
	struct evtchn_status s;
	unsigned int x, y;

	is(evtchn(EVTCHNOP_alloc_unbound, &a), 0, "a port that waits for a peer");
	x = a.port;
	is(status(x, &s), 0, "status");
	is((long)s.status, EVTCHNSTAT_unbound, "says unbound");
	is(send(x), 0, "sending on it is silently nothing");
	b.remote_port = x;
	is(evtchn(EVTCHNOP_bind_interdomain, &b), 0, "the peer binds");
	y = b.local_port;
	ok(x != y, "to another port");
	is(status(x, &s), 0, "status");
	is((long)s.status, EVTCHNSTAT_interdomain, "says interdomain");
	is((long)s.u.interdomain.port, y, "with the other port");
	event_clear(x), event_clear(y);
	event_count[x] = event_count[y] = 0;
	event_mask(x, false), event_mask(y, false);
	events_on();
	is(send(x), 0, "send on one end");
	is(event_count[y], 1, "arrives at the other");
	is(send(y), 0, "and back");
	is(event_count[x], 1, "too");
	events_off();
	is(evtchn(EVTCHNOP_bind_interdomain, &b), -EINVAL, "a bound port cannot be bound again");
	is(close_port(x), 0, "one end closes");
	is(status(y, &s), 0, "status of the other");
	is((long)s.status, EVTCHNSTAT_unbound, "says unbound again");
	is(close_port(y), 0, "it closes");
	b.remote_port = 3000;
	is(evtchn(EVTCHNOP_bind_interdomain, &b), -EINVAL, "a port that does not exist cannot be bound to");
	b.remote_dom = 77;
	is(evtchn(EVTCHNOP_bind_interdomain, &b), -ESRCH, "nor a domain that does not exist");
	a.dom = 77;
	is(evtchn(EVTCHNOP_alloc_unbound, &a), -ESRCH, "no port in a domain that does not exist");
}

static void virqs(void)
{
	struct evtchn_bind_vcpu v = { .vcpu = 0 };
	long port = bind_virq(VIRQ_TIMER, 0);
	unsigned int p = (unsigned int)port;
	uint64_t t;

	ok(port > 0, "the timer virq: port %ld", port);
	is(hypercall(vcpu_op, VCPUOP_stop_periodic_timer, 0UL, 0UL), 0, "the 100 Hz timer that vcpus start with is stopped");
	event_clear(p);
	is(bind_virq(VIRQ_TIMER, 0), -EEXIST, "a virq is bound once");
	is(bind_virq(24, 0), -EINVAL, "an unknown virq");
	is(bind_virq(~0U, 0), -EINVAL, "a wild virq");
	is(bind_virq(VIRQ_TIMER, 9999), -ENOENT, "a virq for a vcpu that does not exist");
	v.port = p;
	is(evtchn(EVTCHNOP_bind_vcpu, &v), -EINVAL, "a per-vcpu virq cannot be moved");
	v.port = 3000;
	is(evtchn(EVTCHNOP_bind_vcpu, &v), -EINVAL, "nor a port that does not exist");

	event_mask(p, false);
	events_on();
	event_count[p] = 0;
	t = now();
	is(hypercall(set_timer_op, t + 10000000UL), 0, "a timer in 10 ms");
	ok(wait_for(event_count[p], 1000), "fires");
	t = (now() - t) / 1000;
	ok(t >= 9990, "not early: after %lu us", t);
	is(hypercall(set_timer_op, now() - 1000), 0, "a timer in the past");
	ok(wait_for(event_count[p] == 2, 1000), "fires at once");
	is(hypercall(set_timer_op, now() + 20000000UL), 0, "a timer");
	is(hypercall(set_timer_op, 0UL), 0, "is stopped");
	t = now();
	while (now() - t < 40000000)
		;
	is(event_count[p], 2, "and does not fire");

	t = now();
	hypercall(set_timer_op, t + 20000000UL);
	is(hypercall(sched_op, SCHEDOP_block, 0UL), 0, "block until the timer");
	t = (now() - t) / 1000;
	is(event_count[p], 3, "woke us");
	ok(t >= 19990, "after %lu us", t);
	events_off();
	t = now();
	hypercall(set_timer_op, t + 20000000UL);
	is(hypercall(sched_op, SCHEDOP_block, 0UL), 0, "block unmasks events as it goes to sleep");
	is(event_count[p], 4, "so the timer's upcall ran");
	events_off();
	is(close_port(p), 0, "the virq port is closed");
}

static void polling(void)
{
	long port = bind_ipi(0);
	evtchn_port_t p = (evtchn_port_t)port, many[2] = { p, 3000 };
	struct sched_poll poll = { .nr_ports = 1 };
	uint64_t t;

	set_xen_guest_handle(poll.ports, many);
	event_mask(p, true);
	send(p);
	is(hypercall(sched_op, SCHEDOP_poll, &poll), 0, "poll with an event pending returns at once");
	ok(event_pending(p), "and leaves it pending");
	event_clear(p);
	t = now();
	poll.timeout = t + 20000000UL;
	is(hypercall(sched_op, SCHEDOP_poll, &poll), 0, "poll with a timeout");
	t = (now() - t) / 1000;
	ok(t >= 19990 && t < 2000000, "returns after it: %lu us", t);
	poll.nr_ports = 129;
	is(hypercall(sched_op, SCHEDOP_poll, &poll), -EINVAL, "more than 128 ports");
	poll.nr_ports = 2;
	many[1] = 1000000;
	is(hypercall(sched_op, SCHEDOP_poll, &poll), -EINVAL, "a port that cannot exist");
	poll.nr_ports = 1;
	set_xen_guest_handle(poll.ports, (evtchn_port_t *)0x1000);
	is(hypercall(sched_op, SCHEDOP_poll, &poll), -EFAULT, "an unreadable list");
	is(hypercall(sched_op, SCHEDOP_poll, 0x1000UL), -EFAULT, "an unreadable argument");
	is(hypercall(sched_op, 99UL, 0UL), -ENOSYS, "an unknown scheduler operation");
	is(hypercall(sched_op, SCHEDOP_yield, 0UL), 0, "yield");
	close_port(p);
}

static void errors(void)
{
	struct evtchn_expand_array e = { .array_gfn = 0xfffffffUL };
	struct evtchn_init_control i = { .control_gfn = 0xfffffffUL, .vcpu = 0 };
	struct evtchn_reset reset = { .dom = DOMID_SELF };
	struct evtchn_status s;

	is(evtchn(99, &s), -ENOSYS, "an unknown operation");
	is(evtchn(EVTCHNOP_send, (void *)0x1000), -EFAULT, "an unreadable argument");
	is(send(0), -EINVAL, "port 0 is never valid");
	is(send(4096), -EINVAL, "a port beyond the 2-level limit");
	is(send(~0U), -EINVAL, "the highest number");
	is(event_unmask(~0U), -EINVAL, "unmasking it");
	is(close_port(~0U), -EINVAL, "closing it");
	is(status(~0U, &s), -EINVAL, "its status");
	ok(evtchn(EVTCHNOP_init_control, &i) < 0, "XSA-107: a FIFO control block in a frame that does not exist");
	i.offset = 4;
	ok(evtchn(EVTCHNOP_init_control, &i) < 0, "an unaligned one");
	ok(evtchn(EVTCHNOP_expand_array, &e) < 0, "expanding a FIFO array before there is a control block");
	is(evtchn(EVTCHNOP_reset, &reset), 0, "reset closes everything");
	ok(bind_ipi(0) > 0, "and ports can be bound again");
}

/* Ports run out with an error, and come back. */
static void exhaustion(void)
{
	struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
	struct evtchn_reset reset = { .dom = DOMID_SELF };
	unsigned int n = 0, highest = 0;
	long rc;

	while (!(rc = evtchn(EVTCHNOP_alloc_unbound, &a)) && n < 5000) {
		n++;
		highest = a.port > highest ? a.port : highest;
	}
	is(rc, -ENOSPC, "XSA-342: after %u ports there is no more", n);
	ok(highest < 4096, "the highest is %u", highest);
	is(evtchn(EVTCHNOP_reset, &reset), 0, "reset");
	is(evtchn(EVTCHNOP_alloc_unbound, &a), 0, "gives them back");
}

void test_main(void)
{
	ipi();
	progress();
	loopback();
	virqs();
	polling();
	errors();
	exhaustion();
}

// SPDX-License-Identifier: GPL-2.0-only
// LIBS: -lpthread
/*
 * FIFO events: a guest that follows the protocol gets every event, once for any number of sends while
 * it is pending, in the order of each queue; whatever a guest does to its words, nothing but its own
 * events suffers (evtchn/event-fifo.c). The guest here is xen-port's source.
 */
#include "domains.h"
#include <pthread.h>
#include "../../hypervisor/evtchn/ports.c"
#include "../../hypervisor/evtchn/notify.c"
#include "../../hypervisor/evtchn/event-2l.c"
#include "../../hypervisor/evtchn/event-fifo.c"
#include "../../hypervisor/evtchn/ops.c"
#include "../../linux-guest/port/fifo-queue.h"

int pirq_bind(struct vcpu *v, unsigned int pirq, bool share)
{
	return 0;
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, struct vcpu *v)
{
}

#define NR_VCPUS	4
#define NR_PORTS	200
#define CONTROL_FRAME	8		/* one frame for each vcpu from here on */
#define ARRAY_FRAME	16

static struct domain *d;

static int evtchn_op(unsigned int cmd, void *arg)
{
	return do_event_channel_op(cmd, (unsigned long)arg, 0, 0, 0);
}

static int unmask(port_t port)
{
	return evtchn_op(EVTCHNOP_unmask, &(struct evtchn_unmask){ port });
}

static int set_priority(port_t port, unsigned int priority)
{
	return evtchn_op(EVTCHNOP_set_priority, &(struct evtchn_set_priority){ port, priority });
}

static event_word_t *words;		/* the guest's view of its array: one page */

/* ---- the guest's side ---- */

static struct fifo_queues guest[NR_VCPUS];

static struct evtchn_fifo_control_block *control_of(unsigned int vcpu)
{
	return (void *)&host_memory[(CONTROL_FRAME + vcpu) * 4096 + 64];
}

static event_word_t *guest_word(u32 port)
{
	return port < 1024 ? &words[port] : NULL;
}

static void guest_unmask(port_t port)
{
	if (!fifo_word_unmask(&words[port]))
		unmask(port);
}

/* ---- setting up ---- */

static int init_control(unsigned int vcpu, u64 gfn, u32 offset)
{
	struct evtchn_init_control op = { .vcpu = vcpu, .control_gfn = gfn, .offset = offset };

	return evtchn_op(EVTCHNOP_init_control, &op);
}

static int expand(u64 gfn)
{
	struct evtchn_expand_array op = { .array_gfn = gfn };

	return evtchn_op(EVTCHNOP_expand_array, &op);
}

static void setup(void)
{
	d = host_domain_create(0, NR_VCPUS);
	current = d->vcpu[0];
	memset(host_memory, 0, 64 * 4096);
	memset(guest, 0, sizeof(guest));
	BUG_ON(evtchn_domain_init(d, ~0u));
	words = (void *)&host_memory[ARRAY_FRAME * 4096];
}

static void setup_fifo(void)
{
	setup();
	for (unsigned int i = 0; i < NR_VCPUS; i++)
		BUG_ON(init_control(i, CONTROL_FRAME + i, 64));
	for (unsigned int i = 0; i < 1024; i++)
		words[i] = EVTCHN_MASKED;
	BUG_ON(expand(ARRAY_FRAME));
}

static void teardown(void)
{
	d->state = DOMAIN_DYING;
	while (evtchn_domain_destroy(d))
		;
	require(host_frames_held(d) == 0, "references left on frames");
	require(!d->evtchn.fifo && d->evtchn.abi == &evtchn_2l, "back to 2-level");
	evtchn_domain_free(d);
	host_domain_free(d);
}

static port_t bind(unsigned int vcpu)
{
	struct evtchn_bind_ipi op = { .vcpu = vcpu };

	BUG_ON(evtchn_op(EVTCHNOP_bind_ipi, &op));
	return op.port;
}

static void test_setup(void)
{
	port_t p;

	setup();
	check(expand(ARRAY_FRAME) == -EOPNOTSUPP, "XSA-107, 358: no array before a control block");
	check(init_control(NR_VCPUS, CONTROL_FRAME, 0) == -ENOENT, "control block of no vcpu");
	check(init_control(0, CONTROL_FRAME, 4096 - 64) == -EINVAL, "control block over the end of the page");
	check(init_control(0, CONTROL_FRAME, 4) == -EINVAL, "control block not aligned");
	check(init_control(0, HOST_FRAMES, 0) == -EINVAL && !d->evtchn.fifo, "control block in no frame");
	check(init_control(0, 64, 0) == -EINVAL && d->evtchn.abi == &evtchn_2l, "control block in a frame of nobody");
	p = bind(0);
	evtchn_send(d, p);
	check(init_control(0, CONTROL_FRAME, 64) == 0 && d->evtchn.abi == &evtchn_fifo, "the first control block switches");
	check(init_control(0, CONTROL_FRAME + 1, 64) == -EINVAL, "a vcpu has one control block");
	check(page_type_count(&host_frames[CONTROL_FRAME]) == 1 && page_count(&host_frames[CONTROL_FRAME + 1]) == 1,
	      "one reference held, none for the refused one");
	d->vcpu[0]->info->evtchn_upcall_pending = 0;
	check(!evtchn_port_pending(d, p), "no array page yet: not pending");
	words[p] = 0;
	check(expand(ARRAY_FRAME) == 0 && evtchn_port_pending(d, p) && d->vcpu[0]->info->evtchn_upcall_pending,
	      "what was pending before is delivered when the array page comes");
	check(control_of(0)->head[EVTCHN_FIFO_PRIORITY_DEFAULT] == p && control_of(0)->ready == 1u << EVTCHN_FIFO_PRIORITY_DEFAULT,
	      "on the queue of the default priority");
	check(set_priority(p, 16) == -EINVAL && !set_priority(p, 15), "priorities are 0 to 15");
	evtchn_op(EVTCHNOP_close, &p);
	check(bind(0) != p, "a port that is still linked is not used again");
	fifo_word_unlink(&words[p]);
	check(bind(0) == p, "but when the guest has taken it off its queue");
	for (unsigned int i = 1; i < MAX_ARRAY_PAGES; i++)
		require(!expand(ARRAY_FRAME), "array page");
	check(expand(ARRAY_FRAME) == -ENOSPC, "the array has 128 pages");
	check(evtchn_op(EVTCHNOP_reset, &(domid_t){ DOMID_SELF }) == 0 && !host_frames_held(d) && d->evtchn.abi == &evtchn_2l, "reset goes back to 2-level");
	check(init_control(0, CONTROL_FRAME, 64) == 0, "and FIFO may begin again");
	teardown();
}

/* XSA-107: events for a vcpu without a control block go nowhere, safely. */
static void test_no_control(void)
{
	port_t p;

	setup();
	BUG_ON(init_control(0, CONTROL_FRAME, 64) || expand(ARRAY_FRAME));
	p = bind(2);
	words[p] = 0;
	evtchn_send(d, p);
	check(evtchn_port_pending(d, p) && !(words[p] & EVTCHN_LINKED), "no control block: pending, not linked");
	BUG_ON(init_control(2, CONTROL_FRAME + 2, 64));
	unmask(p);
	check(control_of(2)->head[7] == p, "delivered by unmask when there is one");
	teardown();
	setup();
	BUG_ON(init_control(2, CONTROL_FRAME + 2, 64) || expand(ARRAY_FRAME));
	p = bind(2);
	evtchn_send(d, p);
	check(control_of(2)->head[7] == p, "the vcpu that ports begin with needs none");
	teardown();
}

/* A guest that wants its pages back: with ports in use, and nothing is lost. */
static void test_leave(void)
{
	port_t p, q;

	setup_fifo();
	check(init_control(NR_VCPUS, LEAVE_FIFO, 0) == 0 && !host_frames_held(d) && d->evtchn.abi == &evtchn_2l,
	      "back to 2-level on request, no frame is held");
	check(init_control(0, LEAVE_FIFO, 0) == -EINVAL, "only from FIFO");
	for (unsigned int round = 0; round < 3; round++) {
		memset(guest, 0, sizeof(guest));
		memset(control_of(0), 0, sizeof(*control_of(0)));
		p = bind(0);
		q = bind(0);
		BUG_ON(init_control(0, CONTROL_FRAME, 64));
		words[p] = words[q] = EVTCHN_MASKED;
		evtchn_send(d, q);		/* before its word is there */
		BUG_ON(round && expand(ARRAY_FRAME));
		evtchn_send(d, p);
		memset(d->shared_info->evtchn_pending, 0, sizeof(d->shared_info->evtchn_pending));
		BUG_ON(init_control(0, LEAVE_FIFO, 0));
		check(evtchn_port_pending(d, p) && evtchn_port_pending(d, q), "what was pending stays so");
		evtchn_op(EVTCHNOP_close, &p);
		evtchn_op(EVTCHNOP_close, &q);
	}
	BUG_ON(init_control(0, CONTROL_FRAME, 64));
	do
		p = bind(0);
	while (p < EVTCHN_2L_NR_CHANNELS);
	check(init_control(0, LEAVE_FIFO, 0) == -EBUSY && d->evtchn.fifo, "not with ports that 2-level does not have");
	evtchn_op(EVTCHNOP_close, &p);
	check(init_control(0, LEAVE_FIFO, 0) == 0, "but when they are closed");
	teardown();
}

/* ---- one thread, random, against a model of the queues ---- */

struct model_queue {
	port_t port[NR_PORTS + 1];
	unsigned int nr;
};
static struct model_queue model[NR_VCPUS][EVTCHN_FIFO_MAX_QUEUES];
static struct {
	u16 vcpu;
	u8 priority;
	bool pending, masked, queued;
} state[NR_PORTS + 1];

static void model_raise(port_t p)
{
	struct model_queue *q = &model[state[p].vcpu][state[p].priority];

	state[p].pending = true;
	if (!state[p].masked && !state[p].queued) {
		q->port[q->nr++] = p;
		state[p].queued = true;
	}
}

static void consume_one(unsigned int vcpu)
{
	struct fifo_queues *g = &guest[vcpu];
	unsigned int q;
	struct model_queue *m;
	port_t p, want;

	d->vcpu[vcpu]->info->evtchn_upcall_pending = 0;
	g->ready |= xchg(&control_of(vcpu)->ready, 0);
	if (!g->ready)
		return;
	q = ffs64(g->ready);
	m = &model[vcpu][q];
	want = m->port[0];
	require(m->nr, "a queue is ready only when it holds something");
	state[want].queued = false;
	memmove(m->port, m->port + 1, --m->nr * sizeof(m->port[0]));
	p = fifo_take_from(g, control_of(vcpu), q, guest_word);
	require(p == (state[want].pending && !state[want].masked ? want : 0), "events come in the order of their queue");
	require(!!(g->ready & 1u << q) == (m->nr != 0), "the last one ends the queue");
	if (p) {
		require(fifo_word_take(&words[p]) && !fifo_word_take(&words[p]), "an event is taken once");
		state[p].pending = false;
	}
}

static void random_step(void)
{
	port_t p = 1 + host_random() % NR_PORTS;
	unsigned int vcpu = host_random() % NR_VCPUS, priority = host_random() % EVTCHN_FIFO_MAX_QUEUES;

	switch (host_random() % 8) {
	case 0:
	case 1:
	case 2:
		evtchn_send(d, p);
		model_raise(p);
		break;
	case 3:
		set_bit(EVTCHN_FIFO_MASKED, &words[p]);
		state[p].masked = true;
		break;
	case 4:
		guest_unmask(p);
		if (state[p].masked) {
			state[p].masked = false;
			if (state[p].pending)
				model_raise(p);
		}
		break;
	case 5:
		if (host_random() % 2) {
			set_priority(p, priority);
			state[p].priority = priority;
		} else {		/* as bind_vcpu for other kinds of ports */
			evtchn_find(d, p)->notify_vcpu = vcpu;
			state[p].vcpu = vcpu;
		}
		break;
	default:
		consume_one(vcpu);
	}
}

static void test_random(void)
{
	unsigned int left = 0;

	setup_fifo();
	for (port_t p = 1; p <= NR_PORTS; p++) {
		BUG_ON(bind(p % NR_VCPUS) != p);
		state[p].vcpu = p % NR_VCPUS;
		state[p].priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
		guest_unmask(p);
	}
	for (unsigned int i = 0; i < 300000; i++)
		random_step();
	for (port_t p = 1; p <= NR_PORTS; p++) {
		guest_unmask(p);
		if (state[p].masked && (state[p].masked = false, state[p].pending))
			model_raise(p);
	}
	for (unsigned int vcpu = 0; vcpu < NR_VCPUS; vcpu++)
		while (control_of(vcpu)->ready | guest[vcpu].ready)
			consume_one(vcpu);
	for (port_t p = 1; p <= NR_PORTS; p++)
		left += state[p].pending || state[p].queued || (words[p] & (EVTCHN_PENDING | EVTCHN_LINKED | W_BUSY));
	check(!left, "after random sends, masks and moves every event was delivered");
	teardown();
}

/* ---- a guest that breaks the protocol ---- */

static void test_hostile(void)
{
	setup_fifo();
	for (port_t p = 1; p <= NR_PORTS; p++)
		bind(p % NR_VCPUS);
	for (unsigned int i = 0; i < 300000; i++) {
		port_t p = 1 + host_random() % NR_PORTS;

		if (host_random() % 2)
			words[host_random() % 1024] = host_random();
		else
			memset(control_of(p % NR_VCPUS), host_random(), sizeof(struct evtchn_fifo_control_block));
		evtchn_find(d, p)->notify_vcpu = host_random() % NR_VCPUS;
		set_priority(p, host_random() % 16);
		host_random() % 2 ? evtchn_send(d, p) : unmask(p);
	}
	for (unsigned int i = 0; i < NR_VCPUS; i++)
		for (unsigned int q = 0; q < 16; q++)
			require(d->vcpu[i]->evtchn.tail[q] <= NR_PORTS, "tails are ours");
	check(true, "random words and control blocks harm nobody");
	teardown();
}

/* ---- threads: senders against a consumer, ports moving between queues ---- */

#define STRESS_PORTS	8
#define STRESS_SENDS	60000
static u32 sent[STRESS_PORTS + 1], seen[STRESS_PORTS + 1];
static bool senders_done;

static void *sender(void *arg)
{
	u64 seed = (unsigned long)arg * 77777 + 1;

	for (unsigned int i = 0; i < STRESS_SENDS; i++) {
		port_t p;

		seed = seed * 6364136223846793005UL + 1442695040888963407UL;
		p = 1 + (seed >> 33) % STRESS_PORTS;
		if (seed >> 60 == 0)
			set_priority(p, seed >> 56 & 1 ? 7 : 3);
		if (seed >> 60 == 1)
			WRITE_ONCE(evtchn_find(d, p)->notify_vcpu, seed >> 56 & 1);
		__atomic_add_fetch(&sent[p], 1, __ATOMIC_SEQ_CST);
		evtchn_send(d, p);
	}
	return NULL;
}

static unsigned int drain(unsigned int vcpu)
{
	unsigned int handled;
	port_t p;

	for (handled = 0; (p = fifo_take(&guest[vcpu], control_of(vcpu), guest_word)); handled++) {
		if (!fifo_word_take(&words[p]))
			continue;
		fifo_word_set(&words[p], FIFO_MASKED);
		seen[p] = __atomic_load_n(&sent[p], __ATOMIC_SEQ_CST);
		guest_unmask(p);
	}
	return handled;
}

static void *consumer(void *arg)
{
	while (!READ_ONCE(senders_done))
		drain((unsigned long)arg);
	return NULL;
}

static void test_threads(void)
{
	pthread_t send[2], take[2];
	unsigned int lost = 0;

	setup_fifo();
	for (port_t p = 1; p <= STRESS_PORTS; p++) {
		bind(p % 2);
		guest_unmask(p);
	}
	for (unsigned long i = 0; i < 2; i++) {
		pthread_create(&take[i], NULL, consumer, (void *)i);
		pthread_create(&send[i], NULL, sender, (void *)i);
	}
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(send[i], NULL);
	WRITE_ONCE(senders_done, true);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(take[i], NULL);
	drain(0);
	drain(1);
	for (port_t p = 1; p <= STRESS_PORTS; p++)
		lost += seen[p] != sent[p] || (words[p] & (EVTCHN_PENDING | EVTCHN_LINKED));
	check(!lost, "no event is lost between two senders and two consumers");
	teardown();
}

/*
 * A vcpu that goes: its ports are bound to another one, its queues emptied. A sender who had looked before at whom to tell
 * must not link to them any more: nobody would look there.
 */
static port_t loop_from, loop_to;

static void *loop_sender(void *unused)
{
	while (!READ_ONCE(senders_done)) {
		evtchn_send(d, loop_from);
		__atomic_add_fetch(&sent[0], 1, __ATOMIC_SEQ_CST);
	}
	return unused;
}

static void wait_for_sends(u32 count)
{
	u32 from = __atomic_load_n(&sent[0], __ATOMIC_SEQ_CST);

	while (__atomic_load_n(&sent[0], __ATOMIC_SEQ_CST) - from < count)
		;
}

static void test_vcpu_goes(void)
{
	struct evtchn_alloc_unbound unbound = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
	struct evtchn_bind_interdomain inter = { .remote_dom = DOMID_SELF };
	unsigned int late = 0;
	pthread_t thread;

	setup_fifo();
	memset(sent, 0, sizeof(sent));
	WRITE_ONCE(senders_done, false);
	BUG_ON(evtchn_op(EVTCHNOP_alloc_unbound, &unbound));
	inter.remote_port = unbound.port;
	BUG_ON(evtchn_op(EVTCHNOP_bind_interdomain, &inter));
	loop_from = inter.local_port;
	loop_to = unbound.port;
	guest_unmask(loop_to);
	pthread_create(&thread, NULL, loop_sender, NULL);
	for (unsigned int i = 0; i < 40000; i++) {
		unsigned int goes = i % 2;

		BUG_ON(evtchn_op(EVTCHNOP_bind_vcpu, &(struct evtchn_bind_vcpu){ loop_to, !goes }));
		drain(goes);
		wait_for_sends(2);
		late += guest[goes].ready || READ_ONCE(control_of(goes)->ready);
		drain(goes);
	}
	WRITE_ONCE(senders_done, true);
	pthread_join(thread, NULL);
	check(!late, "nothing comes to the queues of a vcpu that its ports have left");
	teardown();
}

int main(void)
{
	test_setup();
	test_no_control();
	test_leave();
	test_random();
	test_hostile();
	test_threads();
	test_vcpu_goes();
	return done();
}

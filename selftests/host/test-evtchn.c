// SPDX-License-Identifier: GPL-2.0-only
// LIBS: -lpthread
/*
 * Event ports: what each operation answers, and that random sequences of operations by three domains
 * leave every port in the state that a simple model says (evtchn/ports.c, notify.c, ops.c, event-2l.c).
 */
#include "domains.h"
#include <pthread.h>
#include "../../hypervisor/evtchn/ports.c"
#include "../../hypervisor/evtchn/notify.c"
#include "../../hypervisor/evtchn/event-2l.c"
#include "../../hypervisor/evtchn/event-fifo.c"
#include "../../hypervisor/evtchn/ops.c"

static unsigned int pirqs_bound;
static int pirq_bind_result;

int pirq_bind(struct vcpu *v, unsigned int pirq, bool share)
{
	pirqs_bound += !pirq_bind_result;
	return pirq_bind_result;
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
	pirqs_bound--;
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, struct vcpu *v)
{
}

#define NR_VCPUS	3
#define MAX_PORT	70		/* of every domain but Domain0 */

static void setup_ports(unsigned int max_port)
{
	for (unsigned int i = 0; i < HOST_DOMAINS; i++) {
		struct domain *d = host_domain_create(i, NR_VCPUS);

		BUG_ON(evtchn_domain_init(d, i ? MAX_PORT : max_port));
	}
	current = domain0->vcpu[0];
}

static void setup(void)
{
	setup_ports(~0u);
}

static void teardown(void)
{
	for (unsigned int i = 0; i < HOST_DOMAINS; i++)
		host_domain[i]->state = DOMAIN_DYING;
	for (unsigned int i = 0; i < HOST_DOMAINS; i++)
		while (evtchn_domain_destroy(host_domain[i]))
			;
	for (unsigned int i = 0; i < HOST_DOMAINS; i++) {
		require(host_domain[i]->evtchn.active == 0, "ports left in d%u", i);
		require(atomic_read(&host_domain[i]->refcnt) == 1, "references left on d%u", i);
		evtchn_domain_free(host_domain[i]);
		host_domain_free(host_domain[i]);
	}
}

#define op(cmd, field, ...) ({							\
	struct evtchn_##field _a = { __VA_ARGS__ };				\
	op_result = do_event_channel_op(cmd, (unsigned long)&_a, 0, 0, 0);	\
	_a; })
static long op_result;

static void evtchn_unmask(struct domain *d, port_t port)
{
	current = d->vcpu[0];
	op(EVTCHNOP_unmask, unmask, .port = port);
}

static int evtchn_status(struct domain *d, struct evtchn_status *st)
{
	union evtchn_args a = { .status = *st };
	int rc = op_status(d, &a);

	*st = a.status;
	return rc;
}

static port_t alloc_unbound(unsigned int remote)
{
	return op(EVTCHNOP_alloc_unbound, alloc_unbound, .dom = DOMID_SELF, .remote_dom = remote).port;
}

static void as(unsigned int domid)
{
	current = host_domain[domid]->vcpu[0];
}

static void clear_upcall(struct vcpu *v)
{
	v->info->evtchn_upcall_pending = 0;
	v->info->evtchn_pending_sel = 0;
	memset(v->domain->shared_info->evtchn_pending, 0, sizeof(v->domain->shared_info->evtchn_pending));
}

static void test_errors(void)
{
	port_t p;

	setup();
	check(do_event_channel_op(99, 0, 0, 0, 0) == -ENOSYS, "unknown operation");
	check(do_event_channel_op(EVTCHNOP_send, HOST_BAD_ADDRESS, 0, 0, 0) == -EFAULT, "send: bad pointer");
	check(do_event_channel_op(EVTCHNOP_status, HOST_BAD_ADDRESS, 0, 0, 0) == -EFAULT, "status: bad pointer");
	op(EVTCHNOP_send, send, .port = 0);
	check(op_result == -EINVAL, "send to port 0, which is reserved");
	op(EVTCHNOP_close, close, .port = 0);
	check(op_result == -EINVAL, "close port 0");
	op(EVTCHNOP_send, send, .port = ~0u);
	check(op_result == -EINVAL, "send to a port out of range");
	p = alloc_unbound(1);
	check(op_result == 0 && p == 1, "the lowest free port is taken");
	op(EVTCHNOP_send, send, .port = p);
	check(op_result == 0, "sending to an unbound port is dropped silently");
	as(1);
	op(EVTCHNOP_bind_interdomain, bind_interdomain, .remote_dom = 0, .remote_port = p + 1);
	check(op_result == -EINVAL, "bind to a free port");
	op(EVTCHNOP_bind_interdomain, bind_interdomain, .remote_dom = 9, .remote_port = p);
	check(op_result == -ESRCH, "bind to a domain that is not there");
	as(2);
	op(EVTCHNOP_bind_interdomain, bind_interdomain, .remote_dom = 0, .remote_port = p);
	check(op_result == -EINVAL, "bind to a port reserved for another domain");
	op(EVTCHNOP_bind_interdomain, bind_interdomain, .remote_dom = DOMID_SELF, .remote_port = 1);
	check(op_result == -EINVAL, "bind to the very port that is being allocated");
	op(EVTCHNOP_alloc_unbound, alloc_unbound, .dom = 1, .remote_dom = 2);
	check(op_result == -EPERM, "only the controller allocates ports of others");
	op(EVTCHNOP_status, status, .dom = 0, .port = 1);
	check(op_result == -EPERM, "only the controller asks for ports of others");
	op(EVTCHNOP_reset, reset, .dom = 1);
	check(op_result == -EPERM, "only the controller resets others");
	as(0);
	op(EVTCHNOP_reset, reset, .dom = 1);
	check(op_result == -EINVAL, "reset of a domain that is not paused");
	op(EVTCHNOP_bind_virq, bind_virq, .virq = NR_VIRQS);
	check(op_result == -EINVAL, "virq out of range");
	op(EVTCHNOP_bind_virq, bind_virq, .virq = VIRQ_CONSOLE, .vcpu = 1);
	check(op_result == -EINVAL, "a global virq is bound on vcpu 0 only");
	op(EVTCHNOP_bind_virq, bind_virq, .virq = VIRQ_TIMER, .vcpu = NR_VCPUS);
	check(op_result == -ENOENT, "virq on a vcpu that is not there");
	op(EVTCHNOP_bind_ipi, bind_ipi, .vcpu = NR_VCPUS);
	check(op_result == -ENOENT, "ipi on a vcpu that is not there");
	op(EVTCHNOP_bind_pirq, bind_pirq, .pirq = EVTCHN_PIRQS);
	check(op_result == -EINVAL, "pirq out of range");
	pirq_bind_result = -EBUSY;
	op(EVTCHNOP_bind_pirq, bind_pirq, .pirq = 4);
	check(op_result == -EBUSY && domain0->evtchn.active == 1, "a pirq that cannot be bound takes no port");
	check(!evtchn_send_pirq(domain0, 4), "and is not delivered");
	pirq_bind_result = 0;
	as(1);
	op(EVTCHNOP_bind_pirq, bind_pirq, .pirq = 4);
	check(op_result == -EPERM, "pirqs are for who has the devices");
	op(EVTCHNOP_set_priority, set_priority, .port = 1, .priority = 1);
	check(op_result == -ENOSYS, "2-level has no priorities");
	op(EVTCHNOP_expand_array, expand_array, .array_gfn = 1);
	check(op_result == -EOPNOTSUPP, "no array to expand before init_control");
	alloc_unbound(DOMID_SELF);
	check(op(EVTCHNOP_status, status, .dom = DOMID_SELF, .port = 1).u.unbound.dom == 1, "DOMID_SELF becomes the caller");
	teardown();
}

static void test_virq(void)
{
	struct vcpu *v0, *v1;
	port_t timer0, timer1, con;

	setup();
	v0 = domain0->vcpu[0];
	v1 = domain0->vcpu[1];
	timer0 = op(EVTCHNOP_bind_virq, bind_virq, .virq = VIRQ_TIMER, .vcpu = 0).port;
	timer1 = op(EVTCHNOP_bind_virq, bind_virq, .virq = VIRQ_TIMER, .vcpu = 1).port;
	op(EVTCHNOP_bind_virq, bind_virq, .virq = VIRQ_TIMER, .vcpu = 1);
	check(op_result == -EEXIST, "a virq is bound once per vcpu");
	con = op(EVTCHNOP_bind_virq, bind_virq, .virq = VIRQ_CON_RING).port;
	evtchn_send_virq(v1, VIRQ_TIMER);
	check(evtchn_port_pending(domain0, timer1) && !evtchn_port_pending(domain0, timer0),
	      "a per-vcpu virq raises the port of that vcpu");
	check(v1->info->evtchn_upcall_pending && !v0->info->evtchn_upcall_pending, "and its upcall");
	op(EVTCHNOP_bind_vcpu, bind_vcpu, .port = timer1, .vcpu = 0);
	check(op_result == -EINVAL, "a per-vcpu virq stays where it is");
	op(EVTCHNOP_bind_vcpu, bind_vcpu, .port = con, .vcpu = 2);
	check(op_result == 0, "a global virq may move");
	evtchn_send_global_virq(VIRQ_CON_RING);
	check(domain0->vcpu[2]->info->evtchn_upcall_pending, "and is delivered there");
	op(EVTCHNOP_close, close, .port = con);
	op(EVTCHNOP_close, close, .port = timer1);
	clear_upcall(v1);
	evtchn_send_virq(v1, VIRQ_TIMER);
	evtchn_send_global_virq(VIRQ_CON_RING);
	check(!v1->info->evtchn_upcall_pending, "closed virqs are not delivered");
	con = op(EVTCHNOP_bind_virq, bind_virq, .virq = VIRQ_CON_RING).port;
	check(op_result == 0, "a moved and closed global virq can be bound again");
	op(EVTCHNOP_send, send, .port = con);
	check(op_result == -EINVAL, "virqs are not sent by the guest");
	evtchn_send_virq(host_domain[1]->vcpu[0], VIRQ_TIMER);
	check(!host_domain[1]->vcpu[0]->info->evtchn_upcall_pending, "an unbound virq goes nowhere");
	teardown();
}

static void test_delivery(void)
{
	struct vcpu *v;
	struct shared_info *s;
	port_t p;

	setup();
	v = domain0->vcpu[1];
	s = domain0->shared_info;
	p = op(EVTCHNOP_bind_ipi, bind_ipi, .vcpu = 1).port;
	host_kicks = 0;
	evtchn_send(domain0, p);
	check(host_kicks == 1 && v->info->evtchn_upcall_pending == 1 && v->info->evtchn_pending_sel == 1,
	      "send sets pending, selector and upcall, and kicks");
	evtchn_send(domain0, p);
	check(host_kicks == 1, "a pending one is not kicked again");
	s->evtchn_pending[0] = 0;
	v->info->evtchn_pending_sel = 0;
	evtchn_send(domain0, p);
	check(host_kicks == 1 && v->info->evtchn_pending_sel == 1, "no kick while the upcall is still pending");
	clear_upcall(v);
	s->evtchn_mask[0] = 1UL << p;
	evtchn_send(domain0, p);
	check(host_kicks == 1 && !v->info->evtchn_upcall_pending && evtchn_port_pending(domain0, p),
	      "a masked one becomes pending and nothing more");
	evtchn_unmask(domain0, p);
	check(host_kicks == 2 && v->info->evtchn_upcall_pending && !s->evtchn_mask[0], "unmasking delivers it");
	clear_upcall(v);
	set_bit(VF_BLOCKED, &v->sched.flags);
	evtchn_send(domain0, p);
	check(!test_bit(VF_BLOCKED, &v->sched.flags) && host_kicks == 2, "a blocked vcpu is woken, not kicked");
	v->info->evtchn_upcall_mask = 1;
	check(!evtchn_upcall_needed(v), "no upcall needed while masked");
	v->info->evtchn_upcall_mask = 0;
	check(evtchn_upcall_needed(v), "upcall needed");
	clear_upcall(v);
	evtchn_vcpu_info_moved(v);
	check(v->info->evtchn_pending_sel == ~0UL && v->info->evtchn_upcall_pending, "moved vcpu_info: look everywhere");

	/* polling: masked port, blocked vcpu */
	clear_upcall(v);
	s->evtchn_mask[0] = ~0UL;
	v->evtchn.poll_port = p + 1;
	set_bit(VF_BLOCKED, &v->sched.flags);
	set_bit(v->id, domain0->evtchn.poll_mask);
	evtchn_send(domain0, p);
	check(test_bit(VF_BLOCKED, &v->sched.flags), "another port does not wake a poller");
	s->evtchn_pending[0] = 0;
	v->evtchn.poll_port = EVTCHN_POLL_ANY;
	evtchn_send(domain0, p);
	check(!test_bit(VF_BLOCKED, &v->sched.flags) && !domain0->evtchn.poll_mask[0], "a poller for several is woken, once");
	teardown();
}

static void test_interdomain(void)
{
	port_t a, b;
	struct evtchn_status st;

	setup();
	a = alloc_unbound(1);
	as(1);
	b = op(EVTCHNOP_bind_interdomain, bind_interdomain, .remote_dom = 0, .remote_port = a).local_port;
	check(op_result == 0 && evtchn_port_pending(host_domain[1], b), "binding tells the binding side once");
	op(EVTCHNOP_bind_interdomain, bind_interdomain, .remote_dom = 0, .remote_port = a);
	check(op_result == -EINVAL, "a bound port is not bound again");
	evtchn_send(host_domain[1], b);
	check(evtchn_port_pending(domain0, a), "send reaches the other end");
	op(EVTCHNOP_close, close, .port = b);
	st = (struct evtchn_status){ .dom = 0, .port = a };
	evtchn_status(domain0, &st);
	check(st.status == EVTCHNSTAT_unbound && st.u.unbound.dom == 1, "closing leaves the other end unbound");
	check(!evtchn_port_pending(host_domain[1], b), "a closed port is not pending");
	op(EVTCHNOP_bind_interdomain, bind_interdomain, .remote_dom = 0, .remote_port = a);
	check(op_result == 0, "and it can be bound again");
	/* a dying domain binds nothing more, and its end leaves nobody bound to it */
	host_domain[1]->state = DOMAIN_DYING;
	op(EVTCHNOP_bind_ipi, bind_ipi, .vcpu = 0);
	check(op_result == -EINVAL, "a dying domain gets no port");
	while (evtchn_domain_destroy(host_domain[1]))
		;
	evtchn_status(domain0, &st);
	check(st.status == EVTCHNSTAT_unbound, "the end of a domain unbinds the other end");
	as(0);
	/* loopback */
	a = alloc_unbound(DOMID_SELF);
	b = op(EVTCHNOP_bind_interdomain, bind_interdomain, .remote_dom = DOMID_SELF, .remote_port = a).local_port;
	check(op_result == 0 && a != b, "loopback");
	evtchn_send(domain0, a);
	check(evtchn_port_pending(domain0, b), "loopback delivers");
	teardown();
}

/* XSA-342, 343: limits of port numbers, and closing them all in pieces. */
static void test_limits(void)
{
	unsigned int n = 0, rounds = 0;
	port_t p;

	setup();
	as(1);
	while (p = alloc_unbound(0), !op_result)
		require(p == ++n, "ports in order");
	check(op_result == -ENOSPC && n == MAX_PORT, "max_port of the domain is the last one");
	op(EVTCHNOP_close, close, .port = 44);
	check(alloc_unbound(0) == 44, "a closed port is used again");
	as(0);
	for (n = 0; alloc_unbound(0), !op_result; n++)
		;
	check(op_result == -ENOSPC && n == EVTCHN_2L_NR_CHANNELS - 1, "2-level has 4095 ports");
	host_preempt_after = 1;
	do {
		op(EVTCHNOP_reset, reset, .dom = DOMID_SELF);
		rounds++;
	} while (op_result == -ERESTART);
	host_preempt_after = ~0u;
	check(op_result == 0 && rounds > 60 && domain0->evtchn.active == 0, "reset in pieces always gets on and ends");
	as(2);
	alloc_unbound(0);
	host_alloc_fails = true;
	for (n = 1; alloc_unbound(0), !op_result; n++)
		;
	host_alloc_fails = false;
	check(op_result == -ENOMEM && n == EVTCHN_GROUP - 1, "out of memory for ports");
	teardown();
}

/* ---- random sequences against a model ---- */

struct model_port {
	u8 state, dom;			/* unbound: for whom; interdomain: of whom */
	u16 vcpu;
	unsigned int number;		/* remote port, virq or pirq */
	bool pending;
};
static struct model_port model[HOST_DOMAINS][MAX_PORT + 1];

static port_t model_free(unsigned int d)
{
	for (port_t p = 1; p <= MAX_PORT; p++)
		if (!model[d][p].state)
			return p;
	return 0;
}

static void model_close(unsigned int d, port_t p)
{
	struct model_port *m = &model[d][p], *r;

	if (m->state == EVTCHNSTAT_interdomain) {
		r = &model[m->dom][m->number];
		r->state = EVTCHNSTAT_unbound;
		r->dom = d;
	}
	*m = (struct model_port){ 0 };
}

static bool model_bound(unsigned int d, unsigned int state, unsigned int number, unsigned int vcpu)
{
	for (port_t p = 1; p <= MAX_PORT; p++)
		if (model[d][p].state == state && model[d][p].number == number &&
		    (vcpu == ~0u || model[d][p].vcpu == vcpu))
			return true;
	return false;
}

static void step(void)
{
	unsigned int d = host_random() % HOST_DOMAINS, r = host_random() % HOST_DOMAINS;
	port_t p = host_random() % (MAX_PORT + 1), q = host_random() % (MAX_PORT + 1), got, want = model_free(d);
	unsigned int vcpu = host_random() % NR_VCPUS, number = host_random() % 6;
	struct model_port *m = &model[d][p];
	bool may = want != 0;

	as(d);
	switch (host_random() % 9) {
	case 0:
		got = alloc_unbound(r);
		require(may ? got == want : op_result == -ENOSPC, "alloc_unbound");
		if (may)
			model[d][got] = (struct model_port){ .state = EVTCHNSTAT_unbound, .dom = r };
		break;
	case 1:
		got = op(EVTCHNOP_bind_interdomain, bind_interdomain, .remote_dom = r, .remote_port = q).local_port;
		may = may && model[r][q].state == EVTCHNSTAT_unbound && model[r][q].dom == d && !(d == r && q == want);
		require(may == !op_result, "bind_interdomain");
		if (may) {
			require(got == want, "lowest port");
			model[d][got] = (struct model_port){ EVTCHNSTAT_interdomain, r, 0, q, true };
			model[r][q].state = EVTCHNSTAT_interdomain;
			model[r][q].dom = d;
			model[r][q].number = got;
		}
		break;
	case 2:
		got = op(EVTCHNOP_bind_virq, bind_virq, .virq = VIRQ_TIMER + number % 2, .vcpu = vcpu).port;
		may = may && !model_bound(d, EVTCHNSTAT_virq, number % 2, vcpu);
		require(may == !op_result, "bind_virq");
		if (may)
			model[d][got] = (struct model_port){ EVTCHNSTAT_virq, 0, vcpu, number % 2, false };
		break;
	case 3:
		got = op(EVTCHNOP_bind_ipi, bind_ipi, .vcpu = vcpu).port;
		require(may == !op_result, "bind_ipi");
		if (may)
			model[d][got] = (struct model_port){ .state = EVTCHNSTAT_ipi, .vcpu = vcpu };
		break;
	case 4:
		got = op(EVTCHNOP_bind_pirq, bind_pirq, .pirq = number).port;
		may = may && d == 0 && !model_bound(d, EVTCHNSTAT_pirq, number, ~0u);
		require(may == !op_result, "bind_pirq");
		if (may)
			model[d][got] = (struct model_port){ EVTCHNSTAT_pirq, 0, 0, number, false };
		break;
	case 5:
		op(EVTCHNOP_close, close, .port = p);
		require((p && m->state) == !op_result, "close");
		if (p)
			model_close(d, p);
		break;
	case 6:
		op(EVTCHNOP_send, send, .port = p);
		require((m->state == EVTCHNSTAT_unbound || m->state == EVTCHNSTAT_interdomain || m->state == EVTCHNSTAT_ipi) == !op_result, "send");
		if (m->state == EVTCHNSTAT_interdomain)
			model[m->dom][m->number].pending = true;
		else if (m->state == EVTCHNSTAT_ipi)
			m->pending = true;
		break;
	case 7:
		op(EVTCHNOP_bind_vcpu, bind_vcpu, .port = p, .vcpu = vcpu);
		may = m->state == EVTCHNSTAT_unbound || m->state == EVTCHNSTAT_interdomain || m->state == EVTCHNSTAT_pirq;
		require(may == !op_result, "bind_vcpu");
		if (may)
			m->vcpu = vcpu;
		break;
	case 8:
		require(evtchn_send_pirq(domain0, number) == model_bound(0, EVTCHNSTAT_pirq, number, ~0u), "pirq");
		for (p = 1; p <= MAX_PORT; p++)
			if (model[0][p].state == EVTCHNSTAT_pirq && model[0][p].number == number)
				model[0][p].pending = true;
		break;
	}
}

static bool same_as_model(unsigned int d, port_t p)
{
	struct evtchn_status st = { .port = p };
	const struct model_port *m = &model[d][p];

	if (evtchn_status(host_domain[d], &st))
		return !m->state;
	if (st.status != m->state || st.vcpu != m->vcpu ||
	    evtchn_port_pending(host_domain[d], p) != m->pending)
		return m->state == 0 && st.status == EVTCHNSTAT_closed;
	if (m->state == EVTCHNSTAT_unbound)
		return st.u.unbound.dom == m->dom;
	if (m->state == EVTCHNSTAT_interdomain)
		return st.u.interdomain.dom == m->dom && st.u.interdomain.port == m->number;
	return (m->state != EVTCHNSTAT_virq || st.u.virq == m->number) && (m->state != EVTCHNSTAT_pirq || st.u.pirq == m->number);
}

static void test_random(void)
{
	unsigned int bad = 0, pirqs = 0;

	setup_ports(MAX_PORT);
	for (unsigned int i = 0; i < 20000; i++) {
		step();
		if (i % 16)
			continue;
		for (unsigned int d = 0; d < HOST_DOMAINS; d++)
			for (port_t p = 1; p <= MAX_PORT; p++)
				bad += !same_as_model(d, p);
	}
	for (port_t p = 1; p <= MAX_PORT; p++)
		pirqs += model[0][p].state == EVTCHNSTAT_pirq;
	check(!bad, "random operations leave all ports as the model has them");
	check(pirqs == pirqs_bound, "pirqs bound and unbound in pairs");
	teardown();
	check(pirqs_bound == 0, "the end of the domain unbinds its pirqs");
}

/* ---- threads: two domains bind, send to and close each other's ports at once ---- */

static void *meddle(void *arg)
{
	struct domain *d = arg;
	u64 seed = d->id * 99991 + 7;

	for (unsigned int i = 0; i < 100000; i++) {
		union evtchn_args a = { 0 };
		port_t p;

		seed = seed * 6364136223846793005UL + 1442695040888963407UL;
		p = 1 + (seed >> 40) % 4;
		switch (seed >> 61) {
		case 0:
		case 1:
			a.alloc_unbound.remote_dom = 1 - d->id;
			run(&evtchn_operations[EVTCHNOP_alloc_unbound], d, &a);
			break;
		case 2:
		case 3:
			a.bind_interdomain.remote_dom = 1 - d->id;
			a.bind_interdomain.remote_port = p;
			run(&evtchn_operations[EVTCHNOP_bind_interdomain], d, &a);
			break;
		case 4:
		case 5:
			evtchn_send(d, p);
			break;
		default:
			a.close.port = p;
			run(&evtchn_operations[EVTCHNOP_close], d, &a);
		}
	}
	return NULL;
}

static void test_threads(void)
{
	unsigned int wrong = 0;
	pthread_t t[2];

	setup();
	for (unsigned int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, meddle, host_domain[i]);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int used = 0;

		for (port_t p = 1; p < EVTCHN_2L_NR_CHANNELS; p++) {
			struct evtchn *ch = evtchn_find(host_domain[i], p);

			if (!ch)
				continue;
			if (ch->state == EVTCHNSTAT_interdomain)
				wrong += ch->peer->state != EVTCHNSTAT_interdomain || ch->peer->peer != ch ||
					 ch->remote != host_domain[1 - i];
			used += ch->state != EVTCHNSTAT_closed;
		}
		wrong += used != host_domain[i]->evtchn.active;
	}
	check(!wrong, "two domains at once: both ends of every channel agree");
	teardown();
}

int main(void)
{
	test_errors();
	test_virq();
	test_delivery();
	test_interdomain();
	test_limits();
	test_random();
	test_threads();
	return done();
}

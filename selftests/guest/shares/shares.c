// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gets how much of the machine: domains that always have work share two CPUs by their weights; a cap holds, whether
 * others wait or not; what one cannot use others get; nobody starves. Measured by what the hypervisor accounts to their
 * vcpus, of what Domain0 leaves: within 2 % over 10 s.
 *
 * A weight is each vcpu's, as in Xen's credit2: a domain with two gets twice as much.
 *
 * Time is the number of instructions, so that a busy host does not take from one CPU what it gives to the other; at 16 ns
 * each, for it is only time that matters here. QEMU then runs one CPU after the other, each until the next timer is due,
 * and before 8.1 the first CPU could leave nothing to the second for ever: so Domain0 wakes on it every 20 ms.
 *
 * boot: -i self -m 512 -x dom0_mem=192M -q -icount -q shift=4,sleep=off -T 400
 */
#include "child.h"

#define CPUS	2
#define PARTIES	4
#define MS	1000000UL

struct party {
	unsigned int vcpus, weight, cap;
};

static const struct scene {
	const char *what;
	unsigned int seconds;
	struct party party[PARTIES];
} scenes[] = {
	{ "weights", 10, { { 1, 128, 0 }, { 1, 256, 0 }, { 1, 512, 0 }, { 1, 256, 0 } } },
	{ "caps beside others", 10, { { 1, 256, 20 }, { 2, 256, 55 }, { 1, 256, 0 }, { 1, 256, 0 } } },
	{ "a cap on an idle machine", 3, { { 2, 256, 30 } } },
	{ "more weight than one vcpu can use", 10, { { 1, 4096, 0 }, { 2, 256, 0 }, { 1, 512, 0 } } },
	{ "two of greater weight", 10, { { 2, 1024, 0 }, { 1, 256, 0 } } },
	/* Where each CPU found the next in turn not yet let go by the other, the light one ran on: up to 90 % more. */
	{ "two of much greater weight", 20, { { 2, 4096, 0 }, { 1, 256, 0 } } },
};

static struct child children[PARTIES], domain0;

static void spin(void)
{
	volatile uint64_t *count = &child_box()->word[this_pcpu()->id * 8];

	for (;;)
		++*count;
}

static void child_main(void)
{
	for (unsigned int id = 1; id < vcpu_count(); id++)
		vcpu_boot(id, spin);
	spin();
}

static void sleep_until(uint64_t when)
{
	struct sched_poll p = { };

	while (now() < when) {
		p.timeout = now() + 20 * MS < when ? now() + 20 * MS : when;
		hypercall(sched_op, SCHEDOP_poll, &p);
	}
}

/* ns that the vcpus of a domain ran */
static uint64_t ran(const struct child *c, unsigned int vcpus)
{
	struct xen_domctl op = { };
	uint64_t sum = 0;

	for (unsigned int i = 0; i < vcpus; i++) {
		op.u.getvcpuinfo.vcpu = i;
		if (domctl(XEN_DOMCTL_getvcpuinfo, c->domid, &op))
			bail("vcpu %u of domain %u cannot be looked at", i, c->domid);
		sum += op.u.getvcpuinfo.cpu_time;
	}
	return sum;
}

static void start(struct child *c, const struct party *p)
{
	uint64_t limit = now() + 20000 * MS;
	struct xen_domctl op = { .u.scheduler_op = {
		.sched_id = XEN_SCHEDULER_CREDIT2, .cmd = XEN_DOMCTL_SCHEDOP_putinfo,
		.u.credit2 = { .weight = (uint16_t)p->weight, .cap = (uint16_t)p->cap },
	} };

	if (child_make(c, 1, p->vcpus) || domctl(XEN_DOMCTL_scheduler_op, c->domid, &op) || child_start(c))
		bail("a domain with weight %u and cap %u cannot be made", p->weight, p->cap);
	/* Asleep: a CPU that never rests can take all instructions that QEMU deals out with -icount. */
	while (!(c->box->word[0] && (p->vcpus < 2 || c->box->word[8]))) {
		if (now() > limit)
			bail("domain %u does not run", c->domid);
		sleep_until(now() + MS);
	}
}

/* What each should get of @left ns on all CPUs: by weight, but nobody more than its cap or its vcpus can use. */
static void divide(const struct party *p, unsigned int parties, uint64_t elapsed, uint64_t left, uint64_t *want)
{
	uint64_t weights = 0, limit;
	unsigned int i;

	for (i = 0; i < parties; i++) {
		weights += p[i].vcpus * p[i].weight;
		want[i] = 0;
	}
	for (i = 0; i < parties; i++) {
		limit = p[i].cap ? elapsed * p[i].cap / 100 : elapsed * p[i].vcpus;
		if (want[i] || left * p[i].vcpus * p[i].weight / weights <= limit)
			continue;
		want[i] = limit;
		left -= limit;
		weights -= p[i].vcpus * p[i].weight;
		i = ~0U;		/* more for the others: look again */
	}
	for (i = 0; i < parties; i++)
		if (!want[i])
			want[i] = left * p[i].vcpus * p[i].weight / weights;
}

/* What all had at one time: again when this was interrupted, for meanwhile they ran on. Return: that time. */
static uint64_t look(const struct scene *s, unsigned int parties, uint64_t *had, uint64_t *mine)
{
	uint64_t begin, limit = now() + 2000 * MS;

	do {
		begin = now();
		*mine = ran(&domain0, 1);
		for (unsigned int i = 0; i < parties; i++)
			had[i] = ran(&children[i], s->party[i].vcpus);
	} while (now() - begin > 5 * MS && begin < limit);
	return begin;
}

static void measure(const struct scene *s, unsigned int parties)
{
	uint64_t before[PARTIES], after[PARTIES], want[PARTIES], mine_before, mine, begin, elapsed;

	begin = look(s, parties, before, &mine_before);
	sleep_until(begin + s->seconds * 1000 * MS);
	elapsed = look(s, parties, after, &mine) - begin;
	mine -= mine_before;
	divide(s->party, parties, elapsed, CPUS * elapsed - mine, want);
	for (unsigned int i = 0; i < parties; i++) {
		const struct party *p = &s->party[i];
		uint64_t got = after[i] - before[i];

		ok((got > want[i] ? got - want[i] : want[i] - got) <= want[i] / 50,
		   "%s: %u vcpus, weight %u, cap %u: %lu us, should be %lu", s->what, p->vcpus, p->weight, p->cap,
		   got / 1000, want[i] / 1000);
	}
	note("Domain0 used %lu us of %u * %lu", mine / 1000, CPUS, elapsed / 1000);
}

static void play(const struct scene *s)
{
	unsigned int parties = 0;

	for (; parties < PARTIES && s->party[parties].vcpus; parties++)
		start(&children[parties], &s->party[parties]);
	sleep_until(now() + 100 * MS);
	measure(s, parties);
	for (unsigned int i = 0; i < parties; i++)
		if (child_destroy(&children[i]))
			bail("domain %u cannot be destroyed", children[i].domid);
}

void test_main(void)
{
	struct sched_pin_override pin = { .pcpu = 0 };

	if (child_role())
		child_main();
	if (hypercall(sched_op, SCHEDOP_pin_override, &pin))
		bail("Domain0 cannot be pinned");
	for (unsigned int i = 0; i < ARRAY_SIZE(scenes); i++)
		play(&scenes[i]);
}

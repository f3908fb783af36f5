// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fair policy on a simulated machine. What must hold: CPU time goes by weight, over CPUs too;
 * nobody who is runnable waits for ever; a sleeper is served soon after it wakes and cannot save
 * up time; nobody runs where its affinity forbids; no CPU idles while a vcpu that may run there
 * waits.
 *
 * The simulation stands for core.c: time in ticks; at each, vcpus wake, then every CPU whose slice
 * is over or that was told to looks at its queue.
 */
#include "host.h"
#include "../../hypervisor/lib/bitmap.c"
#include "../../hypervisor/sched/fair.c"

#define TICK		100000LL
#define SECONDS		(1000 * MS)
#define MAX_SIM_CPUS	4
#define MAX_SIM_VCPUS	12

static struct run_queue queues[NR_CPUS];
cpumask_t cpu_online_mask, sched_idle_cpus;
struct vcpu *current;
static unsigned int nr_sim_vcpus, nr_sim_cpus, nr_sim_offline_cpus;
static s64 sim_now, next_look[MAX_SIM_CPUS];
static struct vcpu idle_vcpus[MAX_SIM_CPUS];
static struct sim_vcpu {
	struct vcpu v;
	struct domain d;
	s64 run_ns, sleep_ns;		/* behaviour; run_ns 0: never sleeps */
	s64 ran, ran_since_wake, wake_at, woke_at, worst_wait;
	bool asleep;
} sim[MAX_SIM_VCPUS];
static unsigned int misplaced, lazy;

struct run_queue *sched_queue(unsigned int cpu) { return &queues[cpu]; }
bool sched_overcommitted(void) { return nr_sim_vcpus > nr_sim_cpus + nr_sim_offline_cpus; }

static struct sim_vcpu *sim_of(const struct vcpu *v)
{
	return container_of((struct vcpu *)v, struct sim_vcpu, v);
}

bool sched_may_run(const struct vcpu *v, unsigned int cpu)
{
	return !sim_of(v)->asleep && cpumask_test(&v->sched.hard_affinity, cpu);
}

void sched_move(struct vcpu *v, unsigned int cpu)
{
	v->sched.vruntime += queues[cpu].min_vruntime - queues[v->sched.cpu].min_vruntime;
	v->sched.cpu = cpu;
}

static void wake(struct sim_vcpu *s)
{
	struct vcpu *v = &s->v;
	unsigned int cpu = sched_fair.place(v);

	s->asleep = false;
	s->woke_at = sim_now;
	if (cpu != v->sched.cpu)
		sched_move(v, cpu);
	v->sched.queued = true;
	sched_fair.enqueue(&queues[cpu], v, sim_now);
	cpumask_clear(&sched_idle_cpus, cpu);
	if (sched_fair.preempts(&queues[cpu], v))
		next_look[cpu] = sim_now;
}

static void look(unsigned int cpu)
{
	struct run_queue *rq = &queues[cpu];
	struct vcpu *prev = rq->curr, *next;
	s64 slice;

	next = sched_fair.pick(rq, prev, sim_now, &slice);
	prev->sched.running = false;
	next->sched.running = true;
	rq->curr = next;
	next_look[cpu] = slice < 0 ? INT64_MAX : sim_now + slice;
	if (next == rq->idle) {
		cpumask_set(&sched_idle_cpus, cpu);
		return;
	}
	cpumask_clear(&sched_idle_cpus, cpu);
	if (sim_of(next)->woke_at >= 0)
		sim_of(next)->worst_wait = max(sim_of(next)->worst_wait, sim_now - sim_of(next)->woke_at);
	sim_of(next)->woke_at = -1;
	misplaced += !cpumask_test(&next->sched.hard_affinity, cpu) || next->sched.cpu != cpu;
}

static void run_for_tick(unsigned int cpu)
{
	struct vcpu *v = queues[cpu].curr;
	struct sim_vcpu *s = sim_of(v);

	if (v == queues[cpu].idle)
		return;
	s->ran += TICK;
	s->ran_since_wake += TICK;
	if (s->run_ns && s->ran_since_wake >= s->run_ns) {
		s->asleep = true;
		s->wake_at = sim_now + TICK + s->sleep_ns;
		s->ran_since_wake = 0;
		next_look[cpu] = 0;
	}
}

/* Somebody waits while a CPU that may have it idles. */
static bool work_not_done(void)
{
	for (unsigned int i = 0; i < nr_sim_vcpus; i++)
		for (unsigned int cpu = 0; cpu < nr_sim_cpus; cpu++)
			if (sim[i].v.sched.queued && queues[cpu].curr == queues[cpu].idle &&
			    cpumask_test(&sim[i].v.sched.hard_affinity, cpu))
				return true;
	return false;
}

static void simulate(s64 ns)
{
	for (s64 end = sim_now + ns; sim_now < end; sim_now += TICK) {
		for (unsigned int i = 0; i < nr_sim_vcpus; i++)
			if (sim[i].asleep && sim[i].wake_at <= sim_now)
				wake(&sim[i]);
		for (unsigned int cpu = 0; cpu < nr_sim_cpus; cpu++)
			if (next_look[cpu] <= sim_now)
				look(cpu);
		lazy += work_not_done();
		for (unsigned int cpu = 0; cpu < nr_sim_cpus; cpu++)
			run_for_tick(cpu);
	}
}

static void machine(unsigned int cpus)
{
	memset(sim, 0, sizeof(sim));
	memset(queues, 0, sizeof(queues));
	memset(&cpu_online_mask, 0, sizeof(cpu_online_mask));
	nr_sim_cpus = cpus;
	nr_sim_vcpus = nr_sim_offline_cpus = 0;
	sim_now = misplaced = lazy = 0;
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		list_init(&queues[cpu].queue);
		queues[cpu].cpu = cpu;
		queues[cpu].curr = queues[cpu].idle = &idle_vcpus[cpu];
		next_look[cpu] = 0;
		cpumask_set(&cpu_online_mask, cpu);
	}
	sched_idle_cpus = cpu_online_mask;
}

static struct sim_vcpu *add(unsigned int weight, s64 run_ns, s64 sleep_ns, unsigned long cpus)
{
	struct sim_vcpu *s = &sim[nr_sim_vcpus++];

	s->v.domain = &s->d;
	s->d.sched.weight = weight;
	s->run_ns = run_ns;
	s->sleep_ns = sleep_ns;
	s->v.sched.hard_affinity.bits[0] = cpus;
	list_init(&s->v.sched.link);
	s->asleep = true;
	return s;
}

/* Per mille of one CPU that @s had in the @ns simulated. */
static int share(const struct sim_vcpu *s, s64 ns)
{
	return s->ran * 1000 / ns;
}

static bool near(int value, int wanted, int tolerance)
{
	return value >= wanted - tolerance && value <= wanted + tolerance;
}

static void equal_and_weighted(void)
{
	struct sim_vcpu *a, *b, *c;

	machine(1);
	a = add(256, 0, 0, ~0UL);
	b = add(256, 0, 0, ~0UL);
	simulate(2 * SECONDS);
	check(near(share(a, 2 * SECONDS), 500, 10), "two alike on one CPU: half each (%d)",
	      share(a, 2 * SECONDS));

	machine(1);
	a = add(256, 0, 0, ~0UL);
	b = add(512, 0, 0, ~0UL);
	c = add(1024, 0, 0, ~0UL);
	simulate(4 * SECONDS);
	check(near(share(a, 4 * SECONDS), 143, 10) && near(share(b, 4 * SECONDS), 286, 10) &&
	      near(share(c, 4 * SECONDS), 571, 10), "weights 1:2:4: shares %d %d %d",
	      share(a, 4 * SECONDS), share(b, 4 * SECONDS), share(c, 4 * SECONDS));

	machine(1);
	a = add(1, 0, 0, ~0UL);
	b = add(65535, 0, 0, ~0UL);
	simulate(400 * SECONDS);
	check(a->ran > 0 && a->ran < 100 * MS, "the smallest weight beside the greatest: little, not nothing");
}

static void several_cpus(void)
{
	struct sim_vcpu *s[9];
	bool good = true;

	machine(2);
	for (int i = 0; i < 3; i++)
		s[i] = add(256, 0, 0, ~0UL);
	simulate(4 * SECONDS);
	check(near(share(s[0], 4 * SECONDS), 667, 60) && near(share(s[1], 4 * SECONDS), 667, 60) &&
	      near(share(s[2], 4 * SECONDS), 667, 60), "three on two CPUs: two thirds each (%d %d %d)",
	      share(s[0], 4 * SECONDS), share(s[1], 4 * SECONDS), share(s[2], 4 * SECONDS));
	check(!lazy, "no CPU idled meanwhile");

	machine(4);
	for (int i = 0; i < 9; i++)
		s[i] = add(256, 0, 0, ~0UL);
	simulate(4 * SECONDS);
	for (int i = 0; i < 9; i++)
		good &= s[i]->ran > 300 * 4 * MS;
	check(good && !lazy, "nine on four CPUs: nobody below two thirds of the fair share");

	machine(2);
	s[0] = add(256, 0, 0, 1);
	s[1] = add(256, 0, 0, 1);
	s[2] = add(256, 0, 0, 3);
	simulate(2 * SECONDS);
	check(!misplaced, "hard affinity holds");
	check(near(share(s[0], 2 * SECONDS), 500, 60) && share(s[2], 2 * SECONDS) > 900,
	      "two tied to one CPU share it, the free one takes the other (%d %d %d)",
	      share(s[0], 2 * SECONDS), share(s[1], 2 * SECONDS), share(s[2], 2 * SECONDS));
}

static void sleepers(void)
{
	struct sim_vcpu *busy, *interactive, *late;

	machine(1);
	busy = add(256, 0, 0, ~0UL);
	interactive = add(256, MS / 2, 5 * MS, ~0UL);
	simulate(SECONDS / 10);
	interactive->worst_wait = 0;		/* both began at the same time, as strangers */
	simulate(4 * SECONDS);
	check(interactive->worst_wait <= MS, "a light sleeper beside a busy one waits at most 1 ms (%lld us)",
	      (long long)interactive->worst_wait / 1000);
	check(share(busy, 4 * SECONDS) > 850, "and the busy one has the rest");

	machine(1);
	busy = add(256, 0, 0, ~0UL);
	late = add(256, 0, 0, ~0UL);
	late->wake_at = 2 * SECONDS;
	nr_sim_offline_cpus = 1;		/* nobody looks at the queue until @late wakes */
	simulate(2 * SECONDS);
	busy->ran = 0;
	simulate(SECONDS / 5);
	check(near(share(busy, SECONDS / 5), 500, 80), "one that slept for long does not catch up on it (%d)",
	      share(busy, SECONDS / 5));
}

static void random_machine(void)
{
	unsigned int starved = 0;

	machine(4);
	for (unsigned int i = 0; i < MAX_SIM_VCPUS; i++)
		add(64 << host_random() % 5, host_random() % 2 ? (1 + host_random() % 20) * MS : 0,
		    host_random() % 10 * MS, 1 + host_random() % 15);
	simulate(10 * SECONDS);
	for (unsigned int i = 0; i < nr_sim_vcpus; i++)
		starved += sim[i].ran < 20 * MS || sim[i].worst_wait > SECONDS;
	check(!starved && !misplaced, "random weights, affinities and habits: nobody starves or strays");
	check(lazy < 10, "and CPUs do not idle beside waiting vcpus (%u ticks)", lazy);
}

int main(void)
{
	equal_and_weighted();
	several_cpus();
	sleepers();
	random_machine();
	return done();
}

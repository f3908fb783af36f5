// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fair policy on a simulated machine. What must hold: CPU time goes by weight over all CPUs; a cap
 * is reached and not exceeded; nobody who is runnable waits for ever; a sleeper is served soon after it
 * wakes and cannot save up time; nobody runs where its affinity forbids; no CPU idles while a vcpu that
 * may run there waits.
 *
 * The simulation stands for core.c and timer.c: at each step timers fire and vcpus wake, then every CPU
 * whose slice is over or that was told to looks for what to run.
 */
#include "host.h"
#include "../../hypervisor/lib/bitmap.c"
#include "../../hypervisor/sched/fair.c"

#define STEP		20000LL
#define SECONDS		(1000 * MS)
#define MAX_SIM_CPUS	4
#define MAX_SIM_VCPUS	12
#define MAX_WAKES	4096

static struct sched_cpu cpus[NR_CPUS];
LIST_HEAD(sched_waiting);
unsigned int sched_nr_waiting;
unsigned long sched_lock_irqsave(void) { return 0; }
void sched_unlock_irqrestore(unsigned long flags) { }
cpumask_t cpu_online_mask, sched_idle_cpus;
const struct sched_ops *sched_policy = &sched_fair;
struct vcpu *current;
static unsigned int nr_sim_vcpus, nr_sim_cpus;
static s64 sim_now;
static struct vcpu idle_vcpus[MAX_SIM_CPUS];
static struct sim_vcpu {
	struct vcpu v;
	struct domain own, *d;
	s64 run_ns, sleep_ns;		/* behaviour; run_ns 0: never sleeps */
	s64 ran, ran_since_wake, wake_at, woke_at;
	s64 waits[MAX_WAKES];
	unsigned int nr_waits;
	bool asleep;
} sim[MAX_SIM_VCPUS];
static unsigned int misplaced, lazy;

struct sched_cpu *sched_cpu(unsigned int cpu) { return &cpus[cpu]; }
s64 now_ns(void) { return sim_now; }

static struct sim_vcpu *sim_of(const struct vcpu *v)
{
	return container_of((struct vcpu *)v, struct sim_vcpu, v);
}

bool vcpu_runnable(const struct vcpu *v)
{
	return !sim_of(v)->asleep;
}

/* Timers are looked at in each step; armed: at is not NULL. */
void timer_set(struct timer *t, s64 expires)
{
	t->expires = expires;
	t->at = &t->left;
}

void sched_tell(unsigned int cpu)
{
	if (cpu >= NR_CPUS)
		return;
	cpus[cpu].told = true;
	cpumask_clear(&sched_idle_cpus, cpu);
}

bool sched_has_left(struct vcpu *v) { return !v->sched.running; }

void sched_dequeue(struct vcpu *v)
{
	list_del(&v->sched.link);
	v->sched.queued = false;
	sched_nr_waiting--;
}

static void enqueue(struct vcpu *v, bool wakes)
{
	sched_fair.enqueue(v, sim_now, wakes);
	v->sched.queued = true;
	sched_nr_waiting++;
}

void sched_offer(struct vcpu *v)
{
	if (v->sched.queued)
		sched_tell(sched_fair.target(v, sim_now));
}

static void wake(struct sim_vcpu *s)
{
	s->asleep = false;
	if (cpus[s->v.sched.cpu].curr == &s->v)		/* so short that nobody saw it */
		return;
	s->woke_at = sim_now;
	enqueue(&s->v, true);
	sched_offer(&s->v);
}

static void note_wait(struct sim_vcpu *s)
{
	if (s->woke_at >= 0)
		s->waits[s->nr_waits++ % MAX_WAKES] = sim_now - s->woke_at;
	s->woke_at = -1;
}

static void look(struct sched_cpu *c)
{
	struct vcpu *prev = c->curr, *next;
	s64 slice = -1;

	c->told = false;
	next = sched_fair.pick(c, prev, sim_now, &slice);
	if (next != prev) {
		if (next != c->idle)
			sched_dequeue(next);
		prev->sched.running = false;
		if (prev != c->idle && vcpu_runnable(prev)) {
			enqueue(prev, false);
			if (!cpumask_test(&prev->sched.hard_affinity, c->cpu))
				sched_offer(prev);
		}
		next->sched.cpu = c->cpu;
		next->sched.running = true;
		c->curr = next;
	}
	c->slice.at = NULL;
	c->endless = slice < 0;
	if (slice >= 0)
		timer_set(&c->slice, sim_now + slice);
	if (next == c->idle) {
		cpumask_set(&sched_idle_cpus, c->cpu);
		return;
	}
	cpumask_clear(&sched_idle_cpus, c->cpu);
	note_wait(sim_of(next));
	misplaced += !cpumask_test(&next->sched.hard_affinity, c->cpu);
}

static void run_for(struct sched_cpu *c, s64 ns)
{
	struct sim_vcpu *s = sim_of(c->curr);

	if (c->curr == c->idle)
		return;
	s->ran += ns;
	s->ran_since_wake += ns;
	if (s->run_ns && s->ran_since_wake >= s->run_ns) {
		s->asleep = true;
		s->wake_at = sim_now + ns + s->sleep_ns;
		s->ran_since_wake = 0;
		c->told = true;
	}
}

/* Somebody waits while a CPU that may have it idles. */
static bool work_not_done(void)
{
	for (unsigned int i = 0; i < nr_sim_vcpus; i++)
		for (unsigned int cpu = 0; cpu < nr_sim_cpus; cpu++)
			if (sim[i].v.sched.queued && cpus[cpu].curr == cpus[cpu].idle && !sim[i].d->sched.cap &&
			    cpumask_test(&sim[i].v.sched.hard_affinity, cpu))
				return true;
	return false;
}

static void fire(struct timer *t)
{
	if (timer_armed(t) && t->expires <= sim_now) {
		t->at = NULL;
		t->fn(t->arg);
	}
}

static void slice_over(void *arg)
{
	((struct sched_cpu *)arg)->told = true;
}

static s64 timer_due(const struct timer *t)
{
	return timer_armed(t) ? t->expires : INT64_MAX;
}

/* How long nothing happens, in whole steps. */
static s64 until_next(s64 end)
{
	s64 next = end;

	for (unsigned int cpu = 0; cpu < nr_sim_cpus; cpu++) {
		const struct sim_vcpu *s = sim_of(cpus[cpu].curr);

		next = min(next, timer_due(&cpus[cpu].slice));
		if (cpus[cpu].told)
			next = sim_now;
		if (cpus[cpu].curr != cpus[cpu].idle && s->run_ns)
			next = min(next, sim_now + s->run_ns - s->ran_since_wake);
	}
	for (unsigned int i = 0; i < nr_sim_vcpus; i++) {
		next = min(next, timer_due(&sim[i].own.sched.refill));
		if (sim[i].asleep)
			next = min(next, sim[i].wake_at);
	}
	return max(DIV_ROUND_UP(next - sim_now, STEP) * STEP, STEP);
}

static void simulate(s64 ns)
{
	s64 dt;

	for (s64 end = sim_now + ns; sim_now < end; sim_now += dt) {
		for (unsigned int cpu = 0; cpu < nr_sim_cpus; cpu++)
			fire(&cpus[cpu].slice);
		for (unsigned int i = 0; i < nr_sim_vcpus; i++) {
			fire(&sim[i].own.sched.refill);
			if (sim[i].asleep && sim[i].wake_at <= sim_now)
				wake(&sim[i]);
		}
		for (unsigned int round = 0; round < 2; round++)	/* a look may tell another CPU */
			for (unsigned int cpu = 0; cpu < nr_sim_cpus; cpu++)
				if (cpus[cpu].told)
					look(&cpus[cpu]);
		lazy += work_not_done();
		dt = until_next(end);
		for (unsigned int cpu = 0; cpu < nr_sim_cpus; cpu++)
			run_for(&cpus[cpu], dt);
	}
}

static void machine(unsigned int nr)
{
	memset(sim, 0, sizeof(sim));
	memset(cpus, 0, sizeof(cpus));
	memset(&cpu_online_mask, 0, sizeof(cpu_online_mask));
	list_init(&sched_waiting);
	sched_nr_waiting = 0;
	nr_sim_cpus = nr;
	nr_sim_vcpus = 0;
	sim_now = misplaced = lazy = 0;
	for (unsigned int cpu = 0; cpu < nr; cpu++) {
		cpus[cpu].cpu = cpu;
		cpus[cpu].curr = cpus[cpu].idle = &idle_vcpus[cpu];
		cpus[cpu].slice.fn = slice_over;
		cpus[cpu].slice.arg = &cpus[cpu];
		cpumask_set(&cpu_online_mask, cpu);
	}
	sched_idle_cpus = cpu_online_mask;
}

static struct vcpu *one_vcpu[MAX_SIM_VCPUS][4];

static struct sim_vcpu *add(unsigned int weight, s64 run_ns, s64 sleep_ns, unsigned long affinity)
{
	struct sim_vcpu *s = &sim[nr_sim_vcpus];

	s->d = s->v.domain = &s->own;
	s->d->sched.weight = weight;
	s->d->max_vcpus = 1;
	s->d->vcpu = one_vcpu[nr_sim_vcpus++];
	s->d->vcpu[0] = &s->v;
	s->run_ns = run_ns;
	s->sleep_ns = sleep_ns;
	s->v.sched.hard_affinity.bits[0] = s->v.sched.soft_affinity.bits[0] = affinity;
	s->asleep = true;
	s->woke_at = -1;
	return s;
}

/* One more vcpu of the domain of @of. */
static struct sim_vcpu *add_to(struct sim_vcpu *of)
{
	struct sim_vcpu *s = add(0, 0, 0, ~0UL);

	s->d = s->v.domain = of->d;
	s->d->vcpu[s->d->max_vcpus++] = &s->v;
	return s;
}

static struct sim_vcpu *busy(unsigned int weight)
{
	return add(weight, 0, 0, ~0UL);
}

static long params(struct sim_vcpu *s, unsigned int cmd, u16 weight, u16 cap)
{
	struct xen_domctl_scheduler_op op = { .sched_id = XEN_SCHEDULER_CREDIT2, .cmd = cmd };

	op.u.credit2.weight = weight;
	op.u.credit2.cap = cap;
	return sched_domctl(s->d, &op);
}

static void set_cap(struct sim_vcpu *s, unsigned int cap)
{
	require(!params(s, XEN_DOMCTL_SCHEDOP_putinfo, 0, cap), "set a cap");
}

static void forget(void)
{
	for (unsigned int i = 0; i < nr_sim_vcpus; i++)
		sim[i].ran = sim[i].nr_waits = 0;
}

/* Per mille of one CPU that @s had in the @ns simulated. */
static int share(const struct sim_vcpu *s, s64 ns)
{
	return s->ran * 1000 / ns;
}

/* Within 2 %. */
static bool near(int value, int wanted)
{
	return value * 50 >= wanted * 49 && value * 50 <= wanted * 51;
}

static int ascending(const void *a, const void *b)
{
	s64 d = *(const s64 *)a - *(const s64 *)b;

	return d < 0 ? -1 : d > 0;
}

/* Microseconds that @percent of the last wake-ups of @s waited at most. */
static long long wait_us(struct sim_vcpu *s, unsigned int percent)
{
	unsigned int nr = min(s->nr_waits, (unsigned int)MAX_WAKES);

	require(nr > 100, "only %u wake-ups", nr);
	qsort(s->waits, nr, sizeof(s->waits[0]), ascending);
	return s->waits[(nr - 1) * percent / 100] / 1000;
}

static void weights(void)
{
	static const struct {
		unsigned int cpus, nr, weight[6];
		int share[6];		/* per mille of a CPU; nobody has more than one */
	} cases[] = {
		{ 1, 2, { 256, 256 }, { 500, 500 } },
		{ 1, 3, { 256, 512, 1024 }, { 143, 286, 571 } },
		{ 2, 3, { 256, 256, 256 }, { 667, 667, 667 } },
		{ 2, 4, { 256, 256, 512, 512 }, { 333, 333, 667, 667 } },
		{ 2, 5, { 100, 200, 300, 400, 500 }, { 133, 267, 400, 533, 667 } },
		{ 2, 4, { 64, 256, 512, 832 }, { 77, 308, 615, 1000 } },
		{ 2, 3, { 256, 512, 8192 }, { 333, 667, 1000 } },	/* more than a CPU's worth */
		{ 4, 6, { 256, 256, 256, 256, 256, 256 }, { 667, 667, 667, 667, 667, 667 } },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		bool good = true;

		machine(cases[i].cpus);
		for (unsigned int n = 0; n < cases[i].nr; n++)
			busy(cases[i].weight[n]);
		simulate(10 * SECONDS);
		for (unsigned int n = 0; n < cases[i].nr; n++)
			good &= near(share(&sim[n], 10 * SECONDS), cases[i].share[n]);
		check(good && !lazy, "%u CPUs, weights %u, %u, %u ..: shares %d, %d, %d ..", cases[i].cpus,
		      cases[i].weight[0], cases[i].weight[1], cases[i].weight[2], share(&sim[0], 10 * SECONDS),
		      share(&sim[1], 10 * SECONDS), share(&sim[2], 10 * SECONDS));
	}
	machine(1);
	busy(1);
	busy(65535);
	simulate(400 * SECONDS);
	check(sim[0].ran > 0 && sim[0].ran < 200 * MS, "the smallest weight beside the greatest: little, not nothing");
	machine(2);
	busy(256);
	busy(256);
	busy(256);
	simulate(SECONDS);
	require(!params(&sim[0], XEN_DOMCTL_SCHEDOP_putinfo, 512, 0), "set a weight");
	forget();
	simulate(10 * SECONDS);
	check(near(share(&sim[0], 10 * SECONDS), 1000) && near(share(&sim[1], 10 * SECONDS), 500),
	      "a weight that is changed counts from then on (%d)", share(&sim[0], 10 * SECONDS));
}

/* As vcpu_set_affinity(). */
static void set_affinity(struct sim_vcpu *s, unsigned long affinity)
{
	s->v.sched.hard_affinity.bits[0] = affinity;
	if (s->v.sched.queued) {
		sched_dequeue(&s->v);
		enqueue(&s->v, true);
		sched_offer(&s->v);
	} else if (!(affinity >> s->v.sched.cpu & 1)) {
		sched_tell(s->v.sched.cpu);
	}
}

static void affinity(void)
{
	struct sim_vcpu *s[5];

	machine(2);
	s[0] = add(256, 0, 0, 1);
	s[1] = add(256, 0, 0, 1);
	s[2] = add(256, 0, 0, 3);
	simulate(4 * SECONDS);
	check(!misplaced && !lazy && near(share(s[0], 4 * SECONDS), 500) && share(s[2], 4 * SECONDS) > 980,
	      "two tied to one CPU share it, the free one takes the other (%d %d %d)",
	      share(s[0], 4 * SECONDS), share(s[1], 4 * SECONDS), share(s[2], 4 * SECONDS));

	/* Time passes more quickly on CPU 0; who comes there from CPU 1 is not owed the difference. */
	machine(2);
	s[0] = add(256, 0, 0, 1);
	for (int i = 1; i < 5; i++)
		s[i] = add(256, 0, 0, 2);
	simulate(10 * SECONDS);
	forget();
	set_affinity(s[4], 1);
	simulate(SECONDS);
	check(!misplaced && share(s[0], SECONDS) > 400 && share(s[0], SECONDS) < 600,
	      "a vcpu that moves to where time is ahead owes and is owed nothing (%d)", share(s[0], SECONDS));
	forget();
	for (int i = 0; i < 5; i++)		/* all may run everywhere: nobody starves for what was before */
		set_affinity(s[i], 3);
	simulate(SECONDS);
	for (int i = 0; i < 5; i++)
		require(share(s[i], SECONDS) > 100, "vcpu %d had %d", i, share(s[i], SECONDS));
}

static void caps(void)
{
	struct sim_vcpu *a, *b;

	machine(2);
	a = busy(256);
	set_cap(a, 30);
	simulate(10 * SECONDS);
	check(near(share(a, 10 * SECONDS), 300), "a cap of 30 %% on an idle machine (%d)", share(a, 10 * SECONDS));
	b = busy(256);
	busy(256);
	busy(256);
	forget();
	simulate(10 * SECONDS);
	check(near(share(a, 10 * SECONDS), 300) && near(share(b, 10 * SECONDS), 567),
	      "and beside three others, who share the rest (%d %d)", share(a, 10 * SECONDS), share(b, 10 * SECONDS));
	set_cap(a, 0);
	forget();
	simulate(10 * SECONDS);
	check(near(share(a, 10 * SECONDS), 500), "lifted, it has its share (%d)", share(a, 10 * SECONDS));

	machine(4);
	a = busy(256);
	b = add_to(a);
	add_to(a);
	set_cap(a, 150);
	simulate(10 * SECONDS);
	check(near(share(a, 10 * SECONDS) + share(b, 10 * SECONDS) + share(&sim[2], 10 * SECONDS), 1500),
	      "150 %% for three vcpus on four CPUs (%d)",
	      share(a, 10 * SECONDS) + share(b, 10 * SECONDS) + share(&sim[2], 10 * SECONDS));

	machine(1);
	a = add(256, 2 * MS, 8 * MS, ~0UL);
	set_cap(a, 50);
	simulate(4 * SECONDS);
	check(share(a, 4 * SECONDS) > 190, "who stays below its cap does not feel it (%d)", share(a, 4 * SECONDS));
	check(params(a, XEN_DOMCTL_SCHEDOP_getinfo, 0, 0) == 0 && params(a, 77, 0, 0) == -EINVAL &&
	      params(a, XEN_DOMCTL_SCHEDOP_putinfo, 0, 101) == -EINVAL && a->d->sched.cap == 50, "parameters are read, others refused");
}

static void sleepers(void)
{
	struct sim_vcpu *light, *late;

	for (unsigned int nr = 1; nr <= 2; nr++) {
		machine(nr);
		for (unsigned int i = 0; i < 2 * nr; i++)
			busy(256);
		light = add(256, MS / 2, 5 * MS + 300000, ~0UL);
		simulate(10 * SECONDS);
		check(wait_us(light, 99) < 1000, "a light sleeper beside %u busy ones: 99 of 100 wake-ups wait %lld us",
		      2 * nr, wait_us(light, 99));
		check(near(sim[0].ran * 2 * nr / (10 * MS), nr * 1000 - share(light, 10 * SECONDS)), "who share the rest");
	}
	machine(2);
	for (unsigned int i = 0; i < 4; i++)
		busy(256);
	for (unsigned int i = 0; i < 3; i++)
		light = add(256, 200000, (3 + i) * MS, ~0UL);
	simulate(10 * SECONDS);
	check(wait_us(light, 99) < 1000, "three of them: %lld us", wait_us(light, 99));

	machine(1);
	busy(256);
	late = busy(256);
	late->wake_at = 2 * SECONDS;
	simulate(2 * SECONDS);
	forget();
	simulate(SECONDS / 5);
	check(share(&sim[0], SECONDS / 5) > 420, "one that slept for long does not catch up on it (%d)",
	      share(&sim[0], SECONDS / 5));

	/* nor on an idle CPU, beside one who never looked at the list */
	machine(2);
	busy(256);
	late = busy(256);
	late->wake_at = 5 * SECONDS;
	simulate(6 * SECONDS);
	busy(256);
	forget();
	simulate(SECONDS);
	check(share(late, SECONDS) < 720 && share(&sim[2], SECONDS) > 600, "nor does it after having been alone (%d %d)",
	      share(late, SECONDS), share(&sim[2], SECONDS));
}

static void random_machine(void)
{
	unsigned int starved = 0;

	for (unsigned int round = 0; round < 4; round++) {
		machine(4);
		for (unsigned int i = 0; i < MAX_SIM_VCPUS; i++) {
			add(64 << host_random() % 5, host_random() % 2 ? (1 + host_random() % 20) * MS : 0,
			    host_random() % 10 * MS, 1 + host_random() % 15);
			if (host_random() % 4 == 0)
				set_cap(&sim[i], 10 + host_random() % 90);
		}
		simulate(10 * SECONDS);
		for (unsigned int i = 0; i < nr_sim_vcpus; i++)
			starved += sim[i].ran < 20 * MS || (sim[i].woke_at >= 0 && sim_now - sim[i].woke_at > SECONDS);
		check(!starved && !misplaced, "random weights, caps, affinities and habits: nobody starves or strays");
		check(lazy < 10, "and CPUs do not idle beside waiting vcpus (%u steps)", lazy);
	}
}

int main(void)
{
	weights();
	affinity();
	caps();
	sleepers();
	random_machine();
	return done();
}

// SPDX-License-Identifier: GPL-2.0-only
/* xl sched-credit2 and sched-credit: weights and caps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sched.h"
#include "xl.h"

#define LIST_MAX 4096

static int show(struct host *h, uint32_t domid)
{
	char *name = domain_name(h, domid);
	uint32_t weight, cap;
	int rc = sched_get(h, domid, &weight, &cap);

	if (rc >= 0)
		printf("%-33s %4d %6d %4d\n", name ?: domid ? "(null)" : "Domain-0", domid, weight, cap);
	free(name);
	return rc < 0 ? msg_error(1, "cannot ask for domain %u's share: %s", domid, strerror(-rc)) : 0;
}

static void heading(void)
{
	printf("%-33s %4s %6s %4s\n", "Name", "ID", "Weight", "Cap");
}

/* How long a domain runs at least before another takes over: asked for, or (@set) changed. */
static int ratelimit(struct host *h, uint32_t *us, bool set)
{
	struct xen_sysctl op = { 0 };
	int rc;

	op.u.scheduler_op.cpupool_id = 0;
	op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
	op.u.scheduler_op.cmd = set ? XEN_SYSCTL_SCHEDOP_putinfo : XEN_SYSCTL_SCHEDOP_getinfo;
	op.u.scheduler_op.u.sched_credit2.ratelimit_us = *us;
	rc = hcall_sysctl(h, XEN_SYSCTL_scheduler_op, &op);
	*us = op.u.scheduler_op.u.sched_credit2.ratelimit_us;
	return rc;
}

static void show_pool(struct host *h, const char *scheduler)
{
	uint32_t us = 0;

	printf("Cpupool Pool-0:");
	if (!strcmp(scheduler, "credit2") && ratelimit(h, &us, false) >= 0)
		printf(" ratelimit=%uus", us);
	putchar('\n');
}

static int show_all(struct host *h, const char *scheduler)
{
	struct xen_domctl_getdomaininfo *list = xcalloc(LIST_MAX, sizeof(*list));
	int n = hcall_domain_list(h, 0, list, LIST_MAX), i;

	show_pool(h, scheduler);
	heading();
	for (i = 0; i < n; i++)
		show(h, list[i].domain);
	free(list);
	return n < 0 ? msg_error(1, "cannot list the domains: %s", strerror(-n)) : 0;
}

static bool number(const char *text, uint32_t min, uint32_t max, uint32_t *to)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*to = n;
	return end != text && !*end && n >= min && n <= max;
}

static int change(struct host *h, const char *who, uint32_t weight, uint32_t cap)
{
	uint32_t domid;
	int rc;

	if (domain_find(h, who, &domid))
		return 1;
	if (weight == SCHED_KEEP && cap == SCHED_KEEP) {
		heading();
		return show(h, domid);
	}
	rc = sched_set(h, domid, weight, cap);
	return rc < 0 ? msg_error(1, "cannot change domain %u's share: %s", domid, strerror(-rc)) : 0;
}

struct wish {
	const char *who;
	uint32_t weight, cap, rate;
	bool pool;
};

static int parse(int argc, char **argv, struct wish *w)
{
	static const struct option more[] = {
		{ "help", no_argument, NULL, 'h' }, { "domain", required_argument, NULL, 'd' },
		{ "weight", required_argument, NULL, 'w' }, { "cap", required_argument, NULL, 'c' },
		{ "cpupool", required_argument, NULL, 'p' }, { "schedparam", no_argument, NULL, 's' },
		{ "ratelimit_us", required_argument, NULL, 'r' }, { 0 }
	};
	int opt;

	while ((opt = xl_options(argc, argv, "d:w:c:p:sr:", more)) != -1) {
		if (opt == 'd')
			w->who = optarg;
		else if (opt == 's')
			w->pool = true;
		else if (opt == 'r' && !number(optarg, 0, 500000, &w->rate))
			return msg_error(1, "rate limit %s is not between 0 and 500000 microseconds", optarg);
		else if (opt == 'w' && !number(optarg, 1, 65535, &w->weight))
			return msg_error(1, "weight %s is not between 1 and 65535", optarg);
		else if (opt == 'c' && !number(optarg, 0, 65535, &w->cap))
			return msg_error(1, "cap %s is not between 0 and 65535", optarg);
	}
	xl_arguments(argc, argv, 0, 0);
	if (!w->who && (w->weight != SCHED_KEEP || w->cap != SCHED_KEEP))
		return msg_error(1, "whose weight or cap? -d DOMAIN says");
	if (w->rate != SCHED_KEEP && !w->pool)
		return msg_error(1, "a rate limit is the whole scheduler's: -s -r N");
	return 0;
}

static int credit(struct host *h, int argc, char **argv, int wanted, const char *scheduler)
{
	struct wish w = { .weight = SCHED_KEEP, .cap = SCHED_KEEP, .rate = SCHED_KEEP };
	int rc = parse(argc, argv, &w);

	if (rc)
		return rc;
	if (host_call(h) || host_store(h))
		return 1;
	if (sched_current(h) != wanted)
		return msg_error(1, "the hypervisor's scheduler is not %s", scheduler);
	if (w.rate != SCHED_KEEP) {
		rc = ratelimit(h, &w.rate, true);
		return rc < 0 ? msg_error(1, "cannot change the rate limit: %s", strerror(-rc)) : 0;
	}
	if (w.pool) {
		show_pool(h, scheduler);
		return 0;
	}
	return w.who ? change(h, w.who, w.weight, w.cap) : show_all(h, scheduler);
}

static int run_credit2(struct host *h, int argc, char **argv)
{
	return credit(h, argc, argv, XEN_SCHEDULER_CREDIT2, "credit2");
}

static int run_credit(struct host *h, int argc, char **argv)
{
	return credit(h, argc, argv, XEN_SCHEDULER_CREDIT, "credit");
}

#define OPTIONS "  -d, --domain=DOMAIN  whose\n" \
		"  -w, --weight=N       its weight against the others (256 is usual)\n" \
		"  -c, --cap=N          at most so many percent of a CPU; 0: no limit\n" \
		"  -s, --schedparam     only what holds for all; with -r N its rate limit is N microseconds\n"

const struct command sched_commands[] = {
	{ "sched-credit2", run_credit2, "[-d DOMAIN [-w WEIGHT] [-c CAP]] [-s [-r N]]", "Show or set shares of the CPUs", OPTIONS },
	{ "sched-credit", run_credit, "[-d DOMAIN [-w WEIGHT] [-c CAP]] [-s [-r N]]", "The same under the credit scheduler", OPTIONS },
	{ 0 }
};

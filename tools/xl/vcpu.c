// SPDX-License-Identifier: GPL-2.0-only
/* Commands on virtual CPUs: where they run, where they may run, how many there are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xl.h"

#define MAP_BYTES (CONFIG_MAX_VCPUS / 8)
#define LIST_MAX 4096

static unsigned int physical_cpus(struct host *h)
{
	struct xen_sysctl op = { 0 };

	return hcall_sysctl(h, XEN_SYSCTL_physinfo, &op) < 0 ? 1 : op.u.physinfo.max_cpu_id + 1;
}

static bool bit(const uint8_t *map, unsigned int n)
{
	return map[n / 8] >> n % 8 & 1;
}

void cpumap_show(const uint8_t *map, unsigned int cpus)
{
	unsigned int first, n, set = 0;
	const char *comma = "";

	for (n = 0; n < cpus; n++)
		set += bit(map, n);
	if (set == cpus || !set) {
		fputs(set ? "all" : "none", stdout);
		return;
	}
	for (n = 0; n < cpus; n++) {
		if (!bit(map, n))
			continue;
		first = n;
		while (n + 1 < cpus && bit(map, n + 1))
			n++;
		printf(first == n ? "%s%u" : "%s%u-%u", comma, first, n);
		comma = ",";
	}
}

/* Hard and soft affinity into the two halves of @maps. */
static int get_affinity(struct host *h, uint32_t domid, unsigned int vcpu, uint8_t *maps)
{
	struct xen_domctl op = { 0 };

	op.u.vcpuaffinity.vcpu = vcpu;
	op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
	set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, maps);
	set_xen_guest_handle(op.u.vcpuaffinity.cpumap_soft.bitmap, maps + MAP_BYTES);
	op.u.vcpuaffinity.cpumap_hard.nr_bits = op.u.vcpuaffinity.cpumap_soft.nr_bits = CONFIG_MAX_VCPUS;
	return hcall_domctl(h, XEN_DOMCTL_getvcpuaffinity, domid, &op);
}

static void show_vcpu(struct host *h, const char *name, uint32_t domid, unsigned int vcpu, uint8_t *maps,
		      unsigned int cpus)
{
	struct xen_domctl op = { .u.getvcpuinfo.vcpu = vcpu };
	const struct xen_domctl_getvcpuinfo *v = &op.u.getvcpuinfo;

	if (hcall_domctl(h, XEN_DOMCTL_getvcpuinfo, domid, &op) < 0)
		return;
	printf("%-32s %5u %5u", name, domid, vcpu);
	if (v->online)
		printf(" %4u %3c%c- ", v->cpu, v->running ? 'r' : '-', v->blocked ? 'b' : '-');
	else
		printf(" %4c %3c%cp ", '-', '-', '-');
	printf("%9.1f ", v->cpu_time / 1e9);
	memset(maps, 0, 2 * MAP_BYTES);
	if (!get_affinity(h, domid, vcpu, maps)) {
		putchar(' ');
		cpumap_show(maps, cpus);
		fputs(" / ", stdout);
		cpumap_show(maps + MAP_BYTES, cpus);
	}
	putchar('\n');
}

static void show_domain(struct host *h, const struct xen_domctl_getdomaininfo *d, uint8_t *maps, unsigned int cpus)
{
	char *name = domain_name(h, d->domain);
	unsigned int i;

	for (i = 0; d->max_vcpu_id != XEN_INVALID_MAX_VCPU_ID && i <= d->max_vcpu_id; i++)
		show_vcpu(h, name ?: d->domain ? name ?: "(null)" : "Domain-0", d->domain, i, maps, cpus);
	free(name);
}

static int run_list(struct host *h, int argc, char **argv)
{
	struct xen_domctl_getdomaininfo *list = xcalloc(LIST_MAX, sizeof(*list));
	uint8_t *maps;
	unsigned int cpus;
	int n = 0, i;

	while (xl_options(argc, argv, "", NULL) != -1)
		continue;
	maps = hcall_buffer(h, 2 * MAP_BYTES);
	if (!maps || host_store(h))
		return 1;
	if (optind == argc)
		n = hcall_domain_list(h, 0, list, LIST_MAX);
	for (; optind < argc && n < LIST_MAX; n++)
		if (hcall_domain_info(h, xl_domain(h, argv), &list[n]))
			return msg_error(1, "the domain has gone");
	cpus = physical_cpus(h);
	printf("%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU", "CPU", "State", "Time(s)", "Affinity (Hard / Soft)");
	for (i = 0; i < n; i++)
		show_domain(h, &list[i], maps, cpus);
	hcall_buffer_free(h, maps);
	free(list);
	return n < 0 ? msg_error(1, "cannot list the domains: %s", strerror(-n)) : 0;
}

static int pin(struct host *h, uint32_t domid, unsigned int first, unsigned int last, const char *hard, const char *soft,
	       bool force)
{
	struct cpuset set = { 0 };
	const char *wrong = NULL;
	int rc = 0;

	if (strcmp(hard, "-"))
		wrong = cpuset_parse(&set, hard);
	if (wrong)
		return msg_error(1, "%s: %s", hard, wrong);
	for (; first <= last && !rc && strcmp(hard, "-"); first++)
		rc = domain_affinity(h, domid, first, &set, force ? XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_FORCE :
				     XEN_VCPUAFFINITY_HARD);
	if (rc || !soft || !strcmp(soft, "-"))
		return rc ? 1 : 0;
	wrong = cpuset_parse(&set, soft);
	if (wrong)
		return msg_error(1, "%s: %s", soft, wrong);
	for (; first <= last && !rc; first++)
		rc = domain_affinity(h, domid, first, &set, XEN_VCPUAFFINITY_SOFT);
	return rc ? 1 : 0;
}

static int run_pin(struct host *h, int argc, char **argv)
{
	struct xen_domctl_getdomaininfo info;
	bool force = false;
	unsigned long vcpu;
	uint32_t domid;
	char *end;
	int opt;

	while ((opt = xl_options(argc, argv, "f", NULL)) != -1)
		force |= opt == 'f';
	xl_arguments(argc, argv, 3, 4);
	domid = xl_domain(h, argv);
	if (hcall_domain_info(h, domid, &info))
		return msg_error(1, "the domain has gone");
	if (!strcmp(argv[optind], "all"))
		return pin(h, domid, 0, info.max_vcpu_id, argv[optind + 1], argv[optind + 2], force);
	vcpu = strtoul(argv[optind], &end, 10);
	if (*end || end == argv[optind] || vcpu > info.max_vcpu_id)
		return msg_error(1, "domain %u has no vcpu %s", domid, argv[optind]);
	return pin(h, domid, vcpu, vcpu, argv[optind + 1], argv[optind + 2], force);
}

static int run_set(struct host *h, int argc, char **argv)
{
	static const struct option more[] = {
		{ "help", no_argument, NULL, 'h' }, { "ignore-host", no_argument, NULL, 'i' }, { 0 }
	};
	struct xen_domctl_getdomaininfo info;
	struct plan p = { 0 };
	unsigned long wanted;
	unsigned int i;
	uint32_t domid;
	char *end;

	while (xl_options(argc, argv, "", more) != -1)
		continue;
	xl_arguments(argc, argv, 2, 2);
	domid = xl_domain(h, argv);
	wanted = strtoul(argv[optind], &end, 10);
	if (*end || !wanted)
		return msg_error(1, "'%s' is no number of vcpus", argv[optind]);
	if (hcall_domain_info(h, domid, &info))
		return msg_error(1, "the domain has gone");
	if (wanted > info.max_vcpu_id + 1)
		return msg_error(1, "domain %u can have %u vcpus at most (maxvcpus)", domid, info.max_vcpu_id + 1);
	for (i = 0; i <= info.max_vcpu_id; i++)
		plan_write(&p, i < wanted ? "online" : "offline", "/local/domain/%u/cpu/%u/availability", domid, i);
	return plan_commit(h, &p) ? 1 : 0;
}

const struct command vcpu_commands[] = {
	{ "vcpu-list", run_list, "[DOMAIN ...]", "List virtual CPUs, where they run and may run", NULL },
	{ "vcpu-pin", run_pin, "[-f] DOMAIN VCPU|all HARD|- [SOFT|-]", "Say on which CPUs a vcpu may run, and should",
	  "  CPUs are \"all\", \"0-3\", \"2,5\", \"0-7,^3\"; \"-\" changes nothing\n" },
	{ "vcpu-set", run_set, "DOMAIN NUMBER", "Set how many vcpus a domain uses", NULL },
	{ 0 }
};

// SPDX-License-Identifier: GPL-2.0-only
/* xl list: what runs here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "registry.h"
#include "xl.h"

#define CHUNK 64

struct columns {
	bool verbose, context, cpupool, numa;
};

static void show_nodes(struct host *h, uint32_t domid)
{
	struct xen_domctl op = { 0 };
	uint8_t map[8] = { 0 };
	struct xen_sysctl machine = { 0 };

	hcall_sysctl(h, XEN_SYSCTL_physinfo, &machine);
	set_xen_guest_handle(op.u.nodeaffinity.nodemap.bitmap, map);
	op.u.nodeaffinity.nodemap.nr_bits = 8 * sizeof(map);
	putchar(' ');
	if (hcall_domctl(h, XEN_DOMCTL_getnodeaffinity, domid, &op) >= 0)
		cpumap_show(map, machine.u.physinfo.nr_nodes);
}

static void show_cpupool(struct host *h, uint32_t pool)
{
	char *name = store_read(h, "/local/pool/%u/name", pool), *usual = xasprintf("Pool-%u", pool);

	printf("%16s", name ?: usual);
	free(usual);
	free(name);
}

static void show_more(struct host *h, const struct xen_domctl_getdomaininfo *d, const struct columns *c)
{
	unsigned int reason = d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
	char uuid[37];

	if (c->verbose) {
		uuid_text(uuid, d->handle);
		printf(" %s", uuid);
		if (d->flags & XEN_DOMINF_shutdown)
			printf(" %8x", reason);
		else
			printf(" %8s", "-");
	}
	if (c->verbose || c->context)
		printf(" %16s", "-");		/* labels are of Xen's security modules */
	if (c->cpupool)
		show_cpupool(h, d->cpupool);
	if (c->numa)
		show_nodes(h, d->domain);
}

static const char *shown_name(const char *name, uint32_t domid)
{
	return name ?: domid ? "(null)" : "Domain-0";
}

static void show(struct host *h, const struct xen_domctl_getdomaininfo *d, const char *name, const struct columns *c)
{
	unsigned int reason = d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
	bool shut = d->flags & XEN_DOMINF_shutdown;

	printf("%-40s %5d %5lu %5d     %c%c%c%c%c%c  %8.1f", shown_name(name, d->domain), d->domain,
	       (unsigned long)(d->tot_pages + d->outstanding_pages) >> 8, d->nr_online_vcpus,
	       d->flags & XEN_DOMINF_running ? 'r' : '-', d->flags & XEN_DOMINF_blocked ? 'b' : '-',
	       d->flags & XEN_DOMINF_paused ? 'p' : '-', shut ? 's' : '-',
	       shut && reason == SHUTDOWN_crash ? 'c' : '-', d->flags & XEN_DOMINF_dying ? 'd' : '-',
	       d->cpu_time / 1e9);
	show_more(h, d, c);
	putchar('\n');
}

static void heading(const struct columns *c)
{
	printf("Name                                        ID   Mem VCPUs\tState\tTime(s)");
	if (c->verbose)
		printf("   UUID                            Reason-Code\tSecurity Label");
	else if (c->context)
		printf("   Security Label");
	if (c->cpupool)
		printf("         Cpupool");
	if (c->numa)
		printf(" NODE Affinity");
	putchar('\n');
}

/* All domains there are, in one block. Return: how many, or -errno. */
static int get_all(struct host *h, struct xen_domctl_getdomaininfo **list)
{
	uint32_t first = 0;
	int n, all = 0;

	*list = NULL;
	do {
		*list = xrealloc(*list, (all + CHUNK) * sizeof(**list));
		n = hcall_domain_list(h, first, *list + all, CHUNK);
		if (n < 0)
			return n;
		all += n;
		first = n ? (*list)[all - 1].domain + 1u : 0;
	} while (n == CHUNK);
	return all;
}

static int get_named(struct host *h, int argc, char **argv, struct xen_domctl_getdomaininfo **list)
{
	int n = 0, rc;

	*list = xcalloc(argc, sizeof(**list));
	while (optind < argc) {
		rc = hcall_domain_info(h, xl_domain(h, argv), &(*list)[n++]);
		if (rc)
			return rc;
	}
	return n;
}

static int run_list(struct host *h, int argc, char **argv)
{
	static const struct option more[] = {
		{ "help", no_argument, NULL, 'h' }, { "long", no_argument, NULL, 'l' },
		{ "verbose", no_argument, NULL, 'v' }, { "context", no_argument, NULL, 'Z' },
		{ "cpupool", no_argument, NULL, 'c' }, { "numa", no_argument, NULL, 'n' }, { 0 }
	};
	struct xen_domctl_getdomaininfo *list;
	struct columns columns = { 0 };
	bool in_full = false;
	char **names;
	int opt, n, i;

	while ((opt = xl_options(argc, argv, "lvZcn", more)) != -1) {
		columns.verbose |= opt == 'v';
		columns.context |= opt == 'Z';
		columns.cpupool |= opt == 'c';
		columns.numa |= opt == 'n';
		in_full |= opt == 'l';
	}
	if (host_call(h) || host_store(h))
		return 1;
	n = optind < argc ? get_named(h, argc, argv, &list) : get_all(h, &list);
	if (n < 0)
		return msg_error(1, "cannot list the domains: %s", strerror(-n));
	if (in_full)
		return list_long(h, list, n);
	heading(&columns);
	names = domain_names(h, list, n);
	for (i = 0; i < n; i++) {
		show(h, &list[i], names[i], &columns);
		free(names[i]);
	}
	free(names);
	free(list);
	return 0;
}

static int run_vm_list(struct host *h, int argc, char **argv)
{
	struct xen_domctl_getdomaininfo *list;
	char **names, uuid[37];
	int n, i;

	while (xl_options(argc, argv, "", NULL) != -1)
		continue;
	xl_arguments(argc, argv, 0, 0);
	if (host_call(h) || host_store(h))
		return 1;
	n = get_all(h, &list);
	if (n < 0)
		return msg_error(1, "cannot list the domains: %s", strerror(-n));
	puts("UUID                                  ID    name");
	names = domain_names(h, list, n);
	for (i = 0; i < n; i++) {
		uuid_text(uuid, list[i].handle);
		printf("%s  %d    %-30s\n", uuid, list[i].domain, shown_name(names[i], list[i].domain));
		free(names[i]);
	}
	free(names);
	free(list);
	return 0;
}

const struct command list_commands[] = {
	{ "list", run_list, "[-l] [-v] [-Z] [-c] [-n] [DOMAIN]", "List the domains",
	  "  -l, --long     everything about them, as JSON\n"
	  "  -v, --verbose  with UUID, the reason of a shutdown and security label\n"
	  "  -Z, --context  with security label\n"
	  "  -c, --cpupool  with pool of CPUs\n"
	  "  -n, --numa     with memory nodes\n" },
	{ "vm-list", run_vm_list, "", "List the domains by UUID", NULL },
	{ 0 }
};

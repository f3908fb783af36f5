// SPDX-License-Identifier: GPL-2.0-only
/* xl list: what runs here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "registry.h"
#include "xl.h"

#define CHUNK 64

static void show(struct host *h, const struct xen_domctl_getdomaininfo *d, bool verbose)
{
	unsigned int reason = d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
	bool shut = d->flags & XEN_DOMINF_shutdown;
	char *name = domain_name(h, d->domain);
	char uuid[37];

	printf("%-40s %5d %5lu %5d     %c%c%c%c%c%c  %8.1f", name ?: d->domain ? name ?: "(null)" : "Domain-0", d->domain,
	       (unsigned long)(d->tot_pages + d->outstanding_pages) >> 8, d->nr_online_vcpus,
	       d->flags & XEN_DOMINF_running ? 'r' : '-', d->flags & XEN_DOMINF_blocked ? 'b' : '-',
	       d->flags & XEN_DOMINF_paused ? 'p' : '-', shut ? 's' : '-',
	       shut && reason == SHUTDOWN_crash ? 'c' : '-', d->flags & XEN_DOMINF_dying ? 'd' : '-',
	       d->cpu_time / 1e9);
	free(name);
	if (verbose) {
		uuid_text(uuid, d->handle);
		printf(" %s", uuid);
		if (shut)
			printf(" %8x", reason);
		else
			printf(" %8s", "-");
	}
	putchar('\n');
}

static void heading(bool verbose)
{
	printf("Name                                        ID   Mem VCPUs\tState\tTime(s)");
	if (verbose)
		printf("   UUID                            Reason-Code");
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
		{ "verbose", no_argument, NULL, 'v' }, { 0 }
	};
	struct xen_domctl_getdomaininfo *list;
	bool verbose = false, in_full = false;
	int opt, n, i;

	while ((opt = xl_options(argc, argv, "lv", more)) != -1) {
		verbose |= opt == 'v';
		in_full |= opt == 'l';
	}
	if (host_call(h) || host_store(h))
		return 1;
	n = optind < argc ? get_named(h, argc, argv, &list) : get_all(h, &list);
	if (n < 0)
		return msg_error(1, "cannot list the domains: %s", strerror(-n));
	if (in_full)
		return list_long(h, list, n);
	heading(verbose);
	for (i = 0; i < n; i++)
		show(h, &list[i], verbose);
	free(list);
	return 0;
}

const struct command list_commands[] = {
	{ "list", run_list, "[-l] [-v] [DOMAIN]", "List the domains",
	  "  -l, --long     everything about them, as JSON\n"
	  "  -v, --verbose  with UUID and the reason of a shutdown\n" },
	{ 0 }
};

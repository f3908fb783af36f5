// SPDX-License-Identifier: GPL-2.0-only
/* Commands on a domain's memory: the balloon's target and the limit. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xl.h"

#define SLACK_KIB 1024	/* what a guest may own beyond its target, as for a new domain */

/* "512", "512m", "1g": KiB; MiB without a letter. 0 when it is none. */
static uint64_t parse_size(const char *text)
{
	static const char units[] = "bkmgt";
	unsigned long long n;
	const char *unit;
	char *end;

	n = strtoull(text, &end, 0);
	unit = *end ? strchr(units, tolower((unsigned char)*end)) : units + 2;
	if (!isdigit((unsigned char)*text) || !unit || (*end && end[1]) || n > 1ull << 40)
		return 0;
	return unit == units ? n >> 10 : n << 10 * (unit - units - 1);
}

static uint64_t size_argument(const char *text)
{
	uint64_t kib = parse_size(text);

	if (!kib)
		msg_error(1, "'%s' is no amount of memory (like 512, 512m, 1g)", text);
	return kib;
}

static int limit(struct host *h, uint32_t domid, uint64_t kib)
{
	struct xen_domctl op = { .u.max_mem.max_memkb = kib + SLACK_KIB };
	int rc = hcall_domctl(h, XEN_DOMCTL_max_mem, domid, &op);

	return rc < 0 ? msg_error(1, "cannot set the limit of domain %u: %s", domid, strerror(-rc)) : 0;
}

static int run_set(struct host *h, int argc, char **argv)
{
	uint64_t kib, most;
	char text[24];
	uint32_t domid = xl_first_domain(h, argc, argv, 2, 2);
	int rc;

	kib = size_argument(argv[optind]);
	if (!kib)
		return 1;
	most = store_number(h, 0, "/local/domain/%u/memory/static-max", domid);
	if (most && kib > most)
		return msg_error(1, "domain %u can have %lu MiB at most (maxmem)", domid, (unsigned long)most >> 10);
	/* The limit moves before a target that rises, so that the guest can follow. Domain0's limit is its own affair. */
	if (domid && limit(h, domid, kib))
		return 1;
	snprintf(text, sizeof(text), "%lu", (unsigned long)kib);
	rc = store_write(h, text, "/local/domain/%u/memory/target", domid);
	return rc ? msg_error(1, "cannot set the target of domain %u: %s", domid, strerror(-rc)) : 0;
}

static int run_max(struct host *h, int argc, char **argv)
{
	char text[24];
	uint32_t domid = xl_first_domain(h, argc, argv, 2, 2);
	uint64_t kib;

	kib = size_argument(argv[optind]);
	if (!kib)
		return 1;
	if (limit(h, domid, kib))
		return 1;
	snprintf(text, sizeof(text), "%lu", (unsigned long)kib);
	return store_write(h, text, "/local/domain/%u/memory/static-max", domid) ? 1 : 0;
}

const struct command memory_commands[] = {
	{ "mem-set", run_set, "DOMAIN SIZE", "Set how much memory a domain shall use (balloon)",
	  "  SIZE is in MiB, or has a letter behind it: k, m, g, t\n" },
	{ "mem-max", run_max, "DOMAIN SIZE", "Set how much memory a domain may use", NULL },
	{ 0 }
};

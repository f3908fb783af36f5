// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests about domains.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <xen/xen.h>

#include "conn.h"
#include "domain.h"
#include "handlers.h"

int request_introduce(struct request *r)
{
	const char *arg[3];
	int port, rc;

	if (request_strings(r, arg, 3) < 3)
		return EINVAL;
	port = atoi(arg[2]);
	if (port <= 0)
		return EINVAL;
	rc = domain_introduce(atoi(arg[0]), strtoull(arg[1], NULL, 10), port);
	if (!rc)
		request_ok(r);
	return rc;
}

/* The introduced domain that @arg names. */
static int find_introduced(const char *arg, struct domain **d)
{
	*d = domain_find(atoi(arg));
	return *d && (*d)->introduced ? 0 : ENOENT;
}

static int only_introduced(struct request *r, struct domain **d)
{
	const char *arg = request_only_string(r);

	return arg && atoi(arg) ? find_introduced(arg, d) : EINVAL;
}

int request_release(struct request *r)
{
	struct domain *d;
	int rc = only_introduced(r, &d);

	if (rc)
		return rc;
	domain_release(d);
	store_fire_special("@releaseDomain");
	request_ok(r);
	return 0;
}

int request_resume(struct request *r)
{
	struct domain *d;
	int rc = only_introduced(r, &d);

	if (rc)
		return rc;
	d->shutdown = false;
	request_ok(r);
	return 0;
}

int request_set_target(struct request *r)
{
	struct domain *d, *target;
	const char *arg[2];
	int rc;

	if (request_strings(r, arg, 2) < 2)
		return EINVAL;
	rc = find_introduced(arg[0], &d);
	if (!rc)
		rc = find_introduced(arg[1], &target);
	if (rc)
		return rc;
	d->target = target->domid;
	request_ok(r);
	return 0;
}

int request_get_domain_path(struct request *r)
{
	const char *arg = request_only_string(r);
	char buf[40];

	if (!arg)
		return EINVAL;
	request_reply(r, buf, sprintf(buf, "/local/domain/%u", (unsigned int)atoi(arg)) + 1);
	return 0;
}

int request_is_domain_introduced(struct request *r)
{
	const char *arg = request_only_string(r);
	struct domain *d;

	if (!arg)
		return EINVAL;
	request_reply(r, atoi(arg) == DOMID_SELF || !find_introduced(arg, &d) ? "T" : "F", 2);
	return 0;
}

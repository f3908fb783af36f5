// SPDX-License-Identifier: GPL-2.0-only
/* The end of a domain, complete or not. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xen/io/xenbus.h>
#include "device.h"
#include "domain.h"
#include "registry.h"

#define LATE_WORDS_MS 5000	/* how long a backend may take to see that it is gone */
#define LATE_WORDS_STEP 10

/* The hypervisor gives the memory back in portions and asks to be called again. */
static int domain_kill(struct host *h, uint32_t domid)
{
	int rc;

	do
		rc = hcall_domctl_plain(h, XEN_DOMCTL_destroydomain, domid);
	while (rc == -EAGAIN);
	return rc == -ESRCH ? 0 : rc;
}

static void scripts_offline(struct host *h, uint32_t domid, const char *kind)
{
	unsigned int n, i;
	char **devices = store_list(h, &n, "/local/domain/0/backend/%s/%u", kind, domid);

	for (i = 0; i < n; i++)
		device_offline(h, domid, kind, strtoul(devices[i], NULL, 10));
	free(devices);
}

static void plan_backends(struct host *h, struct plan *p, uint32_t backend, uint32_t domid)
{
	unsigned int n, i;
	char **kinds = store_list(h, &n, "/local/domain/%u/backend", backend);

	for (i = 0; i < n; i++) {
		plan_remove(p, "/local/domain/%u/backend/%s/%u", backend, kinds[i], domid);
		plan_remove(p, "/local/domain/%u/error/backend/%s/%u", backend, kinds[i], domid);
	}
	free(kinds);
}

/* Those outside Domain0. */
static void plan_recorded(struct host *h, struct plan *p, uint32_t domid, const char *kind)
{
	unsigned int n, i, backend;
	char **devices = store_list(h, &n, DEVICE_RECORD "/%s", domid, kind);

	for (i = 0; i < n; i++) {
		char *path = store_read(h, DEVICE_RECORD "/%s/%s/backend", domid, kind, devices[i]);

		if (path && sscanf(path, "/local/domain/%u/backend/", &backend) == 1)
			plan_backends(h, p, backend, domid);
		free(path);
	}
	free(devices);
}

/* Whether a backend of this kind has not connected yet. */
static bool coming(struct host *h, uint32_t domid, const char *kind)
{
	unsigned int n, i;
	char **devices = store_list(h, &n, "/local/domain/0/backend/%s/%u", kind, domid);
	bool any = false;

	for (i = 0; i < n && !any; i++)
		any = store_number(h, 0, "/local/domain/0/backend/%s/%u/%s/state", kind, domid, devices[i]) <
		      XenbusStateConnected;
	free(devices);
	return any;
}

/* Whether the kernel still has a backend device of the domain. */
static bool driven(uint32_t domid)
{
	char pattern[64];
	glob_t found;
	bool any;

	snprintf(pattern, sizeof(pattern), "/sys/bus/xen-backend/devices/*-%u-*", domid);
	any = !glob(pattern, GLOB_NOSORT, NULL, &found);
	globfree(&found);
	return any;
}

/*
 * Drivers in Domain0 that have just found the device write their first words outside of a transaction, and so make anew what
 * was removed under them. The kernel takes the device away when it has seen that its nodes are gone.
 */
static int remove_late_words(struct host *h, uint32_t domid)
{
	unsigned int tries = LATE_WORDS_MS / LATE_WORDS_STEP;
	bool there;
	int rc;

	do {
		struct plan p = { 0 };

		there = driven(domid);
		if (there)
			usleep(LATE_WORDS_STEP * 1000);
		plan_backends(h, &p, 0, domid);
		rc = plan_commit(h, &p);
	} while (there && !rc && --tries);
	return rc;
}

static int remove_nodes(struct host *h, uint32_t domid)
{
	char *vm = store_read(h, "/local/domain/%u/vm", domid);
	bool late = coming(h, domid, "vif") || coming(h, domid, "vbd");
	struct plan p = { 0 };
	int rc;

	scripts_offline(h, domid, "vif");
	scripts_offline(h, domid, "vbd");
	plan_backends(h, &p, 0, domid);
	plan_recorded(h, &p, domid, "vif");
	plan_recorded(h, &p, domid, "vbd");
	plan_remove(&p, "/local/domain/%u", domid);
	plan_remove(&p, "/libxl/%u", domid);
	if (vm && !strncmp(vm, "/vm/", 4))
		plan_remove(&p, "%s", vm);
	free(vm);
	rc = plan_commit(h, &p);
	return rc || !late ? rc : remove_late_words(h, domid);
}

int domain_remove(struct host *h, uint32_t domid, bool keep_record)
{
	char *name = host_store(h) ? NULL : domain_name(h, domid);
	int rc;

	if (domid == 0 || domid >= DOMID_FIRST_RESERVED)
		rc = msg_error(-EINVAL, "domain %u cannot be destroyed", domid);
	else
		rc = domain_kill(h, domid);
	if (!domid || rc) {
		free(name);
		return rc == -EINVAL ? rc : msg_error(rc, "domain %u does not go: %s", domid, strerror(-rc));
	}
	fault_point("killed");
	rc = remove_nodes(h, domid);
	if (!rc && !keep_record && name && !config_check_name(name))
		registry_remove(name);
	free(name);
	return rc;
}

/* Nodes of a domain that the hypervisor no longer knows. */
static bool remove_leftovers(struct host *h, const char *who)
{
	struct xen_domctl_getdomaininfo info;
	bool number = !who[strspn(who, "0123456789")];
	uint32_t domid;
	char *node;

	if (number)
		domid = strtoul(who, NULL, 10);
	else if (!domain_find_node(h, who, &domid))
		return false;
	if (!hcall_domain_info(h, domid, &info) && !(info.flags & XEN_DOMINF_dying))
		return false;
	node = store_read(h, "/local/domain/%u", domid);
	if (!node)
		return false;
	free(node);
	return !remove_nodes(h, domid);
}

int domain_destroy(struct host *h, const char *who)
{
	int rc = host_call(h) ?: host_store(h);
	uint32_t domid;
	bool left;

	if (rc)
		return rc;
	if (!domain_lookup(h, who, &domid)) {
		rc = domain_remove(h, domid, false);
		if (!rc)
			registry_remove(who);
		return rc;
	}
	/* Of a creation or destruction that was cut short there may be nodes, a record, or both. */
	left = remove_leftovers(h, who);
	if (!(registry_remove(who) | left))
		return msg_error(-ESRCH, "there is no domain %s", who);
	return 0;
}

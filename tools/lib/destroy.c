// SPDX-License-Identifier: GPL-2.0-only
/* The end of a domain, complete or not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "device.h"
#include "domain.h"
#include "registry.h"

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

static void plan_backends(struct host *h, struct plan *p, uint32_t domid)
{
	unsigned int n, i;
	char **kinds = store_list(h, &n, "/local/domain/0/backend");

	for (i = 0; i < n; i++) {
		plan_remove(p, "/local/domain/0/backend/%s/%u", kinds[i], domid);
		plan_remove(p, "/local/domain/0/error/backend/%s/%u", kinds[i], domid);
	}
	free(kinds);
}

static int remove_nodes(struct host *h, uint32_t domid)
{
	char *vm = store_read(h, "/local/domain/%u/vm", domid);
	struct plan p = { 0 };

	scripts_offline(h, domid, "vif");
	scripts_offline(h, domid, "vbd");
	plan_backends(h, &p, domid);
	plan_remove(&p, "/local/domain/%u", domid);
	plan_remove(&p, "/libxl/%u", domid);
	if (vm && !strncmp(vm, "/vm/", 4))
		plan_remove(&p, "%s", vm);
	free(vm);
	return plan_commit(h, &p);
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

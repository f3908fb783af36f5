// SPDX-License-Identifier: GPL-2.0-only
/* Finding domains, and their creation in the order that domain.h tells. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "build.h"
#include "device.h"
#include "domain.h"
#include "registry.h"
#include "sched.h"

/* --- finding -------------------------------------------------------------------------------------------------------- */

char *domain_name(struct host *h, uint32_t domid)
{
	return store_read(h, "/local/domain/%u/name", domid);
}

char **domain_names(struct host *h, const struct xen_domctl_getdomaininfo *list, size_t n)
{
	char **path = xcalloc(n, sizeof(*path)), **name = xcalloc(n, sizeof(*name));
	size_t i;

	for (i = 0; i < n; i++)
		path[i] = xasprintf("/local/domain/%u/name", list[i].domain);
	store_read_each(h, path, name, n);
	free(path);
	return name;
}

/* Names of other toolstacks' domains, and of renamed ones, are only in the store. */
bool domain_find_node(struct host *h, const char *name, uint32_t *domid)
{
	unsigned int n, i;
	char **ids = store_list(h, &n, "/local/domain");
	bool found = false;

	for (i = 0; i < n && !found; i++) {
		char *other = store_read(h, "/local/domain/%s/name", ids[i]);

		found = other && !strcmp(other, name);
		if (found)
			*domid = strtoul(ids[i], NULL, 10);
		free(other);
	}
	free(ids);
	return found;
}

static bool find_in_registry(struct host *h, const char *name, uint32_t *domid)
{
	struct config c;
	long id = -1;

	if (!registry_read(name, &c) && c.uuid)
		id = registry_domain(h, c.uuid);
	config_free(&c);
	if (id >= 0)
		*domid = id;
	return id >= 0;
}

static bool is_uuid(const char *who)
{
	return strlen(who) == 36 && who[8] == '-' && who[13] == '-' && who[18] == '-' && who[23] == '-';
}

int domain_lookup(struct host *h, const char *who, uint32_t *domid)
{
	struct xen_domctl_getdomaininfo info;
	int rc = host_call(h);
	long id;

	if (rc)
		return rc;
	if (*who && !who[strspn(who, "0123456789")]) {
		*domid = strtoul(who, NULL, 10);
		return hcall_domain_info(h, *domid, &info);
	}
	if (is_uuid(who)) {
		id = registry_domain(h, who);
		*domid = id;
		return id < 0 ? id : 0;
	}
	return find_in_registry(h, who, domid) || domain_find_node(h, who, domid) ? 0 : -ESRCH;
}

int domain_find(struct host *h, const char *who, uint32_t *domid)
{
	int rc = domain_lookup(h, who, domid);

	if (rc == -ESRCH || rc == -EPERM)
		msg_error(rc, rc == -ESRCH ? "there is no domain %s" : "%s: not permitted", who);
	return rc;
}

int domain_rename(struct host *h, uint32_t domid, const char *name)
{
	char *old = domain_name(h, domid), *vm = store_read(h, "/local/domain/%u/vm", domid);
	const char *wrong = config_check_name(name);
	struct plan p = { 0 };
	uint32_t other;
	int rc = 0;

	if (wrong)
		rc = msg_error(-EINVAL, "%s: %s", name, wrong);
	else if (!domain_lookup(h, name, &other))
		rc = msg_error(-EEXIST, "a domain called %s exists already", name);
	if (!rc) {
		plan_write(&p, name, "/local/domain/%u/name", domid);
		if (vm)
			plan_write(&p, name, "%s/name", vm);
		rc = plan_commit(h, &p);
	}
	if (!rc && old && !config_check_name(old))
		rc = registry_rename(old, name);
	free(old);
	free(vm);
	return rc;
}

int domain_affinity(struct host *h, uint32_t domid, unsigned int vcpu, const struct cpuset *set, uint32_t flags)
{
	struct xenctl_bitmap map = { .nr_bits = CONFIG_MAX_VCPUS };
	uint64_t *bits = hcall_buffer(h, sizeof(set->bits));
	struct xen_domctl op = { 0 };
	int rc;

	if (!bits)
		return -ENOMEM;
	memcpy(bits, set->bits, sizeof(set->bits));
	set_xen_guest_handle(map.bitmap, (uint8_t *)bits);
	op.u.vcpuaffinity.vcpu = vcpu;
	op.u.vcpuaffinity.flags = flags;
	if (flags & XEN_VCPUAFFINITY_HARD)
		op.u.vcpuaffinity.cpumap_hard = map;
	else
		op.u.vcpuaffinity.cpumap_soft = map;
	rc = hcall_domctl(h, XEN_DOMCTL_setvcpuaffinity, domid, &op);
	hcall_buffer_free(h, bits);
	return rc < 0 ? msg_error(rc, "cannot say where vcpu %u runs: %s", vcpu, strerror(-rc)) : 0;
}

/* --- creating --------------------------------------------------------------------------------------------------------- */

#ifdef FAULT_INJECTION
#include <signal.h>
void fault_point(const char *name)
{
	const char *wanted = getenv("XL_FAULT");

	if (wanted && !strcmp(wanted, name))
		kill(getpid(), SIGKILL);
}
#endif

/* struct creation - what a creation has come to, so that a failure knows what to take back */
struct creation {
	struct host *h;
	struct config *c;
	int record;		/* locked descriptor, or -1 */
	bool claimed;
	uint32_t domid;
	bool exists;
	struct image image;
	struct build build;
	struct device *device;
	size_t devices;
};

static void complete_config(struct config *c)
{
	uint8_t uuid[16];
	size_t i;

	if (!c->uuid) {
		uuid_make(uuid);
		c->uuid = xcalloc(1, 37);
		uuid_text(c->uuid, uuid);
	}
	for (i = 0; i < c->nics; i++)
		nic_complete(&c->nic[i]);
}

static int make_domain(struct creation *n)
{
	const struct config *c = n->c;
	struct xen_domctl op = { .u.createdomain = {
		.flags = c->type == GUEST_PVH ? XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap : 0,
		.arch.emulation_flags = c->type == GUEST_PVH ? XEN_X86_EMU_LAPIC : 0,
		.max_vcpus = c->maxvcpus,
		.max_evtchn_port = c->max_event_channels,
		.max_grant_frames = c->max_grant_frames ? (int)c->max_grant_frames : -1,
		.max_maptrack_frames = c->max_maptrack_frames ? (int)c->max_maptrack_frames : -1,
		.grant_opts = XEN_DOMCTL_GRANT_version(c->max_grant_version),
	} };
	int rc;

	uuid_bytes(op.u.createdomain.handle, c->uuid);
	rc = hcall_domctl(n->h, XEN_DOMCTL_createdomain, 0, &op);
	if (rc < 0)
		return msg_error(rc, "the hypervisor makes no domain: %s", strerror(-rc));
	n->domid = op.domain;
	n->exists = true;
	fault_point("domain");
	op = (struct xen_domctl){ .u.max_vcpus.max = c->maxvcpus };
	rc = hcall_domctl(n->h, XEN_DOMCTL_max_vcpus, n->domid, &op);
	return rc < 0 ? msg_error(rc, "cannot give it %lu vcpus: %s", (unsigned long)c->maxvcpus, strerror(-rc)) : 0;
}

static int place_vcpus(struct creation *n)
{
	const struct config *c = n->c;
	struct cpuset set;
	uint64_t i;
	int rc = 0;

	for (i = 0; i < c->maxvcpus && !rc; i++) {
		const char *cpus = i < c->vcpu_cpus_count ? c->vcpu_cpus[i] : c->cpus;

		if (cpus && !cpuset_parse(&set, cpus))
			rc = domain_affinity(n->h, n->domid, i, &set, XEN_VCPUAFFINITY_HARD);
	}
	if (rc || (!c->cpu_weight && !c->cap))
		return rc;
	rc = sched_set(n->h, n->domid, c->cpu_weight ?: SCHED_KEEP, c->cap);
	return rc < 0 ? msg_error(rc, "cannot set its share of the CPUs: %s", strerror(-rc)) : 0;
}

static int make_ports(struct creation *n)
{
	int store = hcall_evtchn_unbound(n->h, n->domid, 0);
	int console = store < 0 ? store : hcall_evtchn_unbound(n->h, n->domid, 0);

	n->build.store_port = store;
	n->build.console_port = console;
	return console < 0 ? msg_error(console, "no event channel: %s", strerror(-console)) : 0;
}

static int fill_domain(struct creation *n)
{
	const struct config *c = n->c;
	char *cmdline = config_cmdline(c);
	int rc;

	n->build.domid = n->domid;
	n->build.pages = c->memory << 8;
	n->build.max_pages = c->maxmem << 8;
	n->build.vcpus = c->vcpus;
	n->build.max_vcpus = c->maxvcpus;
	n->build.kernel = c->kernel;
	n->build.ramdisk = c->ramdisk;
	n->build.cmdline = cmdline;
	n->build.asleep = c->paravirt == PARAVIRT_MODULE;
	rc = (c->type == GUEST_PVH ? build_pvh : build_pv)(n->h, &n->build, &n->image);
	free(cmdline);
	image_free(&n->image);
	return rc;
}

static int prepare_devices(struct creation *n)
{
	const struct config *c = n->c;
	size_t i;
	int rc = 0;

	n->device = xcalloc(c->disks + c->nics + 1, sizeof(*n->device));
	for (i = 0; i < c->disks && !rc; i++)
		rc = device_of_disk(n->h, &n->device[n->devices++], &c->disk[i]);
	for (i = 0; i < c->nics && !rc; i++)
		rc = device_of_nic(n->h, &n->device[n->devices++], &c->nic[i]);
	return rc;
}

static void plan_own_nodes(struct plan *p, uint32_t id)
{
	static const char *const writable[] = {
		"control/shutdown", "control/feature-poweroff", "control/feature-reboot", "control/feature-suspend",
		"control/sysrq", "data", "drivers", "feature", "attr", "error",
	};
	size_t i;

	plan_directory(p, 0, id, "/local/domain/%u/control", id);
	for (i = 0; i < sizeof(writable) / sizeof(*writable); i++)
		plan_directory(p, id, STORE_NOBODY, "/local/domain/%u/%s", id, writable[i]);
	plan_write(p, "1", "/local/domain/%u/control/platform-feature-multiprocessor-suspend", id);
	plan_write(p, "1", "/local/domain/%u/control/platform-feature-xs_reset_watches", id);
	plan_directory(p, 0, id, "/local/domain/%u/device", id);
	plan_directory(p, id, 0, "/local/domain/%u/device/suspend/event-channel", id);
}

static void plan_domain(struct plan *p, const struct creation *n)
{
	const struct config *c = n->c;
	uint32_t id = n->domid;
	uint64_t i;

	/* A domain that died unseen may have left nodes under this number (or UUID). */
	plan_remove(p, "/local/domain/%u", id);
	plan_remove(p, "/vm/%s", c->uuid);
	plan_directory(p, 0, id, "/local/domain/%u", id);
	plan_directory(p, 0, id, "/vm/%s", c->uuid);
	plan_write(p, c->name, "/vm/%s/name", c->uuid);
	plan_write(p, c->uuid, "/vm/%s/uuid", c->uuid);
	plan_write(p, "linux", "/vm/%s/image/ostype", c->uuid);
	plan_write(p, c->kernel, "/vm/%s/image/kernel", c->uuid);
	plan_write(p, c->ramdisk ?: "", "/vm/%s/image/ramdisk", c->uuid);
	plan_number(p, time(NULL), "/vm/%s/start_time", c->uuid);
	plan_write(p, c->name, "/local/domain/%u/name", id);
	plan_number(p, id, "/local/domain/%u/domid", id);
	for (i = 0; i < c->maxvcpus; i++)
		plan_write(p, i < c->vcpus ? "online" : "offline", "/local/domain/%u/cpu/%lu/availability", id,
			   (unsigned long)i);
	plan_number(p, c->maxmem << 10, "/local/domain/%u/memory/static-max", id);
	plan_number(p, c->memory << 10, "/local/domain/%u/memory/target", id);
	plan_number(p, n->build.store_mfn, "/local/domain/%u/store/ring-ref", id);
	plan_number(p, n->build.store_port, "/local/domain/%u/store/port", id);
	plan_own_nodes(p, id);
}

static void plan_console(struct plan *p, const struct creation *n)
{
	uint32_t id = n->domid;

	plan_directory(p, 0, id, "/local/domain/%u/console", id);
	plan_write(p, "xenconsoled", "/local/domain/%u/console/type", id);
	plan_write(p, "pty", "/local/domain/%u/console/output", id);
	plan_write(p, "", "/local/domain/%u/console/tty", id);
	plan_write(p, "1048576", "/local/domain/%u/console/limit", id);
	plan_number(p, n->build.console_port, "/local/domain/%u/console/port", id);
	plan_number(p, n->build.console_mfn, "/local/domain/%u/console/ring-ref", id);
}

static int make_nodes(struct creation *n)
{
	struct plan p = { 0 };
	char *vm = xasprintf("/vm/%s", n->c->uuid);
	size_t i;

	plan_domain(&p, n);
	plan_write(&p, vm, "/local/domain/%u/vm", n->domid);
	plan_console(&p, n);
	for (i = 0; i < n->devices; i++)
		device_plan(&p, &n->device[i], n->domid);
	free(vm);
	return plan_commit(n->h, &p);
}

static int introduce(struct creation *n)
{
	int rc = store_introduce(n->h, n->domid, n->build.store_mfn, n->build.store_port);

	return rc ? msg_error(rc, "the store daemon does not take the domain: %s", strerror(-rc)) : 0;
}

static int devices_ready(struct creation *n)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < n->devices && !rc; i++)
		rc = device_ready(n->h, &n->device[i], n->domid);
	return rc;
}

static const struct {
	const char *name;
	int (*step)(struct creation *n);
} steps[] = {
	{ "make", make_domain },
	{ "place", place_vcpus },
	{ "ports", make_ports },
	{ "fill", fill_domain },
	{ "devices", prepare_devices },
	{ "nodes", make_nodes },
	{ "introduce", introduce },
	{ "ready", devices_ready },
};

/* Unless the configuration says it: the highest that the hypervisor offers. */
static int choose_grant_version(struct host *h, struct config *c)
{
	struct xen_sysctl op = { };
	int rc = hcall_sysctl(h, XEN_SYSCTL_physinfo, &op);
	uint64_t highest = op.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2 ? 2 : 1;

	if (rc < 0)
		return msg_error(rc, "the hypervisor does not tell what it can do: %s", strerror(-rc));
	if (!c->max_grant_version)
		c->max_grant_version = highest;
	if (c->max_grant_version > highest)
		return msg_error(-EINVAL, "max_grant_version=%" PRIu64 ": the hypervisor offers %" PRIu64
				 " (its option gnttab=max-ver:2 changes that)", c->max_grant_version, highest);
	return 0;
}

static int claim(struct creation *n)
{
	int rc = host_call(n->h);

	rc = rc ?: choose_grant_version(n->h, n->c);
	rc = rc ?: host_store(n->h);
	rc = rc ?: image_load(n->c->kernel, &n->image);
	if (rc)
		return rc;
	n->record = registry_claim(n->h, n->c);
	n->claimed = n->record >= 0;
	fault_point("claim");
	return n->claimed ? 0 : n->record;
}

int domain_create(struct host *h, struct config *c, uint32_t *domid)
{
	struct creation n = { .h = h, .c = c, .record = -1 };
	size_t i;
	int rc;

	complete_config(c);
	rc = claim(&n);
	for (i = 0; i < sizeof(steps) / sizeof(*steps) && !rc; i++) {
		rc = steps[i].step(&n);
		fault_point(steps[i].name);
	}
	for (i = 0; i < n.devices; i++)
		device_release(&n.device[i]);
	free(n.device);
	image_free(&n.image);
	if (rc && n.exists)
		domain_remove(h, n.domid, false);
	if (rc && n.claimed)
		registry_remove(c->name);
	if (n.record >= 0)
		close(n.record);
	*domid = n.domid;
	return rc;
}

int domain_unpause(struct host *h, uint32_t domid)
{
	int rc = hcall_domctl_plain(h, XEN_DOMCTL_unpausedomain, domid);

	return rc < 0 ? msg_error(rc, "cannot unpause domain %u: %s", domid, strerror(-rc)) : 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers for xl top. Processor time, memory, vcpus and exits are the hypervisor's; what network cards and disks did is counted
 * by Domain0's backends:
 *
 *	/sys/class/net/vifD.N/statistics/	of the interface, whose receiving is the guest's sending
 *	/sys/bus/xen-backend/devices/vbd-D-N/statistics/
 *
 * Both folders are gone through once a round, whatever the number of domains.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "top.h"

#define CHUNK 64
#define NETWORK "/sys/class/net"
#define BACKENDS "/sys/bus/xen-backend/devices"

double top_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Rows come ordered by number. */
static struct row *find_row(const struct table *t, unsigned int domid)
{
	int low = 0, high = t->rows;

	while (low < high) {
		int middle = (low + high) / 2;

		if (t->row[middle].info.domain < domid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->rows && t->row[low].info.domain == domid ? &t->row[low] : NULL;
}

static uint64_t read_count(const char *folder, const char *device, const char *name)
{
	unsigned long long n = 0;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/statistics/%s", folder, device, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

static void count_vif(struct counts *c, const char *device)
{
	c->nets++;
	c->tx += read_count(NETWORK, device, "rx_bytes");
	c->rx += read_count(NETWORK, device, "tx_bytes");
}

static void count_vbd(struct counts *c, const char *device)
{
	c->vbds++;
	c->busy += read_count(BACKENDS, device, "oo_req");
	c->reads += read_count(BACKENDS, device, "rd_req");
	c->writes += read_count(BACKENDS, device, "wr_req");
	c->read_sectors += read_count(BACKENDS, device, "rd_sect");
	c->written_sectors += read_count(BACKENDS, device, "wr_sect");
}

static void count_devices(struct table *t, const char *folder, const char *format,
			  void (*count)(struct counts *c, const char *device))
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	unsigned int domid, n;
	struct row *row;
	char more;

	while (dir && (e = readdir(dir))) {
		row = sscanf(e->d_name, format, &domid, &n, &more) == 2 ? find_row(t, domid) : NULL;
		if (row)
			count(&row->counts, e->d_name);
	}
	if (dir)
		closedir(dir);
}

static int get_domains(struct host *h, struct table *t)
{
	struct xen_domctl_getdomaininfo list[CHUNK];
	uint32_t first = 0;
	int n;

	do {
		n = hcall_domain_list(h, first, list, CHUNK);
		if (n < 0)
			return n;
		t->row = xrealloc(t->row, (t->rows + n + 1) * sizeof(*t->row));
		for (int i = 0; i < n; i++)
			t->row[t->rows++] = (struct row){
				.info = list[i],
				.exits = list[i].flags & XEN_DOMINF_hvm_guest ? hcall_hvm_exits(h, list[i].domain) : 0,
			};
		first = n ? list[n - 1].domain + 1u : 0;
	} while (n == CHUNK);
	return 0;
}

static int get_machine(struct host *h, struct table *t)
{
	struct xen_sysctl op = { 0 };
	int rc = hcall_sysctl(h, XEN_SYSCTL_physinfo, &op);

	t->total_kib = op.u.physinfo.total_pages * 4;
	t->free_kib = op.u.physinfo.free_pages * 4;
	t->cpus = op.u.physinfo.nr_cpus;
	t->mhz = op.u.physinfo.cpu_khz / 1000;
	return rc;
}

static bool same_domain(const struct row *a, const struct row *b)
{
	return a && !memcmp(a->info.handle, b->info.handle, sizeof(a->info.handle)) && a->info.cpu_time <= b->info.cpu_time;
}

/* Names cost a question each and are kept, but for a look at all of them now and then: they can be changed. */
static void add_past(struct host *h, struct table *t, const struct table *last, bool names)
{
	for (struct row *r = t->row; r < t->row + t->rows; r++) {
		struct row *before = find_row(last, r->info.domain);
		bool same = same_domain(before, r);

		if (same && t->time > last->time) {
			r->cpu = (r->info.cpu_time - before->info.cpu_time) / (t->time - last->time) / 1e7;
			r->exit_rate = r->exits > before->exits ? (r->exits - before->exits) / (t->time - last->time) : 0;
		}
		r->name = same && !names && before->name ? xstrdup(before->name) : domain_name(h, r->info.domain);
		if (!r->name)
			r->name = r->info.domain ? xasprintf("(%u)", r->info.domain) : xstrdup("Domain-0");
	}
}

void top_free(struct table *t)
{
	for (int i = 0; i < t->rows; i++)
		free(t->row[i].name);
	free(t->row);
	*t = (struct table){ 0 };
}

int top_gather(struct host *h, struct table *t, const struct table *last, bool names)
{
	int rc;

	*t = (struct table){ .time = top_now() };
	rc = get_domains(h, t);
	if (!rc)
		rc = get_machine(h, t);
	if (rc)
		return msg_error(rc, "cannot list the domains: %s", strerror(-rc));
	add_past(h, t, last, names);
	count_devices(t, NETWORK, "vif%u.%u%c", count_vif);
	count_devices(t, BACKENDS, "vbd-%u-%u%c", count_vbd);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Commands about the machine: info, dmesg, debug-keys, uptime. */
#include <errno.h>
#include <stdio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "sched.h"
#include "xl.h"

#define LIST_MAX 4096

/* --- info ------------------------------------------------------------------------------------------------------------ */

static void line(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void line(const char *key, const char *format, ...)
{
	va_list args;

	printf("%-23s: ", key);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void show_kernel(void)
{
	struct utsname u;

	uname(&u);
	line("host", "%s", u.nodename);
	line("release", "%s", u.release);
	line("version", "%s", u.version);
	line("machine", "%s", u.machine);
}

static void show_machine(const struct xen_sysctl_physinfo *p)
{
	static const struct { uint32_t bit; const char *name; } caps[] = {
		{ XEN_SYSCTL_PHYSCAP_pv, "pv" }, { XEN_SYSCTL_PHYSCAP_hvm, "hvm" },
		{ XEN_SYSCTL_PHYSCAP_directio, "directio" }, { XEN_SYSCTL_PHYSCAP_hap, "hap" },
		{ XEN_SYSCTL_PHYSCAP_shadow, "shadow" },
		{ XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share, "iommu_hap_pt_share" },
		{ XEN_SYSCTL_PHYSCAP_vmtrace, "vmtrace" }, { XEN_SYSCTL_PHYSCAP_vpmu, "vpmu" },
		{ XEN_SYSCTL_PHYSCAP_gnttab_v1, "gnttab-v1" }, { XEN_SYSCTL_PHYSCAP_gnttab_v2, "gnttab-v2" },
	};
	char text[256] = "";
	size_t i;

	for (i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		if (p->capabilities & caps[i].bit)
			strcat(strcat(text, *text ? " " : ""), caps[i].name);
	line("nr_cpus", "%u", p->nr_cpus);
	line("max_cpu_id", "%u", p->max_cpu_id);
	line("nr_nodes", "%u", p->nr_nodes);
	line("cores_per_socket", "%u", p->cores_per_socket);
	line("threads_per_core", "%u", p->threads_per_core);
	line("cpu_mhz", "%u.%03u", p->cpu_khz / 1000, p->cpu_khz % 1000);
	printf("%-23s:", "hw_caps");
	for (i = 0; i < 8; i++)
		printf("%c%08x", i ? ':' : ' ', p->hw_cap[i]);
	putchar('\n');
	line("virt_caps", "%s", text);
	line("total_memory", "%lu", (unsigned long)(p->total_pages >> 8));
	line("free_memory", "%lu", (unsigned long)((p->free_pages - p->outstanding_pages) >> 8));
	line("sharing_freed_memory", "0");
	line("sharing_used_memory", "0");
	line("outstanding_claims", "%lu", (unsigned long)(p->outstanding_pages >> 8));
	line("free_cpus", "0");
}

static void show_text(struct host *h, const char *key, unsigned int cmd, size_t size)
{
	char text[4096] = "";

	if (hcall_version(h, cmd, text, size) >= 0)
		line(key, "%.*s", (int)size, text);
}

static void show_compiler(struct host *h)
{
	struct xen_compile_info c = { 0 };

	if (hcall_version(h, XENVER_compile_info, &c, sizeof(c)) < 0)
		return;
	line("cc_compiler", "%s", c.compiler);
	line("cc_compile_by", "%s", c.compile_by);
	line("cc_compile_domain", "%s", c.compile_domain);
	line("cc_compile_date", "%s", c.compile_date);
}

/* The command wants the length it may fill in; the answer is the length. */
static void show_build_id(struct host *h)
{
	struct { uint32_t length; uint8_t id[64]; } b = { .length = 64 };
	int n = hcall_version(h, XENVER_build_id, &b, sizeof(b)), i;

	printf("%-23s: ", "build_id");
	for (i = 0; i < n && i < 64; i++)
		printf("%02x", b.id[i]);
	putchar('\n');
}

static const char *scheduler_name(struct host *h)
{
	switch (sched_current(h)) {
	case XEN_SCHEDULER_CREDIT:
		return "credit";
	case XEN_SCHEDULER_CREDIT2:
		return "credit2";
	case XEN_SCHEDULER_ARINC653:
		return "arinc653";
	case XEN_SCHEDULER_RTDS:
		return "rtds";
	case XEN_SCHEDULER_NULL:
		return "null";
	}
	return "unknown";
}

static void show_version(struct host *h)
{
	struct xen_platform_parameters params = { 0 };
	int version = hcall_version(h, XENVER_version, &params, 0);
	char extra[XEN_EXTRAVERSION_LEN] = "";

	hcall_version(h, XENVER_extraversion, extra, sizeof(extra));
	line("xen_major", "%d", version >> 16);
	line("xen_minor", "%d", version & 0xffff);
	line("xen_extra", "%s", extra);
	line("xen_version", "%d.%d%s", version >> 16, version & 0xffff, extra);
	show_text(h, "xen_caps", XENVER_capabilities, sizeof(xen_capabilities_info_t));
	line("xen_scheduler", "%s", scheduler_name(h));
	line("xen_pagesize", "%d", hcall_version(h, XENVER_pagesize, NULL, 0));
	hcall_version(h, XENVER_platform_parameters, &params, sizeof(params));
	line("platform_params", "virt_start=0x%lx", (unsigned long)params.virt_start);
	show_text(h, "xen_changeset", XENVER_changeset, sizeof(xen_changeset_info_t));
	show_text(h, "xen_commandline", XENVER_commandline, sizeof(xen_commandline_t));
	show_compiler(h);
	show_build_id(h);
	line("xend_config_format", "4");
}

static int run_info(struct host *h, int argc, char **argv)
{
	static const struct option more[] = {
		{ "help", no_argument, NULL, 'h' }, { "numa", no_argument, NULL, 'n' }, { 0 }
	};
	struct xen_sysctl op = { 0 };
	bool topology = false;
	int rc, opt;

	while ((opt = xl_options(argc, argv, "ln", more)) != -1)
		topology |= opt == 'n';
	rc = hcall_sysctl(h, XEN_SYSCTL_physinfo, &op);
	if (rc < 0)
		return msg_error(1, "cannot ask the hypervisor: %s", strerror(-rc));
	show_kernel();
	show_machine(&op.u.physinfo);
	if (topology)
		topology_show(h);
	show_version(h);
	return 0;
}

/* --- the hypervisor's console ---------------------------------------------------------------------------------------- */

static int run_dmesg(struct host *h, int argc, char **argv)
{
	struct xen_sysctl op = { 0 };
	const uint32_t size = 16384;
	bool clear = false;
	char *buffer;
	int opt, rc;

	while ((opt = xl_options(argc, argv, "c", NULL)) != -1)
		clear |= opt == 'c';
	buffer = hcall_buffer(h, size);
	if (!buffer)
		return 1;
	op.u.readconsole.incremental = 1;
	do {
		op.u.readconsole.clear = clear;
		op.u.readconsole.count = size;
		set_xen_guest_handle(op.u.readconsole.buffer, buffer);
		rc = hcall_sysctl(h, XEN_SYSCTL_readconsole, &op);
		if (!rc)
			fwrite(buffer, 1, op.u.readconsole.count, stdout);
	} while (!rc && op.u.readconsole.count);
	hcall_buffer_free(h, buffer);
	return rc < 0 ? msg_error(1, "cannot read the hypervisor's log: %s", strerror(-rc)) : 0;
}

static int run_debug_keys(struct host *h, int argc, char **argv)
{
	struct xen_sysctl op = { 0 };
	char *keys;
	int rc;

	while (xl_options(argc, argv, "", NULL) != -1)
		continue;
	xl_arguments(argc, argv, 1, 1);
	op.u.debug_keys.nr_keys = strlen(argv[optind]);
	keys = hcall_buffer(h, op.u.debug_keys.nr_keys + 1);
	if (!keys)
		return 1;
	strcpy(keys, argv[optind]);
	set_xen_guest_handle(op.u.debug_keys.keys, keys);
	rc = hcall_sysctl(h, XEN_SYSCTL_debug_keys, &op);
	hcall_buffer_free(h, keys);
	return rc < 0 ? msg_error(1, "cannot send debug keys: %s", strerror(-rc)) : 0;
}

/* --- uptime ------------------------------------------------------------------------------------------------------------ */

static long host_uptime(void)
{
	FILE *from = fopen("/proc/uptime", "re");
	double seconds = 0;

	if (from && fscanf(from, "%lf", &seconds) != 1)
		seconds = 0;
	if (from)
		fclose(from);
	return seconds;
}

static long domain_uptime(struct host *h, uint32_t domid)
{
	char *vm = domid ? store_read(h, "/local/domain/%u/vm", domid) : NULL;
	long start = vm ? store_number(h, 0, "%s/start_time", vm) : 0;

	free(vm);
	return domid == 0 ? host_uptime() : start ? time(NULL) - start : 0;
}

static void show_uptime(struct host *h, uint32_t domid, bool brief)
{
	char *name = domain_name(h, domid), text[64], clock[16];
	const char *who = name ?: domid ? "(null)" : "Domain-0";
	long up = domain_uptime(h, domid), days = up / 86400, hours = up / 3600 % 24, minutes = up / 60 % 60;
	time_t now = time(NULL);
	int n = 0;

	if (days)
		n = snprintf(text, sizeof(text), days > 1 ? "%ld days, " : "%ld day, ", days);
	n += snprintf(text + n, sizeof(text) - n, "%2ld:%02ld", hours, minutes);
	if (brief) {
		strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
		printf(" %s up %s, %s (%u)\n", clock, text, who, domid);
	} else {
		printf("%-33s %4d %s:%02ld\n", who, domid, text, up % 60);
	}
	free(name);
}

static int run_uptime(struct host *h, int argc, char **argv)
{
	struct xen_domctl_getdomaininfo *list;
	bool brief = false;
	int opt, n, i;

	while ((opt = xl_options(argc, argv, "s", NULL)) != -1)
		brief |= opt == 's';
	if (host_call(h) || host_store(h))
		return 1;
	if (!brief)
		printf("%-33s %4s %s\n", "Name", "ID", "Uptime");
	if (optind < argc) {
		while (optind < argc)
			show_uptime(h, xl_domain(h, argv), brief);
		return 0;
	}
	list = xcalloc(LIST_MAX, sizeof(*list));
	n = hcall_domain_list(h, 0, list, LIST_MAX);
	for (i = 0; i < n; i++)
		show_uptime(h, list[i].domain, brief);
	free(list);
	return n < 0;
}

const struct command host_commands[] = {
	{ "info", run_info, "[-n]", "Tell about the machine and the hypervisor",
	  "  -n, --numa  and where its CPUs and its memory are\n" },
	{ "dmesg", run_dmesg, "[-c]", "Show the hypervisor's log", "  -c  and empty it\n" },
	{ "debug-keys", run_debug_keys, "KEYS", "Press debug keys at the hypervisor's console", NULL },
	{ "uptime", run_uptime, "[-s] [DOMAIN ...]", "How long the domains run", "  -s  short: a sentence each\n" },
	{ 0 }
};

// SPDX-License-Identifier: GPL-2.0-only
/* Commands that ask a running domain for something, or hold it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "registry.h"
#include "xl.h"

#define LIST_MAX 4096

/* --- shutdown and reboot ------------------------------------------------------------------------------------------- */

struct waiting {
	struct host *h;
	uint32_t domid;
	bool shutdown_counts;	/* it may be kept for inspection */
};

static int has_ended(const char *value, void *data)
{
	struct xen_domctl_getdomaininfo info;
	struct waiting *w = data;

	(void)value;
	if (hcall_domain_info(w->h, w->domid, &info))
		return 1;
	return (info.flags & XEN_DOMINF_dying) || (w->shutdown_counts && (info.flags & XEN_DOMINF_shutdown));
}

static int wait_end(struct host *h, uint32_t domid)
{
	struct waiting w = { .h = h, .domid = domid, .shutdown_counts = true };
	int rc;

	do
		rc = store_wait(h, "@releaseDomain", has_ended, &w, 3600);
	while (rc == -ETIMEDOUT);
	return rc < 0 ? msg_error(1, "cannot wait for domain %u: %s", domid, strerror(-rc)) : 0;
}

static int ask(struct host *h, uint32_t domid, const char *what)
{
	char *feature = store_read(h, "/local/domain/%u/control/feature-%s", domid, what);
	int rc;

	if (!feature)
		msg_note("domain %u has not said that it understands \"%s\"", domid, what);
	free(feature);
	printf("%s domain %u\n", strcmp(what, "reboot") ? "Shutting down" : "Rebooting", domid);
	rc = store_write(h, what, "/local/domain/%u/control/shutdown", domid);
	return rc ? msg_error(1, "cannot ask domain %u: %s", domid, strerror(-rc)) : 0;
}

static int ask_all(struct host *h, const char *what, bool wait)
{
	struct xen_domctl_getdomaininfo *list = xcalloc(LIST_MAX, sizeof(*list));
	int n = hcall_domain_list(h, 1, list, LIST_MAX), i, rc = 0;

	for (i = 0; i < n; i++)
		if (!(list[i].flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown)))
			rc |= ask(h, list[i].domain, what);
	for (i = 0; i < n && wait; i++)
		rc |= wait_end(h, list[i].domain);
	free(list);
	return n < 0 ? msg_error(1, "cannot list the domains: %s", strerror(-n)) : rc;
}

/* It does not hear, and would do so when nobody expects it any more. */
static bool deaf(struct host *h, uint32_t domid)
{
	struct xen_domctl_getdomaininfo info;

	return !hcall_domain_info(h, domid, &info) && domain_suspended(&info);
}

static int shutdown_or_reboot(struct host *h, int argc, char **argv, const char *what)
{
	static const struct option more[] = {
		{ "help", no_argument, NULL, 'h' }, { "all", no_argument, NULL, 'a' },
		{ "wait", no_argument, NULL, 'w' }, { 0 }
	};
	bool all = false, wait = false;
	uint32_t domid;
	int opt, rc;

	while ((opt = xl_options(argc, argv, "awF", more)) != -1) {
		all |= opt == 'a';
		wait |= opt == 'w';
	}
	if (host_call(h) || host_store(h))
		return 1;
	xl_arguments(argc, argv, all ? 0 : 1, all ? 0 : 1);
	if (all)
		return ask_all(h, what, wait);
	domid = xl_domain(h, argv);
	if (deaf(h, domid))
		return msg_error(1, "domain %u is suspended: \"xl resume\" comes first, or \"xl destroy\"", domid);
	rc = ask(h, domid, what);
	return !rc && wait ? wait_end(h, domid) : rc;
}

static int run_shutdown(struct host *h, int argc, char **argv)
{
	return shutdown_or_reboot(h, argc, argv, "poweroff");
}

static int run_reboot(struct host *h, int argc, char **argv)
{
	return shutdown_or_reboot(h, argc, argv, "reboot");
}

/* --- pause ------------------------------------------------------------------------------------------------------------ */

static int plain(struct host *h, int argc, char **argv, uint32_t cmd)
{
	uint32_t domid = xl_first_domain(h, argc, argv, 1, 1);
	int rc;

	rc = hcall_domctl_plain(h, cmd, domid);
	return rc < 0 ? msg_error(1, "cannot %s domain %u: %s", argv[0], domid, strerror(-rc)) : 0;
}

static int run_pause(struct host *h, int argc, char **argv)
{
	return plain(h, argc, argv, XEN_DOMCTL_pausedomain);
}

static int run_unpause(struct host *h, int argc, char **argv)
{
	return plain(h, argc, argv, XEN_DOMCTL_unpausedomain);
}

/* --- suspend ---------------------------------------------------------------------------------------------------------- */

#define PATIENCE 60	/* seconds; a kernel gives its tasks 20 to stop */

static int run_suspend(struct host *h, int argc, char **argv)
{
	static const struct option more[] = {
		{ "help", no_argument, NULL, 'h' }, { "timeout", required_argument, NULL, 't' }, { 0 }
	};
	int opt, seconds = PATIENCE;

	while ((opt = xl_options(argc, argv, "t:", more)) != -1)
		seconds = atoi(optarg);
	xl_arguments(argc, argv, 1, 1);
	if (seconds <= 0)
		return msg_error(2, "a timeout is a number of seconds");
	return domain_suspend(h, xl_domain(h, argv), seconds) ? 1 : 0;
}

static int run_resume(struct host *h, int argc, char **argv)
{
	return domain_resume(h, xl_first_domain(h, argc, argv, 1, 1)) ? 1 : 0;
}

/* --- keys and buttons ------------------------------------------------------------------------------------------------- */

static int run_sysrq(struct host *h, int argc, char **argv)
{
	uint32_t domid = xl_first_domain(h, argc, argv, 2, 2);
	int rc;

	if (strlen(argv[optind]) != 1)
		return msg_error(2, "a magic key is one character, not \"%s\"", argv[optind]);
	rc = store_write(h, argv[optind], "/local/domain/%u/control/sysrq", domid);
	return rc ? msg_error(1, "cannot tell domain %u: %s", domid, strerror(-rc)) : 0;
}

static int run_trigger(struct host *h, int argc, char **argv)
{
	struct xen_domctl op = { .u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_NMI };
	uint32_t domid = xl_first_domain(h, argc, argv, 2, 3);
	int rc;

	if (strcmp(argv[optind], "nmi"))
		return msg_error(2, "trigger %s: guests of these types know only nmi", argv[optind]);
	op.u.sendtrigger.vcpu = argv[optind + 1] ? strtoul(argv[optind + 1], NULL, 10) : 0;
	rc = hcall_domctl(h, XEN_DOMCTL_sendtrigger, domid, &op);
	if (rc == -EINVAL)
		return msg_error(1, "domain %u has no handler for an NMI", domid);
	return rc < 0 ? msg_error(1, "no NMI for vcpu %u of domain %u: %s", op.u.sendtrigger.vcpu, domid, strerror(-rc)) : 0;
}

/* --- names ------------------------------------------------------------------------------------------------------------ */

static int run_domid(struct host *h, int argc, char **argv)
{
	printf("%u\n", xl_first_domain(h, argc, argv, 1, 1));
	return 0;
}

static int run_domname(struct host *h, int argc, char **argv)
{
	uint32_t domid = xl_first_domain(h, argc, argv, 1, 1);
	char *name;

	name = domain_name(h, domid);
	if (!name)
		return msg_error(1, "domain %u has no name", domid);
	puts(name);
	free(name);
	return 0;
}

static int run_rename(struct host *h, int argc, char **argv)
{
	uint32_t domid = xl_first_domain(h, argc, argv, 2, 2);

	return domain_rename(h, domid, argv[optind]) ? 1 : 0;
}

const struct command life_commands[] = {
	{ "shutdown", run_shutdown, "[-w] DOMAIN | -a [-w]", "Ask a domain to shut down",
	  "  -a, --all   all domains\n"
	  "  -w, --wait  until it has ended\n" },
	{ "reboot", run_reboot, "[-w] DOMAIN | -a [-w]", "Ask a domain to start anew",
	  "  -a, --all   all domains\n"
	  "  -w, --wait  until it has ended\n" },
	{ "pause", run_pause, "DOMAIN", "Stop a domain's vcpus; \"unpause\" lets them go on", NULL },
	{ "unpause", run_unpause, "DOMAIN", "Let a paused domain run", NULL },
	{ "suspend", run_suspend, "[-t SECONDS] DOMAIN", "Have a domain suspend itself to memory; \"resume\" lets it go on",
	  "  -t, --timeout SECONDS  how long it may take to hear, and then to stand still (60)\n" },
	{ "resume", run_resume, "DOMAIN", "Let a suspended domain go on", NULL },
	{ "sysrq", run_sysrq, "DOMAIN KEY", "Press a magic key in a domain: its kernel does what sysrq.rst says",
	  NULL },
	{ "trigger", run_trigger, "DOMAIN nmi [VCPU]", "Send a domain's vcpu an NMI", NULL },
	{ "domid", run_domid, "NAME", "The number of a domain", NULL },
	{ "domname", run_domname, "ID", "The name of a domain", NULL },
	{ "rename", run_rename, "DOMAIN NAME", "Give a domain another name", NULL },
	{ 0 }
};

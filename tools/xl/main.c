// SPDX-License-Identifier: GPL-2.0-only
/*
 * xl: steer domains. The first word picks a command from the tables of the other files.
 *
 * Exit codes: 0 done, 1 it failed (a message says why), 2 wrong usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "monitor.h"
#include "xl.h"

bool xl_dry_run;

static const struct command *const groups[] = {
	create_commands, life_commands, list_commands, console_commands, device_commands, vcpu_commands, memory_commands,
	sched_commands, top_commands, host_commands, NULL
};

static const struct command *find(const char *name)
{
	const struct command *const *g, *c;

	for (g = groups; *g; g++)
		for (c = *g; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	return NULL;
}

static void usage(FILE *to)
{
	const struct command *const *g, *c;

	fputs("usage: xl [-v] [-N] [-f] COMMAND [ARGUMENTS]\n\n"
	      "  -v  say more   -N  dry run: check, change nothing   -f  as in Xen's xl, without effect\n\n", to);
	for (g = groups; *g; g++) {
		for (c = *g; c->name; c++)
			if (c->summary)
				fprintf(to, "  %-16s %s\n", c->name, c->summary);
		fputc('\n', to);
	}
	fputs("\"xl COMMAND --help\" tells more; the manual is xl(1), domains are described by xl.cfg(5).\n", to);
}

void xl_help(const char *name, bool wrong)
{
	const struct command *c = find(name);
	FILE *to = wrong ? stderr : stdout;

	fprintf(to, "usage: xl %s %s\n\n%s.\n", c->name, c->arguments, c->summary ?: "");
	if (c->options)
		fprintf(to, "\n%s", c->options);
}

int xl_options(int argc, char **argv, const char *spec, const struct option *more)
{
	static const struct option none[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	char all[64];
	int opt;

	snprintf(all, sizeof(all), "+h%s", spec);
	opt = getopt_long(argc, argv, all, more ?: none, NULL);
	if (opt == 'h' || opt == '?') {
		xl_help(argv[0], opt == '?');
		exit(opt == '?' ? 2 : 0);
	}
	return opt;
}

void xl_arguments(int argc, char **argv, int min, int max)
{
	int n = argc - optind;

	if (n >= min && n <= max)
		return;
	fprintf(stderr, "xl %s: %s\n", argv[0], n < min ? "an argument is missing" : "too many arguments");
	xl_help(argv[0], true);
	exit(2);
}

/* Whatever came out: who has spoken with the hypervisor sees to it that somebody looks after the domains. */
static int leave(struct host *h, int rc)
{
	if (h->call)
		monitor_ensure();
	host_close(h);
	if (fflush(stdout) || ferror(stdout))
		rc = rc ?: 1;
	return rc;
}

uint32_t xl_domain(struct host *h, char **argv)
{
	uint32_t domid;

	if (domain_find(h, argv[optind++], &domid))
		exit(leave(h, 1));
	return domid;
}

uint32_t xl_first_domain(struct host *h, int argc, char **argv, int min, int max)
{
	while (xl_options(argc, argv, "", NULL) != -1)
		continue;
	xl_arguments(argc, argv, min, max);
	return xl_domain(h, argv);
}

static int help(const char *name)
{
	if (!name) {
		usage(stdout);
		return 0;
	}
	if (!find(name)) {
		fprintf(stderr, "xl: there is no command %s\n", name);
		return 2;
	}
	xl_help(name, false);
	return 0;
}

int main(int argc, char **argv)
{
	const struct command *c;
	struct host h = { 0 };
	int opt;

	while ((opt = getopt(argc, argv, "+vfNtTh")) != -1) {
		if (opt == 'v')
			msg_verbose++;
		else if (opt == 'N')
			xl_dry_run = true;
		else if (opt == 'h' || opt == '?')
			return usage(opt == 'h' ? stdout : stderr), opt == 'h' ? 0 : 2;
	}
	argc -= optind;
	argv += optind;
	if (!argc) {
		usage(stderr);
		return 2;
	}
	if (!strcmp(argv[0], "help") || !strcmp(argv[0], "--help"))
		return help(argv[1]);
	if (!strcmp(argv[0], "monitor"))
		return monitor_run();
	c = find(argv[0]);
	if (!c) {
		fprintf(stderr, "xl: there is no command %s; \"xl help\" lists them\n", argv[0]);
		return 2;
	}
	optind = 0;
	return leave(&h, c->run(&h, argc, argv));
}

// SPDX-License-Identifier: GPL-2.0-only
/* xl create, xl destroy. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "monitor.h"
#include "registry.h"
#include "xl.h"

/* Standard input is not a file whose size is known. */
static char *read_all(const char *path, size_t *size)
{
	FILE *from = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = NULL;
	size_t n = 0;

	if (!from)
		return NULL;
	*size = 0;
	do {
		text = xrealloc(text, *size + 65536);
		n = fread(text + *size, 1, 65535, from);
		*size += n;
	} while (n);
	if (from != stdin)
		fclose(from);
	return text;
}

/* @overrides: key=value arguments, joined by line ends. */
static int read_settings(struct cfg *cfg, const char *path, const char *overrides)
{
	char *text = NULL;
	size_t size;
	int rc = 0;

	if (path) {
		text = read_all(path, &size);
		if (!text)
			return msg_error(-errno, "%s: %s", path, strerror(errno));
		rc = cfg_parse(cfg, path, text, size);
		free(text);
	}
	return rc ?: cfg_parse(cfg, "command line", overrides, strlen(overrides));
}

static char *join_overrides(char **argument)
{
	char *all = xstrdup("");

	for (; *argument; argument++) {
		char *longer = xasprintf("%s%s\n", all, *argument);

		free(all);
		all = longer;
	}
	return all;
}

static int load(struct config *c, char **argument, const char *file)
{
	struct cfg cfg = { 0 };
	char *overrides;
	int rc;

	if (!file && *argument && !strchr(*argument, '='))
		file = *argument++;
	overrides = join_overrides(argument);
	rc = read_settings(&cfg, file, overrides);
	*c = (struct config){ 0 };
	rc = rc ?: config_read(c, &cfg);
	cfg_free(&cfg);
	free(overrides);
	return rc;
}

struct create_options {
	bool paused, console, quiet, foreground, leave;
	const char *name;
};

static int has_gone(const char *value, void *data)
{
	struct config *c = data, now;
	int rc = registry_read(c->name, &now);

	(void)value;
	config_free(&now);
	return rc == -ENOENT;
}

/* Until it ends and is not made again. Its record goes last, after the event that tells of its end. */
static int stay(struct host *h, struct config *c)
{
	int rc;

	do
		rc = store_wait(h, "@releaseDomain", has_gone, c, 1);
	while (rc == -ETIMEDOUT);
	return rc < 0 ? msg_error(1, "cannot wait for %s: %s", c->name, strerror(-rc)) : 0;
}

static int create(struct host *h, struct config *c, const struct create_options *o)
{
	uint32_t domid;
	int rc;

	if (o->name) {
		const char *wrong = config_check_name(o->name);

		if (wrong)
			return msg_error(1, "%s: %s", o->name, wrong);
		free(c->name);
		c->name = xstrdup(o->name);
	}
	if (xl_dry_run) {
		config_show(c);
		return 0;
	}
	if (o->leave)
		c->on_poweroff = c->on_reboot = c->on_crash = c->on_watchdog = c->on_soft_reset = ON_PRESERVE;
	rc = domain_create(h, c, &domid);
	if (rc)
		return 1;
	monitor_ensure();
	fault_point("created");
	if (!o->paused && domain_unpause(h, domid)) {
		domain_remove(h, domid, false);
		return 1;
	}
	rc = o->console ? console_attach(h, domid, true) : 0;
	return o->foreground && !rc ? stay(h, c) : rc;
}

static int run_create(struct host *h, int argc, char **argv)
{
	static const struct option more[] = {
		{ "help", no_argument, NULL, 'h' }, { "defconfig", required_argument, NULL, 'f' },
		{ "dryrun", no_argument, NULL, 'n' }, { "quiet", no_argument, NULL, 'q' },
		{ "name", required_argument, NULL, 'N' }, { 0 }
	};
	struct create_options o = { 0 };
	const char *file = NULL;
	struct config c;
	int opt, rc;

	while ((opt = xl_options(argc, argv, "f:nqpcFeVA", more)) != -1) {
		if (opt == 'f')
			file = optarg;
		else if (opt == 'n')
			xl_dry_run = true;
		else if (opt == 'q')
			o.quiet = true;
		else if (opt == 'p')
			o.paused = true;
		else if (opt == 'c')
			o.console = true;
		else if (opt == 'N')
			o.name = optarg;
		else if (opt == 'F')
			o.foreground = true;
		else if (opt == 'e')
			o.leave = true;
		else if (opt == 'V' || opt == 'A')
			msg_warn("-%c: domains have no display here", opt);
	}
	xl_arguments(argc, argv, file ? 0 : 1, 1000);
	if (!file && !strchr(argv[optind], '=') && !o.quiet)
		printf("Parsing config from %s\n", argv[optind]);
	rc = load(&c, argv + optind, file);
	if (!rc)
		rc = create(h, &c, &o);
	config_free(&c);
	return rc ? 1 : 0;
}

static int run_destroy(struct host *h, int argc, char **argv)
{
	int rc = 0;

	while (xl_options(argc, argv, "f", NULL) != -1)
		continue;
	xl_arguments(argc, argv, 1, 1);
	rc = domain_destroy(h, argv[optind]);
	return rc ? 1 : 0;
}

const struct command create_commands[] = {
	{ "create", run_create, "[OPTIONS] FILE [KEY=VALUE ...]", "Create a domain from a configuration file",
	  "  -p           leave it paused\n"
	  "  -c           attach to its console\n"
	  "  -n, --dryrun check the configuration and show it; create nothing\n"
	  "  -f FILE      the configuration, when all arguments are KEY=VALUE\n"
	  "  -q, --quiet  say nothing when all is well\n"
	  "  -e           nothing is done when it ends: it stays as it is\n"
	  "  -F           wait until it has ended for good\n"
	  "  KEY=VALUE    a setting that replaces the file's: 'memory=256' 'disk=[\"/img,raw,xvda,rw\"]'\n" },
	{ "destroy", run_destroy, "DOMAIN", "End a domain at once, as if its plug were pulled", NULL },
	{ 0 }
};

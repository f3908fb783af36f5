// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands: a name, then its arguments; the answer is text.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "conn.h"
#include "control.h"
#include "domain.h"
#include "log.h"
#include "request.h"
#include "state.h"
#include "store.h"

enum { MAX_ARGS = 8 };

struct command {
	const char *name;
	int (*run)(struct request *r, const char **arg, unsigned int n);
	const char *help;
};

static void answer(struct request *r, const char *text)
{
	request_reply(r, text, strlen(text) + 1);
}

static int do_log(struct request *r, const char **arg, unsigned int n)
{
	int rc = EINVAL;

	if (n == 1 && !strcmp(arg[0], "off"))
		rc = trace_file(NULL);
	else if (n == 1 && !strcmp(arg[0], "on"))
		rc = trace_file("/var/log/xen/xenstored-trace.log");
	if (!rc)
		request_ok(r);
	return rc;
}

static int do_logfile(struct request *r, const char **arg, unsigned int n)
{
	int rc = n == 1 ? trace_file(arg[0]) : EINVAL;

	if (!rc)
		request_ok(r);
	return rc;
}

/* The answer is queued first: the new program sends it. */
static int do_live_update(struct request *r, const char **arg, unsigned int n)
{
	int rc = n > 1 ? EINVAL : state_request_update(n ? arg[0] : NULL);

	if (!rc)
		request_ok(r);
	return rc;
}

static int do_print(struct request *r, const char **arg, unsigned int n)
{
	if (n != 1)
		return EINVAL;
	log_line("control: %s", arg[0]);
	request_ok(r);
	return 0;
}

static int do_check(struct request *r, const char **arg, unsigned int n)
{
	char text[1024];

	(void)arg;
	(void)n;
	check_all(text, sizeof(text));
	answer(r, text);
	return 0;
}

static int do_quota(struct request *r, const char **arg, unsigned int n)
{
	char text[1024];
	int used = 0, i;

	if (n == 3 && !strcmp(arg[0], "set")) {
		i = quota_by_name(arg[1]);
		if (i < 0 || atoi(arg[2]) < 0)
			return EINVAL;
		quotas[i].value = atoi(arg[2]);
		request_ok(r);
		return 0;
	}
	if (n > 1 || (n == 1 && !domain_find(atoi(arg[0]))))
		return n > 1 ? EINVAL : ENOENT;
	if (n == 1)
		used = snprintf(text, sizeof(text), "Domain %d:\n", atoi(arg[0]));
	for (i = 0; i < (n ? QUOTA_KINDS : QUOTA_COUNT); i++)
		used += snprintf(text + used, sizeof(text) - used, "%-17s: %8d\n", quotas[i].name,
				 n ? quota_used(atoi(arg[0]), i) : quotas[i].value);
	answer(r, text);
	return 0;
}

static int do_memreport(struct request *r, const char **arg, unsigned int n)
{
	char text[128];

	(void)arg;
	(void)n;
	snprintf(text, sizeof(text), "nodes now: %zu bytes\nall versions: %zu bytes\n", store_bytes, tree_bytes);
	answer(r, text);
	return 0;
}

static int do_help(struct request *r, const char **arg, unsigned int n);

static const struct command commands[] = {
	{ "check", do_check, "" },
	{ "help", do_help, "" },
	{ "live-update", do_live_update, "[<program>]" },
	{ "log", do_log, "on|off" },
	{ "logfile", do_logfile, "<file>" },
	{ "memreport", do_memreport, "" },
	{ "print", do_print, "<string>" },
	{ "quota", do_quota, "[set <name> <val>|<domid>]" },
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static int do_help(struct request *r, const char **arg, unsigned int n)
{
	char text[1024];
	int used = snprintf(text, sizeof(text), "commands:\n");

	(void)arg;
	(void)n;
	for (int i = 0; i < COMMANDS; i++)
		used += snprintf(text + used, sizeof(text) - used, "%s %s\n", commands[i].name, commands[i].help);
	answer(r, text);
	return 0;
}

int control_handle(struct request *r)
{
	const char *arg[MAX_ARGS];
	unsigned int n = request_strings(r, arg, MAX_ARGS);

	if (!n || n > MAX_ARGS)
		return EINVAL;
	for (int i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, arg[0]))
			return commands[i].run(r, arg + 1, n - 1);
	return EINVAL;
}

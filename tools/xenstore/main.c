// SPDX-License-Identifier: GPL-2.0-only
/*
 * xenstore: one tool for everything that a shell wants of the store, "xenstore ls" or, by a link, "xenstore-ls".
 *
 * Commands run in a transaction, so what they print or change is of one moment; on a conflict they run again.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore.h"

struct command {
	const char *name, *options, *usage, *help;
	int min_args;
	bool (*run)(struct job *j);
	bool bare;			/* outside a transaction */
};

static const struct command commands[] = {
	{ "chmod", "ru", "[-r] [-u] KEY PERM...", "set permissions; -r: of all below too, -u: of all above", 2, run_chmod },
	{ "control", "", "COMMAND [ARG...]", "tell the daemon; 'help' lists its commands", 1, run_control, true },
	{ "exists", "", "KEY...", "succeed if all keys are there", 1, run_exists },
	{ "list", "p", "[-p] KEY...", "names right below a key; -p: with its path", 1, run_list },
	{ "ls", "fp", "[-f] [-p] [KEY...]", "everything below a key; -f: full paths, -p: permissions", 0, run_ls },
	{ "read", "pR", "[-p] [-R] KEY...", "values; -p: with their keys, -R: as they are", 1, run_read },
	{ "rm", "t", "[-t] KEY...", "remove; -t: parents that become empty, too", 1, run_rm },
	{ "watch", "n:", "[-n COUNT] KEY...", "print what changes; -n: leave after so many", 1, run_watch, true },
	{ "write", "R", "[-R] KEY VALUE...", "set values; -R: backslashes mean themselves", 2, run_write },
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static char complaint[256];
static const char *program;

bool complain(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	vsnprintf(complaint, sizeof(complaint), format, args);
	va_end(args);
	errno = error;
	return false;
}

static void list_commands(FILE *f)
{
	fputs("Usage: xenstore COMMAND [OPTION...] [ARG...]\n\n", f);
	for (int i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-8s %-22s %s\n", commands[i].name, commands[i].usage, commands[i].help);
}

static _Noreturn void use_of(const struct command *c, int code)
{
	fprintf(code ? stderr : stdout, "Usage: %s%s%s %s\n%s\n", program, strchr(program, '-') ? "" : " ",
		strchr(program, '-') ? "" : c->name, c->usage, c->help);
	exit(code);
}

static const struct command *find_command(const char *name)
{
	for (int i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	fprintf(stderr, "xenstore: there is no command '%s'\n", name);
	list_commands(stderr);
	exit(2);
}

static void parse(const struct command *c, struct job *j, int argc, char **argv)
{
	char letters[16];
	int opt;

	snprintf(letters, sizeof(letters), "+hs%s", c->options);	/* -s is of times with two ways to the store */
	while ((opt = getopt(argc, argv, letters)) != -1) {
		switch (opt) {
		case 'h':
			use_of(c, 0);
		case 'f':
			j->full = true;
			break;
		case 'p':
			j->perms = true;
			break;
		case 'R':
			j->raw = true;
			break;
		case 'r':
			j->recursive = true;
			break;
		case 't':
			j->tidy = true;
			break;
		case 'u':
			j->upto = true;
			break;
		case 'n':
			j->events = atoi(optarg);
			break;
		case '?':
			use_of(c, 2);
		}
	}
	j->arg = argv + optind;
	j->args = argc - optind;
	if (j->args < c->min_args)
		use_of(c, 2);
}

static bool run_once(const struct command *c, struct job *j)
{
	bool ok;

	if (c->bare)
		return c->run(j);
	j->tx = xs_transaction_start(j->xs);
	if (!j->tx)
		return complain("cannot start a transaction: %m");
	ok = c->run(j);
	if (!xs_transaction_end(j->xs, j->tx, !ok) && ok)
		return complain("%m");
	return ok;
}

/* What an attempt that has to be repeated printed must not be seen. */
static bool run(const struct command *c, struct job *j)
{
	FILE *out = stdout;
	char *text;
	size_t len;
	bool ok;

	if (c->bare)
		return run_once(c, j);
	do {
		stdout = open_memstream(&text, &len);
		ok = run_once(c, j);
		fclose(stdout);
		stdout = out;
		if (ok || errno != EAGAIN)
			fwrite(text, 1, len, stdout);
		free(text);
	} while (!ok && errno == EAGAIN);
	return ok;
}

int main(int argc, char **argv)
{
	struct job j = { .events = -1 };
	const struct command *c;
	const char *dash;
	bool ok;

	program = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	dash = strchr(program, '-');
	if (!dash) {
		if (argc < 2 || !strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
			list_commands(argc < 2 ? stderr : stdout);
			return argc < 2 ? 2 : 0;
		}
		argc--;
		argv++;
	}
	c = find_command(dash ? dash + 1 : argv[0]);
	parse(c, &j, argc, argv);
	j.xs = xs_open(0);
	if (!j.xs) {
		fprintf(stderr, "%s: cannot reach xenstored at %s: %m\n", program, xs_daemon_socket());
		return 1;
	}
	ok = run(c, &j);
	if (!ok && *complaint)
		fprintf(stderr, "%s: %s\n", program, complaint);
	xs_close(j.xs);
	return ok && !fflush(stdout) ? 0 : 1;
}

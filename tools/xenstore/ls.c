// SPDX-License-Identifier: GPL-2.0-only
/*
 * xenstore ls: everything below a key, indented or with full paths.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "xenstore.h"

enum { PERMS_COLUMN = 60, PERMS_WIDTH = 16 };

struct listing {
	struct job *job;
	size_t width;			/* of the terminal; 0: no end */
};

static void print_perms(struct listing *l, const char *path, size_t used)
{
	static const char letters[] = "nrwb";
	unsigned int n;
	struct xs_permissions *p = xs_get_permissions(l->job->xs, l->job->tx, path, &n);

	if (!p)
		return;
	if (l->job->full)
		fputs("   ", stdout);
	else
		for (putchar(' '), used++; used < PERMS_COLUMN; used++)
			putchar(used % 2 ? ' ' : '.');
	putchar(l->job->full ? '(' : ' ');
	if (!l->job->full)
		putchar('(');
	for (unsigned int i = 0; i < n; i++)
		printf("%s%c%u", i ? "," : "", letters[p[i].perms & 3], p[i].id);
	putchar(')');
	free(p);
}

static bool print_one(struct listing *l, const char *path, const char *name, unsigned int depth)
{
	unsigned int len;
	char *value = xs_read(l->job->xs, l->job->tx, path, &len);
	size_t used, room = -1;

	if (!value)
		return complain("cannot read %s: %m", path);
	used = l->job->full ? printf("%s = \"", path) : printf("%*s%s = \"", depth, "", name);
	if (!l->job->full && l->width)
		room = l->width > used + 5 ? l->width - used - 5 : 0;
	used += print_value(value, len, room) + printf("\"");
	if (l->job->perms)
		print_perms(l, path, used);
	putchar('\n');
	free(value);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool list_below(struct listing *l, const char *path, unsigned int depth)
{
	unsigned int n;
	char **names = xs_directory(l->job->xs, l->job->tx, path, &n), *below;
	bool ok = true;

	/* What another one removed meanwhile is not there; who asked for it by name is told. */
	if (!names)
		return depth && errno == ENOENT ? true : complain("cannot list %s: %m", path);
	qsort(names, n, sizeof(*names), by_name);
	for (unsigned int i = 0; i < n && ok; i++) {
		if (asprintf(&below, "%s/%s", strcmp(path, "/") ? path : "", names[i]) < 0)
			exit(1);
		ok = print_one(l, below, names[i], depth) && list_below(l, below, depth + 1);
		free(below);
	}
	free(names);
	return ok;
}

bool run_ls(struct job *j)
{
	struct listing l = { .job = j };
	struct winsize w;
	int i;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &w))
		l.width = w.ws_col - (j->perms ? PERMS_WIDTH : 0);
	else if (j->perms)
		l.width = 80 - PERMS_WIDTH;
	if (!j->args)
		return list_below(&l, "/", 0);
	for (i = 0; i < j->args; i++)
		if (!list_below(&l, j->arg[i], 0))
			return false;
	return true;
}

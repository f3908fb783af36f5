// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simple commands.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore_lib.h>

#include "xenstore.h"

bool run_read(struct job *j)
{
	for (int i = 0; i < j->args; i++) {
		unsigned int len;
		char *value = xs_read(j->xs, j->tx, j->arg[i], &len);

		if (!value)
			return complain("cannot read %s: %m", j->arg[i]);
		if (j->perms)
			printf("%s: ", j->arg[i]);
		if (j->raw)
			fwrite(value, 1, len, stdout);
		else
			print_value(value, len, -1);
		putchar('\n');
		free(value);
	}
	return true;
}

bool run_write(struct job *j)
{
	if (j->args % 2)
		return complain("the last key has no value");
	for (int i = 0; i < j->args; i += 2) {
		char *value = strdup(j->arg[i + 1]);
		size_t len = j->raw ? strlen(value) : unescape(value);
		bool ok = xs_write(j->xs, j->tx, j->arg[i], value, len);

		free(value);
		if (!ok)
			return complain("cannot write %s: %m", j->arg[i]);
	}
	return true;
}

bool run_exists(struct job *j)
{
	for (int i = 0; i < j->args; i++) {
		char *value = xs_read(j->xs, j->tx, j->arg[i], NULL);

		if (!value)
			return false;
		free(value);
	}
	return true;
}

bool run_list(struct job *j)
{
	for (int i = 0; i < j->args; i++) {
		const char *path = j->arg[i];
		unsigned int n;
		char **names = xs_directory(j->xs, j->tx, path, &n);

		if (!names)
			return complain("cannot list %s: %m", path);
		for (unsigned int k = 0; k < n; k++)
			if (j->perms)
				printf("%s/%s\n", strcmp(path, "/") ? path : "", names[k]);
			else
				puts(names[k]);
		free(names);
	}
	return true;
}

static bool is_empty(struct job *j, const char *path)
{
	unsigned int len, n;
	char *value = xs_read(j->xs, j->tx, path, &len);
	char **names = value && !len ? xs_directory(j->xs, j->tx, path, &n) : NULL;
	bool empty = names && !n;

	free(value);
	free(names);
	return empty;
}

bool run_rm(struct job *j)
{
	for (int i = 0; i < j->args; i++) {
		char *path = j->arg[i], *slash;

		do {
			if (!xs_rm(j->xs, j->tx, path))
				return complain("cannot remove %s: %m", path);
			slash = strrchr(path, '/');
			if (slash)
				*slash = 0;
		} while (j->tidy && slash && slash != path && is_empty(j, path));
	}
	return true;
}

static bool chmod_below(struct job *j, const char *path, struct xs_permissions *perms, unsigned int n)
{
	unsigned int children;
	char **names, *below;
	bool ok = xs_set_permissions(j->xs, j->tx, path, perms, n);

	if (!ok)
		return complain("cannot change %s: %m", path);
	names = j->recursive ? xs_directory(j->xs, j->tx, path, &children) : NULL;
	for (unsigned int i = 0; names && ok && i < children; i++) {
		if (asprintf(&below, "%s/%s", strcmp(path, "/") ? path : "", names[i]) < 0)
			exit(1);
		ok = chmod_below(j, below, perms, n);
		free(below);
	}
	free(names);
	return ok;
}

bool run_chmod(struct job *j)
{
	unsigned int n = j->args - 1;
	struct xs_permissions *perms = calloc(n, sizeof(*perms));
	char *path = strdup(j->arg[0]), *slash;
	bool ok = true;

	for (unsigned int i = 0; i < n && ok; i++)
		if (!xs_strings_to_perms(&perms[i], 1, j->arg[i + 1]))
			ok = complain("'%s' is no permission: a letter of r, w, b, n and a domain, like r5", j->arg[i + 1]);
	ok = ok && chmod_below(j, path, perms, n);
	while (ok && j->upto && (slash = strrchr(path, '/')) && slash != path) {
		*slash = 0;
		ok = xs_set_permissions(j->xs, j->tx, path, perms, n) || complain("cannot change %s: %m", path);
	}
	free(path);
	free(perms);
	return ok;
}

bool run_control(struct job *j)
{
	char data[4096], *answer;
	size_t used = 0;

	for (int i = 1; i < j->args; i++) {
		size_t len = strlen(j->arg[i]) + 1;

		if (used + len > sizeof(data)) {
			errno = E2BIG;
			return complain("%m");
		}
		memcpy(data + used, j->arg[i], len);
		used += len;
	}
	answer = xs_control_command(j->xs, j->arg[0], data, used);
	if (!answer)
		return complain("%s: %m", j->arg[0]);
	fputs(answer, stdout);
	if (!*answer || answer[strlen(answer) - 1] != '\n')
		putchar('\n');
	free(answer);
	return true;
}

bool run_watch(struct job *j)
{
	/* Each watch tells at once that it is set, which is no change but is printed like one. */
	for (int i = 0; i < j->args; i++)
		if (!xs_watch(j->xs, j->arg[i], j->arg[i]))
			return complain("cannot watch %s: %m", j->arg[i]);
	while (j->events < 0 || j->events-- > 0) {
		unsigned int n;
		char **event = xs_read_watch(j->xs, &n);

		if (!event)
			return complain("%m");
		puts(event[XS_WATCH_PATH]);
		fflush(stdout);
		free(event);
	}
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the xenstore tool.
 */
#ifndef XENSTORE_TOOL_H
#define XENSTORE_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <xenstore.h>

/** struct job - what the command line asked for. */
struct job {
	struct xs_handle *xs;
	xs_transaction_t tx;
	char **arg;
	int args;
	bool full, perms, raw, recursive, tidy, upto;	/* the options -f -p -R -r -t -u */
	int events;					/* -n, -1: no limit */
};

/** run_*() - one command; false when it failed, with errno, so that the transaction may be tried again. */
bool run_chmod(struct job *j);
bool run_control(struct job *j);
bool run_exists(struct job *j);
bool run_list(struct job *j);
bool run_ls(struct job *j);
bool run_read(struct job *j);
bool run_rm(struct job *j);
bool run_watch(struct job *j);
bool run_write(struct job *j);

/** complain() - remember what went wrong, with errno's text: printed when the command is not tried again. */
bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** print_value() - @len bytes, what cannot be printed escaped; at most @width characters. Returns how many. */
size_t print_value(const char *value, size_t len, size_t width);

/** unescape() - undo that in place; returns the length. */
size_t unescape(char *text);

#endif

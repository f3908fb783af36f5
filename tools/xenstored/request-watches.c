// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests about watches and transactions.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "handlers.h"
#include "transaction.h"
#include "watch.h"

static int watched_path(struct request *r, const char *arg, char *path, size_t *strip)
{
	*strip = 0;
	if (*arg != '@')
		return request_resolve(r->conn, arg, path, strip);
	if (strlen(arg) > XENSTORE_REL_PATH_MAX)
		return EINVAL;
	strcpy(path, arg);
	return 0;
}

static int parse_depth(const char *arg, int *depth)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	*depth = n;
	return *arg < '0' || *arg > '9' || *end || n > XENSTORE_ABS_PATH_MAX ? EINVAL : 0;
}

int request_watch(struct request *r)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	const char *arg[3];
	unsigned int n = request_strings(r, arg, 3);
	int depth = -1, rc;
	size_t strip;

	if (n != 2 && n != 3)
		return EINVAL;
	rc = watched_path(r, arg[0], path, &strip);
	if (!rc && n == 3)
		rc = parse_depth(arg[2], &depth);
	if (!rc)
		rc = watch_add(r->conn, path, arg[1], strip, depth);
	if (rc)
		return rc;
	request_ok(r);
	/* The first event comes at once: a client starts like one that heard of a change. */
	conn_send_event(r->conn, r->conn->watches->prev, path, strlen(path));
	return 0;
}

int request_unwatch(struct request *r)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	const char *arg[2];
	size_t strip;
	int rc;

	if (request_strings(r, arg, 2) != 2)
		return EINVAL;
	rc = watched_path(r, arg[0], path, &strip);
	if (rc)
		return ENOENT;
	rc = watch_remove(r->conn, path, arg[1]);
	if (!rc)
		request_ok(r);
	return rc;
}

int request_reset_watches(struct request *r)
{
	watch_remove_all(r->conn);
	tx_abort_all(r->conn);
	request_ok(r);
	return 0;
}

int request_transaction_start(struct request *r)
{
	char buf[16];
	uint32_t id;
	int rc;

	if (r->tx)
		return EBUSY;
	rc = tx_start(r->conn, &id);
	if (!rc)
		request_reply(r, buf, sprintf(buf, "%u", id) + 1);
	return rc;
}

int request_transaction_end(struct request *r)
{
	const char *arg = request_only_string(r);
	int rc;

	if (!arg || (strcmp(arg, "T") && strcmp(arg, "F")))
		return EINVAL;
	if (!r->tx)
		return ENOENT;
	rc = tx_end(r->tx, *arg == 'T');
	if (!rc)
		request_ok(r);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-only
/* The stable library on the store's node, as programs use it: nodes, transactions, watches, from several threads. */
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <xenstore.h>

#include "../node.h"

enum { THREADS = 3, ROUNDS = 20 };

static char base[64];
static volatile int wrong;

static int same(struct xs_handle *xs, const char *path, const char *value)
{
	unsigned int length;
	char *got = xs_read(xs, XBT_NULL, path, &length);
	int rc = got && length == strlen(value) && !memcmp(got, value, length);

	free(got);
	return rc;
}

static void *work(void *number)
{
	struct xs_handle *xs = xs_open(0);
	char path[96], value[32];
	int i;

	snprintf(path, sizeof(path), "%s/t%ld", base, (long)number);
	for (i = 0; i < ROUNDS && xs; i++) {
		snprintf(value, sizeof(value), "%ld.%d", (long)number, i);
		if (!xs_write(xs, XBT_NULL, path, value, strlen(value)) || !same(xs, path, value))
			break;
	}
	if (i < ROUNDS)
		wrong = 1;
	if (xs)
		xs_close(xs);
	return NULL;
}

static int wait_for_watch(struct xs_handle *xs, const char *token)
{
	struct pollfd pollfd = { .fd = xs_fileno(xs), .events = POLLIN };
	unsigned int count;
	char **event;
	int rc;

	if (poll(&pollfd, 1, 10000) != 1)
		return 0;
	event = xs_read_watch(xs, &count);
	rc = event && !strcmp(event[XS_WATCH_TOKEN], token);
	free(event);
	return rc;
}

int main(void)
{
	char path[96], other[96], **list;
	pthread_t threads[THREADS];
	struct xs_handle *xs;
	unsigned int count = 0;
	xs_transaction_t t;
	long i;

	tap_start();
	xs = xs_open(0);
	if (!xs)
		tap_skip_all("no store here");
	/* The one place where a guest may write, too. */
	snprintf(base, sizeof(base), node_is_control_domain() ? "/tool/kselftest" : "data/kselftest");
	snprintf(path, sizeof(path), "%s/a", base);
	snprintf(other, sizeof(other), "%s/b", base);
	xs_rm(xs, XBT_NULL, base);
	if (!xs_mkdir(xs, XBT_NULL, base))
		tap_skip_all("no place in the store where this domain may write");
	check(xs_write(xs, XBT_NULL, path, "x\0y", 3), "write");
	check(same(xs, path, "x") == 0, "a value has its length");
	check(xs_write(xs, XBT_NULL, path, "value", 5) && same(xs, path, "value"), "read");
	list = xs_directory(xs, XBT_NULL, base, &count);
	check(list && count == 1 && !strcmp(list[0], "a"), "list");
	free(list);

	check(xs_watch(xs, base, "token") && wait_for_watch(xs, "token"), "a watch fires at once");
	check(xs_write(xs, XBT_NULL, path, "new", 3) && wait_for_watch(xs, "token"), "and when something below changes");
	check(xs_unwatch(xs, base, "token"), "unwatch");

	t = xs_transaction_start(xs);
	check(t && xs_write(xs, t, other, "inside", 6) && !same(xs, other, "inside"), "a transaction is not seen from outside");
	check(xs_transaction_end(xs, t, false) && same(xs, other, "inside"), "until it ends");
	t = xs_transaction_start(xs);
	check(t && xs_write(xs, t, other, "undone", 6) && xs_transaction_end(xs, t, true) && same(xs, other, "inside"), "or never");

	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	check(!wrong, "%d threads read what they wrote, %d times each", THREADS, ROUNDS);
	check(xs_rm(xs, XBT_NULL, base), "remove");
	xs_close(xs);
	tap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/* Plans, and reading with formatted paths. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "store.h"

static char *format_path(const char *format, va_list args)
{
	char *path;

	if (vasprintf(&path, format, args) < 0)
		abort();
	return path;
}

#define FORMAT(path, format) do {			\
	va_list args_;					\
							\
	va_start(args_, format);			\
	path = format_path(format, args_);		\
	va_end(args_);					\
} while (0)

static struct plan_step *add(struct plan *p, int what, char *path)
{
	p->step = xrealloc(p->step, (p->steps + 1) * sizeof(*p->step));
	p->step[p->steps] = (struct plan_step){ .what = what, .path = path };
	return &p->step[p->steps++];
}

void plan_write(struct plan *p, const char *value, const char *format, ...)
{
	char *path;

	FORMAT(path, format);
	add(p, PLAN_WRITE, path)->value = xstrdup(value);
}

void plan_number(struct plan *p, uint64_t value, const char *format, ...)
{
	char *path;

	FORMAT(path, format);
	add(p, PLAN_WRITE, path)->value = xasprintf("%lu", (unsigned long)value);
}

void plan_directory(struct plan *p, uint32_t owner, uint32_t reader, const char *format, ...)
{
	struct plan_step *s;
	char *path;

	FORMAT(path, format);
	s = add(p, PLAN_DIRECTORY, path);
	s->owner = owner;
	s->reader = reader;
}

void plan_remove(struct plan *p, const char *format, ...)
{
	char *path;

	FORMAT(path, format);
	add(p, PLAN_REMOVE, path);
}

static bool make_directory(struct xs_handle *xs, xs_transaction_t t, const struct plan_step *s)
{
	struct xs_permissions perms[2] = {
		{ .id = s->owner, .perms = XS_PERM_NONE }, { .id = s->reader, .perms = XS_PERM_READ },
	};

	return xs_mkdir(xs, t, s->path) &&
	       xs_set_permissions(xs, t, s->path, perms, s->reader == STORE_NOBODY ? 1 : 2);
}

static bool do_step(struct xs_handle *xs, xs_transaction_t t, const struct plan_step *s)
{
	switch (s->what) {
	case PLAN_WRITE:
		return xs_write(xs, t, s->path, s->value, strlen(s->value));
	case PLAN_DIRECTORY:
		return make_directory(xs, t, s);
	case PLAN_REMOVE:
		return xs_rm(xs, t, s->path) || errno == ENOENT;
	}
	return true;
}

/* One attempt: 0 or -errno, -EAGAIN when it has to be made again. */
static int attempt(struct host *h, const struct plan *p, const char **at)
{
	xs_transaction_t t = xs_transaction_start(h->store);
	size_t i;
	int rc;

	*at = "";
	if (t == XBT_NULL)
		return -errno;
	for (i = 0; i < p->steps; i++) {
		if (!do_step(h->store, t, &p->step[i])) {
			rc = -errno;
			*at = p->step[i].path;
			xs_transaction_end(h->store, t, true);
			return rc;
		}
	}
	return xs_transaction_end(h->store, t, false) ? 0 : -errno;
}

int plan_commit(struct host *h, struct plan *p)
{
	const char *at = "";
	int rc = host_store(h);

	if (!rc) {
		do
			rc = attempt(h, p, &at);
		while (rc == -EAGAIN);
		if (rc)
			msg_error(rc, "the store refuses a change: %s%s%s", at, *at ? ": " : "", strerror(-rc));
	}
	plan_free(p);
	return rc;
}

void plan_free(struct plan *p)
{
	size_t i;

	for (i = 0; i < p->steps; i++) {
		free(p->step[i].path);
		free(p->step[i].value);
	}
	free(p->step);
	*p = (struct plan){ 0 };
}

static char *read_path(struct host *h, char *path)
{
	char *value = host_store(h) ? NULL : xs_read(h->store, XBT_NULL, path, NULL);
	int keep = errno;

	free(path);
	errno = keep;
	return value;
}

char *store_read(struct host *h, const char *format, ...)
{
	char *path;

	FORMAT(path, format);
	return read_path(h, path);
}

long store_number(struct host *h, long missing, const char *format, ...)
{
	char *path, *text, *end;
	long n;

	FORMAT(path, format);
	text = read_path(h, path);
	if (!text)
		return missing;
	n = strtol(text, &end, 10);
	if (end == text)
		n = missing;
	free(text);
	return n;
}

char **store_list(struct host *h, unsigned int *count, const char *format, ...)
{
	char *path, **names;

	FORMAT(path, format);
	*count = 0;
	names = host_store(h) ? NULL : xs_directory(h->store, XBT_NULL, path, count);
	free(path);
	return names;
}

int store_write(struct host *h, const char *value, const char *format, ...)
{
	int rc = host_store(h);
	char *path;

	if (rc)
		return rc;
	FORMAT(path, format);
	rc = xs_write(h->store, XBT_NULL, path, value, strlen(value)) ? 0 : -errno;
	free(path);
	return rc;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Take the event that is there, if there is one. */
static void take_event(struct host *h)
{
	free(xs_check_watch(h->store));
}

int store_wait(struct host *h, const char *path, int (*done)(const char *value, void *data), void *data, int seconds)
{
	long end = now_ms() + seconds * 1000l;
	int rc = host_store(h);
	char *value;

	if (rc)
		return rc;
	if (!xs_watch(h->store, path, "wait"))
		return -errno;
	for (;;) {
		struct pollfd fd = { .fd = xs_fileno(h->store), .events = POLLIN };
		long left = end - now_ms();

		value = xs_read(h->store, XBT_NULL, path, NULL);
		rc = done(value, data);
		free(value);
		if (!rc && left <= 0)
			rc = -ETIMEDOUT;
		if (rc)
			break;
		if (poll(&fd, 1, left) > 0)
			take_event(h);
	}
	xs_unwatch(h->store, path, "wait");
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Plans, and requests with formatted paths. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "store.h"
#include "wire.h"

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

/* --- requests ----------------------------------------------------------------------------------------------------- */

static void send_path(struct host *h, uint32_t type, uint32_t tx, const char *path)
{
	wire_send(h->store, type, tx, path, strlen(path) + 1);
}

static void send_write(struct host *h, uint32_t tx, const char *path, const char *value)
{
	size_t path_bytes = strlen(path) + 1, bytes = strlen(value);
	char *body = xcalloc(path_bytes + bytes, 1);

	memcpy(body, path, path_bytes);
	memcpy(body + path_bytes, value, bytes);
	wire_send(h->store, XS_WRITE, tx, body, path_bytes + bytes);
	free(body);
}

static void send_permissions(struct host *h, uint32_t tx, const struct plan_step *s)
{
	char *body = xasprintf("%s%cn%u%cr%u", s->path, 0, s->owner, 0, s->reader);
	size_t owner_end = strlen(s->path) + 1, end;

	owner_end += strlen(body + owner_end) + 1;
	end = s->reader == STORE_NOBODY ? owner_end : owner_end + strlen(body + owner_end) + 1;
	wire_send(h->store, XS_SET_PERMS, tx, body, end);
	free(body);
}

/* Fetch an answer whose body says nothing. Return: 0 or -errno. */
static int take_answer(struct host *h)
{
	char *body = wire_answer(h->store, NULL);

	free(body);
	return body ? 0 : -errno;
}

static int watch(struct host *h, uint32_t type, const char *path, const char *token)
{
	char *body = xasprintf("%s%c%s", path, 0, token);

	wire_send(h->store, type, 0, body, strlen(path) + strlen(token) + 2);
	free(body);
	return take_answer(h);
}

/* --- plans -------------------------------------------------------------------------------------------------------- */

static void send_step(struct host *h, uint32_t tx, const struct plan_step *s)
{
	switch (s->what) {
	case PLAN_WRITE:
		send_write(h, tx, s->path, s->value);
		break;
	case PLAN_DIRECTORY:
		send_path(h, XS_MKDIR, tx, s->path);
		send_permissions(h, tx, s);
		break;
	case PLAN_REMOVE:
		send_path(h, XS_RM, tx, s->path);
		break;
	}
}

/* All answers are fetched, whatever the first says. */
static int take_step(struct host *h, const struct plan_step *s)
{
	int rc = take_answer(h), second = s->what == PLAN_DIRECTORY ? take_answer(h) : 0;

	if (s->what == PLAN_REMOVE && rc == -ENOENT)
		rc = 0;
	return rc ?: second;
}

/* Steps from @first on: as many as may be under way together. Return: the next; @rc and @at tell the first failure. */
static size_t make_steps(struct host *h, const struct plan *p, uint32_t tx, size_t first, int *rc, const char **at)
{
	size_t end = p->steps - first > WIRE_AHEAD / 2 ? first + WIRE_AHEAD / 2 : p->steps, i;

	for (i = first; i < end; i++)
		send_step(h, tx, &p->step[i]);
	for (i = first; i < end; i++) {
		int one = take_step(h, &p->step[i]);

		if (one && !*rc) {
			*rc = one;
			*at = p->step[i].path;
		}
	}
	return end;
}

static int start_transaction(struct host *h, uint32_t *tx)
{
	char *number = wire_call(h->store, XS_TRANSACTION_START, 0, "", 1, NULL);

	if (!number)
		return -errno;
	*tx = strtoul(number, NULL, 10);
	free(number);
	return 0;
}

static int end_transaction(struct host *h, uint32_t tx, bool good)
{
	wire_send(h->store, XS_TRANSACTION_END, tx, good ? "T" : "F", 2);
	return take_answer(h);
}

/* One attempt: 0 or -errno, -EAGAIN when it has to be made again. */
static int attempt(struct host *h, const struct plan *p, const char **at)
{
	uint32_t tx;
	size_t i;
	int rc;

	*at = "";
	rc = start_transaction(h, &tx);
	if (rc)
		return rc;
	for (i = 0; i < p->steps && !rc; )
		i = make_steps(h, p, tx, i, &rc, at);
	if (!rc)
		return end_transaction(h, tx, true);
	end_transaction(h, tx, false);
	return rc;
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

/* --- without a transaction ---------------------------------------------------------------------------------------- */

static char *read_path(struct host *h, char *path)
{
	char *value = NULL;
	int keep;

	if (!host_store(h))
		value = wire_call(h->store, XS_READ, 0, path, strlen(path) + 1, NULL);
	keep = errno;
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

/* So many fit into what a socket holds, wherever the daemon is with the ones before. */
#define TOGETHER 64

void store_read_each(struct host *h, char **path, char **value, size_t n)
{
	size_t first, i, end;

	for (first = 0; first < n; first = end) {
		end = first + TOGETHER < n ? first + TOGETHER : n;
		for (i = first; i < end; i++)
			send_path(h, XS_READ, 0, path[i]);
		for (i = first; i < end; i++) {
			value[i] = wire_answer(h->store, NULL);
			free(path[i]);
		}
	}
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

/*
 * A directory too long for one message comes in parts: a generation, then names, at the end an empty one. When the
 * generation changes the parts do not belong together. Return: all names as DIRECTORY says them.
 */
static char *read_parts(struct host *h, const char *path, size_t *len)
{
	char *all = NULL, *part, generation[32] = "";
	size_t used = 0, bytes, skip;
	bool last = false;

	while (!last) {
		char *body = xasprintf("%s%c%zu", path, 0, used);
		size_t body_bytes = strlen(path) + 1;

		body_bytes += strlen(body + body_bytes) + 1;
		part = wire_call(h->store, XS_DIRECTORY_PART, 0, body, body_bytes, &bytes);
		free(body);
		if (!part)
			break;
		skip = strlen(part) + 1;
		if (used && strcmp(part, generation)) {
			used = 0;
			free(part);
			continue;
		}
		snprintf(generation, sizeof(generation), "%s", part);
		/* An empty name, and nothing that a broken daemon could keep us here with. */
		last = bytes <= skip || (!part[bytes - 1] && (bytes - 1 == skip || !part[bytes - 2]));
		bytes = bytes < skip ? 0 : bytes - skip - (last && bytes > skip);
		all = xrealloc(all, used + bytes + 1);
		memcpy(all + used, part + skip, bytes);
		used += bytes;
		free(part);
	}
	if (!last) {
		free(all);
		return NULL;
	}
	*len = used;
	return all;
}

/* One block: pointers, then the names that they point to. */
static char **index_names(const char *names, size_t len, unsigned int *count)
{
	size_t i, n = 0;
	char **list, *text;

	for (i = 0; i < len; i++)
		n += !names[i];
	list = xcalloc(1, n * sizeof(*list) + len + 1);
	text = (char *)(list + n);
	memcpy(text, names, len);
	for (i = 0; i < n; i++, text += strlen(text) + 1)
		list[i] = text;
	*count = n;
	return list;
}

char **store_list(struct host *h, unsigned int *count, const char *format, ...)
{
	char *path, *names = NULL, **list = NULL;
	size_t len;

	FORMAT(path, format);
	*count = 0;
	if (!host_store(h)) {
		names = wire_call(h->store, XS_DIRECTORY, 0, path, strlen(path) + 1, &len);
		if (!names && errno == E2BIG)
			names = read_parts(h, path, &len);
	}
	if (names)
		list = index_names(names, len, count);
	free(names);
	free(path);
	return list;
}

int store_write(struct host *h, const char *value, const char *format, ...)
{
	int rc = host_store(h);
	char *path;

	if (rc)
		return rc;
	FORMAT(path, format);
	send_write(h, 0, path, value);
	free(path);
	return take_answer(h);
}

static int attempt_replace(struct host *h, const char *path, const char *old, const char *value)
{
	char *now;
	uint32_t tx;
	int rc = start_transaction(h, &tx), same, end;

	if (rc)
		return rc;
	now = wire_call(h->store, XS_READ, tx, path, strlen(path) + 1, NULL);
	rc = now ? 0 : -errno;
	same = now && !strcmp(now, old);
	if (same) {
		send_write(h, tx, path, value);
		rc = take_answer(h);
	}
	free(now);
	end = end_transaction(h, tx, same && !rc);
	return rc ?: end ?: same;
}

int store_replace(struct host *h, const char *path, const char *old, const char *value)
{
	int rc = host_store(h);

	if (rc)
		return rc;
	do
		rc = attempt_replace(h, path, old, value);
	while (rc == -EAGAIN);
	return rc;
}

int store_introduce(struct host *h, uint32_t domid, uint64_t mfn, uint32_t port)
{
	char *body = xasprintf("%u%c%lu%c%u", domid, 0, (unsigned long)mfn, 0, port);
	size_t len = 0;
	int i;

	for (i = 0; i < 3; i++)
		len += strlen(body + len) + 1;
	wire_send(h->store, XS_INTRODUCE, 0, body, len);
	free(body);
	return take_answer(h);
}

int store_resume(struct host *h, uint32_t domid)
{
	char text[16];
	int rc = host_store(h);

	if (rc)
		return rc;
	wire_send(h->store, XS_RESUME, 0, text, snprintf(text, sizeof(text), "%u", domid) + 1);
	return take_answer(h);
}

int store_watch(struct host *h, const char *path)
{
	return watch(h, XS_WATCH, path, "w");
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int store_wait(struct host *h, const char *path, int (*done)(const char *value, void *data), void *data, int seconds)
{
	long end = now_ms() + seconds * 1000l;
	int rc = host_store(h);
	char *value;

	if (rc)
		return rc;
	rc = watch(h, XS_WATCH, path, "wait");
	if (rc)
		return rc;
	for (;;) {
		struct pollfd fd = { .fd = wire_fd(h->store), .events = POLLIN };
		long left = end - now_ms();

		value = store_read(h, "%s", path);
		rc = done(value, data);
		free(value);
		if (!rc && left <= 0)
			rc = -ETIMEDOUT;
		if (rc)
			break;
		/* Events that came along with an answer are there without the descriptor saying so. */
		if (!wire_event(h->store) && poll(&fd, 1, left) > 0)
			rc = wire_event(h->store);
		if (rc < 0)
			break;
	}
	watch(h, XS_UNWATCH, path, "wait");
	return rc;
}

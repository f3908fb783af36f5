// SPDX-License-Identifier: GPL-2.0-only
/* Log files, with the time at the beginning of each line when that is wanted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "console.h"

void log_reopen(struct log *l)
{
	if (!l->path)
		return;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (l->fd < 0)
		log_line("no log %s: %s", l->path, strerror(errno));
}

void log_open(struct log *l, const char *name, bool stamp)
{
	*l = (struct log){ .fd = -1, .stamp = stamp };
	if (asprintf(&l->path, "%s/%s.log", options.log_dir, name) < 0) {
		l->path = NULL;
		return;
	}
	for (char *c = l->path + strlen(options.log_dir) + 1; *c; c++)
		if (*c == '/')
			*c = '_';
	log_reopen(l);
}

void log_close(struct log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	*l = (struct log){ .fd = -1 };
}

/* A full disk costs log lines, nothing else. */
static void put(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno != EINTR)
			return;
		if (done > 0) {
			data += done;
			n -= done;
		}
	}
}

static void put_time(int fd)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	localtime_r(&now, &tm);
	put(fd, text, strftime(text, sizeof(text), "[%Y-%m-%d %H:%M:%S] ", &tm));
}

void log_write(struct log *l, const char *data, size_t n)
{
	const char *end = data + n;

	if (l->fd < 0)
		return;
	while (l->stamp && data < end) {
		const char *newline = memchr(data, '\n', end - data), *next = newline ? newline + 1 : end;

		if (!l->middle)
			put_time(l->fd);
		put(l->fd, data, next - data);
		l->middle = !newline;
		data = next;
	}
	put(l->fd, data, end - data);
}

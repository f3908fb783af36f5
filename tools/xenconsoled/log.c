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
	l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
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

		if (done <= 0 && errno != EINTR)
			return;
		if (done > 0) {
			data += done;
			n -= done;
		}
	}
}

static size_t format_time(char *text, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	return strftime(text, size, "[%Y-%m-%d %H:%M:%S] ", &tm);
}

/* A guest may say nothing but newlines: all that goes to the file is gathered, a write for each line would cost us more. */
static void log_stamped(struct log *l, const char *data, size_t n)
{
	char stamp[32], out[4096];
	size_t stamp_length = format_time(stamp, sizeof(stamp)), used = 0;

	while (n--) {
		if (used + stamp_length + 1 > sizeof(out)) {
			put(l->fd, out, used);
			used = 0;
		}
		if (!l->middle) {
			memcpy(out + used, stamp, stamp_length);
			used += stamp_length;
		}
		l->middle = *data != '\n';
		out[used++] = *data++;
	}
	put(l->fd, out, used);
}

void log_write(struct log *l, const char *data, size_t n)
{
	if (l->fd < 0)
		return;
	if (l->stamp)
		log_stamped(l, data, n);
	else
		put(l->fd, data, n);
}

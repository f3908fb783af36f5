// SPDX-License-Identifier: GPL-2.0-only
/* xl console: the terminal that the console daemon keeps for a domain, joined with ours. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "xl.h"

#define ESCAPE 0x1d	/* Ctrl-] */
#define TTY_SECONDS 10

static struct termios before;
static bool raw;

static void raw_mode(void)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &before))
		return;
	t = before;
	cfmakeraw(&t);
	raw = !tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

static void old_mode(void)
{
	if (raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	raw = false;
}

static int has_tty(const char *value, void *data)
{
	char **tty = data;

	if (value && *value)
		*tty = xstrdup(value);
	return *tty != NULL;
}

/* A domain whose creation has just begun gets its terminal a moment later. */
static int open_tty(struct host *h, uint32_t domid)
{
	char *path = xasprintf("/local/domain/%u/console/tty", domid), *tty = NULL;
	int rc = store_wait(h, path, has_tty, &tty, TTY_SECONDS), fd;
	struct termios t;

	free(path);
	if (rc <= 0)
		return msg_error(rc, "domain %u has no console (is xenconsoled running?)", domid);
	fd = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		rc = msg_error(-errno, "%s: %s", tty, strerror(errno));
	free(tty);
	if (fd < 0)
		return rc;
	if (!tcgetattr(fd, &t)) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

static bool write_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno != EINTR)
			return false;
		if (done > 0) {
			data += done;
			n -= done;
		}
	}
	return true;
}

/* Return: does it go on? */
static bool from_user(int tty, bool escape, bool *input)
{
	char buffer[512], *end = NULL;
	ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));

	if (n <= 0) {
		*input = false;		/* of a script: it goes on listening */
		return true;
	}
	if (escape)
		end = memchr(buffer, ESCAPE, n);
	return write_all(tty, buffer, end ? end - buffer : n) && !end;
}

static bool from_guest(int tty)
{
	char buffer[4096];
	ssize_t n = read(tty, buffer, sizeof(buffer));

	return n > 0 ? write_all(STDOUT_FILENO, buffer, n) : n < 0 && (errno == EINTR || errno == EAGAIN);
}

static void join(int tty, bool escape)
{
	struct pollfd fd[2] = { { .fd = tty, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
	bool input = true;

	for (;;) {
		fd[1].fd = input ? STDIN_FILENO : -1;
		if (poll(fd, 2, -1) < 0 && errno != EINTR)
			return;
		if (fd[0].revents && !from_guest(tty))
			return;
		if (fd[1].revents && !from_user(tty, escape, &input))
			return;
	}
}

int console_attach(struct host *h, uint32_t domid, bool escape)
{
	int tty = host_store(h) ? -1 : open_tty(h, domid);

	if (tty < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	raw_mode();
	join(tty, escape);
	old_mode();
	close(tty);
	return 0;
}

static int run_console(struct host *h, int argc, char **argv)
{
	while (xl_options(argc, argv, "t:n:e:", NULL) != -1)
		continue;
	xl_arguments(argc, argv, 1, 1);
	return console_attach(h, xl_domain(h, argv), true);
}

const struct command console_commands[] = {
	{ "console", run_console, "DOMAIN", "Attach to a domain's console; Ctrl-] leaves it", NULL },
	{ 0 }
};

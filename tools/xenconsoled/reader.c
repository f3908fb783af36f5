// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who reads a console: the pty that the store names (console/tty, for every client of Xen's), and any number of
 * connections to our socket. A connection begins with a line "DOMID\n"; then it is the console, both ways, beginning
 * with the last lines said.
 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "console.h"

#define RECENT	4096			/* what a new reader is shown of the past */

static int listener = -1;
static bool deaf;				/* no descriptor for who wants to connect */

static void reader_ready(struct source *s, uint32_t events);

static struct reader *reader_new(int fd, struct console *c, bool is_pty)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->source.ready = reader_ready;
	r->fd = fd;
	r->is_pty = is_pty;
	r->console = c;
	if (c) {
		r->next = c->readers;
		c->readers = r;
	}
	loop_watch(fd, &r->source, EPOLLIN);
	return r;
}

static void reader_close(struct reader *r)
{
	struct reader **at = r->console ? &r->console->readers : NULL;

	while (at && *at != r)
		at = &(*at)->next;
	if (at)
		*at = r->next;
	loop_forget(r->fd, &r->source);
	close(r->fd);
	free(r);
}

static void wait_for(struct reader *r)
{
	loop_change(r->fd, &r->source, (r->waits_for_room ? 0 : EPOLLIN) | (r->waits_to_write ? EPOLLOUT : 0));
}

/* ---- output ---- */

/* False: it is gone. */
static bool reader_write(struct reader *r)
{
	bool waited = r->waits_to_write;
	const char *data;
	size_t n;
	ssize_t done = 0;

	for (data = output_peek(&r->console->output, &r->at, &n); n; data = output_peek(&r->console->output, &r->at, &n)) {
		done = write(r->fd, data, n);
		if (done < 0)
			break;
		r->at += done;
	}
	if (done < 0 && errno != EAGAIN && !r->is_pty) {
		reader_close(r);
		return false;
	}
	r->waits_to_write = done < 0 && errno == EAGAIN;
	if (r->waits_to_write != waited)
		wait_for(r);
	return true;
}

void readers_output(struct console *c)
{
	for (struct reader *r = c->readers, *next; r; r = next) {
		next = r->next;
		if (!r->waits_to_write)
			reader_write(r);
	}
}

/* ---- input ---- */

void readers_room(struct console *c)
{
	if (!ring_room(c))
		return;
	for (struct reader *r = c->readers; r; r = r->next)
		if (r->waits_for_room) {
			r->waits_for_room = false;
			wait_for(r);
		}
}

static void reader_input(struct reader *r)
{
	unsigned int room = ring_room(r->console);
	char data[sizeof(((struct xencons_interface *)0)->in)];
	ssize_t n;

	if (!room) {
		r->waits_for_room = true;
		wait_for(r);
		return;
	}
	n = read(r->fd, data, room < sizeof(data) ? room : sizeof(data));
	if (n > 0)
		ring_input(r->console, data, n);
	else if (!r->is_pty && (n == 0 || errno != EAGAIN))
		reader_close(r);
}

/* The first line of a connection, byte by byte: what comes after it is input already. Return: is it complete? */
static bool reader_line(struct reader *r)
{
	while (r->chosen < sizeof(r->choice) && recv(r->fd, r->choice + r->chosen, 1, 0) == 1)
		if (r->choice[r->chosen++] == '\n')
			return true;
	return false;
}

static bool parse_choice(const char *text, unsigned int *domid)
{
	char *end;

	*domid = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\n';
}

/* Whose console is it to be? */
static void reader_choose(struct reader *r)
{
	unsigned int domid;
	struct console *c;

	errno = 0;
	if (!reader_line(r)) {
		if (errno != EAGAIN)	/* gone, or no end of the line */
			reader_close(r);
		return;
	}
	c = parse_choice(r->choice, &domid) ? console_find(domid) : NULL;
	if (!c) {
		reader_close(r);
		return;
	}
	r->console = c;
	r->next = c->readers;
	c->readers = r;
	r->at = output_recent(&c->output, RECENT);
	reader_write(r);
}

static void reader_ready(struct source *s, uint32_t events)
{
	struct reader *r = (struct reader *)s;

	if (!r->console) {
		reader_choose(r);
		return;
	}
	if (events & EPOLLOUT && !reader_write(r))
		return;
	if (events & EPOLLHUP && r->waits_for_room && !r->is_pty)
		reader_close(r);	/* it would be said again and again until there is room */
	else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		reader_input(r);
}

void readers_close(struct console *c)
{
	while (c->readers)
		reader_close(c->readers);
	if (c->tty_fd >= 0)
		close(c->tty_fd);
	c->tty_fd = -1;
}

/* ---- where they come from ---- */

bool reader_make_pty(struct console *c, char *name, size_t size)
{
	struct termios t;
	char path[64];
	int master;

	if (openpty(&master, &c->tty_fd, path, NULL, NULL)) {
		log_line("no terminal for domain %u: %s", c->domid, strerror(errno));
		return false;
	}
	if (!tcgetattr(c->tty_fd, &t)) {
		cfmakeraw(&t);
		tcsetattr(c->tty_fd, TCSANOW, &t);
	}
	fcntl(master, F_SETFL, O_NONBLOCK);
	fcntl(master, F_SETFD, FD_CLOEXEC);
	fcntl(c->tty_fd, F_SETFD, FD_CLOEXEC);
	snprintf(name, size, "%s", path);
	if (reader_new(master, c, true))
		return true;
	close(master);
	close(c->tty_fd);
	c->tty_fd = -1;
	return false;
}

static void accept_ready(struct source *s, uint32_t events);
static struct source listener_source = { accept_ready };

static void listen_again(bool yes)
{
	loop_change(listener, &listener_source, yes ? EPOLLIN : 0);
	deaf = !yes;
}

/* Who cannot be let in is still there in the next turn: wait a moment instead of asking all the time. */
static void accept_ready(struct source *s, uint32_t events)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)s, (void)events;
	if (fd >= 0 && !reader_new(fd, NULL, false))
		close(fd);
	if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		listen_again(false);
		tick_start();
	}
}

void readers_tick(void)
{
	if (deaf)
		listen_again(true);
}

bool readers_listen(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t old;
	int rc;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	strcpy(addr.sun_path, path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(path);
	old = umask(0177);
	rc = listener < 0 ? -1 : bind(listener, (struct sockaddr *)&addr, sizeof(addr));
	umask(old);
	if (rc || listen(listener, 64))
		return false;
	loop_watch(listener, &listener_source, EPOLLIN);
	return true;
}

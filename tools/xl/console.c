// SPDX-License-Identifier: GPL-2.0-only
/*
 * xl console: a domain's console joined with our terminal. Our xenconsoled is spoken to over its socket, where any number
 * of readers see the same output and begin with the last lines; another one keeps a terminal that the store names.
 *
 * A guest may never take its input. So what the user types is kept until there is room for it, and the escape character
 * is seen in any case.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>
#include "xl.h"

#define SOCKET "/run/xenconsoled/socket"
#define ESCAPE 0x1d	/* Ctrl-] */
#define NO_ESCAPE -1
#define TTY_SECONDS 10

static struct termios before;
static bool raw;

static void old_mode(void)
{
	if (raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	raw = false;
}

/* The handler is gone when it runs: raised again, the signal ends us. */
static void leave(int sig)
{
	old_mode();
	raise(sig);
}

static void raw_mode(void)
{
	struct sigaction act = { .sa_handler = leave, .sa_flags = SA_RESETHAND };
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &before))
		return;
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	t = before;
	cfmakeraw(&t);
	raw = !tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

/* --- the other end ----------------------------------------------------------------------------------------------------- */

static int has_tty(const char *value, void *data)
{
	char **tty = data;

	if (value && *value)
		*tty = xstrdup(value);
	return *tty != NULL;
}

static int open_tty(const char *tty)
{
	int fd = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	struct termios t;

	if (fd < 0)
		return msg_error(-errno, "%s: %s", tty, strerror(errno));
	if (!tcgetattr(fd, &t)) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

/* Return: a descriptor, negative when nobody listens there. */
static int open_socket(uint32_t domid)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)) && dprintf(fd, "%u\n", domid) > 0) {
		fcntl(fd, F_SETFL, O_NONBLOCK);
		return fd;
	}
	close(fd);
	return -1;
}

/* A domain whose creation has just begun gets its console a moment later; then console/tty is there in either case. */
static int open_console(struct host *h, uint32_t domid, const char *node)
{
	char *path = xasprintf("/local/domain/%u/%s", domid, node), *tty = NULL;
	int rc = store_wait(h, path, has_tty, &tty, TTY_SECONDS), fd = -1;

	free(path);
	if (rc <= 0)
		return msg_error(-1, "domain %u has no console (is xenconsoled running?)", domid);
	if (!strcmp(node, "console/tty"))
		fd = open_socket(domid);
	if (fd < 0)
		fd = open_tty(tty);
	free(tty);
	return fd;
}

/* --- both ways --------------------------------------------------------------------------------------------------------- */

/* What the user said and the guest has no room for yet. */
struct typed {
	char data[4096];
	size_t n;
	bool from_terminal;
};

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

/* Someone at a terminal who types into a full buffer loses it, but can still leave; a script has to wait. */
static bool listens(const struct typed *t)
{
	return t->from_terminal || t->n < sizeof(t->data);
}

/* Return: does it go on? @input: is there more to come? */
static bool from_user(struct typed *t, int escape, bool *input)
{
	char buffer[512], *end = NULL;
	size_t room = sizeof(t->data) - t->n, take;
	ssize_t n = read(STDIN_FILENO, buffer, t->from_terminal || room > sizeof(buffer) ? sizeof(buffer) : room);

	if (n <= 0) {
		*input = n < 0 && (errno == EINTR || errno == EAGAIN);	/* its end: of a script, which goes on listening */
		return true;
	}
	if (escape != NO_ESCAPE)
		end = memchr(buffer, escape, n);
	take = end ? end - buffer : n;
	take = take < room ? take : room;
	memcpy(t->data + t->n, buffer, take);
	t->n += take;
	return !end;
}

static bool to_guest(struct typed *t, int fd)
{
	ssize_t done = t->n ? write(fd, t->data, t->n) : 0;

	if (done < 0)
		return errno == EINTR || errno == EAGAIN;
	t->n -= done;
	memmove(t->data, t->data + done, t->n);
	return true;
}

static bool from_guest(int fd)
{
	char buffer[4096];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	return n > 0 ? write_all(STDOUT_FILENO, buffer, n) : n < 0 && (errno == EINTR || errno == EAGAIN);
}

static void join(int console, int escape)
{
	struct pollfd fd[2] = { { .fd = console } };
	struct typed typed = { .from_terminal = raw };
	bool input = true, on = true;

	while (on) {
		fd[0].events = POLLIN | (typed.n ? POLLOUT : 0);
		fd[1] = (struct pollfd){ .fd = input && listens(&typed) ? STDIN_FILENO : -1, .events = POLLIN };
		if (poll(fd, 2, -1) < 0) {
			on = errno == EINTR;
			continue;
		}
		if (fd[1].revents)
			on = from_user(&typed, escape, &input);
		if (fd[0].revents & ~POLLOUT && !from_guest(console))
			on = false;
		if (!to_guest(&typed, console))
			on = false;
	}
}

static int attach(struct host *h, uint32_t domid, const char *node, int escape)
{
	int fd = host_store(h) ? -1 : open_console(h, domid, node);

	if (fd < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	raw_mode();
	join(fd, escape);
	old_mode();
	close(fd);
	return 0;
}

int console_attach(struct host *h, uint32_t domid, bool escape)
{
	return attach(h, domid, "console/tty", escape ? ESCAPE : NO_ESCAPE);
}

/* --- the command ------------------------------------------------------------------------------------------------------- */

/* Number 0 of type pv is the one that every domain has. */
static char *node_of(const char *type, unsigned int number)
{
	if (!strcmp(type, "pv"))
		return number ? xasprintf("device/console/%u/tty", number) : xstrdup("console/tty");
	if (!strcmp(type, "serial") || !strcmp(type, "vuart"))
		return xasprintf("%s/%u/tty", type, number);
	return NULL;
}

/* "^]" or the character itself. */
static int escape_of(const char *text)
{
	return *text == '^' && text[1] ? text[1] & 0x1f : (unsigned char)*text;
}

static int run_console(struct host *h, int argc, char **argv)
{
	const char *type = "pv";
	unsigned int number = 0;
	int opt, escape = ESCAPE, rc;
	char *node;

	while ((opt = xl_options(argc, argv, "t:n:e:", NULL)) != -1) {
		type = opt == 't' ? optarg : type;
		number = opt == 'n' ? strtoul(optarg, NULL, 10) : number;
		escape = opt == 'e' ? escape_of(optarg) : escape;
	}
	xl_arguments(argc, argv, 1, 1);
	node = node_of(type, number);
	if (!node)
		return msg_error(2, "-t takes pv, serial or vuart, not '%s'", type);
	rc = attach(h, xl_domain(h, argv), node, escape);
	free(node);
	return rc;
}

const struct command console_commands[] = {
	{ "console", run_console, "[-t TYPE] [-n NUMBER] [-e ESCAPE] DOMAIN", "Attach to a domain's console; Ctrl-] leaves it",
	  "  -t TYPE    pv (the default), serial or vuart\n"
	  "  -n NUMBER  which of them (0)\n"
	  "  -e ESCAPE  the character that leaves (^])\n" },
	{ 0 }
};

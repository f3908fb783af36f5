// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transport over Unix sockets.
 *
 * A socket is reported when something arrives, not while something is there: that saves a look at it after each answer.
 * So whoever leaves bytes in it must come back by itself (conn.h, "more"), and likewise for the end of the stream.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conn.h"
#include "log.h"
#include "socket.h"

enum { ARRIVAL = EPOLLIN | EPOLLRDHUP | EPOLLET };

static int listener = -1;

static ssize_t result(ssize_t n)
{
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n;
}

static ssize_t socket_read(struct conn *c, void *buf, size_t len)
{
	ssize_t n = recv(c->fd, buf, len, MSG_DONTWAIT);

	return n ? result(n) : -1;
}

static ssize_t socket_write(struct conn *c, const struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };

	if (n == 1)
		return result(send(c->fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL));
	return result(sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static void socket_settle(struct conn *c, bool want_bytes, bool want_room)
{
	uint32_t interest = ARRIVAL | (want_room ? EPOLLOUT : 0);

	(void)want_bytes;	/* what is not wanted now is left unread */
	if (interest != c->interest)
		loop_change(c->fd, &c->source, interest);
	c->interest = interest;
}

static void socket_fault(struct conn *c)
{
	shutdown(c->fd, SHUT_RD);
}

static void socket_close(struct conn *c)
{
	loop_forget(c->fd, &c->source);
	close(c->fd);
}

const struct transport socket_transport = {
	.read = socket_read,
	.write = socket_write,
	.settle = socket_settle,
	.fault = socket_fault,
	.close = socket_close,
};

static void socket_ready(struct source *s, uint32_t events)
{
	struct conn *c = (struct conn *)s;	/* its first member */

	if (events & EPOLLOUT)
		conn_writable(c);
	if (events & (EPOLLHUP | EPOLLRDHUP))
		c->ended = true;
	if (events & EPOLLIN)
		conn_readable(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		conn_lost(c);
}

struct conn *socket_connect(int fd)
{
	struct conn *c = conn_new(&socket_transport, 0, NULL, fd);

	c->source.ready = socket_ready;
	c->interest = ARRIVAL;
	loop_watch(fd, &c->source, ARRIVAL);
	return c;
}

/* Out of descriptors, a client that waits would wake us for ever: take it with the spare one and turn it away. */
static void turn_away(void)
{
	static int spare = -1;

	if (spare >= 0) {
		close(spare);
		close(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
		log_line("too many clients");
	}
	spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_one(struct source *s, uint32_t events)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	(void)s;
	(void)events;
	if (fd >= 0)
		socket_connect(fd);
	else if (errno == EMFILE || errno == ENFILE)
		turn_away();
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		log_line("accept: %m");
}

void socket_adopt(int fd)
{
	static struct source source = { accept_one };

	listener = fd;
	turn_away();		/* there is nobody yet: takes the spare descriptor */
	loop_watch(fd, &source, EPOLLIN);
}

int socket_listener(void)
{
	return listener;
}

int socket_listen(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, ret;

	if (strlen(path) >= sizeof(addr.sun_path))
		return ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	unlink(path);
	mask = umask(0177);
	ret = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 128) ? errno : 0;
	umask(mask);
	if (ret)
		close(fd);
	else
		socket_adopt(fd);
	return ret;
}

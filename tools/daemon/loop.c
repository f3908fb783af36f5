// SPDX-License-Identifier: GPL-2.0-only
/*
 * epoll, level-triggered: what is not finished in a turn is reported again.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "daemon.h"
#include "loop.h"

enum { BATCH = 64 };

static int epoll_fd;
static struct epoll_event events[BATCH];
static int pending;

void loop_init(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0) {
		log_line("epoll_create1 failed");
		exit(1);
	}
}

static void control(int op, int fd, struct source *s, uint32_t mask)
{
	struct epoll_event ev = { .events = mask, .data.ptr = s };

	if (epoll_ctl(epoll_fd, op, fd, &ev) && op != EPOLL_CTL_DEL)
		log_line("cannot watch descriptor %d: %m", fd);
}

void loop_watch(int fd, struct source *s, uint32_t mask)
{
	control(EPOLL_CTL_ADD, fd, s, mask);
}

void loop_change(int fd, struct source *s, uint32_t mask)
{
	control(EPOLL_CTL_MOD, fd, s, mask);
}

/* What was reported in this round but not served yet must not reach a source that is gone. */
void loop_forget(int fd, struct source *s)
{
	control(EPOLL_CTL_DEL, fd, s, 0);
	for (int i = 0; i < pending; i++)
		if (events[i].data.ptr == s)
			events[i].data.ptr = NULL;
}

void loop_round(bool busy)
{
	pending = epoll_wait(epoll_fd, events, BATCH, busy ? 0 : -1);
	for (int i = 0; i < pending; i++) {
		struct source *s = events[i].data.ptr;

		if (s)
			s->ready(s, events[i].events);
	}
	pending = 0;
}

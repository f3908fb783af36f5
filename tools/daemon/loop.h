/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop: file descriptors and who wants to know of them.
 */
#ifndef TOOLS_LOOP_H
#define TOOLS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct source {
	void (*ready)(struct source *s, uint32_t events);	/* EPOLLIN, EPOLLOUT ... */
};

/** loop_init() - before anything else. */
void loop_init(void);

/** loop_watch() - call @s->ready for @events of @fd. */
void loop_watch(int fd, struct source *s, uint32_t events);

/** loop_change() - other events. */
void loop_change(int fd, struct source *s, uint32_t events);

/** loop_forget() - no more; may be called from within a ready() call. */
void loop_forget(int fd, struct source *s);

/** loop_round() - wait (unless @busy) and serve what is ready, each once. */
void loop_round(bool busy);

#endif

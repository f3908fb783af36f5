/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watches, found by the path they are on: a change looks up its own path and each path above it, so what it costs
 * depends on its depth, not on how many watches there are.
 */
#ifndef XENSTORED_WATCH_H
#define XENSTORED_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob.h"

struct conn;
struct message;
struct spot;

struct watch {
	struct conn *conn;
	struct spot *spot;
	struct blob *path, *token;
	uint32_t strip;			/* bytes of the path that the client does not say: its own home */
	int depth;			/* changes more levels below are not told; -1: all are */
	struct message *coarse;		/* unread event that stands for all */
	struct watch *prev, *next;	/* of the connection */
	struct watch *spot_prev, *spot_next;
};

/** struct sight - permissions at the time of a change, to tell who may see it. */
struct sight {
	struct blob *perms;		/* NULL: nobody unprivileged */
	uint64_t generation;
};

/** struct event - a change: seen by who may read the node, or its parent, or could read it before. */
struct event {
	const char *path;
	bool exact;			/* only for watches on this very path */
	struct sight node, parent, before;
};

/** watch_add() - 0 or an errno. @strip as in struct watch. */
int watch_add(struct conn *c, const char *path, const char *token, size_t strip, int depth);

/** watch_remove() - 0 or ENOENT. */
int watch_remove(struct conn *c, const char *path, const char *token);

/** watch_remove_all() - of a connection. */
void watch_remove_all(struct conn *c);

/** watch_any() - is anything watched at all? Else what a change needs to be told need not be found out. */
bool watch_any(void);

/** watch_fire() - queue the event for everyone who watches and may know. */
void watch_fire(const struct event *e);

#endif

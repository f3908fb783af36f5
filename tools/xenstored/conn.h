/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection: one client, over a socket or a domain's ring; its unfinished request and its unread messages.
 *
 * The event loop says that a client can be read (conn_readable) or written (conn_writable); a turn serves a few
 * requests only, so that no client starves the others, and never waits. A client that does not read its answers is
 * not read any more. Watch events are what others cause, so they cannot be held back: above a mark each watch gets at
 * most one more event, which names the watched path instead of the changed one.
 */
#ifndef XENSTORED_CONN_H
#define XENSTORED_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <xen/io/xs_wire.h>

#include "loop.h"

struct domain;
struct conn;
struct tx;
struct watch;
struct message;

/** struct transport - how bytes go to and from a client; never waits. */
struct transport {
	/** @read: up to @len bytes into @buf; 0 when there are none now, -1 when the client is lost. */
	ssize_t (*read)(struct conn *c, void *buf, size_t len);
	/** @write: the bytes taken of @iov, less than all when there is no more room now, -1 when the client is lost. */
	ssize_t (*write)(struct conn *c, const struct iovec *iov, int n);
	/** @settle: the end of a turn: tell the other side what was taken, wait for bytes and for room as told. */
	void (*settle)(struct conn *c, bool want_bytes, bool want_room);
	/** @fault: the client broke the protocol and will be lost: say so, where there is a way to. */
	void (*fault)(struct conn *c);
	/** @close: the connection goes. */
	void (*close)(struct conn *c);
};

enum { CONN_IN_SIZE = 2 * (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX) };

struct conn {
	struct source source;		/* of a socket */
	const struct transport *transport;
	uint32_t domid;
	uint32_t id;			/* for trace and live update */
	int fd;
	struct domain *domain;		/* NULL for a socket */
	bool dead;			/* closed when its turn ends */
	bool ready;			/* on the list of those with unserved requests */
	bool dirty;			/* on the list of those with something new to write */
	bool withheld;			/* not read until it reads its answers */
	bool ended;			/* of a socket: the client says no more; what it said is read until the end shows */
	bool more;			/* there may be more to read than the last read gave */
	uint32_t interest;		/* what a socket waits for now */

	size_t in_used, in_start;
	char in[CONN_IN_SIZE + 1];

	struct message *out;		/* unread messages, utlist; the first may be partly written */
	size_t out_sent;		/* bytes of the first */
	size_t out_bytes;
	unsigned int replies;		/* of them, no events */

	struct watch *watches;
	struct tx *txs;
	uint32_t last_tx;
	struct conn *prev, *next;	/* utlist of all */
	struct conn *ready_prev, *ready_next;
	struct conn *dirty_prev, *dirty_next;
};

/** conns - all connections. */
extern struct conn *conns;

/** conn_new() - a client of domain @domid. */
struct conn *conn_new(const struct transport *t, uint32_t domid, struct domain *d, int fd);

/** conn_free() - the client is gone: watches and transactions go, the transport closes. */
void conn_free(struct conn *c);

/** conn_reset() - forget what the client asked for and was to get, as if it had just connected. */
void conn_reset(struct conn *c);

/** conn_privileged() - may do everything; NULL is the daemon itself. */
static inline bool conn_privileged(const struct conn *c)
{
	return !c || !c->domid;
}

/** conn_lost() - @c ends when this round does. */
void conn_lost(struct conn *c);

/** conn_readable(), conn_writable() - a turn for @c. */
void conn_readable(struct conn *c);
void conn_writable(struct conn *c);

/** conn_serve_ready() - a turn for each that was left with unserved bytes; returns whether some still are. */
bool conn_serve_ready(void);

/** conn_send() - queue a message; it leaves when the turn ends. */
void conn_send(struct conn *c, const struct xsd_sockmsg *hdr, const void *body);

/** conn_send_event() - queue a watch event "path\0token\0" of @w; dropped when the same one is still unread. */
void conn_send_event(struct conn *c, struct watch *w, const char *path, size_t path_len);

/** conn_flush_all() - write what is new, end who is lost: the end of a round. */
void conn_flush_all(void);

/** conn_each_unread() - call @fn for every unread message in order, with what of it was not written yet. */
typedef void (*unread_fn)(const void *data, size_t len, bool event, void *arg);
void conn_each_unread(const struct conn *c, unread_fn fn, void *arg);

/** conn_queue_unread() - queue again what conn_each_unread() gave a former life of the daemon. */
void conn_queue_unread(struct conn *c, const void *data, size_t len, bool event);

/** conn_wake() - give @c a turn without being told, in case that it said something that nobody heard. */
void conn_wake(struct conn *c);

/** conn_forget_watch() - @w goes; an unread event may still speak of it. */
void conn_forget_watch(struct watch *w);

#endif

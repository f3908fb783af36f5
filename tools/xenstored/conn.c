// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections: framing of requests, turns, the queue of messages.
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "blob.h"
#include "conn.h"
#include "domain.h"
#include "log.h"
#include "request.h"
#include "transaction.h"
#include "watch.h"

enum {
	TURN = 16,			/* requests served before the next client has its turn */
	WRITE_BATCH = 16,		/* messages in one write */
	RECENT = 8,			/* unread messages among which a repeated event is looked for */
	EVENTS_FULL = 64 * 1024,	/* unread bytes above which events become coarse */
	UNREAD_MAX = 1024 * 1024,	/* unread bytes above which a client is not read */
};

struct message {
	struct message *prev, *next;
	struct watch *coarse;		/* the event that stands for all of this watch */
	bool event;
	size_t len;
	char data[];			/* header and body, as on the wire */
};

struct conn *conns;
static struct conn *ready, *dirty;

static void set_dirty(struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	DL_APPEND2(dirty, c, dirty_prev, dirty_next);
}

static void clear_dirty(struct conn *c)
{
	if (c->dirty)
		DL_DELETE2(dirty, c, dirty_prev, dirty_next);
	c->dirty = false;
}

static void set_ready(struct conn *c, bool is)
{
	if (is && !c->ready)
		DL_APPEND2(ready, c, ready_prev, ready_next);
	else if (!is && c->ready)
		DL_DELETE2(ready, c, ready_prev, ready_next);
	c->ready = is;
}

struct conn *conn_new(const struct transport *t, uint32_t domid, struct domain *d, int fd)
{
	static uint32_t last_id;
	struct conn *c = xalloc(sizeof(*c));

	c->transport = t;
	c->domid = domid;
	c->id = ++last_id;
	c->domain = d;
	c->fd = fd;
	DL_APPEND(conns, c);
	return c;
}

/* --- unread messages ---------------------------------------------------------------------------------------------- */

static void unqueue(struct conn *c, struct message *m)
{
	DL_DELETE(c->out, m);
	if (m->coarse)
		m->coarse->coarse = NULL;
	if (!m->event) {
		c->replies--;
		quota_charge(c->domid, QUOTA_OUTSTANDING, -1);
	}
	c->out_bytes -= m->len;
	c->out_sent = 0;
	quota_charge(c->domid, QUOTA_MEMORY, -(int)(sizeof(*m) + m->len));
	free(m);
}

static struct message *message_alloc(size_t len, bool event)
{
	struct message *m = malloc(sizeof(*m) + len);

	if (!m)
		abort();
	*m = (struct message){ .event = event, .len = len };
	return m;
}

static struct message *message_new(const struct xsd_sockmsg *hdr, bool event)
{
	struct message *m = message_alloc(sizeof(*hdr) + hdr->len, event);

	memcpy(m->data, hdr, sizeof(*hdr));
	return m;
}

static void queue(struct conn *c, struct message *m)
{
	DL_APPEND(c->out, m);
	c->out_bytes += m->len;
	quota_charge(c->domid, QUOTA_MEMORY, sizeof(*m) + m->len);
	if (!m->event) {
		c->replies++;
		quota_charge(c->domid, QUOTA_OUTSTANDING, 1);
	}
	set_dirty(c);
}

void conn_send(struct conn *c, const struct xsd_sockmsg *hdr, const void *body)
{
	struct message *m = message_new(hdr, false);

	memcpy(m->data + sizeof(*hdr), body, hdr->len);
	queue(c, m);
	if (trace_on)
		trace_message(c, "OUT", hdr, body);
}

/* Is this event among the last unread messages? Who watches a node that is written often needs to be told once. */
static bool is_repeated(struct conn *c, const struct message *m)
{
	struct message *old = c->out ? c->out->prev : NULL;

	for (int i = 0; i < RECENT && old; i++) {
		bool started = old == c->out && c->out_sent;

		if (old->event && !started && old->len == m->len && !memcmp(old->data, m->data, m->len))
			return true;
		old = old == c->out ? NULL : old->prev;
	}
	return false;
}

void conn_send_event(struct conn *c, struct watch *w, const char *path, size_t path_len)
{
	size_t token_len = w->token->len + 1;
	struct xsd_sockmsg hdr = { .type = XS_WATCH_EVENT };
	bool coarse = c->out_bytes > EVENTS_FULL;
	struct message *m;
	char *p;

	if (coarse && w->coarse)
		return;
	if (coarse) {
		path = w->path->data;
		path_len = w->path->len;
	}
	path += w->strip;
	path_len -= w->strip;
	hdr.len = path_len + 1 + token_len;
	m = message_new(&hdr, true);
	p = m->data + sizeof(hdr);
	memcpy(p, path, path_len);
	p[path_len] = 0;
	memcpy(p + path_len + 1, w->token->data, token_len);
	if (is_repeated(c, m)) {
		free(m);
		return;
	}
	if (coarse) {
		m->coarse = w;
		w->coarse = m;
	}
	queue(c, m);
	if (trace_on)
		trace_message(c, "OUT", &hdr, p);
}

void conn_forget_watch(struct watch *w)
{
	if (w->coarse)
		w->coarse->coarse = NULL;
}

void conn_each_unread(const struct conn *c, unread_fn fn, void *arg)
{
	size_t skip = c->out_sent;
	struct message *m;

	DL_FOREACH(c->out, m) {
		fn(m->data + skip, m->len - skip, m->event, arg);
		skip = 0;
	}
}

void conn_queue_unread(struct conn *c, const void *data, size_t len, bool event)
{
	struct message *m = message_alloc(len, event);

	memcpy(m->data, data, len);
	queue(c, m);
}

static void sent(struct conn *c, size_t n)
{
	while (n) {
		size_t left = c->out->len - c->out_sent;

		if (n < left) {
			c->out_sent += n;
			return;
		}
		n -= left;
		unqueue(c, c->out);
	}
}

static unsigned int fill_vector(const struct conn *c, struct iovec *iov, size_t *total)
{
	unsigned int n = 0;
	size_t skip = c->out_sent;
	struct message *m;

	*total = 0;
	for (m = c->out; m && n < WRITE_BATCH; m = m->next) {
		iov[n++] = (struct iovec){ m->data + skip, m->len - skip };
		*total += m->len - skip;
		skip = 0;
	}
	return n;
}

/* A client that leaves its answers unread, or that holds too much, waits until it has read. */
static bool may_ask(const struct conn *c)
{
	if (c->dead || c->out_bytes > UNREAD_MAX)
		return false;
	if (!c->out)
		return true;
	return !quota_exceeded(c->domid, QUOTA_OUTSTANDING, c->replies) &&
	       !quota_exceeded(c->domid, QUOTA_MEMORY, quota_used(c->domid, QUOTA_MEMORY));
}

static void flush(struct conn *c)
{
	struct iovec iov[WRITE_BATCH];
	bool blocked = false;

	while (c->out && !blocked && !c->dead) {
		size_t total;
		unsigned int n = fill_vector(c, iov, &total);
		ssize_t written = c->transport->write(c, iov, n);

		if (written < 0)
			c->dead = true;
		else
			sent(c, written);
		blocked = (size_t)written < total;
	}
	if (c->withheld && may_ask(c)) {
		c->withheld = false;
		set_ready(c, true);
	}
	c->transport->settle(c, !c->withheld, blocked);
}

void conn_flush_all(void)
{
	while (dirty) {
		struct conn *c = dirty;

		clear_dirty(c);
		if (!c->dead)
			flush(c);
		if (c->dead)
			conn_free(c);
	}
}

void conn_lost(struct conn *c)
{
	c->dead = true;
	set_dirty(c);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* The next request if all of it is there. A length that the protocol forbids loses the client. */
static const char *next_request(struct conn *c, struct xsd_sockmsg *hdr)
{
	const char *at = c->in + c->in_start;
	size_t have = c->in_used - c->in_start;

	if (have < sizeof(*hdr))
		return NULL;
	memcpy(hdr, at, sizeof(*hdr));
	if (hdr->len > XENSTORE_PAYLOAD_MAX) {
		log_line("domain %u, connection %u: a request of %u bytes", c->domid, c->id, hdr->len);
		c->transport->fault(c);
		conn_lost(c);
		return NULL;
	}
	return have < sizeof(*hdr) + hdr->len ? NULL : at + sizeof(*hdr);
}

static void serve(struct conn *c)
{
	struct xsd_sockmsg hdr;
	const char *body = NULL;
	int n;

	for (n = 0; n < TURN && may_ask(c) && (body = next_request(c, &hdr)); n++) {
		c->in_start += sizeof(hdr) + hdr.len;
		if (trace_on)
			trace_message(c, "IN", &hdr, body);
		request_handle(c, &hdr, body);
	}
	c->withheld = !may_ask(c);
	set_ready(c, (n == TURN || c->more) && !c->withheld);
}

void conn_readable(struct conn *c)
{
	ssize_t n, room;

	set_dirty(c);
	if (!may_ask(c)) {
		c->withheld = true;
		return;
	}
	if (c->in_start == c->in_used) {
		c->in_start = c->in_used = 0;
	} else if (c->in_start > CONN_IN_SIZE / 2) {
		memmove(c->in, c->in + c->in_start, c->in_used - c->in_start);
		c->in_used -= c->in_start;
		c->in_start = 0;
	}
	room = CONN_IN_SIZE - c->in_used;
	n = room ? c->transport->read(c, c->in + c->in_used, room) : 0;
	if (n < 0) {
		conn_lost(c);
		return;
	}
	c->in_used += n;
	c->more = n == room || c->ended;
	serve(c);
}

void conn_writable(struct conn *c)
{
	set_dirty(c);
}

void conn_wake(struct conn *c)
{
	set_dirty(c);
	set_ready(c, true);
}

bool conn_serve_ready(void)
{
	struct conn *c, *last = ready ? ready->ready_prev : NULL;
	bool more = last;

	while (more) {
		c = ready;
		more = c != last;
		set_ready(c, false);
		conn_readable(c);
	}
	return ready;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

void conn_reset(struct conn *c)
{
	watch_remove_all(c);
	tx_abort_all(c);
	while (c->out)
		unqueue(c, c->out);
	c->in_start = c->in_used = 0;
	c->withheld = false;
	set_ready(c, false);
}

void conn_free(struct conn *c)
{
	conn_reset(c);
	clear_dirty(c);
	DL_DELETE(conns, c);
	c->transport->close(c);
	free(c);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Requests out, answers and events in. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "host.h"
#include "wire.h"

#define SOCKET "/run/xenstored/socket"
#define DEVICE "/dev/xen/xenbus"
#define IN_BYTES (4 * (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX))

struct wire {
	int fd;
	bool socket;		/* else the kernel's device, which takes one message a write */
	bool gone;
	uint32_t last_id;	/* of the newest request; they count up */
	uint32_t answered;
	uint32_t refused;	/* a request that was too long, or 0 */
	unsigned int events;
	char *out;
	size_t out_used, out_room;
	char in[IN_BYTES];
	size_t in_start, in_used;
};

static int open_socket(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("XENSTORED_PATH") ?: SOCKET;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(to.sun_path))
		return fd;
	strcpy(to.sun_path, path);
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	close(fd);
	return -1;
}

struct wire *wire_open(void)
{
	bool is_socket = true;
	struct wire *w;
	int fd = open_socket(), why = errno;

	if (fd < 0) {
		is_socket = false;
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	}
	if (fd < 0) {
		errno = why;
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	w->fd = fd;
	w->socket = is_socket;
	return w;
}

void wire_close(struct wire *w)
{
	if (!w)
		return;
	close(w->fd);
	free(w->out);
	free(w);
}

int wire_fd(const struct wire *w)
{
	return w->fd;
}

/* --- out ---------------------------------------------------------------------------------------------------------- */

void wire_send(struct wire *w, uint32_t type, uint32_t tx, const void *body, size_t len)
{
	struct xsd_sockmsg hdr = { .type = type, .req_id = ++w->last_id, .tx_id = tx, .len = len };

	if (len > XENSTORE_PAYLOAD_MAX) {
		/* Goes out as one that the daemon refuses, so that answers stay in step. */
		w->refused = hdr.req_id;
		hdr.len = len = 0;
	}
	if (w->out_used + sizeof(hdr) + len > w->out_room) {
		w->out_room = 2 * w->out_room + sizeof(hdr) + len;
		w->out = xrealloc(w->out, w->out_room);
	}
	memcpy(w->out + w->out_used, &hdr, sizeof(hdr));
	memcpy(w->out + w->out_used + sizeof(hdr), body, len);
	w->out_used += sizeof(hdr) + len;
}

static size_t next_write(const struct wire *w, size_t at)
{
	struct xsd_sockmsg hdr;

	if (w->socket)
		return w->out_used - at;
	memcpy(&hdr, w->out + at, sizeof(hdr));
	return sizeof(hdr) + hdr.len;
}

static void flush(struct wire *w)
{
	size_t at = 0;
	ssize_t n;

	while (at < w->out_used && !w->gone) {
		n = w->socket ? send(w->fd, w->out + at, next_write(w, at), MSG_NOSIGNAL) :
				write(w->fd, w->out + at, next_write(w, at));
		if (n > 0)
			at += n;
		else
			w->gone = errno != EINTR;
	}
	w->out_used = 0;
}

/* --- in ----------------------------------------------------------------------------------------------------------- */

/* Read what there is, or wait for it. Return: false when nothing came. */
static bool fill(struct wire *w, bool wait)
{
	ssize_t n;

	if (w->gone)
		return false;
	memmove(w->in, w->in + w->in_start, w->in_used - w->in_start);
	w->in_used -= w->in_start;
	w->in_start = 0;
	if (!wait && poll(&(struct pollfd){ .fd = w->fd, .events = POLLIN }, 1, 0) <= 0)
		return false;
	do
		n = read(w->fd, w->in + w->in_used, sizeof(w->in) - w->in_used);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		w->in_used += n;
	else
		w->gone = true;
	return n > 0;
}

/* The next message; its body is at w->in + w->in_start until it is skipped. Return: false when there is none. */
static bool next_message(struct wire *w, struct xsd_sockmsg *hdr, bool wait)
{
	for (;;) {
		if (w->in_used - w->in_start >= sizeof(*hdr)) {
			memcpy(hdr, w->in + w->in_start, sizeof(*hdr));
			/* Who breaks the protocol is not understood any more. */
			w->gone |= hdr->len > XENSTORE_PAYLOAD_MAX;
			if (!w->gone && w->in_used - w->in_start >= sizeof(*hdr) + hdr->len) {
				w->in_start += sizeof(*hdr);
				return true;
			}
		}
		if (!fill(w, wait))
			return false;
	}
}

static int error_number(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(xsd_errors) / sizeof(*xsd_errors); i++)
		if (!strcmp(name, xsd_errors[i].errstring))
			return xsd_errors[i].errnum;
	return EIO;
}

static char *take_body(struct wire *w, const struct xsd_sockmsg *hdr)
{
	char *body = xcalloc(hdr->len + 1, 1);

	memcpy(body, w->in + w->in_start, hdr->len);
	w->in_start += hdr->len;
	return body;
}

/* Events on the way are counted. */
static char *receive(struct wire *w, struct xsd_sockmsg *hdr)
{
	while (next_message(w, hdr, true)) {
		if (hdr->type != XS_WATCH_EVENT)
			return take_body(w, hdr);
		w->in_start += hdr->len;
		w->events++;
	}
	errno = EPIPE;
	return NULL;
}

char *wire_answer(struct wire *w, size_t *len)
{
	struct xsd_sockmsg hdr;
	char *body;

	flush(w);
	body = receive(w, &hdr);
	w->answered++;
	if (!body)
		return NULL;
	if (len)
		*len = hdr.len;
	if (hdr.type != XS_ERROR && w->refused != w->answered)
		return body;
	errno = w->refused == w->answered ? E2BIG : error_number(body);
	free(body);
	return NULL;
}

char *wire_call(struct wire *w, uint32_t type, uint32_t tx, const void *body, size_t len, size_t *answer_len)
{
	wire_send(w, type, tx, body, len);
	return wire_answer(w, answer_len);
}

int wire_event(struct wire *w)
{
	struct xsd_sockmsg hdr;

	while (!w->events && next_message(w, &hdr, false)) {
		w->in_start += hdr.len;
		w->events += hdr.type == XS_WATCH_EVENT;
	}
	if (w->events) {
		w->events--;
		return 1;
	}
	return w->gone ? -EPIPE : 0;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wire protocol: what each request means (<xen/io/xs_wire.h>, xenstore.txt of Xen's documentation).
 */
#ifndef XENSTORED_REQUEST_H
#define XENSTORED_REQUEST_H

#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

struct conn;

/** struct request - one message of a client while it is answered. */
struct request {
	struct conn *conn;
	struct tx *tx;
	const struct xsd_sockmsg *hdr;
	const char *body;
};

/** request_handle() - do what @hdr and @body ask and queue the answer. */
void request_handle(struct conn *c, const struct xsd_sockmsg *hdr, const char *body);

/** request_reply() - the answer: @len bytes. */
void request_reply(struct request *r, const void *data, size_t len);

/** request_ok() - the answer of what has none. */
void request_ok(struct request *r);

/** request_name() - of a message type, for people. */
const char *request_name(uint32_t type);

/** request_strings() - up to @max strings of the body, each with its zero byte; returns how many there are in all. */
unsigned int request_strings(const struct request *r, const char **strings, unsigned int max);

#endif

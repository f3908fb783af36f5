/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection to the store daemon, in its own protocol (include/xen/io/xs_wire.h).
 *
 * Each round trip is two switches between processes, which cost more than what the daemon does for a request. So requests
 * are collected and go out together, and their answers are fetched afterwards, in the order of the requests:
 *
 *	wire_send(A), wire_send(B)  →  wire_answer() sends both, returns A's  →  wire_answer() returns B's
 *
 * Events may come at any time; they are kept until somebody asks for them.
 */
#ifndef TOOLS_WIRE_H
#define TOOLS_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

#define WIRE_AHEAD 256	/* requests that may wait for answers: what they are told fits into the socket's buffers */

struct wire;

/**
 * wire_open - connect to the daemon's socket ($XENSTORED_PATH or where it usually is), or else by way of the kernel
 *
 * Return: NULL and errno when there is neither.
 */
struct wire *wire_open(void);
void wire_close(struct wire *w);

/** wire_fd - becomes readable when an event arrives, or when the daemon goes */
int wire_fd(const struct wire *w);

/**
 * wire_send - put a request at the end of those that wait
 * @tx: the transaction, 0 for none
 * @body: copied; longer than XENSTORE_PAYLOAD_MAX makes the request fail with E2BIG when its answer is fetched
 */
void wire_send(struct wire *w, uint32_t type, uint32_t tx, const void *body, size_t len);

/**
 * wire_answer - the answer to the oldest request that has none yet
 * @len: of the answer, may be NULL
 *
 * Return: its body, with a NUL behind it, to be freed; NULL and errno when the daemon refuses, or has gone (EPIPE).
 */
char *wire_answer(struct wire *w, size_t *len);

/** wire_call - one request and its answer, while no other waits */
char *wire_call(struct wire *w, uint32_t type, uint32_t tx, const void *body, size_t len, size_t *answer_len);

/**
 * wire_event - take an event that has arrived; does not wait
 *
 * Return: 1, 0 when there is none, -EPIPE when the daemon has gone. What has changed the caller looks up by itself.
 */
int wire_event(struct wire *w);

#endif

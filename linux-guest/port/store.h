/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the parts of the store's client: store.c (messages), store-ops.c (verbs), store-watch.c, store-dev.c. */
#ifndef PORT_STORE_H
#define PORT_STORE_H

#include <linux/uio.h>
#include <xenolith/bus.h>

/**
 * store_talk - send a request and wait for its answer
 * @type: enum xsd_sockmsg_type
 * @part: its body, in @parts pieces
 * @bytes: of the answer, behind which there is a 0; may be NULL
 *
 * Return: the answer's body, the caller's to kfree(); an error that the store reports or -errno as ERR_PTR
 */
char *store_talk(struct xenbus_transaction t, u32 type, const struct kvec *part, unsigned int parts, unsigned int *bytes);
/** store_pass - the same for a message made elsewhere: answers of type XS_ERROR are handed through, too. */
char *store_pass(struct xsd_sockmsg *message, const void *body);

/** store_event - a watch has fired: @body ("path", "token", @bytes of it with a 0 behind) is taken over. */
void store_event(char *body, unsigned int bytes);
int store_watch_init(void);
void store_watch_exit(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What handlers of requests share, and the handlers: each answers one type of <xen/io/xs_wire.h>, by request_reply()
 * or request_ok() and 0, or by an errno.
 */
#ifndef XENSTORED_HANDLERS_H
#define XENSTORED_HANDLERS_H

#include "request.h"
#include "store.h"

/** request_only_string() - the one argument of a request, or NULL. */
const char *request_only_string(const struct request *r);

/**
 * request_resolve() - the absolute path that @arg means to a client.
 * @path: gets it; XENSTORE_ABS_PATH_MAX + 1 bytes.
 * @strip: gets the length of what was put before @arg.
 * Returns 0 or EINVAL.
 */
int request_resolve(const struct conn *c, const char *arg, char *path, size_t *strip);

/** request_scope() - the tree that a request is about: everybody's, or its transaction's. */
struct scope request_scope(struct request *r);

/* request-nodes.c */
int request_read(struct request *r);
int request_directory(struct request *r);
int request_directory_part(struct request *r);
int request_write(struct request *r);
int request_mkdir(struct request *r);
int request_rm(struct request *r);
int request_get_perms(struct request *r);
int request_set_perms(struct request *r);

/* request-watches.c: watches and transactions */
int request_watch(struct request *r);
int request_unwatch(struct request *r);
int request_reset_watches(struct request *r);
int request_transaction_start(struct request *r);
int request_transaction_end(struct request *r);

/* request-domains.c */
int request_introduce(struct request *r);
int request_release(struct request *r);
int request_resume(struct request *r);
int request_set_target(struct request *r);
int request_get_domain_path(struct request *r);
int request_is_domain_introduced(struct request *r);

#endif

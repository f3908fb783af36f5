/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clients over the Unix socket: programs of Domain0, privileged.
 */
#ifndef XENSTORED_SOCKET_H
#define XENSTORED_SOCKET_H

/** socket_listen() - listen on @path, mode 0600; an old socket there goes. Returns 0 or an errno. */
int socket_listen(const char *path);

/** socket_adopt() - go on listening on @fd, after a live update. */
void socket_adopt(int fd);

/** socket_listener() - the descriptor that listens, or -1. */
int socket_listener(void);

/** socket_connect() - make the connected socket @fd a client. */
struct conn *socket_connect(int fd);

/** socket_transport - how a conn is known to be one of these. */
extern const struct transport socket_transport;

#endif

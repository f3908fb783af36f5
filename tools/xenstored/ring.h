/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page that a domain shares with the daemon: two rings of bytes.
 *
 * The other side may write anything anywhere at any time. Indices are read once and checked; bytes are copied out
 * before they are looked at.
 */
#ifndef XENSTORED_RING_H
#define XENSTORED_RING_H

#include <stdint.h>
#include <sys/types.h>
#include <xen/io/xs_wire.h>

/** ring_read() - take up to @len request bytes; -1 when the indices make no sense. */
ssize_t ring_read(struct xenstore_domain_interface *r, void *buf, size_t len);

/** ring_write() - put up to @len response bytes; the number put, -1 when the indices make no sense. */
ssize_t ring_write(struct xenstore_domain_interface *r, const void *buf, size_t len);

/** ring_reset() - both rings empty, connected, no error. */
void ring_reset(struct xenstore_domain_interface *r);

/** ring_fault() - leave word of an XENSTORE_ERROR_* for the domain. */
void ring_fault(struct xenstore_domain_interface *r, uint32_t error);

#endif

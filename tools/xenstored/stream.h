/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file of numbers and blobs, one written or one read at a time.
 *
 * Whoever wrote it is the same program, so reading beyond its end ends the daemon: to go on with half a state would be
 * worse.
 */
#ifndef XENSTORED_STREAM_H
#define XENSTORED_STREAM_H

#include <stdbool.h>

#include "blob.h"

/** stream_create(), stream_finish() - begin and end writing to the file @fd; false when that fails. */
bool stream_create(int fd);
bool stream_finish(void);

/** stream_open() - read the file @fd from its beginning. */
bool stream_open(int fd);

/** stream_put(), stream_get() - a number; negative ones come back negative when they are put into an int. */
void stream_put(uint64_t n);
uint64_t stream_get(void);

/** stream_put_bytes(), stream_get_bytes() - bytes; those that are read stay where they are. */
void stream_put_bytes(const void *data, size_t len);
const char *stream_get_bytes(size_t *len);

/** stream_put_blob(), stream_get_blob() - a blob; an empty one comes back as NULL. */
void stream_put_blob(const struct blob *b);
struct blob *stream_get_blob(void);

#endif

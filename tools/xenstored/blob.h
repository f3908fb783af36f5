/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Immutable, counted bytes: names, values and permission lists of nodes. Versions of a node share them.
 */
#ifndef XENSTORED_BLOB_H
#define XENSTORED_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct blob {
	uint32_t refs;
	uint32_t len;
	char data[];		/* a zero byte follows, so that names are C strings too */
};

/** blob_new() - copy @len bytes of @data into a blob with one reference; ends the program when memory is out. */
struct blob *blob_new(const void *data, size_t len);

/** blob_trim() - make @b, of which nobody else knows yet, shorter. */
void blob_trim(struct blob *b, size_t len);

/** blob_get() - one more reference to @b; NULL is the empty blob. */
static inline struct blob *blob_get(struct blob *b)
{
	if (b)
		b->refs++;
	return b;
}

/** blob_put() - drop a reference; the last one frees. */
void blob_put(struct blob *b);

/** blob_len() - bytes in @b, 0 for NULL. */
static inline size_t blob_len(const struct blob *b)
{
	return b ? b->len : 0;
}

/** xalloc() - zeroed memory that is always there: quotas bound what clients make us hold, so failing is the end. */
void *xalloc(size_t len);

/** xgrow() - realloc() under the same rule. */
void *xgrow(void *p, size_t len);

/** tree_bytes - what nodes and blobs take now, every version that is still referenced included. */
extern size_t tree_bytes;

#endif

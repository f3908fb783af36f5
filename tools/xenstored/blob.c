// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counted bytes and checked allocation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob.h"

size_t tree_bytes;

static void out_of_memory(void)
{
	fputs("xenstored: out of memory\n", stderr);
	abort();
}

void *xalloc(size_t len)
{
	void *p = calloc(1, len);

	if (!p)
		out_of_memory();
	return p;
}

void *xgrow(void *p, size_t len)
{
	p = realloc(p, len);
	if (!p)
		out_of_memory();
	return p;
}

struct blob *blob_new(const void *data, size_t len)
{
	struct blob *b = malloc(sizeof(*b) + len + 1);

	if (!b)
		out_of_memory();
	b->refs = 1;
	b->len = len;
	memcpy(b->data, data, len);
	b->data[len] = 0;
	tree_bytes += sizeof(*b) + len + 1;
	return b;
}

void blob_trim(struct blob *b, size_t len)
{
	tree_bytes -= b->len - len;
	b->len = len;
	b->data[len] = 0;
}

void blob_put(struct blob *b)
{
	if (!b || --b->refs)
		return;
	tree_bytes -= sizeof(*b) + b->len + 1;
	free(b);
}

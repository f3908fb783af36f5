// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stream: host-endian numbers of 64 bits, bytes behind their length.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "stream.h"

static FILE *out;
static const char *in, *in_end;

bool stream_create(int fd)
{
	out = fdopen(dup(fd), "w");
	return out;
}

bool stream_finish(void)
{
	return !fclose(out);
}

bool stream_open(int fd)
{
	struct stat st;

	if (fstat(fd, &st) || !st.st_size)
		return false;
	in = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (in == MAP_FAILED)
		return false;
	in_end = in + st.st_size;
	return true;
}

void stream_put(uint64_t n)
{
	fwrite(&n, sizeof(n), 1, out);
}

void stream_put_bytes(const void *data, size_t len)
{
	stream_put(len);
	fwrite(data, 1, len, out);
}

void stream_put_blob(const struct blob *b)
{
	stream_put_bytes(b ? b->data : "", blob_len(b));
}

/* Whoever wrote the stream is ourselves, but to go on with half of it would be worse than to stop. */
static void need(size_t len)
{
	if ((size_t)(in_end - in) >= len)
		return;
	log_line("live update: the state is cut short");
	abort();
}

uint64_t stream_get(void)
{
	uint64_t n;

	need(sizeof(n));
	memcpy(&n, in, sizeof(n));
	in += sizeof(n);
	return n;
}

const char *stream_get_bytes(size_t *len)
{
	const char *data;

	*len = stream_get();
	need(*len);
	data = in;
	in += *len;
	return data;
}

struct blob *stream_get_blob(void)
{
	size_t len;
	const char *data = stream_get_bytes(&len);

	return len ? blob_new(data, len) : NULL;
}

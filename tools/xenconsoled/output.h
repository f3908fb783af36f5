/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest has said: a window on the last bytes of an endless stream. Positions count from the stream's first byte;
 * each reader has one of its own, and one that is too slow loses what leaves the window, nobody else anything.
 */
#ifndef XENCONSOLED_OUTPUT_H
#define XENCONSOLED_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#define OUTPUT_WINDOW	65536u

struct output {
	uint64_t end;			/* bytes said so far */
	char window[OUTPUT_WINDOW];
};

void output_add(struct output *o, const char *data, size_t n);

/** output_peek() - bytes from *@at on, as many as lie in one piece; *@at moves forward to the oldest byte kept. */
const char *output_peek(const struct output *o, uint64_t *at, size_t *n);

/** output_recent() - the position of a beginning of a line at most @n bytes ago: where a new reader begins. */
uint64_t output_recent(const struct output *o, size_t n);

#endif

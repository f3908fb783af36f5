// SPDX-License-Identifier: GPL-2.0-only
/* The window on a guest's output. */
#include <string.h>

#include "output.h"

void output_add(struct output *o, const char *data, size_t n)
{
	while (n) {
		size_t at = o->end % OUTPUT_WINDOW, part = OUTPUT_WINDOW - at < n ? OUTPUT_WINDOW - at : n;

		memcpy(o->window + at, data, part);
		o->end += part;
		data += part;
		n -= part;
	}
}

static uint64_t oldest(const struct output *o)
{
	return o->end > OUTPUT_WINDOW ? o->end - OUTPUT_WINDOW : 0;
}

const char *output_peek(const struct output *o, uint64_t *at, size_t *n)
{
	size_t from;

	if (*at < oldest(o))
		*at = oldest(o);
	from = *at % OUTPUT_WINDOW;
	*n = o->end - *at;
	if (*n > OUTPUT_WINDOW - from)
		*n = OUTPUT_WINDOW - from;
	return o->window + from;
}

uint64_t output_recent(const struct output *o, size_t n)
{
	uint64_t at = o->end > n ? o->end - n : 0;

	if (at < oldest(o))
		at = oldest(o);
	for (uint64_t i = at; at && i < o->end; i++)
		if (o->window[i % OUTPUT_WINDOW] == '\n')
			return i + 1;
	return at;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host tests of the toolstack share: TAP lines, and messages that are kept instead of printed. Takes the place of
 * host.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host.h"

static char messages[1 << 16];	/* all since the last forget() */
static unsigned int checks, failures;
int msg_verbose;

static void keep(const char *format, va_list args)
{
	size_t n = strlen(messages);

	vsnprintf(messages + n, sizeof(messages) - n - 2, format, args);
	strcat(messages, "\n");
}

int msg_error(int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep(format, args);
	va_end(args);
	return rc;
}

void msg_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep(format, args);
	va_end(args);
}

static inline void forget(void)
{
	messages[0] = 0;
}

char *xstrdup(const char *s)
{
	return s ? strdup(s) : NULL;
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	if (vasprintf(&s, format, args) < 0)
		abort();
	va_end(args);
	return s;
}

void *xcalloc(size_t n, size_t size)
{
	return calloc(n, size);
}

void *xrealloc(void *p, size_t size)
{
	return realloc(p, size);
}

static inline bool check(bool good, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", good ? "" : "not ", ++checks);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (!good && *messages)
		printf("# %s", messages);
	failures += !good;
	return good;
}

static inline int done(void)
{
	printf("1..%u\n", checks);
	return failures ? 1 : 0;
}

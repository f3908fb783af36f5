/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TAP 13 for the programs of these folders: `check` says one line for what must hold; `finish` ends with the plan and the
 * exit code of kernel self tests (0 passed, 1 failed, 4 skipped).
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAP_SKIP 4

static unsigned int tap_done, tap_failed;

/* What stands in a "not ok" line's place may come from a thread or a child: say it there, count it here. */
#define check(condition, ...) tap_check((condition), __FILE__, __LINE__, __VA_ARGS__)

/* The call must fail with this error. */
#define check_fails(call, error, ...) do {							\
		long got;									\
		errno = 0;									\
		got = (call);									\
		if (!check(got < 0 && errno == (error), __VA_ARGS__))				\
			printf("# got %ld, %s\n", got, errno ? strerror(errno) : "no error");	\
	} while (0)

__attribute__((format(printf, 4, 5)))
static inline int tap_check(int holds, const char *file, int line, const char *format, ...)
{
	int error = errno;
	va_list args;

	printf("%s %u - ", holds ? "ok" : "not ok", ++tap_done);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	if (!holds) {
		printf("# %s:%d, errno: %s\n", file, line, strerror(error));
		tap_failed++;
	}
	fflush(stdout);
	errno = error;
	return holds;
}

/* One check that cannot be made here. */
static inline void tap_skip(const char *what, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++tap_done, what, why);
	fflush(stdout);
}

static inline void tap_start(void)
{
	printf("TAP version 13\n");
	fflush(stdout);
}

/* Nothing of this program can be done here. */
__attribute__((noreturn)) static inline void tap_skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	exit(TAP_SKIP);
}

/* Going on makes no sense. */
__attribute__((noreturn)) static inline void tap_bail_out(const char *why)
{
	printf("Bail out! %s: %s\n", why, strerror(errno));
	exit(1);
}

__attribute__((noreturn)) static inline void tap_finish(void)
{
	printf("1..%u\n", tap_done);
	exit(tap_failed || !tap_done);
}

#endif

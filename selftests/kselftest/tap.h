/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For programs that do not know beforehand how many lines they will say: `check` says one for what must hold, and where it
 * does not, why; `tap_finish` ends with the plan.
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kselftest.h"

/* What stands in a "not ok" line's place may come from a thread or a child: say it there, count it here. */
#define check(condition, ...) tap_check((condition), __FILE__, __LINE__, __VA_ARGS__)

/* The call must fail with this error. */
#define check_fails(call, error, ...) do {							\
		long got;									\
		errno = 0;									\
		got = (call);									\
		if (!check(got < 0 && errno == (error), __VA_ARGS__))				\
			ksft_print_msg("got %ld, %s\n", got, errno ? strerror(errno) : "no error"); \
	} while (0)

__attribute__((format(printf, 4, 5)))
static inline int tap_check(int holds, const char *file, int line, const char *format, ...)
{
	int error = errno;
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ksft_test_result(holds, "%s\n", text);
	if (!holds)
		ksft_print_msg("%s:%d, errno: %s\n", file, line, strerror(error));
	errno = error;
	return holds;
}

/* One check that cannot be made here. */
static inline void tap_skip(const char *what, const char *why)
{
	ksft_test_result_skip("%s: %s\n", what, why);
}

static inline void tap_start(void)
{
	ksft_print_header();
}

/* Nothing of this program can be done here. */
__attribute__((noreturn)) static inline void tap_skip_all(const char *why)
{
	ksft_exit_skip("%s\n", why);
}

/* Going on makes no sense. */
__attribute__((noreturn)) static inline void tap_bail_out(const char *why)
{
	ksft_exit_fail_msg("%s: %s\n", why, strerror(errno));
}

__attribute__((noreturn)) static inline void tap_finish(void)
{
	if (!ksft_test_num())
		ksft_exit_fail_msg("nothing was tested\n");
	ksft_set_plan(ksft_test_num());
	ksft_finished();
}

#endif

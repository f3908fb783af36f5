/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test says, in TAP 13 and under the names of the kernel's own kselftest.h, beside which these tests also build.
 */
#ifndef KSELFTEST_H
#define KSELFTEST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define KSFT_PASS 0
#define KSFT_FAIL 1
#define KSFT_SKIP 4

static unsigned int ksft_said, ksft_failed, ksft_planned;

static inline void ksft_print_header(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
}

static inline void ksft_set_plan(unsigned int plan)
{
	ksft_planned = plan;
	printf("1..%u\n", plan);
}

static inline __attribute__((format(printf, 1, 2))) void ksft_print_msg(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	va_end(args);
}

static inline __attribute__((format(printf, 2, 3))) void ksft_test_result(int passed, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%sok %u - ", passed ? "" : "not ", ++ksft_said);
	vprintf(format, args);
	va_end(args);
	ksft_failed += !passed;
}

static inline __attribute__((format(printf, 1, 2))) void ksft_test_result_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("ok %u - # SKIP ", ++ksft_said);
	vprintf(format, args);
	va_end(args);
}

static inline unsigned int ksft_test_num(void)
{
	return ksft_said;
}

/* All tests were said: the program's end and its exit code. */
static inline __attribute__((noreturn)) void ksft_finished(void)
{
	exit(ksft_failed || ksft_said != ksft_planned ? KSFT_FAIL : KSFT_PASS);
}

static inline __attribute__((noreturn, format(printf, 1, 2))) void ksft_exit_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("1..0 # SKIP ");
	vprintf(format, args);
	va_end(args);
	exit(KSFT_SKIP);
}

static inline __attribute__((noreturn, format(printf, 1, 2))) void ksft_exit_fail_msg(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("Bail out! ");
	vprintf(format, args);
	va_end(args);
	exit(KSFT_FAIL);
}

#endif

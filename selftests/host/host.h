/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every host test needs: TAP output and the few functions that all of the hypervisor may
 * call. Include it first, then the sources under test, then write main() ending in "return done();".
 */
#ifndef HOST_H
#define HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenolith/lib.h>

static unsigned int host_checks, host_failures;

/** check: one TAP line. */
#define check(cond, ...)							\
	(void)((cond) ? check_result(true, #cond, __VA_ARGS__) : check_result(false, #cond, __VA_ARGS__))
/** require: only a failure is printed: for conditions inside long random runs. */
#define require(cond, ...)							\
	do {									\
		if (!(cond))							\
			check_result(false, #cond, __VA_ARGS__);		\
	} while (0)

static inline __printf(3, 4) bool check_result(bool good, const char *what, const char *fmt, ...)
{
	va_list ap;

	host_checks++;
	host_failures += !good;
	printf("%sok %u - ", good ? "" : "not ", host_checks);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(good ? "\n" : "   (%s)\n", what);
	return good;
}

static inline int done(void)
{
	printf("1..%u\n", host_checks);
	return host_failures ? 1 : 0;
}

/* Small fixed generator: a failure repeats on every machine. */
static u64 host_seed = 1;
static inline u64 host_random(void)
{
	host_seed ^= host_seed << 13;
	host_seed ^= host_seed >> 7;
	host_seed ^= host_seed << 17;
	return host_seed;
}

#ifndef HOST_OWN_ALLOC
static bool host_alloc_fails;		/* set: every allocation fails */
void *lib_alloc(size_t size)
{
	return host_alloc_fails ? NULL : calloc(1, size);
}

void lib_free(void *p)
{
	free(p);
}
#endif

#ifndef HOST_OWN_PRINTK
static bool host_show_printk;
void printk(const char *fmt, ...)
{
	va_list ap;

	if (!host_show_printk)
		return;
	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	va_end(ap);
}
#endif

#ifndef HOST_OWN_PANIC
void __noreturn panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("not ok - panic: ");
	vprintf(fmt, ap);
	va_end(ap);
	exit(2);
}

void __noreturn bug_at(const char *file, int line, const char *what)
{
	panic("BUG at %s:%d: %s\n", file, line, what);
}
#endif

#endif

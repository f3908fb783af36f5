// SPDX-License-Identifier: GPL-2.0-only
/* Printing through the console hypercall, TAP lines, the verdict, and the end of the machine. */
#include "lib.h"

static char buffer[512];
static unsigned int fill;
static unsigned int tests, failures;
static volatile int lock;

static void flush(void)
{
	hypercall(console_io, CONSOLEIO_write, fill, buffer);
	fill = 0;
}

static void put(char c)
{
	buffer[fill++] = c;
	if (fill == sizeof(buffer))
		flush();
}

static void put_number(unsigned long v, unsigned int base, int width, char pad, bool negative)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (negative)
		digits[n++] = '-';
	for (; width > n; width--)
		put(pad);
	while (n)
		put(digits[--n]);
}

static void vprintk(const char *fmt, va_list args)
{
	for (; *fmt; fmt++) {
		char pad = ' ';
		int width = 0, longs = 0;
		unsigned long v;

		if (*fmt != '%') {
			put(*fmt);
			continue;
		}
		fmt++;
		if (*fmt == '0')
			pad = '0';
		for (; *fmt >= '0' && *fmt <= '9'; fmt++)
			width = width * 10 + (*fmt - '0');
		for (; *fmt == 'l'; fmt++)
			longs++;
		switch (*fmt) {
		case 'd':
			v = longs ? va_arg(args, unsigned long) : (unsigned long)(long)va_arg(args, int);
			put_number((long)v < 0 ? -v : v, 10, width, pad, (long)v < 0);
			break;
		case 'u':
		case 'x':
			v = longs ? va_arg(args, unsigned long) : va_arg(args, unsigned int);
			put_number(v, *fmt == 'x' ? 16 : 10, width, pad, false);
			break;
		case 'p':
			put_number((unsigned long)va_arg(args, void *), 16, 16, '0', false);
			break;
		case 'c':
			put((char)va_arg(args, int));
			break;
		case 's':
			for (const char *s = va_arg(args, const char *); *s; s++, width--)
				put(*s);
			for (; width > 0; width--)
				put(' ');
			break;
		default:
			put(*fmt);
		}
	}
}

void printk(const char *fmt, ...)
{
	va_list args;

	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		;
	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
	flush();
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

bool ok(bool condition, const char *fmt, ...)
{
	va_list args;

	failures += !condition;
	for (const char *s = condition ? "ok " : "not ok "; *s; s++)
		put(*s);
	put_number(++tests, 10, 0, ' ', false);
	put(' '), put('-'), put(' ');
	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
	put('\n');
	flush();
	return condition;
}

bool is(long got, long want, const char *fmt, ...)
{
	va_list args;

	failures += got != want;
	for (const char *s = got == want ? "ok " : "not ok "; *s; s++)
		put(*s);
	put_number(++tests, 10, 0, ' ', false);
	put(' '), put('-'), put(' ');
	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
	put('\n');
	flush();
	if (got != want)
		printk("# got %ld (0x%lx), want %ld (0x%lx)\n", got, got, want, want);
	return got == want;
}

void note(const char *fmt, ...)
{
	va_list args;

	put('#'), put(' ');
	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
	put('\n');
	flush();
}

void skip(const char *why)
{
	printk("ok %u - # SKIP %s\n", ++tests, why);
}

/* The verdict is out; leave by QEMU's exit port when we may, else by the ABI. */
static void __attribute__((noreturn)) power_off(void)
{
	struct physdev_set_iopl iopl = { .iopl = 3 };
	struct sched_shutdown shutdown = { .reason = SHUTDOWN_poweroff };

	hypercall(physdev_op, PHYSDEVOP_set_iopl, &iopl);
	CATCH("outb %%al, %%dx", : : "a"(0), "d"(0xf4));
	hypercall(sched_op, SCHEDOP_shutdown, &shutdown);
	for (;;)
		hypercall(sched_op, SCHEDOP_block, 0UL);
}

void finish(void)
{
	printk("1..%u\n", tests);
	printk("RESULT: %s\n", failures || !tests ? "FAILED" : "passed");
	power_off();
}

void bail(const char *fmt, ...)
{
	va_list args;

	put('B'), put('a'), put('i'), put('l'), put('!'), put(' ');
	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
	put('\n');
	flush();
	printk("RESULT: FAILED\n");
	power_off();
}

unsigned long argument(const char *name, unsigned long otherwise)
{
	const char *s = (const char *)start_info->cmd_line;
	size_t n = strlen(name);

	for (; *s; s++) {
		unsigned long v = 0;

		if (strncmp(s, name, n) || s[n] != '=')
			continue;
		for (s += n + 1; *s >= '0' && *s <= '9'; s++)
			v = v * 10 + (unsigned long)(*s - '0');
		return v;
	}
	return otherwise;
}

bool xenolith(void)
{
	static char extra[XEN_EXTRAVERSION_LEN];

	hypercall(xen_version, XENVER_extraversion, extra);
	for (char *s = extra; *s; s++)
		if (!strncmp(s, "xenolith", 8) || !strncmp(s, "Xenolith", 8))
			return true;
	return false;
}

void *memset(void *to, int byte, size_t n)
{
	void *d = to;

	asm volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(byte) : "memory");
	return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
	void *d = to;

	asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n) : : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (uint8_t)*a - (uint8_t)*b;
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, ~0UL);
}

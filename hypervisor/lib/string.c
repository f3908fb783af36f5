// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory and string functions. The compiler emits calls to the first four by itself, so they
 * must neither use vector registers (which hold guest state) nor be compiled into calls of
 * themselves: the loops are string instructions or carry a barrier().
 */
#include <xenolith/lib.h>

void *memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;
	size_t words = n / 8;

	asm volatile("rep movsq\n\t"
		     "mov %3, %2\n\t"
		     "rep movsb"
		     : "+D" (d), "+S" (src), "+c" (words) : "r" (n & 7) : "memory");
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;

	if ((uintptr_t)dst - (uintptr_t)src >= n)	/* forwards never hits bytes still to be read */
		return memcpy(dst, src, n);
	while (n--) {
		d[n] = s[n];
		barrier();
	}
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	void *d = dst;
	size_t words = n / 8;

	asm volatile("rep stosq\n\t"
		     "mov %3, %1\n\t"
		     "rep stosb"
		     : "+D" (d), "+c" (words)
		     : "a" ((u8)c * 0x0101010101010101UL), "r" (n & 7) : "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	for (; n < max && s[n]; n++)
		barrier();
	return n;
}

size_t strlen(const char *s)
{
	return strnlen(s, ~0UL);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, ~0UL);
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)s;
}

size_t strlcpy_(char *dst, const char *src, size_t size)
{
	size_t n = strlen(src);

	if (size) {
		size_t copy = n < size ? n : size - 1;

		memcpy(dst, src, copy);
		dst[copy] = '\0';
	}
	return n;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * lib/: memory and string functions and formatting give what libc gives, bit searching and range
 * sets give what a plain array of booleans gives, on fixed and on random input.
 */
#include "host.h"
#include <limits.h>

#include "lib-string.h"
#include "../../hypervisor/lib/bitmap.c"
#include "../../hypervisor/lib/format.c"
#include "../../hypervisor/lib/number.c"
#include "../../hypervisor/lib/rangeset.c"

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

/* Every offset and length around word size, and bytes next to the destination stay untouched. */
static void test_memory(void)
{
	u8 ours[256], libc[256];
	unsigned int bad = 0;

	for (unsigned int run = 0; run < 20000; run++) {
		unsigned int n = host_random() % 80, from = host_random() % 80, to = host_random() % 80;

		for (unsigned int i = 0; i < sizeof(ours); i++)
			ours[i] = libc[i] = host_random();
		switch (run % 3) {
		case 0:
			bad += our_memmove(ours + to, ours + from, n) != ours + to;
			memmove(libc + to, libc + from, n);
			break;
		case 1:
			bad += our_memcpy(ours + to, ours + 160, n) != ours + to;
			memcpy(libc + to, libc + 160, n);
			break;
		case 2:
			bad += our_memset(ours + to, from * 5, n) != ours + to;
			memset(libc + to, from * 5, n);
			break;
		}
		bad += memcmp(ours, libc, sizeof(ours)) != 0;
		bad += sign(our_memcmp(ours, ours + from, n)) != sign(memcmp(ours, ours + from, n));
	}
	check(bad == 0, "memcpy, memmove, memset and memcmp agree with libc");
}

static void test_strings(void)
{
	static const char *const words[] = { "", "a", "ab", "abc", "abd", "\xff", "com1,vga", "vga", "b" };
	unsigned int bad = 0;
	char buf[4];

	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(words); j++) {
			const char *a = words[i], *b = words[j];

			bad += sign(our_strcmp(a, b)) != sign(strcmp(a, b));
			bad += our_strchr(a, *b) != strchr(a, *b);
			bad += our_strlen(a) != strlen(a);
			for (size_t n = 0; n < 6; n++) {
				bad += sign(our_strncmp(a, b, n)) != sign(strncmp(a, b, n));
				bad += our_strnlen(a, n) != strnlen(a, n);
			}
		}
	check(bad == 0, "string functions agree with libc");
	check(strlcpy_(buf, "abcdef", sizeof(buf)) == 6 && !strcmp(buf, "abc"), "strlcpy_ cuts and terminates");
	check(strlcpy_(buf, "x", 0) == 1 && !strcmp(buf, "abc"), "strlcpy_ leaves a buffer of no size alone");
}

#define SAME(...)								\
	do {									\
		char ours[128], libc[128];					\
		int n = lib_snprintf(ours, sizeof(ours), __VA_ARGS__);		\
		int m = snprintf(libc, sizeof(libc), __VA_ARGS__);		\
		check(n == m && !strcmp(ours, libc), "format [%s]", ours);	\
	} while (0)

bool lib_symbol_name(unsigned long addr, char *buf, size_t size)
{
	if (addr != 0x1234)
		return false;
	lib_snprintf(buf, size, "fn+%#x/%#x", 4, 8);
	return true;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-overflow"
#pragma GCC diagnostic ignored "-Wformat-truncation"
static void test_format(void)
{
	char buf[40];

	SAME("plain %% text");
	SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	SAME("%ld %lld %zd", LONG_MIN, LLONG_MAX, (ssize_t)-5);
	SAME("%u %lu %zu", UINT_MAX, ULONG_MAX, (size_t)7);
	SAME("%x %#x %#x", 0xbeef, 0xbeef, 0);
	SAME("[%5d] [%-5d] [%05d] [%05d]", 42, 42, 42, -42);
	SAME("[%016lx] [%#018lx] [%#10x] [%-#10x]", 0x123UL, 0x123UL, 0x12, 0x12);
	SAME("[%*d] [%.*s] [%*s]", 6, 1, 2, "abcdef", 5, "x");
	SAME("[%s] [%10s] [%-10s] [%.3s] [%c] [%3c]", "str", "str", "str", "string", 'c', 'd');
	SAME("[%s]", (char *)NULL);
	check(lib_snprintf(buf, sizeof(buf), "%p", (void *)0xabcUL) == 16 && !strcmp(buf, "0000000000000abc"),
	      "pointers have 16 digits");
	check(lib_snprintf(buf, 4, "%s", "abcdef") == 6 && !strcmp(buf, "abc"), "cut, terminated, full length told");
	check(lib_snprintf(NULL, 0, "%d", 12345) == 5, "no buffer: length only");
	lib_snprintf(buf, sizeof(buf), "<%ps> %ps", (void *)0x1234UL, (void *)0x1UL);
	check(!strcmp(buf, "<fn+0x4/0x8> 0000000000000001"), "%%ps: a symbol, or the address");
	lib_snprintf(buf, sizeof(buf), "tail %");
	check(!strcmp(buf, "tail "), "a lone %% at the end is harmless");
}
#pragma GCC diagnostic pop

static void test_numbers(void)
{
	static const char *const texts[] = { "0", "10", "0x10", "0X1f", "010", "0x", "12ab", "", "08", "x" };
	unsigned int bad = 0;
	const char *end;
	char *libc_end;

	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++)
		for (unsigned int base = 0; base <= 16; base += base ? 6 : 10) {
			bad += lib_strtoull(texts[i], &end, base) != strtoull(texts[i], &libc_end, base);
			bad += end != libc_end;
		}
	check(bad == 0, "lib_strtoull agrees with libc");
	check(lib_parse_size("512M", &end, 1) == MB(512) && !*end, "512M");
	check(lib_parse_size("2G,max:3G", &end, 1) == GB(2) && *end == ',', "2G stops at a comma");
	check(lib_parse_size("64", &end, KB(1)) == KB(64) && !*end, "a bare number has the given unit");
	check(lib_parse_size("4096b", NULL, KB(1)) == 4096, "b means bytes");
	check(lib_parse_size("1t", NULL, 1) == GB(1024), "1t");
	check(lib_parse_size("", &end, 1) == 0 && !*end, "nothing is 0");
	check(lib_parse_size("k", &end, 1) == 0 && *end == 'k', "a suffix alone is not a size");
}

static void test_bits(void)
{
	unsigned long map[4];
	unsigned int bad = 0;

	for (unsigned int run = 0; run < 3000; run++) {
		unsigned int bits = 1 + host_random() % 256, from = host_random() % 260, set;
		unsigned int mode = host_random() % 4;

		for (unsigned int i = 0; i < ARRAY_SIZE(map); i++)
			map[i] = mode == 0 ? 0 : mode == 1 ? ~0UL : mode == 2 ? host_random() :
				 1UL << (host_random() % 64);
		for (set = from; set < bits && !(map[set / 64] >> (set % 64) & 1); set++)
			;
		bad += find_next_bit(map, bits, from) != min(set, bits);
	}
	check(bad == 0, "find_next_bit agrees with a plain search");
}

#define SPAN	300
static bool model[SPAN];

static bool model_all(unsigned int from, unsigned int to, bool value)
{
	for (; from <= to; from++)
		if (model[from] != value)
			return false;
	return true;
}

static bool well_formed(const struct rangeset *rs)
{
	for (unsigned int i = 0; i < rs->nr; i++)
		if (rs->r[i].start > rs->r[i].end || (i && rs->r[i].start <= rs->r[i - 1].end + 1))
			return false;
	return rs->nr <= rs->space;
}

static bool same_as_model(const struct rangeset *rs)
{
	for (unsigned int i = 0; i < SPAN; i++)
		if (rangeset_contains(rs, i, i) != model[i])
			return false;
	return true;
}

static void test_rangeset_random(void)
{
	struct rangeset rs;
	unsigned int bad = 0;

	rangeset_init(&rs);
	for (unsigned int run = 0; run < 20000; run++) {
		unsigned int a = host_random() % SPAN, b = min(a + (unsigned int)(host_random() % 12), SPAN - 1u);
		bool add = host_random() % 2;

		host_alloc_fails = run % 7 == 0;
		if (!(add ? rangeset_add(&rs, a, b) : rangeset_remove(&rs, a, b)))
			memset(model + a, add, b - a + 1);
		bad += !well_formed(&rs);
		bad += rangeset_contains(&rs, a, b) != model_all(a, b, true);
		if (run % 50 == 0)
			bad += !same_as_model(&rs);
	}
	host_alloc_fails = false;
	check(bad == 0, "range set agrees with an array, also when allocations fail");
	rangeset_destroy(&rs);
	check(rs.nr == 0 && !rs.r && !rangeset_contains(&rs, 0, 0), "destroyed set is empty");
}

static void test_rangeset_edges(void)
{
	struct rangeset rs;

	rangeset_init(&rs);
	check(rangeset_add(&rs, 2, 1) == -EINVAL && rangeset_remove(&rs, 2, 1) == -EINVAL, "reversed range refused");
	check(!rangeset_add(&rs, 0, ~0UL) && rangeset_contains(&rs, 0, ~0UL), "everything");
	check(!rangeset_add(&rs, 5, ~0UL) && rs.nr == 1, "adding what is there changes nothing");
	check(!rangeset_remove(&rs, ~0UL, ~0UL) && !rangeset_contains(&rs, ~0UL, ~0UL), "last number removed");
	check(!rangeset_remove(&rs, 0, 0) && rangeset_contains(&rs, 1, ~0UL - 1), "first number removed");
	check(!rangeset_add(&rs, ~0UL, ~0UL) && rs.nr == 1, "neighbours at the top merge");
	check(!rangeset_add(&rs, 0, 0) && rs.nr == 1, "neighbours at the bottom merge");
	host_alloc_fails = true;
	for (unsigned long i = 10; i < 200 && !rangeset_remove(&rs, i, i); i += 2)
		;
	check(rs.nr == rs.space, "a set that cannot grow says -ENOMEM when full");
	host_alloc_fails = false;
	rangeset_destroy(&rs);
}

int main(void)
{
	test_memory();
	test_strings();
	test_format();
	test_numbers();
	test_bits();
	test_rangeset_random();
	test_rangeset_edges();
	return done();
}

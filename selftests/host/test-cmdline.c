// SPDX-License-Identifier: GPL-2.0-only
/*
 * Command lines: words, quotes, buffers that are too small; and the parameters made of them: the
 * last mention wins, "no-x" is "x=no", nonsense leaves the default, unknown words are told.
 */
#define HOST_OWN_PRINTK
#include "host.h"
#include "../../hypervisor/lib/cmdline.c"
#include "../../hypervisor/lib/number.c"
#include "lib-string.h"
#include "../../hypervisor/boot/param.c"

struct boot_info boot_info;
static char log_[4096];

void printk(const char *fmt, ...)
{
	size_t n = strlen(log_);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(log_ + n, sizeof(log_) - n, fmt, ap);
	va_end(ap);
}

static void line(const char *s)
{
	strlcpy_(boot_info.cmdline, s, sizeof(boot_info.cmdline));
	nr_params = 0;
	memset(params, 0, sizeof(params));
	log_[0] = '\0';
}

static void test_words(void)
{
	const char *pos = "  a=1 \"b c\"=\"d e\" f= g==h\t";
	char name[8], value[8];

	check(cmdline_next(&pos, name, 8, value, 8) && !strcmp(name, "a") && !strcmp(value, "1"), "name=value");
	check(cmdline_next(&pos, name, 8, value, 8) && !strcmp(name, "b c") && !strcmp(value, "d e"), "quotes");
	check(cmdline_next(&pos, name, 8, value, 8) && !strcmp(name, "f") && !*value, "an empty value");
	check(cmdline_next(&pos, name, 8, value, 8) && !strcmp(name, "g") && !strcmp(value, "=h"), "the first = counts");
	check(!cmdline_next(&pos, name, 8, value, 8), "the end");
	pos = "abcdefghijk=lmnopqrstuvw x";
	check(cmdline_next(&pos, name, 4, value, 3) && !strcmp(name, "abc") && !strcmp(value, "lm"), "cut to the buffers");
	check(cmdline_next(&pos, name, 4, value, 3) && !strcmp(name, "x") && !*value, "and the next word is whole");
	pos = "\"open quote";
	check(cmdline_next(&pos, name, 8, value, 8) && !cmdline_next(&pos, name, 8, value, 8), "an open quote ends at the end");
}

static void test_params(void)
{
	line("a=1 b no-c d=off a=2 e=maybe n=0x10 s=2M t=512 u=12x dom0_mem=1G,max:1G");
	check(!strcmp(boot_param("a"), "2"), "the last mention wins");
	check(!strcmp(boot_param("b"), "") && boot_param_bool("b", false), "a bare word is yes");
	check(!strcmp(boot_param("c"), "no") && !boot_param_bool("c", true), "no- is no");
	check(!boot_param_bool("d", true), "off is no");
	check(boot_param_bool("e", true) && strstr(log_, "e=maybe"), "nonsense is told and the default kept");
	check(!boot_param("zz") && boot_param_bool("zz", true), "what is not there");
	check(boot_param_size("n", 0, 1) == 16 && boot_param_size("m", 7, 1) == 7, "numbers");
	check(boot_param_size("s", 0, 1024) == MB(2) && boot_param_size("t", 0, 1024) == KB(512), "sizes and their unit");
	check(boot_param_size("u", 3, 1) == 3 && strstr(log_, "u=12x"), "a number with a tail is none");
	check(!strcmp(boot_param("dom0_mem"), "1G,max:1G"), "values with commas");
	log_[0] = '\0';
	boot_param_check_unknown();
	check(!*log_, "all were asked for, so all are known");
}

static void test_unknown(void)
{
	char longest[sizeof(boot_info.cmdline)];

	line("console=com1 nonsense=3 placeholder");
	boot_param("console");
	boot_param_check_unknown();
	check(strstr(log_, "'nonsense'") && !strstr(log_, "console") && !strstr(log_, "placeholder"),
	      "only unknown words are told");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	longest[1] = '=';
	line(longest);
	check(strlen(boot_param("x")) == sizeof(longest) - 3, "the longest line fits");
	for (unsigned int i = 0; i < sizeof(longest) - 1; i++)
		longest[i] = i % 2 ? ' ' : 'a' + i / 2 % 26;
	line(longest);
	check(boot_param("a") && nr_params <= MAX_PARAMS, "more words than there is room for");
}

int main(void)
{
	test_words();
	test_params();
	test_unknown();
	return done();
}

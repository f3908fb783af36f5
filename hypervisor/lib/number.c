// SPDX-License-Identifier: GPL-2.0-only
/* Reading numbers and sizes from text. */
#include <xenolith/lib.h>

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? c - 'a' + 10u : ~0u;
}

unsigned long long lib_strtoull(const char *s, const char **end, unsigned int base)
{
	unsigned long long v = 0;

	if ((base == 0 || base == 16) && s[0] == '0' && (s[1] | 0x20) == 'x' && digit_value(s[2]) < 16) {
		s += 2;
		base = 16;
	}
	if (base == 0)
		base = s[0] == '0' ? 8 : 10;
	for (; digit_value(*s) < base; s++)
		v = v * base + digit_value(*s);
	if (end)
		*end = s;
	return v;
}

unsigned long long lib_parse_size(const char *s, const char **end, unsigned long unit)
{
	static const char suffixes[] = "bkmgt";
	const char *p, *suffix = NULL;
	unsigned long long v = lib_strtoull(s, &p, 0);

	if (p != s && *p)
		suffix = strchr(suffixes, *p | 0x20);
	if (suffix) {
		v <<= 10 * (suffix - suffixes);
		p++;
	} else {
		v *= unit;
	}
	if (end)
		*end = p;
	return v;
}

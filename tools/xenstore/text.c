// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values as text: bytes that do not print are escaped as in C strings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore.h"

static const char plain[] = "trn\\", meant[] = "\t\r\n\\";

/* @out has room for five. */
static int escape(unsigned char c, char *out)
{
	const char *at = c ? strchr(meant, c) : NULL;

	if (at)
		return sprintf(out, "\\%c", plain[at - meant]);
	if (c >= ' ' && c < 127)
		return sprintf(out, "%c", c);
	return sprintf(out, c < ' ' ? "\\%03o" : "\\x%02x", c);
}

size_t print_value(const char *value, size_t len, size_t width)
{
	size_t used = 0;
	char one[8];

	for (size_t i = 0; i < len; i++) {
		int n = escape(value[i], one);

		if (used + n > width)
			return used + printf("...");
		fputs(one, stdout);
		used += n;
	}
	return used;
}

/* The byte that the escape at *@p (behind its backslash) means; *@p is moved behind it. */
static char unescape_one(char **p)
{
	const char *at = **p ? strchr(plain, **p) : NULL;
	char digits[4] = "";
	bool hex = **p == 'x';

	if (at) {
		(*p)++;
		return meant[at - plain];
	}
	*p += hex;
	for (int i = 0; i < (hex ? 2 : 3) && **p && strchr(hex ? "0123456789abcdefABCDEF" : "01234567", **p); i++)
		digits[i] = *(*p)++;
	return *digits ? strtol(digits, NULL, hex ? 16 : 8) : '\\';
}

size_t unescape(char *text)
{
	char *in = text, *out = text;

	while (*in) {
		if (*in != '\\')
			*out++ = *in++;
		else {
			in++;
			*out++ = unescape_one(&in);
		}
	}
	return out - text;
}

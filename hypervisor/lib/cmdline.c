// SPDX-License-Identifier: GPL-2.0-only
/* Command lines: words of the form name, name=value or name="a value", separated by white space. */
#include <xenolith/lib.h>

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void put(char *buf, size_t size, size_t *len, char c)
{
	if (*len + 1 < size)
		buf[(*len)++] = c;
}

bool cmdline_next(const char **pos, char *name, size_t name_size, char *value, size_t value_size)
{
	size_t name_len = 0, value_len = 0;
	bool quoted = false, in_value = false;
	const char *p = *pos;

	while (is_space(*p))
		p++;
	*pos = p;
	if (!*p)
		return false;
	for (; *p && (quoted || !is_space(*p)); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (in_value)
			put(value, value_size, &value_len, *p);
		else if (*p == '=')
			in_value = true;
		else
			put(name, name_size, &name_len, *p);
	}
	*pos = p;
	name[name_len] = value[value_len] = '\0';
	return true;
}

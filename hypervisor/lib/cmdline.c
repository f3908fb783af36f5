// SPDX-License-Identifier: GPL-2.0-only
/* Command lines: words of the form name, name=value or name="a value", separated by white space. */
#include <xenolith/lib.h>

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct field {
	char *buf;
	size_t size, len;
};

static void field_put(struct field *f, char c)
{
	if (f->len + 1 < f->size)
		f->buf[f->len++] = c;
}

bool cmdline_next(const char **pos, char *name, size_t name_size, char *value, size_t value_size)
{
	struct field fields[2] = { { name, name_size, 0 }, { value, value_size, 0 } };
	struct field *f = &fields[0];
	const char *p = *pos;
	bool quoted = false;

	while (is_space(*p))
		p++;
	if (!*p) {
		*pos = p;
		return false;
	}
	for (; *p && (quoted || !is_space(*p)); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '=' && f == &fields[0])
			f = &fields[1];
		else
			field_put(f, *p);
	}
	*pos = p;
	name[fields[0].len] = value[fields[1].len] = '\0';
	return true;
}

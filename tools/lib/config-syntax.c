// SPDX-License-Identifier: GPL-2.0-only
/* Reader of the xl.cfg syntax: recursive descent over a buffer, values as trees. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "config-syntax.h"
#include "host.h"

#define MAX_DEPTH 4	/* of lists in lists */

struct reader {
	const char *p, *end;
	unsigned int line;
	const char *source;
};

static int fault(const struct reader *r, const char *what)
{
	return msg_error(-EINVAL, "%s:%u: %s", r->source, r->line, what);
}

static bool at(const struct reader *r, char c)
{
	return r->p < r->end && *r->p == c;
}

/* Spaces and comments; line ends too where a line may end. */
static void skip(struct reader *r, bool lines)
{
	for (; r->p < r->end; r->p++) {
		if (*r->p == '#')
			while (r->p < r->end && *r->p != '\n')
				r->p++;
		if (r->p == r->end || (*r->p == '\n' && !lines) || !isspace((unsigned char)*r->p))
			return;
		r->line += *r->p == '\n';
	}
}

static char *cut(const char *from, const char *to)
{
	char *s = xcalloc(to - from + 1, 1);

	memcpy(s, from, to - from);
	return s;
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* \" \' \\ \n \t; any other character behind a backslash stays what it is, with the backslash. */
static char unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '"': case '\'': case '\\':
		return c;
	}
	return 0;
}

static int read_text(struct reader *r, struct cfg_value *v)
{
	char quote = *r->p++, *to;

	v->kind = CFG_TEXT;
	v->text = to = xcalloc(r->end - r->p + 1, 1);
	for (; r->p < r->end && *r->p != quote; r->p++) {
		if (*r->p == '\n')
			return fault(r, "the text has no closing quote on its line");
		if (*r->p == '\0')
			return fault(r, "a zero byte in a text");
		if (*r->p == '\\' && r->p + 1 < r->end && unescape(r->p[1]))
			*to++ = unescape(*++r->p);
		else
			*to++ = *r->p;
	}
	if (r->p == r->end)
		return fault(r, "the text has no closing quote");
	r->p++;
	v->text = xrealloc(v->text, to - v->text + 1);
	return 0;
}

static int read_number(struct reader *r, struct cfg_value *v)
{
	const char *from = r->p;

	if (*r->p == '-')
		r->p++;
	while (r->p < r->end && name_char(*r->p))
		r->p++;
	v->kind = CFG_NUMBER;
	v->text = cut(from, r->p);
	return 0;
}

static int read_value(struct reader *r, struct cfg_value *v, int depth);

static int read_list(struct reader *r, struct cfg_value *v, int depth)
{
	int rc;

	if (depth == MAX_DEPTH)
		return fault(r, "lists are nested too deeply");
	v->kind = CFG_LIST;
	for (r->p++, skip(r, true); !at(r, ']'); skip(r, true)) {
		v->item = xrealloc(v->item, (v->items + 1) * sizeof(*v->item));
		rc = read_value(r, &v->item[v->items++], depth + 1);
		if (rc)
			return rc;
		skip(r, true);
		if (at(r, ','))
			r->p++;
		else if (!at(r, ']'))
			return fault(r, r->p == r->end ? "the list has no closing ']'" : "',' or ']' expected in the list");
	}
	r->p++;
	return 0;
}

static int read_value(struct reader *r, struct cfg_value *v, int depth)
{
	*v = (struct cfg_value){ .line = r->line };
	if (at(r, '"') || at(r, '\''))
		return read_text(r, v);
	if (at(r, '['))
		return read_list(r, v, depth);
	if (r->p < r->end && (isdigit((unsigned char)*r->p) || (*r->p == '-' && r->p + 1 < r->end &&
							       isdigit((unsigned char)r->p[1]))))
		return read_number(r, v);
	return fault(r, "a value is a number, a text in quotes or a list in brackets");
}

static void free_value(struct cfg_value *v)
{
	size_t i;

	for (i = 0; i < v->items; i++)
		free_value(&v->item[i]);
	free(v->item);
	free(v->text);
}

static struct cfg_setting *find(struct cfg *cfg, const char *name)
{
	size_t i;

	for (i = 0; i < cfg->settings; i++)
		if (!strcmp(cfg->setting[i].name, name))
			return &cfg->setting[i];
	return NULL;
}

static int append(const struct reader *r, struct cfg_value *to, struct cfg_value *v)
{
	char *joined;

	if (to->kind != v->kind || to->kind == CFG_NUMBER)
		return fault(r, "'+=' joins two lists or two texts");
	if (to->kind == CFG_TEXT) {
		joined = xasprintf("%s%s", to->text, v->text);
		free(to->text);
		to->text = joined;
		return 0;
	}
	if (v->items) {
		to->item = xrealloc(to->item, (to->items + v->items) * sizeof(*to->item));
		memcpy(to->item + to->items, v->item, v->items * sizeof(*v->item));
		to->items += v->items;
	}
	free(v->item);
	*v = (struct cfg_value){ 0 };
	return 0;
}

/* Takes name and value over, or frees them. */
static int put(struct cfg *cfg, const struct reader *r, char *name, struct cfg_value *v, bool join)
{
	struct cfg_setting *s = find(cfg, name);
	int rc = 0;

	if (s)
		free(name);
	if (s && join) {
		rc = append(r, &s->value, v);
		free_value(v);
		return rc;
	}
	if (s) {
		free_value(&s->value);
	} else {
		cfg->setting = xrealloc(cfg->setting, (cfg->settings + 1) * sizeof(*cfg->setting));
		s = &cfg->setting[cfg->settings++];
		s->name = name;
	}
	s->value = *v;
	s->source = r->source;
	return 0;
}

static int read_setting(struct cfg *cfg, struct reader *r)
{
	const char *from = r->p;
	struct cfg_value v;
	bool join;
	char *name;
	int rc;

	while (r->p < r->end && name_char(*r->p))
		r->p++;
	if (r->p == from || isdigit((unsigned char)*from))
		return fault(r, "the name of a setting expected");
	name = cut(from, r->p);
	skip(r, false);
	join = at(r, '+');
	r->p += join;
	if (!at(r, '=')) {
		free(name);
		return fault(r, "'=' expected behind the name");
	}
	r->p++;
	skip(r, false);
	rc = read_value(r, &v, 0);
	if (!rc)
		return put(cfg, r, name, &v, join);
	free_value(&v);
	free(name);
	return rc;
}

int cfg_parse(struct cfg *cfg, const char *source, const char *text, size_t size)
{
	struct reader r = { .p = text, .end = text + size, .line = 1, .source = source };
	int rc = 0;

	while (!rc) {
		skip(&r, true);
		while (at(&r, ';')) {
			r.p++;
			skip(&r, true);
		}
		if (r.p == r.end)
			break;
		rc = read_setting(cfg, &r);
		skip(&r, false);
		if (!rc && r.p < r.end && *r.p != '\n' && *r.p != ';')
			rc = fault(&r, "end of line or ';' expected behind the value");
	}
	return rc;
}

void cfg_free(struct cfg *cfg)
{
	size_t i;

	for (i = 0; i < cfg->settings; i++) {
		free(cfg->setting[i].name);
		free_value(&cfg->setting[i].value);
	}
	free(cfg->setting);
	*cfg = (struct cfg){ 0 };
}

char *cfg_quote(const char *text)
{
	char *quoted = xcalloc(2 * strlen(text) + 3, 1), *to = quoted;

	*to++ = '"';
	for (; *text; text++) {
		if (strchr("\"\\\n\t", *text))
			*to++ = '\\';
		*to++ = *text == '\n' ? 'n' : *text == '\t' ? 't' : *text;
	}
	*to = '"';
	return quoted;
}

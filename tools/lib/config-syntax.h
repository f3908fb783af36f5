/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The syntax of xl.cfg(5), without knowledge of any key:
 *
 *	file      = { [ setting ] ( newline | ';' ) }
 *	setting   = name ( '=' | '+=' ) value
 *	value     = number | 'text' | "text" | '[' [ value { ',' value } [ ',' ] ] ']'
 *
 * '#' begins a comment; inside of brackets lines may end anywhere. "+=" appends to a list or a text.
 */
#ifndef TOOLS_CONFIG_SYNTAX_H
#define TOOLS_CONFIG_SYNTAX_H

#include <stddef.h>

enum cfg_kind { CFG_NUMBER, CFG_TEXT, CFG_LIST };

struct cfg_value {
	enum cfg_kind kind;
	unsigned int line;
	char *text;			/* also of a number, as it was written */
	struct cfg_value *item;		/* of a list */
	size_t items;
};

struct cfg_setting {
	char *name;
	struct cfg_value value;
	const char *source;		/* file name, or what an override is called; not owned */
};

struct cfg {
	struct cfg_setting *setting;
	size_t settings;
};

/**
 * cfg_parse - read settings and add them to what is in @cfg; a later one replaces an earlier one of the same name
 * @source: named in messages ("SOURCE:LINE: …"), must outlive @cfg
 *
 * Return: 0, or -EINVAL after a message; @cfg then holds what came before the fault.
 */
int cfg_parse(struct cfg *cfg, const char *source, const char *text, size_t size);

void cfg_free(struct cfg *cfg);

/** cfg_quote - @text between quotes such that cfg_parse() reads it back; the caller frees it */
char *cfg_quote(const char *text);

#endif

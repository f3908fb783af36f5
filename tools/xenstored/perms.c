// SPDX-License-Identifier: GPL-2.0-only
/*
 * Permission lists: text, inheritance, evaluation.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "domain.h"
#include "perms.h"

static const char letters[] = "nrwb";	/* indexed by PERM_READ | PERM_WRITE */

static bool parse_one(const char *s, struct perm *p)
{
	const char *letter = *s ? strchr(letters, *s) : NULL;
	unsigned long domid;
	char *end;

	if (!letter || s[1] < '0' || s[1] > '9')
		return false;
	domid = strtoul(s + 1, &end, 10);
	*p = (struct perm){ domid, letter - letters };
	return !*end && domid <= UINT16_MAX;
}

struct blob *perms_parse(const char *strings, unsigned int n)
{
	struct perm *list = xalloc((n + !n) * sizeof(*list));
	struct blob *b = NULL;
	unsigned int i;

	for (i = 0; i < n && parse_one(strings, &list[i]); i++)
		strings += strlen(strings) + 1;
	if (n && i == n)
		b = blob_new(list, n * sizeof(*list));
	free(list);
	return b;
}

void perms_know(const struct blob *perms)
{
	const struct perm *p = (const struct perm *)perms->data;

	for (unsigned int i = 0; i < perms_count(perms); i++)
		domain_know(p[i].domid);
}

struct blob *perms_make(uint32_t owner, uint32_t others)
{
	struct perm p = { owner, others };

	return blob_new(&p, sizeof(p));
}

static bool still_means(uint32_t domid, uint64_t generation)
{
	return !domid || domain_since(domid) <= generation;
}

uint32_t perms_payer(const struct node *n)
{
	uint32_t owner = perms_owner(n->perms);

	return still_means(owner, n->perm_gen) ? owner : 0;
}

size_t perms_print(const struct node *n, char *buf, size_t size)
{
	const struct perm *p = (const struct perm *)n->perms->data;
	size_t used = 0;

	for (unsigned int i = 0; i < perms_count(n->perms); i++) {
		used += snprintf(buf + used, used < size ? size - used : 0, "%c%u", letters[p[i].rights],
				 i ? p[i].domid : perms_payer(n)) + 1;
	}
	return used;
}

/* Entries that mean nobody any more must not be stamped anew: they could then mean a later domain. */
struct blob *perms_for(const struct node *n, uint32_t owner)
{
	struct blob *b = blob_new(n->perms->data, n->perms->len);
	struct perm *p = (struct perm *)b->data;
	unsigned int i, kept = 1;

	p[0].domid = owner;
	for (i = 1; i < perms_count(n->perms); i++)
		if (still_means(p[i].domid, n->perm_gen))
			p[kept++] = p[i];
	blob_trim(b, kept * sizeof(*p));
	return b;
}

struct blob *perms_inherit(const struct conn *c, const struct node *parent)
{
	return perms_for(parent, conn_privileged(c) ? perms_payer(parent) : c->domid);
}

/* A device model has the rights of the domain that it serves. */
static bool is_for(const struct conn *c, uint32_t domid)
{
	return c->domid == domid || (c->domain && c->domain->target == domid && domid);
}

unsigned int perms_of(const struct conn *c, const struct blob *perms, uint64_t generation)
{
	const struct perm *p = (const struct perm *)perms->data;

	if (conn_privileged(c))
		return PERM_ALL;
	for (unsigned int i = 0; i < perms_count(perms); i++)
		if (is_for(c, p[i].domid) && still_means(p[i].domid, generation))
			return i ? p[i].rights : PERM_ALL;
	return p[0].rights;
}

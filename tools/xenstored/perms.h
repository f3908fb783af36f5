/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may do what with a node.
 *
 * A permission list is a blob of struct perm. The first entry names the owner and what everybody else may do; the
 * others name domains and what they may do. Domain0's tools may do everything, an owner everything with its nodes.
 *
 * An entry is valid for the domain that had the number when the entry was set: a new domain with an old number has a
 * later @since than the node's permission generation, and the entry does not mean it.
 */
#ifndef XENSTORED_PERMS_H
#define XENSTORED_PERMS_H

#include <stdbool.h>

#include "tree.h"

enum { PERM_READ = 1, PERM_WRITE = 2, PERM_OWNER = 4, PERM_ALL = 7 };

struct perm {
	uint32_t domid;
	uint32_t rights;
};

struct conn;

/** perms_parse() - a blob from @n strings like "r5"; NULL when one of them is none. */
struct blob *perms_parse(const char *strings, unsigned int n);

/** perms_know() - the domains that are named are known from now on, if they exist: see domain.h. */
void perms_know(const struct blob *perms);

/** perms_make() - the list with nothing but an owner. */
struct blob *perms_make(uint32_t owner, uint32_t others);

/** perms_print() - the valid entries of @n as strings, with their zero bytes, into @buf; returns their length. */
size_t perms_print(const struct node *n, char *buf, size_t size);

/** perms_payer() - the domain that pays for @n: its owner, or Domain0 when that one is gone. */
uint32_t perms_payer(const struct node *n);

/** perms_owner() - the domain that the first entry names. */
static inline uint32_t perms_owner(const struct blob *perms)
{
	return ((const struct perm *)perms->data)->domid;
}

static inline unsigned int perms_count(const struct blob *perms)
{
	return perms->len / sizeof(struct perm);
}

/** perms_for() - the node's list with another owner, without entries for domains that are no more. */
struct blob *perms_for(const struct node *n, uint32_t owner);

/** perms_inherit() - what a child gets that @c creates below @parent: a guest owns what it creates. */
struct blob *perms_inherit(const struct conn *c, const struct node *parent);

/** perms_of() - the rights of @c under @perms, set at @generation. */
unsigned int perms_of(const struct conn *c, const struct blob *perms, uint64_t generation);

#endif

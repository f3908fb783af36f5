/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tree of nodes, with snapshots for nothing.
 *
 * A tree is a pointer to its root; whoever holds a counted reference to a root holds a snapshot. The children of a node
 * are a treap ordered by name, threaded through the children themselves:
 *
 *	         node "domain"
 *	            | children
 *	          node "3"              left/right: siblings, smaller and greater names
 *	         /        \
 *	   node "0"     node "7"        prio falls towards the leaves, random: depth is logarithmic
 *	      | children
 *	     ...
 *
 * A change copies what lies on the way from the root down to it, but only nodes that something else refers to: without
 * a snapshot nothing is copied at all. Versions share every node, name, value and permission list that did not change.
 *
 * Every change stamps the node with a new generation, so two versions of a node are compared by their numbers.
 */
#ifndef XENSTORED_TREE_H
#define XENSTORED_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob.h"

struct node {
	uint32_t refs;
	uint32_t prio;
	uint64_t key;		/* the name's first bytes, as a number that sorts like them */
	struct node *left, *right;
	struct node *children;
	struct blob *name, *value, *perms;
	uint64_t gen;		/* value or permissions set, or created */
	uint64_t perm_gen;	/* permissions set, or created */
	uint64_t list_gen;	/* child added or removed, or created */
};

/** tree_generation - the stamp given last; grows with each change of any tree. */
extern uint64_t tree_generation;

/** tree_new() - a tree with nothing but its root, whose permissions are @perms (the reference is taken over). */
struct node *tree_new(struct blob *perms);

/** node_get(), node_put() - count references to a node and all below; the last put frees. */
static inline struct node *node_get(struct node *n)
{
	if (n)
		n->refs++;
	return n;
}
void node_put(struct node *n);

/** tree_find() - the node at @path (canonical, absolute), or NULL. */
struct node *tree_find(struct node *root, const char *path);

/** tree_nearest() - the deepest node that exists on the way to @path; *@end is where its path ends in @path. */
struct node *tree_nearest(struct node *root, const char *path, size_t *end);

/**
 * tree_own() - make the node whose path is the first @len bytes of @path, and which must exist, private to this tree
 * with all that lies above it, so that it may be changed.
 */
struct node *tree_own(struct node **root, const char *path, size_t len);

/** tree_add() - give @parent (owned) a new child @name with @perms (taken over); returns it, owned. */
struct node *tree_add(struct node *parent, const char *name, size_t len, struct blob *perms);

/** tree_remove() - take the node at @path and all below out of the tree; the reference goes to the caller. */
struct node *tree_remove(struct node **root, const char *path);

/** node_set_value(), node_set_perms() - change an owned node; the reference is taken over. */
void node_set_value(struct node *n, struct blob *value);
void node_set_perms(struct node *n, struct blob *perms);

/**
 * node_each_child() - call @fn for the children of @n in order of their names until it returns false.
 * Returns false when one call did.
 */
typedef bool (*node_fn)(struct node *child, void *arg);
bool node_each_child(struct node *n, node_fn fn, void *arg);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Persistent tree of treaps; tree.h has the drawing.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tree.h"

uint64_t tree_generation;

/* Priorities must not be guessable, or a guest could choose names that make a deep treap. */
static uint32_t random_prio(void)
{
	static uint64_t state;

	if (!state && getrandom(&state, sizeof(state), GRND_NONBLOCK) != sizeof(state))
		state = (uintptr_t)&state;
	state |= 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 24;
}

/* Most names differ in the eight bytes that a node carries itself. */
struct name {
	const char *text;
	size_t len;
	uint64_t key;
};

static struct name name_of(const char *text, size_t len)
{
	struct name n = { text, len, 0 };

	memcpy(&n.key, text, len < sizeof(n.key) ? len : sizeof(n.key));
	n.key = be64toh(n.key);
	return n;
}

static int name_cmp(const struct name *a, const struct node *n)
{
	const struct blob *b = n->name;
	int diff;

	if (a->key != n->key)
		return a->key < n->key ? -1 : 1;
	diff = memcmp(a->text, b->data, a->len < b->len ? a->len : b->len);
	return diff ? diff : (a->len > b->len) - (a->len < b->len);
}

static struct node *node_new(const struct name *name, struct blob *perms)
{
	struct node *n = xalloc(sizeof(*n));

	tree_bytes += sizeof(*n);
	n->refs = 1;
	n->prio = random_prio();
	n->key = name->key;
	n->name = blob_new(name->text, name->len);
	n->perms = perms;
	n->gen = n->perm_gen = n->list_gen = ++tree_generation;
	return n;
}

struct node *tree_new(struct blob *perms)
{
	struct name none = { "" };

	return node_new(&none, perms);
}

void node_put(struct node *n)
{
	while (n && --n->refs == 0) {
		struct node *right = n->right;

		node_put(n->left);
		node_put(n->children);
		blob_put(n->name);
		blob_put(n->value);
		blob_put(n->perms);
		tree_bytes -= sizeof(*n);
		free(n);
		n = right;
	}
}

/* Make *@slot, which is held by an owned node or a root pointer, private. */
static struct node *own(struct node **slot)
{
	struct node *old = *slot, *n;

	if (!old || old->refs == 1)
		return old;
	n = xalloc(sizeof(*n));
	tree_bytes += sizeof(*n);
	*n = *old;
	n->refs = 1;
	node_get(n->left);
	node_get(n->right);
	node_get(n->children);
	blob_get(n->name);
	blob_get(n->value);
	blob_get(n->perms);
	old->refs--;
	*slot = n;
	return n;
}

static struct node *find_child(struct node *parent, const struct name *name)
{
	struct node *n = parent->children;

	while (n) {
		int diff = name_cmp(name, n);

		if (!diff)
			break;
		n = diff < 0 ? n->left : n->right;
	}
	return n;
}

/* Length of the path component that begins at @path (behind its slash). */
static size_t component(const char *path)
{
	return strchrnul(path, '/') - path;
}

struct node *tree_nearest(struct node *root, const char *path, size_t *end)
{
	const char *p = path + 1;
	struct node *n = root;

	*end = 1;
	while (*p) {
		struct name name = name_of(p, component(p));
		struct node *child = find_child(n, &name);

		if (!child)
			break;
		n = child;
		p += name.len;
		*end = p - path;
		p += *p == '/';
	}
	return n;
}

struct node *tree_find(struct node *root, const char *path)
{
	size_t end;
	struct node *n = tree_nearest(root, path, &end);

	return path[end] ? NULL : n;
}

/* The slot that holds child @name of owned @parent, all above it owned, itself not yet. NULL when there is none. */
static struct node **own_slot(struct node *parent, const struct name *name)
{
	struct node **slot = &parent->children;

	while (*slot) {
		int diff = name_cmp(name, *slot);
		struct node *n;

		if (!diff)
			return slot;
		n = own(slot);
		slot = diff < 0 ? &n->left : &n->right;
	}
	return NULL;
}

struct node *tree_own(struct node **root, const char *path, size_t len)
{
	struct node *n = own(root);
	const char *p = path + 1, *end = path + len;

	while (p < end) {
		struct name name = name_of(p, component(p));

		n = own(own_slot(n, &name));
		p += name.len + 1;
	}
	return n;
}

/* Cut the treap @n at @name into what is smaller (*@left) and what is greater (*@right). */
static void split(struct node *n, const struct name *name, struct node **left, struct node **right)
{
	while (n) {
		if (name_cmp(name, n) < 0) {
			*right = n;
			n = own(right);
			right = &n->left;
			n = n->left;
		} else {
			*left = n;
			n = own(left);
			left = &n->right;
			n = n->right;
		}
	}
	*left = *right = NULL;
}

/* Join two treaps, every name in @left smaller than every name in @right, at *@slot. */
static void join(struct node *left, struct node *right, struct node **slot)
{
	while (left && right) {
		if (left->prio > right->prio) {
			*slot = left;
			left = own(slot);
			slot = &left->right;
			left = left->right;
		} else {
			*slot = right;
			right = own(slot);
			slot = &right->left;
			right = right->left;
		}
	}
	*slot = left ? left : right;
}

struct node *tree_add(struct node *parent, const char *text, size_t len, struct blob *perms)
{
	struct name name = name_of(text, len);
	struct node *n = node_new(&name, perms), **slot = &parent->children;

	while (*slot && (*slot)->prio >= n->prio) {
		struct node *at = own(slot);

		slot = name_cmp(&name, at) < 0 ? &at->left : &at->right;
	}
	split(*slot, &name, &n->left, &n->right);
	*slot = n;
	parent->list_gen = n->gen;
	return n;
}

struct node *tree_remove(struct node **root, const char *path)
{
	const char *last = strrchr(path, '/') + 1;
	struct name name = name_of(last, strlen(last));
	struct node *parent = tree_own(root, path, last - 1 - path);
	struct node **slot = own_slot(parent, &name), *n = own(slot);

	join(n->left, n->right, slot);
	n->left = n->right = NULL;
	parent->list_gen = ++tree_generation;
	return n;
}

void node_set_value(struct node *n, struct blob *value)
{
	blob_put(n->value);
	n->value = value;
	n->gen = ++tree_generation;
}

void node_set_perms(struct node *n, struct blob *perms)
{
	blob_put(n->perms);
	n->perms = perms;
	n->gen = n->perm_gen = ++tree_generation;
}

static bool in_order(struct node *n, node_fn fn, void *arg)
{
	for (; n; n = n->right)
		if (!in_order(n->left, fn, arg) || !fn(n, arg))
			return false;
	return true;
}

bool node_each_child(struct node *n, node_fn fn, void *arg)
{
	return in_order(n->children, fn, arg);
}

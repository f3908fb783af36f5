// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on the tree.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "domain.h"
#include "quota.h"
#include "store.h"
#include "transaction.h"

struct node *store_root;
size_t store_bytes;

static struct sight introduce_perms, release_perms;

/* --- charges and events ------------------------------------------------------------------------------------------- */

static struct delta *delta_of(struct ledger *l, uint32_t domid)
{
	struct delta *d;

	LL_SEARCH_SCALAR(l->deltas, d, domid, domid);
	if (!d) {
		d = xalloc(sizeof(*d));
		d->domid = domid;
		LL_PREPEND(l->deltas, d);
	}
	return d;
}

static void charge(struct scope *s, uint32_t domid, int nodes, int bytes)
{
	if (s->ledger) {
		struct delta *d = delta_of(s->ledger, domid);

		d->nodes += nodes;
		d->bytes += bytes;
		return;
	}
	quota_charge(domid, QUOTA_NODES, nodes);
	quota_charge(domid, QUOTA_MEMORY, bytes);
	store_bytes += bytes;
}

int store_node_bytes(const struct node *n)
{
	return sizeof(*n) + n->name->len + blob_len(n->value) + n->perms->len + 3 * sizeof(struct blob);
}

/* Count @n for its owner (@sign 1) or not any more (-1). */
static void charge_node(struct scope *s, const struct node *n, int sign)
{
	charge(s, perms_payer(n), sign, sign * store_node_bytes(n));
}

/* What the scope's client has of a quota, the transaction's share included. */
static long has(const struct scope *s, enum quota q)
{
	uint32_t domid = s->conn->domid;
	struct delta *d = NULL;
	long n = quota_used(domid, q);

	if (s->ledger)
		LL_SEARCH_SCALAR(s->ledger->deltas, d, domid, domid);
	if (d)
		n += q == QUOTA_NODES ? d->nodes : d->bytes;
	return n;
}

static struct sight sight_of(const struct node *n)
{
	return (struct sight){ n->perms, n->perm_gen };
}

static void tell(struct scope *s, const struct event *e)
{
	struct pending_event *p;

	if (!s->ledger) {
		watch_fire(e);
		return;
	}
	p = xalloc(sizeof(*p) + strlen(e->path) + 1);
	p->exact = e->exact;
	strcpy(p->path, e->path);
	if (s->ledger->last_event)
		s->ledger->last_event->next = p;
	else
		s->ledger->events = p;
	s->ledger->last_event = p;
}

static size_t parent_len(const char *path)
{
	size_t len = strrchr(path, '/') - path;

	return len ? len : 1;
}

static struct node *find_parent(struct node *root, const char *path)
{
	char parent[XENSTORE_ABS_PATH_MAX + 1];
	size_t len = parent_len(path);

	memcpy(parent, path, len);
	parent[len] = 0;
	return tree_find(root, parent);
}

/* Tell of a change of @n at @path; @before are its permissions until now when they were changed. */
static void tell_of(struct scope *s, const char *path, const struct node *n, struct sight before)
{
	struct event e = { path, false, sight_of(n), { 0 }, before };

	if (!s->ledger && !watch_any())
		return;
	/* Of a transaction's event only the path is written down. */
	if (!s->ledger)
		e.parent = sight_of(find_parent(*s->root, path));
	tell(s, &e);
}

/* --- looking up --------------------------------------------------------------------------------------------------- */

static int note(struct scope *s, const char *path, size_t len, uint32_t what)
{
	return s->tx ? tx_note(s->tx, path, len, what) : 0;
}

int store_get(struct scope *s, const char *path, unsigned int want, struct node **node)
{
	size_t len = strlen(path), end;
	struct node *n = tree_nearest(*s->root, path, &end);
	bool there = end == len;
	int rc = note(s, path, len, NOTE_VALUE);

	*node = NULL;
	if (rc)
		return rc;
	if (!there && !conn_privileged(s->conn) && note(s, path, end, NOTE_PERMS))
		return ENOSPC;
	/* Who may not see the place where it would be is not told whether it is there. */
	rc = perms_of(s->conn, n->perms, n->perm_gen) & want;
	if (there ? rc != (int)want : !rc)
		return EACCES;
	if (there)
		*node = n;
	return there ? 0 : ENOENT;
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

static void log_change(struct scope *s, enum change_kind kind, const char *path, struct blob *blob)
{
	if (s->tx)
		tx_log(s->tx, kind, path, blob_get(blob));
}

static void set_value(struct scope *s, const char *path, struct blob *value)
{
	struct node *n = tree_own(s->root, path, strlen(path));

	charge(s, perms_payer(n), 0, (int)blob_len(value) - (int)blob_len(n->value));
	node_set_value(n, blob_get(value));
	tell_of(s, path, n, (struct sight){ 0 });
}

/* Create the node at @path, and those above it that are missing, below the existing one whose path ends at @end. */
static void create(struct scope *s, const char *path, size_t end, struct blob *value)
{
	struct node *n = tree_own(s->root, path, end);
	const char *p = path + (end == 1 ? 1 : end + 1);

	for (;;) {
		size_t len = strchrnul(p, '/') - p;

		n = tree_add(n, p, len, perms_inherit(s->conn, n));
		if (!p[len])
			node_set_value(n, blob_get(value));
		charge_node(s, n, 1);
		if (!p[len])
			break;
		p += len + 1;
	}
	tell_of(s, path, n, (struct sight){ 0 });
}

static void make(struct scope *s, const char *path, struct blob *value, bool set)
{
	size_t end;

	tree_nearest(*s->root, path, &end);
	if (path[end])
		create(s, path, end, value);
	else if (set)
		set_value(s, path, value);
}

static int count_missing(const char *path, size_t end)
{
	int n = end == 1;

	for (const char *p = path + end; *p; p++)
		n += *p == '/';
	return n;
}

/* May the client hold @nodes more nodes and @bytes more bytes? */
static int may_hold(struct scope *s, int nodes, long bytes)
{
	uint32_t domid = s->conn->domid;

	if (!domid)
		return 0;
	if (nodes && quota_exceeded(domid, QUOTA_NODES, has(s, QUOTA_NODES) + nodes))
		return ENOSPC;
	return quota_exceeded(domid, QUOTA_MEMORY, has(s, QUOTA_MEMORY) + bytes) ? ENOMEM : 0;
}

static int check_create(struct scope *s, const char *path, size_t value_len)
{
	size_t end;
	struct node *n = tree_nearest(*s->root, path, &end);
	int missing = count_missing(path, end), rc;

	/* What is inherited is learned. */
	rc = note(s, path, end, NOTE_PERMS);
	if (rc || quota_exceeded(s->conn->domid, QUOTA_NODE_SIZE, value_len + n->perms->len))
		return ENOSPC;
	return may_hold(s, missing, value_len + missing * (sizeof(*n) + n->perms->len));
}

int store_write(struct scope *s, const char *path, const void *data, size_t len)
{
	struct node *n;
	struct blob *value;
	int rc = store_get(s, path, PERM_WRITE, &n);

	if (rc == ENOENT)
		rc = check_create(s, path, len);
	else if (!rc && quota_exceeded(s->conn->domid, QUOTA_NODE_SIZE, len + n->perms->len))
		rc = ENOSPC;
	else if (!rc)
		rc = may_hold(s, 0, (long)len - (long)blob_len(n->value));
	if (rc)
		return rc;
	value = blob_new(data, len);
	if (n)
		set_value(s, path, value);
	else
		make(s, path, value, true);
	log_change(s, CHANGE_WRITE, path, value);
	blob_put(value);
	return 0;
}

int store_mkdir(struct scope *s, const char *path)
{
	struct node *n;
	int rc = store_get(s, path, PERM_WRITE, &n);

	if (rc == ENOENT)
		rc = check_create(s, path, 0);
	if (rc || n)
		return rc;
	make(s, path, NULL, false);
	log_change(s, CHANGE_MKDIR, path, NULL);
	return 0;
}

struct removal {
	struct scope *s;
	struct node *parent;
	char *path;			/* room for the longest */
	size_t len;
};

/* Tell of @n, a child of @r->parent at r->path, and all below it, and stop counting them. */
static bool remove_below(struct node *n, void *arg)
{
	struct removal *r = arg, below = *r;
	struct event e = { r->path, true, sight_of(n), sight_of(r->parent), { 0 } };

	if (r->len + 1 + n->name->len > XENSTORE_ABS_PATH_MAX)
		return true;
	r->path[r->len] = '/';
	memcpy(r->path + r->len + 1, n->name->data, n->name->len + 1);
	below.len += 1 + n->name->len;
	below.parent = n;
	node_each_child(n, remove_below, &below);
	r->path[below.len] = 0;
	tell(r->s, &e);
	charge_node(r->s, n, -1);
	return true;
}

static void remove_node(struct scope *s, const char *path)
{
	char buf[XENSTORE_ABS_PATH_MAX + 1];
	struct node *n = tree_find(*s->root, path);
	struct removal r = { s, n, buf, strlen(path) };

	strcpy(buf, path);
	tell_of(s, path, n, (struct sight){ 0 });
	node_each_child(n, remove_below, &r);
	charge_node(s, n, -1);
	node_put(tree_remove(s->root, path));
}

int store_rm(struct scope *s, const char *path)
{
	struct node *n;
	int rc = store_get(s, path, PERM_WRITE, &n);

	if (rc == ENOENT && !note(s, path, parent_len(path), NOTE_PERMS))
		return find_parent(*s->root, path) ? 0 : ENOENT;
	if (rc)
		return rc;
	if (!path[1])
		return EINVAL;
	remove_node(s, path);
	log_change(s, CHANGE_RM, path, NULL);
	return 0;
}

static void set_perms(struct scope *s, const char *path, struct blob *perms)
{
	struct node *n = tree_own(s->root, path, strlen(path));
	struct sight before = sight_of(n);

	blob_get(before.perms);
	charge_node(s, n, -1);
	node_set_perms(n, blob_get(perms));
	charge_node(s, n, 1);
	tell_of(s, path, n, before);
	blob_put(before.perms);
}

int store_set_perms(struct scope *s, const char *path, struct blob *perms)
{
	struct node *n;
	int rc = store_get(s, path, PERM_WRITE | PERM_OWNER, &n);

	if (!rc && !conn_privileged(s->conn) && perms_owner(perms) != perms_owner(n->perms))
		rc = EPERM;
	if (!rc)
		rc = may_hold(s, 0, (long)perms->len - (long)n->perms->len);
	if (!rc) {
		set_perms(s, path, perms);
		log_change(s, CHANGE_PERMS, path, perms);
	}
	blob_put(perms);
	return rc;
}

void store_change(struct scope *s, enum change_kind kind, const char *path, struct blob *blob)
{
	switch (kind) {
	case CHANGE_WRITE:
	case CHANGE_MKDIR:
		make(s, path, blob, kind == CHANGE_WRITE);
		break;
	case CHANGE_RM:
		if (tree_find(*s->root, path))
			remove_node(s, path);
		break;
	case CHANGE_PERMS:
		if (tree_find(*s->root, path))
			set_perms(s, path, blob);
		break;
	}
}

/* --- ledgers ------------------------------------------------------------------------------------------------------ */

int ledger_fits(const struct ledger *l)
{
	for (const struct delta *d = l->deltas; d; d = d->next)
		if (d->nodes > 0 && quota_exceeded(d->domid, QUOTA_NODES, quota_used(d->domid, QUOTA_NODES) + d->nodes))
			return ENOSPC;
	return 0;
}

/* Who may know is who could read it before, or can now; what it was in between is nobody's business. */
static void fire_pending(const struct pending_event *p, struct node *before)
{
	struct node *then = tree_find(before, p->path), *now = tree_find(store_root, p->path);
	struct event e = { p->path, p->exact };

	if (!then && !now)
		return;
	e.node = sight_of(now ? now : then);
	e.parent = sight_of(find_parent(now ? store_root : before, p->path));
	if (then && now)
		e.before = sight_of(then);
	watch_fire(&e);
}

void ledger_settle(struct ledger *l, struct node *before)
{
	for (const struct delta *d = l->deltas; d; d = d->next) {
		quota_charge(d->domid, QUOTA_NODES, d->nodes);
		quota_charge(d->domid, QUOTA_MEMORY, d->bytes);
		store_bytes += d->bytes;
	}
	for (struct pending_event *p = l->events; p; p = p->next)
		fire_pending(p, before);
}

void ledger_free(struct ledger *l)
{
	struct pending_event *p, *next;
	struct delta *d, *tmp;

	LL_FOREACH_SAFE(l->events, p, next)
		free(p);
	LL_FOREACH_SAFE(l->deltas, d, tmp)
		free(d);
	*l = (struct ledger){ 0 };
}

/* --- the store itself --------------------------------------------------------------------------------------------- */

static struct scope live = { .root = &store_root };

void store_init(void)
{
	store_root = tree_new(perms_make(0, 0));
	introduce_perms.perms = perms_make(0, 0);
	release_perms.perms = perms_make(0, 0);
	charge_node(&live, store_root, 1);
	make(&live, "/tool/xenstored", NULL, false);
}

void store_name_domain0(void)
{
	struct blob *zero = blob_new("0", 1);

	make(&live, "/local/domain/0/domid", zero, true);
	blob_put(zero);
}

void store_adopt(const struct node *n)
{
	charge_node(&live, n, 1);
}

struct sight *store_special_perms(const char *name)
{
	if (!strcmp(name, "@introduceDomain"))
		return &introduce_perms;
	return strcmp(name, "@releaseDomain") ? NULL : &release_perms;
}

void store_fire_special(const char *name)
{
	struct event e = { .path = name, .node = *store_special_perms(name) };

	watch_fire(&e);
}

struct purge {
	uint32_t domid;
	char *path;
	size_t len;
	bool found;
};

/* Leave the path of the first node that the domain owns in p->path and stop there. */
static bool find_owned(struct node *n, void *arg)
{
	struct purge *p = arg, below;

	p->path[p->len] = '/';
	memcpy(p->path + p->len + 1, n->name->data, n->name->len + 1);
	below = *p;
	below.len += 1 + n->name->len;
	p->found = perms_payer(n) == p->domid || !node_each_child(n, find_owned, &below);
	return !p->found;
}

/* Remove what @domid owns below @start. */
static void purge(uint32_t domid, const char *start)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	struct node *n = tree_find(store_root, start);

	while (n && quota_used(domid, QUOTA_NODES) > 0) {
		struct purge p = { domid, strcpy(path, start), start[1] ? strlen(start) : 0, false };

		if (node_each_child(n, find_owned, &p))
			break;
		remove_node(&live, path);
		n = tree_find(store_root, start);
	}
}

void store_forget_owner(uint32_t domid)
{
	char home[32];

	snprintf(home, sizeof(home), "/local/domain/%u", domid);
	purge(domid, home);
	purge(domid, "/");
	/* The root stays: it falls to Domain0. */
	if (perms_payer(store_root) == domid) {
		struct blob *perms = perms_for(store_root, 0);

		set_perms(&live, "/", perms);
		blob_put(perms);
	}
}

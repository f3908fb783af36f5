// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests about nodes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "handlers.h"
#include "quota.h"
#include "transaction.h"

/* What most requests begin with: a scope and the path that their first argument says. */
struct target {
	struct scope scope;
	char path[XENSTORE_ABS_PATH_MAX + 1];
};

static int aim(struct request *r, const char *arg, struct target *t)
{
	size_t strip;

	t->scope = request_scope(r);
	return request_resolve(r->conn, arg, t->path, &strip);
}

static int aim_and_get(struct request *r, const char *arg, struct target *t, struct node **n)
{
	int rc = aim(r, arg, t);

	return rc ? rc : store_get(&t->scope, t->path, PERM_READ, n);
}

int request_read(struct request *r)
{
	struct target t;
	struct node *n;
	int rc = aim_and_get(r, request_only_string(r), &t, &n);

	if (!rc)
		request_reply(r, n->value ? n->value->data : "", blob_len(n->value));
	return rc;
}

/* A window of a list of names with their zero bytes. */
struct listing {
	char buf[XENSTORE_PAYLOAD_MAX];
	size_t from, at, used, room;
	bool cut;
};

/* Only whole names; @from is where one begins unless the client made it up. */
static bool list_name(struct node *child, void *arg)
{
	struct listing *l = arg;
	size_t len = child->name->len + 1, skip;

	if (l->at + len > l->from && !l->cut) {
		skip = l->from > l->at ? l->from - l->at : 0;
		if (l->used + len - skip > l->room) {
			l->cut = true;
			return false;
		}
		memcpy(l->buf + l->used, child->name->data + skip, len - skip);
		l->used += len - skip;
	}
	l->at += len;
	return true;
}

static int note_list(struct target *t)
{
	return t->scope.tx ? tx_note(t->scope.tx, t->path, strlen(t->path), NOTE_LIST) : 0;
}

int request_directory(struct request *r)
{
	struct listing l = { .room = sizeof(l.buf) };
	struct target t;
	struct node *n;
	int rc = aim_and_get(r, request_only_string(r), &t, &n);

	if (!rc)
		rc = note_list(&t);
	if (rc)
		return rc;
	node_each_child(n, list_name, &l);
	if (l.cut)
		return E2BIG;
	request_reply(r, l.buf, l.used);
	return 0;
}

int request_directory_part(struct request *r)
{
	struct listing l = { 0 };
	const char *arg[2];
	struct target t;
	struct node *n;
	size_t gen_len;
	int rc;

	if (request_strings(r, arg, 2) != 2)
		return EINVAL;
	rc = aim_and_get(r, arg[0], &t, &n);
	if (!rc)
		rc = note_list(&t);
	if (rc)
		return rc;
	gen_len = sprintf(l.buf, "%llu", (unsigned long long)n->list_gen) + 1;
	l.used = gen_len;
	l.room = sizeof(l.buf) - 1;
	l.from = strtoul(arg[1], NULL, 10);
	node_each_child(n, list_name, &l);
	/* An empty name says that the list is complete. */
	if (!l.cut)
		l.buf[l.used++] = 0;
	request_reply(r, l.buf, l.used);
	return 0;
}

int request_write(struct request *r)
{
	const char *arg;
	struct target t;
	size_t skip;
	int rc;

	if (!request_strings(r, &arg, 1))
		return EINVAL;
	rc = aim(r, arg, &t);
	skip = strlen(arg) + 1;
	if (!rc)
		rc = store_write(&t.scope, t.path, r->body + skip, r->hdr->len - skip);
	if (!rc)
		request_ok(r);
	return rc;
}

int request_mkdir(struct request *r)
{
	struct target t;
	int rc = aim(r, request_only_string(r), &t);

	if (!rc)
		rc = store_mkdir(&t.scope, t.path);
	if (!rc)
		request_ok(r);
	return rc;
}

int request_rm(struct request *r)
{
	struct target t;
	int rc = aim(r, request_only_string(r), &t);

	if (!rc)
		rc = store_rm(&t.scope, t.path);
	if (!rc)
		request_ok(r);
	return rc;
}

int request_get_perms(struct request *r)
{
	char buf[XENSTORE_PAYLOAD_MAX];
	struct target t;
	struct node *n;
	size_t len;
	int rc = aim_and_get(r, request_only_string(r), &t, &n);

	if (rc)
		return rc;
	len = perms_print(n, buf, sizeof(buf));
	if (len > sizeof(buf))
		return E2BIG;
	request_reply(r, buf, len);
	return 0;
}

static int set_special(struct request *r, struct sight *special, struct blob *perms)
{
	if (!conn_privileged(r->conn) && !(perms_of(r->conn, special->perms, special->generation) & PERM_OWNER)) {
		blob_put(perms);
		return EACCES;
	}
	blob_put(special->perms);
	*special = (struct sight){ perms, ++tree_generation };
	return 0;
}

int request_set_perms(struct request *r)
{
	const char *arg;
	unsigned int n = request_strings(r, &arg, 1);
	struct sight *special;
	struct blob *perms;
	struct target t;
	int rc;

	if (n < 2)
		return EINVAL;
	if (quota_exceeded(r->conn->domid, QUOTA_PERMS, n - 1))
		return ENOSPC;
	perms = perms_parse(arg + strlen(arg) + 1, n - 1);
	if (!perms)
		return EINVAL;
	special = store_special_perms(arg);
	rc = special ? 0 : aim(r, arg, &t);
	if (rc) {
		blob_put(perms);
		return rc;
	}
	perms_know(perms);
	rc = special ? set_special(r, special, perms) : store_set_perms(&t.scope, t.path, perms);
	if (!rc)
		request_ok(r);
	return rc;
}

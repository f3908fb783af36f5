// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests: their arguments, what they do, their answers.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/xen.h>

#include "conn.h"
#include "control.h"
#include "domain.h"
#include "request.h"
#include "store.h"
#include "transaction.h"

void request_reply(struct request *r, const void *data, size_t len)
{
	struct xsd_sockmsg hdr = *r->hdr;

	hdr.len = len;
	conn_send(r->conn, &hdr, data);
}

void request_ok(struct request *r)
{
	request_reply(r, "OK", sizeof("OK"));
}

static void reply_error(struct request *r, int error)
{
	struct xsd_sockmsg hdr = *r->hdr;
	const char *name = "EINVAL";

	for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(*xsd_errors); i++)
		if (xsd_errors[i].errnum == error)
			name = xsd_errors[i].errstring;
	hdr.type = XS_ERROR;
	hdr.len = strlen(name) + 1;
	conn_send(r->conn, &hdr, name);
}

/* --- arguments ---------------------------------------------------------------------------------------------------- */

unsigned int request_strings(const struct request *r, const char **strings, unsigned int max)
{
	const char *p = r->body, *end = p + r->hdr->len, *zero;
	unsigned int n = 0;

	while (p < end && (zero = memchr(p, 0, end - p))) {
		if (n < max)
			strings[n] = p;
		n++;
		p = zero + 1;
	}
	return n;
}

/* The one argument of a request, or NULL. */
static const char *only_string(const struct request *r)
{
	uint32_t len = r->hdr->len;

	return len && memchr(r->body, 0, len) == r->body + len - 1 ? r->body : NULL;
}

static bool valid_chars(const char *s)
{
	static const char others[] = "-/_@";

	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		      strchr(others, *s)))
			return false;
	return true;
}

/* Characters of @path that its domain's home takes, which do not count against a limit. */
static size_t home_len(const char *path)
{
	unsigned int domid;
	int n = 0;

	return sscanf(path, "/local/domain/%5u/%n", &domid, &n) == 1 ? n : 0;
}

/* The limit is for tools, too: what they write, domains read. */
static bool valid_path(const char *path)
{
	size_t len = strlen(path);

	if (len > XENSTORE_ABS_PATH_MAX || strstr(path, "//") || (len > 1 && path[len - 1] == '/'))
		return false;
	if (quotas[QUOTA_PATH].value && len > quotas[QUOTA_PATH].value + home_len(path))
		return false;
	return valid_chars(path);
}

/* Absolute path of @arg into @path (XENSTORE_ABS_PATH_MAX + 1 bytes); *@strip is what was put before it. */
static int resolve(const struct conn *c, const char *arg, char *path, size_t *strip)
{
	size_t len = arg ? strlen(arg) : 0;

	*strip = 0;
	if (!arg || *arg == '@')
		return EINVAL;
	if (*arg != '/') {
		if (len > XENSTORE_REL_PATH_MAX)
			return EINVAL;
		*strip = sprintf(path, "/local/domain/%u/", c->domid);
	}
	if (*strip + len > XENSTORE_ABS_PATH_MAX)
		return EINVAL;
	memcpy(path + *strip, arg, len + 1);
	return valid_path(path) ? 0 : EINVAL;
}

static struct scope scope_of(struct request *r)
{
	if (!r->tx)
		return (struct scope){ r->conn, NULL, &store_root, NULL };
	return (struct scope){ r->conn, r->tx, &r->tx->root, &r->tx->ledger };
}

/* What most requests begin with: a scope and the path that their first argument says. */
struct target {
	struct scope scope;
	char path[XENSTORE_ABS_PATH_MAX + 1];
};

static int aim(struct request *r, const char *arg, struct target *t)
{
	size_t strip;

	t->scope = scope_of(r);
	return resolve(r->conn, arg, t->path, &strip);
}

static int aim_and_get(struct request *r, const char *arg, struct target *t, struct node **n)
{
	int rc = aim(r, arg, t);

	return rc ? rc : store_get(&t->scope, t->path, PERM_READ, n);
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static int do_read(struct request *r)
{
	struct target t;
	struct node *n;
	int rc = aim_and_get(r, only_string(r), &t, &n);

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

static int do_directory(struct request *r)
{
	struct listing l = { .room = sizeof(l.buf) };
	struct target t;
	struct node *n;
	int rc = aim_and_get(r, only_string(r), &t, &n);

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

static int do_directory_part(struct request *r)
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

static int do_write(struct request *r)
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

static int do_mkdir(struct request *r)
{
	struct target t;
	int rc = aim(r, only_string(r), &t);

	if (!rc)
		rc = store_mkdir(&t.scope, t.path);
	if (!rc)
		request_ok(r);
	return rc;
}

static int do_rm(struct request *r)
{
	struct target t;
	int rc = aim(r, only_string(r), &t);

	if (!rc)
		rc = store_rm(&t.scope, t.path);
	if (!rc)
		request_ok(r);
	return rc;
}

static int do_get_perms(struct request *r)
{
	char buf[XENSTORE_PAYLOAD_MAX];
	struct target t;
	struct node *n;
	size_t len;
	int rc = aim_and_get(r, only_string(r), &t, &n);

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

static int do_set_perms(struct request *r)
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

/* --- watches, transactions ---------------------------------------------------------------------------------------- */

static int watched_path(struct request *r, const char *arg, char *path, size_t *strip)
{
	*strip = 0;
	if (*arg != '@')
		return resolve(r->conn, arg, path, strip);
	if (strlen(arg) > XENSTORE_REL_PATH_MAX)
		return EINVAL;
	strcpy(path, arg);
	return 0;
}

static int parse_depth(const char *arg, int *depth)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	*depth = n;
	return *arg < '0' || *arg > '9' || *end || n > XENSTORE_ABS_PATH_MAX ? EINVAL : 0;
}

static int do_watch(struct request *r)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	const char *arg[3];
	unsigned int n = request_strings(r, arg, 3);
	int depth = -1, rc;
	size_t strip;

	if (n != 2 && n != 3)
		return EINVAL;
	rc = watched_path(r, arg[0], path, &strip);
	if (!rc && n == 3)
		rc = parse_depth(arg[2], &depth);
	if (!rc)
		rc = watch_add(r->conn, path, arg[1], strip, depth);
	if (rc)
		return rc;
	request_ok(r);
	/* The first event comes at once: a client starts like one that heard of a change. */
	conn_send_event(r->conn, r->conn->watches->prev, path, strlen(path));
	return 0;
}

static int do_unwatch(struct request *r)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	const char *arg[2];
	size_t strip;
	int rc;

	if (request_strings(r, arg, 2) != 2)
		return EINVAL;
	rc = watched_path(r, arg[0], path, &strip);
	if (rc)
		return ENOENT;
	rc = watch_remove(r->conn, path, arg[1]);
	if (!rc)
		request_ok(r);
	return rc;
}

static int do_reset_watches(struct request *r)
{
	watch_remove_all(r->conn);
	tx_abort_all(r->conn);
	request_ok(r);
	return 0;
}

static int do_transaction_start(struct request *r)
{
	char buf[16];
	uint32_t id;
	int rc;

	if (r->tx)
		return EBUSY;
	rc = tx_start(r->conn, &id);
	if (!rc)
		request_reply(r, buf, sprintf(buf, "%u", id) + 1);
	return rc;
}

static int do_transaction_end(struct request *r)
{
	const char *arg = only_string(r);
	int rc;

	if (!arg || (strcmp(arg, "T") && strcmp(arg, "F")))
		return EINVAL;
	if (!r->tx)
		return ENOENT;
	rc = tx_end(r->tx, *arg == 'T');
	if (!rc)
		request_ok(r);
	return rc;
}

/* --- domains ------------------------------------------------------------------------------------------------------ */

static int do_introduce(struct request *r)
{
	const char *arg[3];
	int port, rc;

	if (request_strings(r, arg, 3) < 3)
		return EINVAL;
	port = atoi(arg[2]);
	if (port <= 0)
		return EINVAL;
	rc = domain_introduce(atoi(arg[0]), strtoull(arg[1], NULL, 10), port);
	if (!rc)
		request_ok(r);
	return rc;
}

/* The introduced domain that @arg names. */
static int find_introduced(const char *arg, struct domain **d)
{
	*d = domain_find(atoi(arg));
	return *d && (*d)->introduced ? 0 : ENOENT;
}

static int only_introduced(struct request *r, struct domain **d)
{
	const char *arg = only_string(r);

	return arg && atoi(arg) ? find_introduced(arg, d) : EINVAL;
}

static int do_release(struct request *r)
{
	struct domain *d;
	int rc = only_introduced(r, &d);

	if (rc)
		return rc;
	domain_release(d);
	store_fire_special("@releaseDomain");
	request_ok(r);
	return 0;
}

static int do_resume(struct request *r)
{
	struct domain *d;
	int rc = only_introduced(r, &d);

	if (rc)
		return rc;
	d->shutdown = false;
	request_ok(r);
	return 0;
}

static int do_set_target(struct request *r)
{
	struct domain *d, *target;
	const char *arg[2];
	int rc;

	if (request_strings(r, arg, 2) < 2)
		return EINVAL;
	rc = find_introduced(arg[0], &d);
	if (!rc)
		rc = find_introduced(arg[1], &target);
	if (rc)
		return rc;
	d->target = target->domid;
	request_ok(r);
	return 0;
}

static int do_get_domain_path(struct request *r)
{
	const char *arg = only_string(r);
	char buf[40];

	if (!arg)
		return EINVAL;
	request_reply(r, buf, sprintf(buf, "/local/domain/%u", (unsigned int)atoi(arg)) + 1);
	return 0;
}

static int do_is_domain_introduced(struct request *r)
{
	const char *arg = only_string(r);
	struct domain *d;

	if (!arg)
		return EINVAL;
	request_reply(r, atoi(arg) == DOMID_SELF || !find_introduced(arg, &d) ? "T" : "F", 2);
	return 0;
}

/* --- dispatch ----------------------------------------------------------------------------------------------------- */

enum { PRIVILEGED = 1, NO_TRANSACTION = 2 };

static const struct {
	const char *name;
	int (*handle)(struct request *r);
	unsigned int flags;
} types[XS_TYPE_COUNT] = {
	[XS_CONTROL]		= { "CONTROL", control_handle, PRIVILEGED },
	[XS_DIRECTORY]		= { "DIRECTORY", do_directory },
	[XS_READ]		= { "READ", do_read },
	[XS_GET_PERMS]		= { "GET_PERMS", do_get_perms },
	[XS_WATCH]		= { "WATCH", do_watch, NO_TRANSACTION },
	[XS_UNWATCH]		= { "UNWATCH", do_unwatch, NO_TRANSACTION },
	[XS_TRANSACTION_START]	= { "TRANSACTION_START", do_transaction_start },
	[XS_TRANSACTION_END]	= { "TRANSACTION_END", do_transaction_end },
	[XS_INTRODUCE]		= { "INTRODUCE", do_introduce, PRIVILEGED },
	[XS_RELEASE]		= { "RELEASE", do_release, PRIVILEGED },
	[XS_GET_DOMAIN_PATH]	= { "GET_DOMAIN_PATH", do_get_domain_path },
	[XS_WRITE]		= { "WRITE", do_write },
	[XS_MKDIR]		= { "MKDIR", do_mkdir },
	[XS_RM]			= { "RM", do_rm },
	[XS_SET_PERMS]		= { "SET_PERMS", do_set_perms },
	[XS_WATCH_EVENT]	= { "WATCH_EVENT" },
	[XS_ERROR]		= { "ERROR" },
	[XS_IS_DOMAIN_INTRODUCED] = { "IS_DOMAIN_INTRODUCED", do_is_domain_introduced, PRIVILEGED },
	[XS_RESUME]		= { "RESUME", do_resume, PRIVILEGED },
	[XS_SET_TARGET]		= { "SET_TARGET", do_set_target, PRIVILEGED },
	[XS_RESET_WATCHES]	= { "RESET_WATCHES", do_reset_watches },
	[XS_DIRECTORY_PART]	= { "DIRECTORY_PART", do_directory_part },
};

const char *request_name(uint32_t type)
{
	return type < XS_TYPE_COUNT && types[type].name ? types[type].name : "UNKNOWN";
}

static int dispatch(struct request *r)
{
	uint32_t type = r->hdr->type;

	if (type >= XS_TYPE_COUNT || !types[type].handle)
		return ENOSYS;
	if ((types[type].flags & PRIVILEGED) && !conn_privileged(r->conn))
		return EACCES;
	if (r->hdr->tx_id && !(types[type].flags & NO_TRANSACTION)) {
		r->tx = tx_find(r->conn, r->hdr->tx_id);
		if (!r->tx)
			return ENOENT;
	}
	return types[type].handle(r);
}

void request_handle(struct conn *c, const struct xsd_sockmsg *hdr, const char *body)
{
	struct request r = { .conn = c, .hdr = hdr, .body = body };
	int rc = dispatch(&r);

	if (rc)
		reply_error(&r, rc);
}

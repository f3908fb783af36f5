// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests: their arguments, their dispatch, their answers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conn.h"
#include "control.h"
#include "handlers.h"
#include "quota.h"
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
const char *request_only_string(const struct request *r)
{
	uint32_t len = r->hdr->len;

	return len && memchr(r->body, 0, len) == r->body + len - 1 ? r->body : NULL;
}

static bool valid_chars(const char *s)
{
	static const bool valid[256] = {
		['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
		['-'] = true, ['/'] = true, ['_'] = true, ['@'] = true,
	};

	while (valid[(unsigned char)*s])
		s++;
	return !*s;
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
	size_t len = strlen(path), limit = quotas[QUOTA_PATH].value;

	if (len > XENSTORE_ABS_PATH_MAX || strstr(path, "//") || (len > 1 && path[len - 1] == '/'))
		return false;
	if (limit && len > limit && len > limit + home_len(path))
		return false;
	return valid_chars(path);
}

/* Absolute path of @arg into @path (XENSTORE_ABS_PATH_MAX + 1 bytes); *@strip is what was put before it. */
int request_resolve(const struct conn *c, const char *arg, char *path, size_t *strip)
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

struct scope request_scope(struct request *r)
{
	if (!r->tx)
		return (struct scope){ r->conn, NULL, &store_root, NULL };
	return (struct scope){ r->conn, r->tx, &r->tx->root, &r->tx->ledger };
}

/* --- dispatch ----------------------------------------------------------------------------------------------------- */

enum { PRIVILEGED = 1, NO_TRANSACTION = 2 };

static const struct {
	const char *name;
	int (*handle)(struct request *r);
	unsigned int flags;
} types[XS_TYPE_COUNT] = {
	[XS_CONTROL]		= { "CONTROL", control_handle, PRIVILEGED },
	[XS_DIRECTORY]		= { "DIRECTORY", request_directory },
	[XS_READ]		= { "READ", request_read },
	[XS_GET_PERMS]		= { "GET_PERMS", request_get_perms },
	[XS_WATCH]		= { "WATCH", request_watch, NO_TRANSACTION },
	[XS_UNWATCH]		= { "UNWATCH", request_unwatch, NO_TRANSACTION },
	[XS_TRANSACTION_START]	= { "TRANSACTION_START", request_transaction_start },
	[XS_TRANSACTION_END]	= { "TRANSACTION_END", request_transaction_end },
	[XS_INTRODUCE]		= { "INTRODUCE", request_introduce, PRIVILEGED },
	[XS_RELEASE]		= { "RELEASE", request_release, PRIVILEGED },
	[XS_GET_DOMAIN_PATH]	= { "GET_DOMAIN_PATH", request_get_domain_path },
	[XS_WRITE]		= { "WRITE", request_write },
	[XS_MKDIR]		= { "MKDIR", request_mkdir },
	[XS_RM]			= { "RM", request_rm },
	[XS_SET_PERMS]		= { "SET_PERMS", request_set_perms },
	[XS_WATCH_EVENT]	= { "WATCH_EVENT" },
	[XS_ERROR]		= { "ERROR" },
	[XS_IS_DOMAIN_INTRODUCED] = { "IS_DOMAIN_INTRODUCED", request_is_domain_introduced, PRIVILEGED },
	[XS_RESUME]		= { "RESUME", request_resume, PRIVILEGED },
	[XS_SET_TARGET]		= { "SET_TARGET", request_set_target, PRIVILEGED },
	[XS_RESET_WATCHES]	= { "RESET_WATCHES", request_reset_watches },
	[XS_DIRECTORY_PART]	= { "DIRECTORY_PART", request_directory_part },
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

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of watches and the firing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "conn.h"
#include "perms.h"
#include "quota.h"
#include "watch.h"

/* A watched path and the watches on it. */
struct spot {
	struct blob *path;
	struct watch *watches;
	UT_hash_handle hh;
};

static struct spot *spots;

/* FNV-1a: the hash of a path goes on from the hash of the path above it. */
enum { HASH_START = 0x811c9dc5, HASH_STEP = 0x01000193 };

static uint32_t hash_on(uint32_t hash, const char *s, size_t len)
{
	while (len--)
		hash = (hash ^ (unsigned char)*s++) * HASH_STEP;
	return hash;
}

static struct spot *find_spot(const char *path, size_t len, uint32_t hash)
{
	struct spot *spot;

	HASH_FIND_BYHASHVALUE(hh, spots, path, len, hash, spot);
	return spot;
}

static struct watch *find(struct conn *c, const char *path, const char *token)
{
	size_t len = strlen(path);
	struct spot *spot = find_spot(path, len, hash_on(HASH_START, path, len));
	struct watch *w = NULL;

	if (spot)
		DL_FOREACH2(spot->watches, w, spot_next)
			if (w->conn == c && !strcmp(w->token->data, token))
				break;
	return w;
}

static struct spot *get_spot(struct blob *path)
{
	uint32_t hash = hash_on(HASH_START, path->data, path->len);
	struct spot *spot = find_spot(path->data, path->len, hash);

	if (!spot) {
		spot = xalloc(sizeof(*spot));
		spot->path = blob_get(path);
		HASH_ADD_KEYPTR_BYHASHVALUE(hh, spots, path->data, path->len, hash, spot);
	}
	return spot;
}

static int cost(const struct watch *w)
{
	return sizeof(*w) + w->path->len + w->token->len;
}

int watch_add(struct conn *c, const char *path, const char *token, size_t strip, int depth)
{
	struct watch *w;

	if (find(c, path, token))
		return EEXIST;
	if (quota_exceeded(c->domid, QUOTA_WATCHES, quota_used(c->domid, QUOTA_WATCHES) + 1))
		return E2BIG;
	w = xalloc(sizeof(*w));
	w->conn = c;
	w->path = blob_new(path, strlen(path));
	w->token = blob_new(token, strlen(token));
	w->strip = strip;
	w->depth = depth;
	w->spot = get_spot(w->path);
	DL_APPEND2(w->spot->watches, w, spot_prev, spot_next);
	DL_APPEND(c->watches, w);
	quota_charge(c->domid, QUOTA_WATCHES, 1);
	quota_charge(c->domid, QUOTA_MEMORY, cost(w));
	return 0;
}

static void drop(struct watch *w)
{
	struct spot *spot = w->spot;

	conn_forget_watch(w);
	quota_charge(w->conn->domid, QUOTA_WATCHES, -1);
	quota_charge(w->conn->domid, QUOTA_MEMORY, -cost(w));
	DL_DELETE(w->conn->watches, w);
	DL_DELETE2(spot->watches, w, spot_prev, spot_next);
	if (!spot->watches) {
		HASH_DEL(spots, spot);
		blob_put(spot->path);
		free(spot);
	}
	blob_put(w->path);
	blob_put(w->token);
	free(w);
}

int watch_remove(struct conn *c, const char *path, const char *token)
{
	struct watch *w = find(c, path, token);

	if (!w)
		return ENOENT;
	drop(w);
	return 0;
}

void watch_remove_all(struct conn *c)
{
	while (c->watches)
		drop(c->watches);
}

bool watch_any(void)
{
	return spots;
}

static bool readable(const struct conn *c, const struct sight *s)
{
	return s->perms && (perms_of(c, s->perms, s->generation) & PERM_READ);
}

static bool may_know(const struct conn *c, const struct event *e)
{
	return conn_privileged(c) || readable(c, &e->node) || readable(c, &e->parent) || readable(c, &e->before);
}

/* @below: how many levels the change is below the spot. */
static void fire_spot(const struct spot *spot, const struct event *e, size_t len, int below)
{
	struct watch *w;

	DL_FOREACH2(spot->watches, w, spot_next)
		if ((w->depth < 0 || below <= w->depth) && may_know(w->conn, e))
			conn_send_event(w->conn, w, e->path, len);
}

static int levels(const char *path)
{
	int n = 0;

	while (*path)
		n += *path++ == '/';
	return n;
}

void watch_fire(const struct event *e)
{
	size_t len = strlen(e->path), from = 0, to;
	uint32_t hash = HASH_START;
	int below = e->path[1] ? levels(e->path) : 0;
	struct spot *spot;

	if (!watch_any())
		return;
	if (!e->exact && *e->path == '/' && len > 1) {
		spot = find_spot("/", 1, hash_on(HASH_START, "/", 1));
		if (spot)
			fire_spot(spot, e, len, below);
	}
	do {
		to = strchrnul(e->path + from + 1, '/') - e->path;
		hash = hash_on(hash, e->path + from, to - from);
		from = to;
		below--;
		if (e->exact && to < len)
			continue;
		spot = find_spot(e->path, to, hash);
		if (spot)
			fire_spot(spot, e, len, below);
	} while (to < len);
}

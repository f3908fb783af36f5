// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transactions.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "quota.h"
#include "transaction.h"

enum { OLD_VERSIONS_MAX = 16 * 1024 * 1024 };

static struct tx *by_age;

struct tx *tx_find(struct conn *c, uint32_t id)
{
	struct tx *tx;

	DL_SEARCH_SCALAR(c->txs, tx, id, id);
	return tx;
}

static void charge(struct tx *tx, int bytes)
{
	quota_charge(tx->conn->domid, QUOTA_MEMORY, bytes);
}

static int change_bytes(const struct change *c)
{
	return sizeof(*c) + c->path->len + blob_len(c->blob) + 2 * sizeof(struct blob);
}

static int note_bytes(const struct note *n)
{
	return sizeof(*n) + n->hh.keylen;
}

struct tx *tx_add(struct conn *c, uint32_t id)
{
	struct tx *tx = xalloc(sizeof(*tx));

	tx->id = id;
	tx->conn = c;
	tx->base = node_get(store_root);
	tx->root = node_get(store_root);
	DL_APPEND(c->txs, tx);
	DL_APPEND2(by_age, tx, age_prev, age_next);
	quota_charge(c->domid, QUOTA_TRANSACTIONS, 1);
	charge(tx, sizeof(*tx));
	return tx;
}

int tx_start(struct conn *c, uint32_t *id)
{
	if (quota_exceeded(c->domid, QUOTA_TRANSACTIONS, quota_used(c->domid, QUOTA_TRANSACTIONS) + 1))
		return ENOSPC;
	do {
		*id = ++c->last_tx;
	} while (!*id || tx_find(c, *id));
	tx_add(c, *id);
	return 0;
}

static void tx_free(struct tx *tx)
{
	struct change *ch, *next;
	struct note *n, *tmp;

	HASH_ITER(hh, tx->notes, n, tmp) {
		charge(tx, -note_bytes(n));
		HASH_DEL(tx->notes, n);
		free(n);
	}
	LL_FOREACH_SAFE(tx->changes, ch, next) {
		charge(tx, -change_bytes(ch));
		blob_put(ch->path);
		blob_put(ch->blob);
		free(ch);
	}
	ledger_free(&tx->ledger);
	node_put(tx->base);
	node_put(tx->root);
	DL_DELETE(tx->conn->txs, tx);
	DL_DELETE2(by_age, tx, age_prev, age_next);
	quota_charge(tx->conn->domid, QUOTA_TRANSACTIONS, -1);
	charge(tx, -(int)sizeof(*tx));
	free(tx);
}

int tx_note(struct tx *tx, const char *path, size_t len, uint32_t what)
{
	uint32_t domid = tx->conn->domid;
	struct note *n;

	HASH_FIND(hh, tx->notes, path, len, n);
	if (!n) {
		if (quota_exceeded(domid, QUOTA_TRANSACTION_NODES, HASH_COUNT(tx->notes) + 1))
			return ENOSPC;
		n = xalloc(sizeof(*n) + len + 1);
		memcpy(n->path, path, len);
		HASH_ADD_KEYPTR(hh, tx->notes, n->path, len, n);
		charge(tx, note_bytes(n));
	}
	n->what |= what;
	return 0;
}

void tx_log(struct tx *tx, enum change_kind kind, const char *path, struct blob *blob)
{
	struct change *c = xalloc(sizeof(*c));

	*c = (struct change){ kind, blob_new(path, strlen(path)), blob, NULL };
	if (tx->last_change)
		tx->last_change->next = c;
	else
		tx->changes = c;
	tx->last_change = c;
	charge(tx, change_bytes(c));
}

static bool still_holds(const struct note *n, struct node *base)
{
	struct node *then = tree_find(base, n->path), *now = tree_find(store_root, n->path);

	if (!then || !now)
		return then == now;
	return (!(n->what & NOTE_VALUE) || then->gen == now->gen) &&
	       (!(n->what & NOTE_PERMS) || then->perm_gen == now->perm_gen) &&
	       (!(n->what & NOTE_LIST) || then->list_gen == now->list_gen);
}

static bool conflicts(const struct tx *tx)
{
	if (tx->doomed || tx->base == store_root)
		return tx->doomed;
	for (struct note *n = tx->notes; n; n = n->hh.next)
		if (!still_holds(n, tx->base))
			return true;
	return false;
}

static void replay(struct tx *tx)
{
	struct scope s = { tx->conn, NULL, &tx->root, &tx->ledger };
	struct change *c;

	LL_FOREACH(tx->changes, c)
		store_change(&s, c->kind, c->path->data, c->blob);
}

void tx_refresh(struct tx *tx)
{
	tx->doomed = conflicts(tx);
	node_put(tx->base);
	node_put(tx->root);
	ledger_free(&tx->ledger);
	tx->base = node_get(store_root);
	tx->root = node_get(store_root);
	replay(tx);
	DL_DELETE2(by_age, tx, age_prev, age_next);
	DL_APPEND2(by_age, tx, age_prev, age_next);
}

static int commit(struct tx *tx)
{
	struct node *old = store_root;
	int rc;

	if (tx->base != store_root)
		tx_refresh(tx);
	rc = tx->doomed ? EAGAIN : ledger_fits(&tx->ledger);
	if (rc)
		return rc;
	/* Nothing else changed: the private tree is what the changes make of the store. */
	store_root = tx->root;
	tx->root = old;
	ledger_settle(&tx->ledger, old);
	return 0;
}

int tx_end(struct tx *tx, bool do_commit)
{
	int rc = do_commit ? commit(tx) : 0;

	tx_free(tx);
	return rc;
}

void tx_abort_all(struct conn *c)
{
	while (c->txs)
		tx_free(c->txs);
}

void tx_limit_memory(void)
{
	if (by_age && by_age->base != store_root && tree_bytes > 2 * store_bytes + OLD_VERSIONS_MAX)
		tx_refresh(by_age);
}

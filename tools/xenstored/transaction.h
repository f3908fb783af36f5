/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Transactions: a snapshot of the tree to read, a private tree to change, and a list of what was read and changed.
 *
 * When the tree is still the snapshot, committing makes the private tree the tree. Otherwise it looks whether anything
 * that was read has changed since; if not, the changes are done again on the tree as it is now, and that is committed.
 * What counts as read is what the client learned: a value, a list of names, permissions, that a node is not there. So
 * transactions that create different nodes in one directory do not disturb each other.
 */
#ifndef XENSTORED_TRANSACTION_H
#define XENSTORED_TRANSACTION_H

#include <uthash.h>

#include "store.h"

enum { NOTE_VALUE = 1, NOTE_LIST = 2, NOTE_PERMS = 4 };

/* A path that the transaction depends on, and in what. */
struct note {
	uint32_t what;
	UT_hash_handle hh;
	char path[];
};

/* Something that it did. */
struct change {
	enum change_kind kind;
	struct blob *path, *blob;
	struct change *next;
};

struct tx {
	uint32_t id;
	bool doomed;			/* a conflict is known already */
	struct conn *conn;
	struct node *base, *root;
	struct note *notes;
	struct change *changes, *last_change;
	struct ledger ledger;
	struct tx *prev, *next;		/* of the connection */
	struct tx *age_prev, *age_next;	/* all, oldest snapshot first */
};

/** tx_find() - the transaction of @c with that number, or NULL. */
struct tx *tx_find(struct conn *c, uint32_t id);

/** tx_start() - 0 or an errno; @id gets its number. */
int tx_start(struct conn *c, uint32_t *id);

/** tx_end() - commit or abort; the transaction is gone. Returns 0, EAGAIN on conflict, or the errno of a quota. */
int tx_end(struct tx *tx, bool commit);

/** tx_abort_all() - of a connection. */
void tx_abort_all(struct conn *c);

/** tx_note() - what the client learned of @path. Returns 0 or ENOSPC when the transaction touches too much. */
int tx_note(struct tx *tx, const char *path, size_t len, uint32_t what);

/** tx_log() - what the client changed; takes over @blob. */
void tx_log(struct tx *tx, enum change_kind kind, const char *path, struct blob *blob);

/**
 * tx_refresh() - move a transaction from its snapshot to the tree of now, as if it had begun now, or find that it
 * will fail. Old snapshots need not be kept for it.
 */
void tx_refresh(struct tx *tx);

/** tx_limit_memory() - refresh the oldest ones while old versions of nodes take more than the store itself. */
void tx_limit_memory(void);

/** tx_add() - a transaction with that number as it was before a live update, to be filled by tx_note() and tx_log(). */
struct tx *tx_add(struct conn *c, uint32_t id);

#endif

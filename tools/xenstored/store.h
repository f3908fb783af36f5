/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What clients may do to the tree: look up, write, make, remove, change permissions, with rights checked, quotas
 * charged and watches fired.
 *
 * The same operations serve the tree itself and the private tree of a transaction. A scope says which: without a
 * ledger they act at once; with one, charges and events are only written down, to take effect if and when the
 * transaction is committed.
 */
#ifndef XENSTORED_STORE_H
#define XENSTORED_STORE_H

#include "conn.h"
#include "perms.h"
#include "tree.h"
#include "watch.h"

/** store_root - the tree as everybody sees it. */
extern struct node *store_root;

/** store_bytes - what the nodes of store_root take. */
extern size_t store_bytes;

/** store_node_bytes() - what @n alone is charged for. */
int store_node_bytes(const struct node *n);

/* What a transaction would charge to a domain. */
struct delta {
	uint32_t domid;
	int nodes, bytes;
	struct delta *next;
};

struct pending_event {
	struct pending_event *next;
	bool exact;
	char path[];
};

struct ledger {
	struct delta *deltas;		/* few: owners of what one transaction changes */
	struct pending_event *events, *last_event;
};

struct scope {
	struct conn *conn;		/* who asks; NULL: the daemon */
	struct tx *tx;			/* whose reads and changes are to be noted, or NULL */
	struct node **root;
	struct ledger *ledger;
};

/** store_init() - the first nodes: "/" and "/tool/xenstored". */
void store_init(void);

/** store_name_domain0() - /local/domain/0/domid, in which Domain0's tools read who they are, as those of others do. */
void store_name_domain0(void);

/** store_adopt() - count a node that came over from a former life of the daemon. */
void store_adopt(const struct node *n);

/** store_get() - the node at @path if @s->conn has the rights @want on it. Returns 0, ENOENT or EACCES. */
int store_get(struct scope *s, const char *path, unsigned int want, struct node **node);

/** store_write() - set the value, creating the node and what is missing above it. Returns 0 or an errno. */
int store_write(struct scope *s, const char *path, const void *data, size_t len);

/** store_mkdir() - create the node and what is missing above it, unless it is there. Returns 0 or an errno. */
int store_mkdir(struct scope *s, const char *path);

/** store_rm() - remove the node and all below it; fine when only the node itself is missing. Returns 0 or an errno. */
int store_rm(struct scope *s, const char *path);

/** store_set_perms() - by its owner or Domain0; takes over @perms. Returns 0 or an errno. */
int store_set_perms(struct scope *s, const char *path, struct blob *perms);

/** enum change_kind, store_change() - do again what a transaction did; rights were checked then. */
enum change_kind { CHANGE_WRITE, CHANGE_MKDIR, CHANGE_RM, CHANGE_PERMS };
void store_change(struct scope *s, enum change_kind kind, const char *path, struct blob *blob);

/** store_special_perms() - the permissions of "@introduceDomain" or "@releaseDomain", or NULL. */
struct sight *store_special_perms(const char *name);

/** store_fire_special() - a domain came or went. */
void store_fire_special(const char *name);

/** store_forget_owner() - remove all nodes of a domain that is gone. */
void store_forget_owner(uint32_t domid);

/** ledger_settle() - let charges and events of a transaction take effect that changed the tree @before. */
void ledger_settle(struct ledger *l, struct node *before);

/** ledger_free() - forget what is written down. */
void ledger_free(struct ledger *l);

/** ledger_fits() - 0, or the errno of the quota that a commit would break. */
int ledger_fits(const struct ledger *l);

#endif

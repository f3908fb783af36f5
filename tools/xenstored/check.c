// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts everything again and compares.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "check.h"
#include "conn.h"
#include "domain.h"
#include "store.h"
#include "transaction.h"

struct count {
	uint32_t domid;
	int nodes, watches, transactions;
	UT_hash_handle hh;
};

struct checking {
	char *text;
	size_t size, used;
	struct count *counts;
	size_t bytes;
	const struct node *last;	/* of the siblings that are walked */
};

static void wrong(struct checking *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void wrong(struct checking *c, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(c->text + c->used, c->size - c->used, format, args);
	va_end(args);
	if (n > 0 && c->used + n < c->size)
		c->used += n;
}

static struct count *count_of(struct checking *c, uint32_t domid)
{
	struct count *n;

	HASH_FIND(hh, c->counts, &domid, sizeof(domid), n);
	if (!n) {
		n = xalloc(sizeof(*n));
		n->domid = domid;
		HASH_ADD(hh, c->counts, domid, sizeof(domid), n);
	}
	return n;
}

static bool falls(const struct node *above, const struct node *below)
{
	return !below || below->prio <= above->prio;
}

static bool check_node(struct node *n, void *arg)
{
	struct checking *c = arg;

	if (c->last && strcmp(c->last->name->data, n->name->data) >= 0)
		wrong(c, "%s stands before %s\n", c->last->name->data, n->name->data);
	if (!falls(n, n->left) || !falls(n, n->right))
		wrong(c, "%s has a sibling below that belongs above\n", n->name->data);
	count_of(c, perms_payer(n))->nodes++;
	c->bytes += store_node_bytes(n);
	c->last = NULL;
	node_each_child(n, check_node, c);
	c->last = n;
	return true;
}

static void count_conns(struct checking *c)
{
	struct conn *conn;
	struct watch *w;
	struct tx *tx;
	int n;

	DL_FOREACH(conns, conn) {
		DL_COUNT(conn->watches, w, n);
		count_of(c, conn->domid)->watches += n;
		DL_COUNT(conn->txs, tx, n);
		count_of(c, conn->domid)->transactions += n;
	}
}

static void compare(struct checking *c, const struct count *n)
{
	int nodes = quota_used(n->domid, QUOTA_NODES), watches = quota_used(n->domid, QUOTA_WATCHES);
	int transactions = quota_used(n->domid, QUOTA_TRANSACTIONS);

	if (nodes != n->nodes || watches != n->watches || transactions != n->transactions)
		wrong(c, "domain %u has %d nodes, %d watches, %d transactions and is charged %d, %d, %d\n", n->domid, n->nodes,
		      n->watches, n->transactions, nodes, watches, transactions);
}

void check_all(char *text, size_t size)
{
	struct checking c = { .text = text, .size = size };
	struct count *n, *tmp;

	for (struct domain *d = domains; d; d = d->by_id.next)
		count_of(&c, d->domid);
	check_node(store_root, &c);
	count_conns(&c);
	HASH_ITER(hh, c.counts, n, tmp) {
		compare(&c, n);
		HASH_DEL(c.counts, n);
		free(n);
	}
	if (c.bytes != store_bytes)
		wrong(&c, "nodes take %zu bytes and are charged %zu\n", c.bytes, store_bytes);
	if (!c.used)
		wrong(&c, "OK");
}

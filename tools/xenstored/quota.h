/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits on what an unprivileged domain may hold. Domain0 is not limited.
 */
#ifndef XENSTORED_QUOTA_H
#define XENSTORED_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

/* What is counted per domain, then limits that are not counts. */
enum quota {
	QUOTA_NODES,		/* nodes owned */
	QUOTA_WATCHES,
	QUOTA_TRANSACTIONS,	/* open at a time */
	QUOTA_OUTSTANDING,	/* replies that it has not read */
	QUOTA_MEMORY,		/* bytes in nodes, watches, transactions and messages */
	QUOTA_KINDS,
	QUOTA_NODE_SIZE = QUOTA_KINDS,
	QUOTA_PERMS,		/* entries in one list */
	QUOTA_PATH,		/* characters of a path below the domain's own */
	QUOTA_TRANSACTION_NODES,/* nodes that one transaction touches */
	QUOTA_COUNT,
};

struct quota_limit {
	const char *name;
	int value;		/* 0: no limit */
	int soft;		/* the log gets a line above this, 0: never */
};

extern struct quota_limit quotas[QUOTA_COUNT];

/** quota_by_name() - the index of a limit or count, or -1. */
int quota_by_name(const char *name);

struct domain;

/** quota_exceeded() - would @d (NULL: nobody that counts) break limit @q with @value? */
bool quota_exceeded(uint32_t domid, enum quota q, long value);

/** quota_charge() - count @amount (may be negative) for @domid. */
void quota_charge(uint32_t domid, enum quota q, int amount);

/** quota_used() - what @domid has of @q. */
int quota_used(uint32_t domid, enum quota q);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accounting per domain.
 */
#include <string.h>

#include "domain.h"
#include "log.h"
#include "quota.h"

struct quota_limit quotas[QUOTA_COUNT] = {
	[QUOTA_NODES]			= { "nodes", 1000 },
	[QUOTA_WATCHES]			= { "watches", 128 },
	[QUOTA_TRANSACTIONS]		= { "transactions", 10 },
	[QUOTA_OUTSTANDING]		= { "outstanding", 20 },
	[QUOTA_MEMORY]			= { "memory", 2560 * 1024, 2048 * 1024 },
	[QUOTA_NODE_SIZE]		= { "node-size", 2048 },
	[QUOTA_PERMS]			= { "node-permissions", 5 },
	[QUOTA_PATH]			= { "path-max", 2048 },
	[QUOTA_TRANSACTION_NODES]	= { "transaction-nodes", 1024 },
};

int quota_by_name(const char *name)
{
	for (int i = 0; i < QUOTA_COUNT; i++)
		if (!strcmp(quotas[i].name, name))
			return i;
	return -1;
}

bool quota_exceeded(uint32_t domid, enum quota q, long value)
{
	return domid && quotas[q].value && value > quotas[q].value;
}

static void warn_of_memory(struct domain *d)
{
	int soft = quotas[QUOTA_MEMORY].soft;
	bool above = soft && d->domid && d->used[QUOTA_MEMORY] > soft;

	if (above == d->warned || (!above && d->used[QUOTA_MEMORY] > soft / 4 * 3))
		return;
	d->warned = above;
	log_line("domain %u is %s the soft memory quota", d->domid, above ? "above" : "below");
}

void quota_charge(uint32_t domid, enum quota q, int amount)
{
	struct domain *d = domain_find(domid);

	if (!d)
		return;
	d->used[q] += amount;
	if (q == QUOTA_MEMORY)
		warn_of_memory(d);
}

int quota_used(uint32_t domid, enum quota q)
{
	struct domain *d = domain_find(domid);

	return d ? d->used[q] : 0;
}

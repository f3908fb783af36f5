/* SPDX-License-Identifier: GPL-2.0-only */
/* What xl top knows of the domains at one moment. */
#ifndef XL_TOP_H
#define XL_TOP_H

#include "xl.h"

struct counts {
	uint64_t nets, tx, rx;			/* of the guest; bytes */
	uint64_t vbds, busy, reads, writes, read_sectors, written_sectors;
};

struct row {
	struct xen_domctl_getdomaininfo info;
	char *name;
	double cpu;				/* per cent of one processor since the last round */
	uint64_t exits;				/* of a hardware-assisted domain, so far */
	double exit_rate;			/* and a second since the last round */
	struct counts counts;
};

struct table {
	struct row *row;			/* ordered by number */
	int rows;
	double time;				/* of top_now() */
	uint64_t total_kib, free_kib;
	unsigned int cpus, mhz;
};

/** top_now - seconds of a clock that only goes forward */
double top_now(void);

/**
 * top_gather - all domains, now
 * @last: the round before, from which names and processor time come; empty the first time
 * @names: ask for all names again
 *
 * Return: 0, or -errno after a message. In either case @t is to be given to top_free().
 */
int top_gather(struct host *h, struct table *t, const struct table *last, bool names);
void top_free(struct table *t);

#endif

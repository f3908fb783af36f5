/* SPDX-License-Identifier: GPL-2.0-only */
/* grant: grant tables version 1: one domain lets another map, copy or take its frames. */
#ifndef XENOLITH_GRANT_H
#define XENOLITH_GRANT_H

#include <xenolith/lib.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xenolith/lock.h>
#include <xenolith/mm.h>

struct domain;
struct vcpu;
struct grant_table;			/* private to grant/ */

int grant_domain_init(struct domain *d, unsigned int max_frames, unsigned int max_maptrack);
int grant_domain_relinquish(struct domain *d);	/* unmap what d mapped; 0 or -ERESTART */
void grant_domain_free(struct domain *d);
/** grant_frame_mfn: frame @idx of @d's table (grows it up to there); for add_to_physmap/acquire. */
int grant_frame_mfn(struct domain *d, unsigned long idx, mfn_t *m);
unsigned int grant_nr_frames(const struct domain *d);
void grant_dump(struct domain *d);

long do_grant_table_op(unsigned long cmd, unsigned long uop, unsigned long count, unsigned long, unsigned long);

#endif

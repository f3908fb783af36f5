/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * grant: grant tables: one domain lets another map, copy or take its frames.
 *
 * The granter writes an entry into its table (frames shared with it): "domain X may use frame F".
 * Each use that X makes of it is counted ("pinned") in an active entry that only the hypervisor
 * sees, and tracked in X's maptrack while it is a mapping; the entry's GTF_reading and GTF_writing
 * tell the granter. A table begins with entries of version 1; its domain may change to version 2 where
 * its maker and the option gnttab=max-ver:2 allow that (grant/version.c).
 *
 * Locks: one for the growth and the version of a table, one per active entry, one for X's list of free
 * maptrack entries; maptrack entries are claimed by an atomic exchange. None is held while another is
 * taken, but for two active entries that are swapped, the lower reference first, and for the first ones
 * of a table, in order and under the table's lock, when its version changes.
 *
 * A granted frame is RAM and always mapped write-back: GTF_PWT, GTF_PCD and GTF_PAT, by which a granter
 * could ask for something else, have no effect (XSA-402: one frame, one cacheability).
 */
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

/** grant_max_version: the highest that a domain may be given; grant_init() reads it from the command line. */
extern unsigned int grant_max_version;
void grant_init(void);
/** grant_domain_init: table of up to @max_frames frames and @max_version, maptrack of @max_maptrack pages. */
int grant_domain_init(struct domain *d, unsigned int max_frames, unsigned int max_maptrack, unsigned int max_version);
/** grant_domain_relinquish: end what dying @d mapped, before its page tables go. 0 or -ERESTART. */
int grant_domain_relinquish(struct domain *d);
void grant_domain_free(struct domain *d);
/** grant_frame_mfn: frame @idx of @d's table (grows it up to there); for add_to_physmap/acquire.
 * -EINVAL above the limit, -ENOMEM. */
int grant_frame_mfn(struct domain *d, unsigned long idx, mfn_t *m);
unsigned int grant_max_frames(const struct domain *d);
/** grant_status_mfn: the same for frame @idx of the marks of version 2; @grow: make it, else -EINVAL. -EINVAL in version 1. */
int grant_status_mfn(struct domain *d, unsigned long idx, bool grow, mfn_t *m);
unsigned int grant_max_status_frames(const struct domain *d);
void grant_dump(struct domain *d);

long do_grant_table_op(unsigned long cmd, unsigned long uop, unsigned long count, unsigned long, unsigned long);

#endif

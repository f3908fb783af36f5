// SPDX-License-Identifier: GPL-2.0-only
/*
 * The version of a table's entries: which one a domain may have, and changing it.
 *
 * Only a table that nobody uses can change, but for the first entries, which the toolstack filled in
 * and the daemons of console and store may have mapped: these are carried over.
 *
 *	close: no use begins;  is an entry pinned?  rewrite the table;  open
 *
 * A use that meets a closed table fails with GNTST_eagain, and one ends by unmarking its entry, which
 * for the first entries waits for their locks. XSA-384, 486, 500, 501: the status frames of version
 * 2, once made, stay the domain's until its end, so that a change back leaves nobody with a mapping
 * of a page that is free. Marks are made anew from the pins, never from what the guest could write.
 */
#include <xenolith/boot.h>
#include <xenolith/hypercall.h>
#include "grant-private.h"

#define RESERVED	GNTTAB_NR_RESERVED_ENTRIES
#define SCAN_STEP	1024			/* entries between two questions whether to go on */

unsigned int grant_max_version = 1;

void __init grant_init(void)
{
	const char *s = boot_param("gnttab"), *end;
	u64 n;

	if (!s)
		return;
	end = s;
	n = strncmp(s, "max-ver:", 8) ? 0 : lib_strtoull(s + 8, &end, 10);
	if (*end || n < 1 || n > 2)
		printk_warn("option gnttab=%s: max-ver:1 or max-ver:2 expected, ignored\n", s);
	else
		grant_max_version = n;
}

int grant_v2_populate(struct domain *d, unsigned int nr_frames)
{
	struct grant_table *gt = d->grant;

	if (!gt->status)
		gt->status = new_array(grant_status_t *, grant_status_frames(gt->max_frames));
	if (!gt->status)
		return -ENOMEM;
	for (unsigned int i = 0; i < grant_status_frames(nr_frames); i++) {
		grant_status_t *page = gt->status[i] ?: alloc_hyp_pages(0);

		if (!page)
			return -ENOMEM;
		if (!gt->status[i])
			share_hyp_page(page, d, true);
		gt->status[i] = page;
	}
	return 0;
}

/* No entry but the first is pinned, nor will be. 0, -EBUSY or -ERESTART. */
static int drain(struct grant_table *gt)
{
	for (grant_ref_t ref = RESERVED; grant_active_valid(gt, ref); ref++) {
		struct grant_active *act = grant_active_entry(gt, ref);
		u16 pin;

		spin_lock(&act->lock);		/* whoever found the table open has pinned before this */
		pin = act->pin;
		spin_unlock(&act->lock);
		if (pin)
			return -EBUSY;
		if (!(ref % SCAN_STEP) && hypercall_preempt())
			return -ERESTART;
	}
	return 0;
}

/* ---- the first entries ---- */

/* As version 2 has them, without marks. -ERANGE: what version 1 cannot say. */
static int save_first(struct grant_table *gt, union grant_entry_v2 *e, unsigned int i)
{
	bool from_v2 = gt->abi == &grant_v2;
	u32 type;

	*e = (union grant_entry_v2){ };
	memcpy(e, grant_shared_entry(gt, i), 1UL << gt->abi->entry_shift);
	type = e->hdr.flags & GTF_type_mask;
	if (!from_v2) {
		e->full_page.frame = e->full_page.pad0;		/* where version 1 has it */
		e->full_page.pad0 = 0;
	}
	if (type == GTF_permit_access)
		e->hdr.flags &= ~(GTF_reading | GTF_writing);
	if (from_v2 && (type == GTF_transitive || (type == GTF_permit_access && e->full_page.frame >> 32)))
		return -ERANGE;
	if (from_v2 && type != GTF_permit_access)
		*e = (union grant_entry_v2){ };
	return 0;
}

static void restore_first(struct grant_table *gt, const union grant_entry_v2 *e, unsigned int i)
{
	const struct grant_active *act = grant_active_entry(gt, i);
	u16 marks = 0;

	if (act->pin && act->frame != NO_FRAME)
		marks = GTF_reading | (act->pin & PIN_WRITERS ? GTF_writing : 0);
	if (gt->abi == &grant_v2) {
		*(union grant_entry_v2 *)grant_shared_entry(gt, i) = *e;
		gt->status[0][i] = marks;
	} else {
		if ((e->hdr.flags & GTF_type_mask) != GTF_permit_access)
			marks = 0;				/* the granter took it back */
		*(struct grant_entry_v1 *)grant_shared_entry(gt, i) =
			(struct grant_entry_v1){ e->hdr.flags | marks, e->hdr.domid, e->full_page.frame };
	}
}

/* ---- the change ---- */

/* The table is closed and drained, the first entries are locked. */
static int rewrite(struct grant_table *gt, const struct grant_abi *abi)
{
	union grant_entry_v2 first[RESERVED];
	unsigned int nr = gt->nr_frames ? RESERVED : 0;

	for (unsigned int i = 0; i < nr; i++) {
		int rc = save_first(gt, &first[i], i);

		if (rc)
			return rc;
	}
	for (unsigned int i = 0; i < gt->nr_frames; i++)
		memset(gt->shared[i], 0, PAGE_SIZE);
	for (unsigned int i = 0; abi == &grant_v2 && i < grant_status_frames(gt->nr_frames); i++)
		memset(gt->status[i], 0, PAGE_SIZE);
	WRITE_ONCE(gt->abi, abi);
	for (unsigned int i = 0; i < nr; i++)
		restore_first(gt, &first[i], i);
	return 0;
}

static int change(struct grant_table *gt, const struct grant_abi *abi)
{
	unsigned int nr = gt->nr_frames ? RESERVED : 0;
	int rc = drain(gt);

	if (rc)
		return rc;
	for (unsigned int i = 0; i < nr; i++)
		spin_lock(&grant_active_entry(gt, i)->lock);
	rc = rewrite(gt, abi);
	for (unsigned int i = nr; i--; )
		spin_unlock(&grant_active_entry(gt, i)->lock);
	return rc;
}

int grant_set_version(struct domain *d, unsigned int version)
{
	struct grant_table *gt = d->grant;
	int rc = 0;

	if (version != 1 && version != 2)
		return -EINVAL;
	if (version > gt->max_version)
		return -ENOSYS;
	spin_lock(&gt->lock);
	if (gt->abi->version != version) {
		if (version == 2)
			rc = grant_v2_populate(d, gt->nr_frames);
		WRITE_ONCE(gt->closed, true);
		if (!rc)
			rc = change(gt, version == 2 ? &grant_v2 : &grant_v1);
		smp_wmb();		/* pairs with grant_is_open() */
		WRITE_ONCE(gt->closed, false);
	}
	spin_unlock(&gt->lock);
	return rc;
}

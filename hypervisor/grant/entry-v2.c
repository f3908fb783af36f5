// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared entries of version 2: sixteen bytes, and the marks in a table of their own, the status
 * frames. Besides a whole page an entry may grant some bytes of one, or pass on what another domain
 * granted to this one (transitive); both can be copied only.
 *
 *	granter:  flags = 0;   full barrier;  is the status 0?
 *	here:     status |= marks;  full barrier;  are the flags still there?
 *
 * So one of the two always sees the other. Nothing is ever read from the status, which the granter
 * can write as well.
 */
#include "grant-private.h"

_Static_assert(sizeof(union grant_entry_v2) == 16 && sizeof(grant_status_t) == 2, "ABI: grant entry size");

static grant_status_t *status_of(const struct grant_table *gt, grant_ref_t ref)
{
	return &gt->status[ref / STATUS_PER_FRAME][ref % STATUS_PER_FRAME];
}

static bool is_part(u32 header)
{
	return (header & GTF_type_mask) == GTF_transitive || (header & GTF_sub_page);
}

/* May @user do that, by what is in the header now? */
static int header_status(const u32 *word, domid_t user, bool write, bool part)
{
	u32 header = READ_ONCE(*word), type = header & GTF_type_mask;

	if ((type != GTF_permit_access && type != GTF_transitive) || is_part(header) != part || header >> 16 != user)
		return GNTST_general_error;		/* as Xen has it; in version 1 it is GNTST_bad_gntref */
	return write && (header & GTF_readonly) ? GNTST_general_error : GNTST_okay;
}

static void v2_unmark(struct grant_table *gt, grant_ref_t ref, u16 marks)
{
	__atomic_and_fetch(status_of(gt, ref), ~marks, __ATOMIC_SEQ_CST);
}

static int mark_kind(struct grant_table *gt, grant_ref_t ref, domid_t user, bool write, bool part)
{
	const u32 *word;
	int status;

	if (!grant_ref_valid(gt, ref))
		return GNTST_bad_gntref;
	word = grant_shared_entry(gt, ref);
	status = header_status(word, user, write, part);
	if (status)
		return status;
	__atomic_or_fetch(status_of(gt, ref), GTF_reading | (write ? GTF_writing : 0), __ATOMIC_SEQ_CST);
	if (!header_status(word, user, write, part))
		return GNTST_okay;
	grant_unmark(gt, ref, grant_active_entry(gt, ref));
	return GNTST_general_error;
}

static int v2_mark(struct grant_table *gt, grant_ref_t ref, domid_t user, bool write)
{
	return mark_kind(gt, ref, user, write, false);
}

static u64 v2_frame(struct grant_table *gt, grant_ref_t ref)
{
	const union grant_entry_v2 *sha = grant_shared_entry(gt, ref);

	return READ_ONCE(sha->full_page.frame);
}

static void v2_set_frame(struct grant_table *gt, grant_ref_t ref, u64 value)
{
	union grant_entry_v2 *sha = grant_shared_entry(gt, ref);

	WRITE_ONCE(sha->full_page.frame, value);
}

const struct grant_abi grant_v2 = {
	.version = 2, .entry_shift = 4, .mark = v2_mark, .unmark = v2_unmark,
	.frame = v2_frame, .set_frame = v2_set_frame,
};

/* ---- grants of something else than a page ---- */

static void read_part(const union grant_entry_v2 *sha, struct grant_part *part)
{
	part->transitive = (READ_ONCE(sha->hdr.flags) & GTF_type_mask) == GTF_transitive;
	if (part->transitive) {
		part->next_dom = READ_ONCE(sha->transitive.trans_domid);
		part->next_ref = READ_ONCE(sha->transitive.gref);
		part->start = 0;
		part->length = PAGE_SIZE;
		return;
	}
	part->frame = READ_ONCE(sha->sub_page.frame);
	part->start = READ_ONCE(sha->sub_page.page_off);
	part->length = READ_ONCE(sha->sub_page.length);
}

static int pin_part_locked(struct grant_table *gt, grant_ref_t ref, struct grant_active *act, domid_t user,
			   bool write, struct grant_part *part)
{
	u16 pin = act->pin + grant_pins(write, 1);
	int status;

	if (!grant_is_open(gt))
		return GNTST_eagain;
	if (gt->abi != &grant_v2 || !grant_ref_valid(gt, ref) ||
	    !is_part(READ_ONCE(*(const u32 *)grant_shared_entry(gt, ref))))
		return GNTST_bad_gntref;
	if (act->pin && (act->domid != user || (pin & PIN_OVERFLOW) || act->frame != NO_FRAME))
		return GNTST_general_error;
	/* Each use is checked anew: it is over before this call is, and what it uses is in @part alone. */
	status = mark_kind(gt, ref, user, write, true);
	if (status)
		return status;
	read_part(grant_shared_entry(gt, ref), part);
	act->domid = user;
	act->frame = NO_FRAME;
	act->pin = pin;
	return GNTST_okay;
}

int grant_v2_pin_part(struct domain *granter, grant_ref_t ref, domid_t user, bool write, struct grant_part *part)
{
	struct grant_table *gt = granter->grant;
	struct grant_active *act;
	int status;

	if (!grant_active_valid(gt, ref))
		return GNTST_bad_gntref;
	act = grant_active_entry(gt, ref);
	spin_lock(&act->lock);
	status = pin_part_locked(gt, ref, act, user, write, part);
	spin_unlock(&act->lock);
	return status;
}

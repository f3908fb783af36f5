// SPDX-License-Identifier: GPL-2.0-only
/*
 * GNTTABOP_transfer: a frame of the caller goes to a domain that offers an entry to accept it:
 *
 *   receiver: flags = accept_transfer, frame = pfn it is to have
 *   here:     flags |= committed; the frame changes hands; frame = mfn; flags |= completed
 *
 * As the ABI has it, a frame that left the caller is lost if the rest fails.
 */
#include <xenolith/hypercall.h>
#include "grant-private.h"

/* Mark entry @word as committed to a frame from @from; its frame field still is the receiver's pfn. */
static int mark_committed(u32 *word, domid_t from)
{
	u32 old = READ_ONCE(*word);

	for (unsigned int try = 0; try < 5; try++) {
		if ((old & 0xffff) != GTF_accept_transfer || old >> 16 != from)
			return GNTST_general_error;
		if (try_cmpxchg(word, &old, old | GTF_transfer_committed))
			return GNTST_okay;
	}
	return GNTST_general_error;
}

/* The entry is pinned until complete(): it keeps its place and version. */
static int commit(struct grant_table *gt, grant_ref_t ref, domid_t from)
{
	struct grant_active *act = grant_active_entry(gt, ref);
	int status = GNTST_general_error;

	spin_lock(&act->lock);
	if (!grant_is_open(gt))
		status = GNTST_eagain;
	else if (!act->pin && grant_ref_valid(gt, ref))
		status = mark_committed(grant_shared_entry(gt, ref), from);
	if (!status) {
		act->domid = from;
		act->frame = NO_FRAME;
		act->pin = PIN_WRITE;
	}
	spin_unlock(&act->lock);
	return status;
}

/* @pg is the receiver's now, or NULL. */
static void complete(struct grant_table *gt, grant_ref_t ref, struct page_info *pg)
{
	struct grant_active *act = grant_active_entry(gt, ref);
	struct grant_entry_header *sha;

	spin_lock(&act->lock);
	sha = grant_shared_entry(gt, ref);
	if (pg) {
		set_m2p(page_to_mfn(pg), gt->abi->frame(gt, ref));
		gt->abi->set_frame(gt, ref, mfn_x(page_to_mfn(pg)));
		__atomic_or_fetch(&sha->flags, GTF_transfer_completed, __ATOMIC_SEQ_CST);
	}
	act->pin = 0;
	spin_unlock(&act->lock);
}

static int give(struct domain *from, struct domain *to, grant_ref_t ref, struct page_info *pg)
{
	int status;

	if (to->is_hvm || READ_ONCE(to->state) != DOMAIN_RUNNING || to->mm.tot_pages >= to->mm.max_pages ||
	    !grant_active_valid(to->grant, ref))
		return GNTST_general_error;
	status = commit(to->grant, ref, from->id);
	if (status)
		return status;
	if (assign_page(to, pg))
		status = GNTST_general_error;
	complete(to->grant, ref, status ? NULL : pg);
	return status;
}

int grant_transfer_one(struct grant_batch *b, void *element)
{
	struct gnttab_transfer *op = element;
	struct domain *from = current->domain, *to;
	struct page_info *pg;

	op->status = GNTST_bad_page;
	if (from->is_hvm || !mfn_valid(mfn(op->mfn)))
		return 0;		/* frames of hardware-assisted guests stay where they are */
	pg = mfn_to_page(mfn(op->mfn));
	if (steal_page(from, pg))
		return 0;
	set_m2p(page_to_mfn(pg), INVALID_M2P_ENTRY);
	to = op->domid == DOMID_SELF ? NULL : grant_peer(&b->src, op->domid);
	op->status = to ? give(from, to, op->ref, pg) : GNTST_bad_domain;
	if (op->status)
		free_domain_page(pg);
	return 0;
}

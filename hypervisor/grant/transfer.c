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

/* Commit entry @sha to a frame from @from; its frame field still is the receiver's pfn. */
static bool commit(struct grant_entry_v1 *sha, domid_t from)
{
	u32 *word = (u32 *)&sha->flags, old = READ_ONCE(*word);

	for (unsigned int try = 0; try < 5; try++) {
		if ((old & 0xffff) != GTF_accept_transfer || old >> 16 != from)
			return false;
		if (try_cmpxchg(word, &old, old | GTF_transfer_committed))
			return true;
	}
	return false;
}

static int give(struct domain *from, struct domain *to, grant_ref_t ref, struct page_info *pg)
{
	struct grant_entry_v1 *sha;

	if (READ_ONCE(to->state) != DOMAIN_RUNNING || to->mm.tot_pages >= to->mm.max_pages ||
	    !grant_ref_valid(to->grant, ref))
		return GNTST_general_error;
	sha = grant_shared_entry(to->grant, ref);
	if (!commit(sha, from->id) || assign_page(to, pg))
		return GNTST_general_error;
	set_m2p(page_to_mfn(pg), READ_ONCE(sha->frame));
	WRITE_ONCE(sha->frame, mfn_x(page_to_mfn(pg)));
	__atomic_or_fetch(&sha->flags, GTF_transfer_completed, __ATOMIC_SEQ_CST);
	return GNTST_okay;
}

int grant_transfer_one(struct grant_batch *b, void *element)
{
	struct gnttab_transfer *op = element;
	struct domain *from = current->domain, *to;
	struct page_info *pg;

	op->status = GNTST_bad_page;
	if (!mfn_valid(mfn(op->mfn)))
		return 0;
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

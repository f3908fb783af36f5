// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared entries of version 1: flags, domain and frame in eight bytes. The marks are in the flags, so
 * an entry is checked and marked in one atomic exchange.
 */
#include "grant-private.h"

_Static_assert(sizeof(struct grant_entry_v1) == 8, "ABI: grant entry size");
_Static_assert(offsetof(struct grant_entry_v1, domid) == 2, "flags and domid are one word");

static int v1_mark(struct grant_table *gt, grant_ref_t ref, domid_t user, bool write)
{
	u32 *word = grant_shared_entry(gt, ref), old = READ_ONCE(*word);

	for (unsigned int try = 0; try < 5; try++) {
		if ((old & (GTF_type_mask | GTF_sub_page)) != GTF_permit_access || old >> 16 != user)
			return GNTST_bad_gntref;
		if (write && (old & GTF_readonly))
			return GNTST_general_error;
		if (try_cmpxchg(word, &old, old | GTF_reading | (write ? GTF_writing : 0)))
			return GNTST_okay;
	}
	return GNTST_general_error;	/* the granter keeps changing it */
}

static void v1_unmark(struct grant_table *gt, grant_ref_t ref, u16 marks)
{
	struct grant_entry_v1 *sha = grant_shared_entry(gt, ref);

	__atomic_and_fetch(&sha->flags, ~marks, __ATOMIC_SEQ_CST);
}

static u64 v1_frame(struct grant_table *gt, grant_ref_t ref)
{
	const struct grant_entry_v1 *sha = grant_shared_entry(gt, ref);

	return READ_ONCE(sha->frame);
}

static void v1_set_frame(struct grant_table *gt, grant_ref_t ref, u64 value)
{
	struct grant_entry_v1 *sha = grant_shared_entry(gt, ref);

	WRITE_ONCE(sha->frame, value);
}

const struct grant_abi grant_v1 = {
	.version = 1, .entry_shift = 3, .mark = v1_mark, .unmark = v1_unmark,
	.frame = v1_frame, .set_frame = v1_set_frame,
};

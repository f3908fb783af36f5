// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain's grant table: its frames, which grow on demand, and the counting of what others use.
 *
 * The shared entry belongs to the granter, who may write anything at any time. So it is read once,
 * checked and marked when the first use (or the first for writing) begins; what was found then is
 * kept in the active entry as long as there is a use. How an entry looks and is marked: entry-v1.c,
 * entry-v2.c.
 */
#include <xenolith/debug.h>
#include <xenolith/hypercall.h>
#include "grant-private.h"

int grant_frame_get(struct domain *owner, unsigned long frame, bool write, struct page_info **page)
{
	struct page_info *pg;

	if (!mfn_valid(mfn(frame)))
		return GNTST_bad_page;
	pg = *page = mfn_to_page(mfn(frame));
	if (likely(write ? !get_page_and_type(pg, owner, PGT_WRITABLE, false) : get_page(pg, owner)))
		return GNTST_okay;
	/* its own, but a page table, say? */
	return write && READ_ONCE(pg->owner) == owner->id ? GNTST_general_error : GNTST_bad_page;
}

void grant_unmark(struct grant_table *gt, grant_ref_t ref, const struct grant_active *act)
{
	u16 gone = act->pin & PIN_WRITERS ? 0 : GTF_writing;

	if (!act->pin)
		gone |= GTF_reading;
	if (gone)
		gt->abi->unmark(gt, ref, gone);
}

static int pin_locked(struct domain *granter, grant_ref_t ref, struct grant_active *act, domid_t user,
		      bool write, unsigned int uses, struct page_info **page)
{
	struct grant_table *gt = granter->grant;
	u16 pin = act->pin + grant_pins(write, uses);
	int status = GNTST_okay;

	if (unlikely(!grant_is_open(gt)))
		return GNTST_eagain;
	if (act->pin && (act->domid != user || (pin & PIN_OVERFLOW) || act->frame == NO_FRAME))
		return GNTST_general_error;
	if (!act->pin || (write && !(act->pin & PIN_WRITERS)))
		status = gt->abi->mark(gt, ref, user, write);
	if (status)
		return status;
	if (!act->pin) {
		act->domid = user;
		act->frame = min(domain_frame(granter, gt->abi->frame(gt, ref)), (u64)NO_FRAME);
	}
	for (unsigned int i = 0; i < uses; i++) {
		status = grant_frame_get(granter, act->frame, write, page);
		if (status) {
			while (i--)
				grant_frame_put(*page, write);
			grant_unmark(gt, ref, act);
			return status;
		}
	}
	act->pin = pin;
	return GNTST_okay;
}

int grant_pin(struct domain *granter, grant_ref_t ref, domid_t user, bool write, unsigned int uses,
	      struct page_info **page)
{
	struct grant_table *gt = granter->grant;
	struct grant_active *act;
	int status;

	if (unlikely(!grant_active_valid(gt, ref)))
		return GNTST_bad_gntref;
	act = grant_active_entry(gt, ref);
	spin_lock(&act->lock);
	status = pin_locked(granter, ref, act, user, write, uses, page);
	spin_unlock(&act->lock);
	return status;
}

void grant_unpin(struct domain *granter, grant_ref_t ref, bool write, unsigned int uses)
{
	struct grant_active *act = grant_active_entry(granter->grant, ref);

	spin_lock(&act->lock);
	act->pin -= grant_pins(write, uses);
	grant_unmark(granter->grant, ref, act);
	spin_unlock(&act->lock);
}

/* ---- frames ---- */

static int frame_create(struct domain *d, struct grant_table *gt, unsigned int nr)
{
	void *shared = alloc_hyp_pages(0);
	struct grant_active *active = new_array(struct grant_active, ENTRIES_PER_FRAME);

	if (!shared || !active || (gt->abi == &grant_v2 && grant_v2_populate(d, nr + 1))) {
		free_hyp_pages(shared, 0);
		lib_free(active);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < ENTRIES_PER_FRAME; i++)
		spin_lock_init(&active[i].lock);
	share_hyp_page(shared, d, true);
	gt->shared[nr] = shared;
	gt->active[nr] = active;
	smp_wmb();		/* pairs with grant_active_valid() */
	WRITE_ONCE(gt->nr_frames, nr + 1);
	return 0;
}

int grant_table_grow(struct domain *d, unsigned int nr_frames)
{
	struct grant_table *gt = d->grant;
	int rc = 0;

	if (nr_frames > gt->max_frames)
		return -EINVAL;
	if (nr_frames <= READ_ONCE(gt->nr_frames))
		return 0;
	spin_lock(&gt->lock);
	while (!rc && gt->nr_frames < nr_frames)
		rc = frame_create(d, gt, gt->nr_frames);
	spin_unlock(&gt->lock);
	return rc;
}

int grant_frame_mfn(struct domain *d, unsigned long idx, mfn_t *m)
{
	int rc;

	if (idx >= d->grant->max_frames)
		return -EINVAL;
	rc = grant_table_grow(d, idx + 1);
	if (!rc)
		*m = virt_to_mfn(d->grant->shared[idx]);
	return rc;
}

int grant_status_mfn(struct domain *d, unsigned long idx, bool grow, mfn_t *m)
{
	struct grant_table *gt = d->grant;
	int rc = 0;

	if (READ_ONCE(gt->abi) != &grant_v2 || idx >= grant_status_frames(gt->max_frames))
		return -EINVAL;
	if (grow)
		rc = grant_table_grow(d, idx * (STATUS_PER_FRAME / V2_PER_FRAME) + 1);
	if (!rc && !gt->status[idx])		/* not grown, or version 1 meanwhile */
		rc = -EINVAL;
	if (!rc)
		*m = virt_to_mfn(gt->status[idx]);
	return rc;
}

unsigned int grant_max_status_frames(const struct domain *d)
{
	return grant_status_frames(d->grant->max_frames);
}

unsigned int grant_max_frames(const struct domain *d)
{
	return d->grant->max_frames;
}

/* ---- life of the domain ---- */

int grant_domain_init(struct domain *d, unsigned int max_frames, unsigned int max_maptrack, unsigned int max_version)
{
	struct grant_table *gt = new(struct grant_table);

	d->grant = gt;
	if (!gt)
		return -ENOMEM;
	spin_lock_init(&gt->lock);
	spin_lock_init(&gt->map_lock);
	gt->max_frames = max_frames;
	gt->max_map_pages = max_maptrack;
	gt->max_version = max_version;
	gt->abi = &grant_v1;
	gt->free_map = NO_HANDLE;
	gt->shared = new_array(void *, max_frames);
	gt->active = new_array(struct grant_active *, max_frames);
	if (!gt->shared || !gt->active || grant_table_grow(d, min(1u, max_frames))) {
		grant_domain_free(d);
		return -ENOMEM;
	}
	return 0;
}

void grant_domain_free(struct domain *d)
{
	struct grant_table *gt = d->grant;

	if (!gt)
		return;
	for (unsigned int i = 0; i < gt->nr_frames; i++) {
		free_hyp_pages(gt->shared[i], 0);
		lib_free(gt->active[i]);
	}
	for (unsigned int i = 0; gt->status && i < grant_status_frames(gt->nr_frames); i++)
		free_hyp_pages(gt->status[i], 0);
	for (unsigned int i = 0; i < gt->nr_maps / MAPS_PER_PAGE; i++)
		lib_free(gt->maps[i]);
	lib_free(gt->status);
	lib_free(gt->maps);
	lib_free(gt->shared);
	lib_free(gt->active);
	lib_free(gt);
	d->grant = NULL;
}

void grant_dump(struct domain *d)
{
	struct grant_table *gt = d->grant;

	printk("d%u: grant table version %u of %u (at most %u) frames; entries in use:\n", d->id,
	       gt->abi->version, gt->nr_frames, gt->max_frames);
	for (grant_ref_t ref = 0; grant_ref_valid(gt, ref); ref++) {
		const struct grant_active *act = grant_active_entry(gt, ref);
		const struct grant_entry_header *sha = grant_shared_entry(gt, ref);
		u16 pin = READ_ONCE(act->pin);

		if (pin)
			printk("  %u: frame %x by d%u, %u readers, %u writers, flags %x\n", ref, act->frame,
			       act->domid, pin % PIN_WRITE, pin / PIN_WRITE, sha->flags);
	}
}

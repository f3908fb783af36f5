// SPDX-License-Identifier: GPL-2.0-only
/*
 * GNTTABOP_copy: bytes between two frames, each named by a grant reference of some domain or, for
 * the caller's own, by frame number. What one operation pinned is kept for the next of the batch:
 * network drivers copy many times from or into the same page. A grant of version 2 may be for a part of
 * a page, or lead to a grant of a third domain's.
 */
#include <xenolith/hypercall.h>
#include "grant-private.h"

static void side_release(struct copy_side *s)
{
	if (!s->pg)
		return;
	grant_frame_put(s->pg, s->write);
	if (unlikely(s->via)) {
		grant_unpin(s->via, s->via_ref, s->write, 1);
		domain_put(s->via);
		s->via = NULL;
	}
	if (s->is_gref && unlikely(!grant_unpin_fast(s->d, s->name, s->write)))
		grant_unpin(s->d, s->name, s->write, 1);
	s->pg = NULL;
}

struct domain *grant_peer(struct copy_side *s, domid_t id)
{
	if (id == DOMID_SELF)
		id = current->domain->id;
	if (likely(s->d && s->d->id == id))
		return s->d;
	side_release(s);
	if (s->d)
		domain_put(s->d);
	s->d = domain_get(id);
	return s->d;
}

/* One grant: the page it gives, or (@part->transitive) the one to go on with. Okay: it is pinned. */
static int claim_one(struct domain *d, grant_ref_t ref, domid_t user, bool write, struct grant_part *part,
		     struct page_info **pg)
{
	int status = grant_pin(d, ref, user, write, 1, pg), other;

	part->transitive = false;
	part->start = 0;
	part->length = PAGE_SIZE;
	if (likely(!status) || READ_ONCE(d->grant->abi) != &grant_v2)
		return status;
	other = grant_v2_pin_part(d, ref, user, write, part);
	if (other == GNTST_bad_gntref)
		return status;
	if (!other && !part->transitive) {
		other = grant_frame_get(d, domain_frame(d, part->frame), write, pg);
		if (other)
			grant_unpin(d, ref, write, 1);
	}
	return other;
}

/* The page behind a transitive grant. XSA-226: one step, never further, nor back to the same domain. */
static int claim_next(struct copy_side *s, struct grant_part *part, struct page_info **pg)
{
	bool possible = part->next_dom < DOMID_FIRST_RESERVED && part->next_dom != s->d->id;
	struct domain *via = possible ? domain_get(part->next_dom) : NULL;
	grant_ref_t ref = part->next_ref;
	int status;

	if (!via)
		return GNTST_general_error;
	status = claim_one(via, ref, s->d->id, s->write, part, pg);
	if (!status && part->transitive) {
		grant_unpin(via, ref, s->write, 1);
		status = GNTST_general_error;
	}
	if (status) {
		domain_put(via);
		return status;
	}
	s->via = via;
	s->via_ref = ref;
	return GNTST_okay;
}

static int claim_grant(struct copy_side *s, grant_ref_t ref, struct page_info **pg)
{
	struct grant_part part;
	domid_t user = current->domain->id;
	int status;

	s->start = 0;
	s->end = PAGE_SIZE;
	if (likely(grant_pin_fast(s->d, ref, user, s->write, pg)))
		return GNTST_okay;
	status = claim_one(s->d, ref, user, s->write, &part, pg);
	if (unlikely(!status && part.transitive)) {
		status = claim_next(s, &part, pg);
		if (status)
			grant_unpin(s->d, ref, s->write, 1);
	}
	s->start = part.start;
	s->end = min((u32)part.start + part.length, (u32)PAGE_SIZE);
	return status;
}

static int claim_frame(struct copy_side *s, u64 frame, struct page_info **pg)
{
	s->start = 0;
	s->end = PAGE_SIZE;
	frame = domain_frame(s->d, frame);
	if (likely(grant_frame_get_fast(s->d, frame, s->write, pg)))
		return GNTST_okay;
	return grant_frame_get(s->d, frame, s->write, pg);
}

/* What the element before used is kept. */
static int side_change(struct copy_side *s, const struct gnttab_copy_ptr *p, bool is_gref, u64 name)
{
	struct page_info *pg;
	int status;

	if (p->domid != DOMID_SELF && !is_gref)
		return GNTST_permission_denied;
	side_release(s);
	if (!grant_peer(s, p->domid))
		return GNTST_bad_domain;
	status = is_gref ? claim_grant(s, name, &pg) : claim_frame(s, name, &pg);
	s->pg = status ? NULL : pg;
	s->is_gref = is_gref;
	s->name = name;
	s->domid = p->domid;
	return status;
}

static __always_inline int side_claim(struct copy_side *s, const struct gnttab_copy_ptr *p, bool is_gref)
{
	u64 name = is_gref ? p->u.ref : p->u.gmfn;

	if (s->pg && s->name == name && s->domid == p->domid && s->is_gref == is_gref)
		return GNTST_okay;
	return side_change(s, p, is_gref, name);
}

/* May @len bytes at @offset be used? A whole page's end is the caller's fault, a part's the grant's. */
static int in_bounds(const struct copy_side *s, unsigned int offset, unsigned int len)
{
	if (likely(offset >= s->start && offset + len <= s->end))
		return GNTST_okay;
	return offset + len > PAGE_SIZE ? GNTST_bad_copy_arg : GNTST_general_error;
}

int grant_copy_one(struct grant_batch *b, void *element)
{
	struct gnttab_copy *op = element;
	u8 *from, *to;

	op->status = side_claim(&b->src, &op->source, op->flags & GNTCOPY_source_gref);
	if (!op->status)
		op->status = side_claim(&b->dst, &op->dest, op->flags & GNTCOPY_dest_gref);
	if (op->status)
		return 0;
	op->status = in_bounds(&b->src, op->source.offset, op->len) ?: in_bounds(&b->dst, op->dest.offset, op->len);
	if (op->status)
		return 0;
	from = (u8 *)page_to_virt(b->src.pg) + op->source.offset;
	to = (u8 *)page_to_virt(b->dst.pg) + op->dest.offset;
	if (likely(b->src.pg != b->dst.pg))
		memcpy(to, from, op->len);
	else
		memmove(to, from, op->len);
	return 0;
}

void grant_copy_end(struct grant_batch *b)
{
	side_release(&b->src);
	side_release(&b->dst);
	if (b->src.d)
		domain_put(b->src.d);
	if (b->dst.d)
		domain_put(b->dst.d);
}

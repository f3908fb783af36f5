// SPDX-License-Identifier: GPL-2.0-only
/*
 * GNTTABOP_copy: bytes between two frames, each named by a grant reference of some domain or, for
 * the caller's own, by frame number. What one operation pinned is kept for the next of the batch:
 * network drivers copy many times from or into the same page.
 */
#include <xenolith/hypercall.h>
#include "grant-private.h"

static void side_release(struct copy_side *s)
{
	if (!s->pg)
		return;
	grant_frame_put(s->pg, s->write);
	if (s->is_gref)
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

static int side_claim(struct copy_side *s, const struct gnttab_copy_ptr *p, bool is_gref)
{
	u64 name = is_gref ? p->u.ref : p->u.gmfn;
	struct page_info *pg;
	int status;

	if (p->domid != DOMID_SELF && !is_gref)
		return GNTST_permission_denied;
	if (!grant_peer(s, p->domid))
		return GNTST_bad_domain;
	if (likely(s->pg && s->is_gref == is_gref && s->name == name))
		return GNTST_okay;
	side_release(s);
	if (is_gref)
		status = grant_pin(s->d, name, current->domain->id, s->write, 1, &pg);
	else
		status = grant_frame_get(s->d, name, s->write, &pg);
	s->pg = status ? NULL : pg;
	s->is_gref = is_gref;
	s->name = name;
	return status;
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
	if (op->source.offset + op->len > PAGE_SIZE || op->dest.offset + op->len > PAGE_SIZE) {
		op->status = GNTST_bad_copy_arg;
		return 0;
	}
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

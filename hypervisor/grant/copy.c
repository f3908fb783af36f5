// SPDX-License-Identifier: GPL-2.0-only
/*
 * GNTTABOP_copy: bytes between two frames, each named by a grant reference of some domain or, for
 * the caller's own, by frame number. What one operation pinned is kept for the next of the batch:
 * network drivers copy many times from or into the same page.
 */
#include <xenolith/hypercall.h>
#include "grant-private.h"

struct side {
	struct domain *d;		/* referenced, of @domid; NULL: none yet */
	domid_t domid;
	bool write;			/* the destination */
	bool claimed, is_gref;		/* the rest is valid; pinned by grant @name */
	u64 name;			/* grant reference or frame number */
	struct page_info *pg;
};

static void side_unclaim(struct side *s)
{
	if (!s->claimed)
		return;
	grant_frame_put(s->pg, s->write);
	if (s->is_gref)
		grant_unpin(s->d, s->name, s->write ? PIN_HOST_WRITE : PIN_HOST_READ);
	s->claimed = false;
}

static void side_release(struct side *s)
{
	side_unclaim(s);
	if (s->d)
		domain_put(s->d);
	s->d = NULL;
}

static int side_find_domain(struct side *s, domid_t domid, bool is_gref)
{
	if (domid != DOMID_SELF && !is_gref)
		return GNTST_permission_denied;
	if (likely(s->d && s->domid == domid))
		return GNTST_okay;
	side_release(s);
	s->domid = domid;
	if (domid == DOMID_SELF || domid < DOMID_FIRST_RESERVED)
		s->d = domain_get(domid);
	return s->d ? GNTST_okay : GNTST_bad_domain;
}

static int side_claim(struct side *s, u64 name, bool is_gref)
{
	int status;

	if (likely(s->claimed && s->is_gref == is_gref && s->name == name))
		return GNTST_okay;
	side_unclaim(s);
	if (is_gref)
		status = grant_pin(s->d, name, current->domain->id,
				   s->write ? PIN_HOST_WRITE : PIN_HOST_READ, 1, false, &s->pg);
	else
		status = grant_frame_get(s->d, name, s->write, &s->pg);
	s->claimed = !status;
	s->is_gref = is_gref;
	s->name = name;
	return status;
}

static u64 name_of(const struct gnttab_copy_ptr *p, bool is_gref)
{
	return is_gref ? p->u.ref : p->u.gmfn;
}

static int copy_one(const struct gnttab_copy *op, struct side *src, struct side *dst)
{
	bool src_gref = op->flags & GNTCOPY_source_gref, dst_gref = op->flags & GNTCOPY_dest_gref;
	int status = side_find_domain(src, op->source.domid, src_gref);
	u8 *from, *to;

	if (!status)
		status = side_find_domain(dst, op->dest.domid, dst_gref);
	if (!status)
		status = side_claim(src, name_of(&op->source, src_gref), src_gref);
	if (!status)
		status = side_claim(dst, name_of(&op->dest, dst_gref), dst_gref);
	if (status)
		return status;
	if (op->source.offset + op->len > PAGE_SIZE || op->dest.offset + op->len > PAGE_SIZE)
		return GNTST_bad_copy_arg;
	from = (u8 *)page_to_virt(src->pg) + op->source.offset;
	to = (u8 *)page_to_virt(dst->pg) + op->dest.offset;
	if (likely(src->pg != dst->pg))
		memcpy(to, from, op->len);
	else
		memmove(to, from, op->len);
	return GNTST_okay;
}

long grant_copy(unsigned long uop, unsigned int count)
{
	struct gnttab_copy op, *u = (void *)uop;
	struct side src = { .write = false }, dst = { .write = true };
	unsigned int done;
	long rc = 0;

	for (done = 0; done < count; done++, u++) {
		if (done && hypercall_preempt())
			break;
		if (copy_in(&op, u)) {
			rc = -EFAULT;
			break;
		}
		op.status = copy_one(&op, &src, &dst);
		/* len, flags, status and padding: one word */
		if (copy_to_guest(guest_ptr(&u->len), &op.len, 8)) {
			rc = -EFAULT;
			break;
		}
	}
	side_release(&src);
	side_release(&dst);
	return rc ?: done;
}
_Static_assert(offsetof(struct gnttab_copy, len) == 32 && sizeof(struct gnttab_copy) == 40,
	       "the status lies in the last word");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall edge of grant tables, and the operations on a table as a whole. Every operation takes
 * an array and does a part of it at a time: what is left is a call with pointer and count moved on.
 */
#include <xenolith/hypercall.h>
#include "grant-private.h"

/* ---- a table: of the domain that the argument names, the caller's or one it controls ---- */

static int table_of(struct grant_batch *b, domid_t id, struct domain **d)
{
	*d = grant_peer(&b->src, id);
	if (!*d)
		return GNTST_bad_domain;
	return *d == current->domain || !rights_target(current->domain, *d) ? GNTST_okay : GNTST_permission_denied;
}

static int setup_table(struct grant_batch *b, void *element)
{
	struct gnttab_setup_table *op = element;
	xen_pfn_t *list = op->frame_list.p;
	struct domain *d;

	op->status = table_of(b, op->dom, &d);
	/* Hardware-assisted guests place the frames themselves: XENMEM_add_to_physmap. */
	if (!op->status && (d->is_hvm || grant_table_grow(d, op->nr_frames)))
		op->status = GNTST_general_error;
	for (unsigned int i = 0; !op->status && i < op->nr_frames; i++) {
		xen_pfn_t gfn = mfn_x(virt_to_mfn(d->grant->shared[i]));

		if (copy_out(list + i, &gfn))
			op->status = GNTST_bad_virt_addr;
	}
	return 0;
}

static int query_size(struct grant_batch *b, void *element)
{
	struct gnttab_query_size *op = element;
	struct domain *d;

	op->status = table_of(b, op->dom, &d);
	if (!op->status) {
		op->nr_frames = d->grant->nr_frames;
		op->max_nr_frames = d->grant->max_frames;
	}
	return 0;
}

static int get_status_frames(struct grant_batch *b, void *element)
{
	struct gnttab_get_status_frames *op = element;
	u64 *list = op->frame_list.p;
	struct domain *d;
	mfn_t m;

	op->status = table_of(b, op->dom, &d);
	for (unsigned int i = 0; !op->status && i < op->nr_frames; i++) {
		if (d->is_hvm || grant_status_mfn(d, i, false, &m))
			op->status = GNTST_general_error;
		else if (copy_out(list + i, &m))
			op->status = GNTST_bad_virt_addr;
	}
	return 0;
}

static int get_version(struct grant_batch *b, void *element)
{
	struct gnttab_get_version *op = element;
	struct domain *d;
	int status = table_of(b, op->dom, &d);

	if (!status)
		op->version = READ_ONCE(d->grant->abi)->version;
	return !status ? 0 : status == GNTST_bad_domain ? -ESRCH : -EPERM;
}

/* One element, whatever the count. */
static long set_version(unsigned long uop, u32 count)
{
	struct gnttab_set_version op;
	long rc;

	if (copy_in(&op, uop))
		return -EFAULT;
	rc = grant_set_version(current->domain, op.version);
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_grant_table_op, GNTTABOP_set_version, uop, count, 0, 0);
	op.version = READ_ONCE(current->domain->grant->abi)->version;
	return copy_out(uop, &op) ? -EFAULT : rc;
}

/* ---- small ones ---- */

/* Both are locked, the first is the lower. */
static int swap_locked(struct grant_table *gt, grant_ref_t low, grant_ref_t high)
{
	u8 *first, *second, tmp[sizeof(union grant_entry_v2)];
	size_t size;

	if (!grant_is_open(gt) || grant_active_entry(gt, low)->pin || grant_active_entry(gt, high)->pin)
		return GNTST_eagain;
	if (!grant_ref_valid(gt, high))
		return GNTST_bad_gntref;
	size = 1UL << gt->abi->entry_shift;
	first = grant_shared_entry(gt, low);
	second = grant_shared_entry(gt, high);
	memcpy(tmp, first, size);
	memcpy(first, second, size);
	memcpy(second, tmp, size);
	return GNTST_okay;
}

static int swap_one(struct grant_batch *b, void *element)
{
	struct gnttab_swap_grant_ref *op = element;
	struct grant_table *gt = current->domain->grant;
	grant_ref_t low = min(op->ref_a, op->ref_b), high = max(op->ref_a, op->ref_b);

	op->status = grant_ref_valid(gt, high) ? GNTST_okay : GNTST_bad_gntref;
	if (op->status || low == high)
		return 0;
	spin_lock(&grant_active_entry(gt, low)->lock);
	spin_lock(&grant_active_entry(gt, high)->lock);
	op->status = swap_locked(gt, low, high);
	spin_unlock(&grant_active_entry(gt, high)->lock);
	spin_unlock(&grant_active_entry(gt, low)->lock);
	return 0;
}

/* Does @user have frame @m by a grant of its owner? At most a table's worth of entries. */
static bool granted(const struct domain *owner, const struct domain *user, mfn_t m)
{
	for (grant_ref_t ref = 0; grant_ref_valid(owner->grant, ref); ref++) {
		const struct grant_active *act = grant_active_entry(owner->grant, ref);

		if (READ_ONCE(act->pin) && act->domid == user->id && act->frame == mfn_x(m))
			return true;
	}
	return false;
}

static int cache_flush_one(struct grant_batch *b, void *element)
{
	const struct gnttab_cache_flush *op = element;
	mfn_t m = mfn(op->a.dev_bus_addr >> PAGE_SHIFT);
	struct domain *owner;
	bool may;

	if (op->offset >= PAGE_SIZE || op->offset + op->length > PAGE_SIZE)
		return -EINVAL;
	if (!op->length || !op->op)
		return 0;
	if (op->op & GNTTAB_CACHE_SOURCE_GREF || current->is_hvm)
		return -EOPNOTSUPP;
	if (op->op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL) || !mfn_valid(m))
		return -EINVAL;
	owner = domain_get(READ_ONCE(mfn_to_page(m)->owner));
	if (!owner)
		return -EPERM;
	may = owner == current->domain || granted(owner, current->domain, m);
	domain_put(owner);
	if (!may)
		return -EPERM;
	if (!(op->op & GNTTAB_CACHE_CLEAN))
		return -EOPNOTSUPP;	/* dropping lines unwritten could show old contents */
	cache_flush_page(m);
	return 0;
}

/* ---- the call ---- */

/* @results: where in an element of @size bytes its results begin. In line for known sizes. */
static __always_inline long run(u32 cmd, unsigned long uop, u32 count, size_t size, size_t results, grant_op_fn *fn)
{
	u8 element[sizeof(struct gnttab_copy)] __aligned(8);
	struct grant_batch b;
	u32 done;
	int rc = 0;

	b.src = (struct copy_side){ };
	b.dst = (struct copy_side){ .write = true };
	b.nr = 0;
	for (done = 0; !rc && done < count; done++, uop += size) {
		if (done && hypercall_preempt())
			break;
		if (copy_from_guest(element, guest_ptr(uop), size)) {
			rc = -EFAULT;
			break;
		}
		rc = fn(&b, element);
		if (results < size && copy_to_guest(guest_ptr(uop + results), element + results, size - results))
			rc = -EFAULT;
	}
	grant_unmap_end(&b);
	grant_copy_end(&b);
	count_on_cpu(COUNT_GRANT, done);
	if (rc || done == count)
		return rc;
	return hypercall_continue(__HYPERVISOR_grant_table_op, cmd, uop, count - done, 0, 0);
}

long do_grant_table_op(unsigned long cmd, unsigned long uop, unsigned long nr, unsigned long a4, unsigned long a5)
{
	u32 op = cmd, count = nr;

	if ((s32)count < 0)
		return -EINVAL;
#define RUN(type, first_result, fn) \
	run(op, uop, count, sizeof(struct type), offsetof(struct type, first_result), fn)
	switch (op) {
	case GNTTABOP_map_grant_ref:
		return RUN(gnttab_map_grant_ref, dom, grant_map_one);		/* whole words */
	case GNTTABOP_unmap_grant_ref:
		return RUN(gnttab_unmap_grant_ref, handle, grant_unmap_one);
	case GNTTABOP_copy:
		return RUN(gnttab_copy, len, grant_copy_one);
	case GNTTABOP_transfer:
		return RUN(gnttab_transfer, domid, grant_transfer_one);
	case GNTTABOP_swap_grant_ref:
		return RUN(gnttab_swap_grant_ref, status, swap_one);
	case GNTTABOP_setup_table:
		return count == 1 ? RUN(gnttab_setup_table, dom, setup_table) : -EINVAL;
	case GNTTABOP_query_size:
		return count == 1 ? RUN(gnttab_query_size, dom, query_size) : -EINVAL;
	case GNTTABOP_get_version:
		return RUN(gnttab_get_version, version, get_version);
	case GNTTABOP_get_status_frames:
		return count == 1 ? RUN(gnttab_get_status_frames, dom, get_status_frames) : -EINVAL;
	case GNTTABOP_set_version:
		return set_version(uop, count);
	case GNTTABOP_cache_flush:
		return run(op, uop, count, sizeof(struct gnttab_cache_flush), sizeof(struct gnttab_cache_flush), cache_flush_one);
	}
#undef RUN
	return -ENOSYS;
}

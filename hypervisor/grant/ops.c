// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall edge of grant tables, and the operations on a table as a whole. Calls that take an
 * array do a part of it at a time: what is left is a call with pointer and count moved on.
 */
#include <xenolith/hypercall.h>
#include "grant-private.h"

#define GRANT_VERSION	1

/* Domain @id for the caller to look at: referenced; NULL with a GNTST_* in *@status. */
static struct domain *target_get(domid_t id, int16_t *status)
{
	struct domain *d = domain_get(id);

	*status = d ? GNTST_okay : GNTST_bad_domain;
	if (d && d != current->domain && rights_target(current->domain, d)) {
		domain_put(d);
		*status = GNTST_permission_denied;
		return NULL;
	}
	return d;
}

static int setup_table(struct domain *d, unsigned int nr_frames, unsigned long list)
{
	int status = GNTST_okay;

	if (grant_table_grow(d, nr_frames))
		return GNTST_general_error;
	for (unsigned int i = 0; i < nr_frames; i++) {
		xen_pfn_t gfn = mfn_x(virt_to_mfn(d->grant->shared[i]));

		if (copy_out((xen_pfn_t *)list + i, &gfn))
			status = GNTST_bad_virt_addr;
	}
	return status;
}

static long op_setup_table(unsigned long uop)
{
	struct gnttab_setup_table op;
	struct domain *d;

	if (copy_in(&op, uop))
		return -EFAULT;
	d = target_get(op.dom, &op.status);
	if (d) {
		op.status = setup_table(d, op.nr_frames, (unsigned long)op.frame_list.p);
		domain_put(d);
	}
	return copy_field_out(uop, struct gnttab_setup_table, &op, status);
}

static long op_query_size(unsigned long uop)
{
	struct gnttab_query_size op;
	struct domain *d;

	if (copy_in(&op, uop))
		return -EFAULT;
	d = target_get(op.dom, &op.status);
	if (d) {
		op.nr_frames = grant_nr_frames(d);
		op.max_nr_frames = d->grant->max_frames;
		domain_put(d);
	}
	return copy_out(uop, &op);
}

static long op_set_version(unsigned long uop)
{
	struct gnttab_set_version op;
	long rc;

	if (copy_in(&op, uop))
		return -EFAULT;
	rc = op.version == 1 ? 0 : op.version == 2 ? -ENOSYS : -EINVAL;
	op.version = GRANT_VERSION;
	return copy_out(uop, &op) ?: rc;
}

static long op_get_version(unsigned long uop)
{
	struct gnttab_get_version op;
	struct domain *d;
	int16_t status;

	if (copy_in(&op, uop))
		return -EFAULT;
	d = target_get(op.dom, &status);
	if (!d)
		return status == GNTST_bad_domain ? -ESRCH : -EPERM;
	domain_put(d);
	op.version = GRANT_VERSION;
	return copy_field_out(uop, struct gnttab_get_version, &op, version);
}

/* Version 1 has none: asking for no frames is the only thing that succeeds. */
static long op_get_status_frames(unsigned long uop)
{
	struct gnttab_get_status_frames op;
	struct domain *d;

	if (copy_in(&op, uop))
		return -EFAULT;
	d = target_get(op.dom, &op.status);
	if (d) {
		domain_put(d);
		op.status = op.nr_frames ? GNTST_general_error : GNTST_okay;
	}
	return copy_field_out(uop, struct gnttab_get_status_frames, &op, status);
}

static int swap_one(struct grant_table *gt, grant_ref_t a, grant_ref_t b)
{
	struct grant_active *first, *second;
	struct grant_entry_v1 tmp;
	int status = GNTST_eagain;

	if (!grant_ref_valid(gt, a) || !grant_ref_valid(gt, b))
		return GNTST_bad_gntref;
	if (a == b)
		return GNTST_okay;
	first = grant_active_entry(gt, min(a, b));
	second = grant_active_entry(gt, max(a, b));
	spin_lock(&first->lock);
	spin_lock(&second->lock);
	if (!first->pin && !second->pin) {
		tmp = *grant_shared_entry(gt, a);
		*grant_shared_entry(gt, a) = *grant_shared_entry(gt, b);
		*grant_shared_entry(gt, b) = tmp;
		status = GNTST_okay;
	}
	spin_unlock(&second->lock);
	spin_unlock(&first->lock);
	return status;
}

static long op_swap(unsigned long uop, unsigned int count)
{
	struct gnttab_swap_grant_ref op, *u = (void *)uop;
	unsigned int done;

	for (done = 0; done < count; done++, u++) {
		if (done && hypercall_preempt())
			break;
		if (copy_in(&op, u))
			return -EFAULT;
		op.status = swap_one(current->domain->grant, op.ref_a, op.ref_b);
		if (copy_field_out(u, struct gnttab_swap_grant_ref, &op, status))
			return -EFAULT;
	}
	return done;
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

static long cache_flush_one(const struct gnttab_cache_flush *op)
{
	mfn_t m = mfn(op->a.dev_bus_addr >> PAGE_SHIFT);
	struct domain *owner;
	bool may;

	if (op->offset >= PAGE_SIZE || op->offset + op->length > PAGE_SIZE)
		return -EINVAL;
	if (!op->length || !op->op)
		return 0;
	if (op->op & GNTTAB_CACHE_SOURCE_GREF)
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

static long op_cache_flush(unsigned long uop, unsigned int count)
{
	struct gnttab_cache_flush op, *u = (void *)uop;
	unsigned int done;
	long rc;

	for (done = 0; done < count; done++, u++) {
		if (done && hypercall_preempt())
			break;
		if (copy_in(&op, u))
			return -EFAULT;
		rc = cache_flush_one(&op);
		if (rc)
			return rc;
	}
	return done;
}

/* Bytes of an element of the calls that take an array. */
static const u8 element_size[] = {
	[GNTTABOP_map_grant_ref]	= sizeof(struct gnttab_map_grant_ref),
	[GNTTABOP_unmap_grant_ref]	= sizeof(struct gnttab_unmap_grant_ref),
	[GNTTABOP_transfer]		= sizeof(struct gnttab_transfer),
	[GNTTABOP_copy]			= sizeof(struct gnttab_copy),
	[GNTTABOP_unmap_and_replace]	= sizeof(struct gnttab_unmap_and_replace),
	[GNTTABOP_swap_grant_ref]	= sizeof(struct gnttab_swap_grant_ref),
	[GNTTABOP_cache_flush]		= sizeof(struct gnttab_cache_flush),
};

static long array_op(unsigned int cmd, unsigned long uop, unsigned int count)
{
	switch (cmd) {
	case GNTTABOP_map_grant_ref:
		return grant_map(uop, count);
	case GNTTABOP_unmap_grant_ref:
		return grant_unmap(uop, count, false);
	case GNTTABOP_unmap_and_replace:
		return grant_unmap(uop, count, true);
	case GNTTABOP_copy:
		return grant_copy(uop, count);
	case GNTTABOP_transfer:
		return grant_transfer(uop, count);
	case GNTTABOP_swap_grant_ref:
		return op_swap(uop, count);
	default:
		return op_cache_flush(uop, count);
	}
}

static long single_op(unsigned int cmd, unsigned long uop, unsigned int count)
{
	switch (cmd) {
	case GNTTABOP_setup_table:
		return count == 1 ? op_setup_table(uop) : -EINVAL;
	case GNTTABOP_query_size:
		return count == 1 ? op_query_size(uop) : -EINVAL;
	case GNTTABOP_get_status_frames:
		return count == 1 ? op_get_status_frames(uop) : -EINVAL;
	case GNTTABOP_set_version:
		return op_set_version(uop);
	case GNTTABOP_get_version:
		return op_get_version(uop);
	}
	return -ENOSYS;
}

long do_grant_table_op(unsigned long cmd, unsigned long uop, unsigned long nr, unsigned long a4,
		       unsigned long a5)
{
	u32 op = cmd, count = nr;
	long done;

	if ((s32)count < 0)
		return -EINVAL;
	if (op >= ARRAY_SIZE(element_size) || !element_size[op])
		return single_op(op, uop, count);
	done = array_op(op, uop, count);
	if (done < 0 || done == count)
		return done < 0 ? done : 0;
	return hypercall_continue(__HYPERVISOR_grant_table_op, op, uop + done * element_size[op],
				  count - done, 0, 0);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall edge of grant tables, and the operations on a table as a whole. Calls that take an
 * array do a part of it at a time: what is left is a call with pointer and count moved on.
 */
#include <xenolith/hypercall.h>
#include "grant-private.h"

#define GRANT_VERSION	1

/* ---- one table: the domain that the argument names, the caller's or one it controls ---- */

union table_args {
	struct gnttab_setup_table setup;
	struct gnttab_query_size query;
	struct gnttab_get_status_frames status_frames;
	struct gnttab_get_version version;
};

static int op_setup_table(struct domain *d, union table_args *a)
{
	xen_pfn_t *list = a->setup.frame_list.p;
	int status = GNTST_okay;

	if (grant_table_grow(d, a->setup.nr_frames))
		return GNTST_general_error;
	for (unsigned int i = 0; i < a->setup.nr_frames; i++) {
		xen_pfn_t gfn = mfn_x(virt_to_mfn(d->grant->shared[i]));

		if (copy_out(list + i, &gfn))
			status = GNTST_bad_virt_addr;
	}
	return status;
}

static int op_query_size(struct domain *d, union table_args *a)
{
	a->query.nr_frames = grant_nr_frames(d);
	a->query.max_nr_frames = d->grant->max_frames;
	return GNTST_okay;
}

static int op_get_version(struct domain *d, union table_args *a)
{
	a->version.version = GRANT_VERSION;
	return GNTST_okay;
}

/* Version 1 has none: asking for no frames is the only thing that succeeds. */
static int op_get_status_frames(struct domain *d, union table_args *a)
{
	return a->status_frames.nr_frames ? GNTST_general_error : GNTST_okay;
}

#define NO_STATUS	0		/* the hypercall's result says it instead; any count will do */
#define TABLE_OP(type, fn) \
	{ sizeof(struct type), offsetof(struct type, dom), offsetof(struct type, status), fn }
static const struct table_op {
	u8 size, dom, status;		/* of the argument; offsets in it */
	int (*fn)(struct domain *d, union table_args *a);
} table_ops[] = {
	[GNTTABOP_setup_table]		= TABLE_OP(gnttab_setup_table, op_setup_table),
	[GNTTABOP_query_size]		= TABLE_OP(gnttab_query_size, op_query_size),
	[GNTTABOP_get_status_frames]	= TABLE_OP(gnttab_get_status_frames, op_get_status_frames),
	[GNTTABOP_get_version]		= { sizeof(struct gnttab_get_version), 0, NO_STATUS, op_get_version },
};
_Static_assert(offsetof(struct gnttab_get_version, dom) == 0, "ABI: get_version");

static int run_on_table(const struct table_op *op, union table_args *a)
{
	struct domain *d = domain_get(*(domid_t *)((u8 *)a + op->dom));
	int status = GNTST_permission_denied;

	if (!d)
		return GNTST_bad_domain;
	if (d == current->domain || !rights_target(current->domain, d))
		status = op->fn(d, a);
	domain_put(d);
	return status;
}

static long do_table_op(const struct table_op *op, unsigned long uop, unsigned int count)
{
	union table_args a;
	int status;

	if (op->status && count != 1)
		return -EINVAL;
	if (copy_from_guest(&a, guest_ptr(uop), op->size))
		return -EFAULT;
	status = run_on_table(op, &a);
	if (op->status)
		*(int16_t *)((u8 *)&a + op->status) = status;
	else if (status)
		return status == GNTST_bad_domain ? -ESRCH : -EPERM;
	return copy_to_guest(guest_ptr(uop), &a, op->size);
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

/* ---- arrays ---- */

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

static int cache_flush_one(const struct gnttab_cache_flush *op)
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

union array_element {
	struct gnttab_swap_grant_ref swap;
	struct gnttab_transfer transfer;
	struct gnttab_cache_flush flush;
};

static int run_element(unsigned int cmd, union array_element *e)
{
	switch (cmd) {
	case GNTTABOP_swap_grant_ref:
		e->swap.status = swap_one(current->domain->grant, e->swap.ref_a, e->swap.ref_b);
		return 0;
	case GNTTABOP_transfer:
		e->transfer.status = grant_transfer_one(current->domain, &e->transfer);
		return 0;
	default:
		return cache_flush_one(&e->flush);
	}
}

static long run_elements(unsigned int cmd, unsigned long uop, unsigned int count, size_t size)
{
	union array_element e;
	unsigned int done;
	int rc;

	for (done = 0; done < count; done++, uop += size) {
		if (done && hypercall_preempt())
			break;
		if (copy_from_guest(&e, guest_ptr(uop), size))
			return -EFAULT;
		rc = run_element(cmd, &e);
		if (rc)
			return rc;
		if (cmd != GNTTABOP_cache_flush && copy_to_guest(guest_ptr(uop), &e, size))
			return -EFAULT;
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

static long do_array_op(unsigned int cmd, unsigned long uop, unsigned int count)
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
	default:
		return run_elements(cmd, uop, count, element_size[cmd]);
	}
}

long do_grant_table_op(unsigned long cmd, unsigned long uop, unsigned long nr, unsigned long a4,
		       unsigned long a5)
{
	u32 op = cmd, count = nr;
	long done;

	if ((s32)count < 0)
		return -EINVAL;
	if (op == GNTTABOP_set_version)
		return op_set_version(uop);
	if (op < ARRAY_SIZE(table_ops) && table_ops[op].fn)
		return do_table_op(&table_ops[op], uop, count);
	if (op >= ARRAY_SIZE(element_size) || !element_size[op])
		return -ENOSYS;
	done = do_array_op(op, uop, count);
	if (done < 0 || done == count)
		return done < 0 ? done : 0;
	return hypercall_continue(__HYPERVISOR_grant_table_op, op, uop + done * element_size[op],
				  count - done, 0, 0);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Hypercalls from user space. */

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat/compat.h"
#include "privcmd.h"
#include <xen/interface/hvm/dm_op.h>

static unsigned int dm_op_max_nr_bufs = 16;
module_param(dm_op_max_nr_bufs, uint, 0644);
MODULE_PARM_DESC(dm_op_max_nr_bufs, "Most buffers that one dm_op hypercall may have");

static unsigned int dm_op_buf_max_size = 4096;
module_param(dm_op_buf_max_size, uint, 0644);
MODULE_PARM_DESC(dm_op_buf_max_size, "Largest buffer of a dm_op hypercall, in bytes");

long privcmd_hypercall(struct privcmd_file *pf, void __user *user)
{
	struct privcmd_hypercall call;
	long ret;

	if (READ_ONCE(pf->domain) != DOMID_INVALID)
		return -EPERM;
	if (copy_from_user(&call, user, sizeof(call)))
		return -EFAULT;
	xen_preemptible_hcall_begin();
	ret = privcmd_call(call.op, call.arg[0], call.arg[1], call.arg[2], call.arg[3], call.arg[4]);
	xen_preemptible_hcall_end();
	return ret;
}

/**
 * struct dm_op - a dm_op hypercall in the making
 * @arg:	the call
 * @user:	its buffers, as user space gave them
 * @xen:	as the hypervisor wants them
 * @pages:	the pages under all of them, pinned: the hypervisor cannot fault them in
 * @pinned:	how many of them
 */
struct dm_op {
	struct privcmd_dm_op arg;
	struct privcmd_dm_op_buf *user;
	struct xen_dm_op_buf *xen;
	struct page **pages;
	unsigned int pinned;
};

static unsigned long pages_under(const struct privcmd_dm_op_buf *buf)
{
	return DIV_ROUND_UP(offset_in_page(buf->uptr) + buf->size, PAGE_SIZE);
}

/* Return: how many pages lie under the buffers, or -errno when one cannot be. */
static long check_buffers(const struct dm_op *op)
{
	unsigned int largest = READ_ONCE(dm_op_buf_max_size), i;
	long pages = 0;

	for (i = 0; i < op->arg.num; i++) {
		if (op->user[i].size > largest)
			return -E2BIG;
		if (!access_ok(op->user[i].uptr, op->user[i].size))
			return -EFAULT;
		pages += pages_under(&op->user[i]);
	}
	return pages;
}

static int pin_buffer(struct dm_op *op, const struct privcmd_dm_op_buf *buf)
{
	unsigned long addr = (unsigned long)buf->uptr & PAGE_MASK;
	long left = pages_under(buf);
	int got;

	while (left) {
		got = pin_user_pages_fast(addr, left, FOLL_WRITE, op->pages + op->pinned);
		if (got <= 0)
			return got ?: -EFAULT;
		op->pinned += got;
		left -= got;
		addr += got * PAGE_SIZE;
	}
	return 0;
}

static int pin_buffers(struct dm_op *op)
{
	unsigned int i;
	int rc;

	for (i = 0; i < op->arg.num; i++) {
		rc = pin_buffer(op, &op->user[i]);
		if (rc)
			return rc;
		set_xen_guest_handle(op->xen[i].h, (void __force *)op->user[i].uptr);
		op->xen[i].size = op->user[i].size;
	}
	return 0;
}

static long make_dm_op(struct dm_op *op)
{
	long rc = check_buffers(op);

	if (rc < 0)
		return rc;
	op->xen = kcalloc(op->arg.num, sizeof(*op->xen), GFP_KERNEL);
	op->pages = kvcalloc(rc, sizeof(*op->pages), GFP_KERNEL);
	if (!op->xen || !op->pages)
		return -ENOMEM;
	rc = pin_buffers(op);
	if (rc)
		return rc;
	xen_preemptible_hcall_begin();
	rc = HYPERVISOR_dm_op(op->arg.dom, op->arg.num, op->xen);
	xen_preemptible_hcall_end();
	return rc;
}

long privcmd_dm_op(struct privcmd_file *pf, void __user *user)
{
	struct dm_op op = { };
	long rc;

	if (copy_from_user(&op.arg, user, sizeof(op.arg)))
		return -EFAULT;
	if (!privcmd_may(pf, op.arg.dom))
		return -EPERM;
	if (!op.arg.num)
		return 0;
	if (op.arg.num > READ_ONCE(dm_op_max_nr_bufs))
		return -E2BIG;
	op.user = memdup_user(op.arg.ubufs, op.arg.num * sizeof(*op.user));
	if (IS_ERR(op.user))
		return PTR_ERR(op.user);
	rc = make_dm_op(&op);
	unpin_user_pages_dirty_lock(op.pages, op.pinned, true);
	kvfree(op.pages);
	kfree(op.xen);
	kfree(op.user);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies between grants of other domains and memory of this process, or between two grants.
 *
 * Segments become operations of the hypervisor, two for one whose local side crosses a page, and go there many at a
 * time. Pages of user space stay pinned until their batch is done.
 */

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat/compat.h"
#include "gntdev.h"

#define BATCH 64

/**
 * struct batch - operations on their way
 * @count:	how many
 * @ops:	what the hypervisor is to do
 * @status:	where each one's result goes, that of its segment
 * @nr_read:	how many pages are in @read
 * @nr_written:	how many pages are in @written
 * @read:	pinned pages that are copied from
 * @written:	pinned pages that are copied to
 */
struct batch {
	unsigned int count;
	struct gnttab_copy ops[BATCH];
	s16 __user *status[BATCH];
	unsigned int nr_read;
	unsigned int nr_written;
	struct page *read[BATCH];
	struct page *written[BATCH];
};

static void unpin(struct batch *batch)
{
	unpin_user_pages(batch->read, batch->nr_read);
	unpin_user_pages_dirty_lock(batch->written, batch->nr_written, true);
	batch->nr_read = 0;
	batch->nr_written = 0;
}

/* A segment's status is that of its first operation that failed. */
static int report(s16 __user *user, s16 status)
{
	s16 before;

	if (get_user(before, user))
		return -EFAULT;
	return before == GNTST_okay ? put_user(status, user) : 0;
}

static int flush(struct batch *batch)
{
	unsigned int i, count = batch->count;
	int rc = 0;

	batch->count = 0;
	if (count)
		gnttab_batch_copy(batch->ops, count);
	unpin(batch);
	for (i = 0; i < count && !rc; i++)
		if (batch->ops[i].status != GNTST_okay)
			rc = report(batch->status[i], batch->ops[i].status);
	return rc;
}

static int pin(struct batch *batch, const void __user *virt, bool write, unsigned long *gfn)
{
	struct page **page = write ? &batch->written[batch->nr_written] : &batch->read[batch->nr_read];
	int rc = pin_user_pages_fast((unsigned long)virt & PAGE_MASK, 1, write ? FOLL_WRITE : 0, page);

	if (rc != 1)
		return rc < 0 ? rc : -EFAULT;
	*gfn = xen_page_to_gfn(*page);
	if (write)
		batch->nr_written++;
	else
		batch->nr_read++;
	return 0;
}

/**
 * struct side - where a segment's bytes come from or go to
 * @granted:	it is the grant @ref of @domid, from @offset on; otherwise memory of this process at @virt
 * @write:	they go there
 * @virt:	where in this process
 * @ref:	which grant
 * @offset:	where in the granted page
 * @domid:	whose grant
 */
struct side {
	bool granted;
	bool write;
	void __user *virt;
	grant_ref_t ref;
	u16 offset;
	domid_t domid;
};

static struct side source_of(const struct gntdev_grant_copy_segment *seg)
{
	if (seg->flags & GNTCOPY_source_gref)
		return (struct side){ .granted = true, .ref = seg->source.foreign.ref,
				      .offset = seg->source.foreign.offset, .domid = seg->source.foreign.domid };
	return (struct side){ .virt = seg->source.virt };
}

static struct side dest_of(const struct gntdev_grant_copy_segment *seg)
{
	if (seg->flags & GNTCOPY_dest_gref)
		return (struct side){ .granted = true, .write = true, .ref = seg->dest.foreign.ref,
				      .offset = seg->dest.foreign.offset, .domid = seg->dest.foreign.domid };
	return (struct side){ .write = true, .virt = seg->dest.virt };
}

static bool within_page(const struct side *side, unsigned int len)
{
	return !side->granted || side->offset + len <= XEN_PAGE_SIZE;
}

/* How many of @len bytes from @done on lie in one page of the side. */
static unsigned int in_one_page(const struct side *side, unsigned int done, unsigned int len)
{
	if (side->granted)
		return len;
	return min_t(unsigned int, len, PAGE_SIZE - offset_in_page((unsigned long)side->virt + done));
}

/* One side of an operation, in the hypervisor's words. */
static int set_side(struct batch *batch, struct gnttab_copy_ptr *ptr, const struct side *side, unsigned int done)
{
	unsigned long gfn;
	int rc;

	if (side->granted) {
		ptr->u.ref = side->ref;
		ptr->domid = side->domid;
		ptr->offset = side->offset + done;
		return 0;
	}
	rc = pin(batch, side->virt + done, side->write, &gfn);
	if (rc)
		return rc;
	ptr->u.gmfn = gfn;
	ptr->domid = DOMID_SELF;
	ptr->offset = offset_in_page((unsigned long)side->virt + done);
	return 0;
}

/* Return: how many bytes the operation copies, or -errno. */
static int add_op(struct batch *batch, const struct side *source, const struct side *dest, unsigned int done,
		  unsigned int len, s16 __user *status)
{
	struct gnttab_copy *op;
	int rc = batch->count == BATCH ? flush(batch) : 0;

	if (rc)
		return rc;
	op = &batch->ops[batch->count];
	memset(op, 0, sizeof(*op));
	op->len = in_one_page(dest, done, in_one_page(source, done, len));
	op->flags = (source->granted ? GNTCOPY_source_gref : 0) | (dest->granted ? GNTCOPY_dest_gref : 0);
	rc = set_side(batch, &op->source, source, done) ?:
	     set_side(batch, &op->dest, dest, done);
	if (rc)
		return rc;
	batch->status[batch->count++] = status;
	return op->len;
}

static int add_segment(struct batch *batch, const struct gntdev_grant_copy_segment *seg, s16 __user *status)
{
	struct side source = source_of(seg), dest = dest_of(seg);
	unsigned int done;
	int rc;

	if (!source.granted && !dest.granted)
		return -EINVAL;
	if (!within_page(&source, seg->len) || !within_page(&dest, seg->len))
		return -EINVAL;
	if (put_user(GNTST_okay, status))
		return -EFAULT;
	for (done = 0; done < seg->len; done += rc) {
		rc = add_op(batch, &source, &dest, done, seg->len - done, status);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int copy_segments(struct batch *batch, const struct ioctl_gntdev_grant_copy *arg)
{
	struct gntdev_grant_copy_segment seg;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < arg->count && !rc; i++) {
		if (copy_from_user(&seg, &arg->segments[i], sizeof(seg)))
			return -EFAULT;
		rc = add_segment(batch, &seg, &arg->segments[i].status);
		cond_resched();
		if (!rc && fatal_signal_pending(current))
			rc = -EINTR;
	}
	return rc ?: flush(batch);
}

long gntdev_copy(void __user *user)
{
	struct ioctl_gntdev_grant_copy arg;
	struct batch *batch;
	int rc;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	batch = kmalloc(sizeof(*batch), GFP_KERNEL);
	if (!batch)
		return -ENOMEM;
	batch->count = 0;
	batch->nr_read = 0;
	batch->nr_written = 0;
	rc = copy_segments(batch, &arg);
	unpin(batch);
	kfree(batch);
	return rc;
}

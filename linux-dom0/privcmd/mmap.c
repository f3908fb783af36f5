// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls that fill a mapping of /dev/xen/privcmd.
 *
 * All of them work through their list piece by piece: a piece is copied in, mapped under the lock of the address space,
 * and its status copied out. Nothing is allocated by a count that user space gave; whatever changes the mapping between
 * two pieces only hurts the caller.
 */

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <xenolith/hypercall.h>
#include <xen/interface/memory.h>
#include "compat/compat.h"
#include "foreign.h"
#include "privcmd.h"

static void mapping_open(struct vm_area_struct *vma)
{
	struct foreign *foreign = vma->vm_private_data;

	if (foreign)
		refcount_inc(&foreign->users);
}

static void mapping_close(struct vm_area_struct *vma)
{
	struct foreign *foreign = vma->vm_private_data;

	if (foreign)
		foreign_put(foreign);
}

static int mapping_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

static vm_fault_t mapping_fault(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct mapping_ops = {
	.open = mapping_open,
	.close = mapping_close,
	.may_split = mapping_split,
	.fault = mapping_fault,
};

/* A child cannot have it: its page tables would have to be filled by hypercalls. Nor can a private one be copied. */
int privcmd_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_MAYWRITE))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &mapping_ops;
	vma->vm_private_data = NULL;
	return 0;
}

static bool range_fits(const struct vm_area_struct *vma, unsigned long addr, unsigned long count)
{
	return addr >= vma->vm_start && addr < vma->vm_end && !offset_in_page(addr) &&
	       count <= (vma->vm_end - addr) / PAGE_SIZE;
}

/* Return: our mapping in which the range lies, or NULL. */
static struct vm_area_struct *find_mapping(unsigned long addr, unsigned long count)
{
	struct vm_area_struct *vma = find_vma(current->mm, addr);

	return vma && vma->vm_ops == &mapping_ops && range_fits(vma, addr, count) ? vma : NULL;
}

static int fatal_signal(void)
{
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/**
 * struct piece - a part of a list of frames
 * @frames:	as user space gave them
 * @errs:	what became of them
 */
struct piece {
	xen_pfn_t frames[FOREIGN_BATCH];
	int errs[FOREIGN_BATCH];
};

/* privcmd_mmap_batch() */

/* The first call for a mapping is for all of it; later ones are for frames that could not be mapped then. */
static int claim_batch(unsigned long addr, unsigned long count)
{
	struct vm_area_struct *vma = find_mapping(addr, count);

	if (!vma)
		return -EINVAL;
	if (!vma->vm_private_data)
		return addr == vma->vm_start && count == vma_pages(vma) ? foreign_create(vma) : -EINVAL;
	return foreign_unmapped(vma, addr, count) ? 0 : -EINVAL;
}

static int start_batch(unsigned long addr, unsigned long count)
{
	int rc;

	if (mmap_write_lock_killable(current->mm))
		return -EINTR;
	rc = claim_batch(addr, count);
	mmap_write_unlock(current->mm);
	return rc;
}

static int map_piece(unsigned long addr, struct piece *piece, unsigned int count, domid_t domain)
{
	struct vm_area_struct *vma;
	int rc = -EINVAL;

	if (mmap_write_lock_killable(current->mm))
		return -EINTR;
	vma = find_mapping(addr, count);
	if (vma && vma->vm_private_data)
		rc = foreign_map(vma, addr, piece->frames, piece->errs, count, domain);
	mmap_write_unlock(current->mm);
	return rc == -EBUSY ? -EINVAL : rc;
}

/* The first version has no list of errors: they go into the top bits of 32 of the frame numbers. */
static int report_v1(xen_pfn_t __user *frames, const struct piece *piece, unsigned int count)
{
	unsigned int i;
	xen_pfn_t frame;

	for (i = 0; i < count; i++) {
		if (!piece->errs[i])
			continue;
		frame = piece->frames[i];
		frame |= piece->errs[i] == -ENOENT ? PRIVCMD_MMAPBATCH_PAGED_ERROR : PRIVCMD_MMAPBATCH_MFN_ERROR;
		if (put_user(frame, frames + i))
			return -EFAULT;
	}
	return 0;
}

static int report(const struct privcmd_mmapbatch_v2 *batch, unsigned int done, const struct piece *piece,
		  unsigned int count, int version)
{
	if (version == 1)
		return report_v1((xen_pfn_t __user *)batch->arr + done, piece, count);
	return copy_to_user(batch->err + done, piece->errs, count * sizeof(int)) ? -EFAULT : 0;
}

static bool any_absent(const struct piece *piece, unsigned int count)
{
	while (count--)
		if (piece->errs[count] == -ENOENT)
			return true;
	return false;
}

/* User space's memory is tried before the mapping is touched: what it got wrong there leaves everything as it was. */
static int take_piece(const struct privcmd_mmapbatch_v2 *batch, unsigned int done, struct piece *piece,
		      unsigned int count, int version)
{
	if (copy_from_user(piece->frames, batch->arr + done, count * sizeof(xen_pfn_t)))
		return -EFAULT;
	if (version == 2 && clear_user(batch->err + done, count * sizeof(int)))
		return -EFAULT;
	return done ? 0 : start_batch(batch->addr, batch->num);
}

/* Return: 0, -ENOENT when a frame is paged out and worth another try, or what went wrong otherwise. */
static int map_pieces(const struct privcmd_mmapbatch_v2 *batch, struct piece *piece, int version)
{
	unsigned int done, count;
	bool absent = false;
	int rc;

	for (done = 0; done < batch->num; done += count) {
		count = min_t(unsigned int, batch->num - done, FOREIGN_BATCH);
		rc = take_piece(batch, done, piece, count, version);
		if (!rc)
			rc = map_piece(batch->addr + (unsigned long)done * PAGE_SIZE, piece, count, batch->dom);
		if (!rc)
			rc = report(batch, done, piece, count, version) ?: fatal_signal();
		if (rc)
			return rc;
		absent |= any_absent(piece, count);
	}
	return absent ? -ENOENT : 0;
}

long privcmd_mmap_batch(struct privcmd_file *pf, void __user *user, int version)
{
	struct privcmd_mmapbatch_v2 batch = { };
	struct piece *piece;
	int rc;

	/* The first version's structure is the beginning of the second one's. */
	if (copy_from_user(&batch, user, version == 1 ? sizeof(struct privcmd_mmapbatch) : sizeof(batch)))
		return -EFAULT;
	if (!privcmd_may(pf, batch.dom))
		return -EPERM;
	if (!batch.num || batch.num > INT_MAX)
		return -EINVAL;
	piece = kmalloc(sizeof(*piece), GFP_KERNEL);
	if (!piece)
		return -ENOMEM;
	rc = map_pieces(&batch, piece, version);
	kfree(piece);
	return rc;
}

/* privcmd_mmap_ranges() */

/* A range of consecutive frames. Return: 0, or the first frame's error. */
static int map_range(struct vm_area_struct *vma, const struct privcmd_mmap_entry *range, struct piece *piece,
		     domid_t domain)
{
	unsigned long done, count, i;
	int rc = 0;

	for (done = 0; done < range->npages && !rc; done += count) {
		count = min_t(unsigned long, range->npages - done, FOREIGN_BATCH);
		for (i = 0; i < count; i++)
			piece->frames[i] = range->mfn + done + i;
		rc = foreign_map(vma, range->va + done * PAGE_SIZE, piece->frames, piece->errs, count, domain);
		for (i = 0; i < count && !rc; i++)
			rc = piece->errs[i];
		rc = rc ?: fatal_signal();
	}
	return rc;
}

static int claim_range(struct vm_area_struct *vma, const struct privcmd_mmap_entry *range, bool first)
{
	if (first && !vma->vm_private_data && range->va == vma->vm_start)
		return foreign_create(vma);
	return !first && vma->vm_private_data ? 0 : -EINVAL;
}

static int map_entry(const struct privcmd_mmap_entry *range, struct piece *piece, domid_t domain, bool first)
{
	struct vm_area_struct *vma;
	int rc = -EINVAL;

	if (mmap_write_lock_killable(current->mm))
		return -EINTR;
	vma = find_mapping(range->va, range->npages);
	if (vma)
		rc = claim_range(vma, range, first) ?: map_range(vma, range, piece, domain);
	mmap_write_unlock(current->mm);
	return rc == -EBUSY ? -EINVAL : rc;
}

/* Ranges follow one another without a gap, from the mapping's start on. */
static int map_entries(const struct privcmd_mmap *list, struct piece *piece)
{
	struct privcmd_mmap_entry range;
	unsigned long next = 0;
	int i, rc = 0;

	for (i = 0; i < list->num && !rc; i++) {
		if (copy_from_user(&range, list->entry + i, sizeof(range)))
			return -EFAULT;
		if (i && range.va != next)
			return -EINVAL;
		rc = map_entry(&range, piece, list->dom, !i);
		next = range.va + range.npages * PAGE_SIZE;
	}
	return rc;
}

long privcmd_mmap_ranges(struct privcmd_file *pf, void __user *user)
{
	struct privcmd_mmap list;
	struct piece *piece;
	int rc;

	if (xen_feature(XENFEAT_auto_translated_physmap))
		return -ENOSYS;
	if (copy_from_user(&list, user, sizeof(list)))
		return -EFAULT;
	if (!privcmd_may(pf, list.dom))
		return -EPERM;
	if (list.num < 0)
		return -EINVAL;
	piece = kmalloc(sizeof(*piece), GFP_KERNEL);
	if (!piece)
		return -ENOMEM;
	rc = map_entries(&list, piece);
	kfree(piece);
	return rc;
}

/* privcmd_mmap_resource() */

static int query_size(struct xen_mem_acquire_resource *op, struct privcmd_mmap_resource __user *user)
{
	int rc = HYPERVISOR_memory_op(XENMEM_acquire_resource, op);

	return rc ?: put_user(op->nr_frames, &user->num);
}

static int map_resource(const struct privcmd_mmap_resource *arg, struct xen_mem_acquire_resource op)
{
	struct vm_area_struct *vma = find_mapping(arg->addr, arg->num);
	unsigned long done;
	int rc;

	if (!vma)
		return -EINVAL;
	if (vma->vm_private_data)
		rc = foreign_unmapped(vma, arg->addr, arg->num) ? 0 : -EINVAL;
	else
		rc = foreign_create(vma);
	for (done = 0; done < arg->num && !rc; done += op.nr_frames) {
		op.frame = (u64)arg->idx + done;
		op.flags = 0;
		op.nr_frames = min_t(unsigned long, arg->num - done, FOREIGN_BATCH);
		rc = foreign_map_resource(vma, arg->addr + done * PAGE_SIZE, &op) ?: fatal_signal();
	}
	return rc;
}

long privcmd_mmap_resource(struct privcmd_file *pf, void __user *user)
{
	struct xen_mem_acquire_resource op = { };
	struct privcmd_mmap_resource arg;
	int rc;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (!privcmd_may(pf, arg.dom))
		return -EPERM;
	if (!arg.addr != !arg.num)
		return -EINVAL;
	op.domid = arg.dom;
	op.type = arg.type;
	op.id = arg.id;
	if (!arg.addr)
		return query_size(&op, user);
	arg.addr &= PAGE_MASK;
	if (mmap_write_lock_killable(current->mm))
		return -EINTR;
	rc = map_resource(&arg, op);
	mmap_write_unlock(current->mm);
	return rc;
}

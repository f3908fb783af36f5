// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/gntalloc: memory that a program of this domain grants to another domain.
 *
 * A call makes pages and answers with their grant references and an offset, at which mmap() maps them here. The ABI is
 * <xen/gntalloc.h>.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>
#include "compat/compat.h"
#include "share.h"

/**
 * struct gntalloc_file - an open file
 * @lock:	@next and @shares
 * @next:	page index of what is made next: offsets are not used twice
 * @shares:	struct share by page index
 */
struct gntalloc_file {
	struct mutex lock;
	unsigned long next;
	struct xarray shares;
};

/**
 * struct shown - the pages of a mapping
 * @users:	mappings: one, more when it was split or its process forked
 * @count:	how many pages
 * @shares:	each with a user for all of these mappings
 */
struct shown {
	refcount_t users;
	unsigned long count;
	struct share *shares[];
};

/* Takes pages out of the table, as far as they are there. */
static void remove_shares(struct gntalloc_file *gf, unsigned long first, unsigned long count)
{
	struct share *share;
	unsigned long i;

	lockdep_assert_held(&gf->lock);
	for (i = first; i < first + count; i++) {
		share = xa_erase(&gf->shares, i);
		if (share)
			share_put(share);
	}
}

/* After an error the page still is reserved. */
static int add_share(struct gntalloc_file *gf, unsigned long index, domid_t domain, bool readonly, u32 *ref)
{
	int rc = xa_reserve(&gf->shares, index, GFP_KERNEL_ACCOUNT);
	struct share *share;

	if (rc)
		return rc;
	share = share_create(domain, readonly);
	if (IS_ERR(share)) {
		xa_release(&gf->shares, index);
		return PTR_ERR(share);
	}
	*ref = share->ref;
	xa_store(&gf->shares, index, share, GFP_KERNEL_ACCOUNT);
	return 0;
}

/* All pages or none. One that was made ends its reservation itself when it goes. */
static int add_shares(struct gntalloc_file *gf, unsigned long first, const struct ioctl_gntalloc_alloc_gref *arg,
		      u32 *refs)
{
	unsigned int made;
	int rc = 0;

	for (made = 0; made < arg->count; made++) {
		rc = add_share(gf, first + made, arg->domid, !(arg->flags & GNTALLOC_FLAG_WRITABLE), &refs[made]);
		if (rc)
			break;
	}
	if (rc) {
		remove_shares(gf, first, made);
		shares_unreserve(arg->count - made);
	}
	return rc;
}

/* Return: the first page's index, or -errno. */
static long make_shares(struct gntalloc_file *gf, const struct ioctl_gntalloc_alloc_gref *arg, u32 *refs)
{
	long first;
	int rc = -ENOSPC;

	mutex_lock(&gf->lock);
	first = gf->next;
	if (first + arg->count <= LONG_MAX / PAGE_SIZE)
		rc = add_shares(gf, first, arg, refs);
	else
		shares_unreserve(arg->count);
	if (!rc)
		gf->next += arg->count;
	mutex_unlock(&gf->lock);
	return rc ?: first;
}

static int tell(struct ioctl_gntalloc_alloc_gref __user *user, unsigned long first, const u32 *refs, unsigned int count)
{
	if (put_user((u64)first * PAGE_SIZE, &user->index))
		return -EFAULT;
	return copy_to_user(user->gref_ids, refs, count * sizeof(*refs)) ? -EFAULT : 0;
}

/* A page of which user space does not know is given back: nobody would. */
static int make_and_tell(struct gntalloc_file *gf, const struct ioctl_gntalloc_alloc_gref *arg, u32 *refs,
			 struct ioctl_gntalloc_alloc_gref __user *user)
{
	long first = make_shares(gf, arg, refs);
	int rc;

	if (first < 0)
		return first;
	rc = tell(user, first, refs, arg->count);
	if (rc) {
		mutex_lock(&gf->lock);
		remove_shares(gf, first, arg->count);
		mutex_unlock(&gf->lock);
	}
	return rc;
}

static long alloc_grefs(struct gntalloc_file *gf, struct ioctl_gntalloc_alloc_gref __user *user)
{
	struct ioctl_gntalloc_alloc_gref arg;
	u32 *refs;
	int rc;

	if (copy_from_user(&arg, user, offsetof(typeof(arg), gref_ids)))
		return -EFAULT;
	rc = shares_reserve(arg.count);
	if (rc)
		return rc;
	refs = kvcalloc(arg.count, sizeof(*refs), GFP_KERNEL);
	if (!refs) {
		shares_unreserve(arg.count);
		return -ENOMEM;
	}
	rc = make_and_tell(gf, &arg, refs, user);
	kvfree(refs);
	return rc;
}

static bool all_there(struct gntalloc_file *gf, unsigned long first, unsigned long count)
{
	unsigned long i;

	for (i = 0; i < count; i++)
		if (!xa_load(&gf->shares, first + i))
			return false;
	return count > 0;
}

static long dealloc_grefs(struct gntalloc_file *gf, void __user *user)
{
	struct ioctl_gntalloc_dealloc_gref arg;
	unsigned long first;
	int rc = -EINVAL;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (offset_in_page(arg.index))
		return rc;
	first = arg.index / PAGE_SIZE;
	mutex_lock(&gf->lock);
	if (all_there(gf, first, arg.count)) {
		remove_shares(gf, first, arg.count);
		rc = 0;
	}
	mutex_unlock(&gf->lock);
	return rc;
}

static int set_notify(struct gntalloc_file *gf, unsigned long index, const struct unmap_notify *notify)
{
	struct share *share;

	mutex_lock(&gf->lock);
	share = xa_load(&gf->shares, index);
	if (share)
		share_notify(share, notify);
	mutex_unlock(&gf->lock);
	return share ? 0 : -ENOENT;
}

static long unmap_notify(struct gntalloc_file *gf, void __user *user)
{
	struct ioctl_gntalloc_unmap_notify arg;
	struct unmap_notify notify;
	int rc;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (!xa_load(&gf->shares, arg.index / PAGE_SIZE))
		return -ENOENT;
	notify = (struct unmap_notify) { arg.action, offset_in_page(arg.index), arg.event_channel_port };
	rc = unmap_notify_get(&notify);
	if (rc)
		return rc;
	rc = set_notify(gf, arg.index / PAGE_SIZE, &notify);
	if (rc)
		unmap_notify_put(&notify);
	return rc;
}

static long gntalloc_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct gntalloc_file *gf = file->private_data;
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case IOCTL_GNTALLOC_ALLOC_GREF:
		return alloc_grefs(gf, user);
	case IOCTL_GNTALLOC_DEALLOC_GREF:
		return dealloc_grefs(gf, user);
	case IOCTL_GNTALLOC_SET_UNMAP_NOTIFY:
		return unmap_notify(gf, user);
	default:
		return -ENOTTY;
	}
}

static void shown_free(struct shown *shown)
{
	while (shown->count--)
		share_put(shown->shares[shown->count]);
	kvfree(shown);
}

static void mapping_open(struct vm_area_struct *vma)
{
	struct shown *shown = vma->vm_private_data;

	refcount_inc(&shown->users);
}

static void mapping_close(struct vm_area_struct *vma)
{
	struct shown *shown = vma->vm_private_data;

	if (refcount_dec_and_test(&shown->users))
		shown_free(shown);
}

static const struct vm_operations_struct mapping_ops = {
	.open = mapping_open,
	.close = mapping_close,
};

/* Return: the pages from @first on, each with one user more, or ERR_PTR(-ENOENT) when one is not there. */
static struct shown *take_shares(struct gntalloc_file *gf, unsigned long first, unsigned long count)
{
	struct shown *shown;
	struct share *share;

	shown = kvzalloc(struct_size(shown, shares, count), GFP_KERNEL_ACCOUNT);
	if (!shown)
		return ERR_PTR(-ENOMEM);
	refcount_set(&shown->users, 1);
	mutex_lock(&gf->lock);
	while (shown->count < count) {
		share = xa_load(&gf->shares, first + shown->count);
		if (!share)
			break;
		refcount_inc(&share->users);
		shown->shares[shown->count++] = share;
	}
	mutex_unlock(&gf->lock);
	if (shown->count == count)
		return shown;
	shown_free(shown);
	return ERR_PTR(-ENOENT);
}

static int insert_pages(struct vm_area_struct *vma, const struct shown *shown)
{
	unsigned long i;
	int rc = 0;

	for (i = 0; i < shown->count && !rc; i++)
		rc = vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE, shown->shares[i]->page);
	return rc;
}

/* After an error the caller takes away what is mapped already. */
static int gntalloc_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct gntalloc_file *gf = file->private_data;
	struct shown *shown;
	int rc;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (!all_there(gf, vma->vm_pgoff, vma_pages(vma)))
		return -ENOENT;
	shown = take_shares(gf, vma->vm_pgoff, vma_pages(vma));
	if (IS_ERR(shown))
		return PTR_ERR(shown);
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	rc = insert_pages(vma, shown);
	if (rc) {
		shown_free(shown);
		return rc;
	}
	vma->vm_ops = &mapping_ops;
	vma->vm_private_data = shown;
	return 0;
}

static int gntalloc_open(struct inode *inode, struct file *file)
{
	struct gntalloc_file *gf = kzalloc(sizeof(*gf), GFP_KERNEL_ACCOUNT);

	if (!gf)
		return -ENOMEM;
	mutex_init(&gf->lock);
	xa_init(&gf->shares);
	file->private_data = gf;
	return 0;
}

static int gntalloc_release(struct inode *inode, struct file *file)
{
	struct gntalloc_file *gf = file->private_data;
	struct share *share;
	unsigned long index;

	xa_for_each(&gf->shares, index, share)
		share_put(share);
	xa_destroy(&gf->shares);
	kfree(gf);
	return 0;
}

static const struct file_operations gntalloc_fops = {
	.owner = THIS_MODULE,
	.open = gntalloc_open,
	.release = gntalloc_release,
	.unlocked_ioctl = gntalloc_ioctl,
	.mmap = gntalloc_mmap,
};

static struct miscdevice gntalloc_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xen/gntalloc",
	.fops = &gntalloc_fops,
};

static int __init gntalloc_init(void)
{
	int rc;

	if (!xen_domain())
		return -ENODEV;
	rc = misc_register(&gntalloc_device);
	if (rc)
		pr_err("cannot register /dev/xen/gntalloc: %d\n", rc);
	return rc;
}

static void __exit gntalloc_exit(void)
{
	misc_deregister(&gntalloc_device);
	shares_exit();
}

module_init(gntalloc_init);
module_exit(gntalloc_exit);

MODULE_DESCRIPTION("Memory granted to other domains by user space");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);

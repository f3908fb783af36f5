// SPDX-License-Identifier: GPL-2.0-only
/* A DMA buffer's frames granted to another domain, and the calls' table. The model is in dmabuf.h. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include "compat/compat.h"
#include "dmabuf-parts.h"
#include "gntdev.h"
#include "map.h"

MODULE_IMPORT_NS(DMA_BUF);

/* How often grants that the other side still uses are looked at. */
#define PERIOD HZ

static struct device *device;

/**
 * struct imported - a DMA buffer of which each page is granted
 * @link:	in dmabufs.imported
 * @fd:		its descriptor when it was imported
 * @attachment:	our use of it
 * @table:	its frames
 * @work:	ends what the other side has let go
 * @count:	grants that are not ended yet
 * @refs:	those
 */
struct imported {
	struct list_head link;
	int fd;
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
	struct delayed_work work;
	unsigned int count;
	grant_ref_t refs[];
};

int dmabufs_init_device(struct device *dev)
{
	device = dev;
	return dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64));
}

void dmabufs_init(struct dmabufs *bufs)
{
	mutex_init(&bufs->lock);
	INIT_LIST_HEAD(&bufs->exported);
	INIT_LIST_HEAD(&bufs->imported);
}

static void detach(struct imported *imported)
{
	struct dma_buf *buffer = imported->attachment->dmabuf;

	dma_buf_unmap_attachment_unlocked(imported->attachment, imported->table, DMA_BIDIRECTIONAL);
	dma_buf_detach(buffer, imported->attachment);
	dma_buf_put(buffer);
	kvfree(imported);
}

/* Return: whether the other side has let go of all. */
static bool end_grants(struct imported *imported)
{
	unsigned int i, left = 0;

	for (i = 0; i < imported->count; i++)
		if (!gnttab_try_end_foreign_access(imported->refs[i]))
			imported->refs[left++] = imported->refs[i];
	imported->count = left;
	return !left;
}

static void end_work(struct work_struct *work)
{
	struct imported *imported = container_of(work, struct imported, work.work);

	if (!end_grants(imported)) {
		grant_maps_later(&imported->work, PERIOD);
		return;
	}
	detach(imported);
	module_put(THIS_MODULE);
}

static void release(struct imported *imported)
{
	if (end_grants(imported)) {
		detach(imported);
		return;
	}
	__module_get(THIS_MODULE);
	INIT_DELAYED_WORK(&imported->work, end_work);
	grant_maps_later(&imported->work, PERIOD);
}

void dmabufs_release(struct dmabufs *bufs)
{
	struct imported *imported, *next;

	list_for_each_entry_safe(imported, next, &bufs->imported, link)
		release(imported);
}

/* Return: 0, or -EINVAL if the buffer's memory is not this domain's own. */
static int grant_frame(struct imported *imported, dma_addr_t addr, domid_t domain)
{
	unsigned long pfn = bfn_to_pfn(XEN_PFN_DOWN(dma_to_phys(device, addr)));
	int ref;

	if (!pfn_valid(pfn))
		return -EINVAL;
	ref = gnttab_grant_foreign_access(domain, pfn_to_gfn(pfn), 0);
	if (ref < 0)
		return ref;
	imported->refs[imported->count++] = ref;
	return 0;
}

/*
 * Whether the buffer's addresses are those of its memory. In a PV domain memory that is not contiguous in the machine is
 * copied for a device into another place: to grant that would show the other side something else.
 */
static bool is_direct(struct sg_table *table)
{
	struct sg_dma_page_iter dma;
	struct sg_page_iter page;

	if (xen_feature(XENFEAT_auto_translated_physmap))
		return true;
	__sg_page_iter_start(&page, table->sgl, table->orig_nents, 0);
	for_each_sgtable_dma_page(table, &dma, 0) {
		if (!__sg_page_iter_next(&page))
			return false;
		if (pfn_to_bfn(page_to_xen_pfn(sg_page_iter_page(&page))) !=
		    XEN_PFN_DOWN(dma_to_phys(device, sg_page_iter_dma_address(&dma))))
			return false;
	}
	return true;
}

/* Only addresses are looked at: the pages of a DMA buffer are its exporter's business. */
static int grant_frames(struct imported *imported, unsigned int count, domid_t domain)
{
	struct sg_dma_page_iter iter;
	int rc = 0;

	for_each_sgtable_dma_page(imported->table, &iter, 0) {
		if (imported->count == count)
			return -EINVAL;
		rc = grant_frame(imported, sg_page_iter_dma_address(&iter), domain);
		if (rc)
			return rc;
	}
	return imported->count == count ? 0 : -EINVAL;
}

static struct imported *attach(struct dma_buf *buffer, unsigned int count)
{
	struct imported *imported = kvzalloc(struct_size(imported, refs, count), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!imported)
		return ERR_PTR(-ENOMEM);
	imported->attachment = dma_buf_attach(buffer, device);
	if (IS_ERR(imported->attachment)) {
		rc = PTR_ERR(imported->attachment);
		goto free;
	}
	imported->table = dma_buf_map_attachment_unlocked(imported->attachment, DMA_BIDIRECTIONAL);
	if (IS_ERR(imported->table)) {
		rc = PTR_ERR(imported->table);
		goto detach;
	}
	return imported;

detach:
	dma_buf_detach(buffer, imported->attachment);
free:
	kvfree(imported);
	return ERR_PTR(rc);
}

/* Return: the buffer with all its pages granted; it holds a reference to the DMA buffer. */
static struct imported *import(const struct ioctl_gntdev_dmabuf_imp_to_refs *arg)
{
	struct dma_buf *buffer = dma_buf_get(arg->fd);
	struct imported *imported;
	int rc = -EINVAL;

	if (IS_ERR(buffer))
		return ERR_CAST(buffer);
	imported = ERR_PTR(rc);
	if (buffer->size == (size_t)arg->count * PAGE_SIZE)
		imported = attach(buffer, arg->count);
	if (IS_ERR(imported)) {
		dma_buf_put(buffer);
		return imported;
	}
	imported->fd = arg->fd;
	if (!imported->table->sgl->offset && is_direct(imported->table))
		rc = grant_frames(imported, arg->count, arg->domid);
	if (!rc)
		return imported;
	release(imported);
	return ERR_PTR(rc);
}

long dmabuf_import(struct dmabufs *bufs, unsigned int limit, void __user *user)
{
	struct ioctl_gntdev_dmabuf_imp_to_refs __user *u = user;
	struct ioctl_gntdev_dmabuf_imp_to_refs arg;
	struct imported *imported;

	if (copy_from_user(&arg, user, offsetof(typeof(arg), refs)))
		return -EFAULT;
	if (!arg.count || arg.count > limit || arg.reserved)
		return -EINVAL;
	imported = import(&arg);
	if (IS_ERR(imported))
		return PTR_ERR(imported);
	if (copy_to_user(u->refs, imported->refs, arg.count * sizeof(u32))) {
		release(imported);
		return -EFAULT;
	}
	mutex_lock(&bufs->lock);
	list_add(&imported->link, &bufs->imported);
	mutex_unlock(&bufs->lock);
	return 0;
}

long dmabuf_import_release(struct dmabufs *bufs, void __user *user)
{
	struct ioctl_gntdev_dmabuf_imp_release arg;
	struct imported *imported;
	int rc = -ENOENT;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	mutex_lock(&bufs->lock);
	list_for_each_entry(imported, &bufs->imported, link) {
		if (imported->fd != arg.fd)
			continue;
		list_del(&imported->link);
		rc = 0;
		break;
	}
	mutex_unlock(&bufs->lock);
	if (!rc)
		release(imported);
	return rc;
}

long dmabuf_ioctl(struct file *file, struct dmabufs *bufs, unsigned int limit, unsigned int cmd, void __user *user)
{
	switch (cmd) {
	case IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS:
		return dmabuf_export(file, bufs, limit, user);
	case IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED:
		return dmabuf_wait_released(bufs, user);
	case IOCTL_GNTDEV_DMABUF_IMP_TO_REFS:
		return dmabuf_import(bufs, limit, user);
	case IOCTL_GNTDEV_DMABUF_IMP_RELEASE:
		return dmabuf_import_release(bufs, user);
	default:
		return -ENOTTY;
	}
}

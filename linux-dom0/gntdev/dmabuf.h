/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grants as DMA buffers, and DMA buffers as grants.
 *
 * Exported: granted frames are mapped into the kernel and become a DMA buffer, which a driver can use; they are unmapped
 * when its last user lets it go. Imported: the frames of a DMA buffer of this domain are granted to another one. The buffer
 * is kept until the other side has let go of all of them, whatever becomes of the file.
 *
 * Buffers are known by their file descriptor at the time of the call, as the ABI wants it.
 */
#ifndef GNTDEV_DMABUF_H
#define GNTDEV_DMABUF_H

#include <linux/list.h>
#include <linux/mutex.h>

struct device;
struct file;

/**
 * struct dmabufs - the buffers of an open file
 * @lock:	the lists
 * @exported:	struct exported; an exported buffer holds the file open
 * @imported:	struct imported
 */
struct dmabufs {
	struct mutex lock;
	struct list_head exported;
	struct list_head imported;
};

/** dmabufs_init_device - make a device of ours one that buffers can be attached to */
int dmabufs_init_device(struct device *dev);

/** dmabufs_init - an open file's lists; dmabufs_release() gives back what is imported */
void dmabufs_init(struct dmabufs *bufs);
void dmabufs_release(struct dmabufs *bufs);

/**
 * dmabuf_ioctl - the calls for DMA buffers
 * @file:	the open file, @bufs its buffers
 * @limit:	most grants in one buffer
 *
 * Return: as ioctl(); -ENOTTY if @cmd is another call.
 */
long dmabuf_ioctl(struct file *file, struct dmabufs *bufs, unsigned int limit, unsigned int cmd, void __user *user);

#endif

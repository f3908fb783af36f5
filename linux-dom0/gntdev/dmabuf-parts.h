/* SPDX-License-Identifier: GPL-2.0-only */
/* The two directions of DMA buffers: the calls of each, as ioctl() returns them. See dmabuf.h. */
#ifndef GNTDEV_DMABUF_PARTS_H
#define GNTDEV_DMABUF_PARTS_H

#include "dmabuf.h"

long dmabuf_export(struct file *file, struct dmabufs *bufs, unsigned int limit, void __user *user);
long dmabuf_wait_released(struct dmabufs *bufs, void __user *user);
long dmabuf_import(struct dmabufs *bufs, unsigned int limit, void __user *user);
long dmabuf_import_release(struct dmabufs *bufs, void __user *user);

#endif

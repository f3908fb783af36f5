/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of xen-gntdev.
 *
 *	main	devices and files: the table of maps, the calls, mmap()
 *	map	grants of other domains mapped into this one
 *	show	their way into user space
 *	copy	copies between grants and user space
 *	dmabuf	grants as DMA buffers, and the other way round
 */
#ifndef GNTDEV_H
#define GNTDEV_H

#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <xenolith/hypercall.h>
#include <xenolith/event.h>
#include <xenolith/grant.h>
#include <xen/gntdev.h>
#include "dmabuf.h"

/**
 * struct gntdev_file - an open file of /dev/xen/gntdev
 * @lock:	@maps and @next; never held while user memory is touched
 * @maps:	struct grant_map by index
 * @next:	index of the next map: like a file that grows, so that an offset is not used twice
 * @dmabufs:	DMA buffers made from grants or granted
 */
struct gntdev_file {
	struct mutex lock;
	struct rb_root maps;
	unsigned long next;
	struct dmabufs dmabufs;
};

/** gntdev_copy - GNTDEV_GRANT_COPY, as ioctl() returns it */
long gntdev_copy(void __user *user);

#endif

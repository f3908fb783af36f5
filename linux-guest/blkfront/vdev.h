/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtual device numbers of disks, and what the kernel calls them. Pure. */
#ifndef BLKFRONT_VDEV_H
#define BLKFRONT_VDEV_H

#include <linux/types.h>

#define VDEV_NAME_LEN 32

/**
 * struct vdev - a disk, or a partition that is a device of its own
 * @first_minor: of the major number of xvd
 * @minors: how many minors are its own: room for partitions, or 1
 * @name: "xvda", "xvdb1"
 */
struct vdev {
	unsigned int first_minor, minors;
	char name[VDEV_NAME_LEN];
};

/**
 * vdev_decode() - take a number of the store apart
 * @number: major << 8 | minor of an xvd, sd or hd; or 1 << 28 | disk << 8 | partition
 *
 * Disks with numbers of IDE and SCSI are called xvd, too: the first of each is xvda.
 *
 * Return: 0, or -ENODEV where the number is no disk's
 */
int vdev_decode(u32 number, struct vdev *vdev);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* The block device behind a disk: opened by the number that the toolstack wrote. */
#include <linux/blkdev.h>
#include <linux/cdrom.h>
#include <linux/kdev_t.h>
#include "blkback.h"

int back_open_device(struct blkback *back)
{
	dev_t number = MKDEV(back->major, back->minor);
	int rc;

	if (MAJOR(number) != back->major || MINOR(number) != back->minor)
		return -ENODEV;
	rc = compat_open_bdev(&back->device, number, back->readonly);
	if (rc)
		return rc;
	if (!bdev_nr_sectors(back->device.bdev)) {
		compat_close_bdev(&back->device);
		return -ENOENT;
	}
	back->sectors = bdev_nr_sectors(back->device.bdev);
	back->removable = back->device.bdev->bd_disk->flags & GENHD_FL_REMOVABLE;
	return 0;
}

void back_close_device(struct blkback *back)
{
	if (back->device.bdev)
		compat_close_bdev(&back->device);
}

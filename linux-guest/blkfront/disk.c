// SPDX-License-Identifier: GPL-2.0-only
/* The disk that users see. */
#include <linux/cdrom.h>
#include <linux/hdreg.h>
#include <linux/module.h>
#include "blkfront.h"

#define XVD_MAJOR 202

/* A geometry for tools that want one. */
static int front_getgeo(struct block_device *bdev, struct hd_geometry *geometry)
{
	sector_t cylinders = get_capacity(bdev->bd_disk);

	geometry->heads = 255;
	geometry->sectors = 63;
	sector_div(cylinders, 255 * 63);
	geometry->cylinders = min_t(sector_t, cylinders, 0xffff);
	return 0;
}

/* A CD-ROM is read like any disk; programs that look for one ask these two questions. */
static int front_ioctl(struct block_device *bdev, COMPAT_BLK_MODE_T mode, unsigned int command, unsigned long argument)
{
	struct blkfront *front = bdev->bd_disk->private_data;

	switch (command) {
	case CDROMMULTISESSION:
		return clear_user((void __user *)argument, sizeof(struct cdrom_multisession)) ? -EFAULT : 0;
	case CDROM_GET_CAPABILITY:
		return front->features.info & VDISK_CDROM ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static const struct block_device_operations front_ops = {
	.owner = THIS_MODULE,
	.getgeo = front_getgeo,
	.ioctl = front_ioctl,
	.compat_ioctl = blkdev_compat_ptr_ioctl,
};

static int create_tags(struct blkfront *front)
{
	struct blk_mq_tag_set *tags = &front->tags;
	int rc;

	front->depth = RING_SIZE(&front->queues[0].ring);
	*tags = (struct blk_mq_tag_set) {
		.ops = &front_mq_ops,
		.nr_hw_queues = front->nr_queues,
		.queue_depth = front->depth,
		.numa_node = NUMA_NO_NODE,
		.flags = BLK_MQ_F_SHOULD_MERGE,
		.cmd_size = sizeof(struct front_cmd) + front->max_segments * sizeof(struct front_segment),
		.driver_data = front,
	};
	front->slots = kvcalloc(front->nr_queues * front->depth, sizeof(*front->slots), GFP_KERNEL);
	if (!front->slots)
		return -ENOMEM;
	rc = blk_mq_alloc_tag_set(tags);
	if (rc) {
		kvfree(front->slots);
		front->slots = NULL;
	}
	return rc;
}

static void destroy_tags(struct blkfront *front)
{
	blk_mq_free_tag_set(&front->tags);
	kvfree(front->slots);
	front->slots = NULL;
}

static void name_disk(struct blkfront *front, struct gendisk *disk)
{
	strscpy(disk->disk_name, front->vdev.name, sizeof(disk->disk_name));
	disk->major = XVD_MAJOR;
	disk->first_minor = front->vdev.first_minor;
	disk->minors = front->vdev.minors;
	disk->fops = &front_ops;
	disk->private_data = front;
	if (front->features.info & VDISK_REMOVABLE)
		disk->flags |= GENHD_FL_REMOVABLE;
}

int front_create_disk(struct blkfront *front)
{
	struct gendisk *disk;
	int rc = create_tags(front);

	if (rc)
		return rc;
	disk = compat_alloc_disk(&front->tags, &front->features.limits, front);
	if (IS_ERR(disk)) {
		destroy_tags(front);
		return PTR_ERR(disk);
	}
	name_disk(front, disk);
	set_capacity(disk, front->features.sectors);
	if (front->features.info & VDISK_READONLY)
		set_disk_ro(disk, true);
	front->disk = disk;
	return 0;
}

void front_destroy_disk(struct blkfront *front)
{
	if (!front->disk)
		return;
	put_disk(front->disk);
	front->disk = NULL;
	destroy_tags(front);
}

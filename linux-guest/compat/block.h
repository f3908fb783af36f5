/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the block layer calls differently from kernel to kernel: limits of a queue (functions that set one each before
 * 6.9, a structure given as a whole since), and a block device opened by number.
 */
#ifndef XENOLITH_COMPAT_BLOCK_H
#define XENOLITH_COMPAT_BLOCK_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/file.h>
#include "compat/compat.h"

/**
 * struct disk_limits - what a disk can do, in the words of the block layer
 * @logical: size of a sector in bytes
 * @physical: size of a sector in bytes that is written without reading
 * @segments: pieces of a request, each within one page
 * @discard_granularity: in bytes; 0 where there is no discard
 * @discard_alignment: in bytes
 * @secure_erase: there is, too, a discard after which the data cannot be read again
 * @cache: writes are safe after a flush only
 * @fua: a single write can be asked to be safe
 */
struct disk_limits {
	unsigned int logical, physical, segments;
	unsigned int discard_granularity, discard_alignment;
	bool secure_erase, cache, fua;
};

/**
 * struct compat_bdev - a block device that is open
 */
struct compat_bdev {
	struct block_device *bdev;
	void *open;
	bool readonly;
};

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)

static inline int compat_open_bdev(struct compat_bdev *to, dev_t number, bool readonly)
{
	struct file *file = bdev_file_open_by_dev(number, BLK_OPEN_READ | (readonly ? 0 : BLK_OPEN_WRITE), NULL, NULL);

	if (IS_ERR(file))
		return PTR_ERR(file);
	*to = (struct compat_bdev) { .bdev = file_bdev(file), .open = file, .readonly = readonly };
	return 0;
}

static inline void compat_close_bdev(struct compat_bdev *device)
{
	fput(device->open);
	device->bdev = NULL;
}

static inline void compat_fill_limits(struct queue_limits *to, const struct disk_limits *from)
{
	to->logical_block_size = from->logical;
	to->physical_block_size = from->physical;
	to->max_segments = from->segments;
	to->max_hw_sectors = from->segments * (PAGE_SIZE / SECTOR_SIZE);
	to->max_segment_size = PAGE_SIZE;
	to->seg_boundary_mask = PAGE_SIZE - 1;
	to->dma_alignment = SECTOR_SIZE - 1;
	to->max_hw_discard_sectors = from->discard_granularity ? UINT_MAX : 0;
	to->discard_granularity = from->discard_granularity;
	to->discard_alignment = from->discard_alignment;
	to->max_secure_erase_sectors = from->secure_erase ? UINT_MAX : 0;
	to->features &= ~(BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA);
	if (from->cache)
		to->features |= BLK_FEAT_WRITE_CACHE | (from->fua ? BLK_FEAT_FUA : 0);
}

static inline struct gendisk *compat_alloc_disk(struct blk_mq_tag_set *set, const struct disk_limits *limits, void *data)
{
	struct queue_limits all = { };

	compat_fill_limits(&all, limits);
	return blk_mq_alloc_disk(set, &all, data);
}

static inline int compat_update_limits(struct request_queue *q, const struct disk_limits *limits)
{
	struct queue_limits all = queue_limits_start_update(q);

	compat_fill_limits(&all, limits);
	return queue_limits_commit_update(q, &all);
}

static inline void compat_no_discard(struct request_queue *q)
{
	blk_queue_disable_discard(q);
	blk_queue_disable_secure_erase(q);
}

static inline void compat_no_secure_erase(struct request_queue *q)
{
	blk_queue_disable_secure_erase(q);
}

/* Not by the flag that is the administrator's: this one is set anew with the limits. */
static inline void compat_no_cache(struct request_queue *q)
{
	q->limits.features &= ~(BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA);
}

#define COMPAT_BLK_MODE_T blk_mode_t

#else

static inline fmode_t compat_bdev_mode(bool readonly)
{
	return FMODE_READ | (readonly ? 0 : FMODE_WRITE);
}

static inline int compat_open_bdev(struct compat_bdev *to, dev_t number, bool readonly)
{
	struct block_device *bdev = blkdev_get_by_dev(number, compat_bdev_mode(readonly), NULL);

	if (IS_ERR(bdev))
		return PTR_ERR(bdev);
	*to = (struct compat_bdev) { .bdev = bdev, .readonly = readonly };
	return 0;
}

static inline void compat_close_bdev(struct compat_bdev *device)
{
	blkdev_put(device->bdev, compat_bdev_mode(device->readonly));
	device->bdev = NULL;
}

static inline int compat_update_limits(struct request_queue *q, const struct disk_limits *limits)
{
	blk_queue_logical_block_size(q, limits->logical);
	blk_queue_physical_block_size(q, limits->physical);
	blk_queue_max_segments(q, limits->segments);
	blk_queue_max_hw_sectors(q, limits->segments * (PAGE_SIZE / SECTOR_SIZE));
	blk_queue_max_segment_size(q, PAGE_SIZE);
	blk_queue_segment_boundary(q, PAGE_SIZE - 1);
	blk_queue_dma_alignment(q, SECTOR_SIZE - 1);
	blk_queue_max_discard_sectors(q, limits->discard_granularity ? UINT_MAX : 0);
	q->limits.discard_granularity = limits->discard_granularity;
	q->limits.discard_alignment = limits->discard_alignment;
	blk_queue_max_secure_erase_sectors(q, limits->secure_erase ? UINT_MAX : 0);
	blk_queue_write_cache(q, limits->cache, limits->fua);
	return 0;
}

static inline struct gendisk *compat_alloc_disk(struct blk_mq_tag_set *set, const struct disk_limits *limits, void *data)
{
	struct gendisk *disk = blk_mq_alloc_disk(set, data);

	if (!IS_ERR(disk))
		compat_update_limits(disk->queue, limits);
	return disk;
}

static inline void compat_no_discard(struct request_queue *q)
{
	blk_queue_max_discard_sectors(q, 0);
	blk_queue_max_secure_erase_sectors(q, 0);
}

static inline void compat_no_secure_erase(struct request_queue *q)
{
	blk_queue_max_secure_erase_sectors(q, 0);
}

static inline void compat_no_cache(struct request_queue *q)
{
	blk_queue_write_cache(q, false, false);
}

#define COMPAT_BLK_MODE_T fmode_t

#endif

#endif

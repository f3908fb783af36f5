// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk in memory, /dev/testdisk, that can what QEMU's disks cannot: erase for good, and lose what was not flushed.
 *
 *   write, zeroes ──▶ cache ──flush, FUA──▶ medium
 *   read ◀──────────┘
 *   discard: what is read is 'D'; the medium is as it was
 *   erase:   what is read is 'E', and so is the medium
 *
 * The medium is what somebody finds who takes the disk apart: debugfs shows it in test-disk/medium. Parameters count what
 * arrived of each kind, and have the next ones fail.
 */
#include <linux/bitmap.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include "compat/block.h"

#define SECTORS 8192
#define MOST_ERASED 1024	/* sectors of one request */

static unsigned int block = 512, granularity = 4096, alignment;
static bool secure = true, cached = true;

module_param(block, uint, 0444);
MODULE_PARM_DESC(block, "Size of a sector in bytes (512)");
module_param(granularity, uint, 0444);
MODULE_PARM_DESC(granularity, "Of discards, in bytes; 0: there are none (4096)");
module_param(alignment, uint, 0444);
MODULE_PARM_DESC(alignment, "Of discards, in bytes (0)");
module_param(secure, bool, 0444);
MODULE_PARM_DESC(secure, "Sectors can be erased for good (Y)");
module_param(cached, bool, 0444);
MODULE_PARM_DESC(cached, "Writes are safe after a flush only, or with FUA (Y)");

enum kind { WRITES, FUAS, FLUSHES, DISCARDS, ERASES, ZEROES, KINDS };

/* How many came, refused ones with them; how many of the next ones are refused. */
static unsigned int came[KINDS], refuse[KINDS];

#define KIND_PARAMETERS(name, kind)				\
	module_param_named(name, came[kind], uint, 0644);	\
	module_param_named(refuse_##name, refuse[kind], uint, 0644)

KIND_PARAMETERS(writes, WRITES);
KIND_PARAMETERS(fuas, FUAS);
KIND_PARAMETERS(flushes, FLUSHES);
KIND_PARAMETERS(discards, DISCARDS);
KIND_PARAMETERS(erases, ERASES);
KIND_PARAMETERS(zeroes, ZEROES);

static bool unsupported;
module_param(unsupported, bool, 0644);
MODULE_PARM_DESC(unsupported, "What is refused is not supported; otherwise it is an I/O error (N)");

/* Under the lock: what is read, what stays, and the sectors of which the one is newer. */
static DEFINE_SPINLOCK(lock);
static u8 *cache;
static struct debugfs_blob_wrapper medium;
static unsigned long *dirty;

static struct blk_mq_tag_set tags;
static struct gendisk *disk;
static struct dentry *folder;

static void save(unsigned long first, unsigned long count)
{
	unsigned long n = first;

	for_each_set_bit_from(n, dirty, first + count)
		memcpy(medium.data + n * SECTOR_SIZE, cache + n * SECTOR_SIZE, SECTOR_SIZE);
	bitmap_clear(dirty, first, count);
}

static void copy(struct request *rq, u8 *at)
{
	struct req_iterator iter;
	struct bio_vec bv;

	rq_for_each_segment(bv, rq, iter) {
		if (req_op(rq) == REQ_OP_READ)
			memcpy_to_bvec(&bv, at);
		else
			memcpy_from_bvec(at, &bv);
		at += bv.bv_len;
	}
}

static bool is_refused(enum kind kind)
{
	came[kind]++;
	if (!refuse[kind])
		return false;
	refuse[kind]--;
	return true;
}

static bool refuses(struct request *rq)
{
	switch (req_op(rq)) {
	case REQ_OP_WRITE:
		return is_refused(WRITES) | (rq->cmd_flags & REQ_FUA && is_refused(FUAS));
	case REQ_OP_FLUSH:
		return is_refused(FLUSHES);
	case REQ_OP_DISCARD:
		return is_refused(DISCARDS);
	case REQ_OP_SECURE_ERASE:
		return is_refused(ERASES);
	case REQ_OP_WRITE_ZEROES:
		return is_refused(ZEROES);
	default:
		return false;
	}
}

static void erase(unsigned long first, unsigned long count)
{
	memset(cache + first * SECTOR_SIZE, 'E', count * SECTOR_SIZE);
	memset(medium.data + first * SECTOR_SIZE, 'E', count * SECTOR_SIZE);
	bitmap_clear(dirty, first, count);
}

/* The sectors of a request are on the disk: the block layer has seen to that. */
static void carry_out(struct request *rq)
{
	unsigned long first = blk_rq_pos(rq), count = blk_rq_sectors(rq);
	u8 *at = cache + first * SECTOR_SIZE;

	switch (req_op(rq)) {
	case REQ_OP_DISCARD:
		memset(at, 'D', count * SECTOR_SIZE);
		bitmap_clear(dirty, first, count);
		return;
	case REQ_OP_SECURE_ERASE:
		/* Who sends an empty one loses everything. */
		erase(count ? first : 0, count ?: SECTORS);
		return;
	case REQ_OP_WRITE_ZEROES:
		memset(at, 0, count * SECTOR_SIZE);
		break;
	default:
		copy(rq, at);
	}
	if (req_op(rq) == REQ_OP_READ)
		return;
	bitmap_set(dirty, first, count);
	if (!cached || rq->cmd_flags & REQ_FUA)
		save(first, count);
}

static blk_status_t queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct request *rq = bd->rq;
	blk_status_t status = BLK_STS_OK;

	blk_mq_start_request(rq);
	spin_lock(&lock);
	if (refuses(rq))
		status = unsupported ? BLK_STS_NOTSUPP : BLK_STS_IOERR;
	else if (req_op(rq) == REQ_OP_FLUSH)
		save(0, SECTORS);
	else
		carry_out(rq);
	spin_unlock(&lock);
	blk_mq_end_request(rq, status);
	return BLK_STS_OK;
}

static const struct blk_mq_ops ops = {
	.queue_rq = queue_rq,
};

static const struct block_device_operations disk_ops = {
	.owner = THIS_MODULE,
};

static int create_memory(void)
{
	medium.size = SECTORS * SECTOR_SIZE;
	medium.data = vzalloc(medium.size);
	cache = vzalloc(medium.size);
	dirty = bitmap_zalloc(SECTORS, GFP_KERNEL);
	return medium.data && cache && dirty ? 0 : -ENOMEM;
}

static void destroy_memory(void)
{
	bitmap_free(dirty);
	vfree(cache);
	vfree(medium.data);
}

static int create_disk(void)
{
	const struct disk_limits limits = {
		.logical = block, .physical = block, .segments = 64,
		.discard_granularity = granularity, .discard_alignment = alignment,
		.cache = cached, .fua = cached,
	};
	int rc;

	disk = compat_alloc_disk(&tags, &limits, NULL);
	if (IS_ERR(disk))
		return PTR_ERR(disk);
	/* Nobody sees the disk yet. */
	disk->queue->limits.max_secure_erase_sectors = secure ? MOST_ERASED : 0;
	disk->queue->limits.max_write_zeroes_sectors = SECTORS;
	strscpy(disk->disk_name, "testdisk", sizeof(disk->disk_name));
	disk->fops = &disk_ops;
	set_capacity(disk, SECTORS);
	rc = device_add_disk(NULL, disk, NULL);
	if (rc)
		put_disk(disk);
	return rc;
}

static int __init test_init(void)
{
	int rc = create_memory();

	if (rc)
		goto no_memory;
	tags = (struct blk_mq_tag_set) {
		.ops = &ops, .nr_hw_queues = 1, .queue_depth = 64, .numa_node = NUMA_NO_NODE, .flags = BLK_MQ_F_SHOULD_MERGE,
	};
	rc = blk_mq_alloc_tag_set(&tags);
	if (rc)
		goto no_memory;
	rc = create_disk();
	if (rc)
		goto no_disk;
	folder = debugfs_create_dir("test-disk", NULL);
	debugfs_create_blob("medium", 0400, folder, &medium);
	return 0;

no_disk:
	blk_mq_free_tag_set(&tags);
no_memory:
	destroy_memory();
	return rc;
}

static void __exit test_exit(void)
{
	debugfs_remove(folder);
	del_gendisk(disk);
	put_disk(disk);
	blk_mq_free_tag_set(&tags);
	destroy_memory();
}

module_init(test_init);
module_exit(test_exit);
MODULE_DESCRIPTION("A disk that erases for good, for tests");
MODULE_LICENSE("GPL");

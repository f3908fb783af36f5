/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block frontend.
 *
 *   blk-mq hctx ──▶ issue.c ──▶ ring of a queue ──▶ backend
 *                     │  a page granted for each segment: the request's own, or one of pages.c to copy from and to
 *   request ends ◀── complete.c ◀── event ◀──┘
 *
 * A device has one ring for each hardware queue where the backend offers as many. What is sent is named by the request's
 * tag, and found in the table of those sent: a response that names anything else breaks the device.
 *
 * Rings come and go (resume, another backend) beneath a disk that stays: the disk is made once, the first time that the
 * backend is connected. Requests that were under way are sent again. One that has more segments than the new backend
 * takes is taken apart into its bios, which the block layer splits anew.
 */
#ifndef BLKFRONT_H
#define BLKFRONT_H

#include <linux/blk-mq.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <xenolith/blkif.h>
#include <xenolith/bus.h>
#include <xenolith/grant.h>
#include "compat/block.h"
#include "vdev.h"

/**
 * enum front_state - of a device
 * @FRONT_DISCONNECTED: no rings yet, no disk
 * @FRONT_CONNECTED: requests are sent
 * @FRONT_SUSPENDED: there is a disk, its rings are to come; the block layer's queues are quiesced
 * @FRONT_CLOSED: no request will be sent again; each fails
 */
enum front_state { FRONT_DISCONNECTED, FRONT_CONNECTED, FRONT_SUSPENDED, FRONT_CLOSED };

/**
 * struct front_page - a page of ours for data
 * @list: in the queue's pool, the one used last first
 * @ref: it is granted for as long as it lives; INVALID_GRANT_REF where it is granted for each use
 */
struct front_page {
	struct list_head list;
	struct page *page;
	grant_ref_t ref;
};

/**
 * struct front_segment - a piece of a request that was sent
 * @ref: the grant of its page
 * @copy: the page of ours that was sent instead of the request's, or NULL
 */
struct front_segment {
	grant_ref_t ref;
	struct front_page *copy;
};

/**
 * struct front_cmd - what we keep with each request of the block layer
 * @queue: where it was sent; NULL: it is not under way
 * @status: what it ends with
 * @op: the operation that its response has to repeat
 * @segments: how many of @segment are granted
 */
struct front_cmd {
	struct front_queue *queue;
	blk_status_t status;
	u8 op;
	u16 segments;
	struct front_segment segment[];
};

/**
 * struct front_queue - a ring
 * @lock: over everything here; interrupts are off
 * @live: requests may be put on it
 * @refs: references of grants reserved for it, @free_refs of them
 * @pool: pages of struct front_page that are free, @pooled of them
 */
struct front_queue {
	struct blkfront *front;
	spinlock_t lock;
	bool live;
	struct blkif_front_ring ring;
	void *shared;
	grant_ref_t ring_refs[XENBUS_MAX_RING_GRANTS];
	evtchn_port_t port;
	int irq;
	grant_ref_t refs;
	unsigned int free_refs;
	struct list_head pool;
	unsigned int pooled;
	char name[VDEV_NAME_LEN + 16];
};

/**
 * struct front_slot - what belongs to one tag of one hardware queue
 * @rq: the request while it is under way
 * @table: a page for descriptors, made for its first request with many segments, granted while connected
 */
struct front_slot {
	struct request *rq;
	struct front_page *table;
};

/**
 * struct front_features - what the backend said when it was connected
 * @limits: for the block layer
 * @segments: of one request, at most
 * @info: VDISK_...
 */
struct front_features {
	struct disk_limits limits;
	u64 sectors;
	unsigned int info;
	bool flush, barrier;
};

/**
 * struct blkfront - a device
 * @lock: over changes of @state and all that comes with them; slept on
 * @slots: by hardware queue and tag, @depth tags each; under the lock of the ring that the hardware queue sends to
 * @order: size of each ring
 * @persistent: pages of ours are granted for good, and data copied
 * @bounce: the backend sees pages of ours only, never parts of pages that are not its business
 * @broken: the backend broke the protocol; closes the device
 * @split: submits @bios, those of requests that were taken apart
 */
struct blkfront {
	struct xenbus_device *bus;
	struct mutex lock;
	enum front_state state;
	struct list_head all;
	u32 vdevice;
	unsigned int handle;
	struct vdev vdev;
	struct front_features features;
	struct front_queue *queues;
	unsigned int nr_queues, order;
	bool persistent, bounce;
	struct gendisk *disk;
	struct blk_mq_tag_set tags;
	struct front_slot *slots;
	unsigned int depth, max_segments;
	struct work_struct broken, split;
	spinlock_t split_lock;
	struct bio_list bios;
};

/* Parameters of the module. */
extern unsigned int front_max_segments, front_max_queues, front_max_order;
extern bool front_persistent, front_trusted;

/* --- queue.c: rings ------------------------------------------------------------------------------------------------ */

/**
 * front_create_queues() - make rings, event channels and what goes with them
 *
 * Context: the device's lock is held; there are none. Return: 0 or -errno, with nothing left.
 */
int front_create_queues(struct blkfront *front, unsigned int nr);

/**
 * front_destroy_queues() - let them go, and everything that was granted to the backend with them
 * @requeue: requests that are under way shall be sent again over other rings; otherwise they fail
 *
 * A page that the backend has not let go stays allocated until it does. Context: the device's lock is held, no request
 * is being issued (queues quiesced, or no disk).
 */
void front_destroy_queues(struct blkfront *front, bool requeue);

/* The ring that a hardware queue sends to: there may be fewer rings than when the disk was made. */
static inline struct front_queue *front_queue_of(struct blkfront *front, unsigned int hardware_queue)
{
	return &front->queues[hardware_queue % front->nr_queues];
}

/* Whether requests are under way. */
bool front_busy(struct blkfront *front);

/* --- issue.c, complete.c: requests --------------------------------------------------------------------------------- */

extern const struct blk_mq_ops front_mq_ops;

irqreturn_t front_interrupt(int irq, void *data);

/**
 * front_end_grants() - take back what was granted for a request, and copy what was read
 * @read: it was read, all of it
 *
 * Context: the queue's lock is held. Return: false where the backend still has a page of it mapped: that segment and
 * those after it stay as they are.
 */
bool front_end_grants(struct front_queue *queue, struct request *rq, bool read);

/* --- pages.c: pages of ours ---------------------------------------------------------------------------------------- */

/**
 * front_reserve() - see that so many pages and references can be taken
 *
 * Context: the queue's lock is held. Return: false where memory or references are short now.
 */
bool front_reserve(struct front_queue *queue, unsigned int nr);

/* Take what was reserved. A page that is not persistent has no grant yet. */
struct front_page *front_take_page(struct front_queue *queue);
void front_return_page(struct front_queue *queue, struct front_page *page);
grant_ref_t front_take_ref(struct front_queue *queue);

/* Take access back. False: the other side still uses it. */
bool front_return_ref(struct front_queue *queue, grant_ref_t ref);

/* The page for descriptors of a slot of this queue: made when it is wanted first; NULL when memory is short. */
struct front_page *front_table(struct front_queue *queue, struct front_slot *slot);

/* Free a page, or leave it to the grant table until the other side lets it go. */
void front_free_page(struct front_page *page);

/* All of a queue's. */
void front_free_pages(struct front_queue *queue);

/* --- connect.c: the store ------------------------------------------------------------------------------------------ */

/* Make rings and offer them to the backend; the device is Initialised then. Errors are reported. */
int front_offer(struct blkfront *front);

/* Read what the backend is and can. Values that cannot be are an error, which is reported. */
int front_read_features(struct blkfront *front);

/* --- disk.c: the disk ------------------------------------------------------------------------------------------------ */

int front_create_disk(struct blkfront *front);
void front_destroy_disk(struct blkfront *front);

/* --- main.c ---------------------------------------------------------------------------------------------------------- */

/**
 * front_break() - the backend broke the protocol: say so, and close the device soon
 *
 * Context: any, the queue's lock is held. The queue takes no requests any more.
 */
__printf(2, 3) void front_break(struct front_queue *queue, const char *format, ...);

#endif

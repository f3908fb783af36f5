/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block backend.
 *
 *   event ──▶ ring.c: thread of the ring ──▶ request.c: copy, parse, check ──▶ copy.c or map.c: the data's pages
 *                                                                                     │ bio
 *   response, event if asked for ◀── ring.c ◀── copy.c or map.c: data given back ◀── block device
 *
 * Requests are taken in batches: one hypercall fetches what a batch needs, then all are submitted. The block device
 * answers one at a time, from wherever it does, and the response is written there.
 *
 * Data takes one of three ways. Few segments are copied by the hypervisor between the frontend's pages and pages of ours:
 * nothing is mapped, nobody's TLB is flushed, and the frontend cannot change under the device what it wrote. More segments
 * are mapped. If the frontend promises to use the same pages again and again they are mapped once, and stay.
 *
 * The frontend is not trusted. What it cannot mean disconnects the device; what may happen to an honest one (a sector
 * beyond the end of a device that shrank, a write to a read-only disk) is an error in the response.
 */
#ifndef BLKBACK_H
#define BLKBACK_H

#include <linux/bio.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <xenolith/bus.h>
#include <xenolith/event.h>
#include <xenolith/grant.h>
#include "compat/block.h"
#include "parse.h"

/* Operations of one hypercall at most; of a batch in the thread, and on a stack when a request is done. */
#define BACK_BATCH 64
#define BACK_DONE_BATCH 16

/**
 * struct back_grant - a page of the frontend that stays mapped
 * @users: requests that use it now
 * @lru: those used last are last
 */
struct back_grant {
	struct list_head lru;
	struct page *page;
	grant_ref_t ref;
	grant_handle_t handle;
	unsigned int users;
};

/**
 * struct back_segment - a piece of a request
 * @page: ours, or the frontend's mapped
 * @handle: of the mapping; INVALID_GRANT_HANDLE where it is not mapped
 * @grant: it stays mapped
 */
struct back_segment {
	grant_ref_t ref;
	u16 offset, len;
	struct page *page;
	grant_handle_t handle;
	struct back_grant *grant;
};

/**
 * struct back_request - a request that is being worked on
 * @list: free, or in the batch
 * @status: BLKIF_RSP_...
 * @copied: its data is copied, not mapped
 * @room: of @segment, @vec and @unmap
 * @table: a page that descriptors are fetched into; NULL until it is wanted
 */
struct back_request {
	struct list_head list;
	struct back_ring *ring;
	struct blk_request rq;
	struct bio bio;
	int status;
	bool copied;
	unsigned int room;
	struct back_segment *segment;
	struct bio_vec *vec;
	struct gnttab_unmap_grant_ref *unmap;
	struct page **unmap_pages;
	struct gntab_unmap_queue_data unmapping;
	struct blkif_request_segment *table;
	grant_ref_t table_ref;
	struct blkif_request_segment direct[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

/**
 * struct back_ring - a ring, and the thread that serves it
 * @lock: over responses, @free, @pool, @flying and the grants that stay; interrupts are off
 * @kicked: an event came that the thread has not looked at
 * @flying: requests taken and not answered
 * @draining: somebody waits on @idle for @flying to become 0
 * @pool: pages of ours, @pooled of them
 * @grants: those that stay mapped, by reference; @nr_grants of them
 * @op, @owner: of the hypercall being put together by the thread
 */
struct back_ring {
	struct blkback *back;
	struct blkif_back_ring ring;
	enum blk_abi abi;
	void *shared;
	unsigned int irq;
	struct task_struct *thread;
	bool kicked, broken;
	spinlock_t lock;
	struct list_head free;
	unsigned int flying;
	bool draining;
	wait_queue_head_t idle;
	struct back_request *requests;
	unsigned int nr_requests;
	struct list_head pool;
	unsigned int pooled;
	struct gnttab_page_cache cache;
	struct xarray grants;
	struct list_head lru;
	unsigned int nr_grants;
	union {
		struct gnttab_copy copy[BACK_BATCH];
		struct gnttab_map_grant_ref map[BACK_BATCH];
	} op;
	struct back_request *owner[BACK_BATCH];
	struct page *map_page[BACK_BATCH];
	struct back_segment *map_segment[BACK_BATCH];
	u64 reads, writes, flushes, discards, sectors_read, sectors_written;
};

/**
 * struct blkback - a device
 * @lock: over connection and disconnection; slept on
 * @device: what is behind it, once the toolstack has said what that is
 * @sectors: what the frontend was told
 * @reason: what a ring broke of, for @broken
 */
struct blkback {
	struct xenbus_device *bus;
	struct mutex lock;
	struct compat_bdev device;
	unsigned int major, minor;
	bool readonly, cdrom, removable, discard_enabled, persistent;
	u64 sectors;
	struct back_ring *rings;
	unsigned int nr_rings;
	struct xenbus_watch watch;
	struct work_struct broken, resize;
	struct delayed_work look;
	char reason[80];
};

/* Parameters of the module. */
extern unsigned int back_max_queues, back_max_order, back_max_grants, back_copy_segments;
extern bool back_persistent;

/* --- ring.c -------------------------------------------------------------------------------------------------------- */

/**
 * struct back_offer - where the frontend says that a ring is
 */
struct back_offer {
	grant_ref_t refs[XENBUS_MAX_RING_GRANTS];
	unsigned int pages;
	evtchn_port_t port;
	enum blk_abi abi;
};

/**
 * back_create_ring() - map a ring and serve it
 *
 * What was answered before by another driver is not looked at: a ring may be taken over between two requests.
 * Return: 0 or -errno, with nothing left
 */
int back_create_ring(struct blkback *back, struct back_ring *ring, const struct back_offer *offer);

/* Take no more requests, wait for those taken, let go of everything. */
void back_destroy_ring(struct back_ring *ring);

/* Answer a request; it is free then. Context: any. */
void back_respond(struct back_request *req);

/* Wait until nothing taken is unanswered but what the caller has in hand. Context: the ring's thread. */
void back_drain(struct back_ring *ring, unsigned int but);

/* The frontend broke the protocol: say so once, disconnect the device soon. Context: any. */
void back_break(struct back_ring *ring, const char *what);

/* --- request.c ------------------------------------------------------------------------------------------------------ */

/* Take what is on the ring and start it. Return: how many. Context: the ring's thread. */
unsigned int back_take_requests(struct back_ring *ring);

/* --- copy.c ---------------------------------------------------------------------------------------------------------- */

/* Fetch the pages of descriptors of all requests of a batch. */
void back_copy_tables(struct back_ring *ring, struct list_head *batch);

/* Give pages of ours to each request of the batch that is copied, and fetch what is to be written. */
void back_copy_in(struct back_ring *ring, struct list_head *batch);

/* Give what was read to the frontend. Context: any. */
void back_copy_out(struct back_request *req);

/* Put pages of ours back. Context: the ring's lock is held. */
void back_put_pages(struct back_request *req);
void back_free_pool(struct back_ring *ring);

/* --- map.c ------------------------------------------------------------------------------------------------------------ */

/* Map the data of each request of the batch that is not copied. */
void back_map(struct back_ring *ring, struct list_head *batch);

/* Unmap a request's, and respond to it. Context: any. */
void back_unmap_and_respond(struct back_request *req);

/* Let go of grants that stay mapped until there are no more than so many. Context: the ring's thread, or it has ended. */
void back_trim_grants(struct back_ring *ring, unsigned int most);

/* --- device.c --------------------------------------------------------------------------------------------------------- */

int back_open_device(struct blkback *back);
void back_close_device(struct blkback *back);

/* --- connect.c -------------------------------------------------------------------------------------------------------- */

/* What can be said before the device and the frontend are known. */
int back_write_offer(struct blkback *back);

/* Read where the frontend's rings are, and serve them. Errors are reported. */
int back_connect_rings(struct blkback *back);
void back_disconnect_rings(struct blkback *back);

/* What the device is and can; the frontend waits for it. Connected then. */
int back_write_device(struct blkback *back);

/* Another size. */
void back_write_size(struct blkback *back);

/* --- statistics.c ----------------------------------------------------------------------------------------------------- */

int back_create_attributes(struct blkback *back);
void back_remove_attributes(struct blkback *back);

#endif

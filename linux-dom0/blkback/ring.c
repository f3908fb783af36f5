// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring: its memory, its event channel, its thread, and responses.
 *
 * The event's handler does nothing but wake the thread, and the event is finished when the thread has looked at the ring
 * (late end-of-interrupt): a frontend that sends events without requests is slowed down by the event core.
 */
#include <linux/kthread.h>
#include <linux/slab.h>
#include "blkback.h"

/* --- responses ----------------------------------------------------------------------------------------------------- */

static void put_response(struct back_ring *ring, const struct back_request *req)
{
	struct blkif_response *to;

	to = ring->shared + BLK_RING_HEADER + (ring->ring.rsp_prod_pvt & (ring->ring.nr_ents - 1)) * blk_entry_size(ring->abi);
	to->id = req->rq.id;
	to->operation = req->rq.op;
	to->status = req->status;
	ring->ring.rsp_prod_pvt++;
}

void back_respond(struct back_request *req)
{
	struct back_ring *ring = req->ring;
	unsigned long flags;
	int notify;

	spin_lock_irqsave(&ring->lock, flags);
	back_put_pages(req);
	put_response(ring, req);
	list_add(&req->list, &ring->free);
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&ring->ring, notify);
	if (notify)
		notify_remote_via_irq(ring->irq);
	ring->flying--;
	if (ring->draining)
		wake_up(&ring->idle);
	spin_unlock_irqrestore(&ring->lock, flags);
}

static bool landed(struct back_ring *ring, unsigned int but)
{
	bool yes;

	spin_lock_irq(&ring->lock);
	yes = ring->flying <= but;
	spin_unlock_irq(&ring->lock);
	return yes;
}

void back_drain(struct back_ring *ring, unsigned int but)
{
	spin_lock_irq(&ring->lock);
	ring->draining = true;
	spin_unlock_irq(&ring->lock);
	wait_event(ring->idle, landed(ring, but));
	spin_lock_irq(&ring->lock);
	ring->draining = false;
	spin_unlock_irq(&ring->lock);
}

void back_break(struct back_ring *ring, const char *what)
{
	struct blkback *back = ring->back;

	if (xchg(&ring->broken, true))
		return;
	strscpy(back->reason, what, sizeof(back->reason));
	schedule_work(&back->broken);
}

/* --- the thread ----------------------------------------------------------------------------------------------------- */

static irqreturn_t back_interrupt(int irq, void *data)
{
	struct back_ring *ring = data;

	WRITE_ONCE(ring->kicked, true);
	wake_up_process(ring->thread);
	return IRQ_HANDLED;
}

static void serve(struct back_ring *ring)
{
	unsigned int taken = back_take_requests(ring);

	if (ring->nr_grants > back_max_grants)
		back_trim_grants(ring, back_max_grants);
	if (bdev_nr_sectors(ring->back->device.bdev) != READ_ONCE(ring->back->sectors))
		schedule_work(&ring->back->resize);
	/* Where there is a delay the kernel's own notes this CPU, which must not be another meanwhile. */
	migrate_disable();
	xen_irq_lateeoi(ring->irq, taken ? 0 : XEN_EOI_FLAG_SPURIOUS);
	migrate_enable();
}

static int ring_thread(void *data)
{
	struct back_ring *ring = data;

	for (;;) {
		set_current_state(TASK_IDLE);
		if (kthread_should_stop())
			break;
		if (!READ_ONCE(ring->kicked) || !READ_ONCE(ring->irq) || READ_ONCE(ring->broken)) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		smp_store_mb(ring->kicked, false);	/* an event from here on is looked at once more */
		serve(ring);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------------------------------ */

static int create_requests(struct back_ring *ring)
{
	unsigned int n;

	ring->requests = kvcalloc(ring->ring.nr_ents, sizeof(*ring->requests), GFP_KERNEL);
	if (!ring->requests)
		return -ENOMEM;
	ring->nr_requests = ring->ring.nr_ents;
	for (n = 0; n < ring->nr_requests; n++) {
		ring->requests[n].ring = ring;
		list_add_tail(&ring->requests[n].list, &ring->free);
	}
	return 0;
}

static void destroy_requests(struct back_ring *ring)
{
	unsigned int n;

	for (n = 0; n < ring->nr_requests; n++) {
		kvfree(ring->requests[n].segment);
		free_page((unsigned long)ring->requests[n].table);
	}
	kvfree(ring->requests);
}

static int map_ring(struct back_ring *ring, const struct back_offer *offer)
{
	unsigned int size = offer->pages * XEN_PAGE_SIZE;
	struct blkif_sring *shared;
	RING_IDX answered, sent;
	int rc;

	rc = xenbus_map_ring_valloc(ring->back->bus, (grant_ref_t *)offer->refs, offer->pages, &ring->shared);
	if (rc)
		return rc;
	shared = ring->shared;
	answered = READ_ONCE(shared->rsp_prod);
	sent = READ_ONCE(shared->req_prod);
	BACK_RING_ATTACH(&ring->ring, shared, answered, size);
	ring->ring.nr_ents = rounddown_pow_of_two((size - BLK_RING_HEADER) / blk_entry_size(ring->abi));
	if (sent - answered > ring->ring.nr_ents) {
		xenbus_unmap_ring_vfree(ring->back->bus, ring->shared);
		return -EIO;
	}
	return 0;
}

static int create_thread(struct back_ring *ring)
{
	struct blkback *back = ring->back;

	ring->thread = kthread_create(ring_thread, ring, "blkback.%d-%s-%u", back->bus->otherend_id,
				      strrchr(back->bus->nodename, '/') + 1, (unsigned int)(ring - back->rings));
	if (IS_ERR(ring->thread))
		return PTR_ERR(ring->thread);
	get_task_struct(ring->thread);
	return 0;
}

int back_create_ring(struct blkback *back, struct back_ring *ring, const struct back_offer *offer)
{
	int rc;

	ring->back = back;
	ring->abi = offer->abi;
	spin_lock_init(&ring->lock);
	init_waitqueue_head(&ring->idle);
	INIT_LIST_HEAD(&ring->free);
	INIT_LIST_HEAD(&ring->pool);
	INIT_LIST_HEAD(&ring->lru);
	xa_init(&ring->grants);
	gnttab_page_cache_init(&ring->cache);
	rc = map_ring(ring, offer);
	if (rc)
		return rc;
	rc = create_requests(ring);
	if (rc)
		goto unmap;
	rc = create_thread(ring);
	if (rc)
		goto free;
	rc = bind_interdomain_evtchn_to_irqhandler_lateeoi(back->bus, offer->port, back_interrupt, 0, "xen-blkback", ring);
	if (rc < 0)
		goto stop;
	WRITE_ONCE(ring->irq, rc);	/* the first event may have come before: the thread waits for this */
	/* What was sent before there was anybody to tell. */
	WRITE_ONCE(ring->kicked, true);
	wake_up_process(ring->thread);
	return 0;
stop:
	kthread_stop(ring->thread);
	put_task_struct(ring->thread);
free:
	destroy_requests(ring);
unmap:
	xenbus_unmap_ring_vfree(back->bus, ring->shared);
	return rc;
}

void back_destroy_ring(struct back_ring *ring)
{
	disable_irq(ring->irq);
	kthread_stop(ring->thread);
	put_task_struct(ring->thread);
	back_drain(ring, 0);
	unbind_from_irqhandler(ring->irq, ring);
	back_trim_grants(ring, 0);
	back_free_pool(ring);
	gnttab_page_cache_shrink(&ring->cache, 0);
	destroy_requests(ring);
	xenbus_unmap_ring_vfree(ring->back->bus, ring->shared);
}

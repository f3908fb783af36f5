// SPDX-License-Identifier: GPL-2.0-only
/*
 * References and pages of a queue. References are taken from the kernel's table 64 at a time and kept, so that issuing a
 * request needs no lock but the queue's. Pages are used last in, first out: a backend that keeps them mapped needs to keep
 * the fewest.
 *
 * All pages are zeroed when they are allocated: what is left of the last use is data of this disk, never of others.
 */
#include "blkfront.h"

#define REFS 64

static bool reserve_refs(struct front_queue *queue, unsigned int nr)
{
	while (queue->free_refs < nr) {
		grant_ref_t head, ref;
		unsigned int n;

		if (gnttab_alloc_grant_references(REFS, &head))
			return false;
		if (!queue->free_refs) {
			queue->refs = head;
			queue->free_refs = REFS;
			continue;
		}
		for (n = 0; n < REFS; n++) {
			ref = gnttab_claim_grant_reference(&head);
			gnttab_release_grant_reference(&queue->refs, ref);
			queue->free_refs++;
		}
		gnttab_free_grant_references(head);
	}
	return true;
}

grant_ref_t front_take_ref(struct front_queue *queue)
{
	queue->free_refs--;
	return gnttab_claim_grant_reference(&queue->refs);
}

bool front_return_ref(struct front_queue *queue, grant_ref_t ref)
{
	if (!gnttab_end_foreign_access_ref(ref))
		return false;
	gnttab_release_grant_reference(&queue->refs, ref);
	queue->free_refs++;
	return true;
}

static void grant_page(struct front_queue *queue, struct front_page *page, bool readonly)
{
	page->ref = front_take_ref(queue);
	gnttab_grant_foreign_access_ref(page->ref, queue->front->bus->otherend_id, xen_page_to_gfn(page->page), readonly);
}

static struct front_page *new_page(void)
{
	struct front_page *page = kmalloc(sizeof(*page), GFP_ATOMIC | __GFP_NOWARN);

	if (!page)
		return NULL;
	page->page = alloc_page(GFP_ATOMIC | __GFP_NOWARN | __GFP_ZERO);
	if (!page->page) {
		kfree(page);
		return NULL;
	}
	page->ref = INVALID_GRANT_REF;
	return page;
}

void front_free_page(struct front_page *page)
{
	if (page->ref == INVALID_GRANT_REF)
		__free_page(page->page);
	else
		gnttab_end_foreign_access(page->ref, page->page);
	kfree(page);
}

static bool reserve_pages(struct front_queue *queue, unsigned int nr)
{
	while (queue->pooled < nr) {
		struct front_page *page = new_page();

		if (!page)
			return false;
		if (queue->front->persistent && !reserve_refs(queue, 1)) {
			front_free_page(page);
			return false;
		}
		if (queue->front->persistent)
			grant_page(queue, page, false);
		front_return_page(queue, page);
	}
	return true;
}

bool front_reserve(struct front_queue *queue, unsigned int nr)
{
	if (!queue->front->persistent && !reserve_refs(queue, nr))
		return false;
	return !queue->front->bounce || reserve_pages(queue, nr);
}

struct front_page *front_take_page(struct front_queue *queue)
{
	struct front_page *page = list_first_entry(&queue->pool, struct front_page, list);

	list_del(&page->list);
	queue->pooled--;
	return page;
}

void front_return_page(struct front_queue *queue, struct front_page *page)
{
	list_add(&page->list, &queue->pool);
	queue->pooled++;
}

struct front_page *front_table(struct front_queue *queue, struct front_slot *slot)
{
	if (!slot->table && reserve_refs(queue, 1)) {
		slot->table = new_page();
		if (slot->table)
			grant_page(queue, slot->table, true);
	}
	return slot->table;
}

void front_free_pages(struct front_queue *queue)
{
	struct front_page *page, *next;

	list_for_each_entry_safe(page, next, &queue->pool, list)
		front_free_page(page);
	INIT_LIST_HEAD(&queue->pool);
	queue->pooled = 0;
	if (queue->free_refs)
		gnttab_free_grant_references(queue->refs);
	queue->free_refs = 0;
}

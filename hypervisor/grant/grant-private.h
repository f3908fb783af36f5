/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of grant/ share. Statuses are GNTST_*. */
#ifndef XENOLITH_GRANT_PRIVATE_H
#define XENOLITH_GRANT_PRIVATE_H

#include <xenolith/domain.h>
#include <xenolith/grant.h>

#define ENTRIES_PER_FRAME	(PAGE_SIZE / sizeof(struct grant_entry_v1))
#define MAPS_PER_PAGE		(PAGE_SIZE / sizeof(struct grant_map))

/* Uses of one entry by the domain it names; four counters of 7 bits in one word. */
#define PIN_HOST_READ		1u
#define PIN_HOST_WRITE		(1u << 8)
#define PIN_DEVICE_READ		(1u << 16)
#define PIN_DEVICE_WRITE	(1u << 24)
#define PIN_WRITERS		(0xff * (PIN_HOST_WRITE | PIN_DEVICE_WRITE))
#define PIN_OVERFLOW		0x80808080u

struct grant_active {
	spinlock_t lock;
	u32 pin;
	u32 frame;			/* fixed while pinned, whatever the granter writes */
	domid_t domid;			/* who pins */
};

/* One mapping that a domain made; its handle is its number. */
struct grant_map {
	struct domain *granter;		/* referenced while flags are set */
	grant_ref_t ref;		/* free: number of the next free one */
	u16 flags;			/* GNTMAP_*; 0: free or being set up */
};
#define MAP_FLAGS	(GNTMAP_device_map | GNTMAP_host_map | GNTMAP_readonly | \
			 GNTMAP_application_map | GNTMAP_contains_pte)
#define MAP_KINDS	(GNTMAP_device_map | GNTMAP_host_map)
#define MAP_CLAIMED	0x8000		/* an unmap of it is under way */
#define NO_HANDLE	(~0u)

struct grant_table {
	spinlock_t lock;			/* growth */
	unsigned int nr_frames, max_frames;
	struct grant_entry_v1 **shared;		/* frames that the granter writes */
	struct grant_active **active;		/* as many entries */

	spinlock_t map_lock;			/* free list and growth of the maptrack */
	unsigned int nr_maps, max_map_pages;
	grant_handle_t free_map;		/* first of the free list */
	struct grant_map **maps;		/* NULL until used */
	grant_handle_t released;		/* relinquish: those below are gone */
};

static inline struct grant_active *grant_active_entry(const struct grant_table *gt, grant_ref_t ref)
{
	return &gt->active[ref / ENTRIES_PER_FRAME][ref % ENTRIES_PER_FRAME];
}

static inline struct grant_entry_v1 *grant_shared_entry(const struct grant_table *gt,
							grant_ref_t ref)
{
	return &gt->shared[ref / ENTRIES_PER_FRAME][ref % ENTRIES_PER_FRAME];
}

/* Frames are counted after they are entered. */
static inline bool grant_ref_valid(const struct grant_table *gt, grant_ref_t ref)
{
	return ref / ENTRIES_PER_FRAME < READ_ONCE(gt->nr_frames);
}

int grant_table_grow(struct domain *d, unsigned int nr_frames);

/*
 * grant_pin: count @pin more uses of @granter's @ref by domain @user, if the entry allows them (all
 * are writes or none is). On success *@page has @refs more references, with type when writing.
 * grant_unpin: the uses end; the references have been dropped.
 */
int grant_pin(struct domain *granter, grant_ref_t ref, domid_t user, u32 pin, unsigned int refs,
	      bool for_mapping, struct page_info **page);
void grant_unpin(struct domain *granter, grant_ref_t ref, u32 pin);

/* References on a frame of @owner, for reading or writing. */
int grant_frame_get(struct domain *owner, unsigned long frame, bool write, struct page_info **page);
static inline void grant_frame_put(struct page_info *pg, bool write)
{
	if (write)
		put_page_and_type(pg);
	else
		put_page(pg);
}

/*
 * The batches: elements at guest address @uop; how many are done (fewer than @count: the rest
 * later, at least one is done), or -EFAULT.
 */
long grant_map(unsigned long uop, unsigned int count);
long grant_unmap(unsigned long uop, unsigned int count, bool replace);
long grant_copy(unsigned long uop, unsigned int count);
int grant_transfer_one(struct domain *from, const struct gnttab_transfer *op);

#endif

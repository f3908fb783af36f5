/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of grant/ share. Statuses are GNTST_*. */
#ifndef XENOLITH_GRANT_PRIVATE_H
#define XENOLITH_GRANT_PRIVATE_H

#include <xenolith/domain.h>
#include <xenolith/grant.h>

#define ENTRIES_PER_FRAME	(PAGE_SIZE / sizeof(struct grant_entry_v1))
#define MAPS_PER_PAGE		(PAGE_SIZE / sizeof(struct grant_map))

/* Uses of one entry by the domain it names: readers in the low byte, writers in the high one. */
#define PIN_READ		0x0001u
#define PIN_WRITE		0x0100u
#define PIN_WRITERS		0xff00u
#define PIN_OVERFLOW		0x8080u

struct grant_active {
	spinlock_t lock;
	u32 frame;			/* fixed while pinned, whatever the granter writes */
	domid_t domid;			/* who pins */
	u16 pin;
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

static inline struct grant_entry_v1 *grant_shared_entry(const struct grant_table *gt, grant_ref_t ref)
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
 * grant_pin: count @uses more of @granter's @ref by domain @user, if the entry allows them. On
 * success *@page has as many more references, with type when writing.
 * grant_unpin: the uses end; the references have been dropped.
 */
int grant_pin(struct domain *granter, grant_ref_t ref, domid_t user, bool write, unsigned int uses,
	      struct page_info **page);
void grant_unpin(struct domain *granter, grant_ref_t ref, bool write, unsigned int uses);

/* References on a frame of @owner, for reading or writing. */
int grant_frame_get(struct domain *owner, unsigned long frame, bool write, struct page_info **page);
static inline void grant_frame_put(struct page_info *pg, bool write)
{
	if (write)
		put_page_and_type(pg);
	else
		put_page(pg);
}

/* ---- batches: what one element leaves for the next ---- */

struct copy_side {
	struct domain *d;		/* referenced, or NULL; others than copy use it alone */
	struct page_info *pg;		/* claimed for @name, or NULL */
	u64 name;			/* grant reference or frame number */
	bool is_gref, write;
};

#define UNMAP_BATCH	32
struct unmapping {
	struct grant_map *map;		/* claimed */
	grant_handle_t handle;
	u32 ended;			/* kinds of mapping: GNTMAP_* */
};

struct grant_batch {
	struct copy_side src, dst;
	unsigned int nr;		/* of unmappings begun */
	struct unmapping unmap[UNMAP_BATCH];
};

/* One element: its status is written into it; an error other than 0 ends the batch. */
typedef int grant_op_fn(struct grant_batch *b, void *element);
grant_op_fn grant_map_one, grant_unmap_one, grant_copy_one, grant_transfer_one;

/* grant_peer: domain @id, which is kept in @side for the next element; NULL: there is none. */
struct domain *grant_peer(struct copy_side *side, domid_t id);
void grant_copy_end(struct grant_batch *b);
void grant_unmap_end(struct grant_batch *b);

#endif

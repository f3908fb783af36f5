/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of grant/ share. Statuses are GNTST_*. */
#ifndef XENOLITH_GRANT_PRIVATE_H
#define XENOLITH_GRANT_PRIVATE_H

#include <xenolith/domain.h>
#include <xenolith/grant.h>

/* Active entries are as many as the frames can hold of the smaller kind, version 1. */
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
#define NO_FRAME		(~0u)	/* pinned for a copy of a part of a page, or a transfer */

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

/*
 * What the versions of shared entries do differently. Both begin with flags and domid. The entry's
 * lock is held. Where a reference is above the table it is GNTST_bad_gntref.
 *	mark	the entry says that it is in use, if it lets @user do that with the whole page
 *	unmark	take back @marks, GTF_reading and GTF_writing
 *	frame	what the granter says; set_frame: what it gets (transfer)
 */
struct grant_abi {
	u8 version, entry_shift;		/* 1 << shift bytes */
	int (*mark)(struct grant_table *gt, grant_ref_t ref, domid_t user, bool write);
	void (*unmark)(struct grant_table *gt, grant_ref_t ref, u16 marks);
	u64 (*frame)(struct grant_table *gt, grant_ref_t ref);
	void (*set_frame)(struct grant_table *gt, grant_ref_t ref, u64 frame);
};
extern const struct grant_abi grant_v1, grant_v2;

struct grant_table {
	spinlock_t lock;			/* growth, change of version */
	unsigned int nr_frames, max_frames;
	const struct grant_abi *abi;
	bool closed;				/* the version changes: no new use */
	u8 max_version;
	void **shared;				/* frames that the granter writes */
	struct grant_active **active;		/* as many entries */
	grant_status_t **status;		/* version 2: marks; NULL until used, then for good */

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

/* Where its entry is in the version in force; @ref is valid. Flags and domid are one word. */
static inline void *grant_shared_entry(const struct grant_table *gt, grant_ref_t ref)
{
	unsigned long offset = (unsigned long)ref << gt->abi->entry_shift;

	return (u8 *)gt->shared[offset >> PAGE_SHIFT] + (offset & ~PAGE_MASK);
}

/* Is there such an active entry? Frames are counted after they are entered. */
static inline bool grant_active_valid(const struct grant_table *gt, grant_ref_t ref)
{
	return ref / ENTRIES_PER_FRAME < READ_ONCE(gt->nr_frames);
}

/* ... and a shared one? For good only while the active entry is locked and the table not closed. */
static inline bool grant_ref_valid(const struct grant_table *gt, grant_ref_t ref)
{
	return (unsigned long)ref << READ_ONCE(gt->abi)->entry_shift >> PAGE_SHIFT < READ_ONCE(gt->nr_frames);
}

/* May uses begin? The entry's lock is held: whoever closes the table takes it afterwards. */
static inline bool grant_is_open(const struct grant_table *gt)
{
	bool open = !READ_ONCE(gt->closed);

	smp_rmb();		/* pairs with grant_set_version(): a table seen open again has its new version */
	return open;
}

static inline u16 grant_pins(bool write, unsigned int uses)
{
	return uses * (write ? PIN_WRITE : PIN_READ);
}

int grant_table_grow(struct domain *d, unsigned int nr_frames);

/* ---- version 2 ---- */

#define STATUS_PER_FRAME	(PAGE_SIZE / sizeof(grant_status_t))
#define V2_PER_FRAME		(PAGE_SIZE / sizeof(union grant_entry_v2))

static inline unsigned int grant_status_frames(unsigned int nr_frames)
{
	return DIV_ROUND_UP(nr_frames, STATUS_PER_FRAME / V2_PER_FRAME);
}

/* grant_v2_populate: have status frames for @nr_frames frames of entries; gt->lock held. 0 or -ENOMEM. */
int grant_v2_populate(struct domain *d, unsigned int nr_frames);

/* A part of a page of @granter's, or (next) a grant that another domain made to @granter. */
struct grant_part {
	bool transitive;
	u16 start, length;
	u64 frame;
	domid_t next_dom;
	grant_ref_t next_ref;
};
/*
 * grant_v2_pin_part: count one use more of @granter's @ref by domain @user, if that is a grant of
 * something else than a whole page (else GNTST_bad_gntref). No reference on any page is taken.
 */
int grant_v2_pin_part(struct domain *granter, grant_ref_t ref, domid_t user, bool write, struct grant_part *part);

/* grant_set_version: of @d's own table. 0, -ENOSYS (not allowed), -EBUSY (in use), -ERANGE, -ENOMEM, -ERESTART. */
int grant_set_version(struct domain *d, unsigned int version);

/*
 * grant_pin: count @uses more of @granter's @ref by domain @user, if the entry allows them. On
 * success *@page has as many more references, with type when writing.
 * grant_unpin: the uses end; the references have been dropped.
 */
int grant_pin(struct domain *granter, grant_ref_t ref, domid_t user, bool write, unsigned int uses,
	      struct page_info **page);
void grant_unpin(struct domain *granter, grant_ref_t ref, bool write, unsigned int uses);
/* grant_unmark: take back the marks that no pin stands for; the entry's lock is held. */
void grant_unmark(struct grant_table *gt, grant_ref_t ref, const struct grant_active *act);

/* References on a frame of @owner, for reading or writing. */
int grant_frame_get(struct domain *owner, unsigned long frame, bool write, struct page_info **page);
static inline void grant_frame_put(struct page_info *pg, bool write)
{
	if (likely(write ? put_page_and_type_fast(pg) : put_page_fast(pg)))
		return;
	if (write)
		put_page_and_type(pg);
	else
		put_page(pg);
}

/* The common case in line. False: nothing happened, grant_frame_get() decides. */
static inline bool grant_frame_get_fast(const struct domain *owner, unsigned long frame, bool write, struct page_info **page)
{
	struct page_info *pg;

	if (unlikely(!mfn_valid(mfn(frame))))
		return false;
	pg = *page = mfn_to_page(mfn(frame));
	return likely(write ? get_page_writable_fast(pg, owner->id) : get_page_fast(pg, owner->id));
}

/*
 * The common case of grant_pin() and grant_unpin() in line, for copies: a whole page of a PV guest by a grant of version 1
 * that nobody else uses. Entries of version 1 are a word, so what is checked, its frame too, is what gets marked.
 * False: nothing happened, the general function decides.
 */
static inline bool grant_pin_fast(struct domain *granter, grant_ref_t ref, domid_t user, bool write, struct page_info **page)
{
	const u16 marks = GTF_reading | (write ? GTF_writing : 0), refused = write ? GTF_readonly : 0;
	struct grant_table *gt = granter->grant;
	struct grant_active *act;
	bool pinned = false;
	u64 *entry, old;

	if (unlikely(granter->is_hvm || !grant_active_valid(gt, ref)))
		return false;
	act = grant_active_entry(gt, ref);
	spin_lock(&act->lock);
	if (unlikely(act->pin || !grant_is_open(gt) || gt->abi != &grant_v1))
		goto unlock;
	entry = (u64 *)gt->shared[ref / ENTRIES_PER_FRAME] + ref % ENTRIES_PER_FRAME;
	old = READ_ONCE(*entry);
	if (unlikely((old & (GTF_type_mask | GTF_sub_page | refused)) != GTF_permit_access || (u16)(old >> 16) != user ||
		     !grant_frame_get_fast(granter, old >> 32, write, page)))
		goto unlock;
	if (unlikely(!try_cmpxchg(entry, &old, old | marks))) {
		grant_frame_put(*page, write);
		goto unlock;
	}
	act->domid = user;
	act->frame = old >> 32;
	act->pin = grant_pins(write, 1);
	pinned = true;
unlock:
	spin_unlock(&act->lock);
	return pinned;
}

static inline bool grant_unpin_fast(struct domain *granter, grant_ref_t ref, bool write)
{
	struct grant_table *gt = granter->grant;
	struct grant_active *act = grant_active_entry(gt, ref);
	bool last;

	spin_lock(&act->lock);
	/* The version stays as long as there is a pin. */
	last = likely(act->pin == grant_pins(write, 1) && gt->abi == &grant_v1);
	if (last) {
		act->pin = 0;
		__atomic_and_fetch((u16 *)grant_shared_entry(gt, ref), (u16)~(GTF_reading | GTF_writing), __ATOMIC_SEQ_CST);
	}
	spin_unlock(&act->lock);
	return last;
}

/* ---- batches: what one element leaves for the next ---- */

struct copy_side {
	struct domain *d;		/* referenced, or NULL; others than copy use it alone */
	struct page_info *pg;		/* claimed for @name, or NULL */
	u64 name;			/* grant reference or frame number */
	domid_t domid;			/* ... as the element says it */
	bool is_gref, write;
	u16 start;			/* what of the page may be used: up to, not including, @end */
	u32 end;
	struct domain *via;		/* a transitive grant: whose page it is, by @via_ref; referenced, or NULL */
	grant_ref_t via_ref;
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

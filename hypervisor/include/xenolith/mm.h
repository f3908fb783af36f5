/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mm: machine memory. The frame table (one struct page_info per frame: owner, references, type),
 * the frame allocator, the small-object heap, the machine-to-phys table, mappings of the
 * hypervisor itself, TLB flushing, memory_op.
 *
 * A frame of RAM is free, the hypervisor's, or a domain's. While it is a domain's:
 *   - "count" references keep the owner from losing it; the domain itself holds one (PG_ALLOCATED);
 *   - "type" references say in which exclusive role it is used: page table of level 1-4, segment
 *     descriptors, or writable. Each type reference goes with a count reference. The role can only
 *     change while there is no type reference. This is what keeps a guest from ever having a
 *     writable mapping of a page table.
 * Both counters and all flags are one 64-bit word, so that a reference is one atomic operation.
 */
#ifndef XENOLITH_MM_H
#define XENOLITH_MM_H

#include <xenolith/lib.h>
#include <xen/xen.h>
#include <xen/memory.h>
#include <xenolith/layout.h>
#include <xenolith/lock.h>

struct domain;
struct vcpu;

/* ---- frame numbers: mfn machine frame, gfn the guest's idea of it (PV: gfn == mfn in calls,
 * pfn is the guest's pseudo-physical number that only the M2P knows) ---- */
typedef struct { unsigned long n; } mfn_t;
#define mfn(x)			((mfn_t){ (x) })
#define mfn_x(m)		((m).n)
#define INVALID_MFN		mfn(~0UL)
static inline bool mfn_eq(mfn_t a, mfn_t b) { return a.n == b.n; }
static inline mfn_t mfn_add(mfn_t a, unsigned long n) { return mfn(a.n + n); }

struct page_info {
	u64 word;			/* counters, type and flags: PG_* below */
	u16 owner;			/* domid; DOMID_INVALID: nobody, DOMID_XEN, DOMID_IO */
	u8 order;			/* of a free block's head; of a heap allocation's first frame */
	u8 free_head;			/* first frame of a free block */
	u16 nr_validated;		/* page table under (de)validation: entries that hold references */
	u16 pad;
	u64 tlb_stamp;			/* tlb_clock when the last type or count reference went */
	u32 next, prev;			/* frame numbers: list of the owner (d->mm.first_page) or free list */
};
_Static_assert(sizeof(struct page_info) == 32, "frame table entry size");

#define PG_COUNT_BITS		26
#define PG_COUNT_ONE		1UL
#define PG_COUNT_MASK		((1UL << PG_COUNT_BITS) - 1)
#define PG_TYPE_COUNT_SHIFT	PG_COUNT_BITS
#define PG_TYPE_COUNT_ONE	(1UL << PG_TYPE_COUNT_SHIFT)
#define PG_TYPE_COUNT_MASK	(PG_COUNT_MASK << PG_TYPE_COUNT_SHIFT)
#define PG_TYPE_SHIFT		52
#define PG_TYPE_MASK		(7UL << PG_TYPE_SHIFT)
#define PGT_NONE		(0UL << PG_TYPE_SHIFT)
#define PGT_L1			(1UL << PG_TYPE_SHIFT)
#define PGT_L2			(2UL << PG_TYPE_SHIFT)
#define PGT_L3			(3UL << PG_TYPE_SHIFT)
#define PGT_L4			(4UL << PG_TYPE_SHIFT)
#define PGT_SEG_DESC		(5UL << PG_TYPE_SHIFT)
#define PGT_WRITABLE		(7UL << PG_TYPE_SHIFT)
#define PGT_LEVEL(type)		((unsigned int)((type) >> PG_TYPE_SHIFT))	/* 1-4 for tables */
#define PG_VALIDATED		BIT(55)	/* contents conform to the type */
#define PG_PARTIAL		BIT(56)	/* (de)validation was interrupted; the state owns one count
					 * and one type reference; see Documentation/pv-mmu.md */
#define PG_BUSY			BIT(57)	/* one CPU is (de)validating; others wait */
#define PG_PINNED		BIT(58)	/* the guest holds a reference by a PIN operation */
#define PG_ALLOCATED		BIT(59)	/* the owner holds a count reference */
#define PG_HYP			BIT(60)	/* the hypervisor's, maybe shared with a domain; never freed by put */
#define PG_NONCOHERENT		BIT(61)	/* was mapped with guest-chosen cache attributes (XSA-402) */
#define PG_FOREIGN		BIT(62)	/* was mapped by a domain that does not own it */

#define frame_table		((struct page_info *)FRAMETABLE_START)
#define mfn_to_page(m)		(&frame_table[mfn_x(m)])
static inline mfn_t page_to_mfn(const struct page_info *pg)
{
	return mfn((unsigned long)(pg - frame_table));
}
static inline unsigned long page_count(const struct page_info *pg)
{
	return READ_ONCE(pg->word) & PG_COUNT_MASK;
}
static inline unsigned long page_type_count(const struct page_info *pg)
{
	return (READ_ONCE(pg->word) & PG_TYPE_COUNT_MASK) >> PG_TYPE_COUNT_SHIFT;
}

extern unsigned long max_page;		/* highest RAM frame + 1 */
extern unsigned long total_pages;	/* frames of RAM the machine has */
/** mfn_valid: does the frame have a page_info (RAM, or inside a RAM chunk)? */
#if __STDC_HOSTED__
bool mfn_valid(mfn_t m);
#else
#define MM_CHUNK_SHIFT		28	/* 2 MiB of the frame table describe 256 MiB */
#define MM_MAX_CHUNKS		((DIRECTMAP_END - DIRECTMAP_START) >> MM_CHUNK_SHIFT)
extern unsigned long mm_chunk_valid[];
static inline bool mfn_valid(mfn_t m)
{
	unsigned long chunk = mfn_x(m) >> (MM_CHUNK_SHIFT - PAGE_SHIFT);

	return likely(chunk < MM_MAX_CHUNKS) && mm_chunk_valid[chunk / 64] >> (chunk % 64) & 1;
}
#endif

static inline void *maddr_to_virt(paddr_t ma)
{
	return (void *)(DIRECTMAP_START + ma);
}
static inline void *mfn_to_virt(mfn_t m)
{
	return maddr_to_virt(mfn_x(m) << PAGE_SHIFT);
}
/** virt_to_maddr: of a direct map or image address. */
static inline paddr_t virt_to_maddr(const void *p)
{
	unsigned long va = (unsigned long)p;

	return va >= DIRECTMAP_START ? va - DIRECTMAP_START : va - IMAGE_VIRT_BASE;
}
static inline mfn_t virt_to_mfn(const void *p)
{
	return mfn(virt_to_maddr(p) >> PAGE_SHIFT);
}
#define virt_to_page(p)		mfn_to_page(virt_to_mfn(p))
#define page_to_virt(pg)	mfn_to_virt(page_to_mfn(pg))

/* ---- page table entries ---- */
typedef u64 pte_t;			/* any level */
#define PTE_P			BIT(0)
#define PTE_RW			BIT(1)
#define PTE_US			BIT(2)
#define PTE_PWT			BIT(3)
#define PTE_PCD			BIT(4)
#define PTE_A			BIT(5)
#define PTE_D			BIT(6)
#define PTE_PSE			BIT(7)	/* L2, L3 */
#define PTE_PAT			BIT(7)	/* L1 */
#define PTE_G			BIT(8)
#define PTE_AVAIL		(7UL << 9)
#define PTE_GUEST_KERNEL	BIT(52)	/* the guest had US clear; we set it (guest runs in ring 3) */
#define PTE_NX			BIT(63)
#define PTE_ADDR		0x000ffffffffff000UL
#define PTE_CACHE_L1		(PTE_PWT | PTE_PCD | PTE_PAT)
static inline mfn_t pte_mfn(pte_t e)
{
	return mfn((e & PTE_ADDR) >> PAGE_SHIFT);
}
static inline pte_t pte_make(mfn_t m, u64 flags)
{
	return (mfn_x(m) << PAGE_SHIFT) | flags;
}
static inline unsigned int pt_index(unsigned long va, unsigned int level)	/* level 1-4 */
{
	return (va >> (PAGE_SHIFT + 9 * (level - 1))) & (PT_ENTRIES - 1);
}

/* ---- boot: mm/init.c ---- */
/**
 * mm_init: from boot_info's memory map and modules: direct map, M2P, frame table, final hypervisor
 * page tables (loaded on return), and the allocator filled with what is not in use.
 */
void mm_init(void);
/** mm_boot_release: give a formerly reserved range (init sections, module memory) to the allocator. */
void mm_boot_release(paddr_t start, paddr_t end);
/** mm_seal: drop boot-only mappings, make text/rodata/ro_after_init read-only. */
void mm_seal(void);
extern pte_t hyp_l4[PT_ENTRIES];	/* the master: slots 257-271 of every L4 equal these */
paddr_t hyp_cr3(void);

/* ---- allocator: mm/alloc.c (buddy, orders 0-18; one lock; zones: below and above 4 GiB) ---- */
#define MAX_ORDER		18
#define ALLOC_ANY		0u
#define ALLOC_DMA32		BIT(0)	/* below 4 GiB */
#define ALLOC_NOZERO		BIT(1)	/* caller overwrites all of it, or builds Domain0 */
/** alloc_hyp_pages: 2^@order hypervisor frames (PG_HYP, owner DOMID_XEN), zeroed; NULL when out. */
void *alloc_hyp_pages(unsigned int order);
void free_hyp_pages(void *p, unsigned int order);
/**
 * alloc_domain_pages: 2^@order frames owned by @d, counted in d->tot_pages and listed, one count
 * reference with PG_ALLOCATED each, zeroed, stale TLB entries flushed. NULL: no memory or
 * d->max_pages reached.
 */
struct page_info *alloc_domain_pages(struct domain *d, unsigned int order, unsigned int flags);
/** free_domain_page: a frame without references, still a domain's or stolen, back to the allocator. */
void free_domain_page(struct page_info *pg);
struct frame_run {
	u32 first, nr;
};
#define FRAME_RUN_MAX	512u
/**
 * domain_take_idle: of the frames of @d's list from frame @n on, those that follow one another in memory and that only @d
 * holds, at most FRAME_RUN_MAX, leave the domain. Context: d->mm.lock held; another frame stays in the list.
 * Returns the frame of the list behind them.
 * free_frame_run: give them to the allocator; without the lock.
 */
u32 domain_take_idle(struct domain *d, u32 n, struct frame_run *run);
void free_frame_run(const struct frame_run *run);
/** domain_page_unlink: take @pg out of @d's list and count; takes d->mm.lock. */
void domain_page_unlink(struct domain *d, struct page_info *pg);
unsigned long mm_free_pages(void);

/* ---- references: mm/frame.c ---- */
/** get_page: count reference on a frame of @d. False when not @d's, free, or counter full. */
bool __must_check get_page(struct page_info *pg, const struct domain *d);
void put_page(struct page_info *pg);
/**
 * get_page_and_type: a count reference on a frame of @d and a type reference, one atomic in the
 * common case (type in use already); contents are validated when the type is a table's. -EINVAL:
 * not @d's, another type is in use, or contents are bad. -ERESTART: interrupted; nothing taken,
 * progress is kept in the page, call again. @preemptible false: never -ERESTART. Flushes TLBs when
 * the type changes and stale entries may exist.
 */
int __must_check get_page_and_type(struct page_info *pg, const struct domain *d, u64 type,
				   bool preemptible);
/**
 * put_page_and_type: drops both (always succeeds; a table whose last type reference goes is
 * devalidated). put_page_and_type_preemptible: 0, or -ERESTART: the references are gone from the
 * caller's books, but work is left that pv_finish_put() of the same vcpu continues.
 */
void put_page_and_type(struct page_info *pg);
int put_page_and_type_preemptible(struct page_info *pg);
/** put_writable: drops the type reference of a writable frame alone. */
void put_writable(struct page_info *pg);
/*
 * The common cases of the two, inline: the type is in use already and stays in use, the counters
 * are far from full. False: nothing happened, the general function decides.
 */
static inline bool get_page_and_type_fast(struct page_info *pg, u16 owner, u64 type)
{
	const u64 nearly_full = BIT(PG_COUNT_BITS - 1) | BIT(2 * PG_COUNT_BITS - 1);
	u64 old = READ_ONCE(pg->word);

	if (unlikely((old & (PG_TYPE_MASK | PG_VALIDATED | PG_BUSY | nearly_full)) !=
		     (type | PG_VALIDATED) || !(old & PG_TYPE_COUNT_MASK) ||
		     READ_ONCE(pg->owner) != owner ||
		     !try_cmpxchg(&pg->word, &old, old + PG_COUNT_ONE + PG_TYPE_COUNT_ONE)))
		return false;
	if (likely(READ_ONCE(pg->owner) == owner))
		return true;
	put_page_and_type(pg);
	return false;
}

/* PGT_WRITABLE also where the frame is in no use: there is nothing to check then, and nothing stale. */
static inline bool get_page_writable_fast(struct page_info *pg, u16 owner)
{
	const u64 nearly_full = BIT(PG_COUNT_BITS - 1) | BIT(2 * PG_COUNT_BITS - 1);
	const u64 writable = PGT_WRITABLE | PG_VALIDATED;
	u64 old = READ_ONCE(pg->word), role = old & (PG_TYPE_MASK | PG_VALIDATED | PG_BUSY | nearly_full);

	if (unlikely(role != writable || !(old & PG_TYPE_COUNT_MASK)) &&
	    ((role & ~writable) | (old & (PG_TYPE_COUNT_MASK | PG_NONCOHERENT)) || !(old & PG_COUNT_MASK) ||
	     ((role & PG_TYPE_MASK) && (role & PG_TYPE_MASK) != PGT_WRITABLE)))
		return false;
	if (unlikely(READ_ONCE(pg->owner) != owner ||
		     !try_cmpxchg(&pg->word, &old, (old | writable) + PG_COUNT_ONE + PG_TYPE_COUNT_ONE)))
		return false;
	if (likely(READ_ONCE(pg->owner) == owner))
		return true;
	put_page_and_type(pg);
	return false;
}

static inline bool get_page_fast(struct page_info *pg, u16 owner)
{
	u64 old = READ_ONCE(pg->word);

	if (unlikely(!(old & PG_COUNT_MASK) || old & BIT(PG_COUNT_BITS - 1) ||
		     !try_cmpxchg(&pg->word, &old, old + PG_COUNT_ONE)))
		return false;
	if (likely(READ_ONCE(pg->owner) == owner))
		return true;
	put_page(pg);
	return false;
}

static inline bool put_page_fast(struct page_info *pg)
{
	u64 old = READ_ONCE(pg->word);

	return likely((old & PG_COUNT_MASK) > PG_COUNT_ONE) && try_cmpxchg(&pg->word, &old, old - PG_COUNT_ONE);
}

static inline bool put_page_and_type_fast(struct page_info *pg)
{
	u64 old = READ_ONCE(pg->word);

	return likely((old & PG_TYPE_COUNT_MASK) > PG_TYPE_COUNT_ONE) &&
	       try_cmpxchg(&pg->word, &old, old - PG_COUNT_ONE - PG_TYPE_COUNT_ONE);
}
/** get_table: if @pg is a validated page table of @d, both references and its *@level; one atomic. */
bool __must_check get_table(struct page_info *pg, const struct domain *d, unsigned int *level);
/** page_drop_partial: unwind a kept (de)validation (teardown; wanting another type). 0/-ERESTART. */
int page_drop_partial(struct page_info *pg, bool preemptible);
/**
 * steal_page: take a frame of @d from it when the allocation reference is the only one; the frame
 * then has no owner and count 0. 0 or -EINVAL (XSA-287: it must have no type and no state).
 * assign_page: give such a frame to @d. -E2BIG, -EINVAL (dying).
 */
int steal_page(struct domain *d, struct page_info *pg);
int assign_page(struct domain *d, struct page_info *pg);
/** share_hyp_page: let @d map the hypervisor's page @p (shared_info, grant frames ...); rw or ro. */
void share_hyp_page(void *p, struct domain *d, bool writable);
/**
 * mm_claim: promise @d frames until it has @pages in all (0: no longer). 0, -EINVAL (it has a claim,
 * is dying, or may not have so many), -ENOMEM.
 */
int mm_claim(struct domain *d, unsigned long pages);
/** mm_domain_relinquish: free all frames of a dying domain; 0 or -ERESTART. */
int mm_domain_relinquish(struct domain *d);

/* ---- machine-to-phys ---- */
#define m2p			((unsigned long *)M2P_START)
#define INVALID_M2P_ENTRY	(~0UL)
static inline void set_m2p(mfn_t m, unsigned long pfn)
{
	m2p[mfn_x(m)] = pfn;
}
unsigned long m2p_entries(void);

/* ---- heap: mm/heap.c: lib_alloc/lib_free (sizes up to 1 page cheap, above: whole pages) ---- */

/* ---- mappings of the hypervisor: mm/map.c ---- */
/** ioremap: map device memory (uncached unless @cache_flags say otherwise); panics-free: NULL. */
void *ioremap(paddr_t pa, size_t size);
void *ioremap_flags(paddr_t pa, size_t size, u64 pte_flags);
void iounmap(void *va);
/** map_hyp_pages: enter 4 KiB mappings into the hypervisor's own tables. 0 or -ENOMEM. */
int map_hyp_pages(unsigned long va, mfn_t m, unsigned long nr, u64 pte_flags);
/** map_flags: of a mapping that isolated guests must not find in the TLB: without PTE_G then. */
u64 map_flags(u64 flags);
/** map_slot: @l4's entry for @va at @level, tables made if @create; NULL: no memory, none there, superpage. */
pte_t *map_slot(pte_t *l4, unsigned long va, unsigned int level, bool create);
/** desc_window_set: slot @page (0-31: GDT, LDT) of this CPU's window; flags 0 unmaps. No flush. */
void desc_window_set(unsigned int page, pte_t pte);
/**
 * pt_walk: walk the tables at @cr3 for @va as the CPU would; returns level (1-3) of the leaf and
 * its entry, 0 when not present. For debugging, instruction fetch and fault analysis.
 */
unsigned int pt_walk(paddr_t cr3, unsigned long va, pte_t *leaf);

/* ---- TLB: mm/tlb.c ---- */
extern u64 tlb_clock;			/* counts full flushes; stamps are read from it */
void tlb_flush_local(void);			/* all of this CPU's TLB, global entries too */
void tlb_flush_local_va(unsigned long va);
/** tlb_flushes: differs from what it was when this CPU has flushed everything since. */
u64 tlb_flushes(void);
/** tlb_load_cr3: CR3 := @cr3 with a full flush, counted like tlb_flush_local(). */
void tlb_load_cr3(paddr_t cr3);
/** tlb_flush_mask: flush CPUs in @mask (this one too when in it), @va or all when @va is ~0. Waits. */
#define TLB_ALL			(~0UL)
void tlb_flush_mask(const cpumask_t *mask, unsigned long va);
/** tlb_filter: clear from @mask the CPUs that have flushed since @stamp. */
void tlb_filter(cpumask_t *mask, u64 stamp);
/** cache_flush_page: write back and invalidate a frame's lines. */
void cache_flush_page(mfn_t m);

/* Per-domain memory state (struct domain embeds it as d->mm). */
struct mm_domain {
	spinlock_t lock;			/* page_list, counters */
	u32 first_page;				/* frame number, 0: none */
	u32 relinquishing;			/* teardown has come to this frame and holds a reference */
	bool undriven;				/* a table is PG_PARTIAL that no vcpu remembers: pv_defer_put() */
	unsigned long tot_pages, max_pages, outstanding;
	struct memory_map_entry *map;		/* of its memory, by the toolstack, or NULL; under d->lock */
	unsigned int nr_map;
};
void mm_domain_init(struct domain *d);

#endif

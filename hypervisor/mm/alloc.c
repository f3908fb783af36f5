/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frame allocator: a binary buddy system over the frame table.
 *
 * A free block of 2^order frames is represented by its first frame (free_head set, order, linked
 * into the list of its zone and order by frame number; frame 0 ends a list and is never free).
 * Every free frame has word 0 and owner DOMID_INVALID. There are two zones, below and above
 * 4 GiB, so that devices that need low memory are not starved by guests.
 */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

#define ZONE_SPLIT	(GB(4) >> PAGE_SHIFT)
#define CACHED_ORDERS	4
enum { ZONE_LOW, ZONE_HIGH, NR_ZONES };

static u32 free_list[NR_ZONES][MAX_ORDER + 1];
static unsigned long nr_free;
static DEFINE_SPINLOCK(alloc_lock);

static unsigned int zone_of(unsigned long n)
{
	return n < ZONE_SPLIT ? ZONE_LOW : ZONE_HIGH;
}

static void list_push(u32 *head, struct page_info *pg)
{
	unsigned long n = mfn_x(page_to_mfn(pg));

	pg->prev = 0;
	pg->next = *head;
	if (*head)
		frame_table[*head].prev = n;
	*head = n;
}

static void list_remove(u32 *head, struct page_info *pg)
{
	if (pg->prev)
		frame_table[pg->prev].next = pg->next;
	else
		*head = pg->next;
	if (pg->next)
		frame_table[pg->next].prev = pg->prev;
	pg->next = pg->prev = 0;
}

static void block_insert(unsigned long n, unsigned int order)
{
	struct page_info *pg = &frame_table[n];

	pg->free_head = 1;
	pg->order = order;
	list_push(&free_list[zone_of(n)][order], pg);
}

static void block_remove(struct page_info *pg)
{
	list_remove(&free_list[zone_of(mfn_x(page_to_mfn(pg)))][pg->order], pg);
	pg->free_head = 0;
}

/* alloc_lock held; frames are clean (word 0, no owner). Merges with free buddies as far as it goes. */
static void buddy_free(unsigned long n, unsigned int order)
{
	nr_free += 1UL << order;
	while (order < MAX_ORDER) {
		unsigned long buddy = n ^ (1UL << order);

		if (!mfn_valid(mfn(buddy)) || zone_of(buddy) != zone_of(n) ||
		    !frame_table[buddy].free_head || frame_table[buddy].order != order)
			break;
		block_remove(&frame_table[buddy]);
		n &= ~(1UL << order);
		order++;
	}
	block_insert(n, order);
}

/* alloc_lock held. */
static struct page_info *buddy_alloc(unsigned int zone, unsigned int order)
{
	unsigned int o;
	struct page_info *pg;

	for (o = order; o <= MAX_ORDER && !free_list[zone][o]; o++)
		;
	if (o > MAX_ORDER)
		return NULL;
	pg = &frame_table[free_list[zone][o]];
	block_remove(pg);
	while (o > order) {
		o--;
		block_insert(mfn_x(page_to_mfn(pg)) + (1UL << o), o);
	}
	nr_free -= 1UL << order;
	return pg;
}

static void free_block(struct page_info *pg, unsigned int order)
{
	unsigned long irq, i;

	for (i = 0; i < 1UL << order; i++) {
		pg[i].word = 0;
		pg[i].owner = DOMID_INVALID;
		pg[i].nr_validated = 0;
	}
	irq = spin_lock_irqsave(&alloc_lock);
	buddy_free(mfn_x(page_to_mfn(pg)), order);
	spin_unlock_irqrestore(&alloc_lock, irq);
}

/*
 * Nobody may reach the frames through a stale TLB entry any more, least of all when they become
 * the hypervisor's. False: with interrupts off other CPUs cannot be asked.
 */
static bool flush_stale(struct page_info *pg, unsigned int order)
{
	cpumask_t mask = cpu_online_mask;
	u64 newest = 0;

	for (unsigned long i = 0; i < 1UL << order; i++)
		newest = max(newest, pg[i].tlb_stamp);
	if (!newest)
		return true;
	tlb_filter(&mask, newest);
	if (cpumask_empty(&mask))
		return true;
	if (!irq_enabled() && cpumask_weight(&mask) > cpumask_test(&mask, smp_cpu()))
		return false;
	tlb_flush_mask(&mask, TLB_ALL);
	return true;
}

/* Nobody uses much of a large block soon. */
static void clear_block(void *p, unsigned int order)
{
	if (order < CACHED_ORDERS)
		memset(p, 0, (size_t)PAGE_SIZE << order);
	else
		fpu_clear(p, (size_t)PAGE_SIZE << order);
}

static struct page_info *alloc_block(unsigned int order, unsigned int flags)
{
	struct page_info *pg = NULL;
	unsigned long irq;

	if (order > MAX_ORDER)
		return NULL;
	irq = spin_lock_irqsave(&alloc_lock);
	if (!(flags & ALLOC_DMA32))
		pg = buddy_alloc(ZONE_HIGH, order);
	if (!pg)
		pg = buddy_alloc(ZONE_LOW, order);
	spin_unlock_irqrestore(&alloc_lock, irq);
	if (pg && !flush_stale(pg, order)) {
		free_block(pg, order);
		return NULL;
	}
	/* After the flush: zeroes that somebody can still write over are none. */
	if (pg && !(flags & ALLOC_NOZERO))
		clear_block(page_to_virt(pg), order);
	return pg;
}

void *alloc_hyp_pages(unsigned int order)
{
	struct page_info *pg = alloc_block(order, ALLOC_ANY);

	if (!pg)
		return NULL;
	for (unsigned long i = 0; i < 1UL << order; i++) {
		pg[i].owner = DOMID_XEN;
		pg[i].word = PG_HYP | PG_COUNT_ONE;
	}
	pg->order = order;
	return page_to_virt(pg);
}

void free_hyp_pages(void *p, unsigned int order)
{
	struct page_info *pg = virt_to_page(p);
	bool shared = false;

	if (!p)
		return;
	for (unsigned long i = 0; i < 1UL << order; i++)
		shared |= pg[i].owner != DOMID_XEN;
	if (likely(!shared)) {
		free_block(pg, order);
		return;
	}
	for (unsigned long i = 0; i < 1UL << order; i++) {
		/* No new reference, not by a domain that inherits the number either (XSA-322). */
		WRITE_ONCE(pg[i].owner, DOMID_INVALID);
		/* Where somebody still maps it, the last one who lets go frees it. */
		if (page_type_count(&pg[i]))
			put_page_and_type(&pg[i]);
		else
			put_page(&pg[i]);
	}
}

/*
 * Claims: frames promised to a domain that is being built. A claim shrinks as frames come, and
 * other domains do not get what is claimed; the hypervisor itself does.
 */
static unsigned long claimed;		/* sum of d->mm.outstanding */

int mm_claim(struct domain *d, unsigned long pages)
{
	int rc = 0;

	spin_lock(&d->mm.lock);
	pages -= min(pages, d->mm.tot_pages);
	if (pages && (d->state != DOMAIN_RUNNING || d->mm.outstanding || d->mm.tot_pages + pages > d->mm.max_pages))
		rc = -EINVAL;
	else if (pages && __atomic_add_fetch(&claimed, pages, __ATOMIC_SEQ_CST) > mm_free_pages()) {
		__atomic_sub_fetch(&claimed, pages, __ATOMIC_SEQ_CST);
		rc = -ENOMEM;
	} else {
		if (!pages)
			__atomic_sub_fetch(&claimed, d->mm.outstanding, __ATOMIC_SEQ_CST);
		d->mm.outstanding = pages;
	}
	spin_unlock(&d->mm.lock);
	return rc;
}

static bool claimed_by_others(const struct domain *d, unsigned int order)
{
	unsigned long others = READ_ONCE(claimed) - READ_ONCE(d->mm.outstanding);

	return unlikely(others) && mm_free_pages() < others + (1UL << order);
}

/*
 * @nr frames become @d's, or none: -E2BIG at max_pages, -EINVAL when it is dying. A domain with
 * frames holds a reference on itself.
 */
static int enter_pages(struct domain *d, struct page_info *pg, unsigned long nr)
{
	unsigned long claimed_now;
	int rc = 0;

	spin_lock(&d->mm.lock);
	if (d->state != DOMAIN_RUNNING)
		rc = -EINVAL;
	else if (d->mm.tot_pages + nr > d->mm.max_pages)
		rc = -E2BIG;
	else if (!d->mm.tot_pages)
		domain_hold(d);
	if (!rc) {
		d->mm.tot_pages += nr;
		claimed_now = min(nr, d->mm.outstanding);
		d->mm.outstanding -= claimed_now;
		__atomic_sub_fetch(&claimed, claimed_now, __ATOMIC_SEQ_CST);
	}
	while (!rc && nr--) {
		list_push(&d->mm.first_page, &pg[nr]);
		pg[nr].owner = d->id;
		pg[nr].tlb_stamp = 0;
		/* Partner of the owner check in get_page(): owner first, then the reference. */
		smp_wmb();
		WRITE_ONCE(pg[nr].word, PG_ALLOCATED | PG_COUNT_ONE);
	}
	spin_unlock(&d->mm.lock);
	return rc;
}

int assign_page(struct domain *d, struct page_info *pg)
{
	flush_stale(pg, 0);
	return enter_pages(d, pg, 1);
}

void domain_page_unlink(struct domain *d, struct page_info *pg)
{
	bool last;

	spin_lock(&d->mm.lock);
	list_remove(&d->mm.first_page, pg);
	last = --d->mm.tot_pages == 0;
	spin_unlock(&d->mm.lock);
	if (last)
		domain_put(d);
}

struct page_info *alloc_domain_pages(struct domain *d, unsigned int order, unsigned int flags)
{
	struct page_info *pg = claimed_by_others(d, order) ? NULL : alloc_block(order, flags);

	if (pg && enter_pages(d, pg, 1UL << order)) {
		free_block(pg, order);
		return NULL;
	}
	return pg;
}

void free_domain_page(struct page_info *pg)
{
	ASSERT(page_count(pg) == 0 && page_type_count(pg) == 0);
	if (pg->word & PG_NONCOHERENT)
		cache_flush_page(page_to_mfn(pg));
	if (likely(pg->owner != DOMID_INVALID))
		domain_page_unlink(domain_find(pg->owner), pg);
	pg->tlb_stamp = READ_ONCE(tlb_clock);
	free_block(pg, 0);
}

/* [n, last) in the largest aligned blocks. */
static void free_frames(unsigned long n, unsigned long last)
{
	while (n < last) {
		unsigned int order = min_t(unsigned int, MAX_ORDER, __builtin_ctzl(n));

		while (n + (1UL << order) > last)
			order--;
		free_block(&frame_table[n], order);
		n += 1UL << order;
	}
}

/* From count 0 on nobody gets a reference. What needs more than that, put_page() sees to. */
static bool take_idle(struct page_info *pg)
{
	u64 old = READ_ONCE(pg->word);

	return (old & (PG_COUNT_MASK | PG_TYPE_COUNT_MASK | PG_PINNED | PG_PARTIAL | PG_BUSY | PG_HYP | PG_ALLOCATED |
		       PG_NONCOHERENT)) == (PG_ALLOCATED | PG_COUNT_ONE) && try_cmpxchg(&pg->word, &old, 0);
}

u32 domain_take_idle(struct domain *d, u32 n, struct frame_run *run)
{
	*run = (struct frame_run){ .first = n };
	while (n && n == run->first + run->nr && run->nr < FRAME_RUN_MAX && take_idle(&frame_table[n])) {
		u32 next = frame_table[n].next;

		list_remove(&d->mm.first_page, &frame_table[n]);
		set_m2p(mfn(n), INVALID_M2P_ENTRY);
		run->nr++;
		n = next;
	}
	d->mm.tot_pages -= run->nr;
	ASSERT(d->mm.tot_pages);
	return n;
}

void free_frame_run(const struct frame_run *run)
{
	u64 now = READ_ONCE(tlb_clock);

	for (u32 i = 0; i < run->nr; i++)
		frame_table[run->first + i].tlb_stamp = now;
	free_frames(run->first, run->first + run->nr);
}

unsigned long mm_free_pages(void)
{
	return READ_ONCE(nr_free);
}

/* Frame 0 means "none". */
void mm_boot_release(paddr_t start, paddr_t end)
{
	free_frames(max(start >> PAGE_SHIFT, 1UL), end >> PAGE_SHIFT);
}

void mm_domain_init(struct domain *d)
{
	spin_lock_init(&d->mm.lock);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * References and types of frames (mm.h draws the word they live in).
 *
 * A frame's type can change only while nobody holds a type reference. For a page table the first
 * reference means validating 512 entries and the last one dropping them again; both may be
 * interrupted, since each entry can drag a tree of tables with it. States of a table frame:
 *
 *              get: validate all              put: last one
 *    (none) ---> BUSY --------------> VALIDATED ----------> BUSY ---> (none)
 *                 ^ | interrupted                    interrupted | ^
 *                 | +----------------> PARTIAL <-----------------+ |
 *                 +-- get again --------+  +-- page_drop_partial --+
 *
 * BUSY: one CPU works on the entries, others wait (tables are strictly layered, so waiting cannot
 * go in circles). PARTIAL: nobody works; entries 0..nr_validated-1 hold references and the state
 * itself owns one type and one count reference, so nobody else has to remember anything: whoever
 * wants the same type carries on, whoever wants another one, and teardown, unwinds (XSA-299,
 * XSA-310). There is exactly one place that drops the last type reference (XSA-242).
 */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include <xenolith/mm.h>

static bool is_table(u64 type)
{
	return type >= PGT_L1 && type <= PGT_L4;
}

/* Somebody holds the frame, and the counter has room: for this reference and PARTIAL's own. */
static bool may_count(u64 word)
{
	return (word & PG_COUNT_MASK) - 1 < PG_COUNT_MASK - 2;
}

bool get_page(struct page_info *pg, const struct domain *d)
{
	u64 old = READ_ONCE(pg->word);

	do {
		if (unlikely(!may_count(old) || READ_ONCE(pg->owner) != d->id))
			return false;
	} while (unlikely(!try_cmpxchg(&pg->word, &old, old + PG_COUNT_ONE)));
	/* The frame may have changed hands between the look at its owner and the reference. */
	if (likely(READ_ONCE(pg->owner) == d->id))
		return true;
	put_page(pg);
	return false;
}

void put_page(struct page_info *pg)
{
	u64 now = __atomic_sub_fetch(&pg->word, PG_COUNT_ONE, __ATOMIC_SEQ_CST);

	ASSERT((now & PG_COUNT_MASK) != PG_COUNT_MASK);
	if (unlikely(!(now & PG_COUNT_MASK)))
		free_domain_page(pg);
}

/* Nobody may keep using the frame in its old role through a stale TLB or paging-structure entry
 * (XSA-286, XSA-408), nor change it by a write that bypassed the cache (XSA-402). */
static void flush_old_role(struct page_info *pg, u64 old)
{
	const struct domain *d = domain_find(pg->owner);
	cpumask_t mask;

	if ((old & PG_TYPE_MASK) != PGT_NONE) {
		mask = old & PG_FOREIGN || !d ? cpu_online_mask : d->dirty_cpus;
		tlb_filter(&mask, pg->tlb_stamp);
		if (!cpumask_empty(&mask))
			tlb_flush_mask(&mask, TLB_ALL);
	}
	if (old & PG_NONCOHERENT)
		cache_flush_page(page_to_mfn(pg));
}

/* We own BUSY, nobody else changes flags but holders of references: @set a flag, @add to counters. */
static void busy_done(struct page_info *pg, u64 set, long add)
{
	u64 old = READ_ONCE(pg->word);

	while (!try_cmpxchg(&pg->word, &old, ((old & ~PG_BUSY) | set) + add))
		;
}

/* We own BUSY and one type reference: make the contents conform, settle the state. */
static int validate(struct page_info *pg, u64 type, bool preemptible, bool resumed)
{
	int rc;

	rc = is_table(type) ? pv_validate_table(pg, PGT_LEVEL(type), preemptible) :
	     type == PGT_SEG_DESC ? pv_validate_descriptor_page(pg) : 0;
	if (rc == 0) {
		/* Resumed: the state's count reference goes, its type reference is now the caller's. */
		busy_done(pg, PG_VALIDATED, resumed ? -(long)PG_COUNT_ONE : 0);
		return 0;
	}
	if (rc != -ERESTART && pg->nr_validated && !preemptible)
		pv_devalidate_table(pg, PGT_LEVEL(type), false);
	if (pg->nr_validated) {
		/* A refused table unwinds later, interruptibly: the guest has its answer already. */
		busy_done(pg, PG_PARTIAL, resumed ? 0 : PG_COUNT_ONE);
		if (rc != -ERESTART)
			pv_defer_put(pg);
		return rc;
	}
	/* The type stays noted: it may have been in use before it was resumed, so that a flush is due. */
	pg->tlb_stamp = READ_ONCE(tlb_clock);
	busy_done(pg, 0, -(long)PG_TYPE_COUNT_ONE - (resumed ? (long)PG_COUNT_ONE : 0));
	return rc;
}

/* First reference of a type. 1: try again from *@old. */
static int take_type(struct page_info *pg, u64 *old, u64 type, bool preemptible)
{
	u64 was = *old, base = (was & ~(PG_TYPE_MASK | PG_VALIDATED)) | type;
	bool same = (was & PG_TYPE_MASK) == type;

	/* Nothing to check and nothing stale: the common way a data page becomes writable. */
	if (type == PGT_WRITABLE && (same || !(was & (PG_TYPE_MASK | PG_NONCOHERENT))))
		return try_cmpxchg(&pg->word, old, (base | PG_VALIDATED) + PG_TYPE_COUNT_ONE) ? 0 : 1;
	if (!try_cmpxchg(&pg->word, old, (base | PG_BUSY) + PG_TYPE_COUNT_ONE))
		return 1;
	pg->nr_validated = 0;
	if (!same)
		flush_old_role(pg, was);
	return validate(pg, type, preemptible, false);
}

/*
 * The caller holds a count reference. 0: type reference taken, contents validated. -EINVAL: another
 * type is in use, or contents are bad. -ERESTART: interrupted; progress is kept in the page.
 */
static int get_type(struct page_info *pg, u64 type, bool preemptible)
{
	u64 old = READ_ONCE(pg->word);
	int rc;

	for (;;) {
		u64 count = old & PG_TYPE_COUNT_MASK;
		bool same = (old & PG_TYPE_MASK) == type;

		if (unlikely(old & PG_BUSY)) {
			/*
			 * Who waits for another role may be waited for: L1 with a writable L4, say, or
			 * by itself: an L2 that contains itself. It is in use, whatever comes of it.
			 */
			if (!same)
				return -EINVAL;
			cpu_relax();
			old = READ_ONCE(pg->word);
		} else if (unlikely(old & PG_PARTIAL) && same) {
			if (try_cmpxchg(&pg->word, &old, (old & ~PG_PARTIAL) | PG_BUSY))
				return validate(pg, type, preemptible, true);
		} else if (unlikely(old & PG_PARTIAL)) {
			/* Any number of tables may hang below (XSA-290). */
			rc = preemptible ? page_drop_partial(pg, true) : -EINVAL;
			if (rc)
				return rc;
			old = READ_ONCE(pg->word);
		} else if (!count) {
			rc = take_type(pg, &old, type, preemptible);
			if (rc <= 0)
				return rc;
		} else if (!same || count == PG_TYPE_COUNT_MASK) {
			return -EINVAL;
		} else if (try_cmpxchg(&pg->word, &old, old + PG_TYPE_COUNT_ONE)) {
			return 0;
		}
	}
}

/* We own BUSY over a table whose last type reference is going. @drop: counters to take off when done. */
static int devalidate(struct page_info *pg, u64 type, bool preemptible, long keep, long drop)
{
	if (pv_devalidate_table(pg, PGT_LEVEL(type), preemptible) == -ERESTART) {
		busy_done(pg, PG_PARTIAL, keep);
		return -ERESTART;
	}
	pg->tlb_stamp = READ_ONCE(tlb_clock);
	busy_done(pg, 0, drop);
	return 0;
}

/*
 * The last type reference goes. BUSY, so that no other CPU can take and drop a reference of the
 * same type between our look at the clock and the end of ours: its use would be later than the stamp.
 */
static bool begin_last(struct page_info *pg, u64 *old)
{
	if (!try_cmpxchg(&pg->word, old, (*old & ~PG_VALIDATED) | PG_BUSY))
		return false;
	pg->tlb_stamp = READ_ONCE(tlb_clock);
	return true;
}

static int put_type(struct page_info *pg, bool preemptible)
{
	u64 old = READ_ONCE(pg->word);

	for (;;) {
		u64 type = old & PG_TYPE_MASK;

		ASSERT(old & PG_TYPE_COUNT_MASK);
		if ((old & PG_TYPE_COUNT_MASK) != PG_TYPE_COUNT_ONE) {
			if (try_cmpxchg(&pg->word, &old, old - PG_TYPE_COUNT_ONE))
				return 0;
		} else if (begin_last(pg, &old)) {
			if (!is_table(type)) {
				busy_done(pg, 0, -(long)PG_TYPE_COUNT_ONE);
				return 0;
			}
			pg->nr_validated = PT_ENTRIES;
			return devalidate(pg, type, preemptible, PG_COUNT_ONE,
					  -(long)PG_TYPE_COUNT_ONE);
		}
	}
}

int page_drop_partial(struct page_info *pg, bool preemptible)
{
	u64 old = READ_ONCE(pg->word);
	int rc;

	do {
		if (!(old & PG_PARTIAL))
			return 0;
	} while (!try_cmpxchg(&pg->word, &old, (old & ~PG_PARTIAL) | PG_BUSY));
	/* Keep the count reference until the frame is not touched any more. */
	rc = devalidate(pg, old & PG_TYPE_MASK, preemptible, 0, -(long)PG_TYPE_COUNT_ONE);
	if (!rc)
		put_page(pg);
	return rc;
}

int get_page_and_type(struct page_info *pg, const struct domain *d, u64 type, bool preemptible)
{
	u64 old = READ_ONCE(pg->word), new;
	u64 tcount = old & PG_TYPE_COUNT_MASK;
	int rc;

	if (unlikely(READ_ONCE(pg->owner) != d->id || !may_count(old)))
		return -EINVAL;
	if (likely((old & (PG_TYPE_MASK | PG_VALIDATED)) == (type | PG_VALIDATED) &&
		   tcount && tcount != PG_TYPE_COUNT_MASK)) {
		new = old;
	} else if (type == PGT_WRITABLE && !tcount && !(old & (PG_BUSY | PG_NONCOHERENT)) &&
		   ((old & PG_TYPE_MASK) == PGT_WRITABLE || !(old & PG_TYPE_MASK))) {
		new = old | PGT_WRITABLE | PG_VALIDATED;
	} else {
		goto slow;
	}
	if (likely(try_cmpxchg(&pg->word, &old, new + PG_COUNT_ONE + PG_TYPE_COUNT_ONE))) {
		if (likely(READ_ONCE(pg->owner) == d->id))
			return 0;
		put_page_and_type(pg);
		return -EINVAL;
	}
slow:
	if (!get_page(pg, d))
		return -EINVAL;
	rc = get_type(pg, type, preemptible);
	if (rc)
		put_page(pg);
	return rc;
}

/* Drop both, unless that would be the last type reference of a table: then false. */
static bool put_both(struct page_info *pg)
{
	u64 old = READ_ONCE(pg->word), new;

	for (;;) {
		if ((old & PG_TYPE_COUNT_MASK) != PG_TYPE_COUNT_ONE) {
			new = old - PG_COUNT_ONE - PG_TYPE_COUNT_ONE;
			if (likely(try_cmpxchg(&pg->word, &old, new)))
				break;
		} else if (unlikely(is_table(old & PG_TYPE_MASK))) {
			return false;
		} else if (likely(begin_last(pg, &old))) {
			new = __atomic_sub_fetch(&pg->word, PG_BUSY + PG_COUNT_ONE + PG_TYPE_COUNT_ONE,
						 __ATOMIC_SEQ_CST);
			break;
		}
	}
	if (unlikely(!(new & PG_COUNT_MASK)))
		free_domain_page(pg);
	return true;
}

static int put_page_and_type_rc(struct page_info *pg, bool preemptible)
{
	int rc;

	if (likely(put_both(pg)))
		return 0;
	rc = put_type(pg, preemptible);
	if (rc)
		pv_defer_put(pg);
	put_page(pg);
	return rc;
}

void put_writable(struct page_info *pg)
{
	put_type(pg, false);
}

void put_page_and_type(struct page_info *pg)
{
	put_page_and_type_rc(pg, false);
}

int put_page_and_type_preemptible(struct page_info *pg)
{
	return put_page_and_type_rc(pg, true);
}

bool get_table(struct page_info *pg, const struct domain *d, unsigned int *level)
{
	u64 old = READ_ONCE(pg->word);

	do {
		if ((old & (PG_VALIDATED | PG_BUSY)) != PG_VALIDATED || !is_table(old & PG_TYPE_MASK) ||
		    !(old & PG_TYPE_COUNT_MASK) || READ_ONCE(pg->owner) != d->id ||
		    !may_count(old) || (old & PG_TYPE_COUNT_MASK) == PG_TYPE_COUNT_MASK)
			return false;
	} while (!try_cmpxchg(&pg->word, &old, old + PG_COUNT_ONE + PG_TYPE_COUNT_ONE));
	*level = PGT_LEVEL(old & PG_TYPE_MASK);
	if (likely(READ_ONCE(pg->owner) == d->id))
		return true;
	put_page_and_type(pg);
	return false;
}

int steal_page(struct domain *d, struct page_info *pg)
{
	u64 old;

	/* While we hold it, it stays @d's. */
	if (!get_page(pg, d))
		return -EINVAL;
	old = READ_ONCE(pg->word);
	/* Count 0: from here on nobody can take a reference (XSA-287: no type, no state besides). */
	do {
		if ((old & (PG_COUNT_MASK | PG_TYPE_COUNT_MASK | PG_PINNED | PG_PARTIAL | PG_BUSY |
			    PG_HYP | PG_ALLOCATED)) != (PG_ALLOCATED | 2 * PG_COUNT_ONE)) {
			put_page(pg);
			return -EINVAL;
		}
	} while (!try_cmpxchg(&pg->word, &old, 0));
	if (old & PG_NONCOHERENT)
		cache_flush_page(page_to_mfn(pg));
	domain_page_unlink(d, pg);
	pg->owner = DOMID_INVALID;
	/* Read-only mappings left no stamp; the next owner's secrets are not for their stale entries. */
	pg->tlb_stamp = READ_ONCE(tlb_clock);
	return 0;
}

void share_hyp_page(void *p, struct domain *d, bool writable)
{
	struct page_info *pg = virt_to_page(p);

	/* Nobody gets a reference before ours stand there; a read-only page keeps type "none" busy. */
	WRITE_ONCE(pg->word, PG_HYP);
	smp_wmb();
	pg->owner = d->id;
	set_m2p(page_to_mfn(pg), INVALID_M2P_ENTRY);
	smp_wmb();
	WRITE_ONCE(pg->word, PG_HYP | PG_COUNT_ONE | PG_TYPE_COUNT_ONE | PG_VALIDATED |
		   (writable ? PGT_WRITABLE : PGT_NONE));
}

/* Take the domain's own hold off a frame: pin, kept work, allocation. 0 or -ERESTART. */
static int relinquish_page(struct page_info *pg)
{
	int rc = 0;

	if (__atomic_fetch_and(&pg->word, ~PG_PINNED, __ATOMIC_SEQ_CST) & PG_PINNED)
		rc = put_page_and_type_preemptible(pg);
	if (!rc)
		rc = page_drop_partial(pg, true);
	if (rc)
		return rc;
	set_m2p(page_to_mfn(pg), INVALID_M2P_ENTRY);
	if (__atomic_fetch_and(&pg->word, ~PG_ALLOCATED, __ATOMIC_SEQ_CST) & PG_ALLOCATED)
		put_page(pg);
	return 0;
}

/* Go on with the first frame at or behind @n of @d's list that can still be referenced. */
static void relinquish_from(struct domain *d, u32 n)
{
	while (n && !get_page(&frame_table[n], d))
		n = frame_table[n].next;
	d->mm.relinquishing = n;
}

/*
 * Our reference keeps d->mm.relinquishing in the list, between two calls too; others' references
 * may keep it longer. Most frames behind it are nobody's but the domain's, and go many at a time.
 */
int mm_domain_relinquish(struct domain *d)
{
	int rc = pv_finish_put(current);
	struct frame_run run;

	spin_lock(&d->mm.lock);
	if (!rc && !d->mm.relinquishing) {
		WRITE_ONCE(d->mm.undriven, false);
		relinquish_from(d, d->mm.first_page);
	}
	spin_unlock(&d->mm.lock);
	for (unsigned int done = 0; !rc && d->mm.relinquishing; ) {
		struct page_info *pg = &frame_table[d->mm.relinquishing];

		rc = relinquish_page(pg);
		if (rc)
			break;
		spin_lock(&d->mm.lock);
		relinquish_from(d, domain_take_idle(d, pg->next, &run));
		spin_unlock(&d->mm.lock);
		put_page(pg);
		free_frame_run(&run);
		done += 1 + run.nr;
		if (d->mm.relinquishing && done >= 64) {
			rc = hypercall_preempt() ? -ERESTART : 0;
			done = 0;
		}
	}
	/* Subtrees whose unwinding was put off lie behind us in the list; those that nobody remembers are looked for there. */
	rc = rc ?: pv_finish_put(current);
	return rc ?: READ_ONCE(d->mm.undriven) ? -ERESTART : 0;
}

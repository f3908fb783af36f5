// SPDX-License-Identifier: GPL-2.0-only
// CFLAGS: -DDEBUG -fno-sanitize=pointer-overflow
/*
 * What may stand in a page table, entry by entry and bit by bit, and the corners of validation
 * that random walks (test-frame.c) meet too seldom: each test names what it guards against.
 */
#include "frames.h"
#include <unistd.h>

/* A tree of domain A: one table a level, data frames, all by number. */
static unsigned int l[5], data[40];
static unsigned int fails;

static unsigned int fresh(struct domain *d)
{
	struct page_info *pg = alloc_domain_pages(d, 0, ALLOC_ANY);

	BUG_ON(!pg);
	check_machine();
	return mfn_x(page_to_mfn(pg));
}

static pte_t to(unsigned int n, u64 flags)
{
	return pte_make(mfn(n), flags | PTE_P);
}

static long do_pin(unsigned int n, unsigned int level)
{
	return mmuext(MMUEXT_PIN_L1_TABLE + level - 1, n, 0, ~0u);
}

#define W	(PTE_RW | PTE_US)

static void setup(void)
{
	host_machine(7);
	host_late_one_in = ~0u;		/* late writes are for the random walk */
	for (unsigned int i = 0; i < ARRAY_SIZE(data); i++)
		data[i] = fresh(host_a);
	for (unsigned int i = 1; i <= 4; i++)
		l[i] = fresh(host_a);
	for (unsigned int i = 2; i <= 4; i++)
		update1(l[i], 0, to(l[i - 1], W));
	check_machine();
	BUG_ON(do_pin(l[4], 4));
	check_machine();
}

static void teardown(const char *what)
{
	host_preempt_one_in = 0;
	run_on(&host_vcpu[2]);
	kill_domain(host_a, &host_vcpu[2]);
	kill_domain(host_b, &host_vcpu[2]);
	check_machine();
	check(mm_free_pages() == FRAMES - IO_FRAMES - 1 && host_failures == fails, "%s: nothing is left", what);
	fails = host_failures;
}

/* ---- bits ---- */

#define SOFTWARE_BITS	(PTE_AVAIL | 0x7feUL << 52)	/* ignored by the CPU without protection keys */
#define L1_BITS		(PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D | PTE_G | SOFTWARE_BITS | PTE_GUEST_KERNEL | PTE_NX)
#define TABLE_BITS	(PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D | SOFTWARE_BITS | PTE_GUEST_KERNEL | PTE_NX)

/* Each bit once in a new entry, once as a change of a good one (the fast path), once by validation. */
static void test_bits(void)
{
	for (unsigned int level = 1; level <= 4; level++) {
		u64 allowed = level == 1 ? L1_BITS : TABLE_BITS;
		unsigned int other = fresh(host_a), child = level > 1 ? l[level - 1] : data[0], wrong = 0;

		for (unsigned int bit = 1; bit < 64; bit++) {
			bool ok = allowed & BIT(bit);
			pte_t e = to(child, W | BIT(bit));

			if (BIT(bit) & PTE_ADDR && bit < x86.phys_bits)
				continue;
			update1(l[level], 16, 0);
			wrong += (update1(l[level], 16, e) == 0) != ok;
			update1(l[level], 16, to(child, W));
			wrong += (update1(l[level], 16, e) == 0) != ok;
			wrong += (update1(l[level], 16, to(child, (W ^ PTE_RW) | BIT(bit))) == 0) != ok;
			update1(l[level], 16, 0);
			mmuext(MMUEXT_CLEAR_PAGE, other, 0, ~0u);
			update1(other, 16, e);
			wrong += (do_pin(other, level) == 0) != ok;
			mmuext(MMUEXT_UNPIN_TABLE, other, 0, ~0u);
			check_machine();
		}
		check(!wrong, "level %u: every bit that is not the guest's is refused on each path (XSA-148, 182)", level);
	}
}

static void test_harmless(void)
{
	pte_t *slot = &table(l[1])[3];

	update1(l[1], 3, to(data[0], W));
	check(*slot == to(data[0], W | PTE_G), "user entries are global, as the guest kernel runs in ring 3");
	update1(l[1], 3, to(data[0], PTE_RW));
	check(*slot == to(data[0], W | PTE_GUEST_KERNEL), "kernel entries are not, and say so");
	*slot |= PTE_A | PTE_D;
	struct mmu_update req = { .ptr = (l[1] * 4096UL + 24) | MMU_PT_UPDATE_PRESERVE_AD, .val = to(data[0], PTE_US) };
	check(mmu_update(&req, 1, DOMID_SELF, ~0u) == 0 && *slot == to(data[0], PTE_US | PTE_G | PTE_A | PTE_D),
	      "accessed and dirty survive where that was asked");
	check(!page_type_count(&frame_table[data[0]]) && page_count(&frame_table[data[0]]) == 2,
	      "without the right to write only a count remains");
	req.ptr = l[1] * 4096UL + 28;
	check(mmu_update(&req, 1, DOMID_SELF, ~0u) < 0, "entries are aligned");
	for (unsigned int s = HYP_FIRST_SLOT; s <= HYP_LAST_SLOT; s++)
		fails += update1(l[4], s, 0) != -EINVAL || update1(l[4], s, to(l[3], W)) != -EINVAL;
	check(!fails && !update1(l[4], HYP_FIRST_SLOT - 1, to(l[3], W)) && !update1(l[4], HYP_LAST_SLOT + 1, to(l[3], W)),
	      "the hypervisor's slots, all of them and no others, are out of reach");
	check_machine();
}

static void test_levels(void)
{
	unsigned int bad = 0;

	for (unsigned int level = 1; level <= 4; level++) {
		for (unsigned int child = 0; child <= 4; child++) {
			unsigned int n = child ? l[child] : data[1];
			bool fits = child == level - 1 || !child;	/* an empty frame becomes any table */

			bad += (update1(l[level], 32, to(n, W)) == 0) != fits;
			update1(l[level], 32, 0);
			bad += (update1(l[level], 32, to(n, PTE_US)) == 0) != (fits || level == 1);
			update1(l[level], 32, 0);
		}
		/* XSA-240: a table never refers to its own level, itself least of all. */
		bad += level > 1 && update1(l[level], 32, to(l[level], PTE_US)) == 0;
		bad += update1(l[level], 32, to(FRAMES - 1, W)) == 0;
		bad += update1(l[level], 32, to(FRAMES + 5, W)) == 0;
		bad += update1(l[level], 32, to(0, W)) == 0;
	}
	check(!bad, "tables lead one level down, tables are never mapped writable");
	check_machine();
}

/* ---- devices, caching, other domains ---- */

static void test_devices(void)
{
	unsigned int t = fresh(host_b);

	run_on(&host_vcpu[2]);
	check(do_pin(t, 1) == 0 && update1(t, 0, to(FRAMES - 2, W | PTE_PCD)) == 0 && update1(t, 1, to(FRAMES + 99, W)) == 0,
	      "who may drive devices maps them, in the frame table or beyond");
	check(frame_table[FRAMES - 2].word == 0, "which nobody counts");
	check(update1(t, 1, to(FRAMES + 99, PTE_US)) == 0, "rights over them change freely");
	check_machine();
}

static void test_caching(void)
{
	unsigned int t = fresh(host_b), n = fresh(host_b), before;

	check(update1(l[1], 40, to(data[2], W | PTE_PCD)) == -EINVAL, "a plain guest does not choose caching (XSA-402)");
	run_on(&host_vcpu[2]);
	check(do_pin(t, 1) == 0 && update1(t, 5, to(n, W | PTE_PWT)) == 0 && frame_table[n].word & PG_NONCOHERENT,
	      "where devices are driven it is remembered");
	check(update1(t, 5, to(n, W)) == 0 && update1(t, 5, 0) == 0 && frame_table[n].word & PG_NONCOHERENT,
	      "also after the mapping went");
	before = host_cache_flushes;
	check(do_pin(n, 1) == 0 && host_cache_flushes == before + 1, "lines are written back before such a frame is a table");
	check_machine();
}

/* A writer of another domain, whose CPU the owner's flushes do not reach. */
static void test_foreign(void)
{
	struct mmu_update req;
	unsigned int t = fresh(host_b), n = data[3];

	check(mmu_update(&(struct mmu_update){ .ptr = l[1] * 4096UL, .val = 0 }, 1, 2, ~0u) == -EPERM,
	      "others' frames are for the privileged");
	run_on(&host_vcpu[2]);
	do_pin(t, 1);
	req = (struct mmu_update){ .ptr = t * 4096UL, .val = to(n, W) };
	check(mmu_update(&req, 1, DOMID_SELF, ~0u) == -EINVAL && mmu_update(&req, 1, 1, ~0u) == 0,
	      "a foreign frame is mapped when its owner is named");
	check_machine();
	check(update1(t, 0, to(n, PTE_US)) == -EINVAL && mmu_update(&(struct mmu_update){ .ptr = t * 4096UL,
	      .val = to(n, PTE_US) }, 1, 1, ~0u) == 0 && update1(t, 0, to(n, W)) == -EINVAL,
	      "nor does the right to write change without that");
	update1(t, 0, 0);
	run_on(&host_vcpu[0]);
	check(do_pin(n, 1) == 0, "then its owner makes it a table");
	check_machine();
	check(host_failures == fails, "and the foreign CPU was flushed (XSA-286, 408)");
}

static void test_change_of_owner(void)
{
	unsigned int n = data[4];
	struct page_info *pg = &frame_table[n];

	update1(l[1], 50, to(n, PTE_US));
	check(steal_page(host_a, pg) == -EINVAL && page_count(pg) == 2, "a frame somebody looks at stays");
	check_machine();
	update1(l[1], 50, 0);
	check(steal_page(host_b, pg) == -EINVAL && steal_page(host_a, pg) == 0 && assign_page(host_b, pg) == 0,
	      "afterwards it goes to another domain");
	check_machine();
	check(host_failures == fails, "whose secrets no old read-only entry shows");
	host_b->state = DOMAIN_DYING;
	check(steal_page(host_b, pg) == 0 && assign_page(host_b, pg) == -EINVAL, "a dying domain gets nothing");
	host_b->state = DOMAIN_RUNNING;
	host_b->mm.max_pages = host_b->mm.tot_pages;
	check(assign_page(host_b, pg) == -E2BIG, "nor does a full one");
	free_domain_page(pg);
	check_machine();
}

/* ---- interruption ---- */

/* An L3 with @nr tables of its own below. */
static unsigned int wide_l3(unsigned int nr)
{
	unsigned int l3 = fresh(host_a);

	for (unsigned int i = 0; i < nr; i++)
		update1(l3, i, to(data[i], W));
	return l3;
}

static void test_half_dropped(void)
{
	unsigned int l3 = wide_l3(40), calls = 0;
	struct page_info *pg = &frame_table[l3];
	pte_t e;
	long rc;

	host_preempt_one_in = 1;
	run_on(&host_vcpu[0]);
	for (unsigned int i = 0; i < 2; i++)
		rc = finish_call(mmuext(MMUEXT_PIN_L3_TABLE, l3, 0, 0), 0);
	check(rc == -ERESTART && pg->word & PG_PARTIAL && page_type_count(pg) == 1, "a pin is given up half-way");
	check_machine();
	run_on(&host_vcpu[1]);
	check(get_page_and_type(pg, host_a, PGT_WRITABLE, false) == -EINVAL && pg->word & PG_PARTIAL,
	      "who cannot be interrupted does not take it apart (XSA-290)");
	e = to(l3, W);
	rc = update1(l[1], 60, e);
	check(rc == 0 && !(pg->word & PG_PARTIAL) && type_of(l3) == PGT_WRITABLE, "another vcpu maps it writable, in steps");
	check_machine();
	update1(l[1], 60, 0);
	host_preempt_one_in = 0;
	check(do_pin(l3, 3) == 0, "and it can be a table again");
	check_machine();
	host_preempt_one_in = 1;
	for (unsigned int i = 0; i < 3; i++)
		host_vcpu[1].pv.deferred[i] = &frame_table[1];
	e = page_count(pg);
	check(mmuext(MMUEXT_NEW_BASEPTR, data[39], 0, 0) != 0, "finish what was deferred");
	run_on(&host_vcpu[1]);
	for (unsigned int i = 0; i < 3; i++)
		host_vcpu[1].pv.deferred[i] = &frame_table[data[0]];
	host_vcpu[1].pv.nr_deferred = 3;
	pg->word &= ~PG_PINNED;
	check(put_page_and_type_preemptible(pg) == -ERESTART && pg->word & PG_PARTIAL && pg->nr_validated == 24,
	      "with no room to remember it the work still stops in time");
	check_machine();
	for (calls = 0; get_page_and_type(pg, host_a, PGT_WRITABLE, true) == -ERESTART; calls++)
		check_machine();
	put_page_and_type(pg);
	check(calls == 1 && !page_type_count(pg), "and whoever wants the frame finishes it");
}

/* Interrupted on the way down, up again, and then refused: it still was a table once. */
static void test_refused_again(void)
{
	unsigned int l3 = wide_l3(40), calls;
	struct page_info *pg = &frame_table[l3];

	host_preempt_one_in = 0;
	do_pin(l3, 3);
	check_machine();
	host_preempt_one_in = 1;
	mmuext(MMUEXT_UNPIN_TABLE, l3, 0, ~0u);
	check(pg->word & PG_PARTIAL && pg->nr_validated == 24, "unpinning was interrupted");
	host_vcpu[0].pv.deferred[0] = NULL;
	host_vcpu[0].pv.nr_deferred = 0;
	host_preempt_one_in = 0;
	update1(l[1], 70, to(data[30], W));		/* a former L2 of it */
	check(do_pin(l3, 3) == -EINVAL, "what was dropped is looked at again (XSA-299)");
	check_machine();
	for (calls = 0; pv_finish_put(current); calls++)
		;
	check(!(pg->word & PG_PARTIAL) && !page_type_count(pg), "the refused table comes apart");
	check_machine();
	update1(l[1], 71, to(l3, W));
	check_machine();
	check(host_failures == fails, "no CPU walks it any more when it becomes writable (XSA-286)");
}

/* ---- two CPUs ---- */

static void test_busy(void)
{
	unsigned int l4 = fresh(host_a);
	struct page_info *pg = &frame_table[l4];

	/* Another CPU validates it as L4, and may wait for an L1 table that we work on. */
	pg->word |= PGT_L4 | PG_BUSY;
	pg->word += PG_TYPE_COUNT_ONE;
	alarm(5);
	check(get_page_and_type(pg, host_a, PGT_WRITABLE, false) == -EINVAL &&
	      get_page_and_type(pg, host_a, PGT_WRITABLE, true) == -EINVAL &&
	      get_page_and_type(pg, host_a, PGT_L1, true) == -EINVAL, "nobody waits for a frame in another role");
	pg->word = PG_ALLOCATED | PG_COUNT_ONE;
	update1(l4, 3, to(l4, PTE_US));
	for (unsigned int level = 2; level <= 4; level++)
		fails += do_pin(l4, level) != -EINVAL;
	check(host_failures == fails, "least of all for itself (XSA-240)");
	alarm(0);
	check_machine();
}

static void test_saturation(void)
{
	struct page_info *pg = &frame_table[data[8]];
	u64 was = pg->word, full = (was & ~PG_COUNT_MASK) | (PG_COUNT_MASK - 1);
	unsigned int level;

	pg->word = full;
	check(!get_page(pg, host_a) && get_page_and_type(pg, host_a, PGT_WRITABLE, true) == -EINVAL && pg->word == full,
	      "a full counter takes no more, and keeps one for the partial state");
	pg->word = full - 1;
	check(get_page(pg, host_a) && !get_page(pg, host_a), "up to the limit");
	pg->word = was;
	was = frame_table[l[1]].word;
	frame_table[l[1]].word = was | PG_TYPE_COUNT_MASK;
	check(!get_table(&frame_table[l[1]], host_a, &level) &&
	      get_page_and_type(&frame_table[l[1]], host_a, PGT_L1, true) == -EINVAL, "the type counter likewise");
	frame_table[l[1]].word = was;
}

static void test_expectation(void)
{
	pte_t expect = 0x1230, *slot = &table(l[1])[80];

	check(pv_mod_l1e(host_a, host_a, slot, to(data[5], W), false, &expect) == -EBUSY && expect == 0 && *slot == 0,
	      "an entry that is not what was expected is told, not changed");
	check(pv_mod_l1e(host_a, host_a, slot, to(data[5], W), false, &expect) == 0, "then it is");
	check_machine();
}

/* The hypervisor's page outlives its owner's interest while somebody maps it. */
static void test_shared(void)
{
	void *p = alloc_hyp_pages(0);
	struct page_info *pg = virt_to_page(p);

	share_hyp_page(p, host_a, false);
	check(update1(l[1], 90, to(mfn_x(page_to_mfn(pg)), W)) == -EINVAL &&
	      update1(l[1], 90, to(mfn_x(page_to_mfn(pg)), PTE_US)) == 0, "shared to be read, not written");
	check_machine();
	free_hyp_pages(p, 0);
	check_machine();
	check(page_count(pg) == 1 && !get_page(pg, host_a), "given back: still mapped, so not free; but nobody maps it anew");
	update1(l[1], 90, 0);
	check(!pg->word, "the last one who lets go frees it");
	check_machine();
}

int main(void)
{
	static void (*const tests[])(void) = {
		test_bits, test_harmless, test_levels, test_devices, test_caching, test_foreign,
		test_change_of_owner, test_half_dropped, test_refused_again, test_busy, test_saturation,
		test_expectation, test_shared,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(tests); i++) {
		char name[32];

		setup();
		tests[i]();
		snprintf(name, sizeof(name), "test %u", i);
		teardown(name);
	}
	return done();
}

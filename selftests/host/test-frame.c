// SPDX-License-Identifier: GPL-2.0-only
// CFLAGS: -DDEBUG -fno-sanitize=pointer-overflow
/*
 * Frames of two domains under random page-table operations, good and bad, interrupted anywhere,
 * carried on, overtaken by another vcpu or given up. After every few steps the whole machine is
 * audited (frames.h): each count and type count equals what validated tables, partial states,
 * pins, base pointers and allocations explain; no table is mapped writable anywhere; no CPU could
 * still use a frame in a former role. Lessons guarded: XSA-242, 299, 310 (references of partial
 * states), 240, 290, 344, 380 (preemption), 286, 408 (flushes), 214, 287 (change of owner), 252
 * (giving back does not unpin), 148, 182 (bits), 402 (cache attributes).
 */
#include "frames.h"

static unsigned int nr_rc[2], nr_abandoned, nr_pins[5], nr_restarts;

/* What a frame is meant for, so that most tables are good ones: level 4 to 1, or 0: data. */
static unsigned int role(unsigned int n)
{
	static const u8 roles[] = { 4, 3, 2, 1, 1, 0, 0, 0, 0, 0 };

	return roles[n % ARRAY_SIZE(roles)];
}

static unsigned int any_frame(void)
{
	return 1 + host_random() % (FRAMES - 1);
}

static unsigned int own_frame(const struct domain *d, unsigned int want)
{
	for (unsigned int try = 0; try < 400; try++) {
		unsigned int n = 1 + host_random() % 640;

		if (frame_table[n].owner == d->id && role(n) == want)
			return n;
	}
	return any_frame();
}

static bool seldom(unsigned int one_in)
{
	return host_random() % one_in == 0;
}

static pte_t entry_for(const struct domain *owner, unsigned int level, unsigned int bad_one_in)
{
	bool bad = seldom(bad_one_in), rw = host_random() & 1;
	unsigned int to = own_frame(owner, level - 1);
	u64 flags = PTE_P | (rw ? PTE_RW : 0) | (host_random() & (PTE_US | PTE_A | PTE_D | PTE_AVAIL | PTE_NX));

	if (level == 1 && !rw && seldom(3))
		to = own_frame(owner, host_random() % 5);	/* tables may be looked at */
	if (bad && seldom(2))
		to = any_frame();
	else if (bad)
		flags |= BIT(host_random() % 64);
	if (level == 1 && owner->is_hardware && seldom(20))
		flags |= PTE_PCD;
	return seldom(5) ? 0 : pte_make(mfn(to), flags);
}

static unsigned int patience(void)
{
	return seldom(4) ? host_random() % 3 : 100000;
}

static void note(long rc)
{
	nr_rc[rc < 0]++;
	nr_abandoned += rc == -ERESTART;
}

static void op_update(struct vcpu *v, const struct domain *tables, const struct domain *frames, unsigned long foreign)
{
	struct mmu_update req[24];
	unsigned int level = 1 + host_random() % 4, nr = 1 + host_random() % ARRAY_SIZE(req);
	unsigned int n = own_frame(tables, level), bad = seldom(4) ? 4 : 4000;

	for (unsigned int i = 0; i < nr; i++) {
		unsigned int slot = seldom(2) ? host_random() % PT_ENTRIES : i * 16;

		req[i].ptr = n * 4096UL + slot * 8 + (seldom(4) ? MMU_PT_UPDATE_PRESERVE_AD : 0);
		req[i].val = entry_for(frames, level, bad);
	}
	note(mmu_update(req, nr, foreign, patience()));
}

static void op_pin(struct vcpu *v)
{
	unsigned int level = 1 + host_random() % 4, n = own_frame(v->domain, seldom(8) ? host_random() % 5 : level);
	long rc = mmuext(MMUEXT_PIN_L1_TABLE + level - 1, n, 0, patience());

	nr_pins[level] += rc == 0;
	note(rc);
}

static void op_unpin(struct vcpu *v)
{
	unsigned int n = any_frame();

	for (unsigned int i = 0; i < FRAMES && !(frame_table[n].word & PG_PINNED); i++)
		n = n % (FRAMES - 1) + 1;
	note(mmuext(MMUEXT_UNPIN_TABLE, n, 0, patience()));
}

static void op_base(struct vcpu *v)
{
	if (seldom(2))
		note(mmuext(MMUEXT_NEW_BASEPTR, own_frame(v->domain, 4), 0, patience()));
	else
		note(mmuext(MMUEXT_NEW_USER_BASEPTR, seldom(4) ? 0 : own_frame(v->domain, 4), 0, patience()));
}

static void op_content(struct vcpu *v)
{
	unsigned int n = own_frame(v->domain, host_random() % 5);

	if (seldom(2))
		note(mmuext(MMUEXT_CLEAR_PAGE, n, 0, patience()));
	else
		note(mmuext(MMUEXT_COPY_PAGE, n, own_frame(v->domain, role(n)), patience()));
}

/* As XENMEM_decrease_reservation does it: never more than the allocation's own reference (XSA-252). */
static void op_decrease(struct vcpu *v)
{
	struct page_info *pg = &frame_table[own_frame(v->domain, host_random() % 5)];
	u64 pinned = pg->word & PG_PINNED;

	if (!get_page(pg, v->domain))
		return;
	if (__atomic_fetch_and(&pg->word, ~PG_ALLOCATED, __ATOMIC_SEQ_CST) & PG_ALLOCATED)
		put_page(pg);
	require((pg->word & PG_PINNED) == pinned, "giving back does not unpin (XSA-252)");
	put_page(pg);
}

static bool all_zero(const void *p, size_t size)
{
	const u64 *w = p;

	for (size_t i = 0; i < size / 8; i++)
		if (w[i])
			return false;
	return true;
}

static void op_alloc(struct vcpu *v)
{
	unsigned int order = host_random() % 4;
	struct page_info *pg = alloc_domain_pages(v->domain, order, ALLOC_ANY);

	if (pg)
		require(all_zero(page_to_virt(pg), 4096UL << order), "a new frame is zero, also for the last writer");
}

static void op_move(struct vcpu *v)
{
	struct page_info *pg = &frame_table[own_frame(v->domain, host_random() % 5)];
	struct domain *to = seldom(2) ? host_a : host_b;
	u64 word = pg->word;

	if (steal_page(v->domain, pg)) {
		require(pg->word == word, "not taken, not changed");
		return;
	}
	require((word & (PG_COUNT_MASK | PG_TYPE_COUNT_MASK | PG_PINNED | PG_PARTIAL)) == PG_COUNT_ONE && !pg->word,
		"only a frame that nobody uses changes hands, without a type (XSA-214, 287)");
	if (seldom(3) || assign_page(to, pg))
		free_domain_page(pg);
}

/* References others take: grants, GDTs, vcpu_info. */
static void op_hold(struct vcpu *v)
{
	unsigned int n = own_frame(v->domain, host_random() % 5);
	struct page_info *pg = &frame_table[n];

	if (seldom(2)) {
		held[n] += get_page(pg, v->domain);
	} else if (!held_typed[n]) {
		held_typed[n] = !get_page_and_type(pg, v->domain, seldom(2) ? PGT_SEG_DESC : PGT_WRITABLE, false);
	}
}

static void op_release(struct vcpu *v)
{
	unsigned int n = any_frame();

	for (unsigned int i = 0; i < FRAMES && !held[n] && !held_typed[n]; i++)
		n = n % (FRAMES - 1) + 1;
	if (held[n]) {
		held[n]--;
		put_page(&frame_table[n]);
	} else if (held_typed[n]) {
		held_typed[n]--;
		put_page_and_type(&frame_table[n]);
	}
}

static void op_va(struct vcpu *v)
{
	unsigned long va = 0, flags = seldom(2) ? UVMF_NONE : UVMF_TLB_FLUSH | UVMF_ALL;

	if (!v->pv.kernel_l4)
		return;
	for (unsigned int level = 4; level >= 1; level--)
		va = va << 9 | (host_random() % 24 * 16 & 255);
	note(finish_call(do_update_va_mapping(va << 12, entry_for(v->domain, 1, 10), flags, 0, 0), patience()));
}

/* The hypervisor's own pages: allocated, shared with the guest, taken back while others map them. */
static void op_hyp(struct vcpu *v)
{
	static void *p, *shared;
	struct page_info *pg;

	if (!p) {
		p = alloc_hyp_pages(0);
		require(!p || all_zero(p, 4096), "a page of the hypervisor stays zero (stale entries of the former owner)");
	} else if (!shared) {
		share_hyp_page(p, v->domain, host_random() & 1);
		shared = p;
	} else if (seldom(2)) {
		unsigned int n = mfn_x(virt_to_mfn(p));

		held[n] += get_page(virt_to_page(p), v->domain);
	} else {
		pg = virt_to_page(p);
		free_hyp_pages(p, 0);
		while (held[mfn_x(page_to_mfn(pg))]) {
			require(pg->owner == DOMID_INVALID, "nobody inherits it");
			held[mfn_x(page_to_mfn(pg))]--;
			put_page(pg);
		}
		p = shared = NULL;
	}
}

/* The CPU sets accessed and dirty bits at any time. */
static void op_hardware(struct vcpu *v)
{
	unsigned int n = own_frame(v->domain, 1);

	for (unsigned int i = 0; i < PT_ENTRIES && valid_entries(n) == PT_ENTRIES; i += 16)
		if (table(n)[i] & PTE_P)
			table(n)[i] |= PTE_A | (table(n)[i] & PTE_RW ? PTE_D : 0);
}

static void op(struct vcpu *v)
{
	run_on(v);
	switch (host_random() % 28) {
	case 0 ... 9: op_update(v, v->domain, v->domain, DOMID_SELF); break;
	case 10 ... 12: op_pin(v); break;
	case 13: case 14: op_unpin(v); break;
	case 15: op_base(v); break;
	case 16: op_content(v); break;
	case 17: op_decrease(v); break;
	case 18: op_alloc(v); break;
	case 19: op_move(v); break;
	case 20: op_hold(v); break;
	case 21: op_release(v); break;
	case 22: op_va(v); break;
	case 23: op_hyp(v); break;
	case 24: op_hardware(v); break;
	case 25: mmuext(seldom(2) ? MMUEXT_TLB_FLUSH_LOCAL : MMUEXT_TLB_FLUSH_ALL, 0, 0, 1); break;
	case 26: op_update(&host_vcpu[2], host_a, host_a, 2 << 16 | 1); break;
	case 27: run_on(&host_vcpu[2]); op_update(&host_vcpu[2], host_b, host_a, 1); break;
	}
}

static void meanwhile(void)
{
	host_between = NULL;
	if (seldom(3)) {
		op(&host_vcpu[host_random() % VCPUS]);
		check_machine();
	}
	host_between = meanwhile;
}

static void populate(struct domain *d)
{
	while (d->mm.tot_pages < 220)
		if (!alloc_domain_pages(d, 0, ALLOC_ANY))
			break;
}

static void drop_held(void)
{
	for (unsigned int n = 1; n < FRAMES; n++) {
		for (; held[n] && frame_table[n].owner != DOMID_XEN; held[n]--)
			put_page(&frame_table[n]);
		for (; held_typed[n]; held_typed[n]--)
			put_page_and_type(&frame_table[n]);
	}
}

static unsigned int hyp_pages(void)
{
	unsigned int nr = 0;

	for (unsigned int n = 1; n < FRAMES; n++)
		nr += !!(frame_table[n].word & PG_HYP);
	return nr;
}

static void random_life(u64 seed, unsigned int steps)
{
	static const u8 preempt[] = { 1, 2, 5, 20, 0 };
	unsigned int failures = host_failures, restarts;

	host_machine(seed);
	populate(host_a);
	populate(host_b);
	check_machine();
	host_between = meanwhile;
	for (unsigned int i = 0; i < steps && host_failures < failures + 10; i++) {
		if (i % 100 == 0) {
			host_preempt_one_in = preempt[i / 100 % ARRAY_SIZE(preempt)];
			if (seldom(4)) {
				populate(host_a);
				populate(host_b);
			}
		}
		op(&host_vcpu[host_random() % VCPUS]);
		check_machine();
	}
	host_between = NULL;
	drop_held();
	host_preempt_one_in = 2;
	restarts = kill_domain(host_a, &host_vcpu[2]);
	check_machine();
	restarts += kill_domain(host_b, &host_vcpu[2]);
	check_machine();
	nr_restarts += restarts;
	check(!host_a->mm.tot_pages && !host_b->mm.tot_pages && atomic_read(&host_a->refcnt) == 1 &&
	      atomic_read(&host_b->refcnt) == 1 && mm_free_pages() == FRAMES - IO_FRAMES - 1 - hyp_pages(),
	      "seed %lu: at the end nothing is left (%lu, %lu frames; %u restarts)", (unsigned long)seed,
	      host_a->mm.tot_pages, host_b->mm.tot_pages, restarts);
}

int main(int argc, char **argv)
{
	u64 first = argc > 1 ? strtoul(argv[1], NULL, 0) : 25, seeds = argc > 2 ? strtoul(argv[2], NULL, 0) : 8;

	for (u64 seed = first; seed < first + seeds && !host_failures; seed++)
		random_life(seed, 1500);
	printf("# %u calls went well, %u were refused or interrupted, %u given up half-way; pins by level %u %u %u %u; "
	       "%u flushes, %u chances for late writes; %u cache flushes; %u restarts of teardown\n",
	       nr_rc[0], nr_rc[1], nr_abandoned, nr_pins[1],
	       nr_pins[2], nr_pins[3], nr_pins[4], host_flushes, host_late_writes, host_cache_flushes, nr_restarts);
	check(nr_pins[4] > 10 && nr_pins[3] > 10 && nr_abandoned > 10 && nr_rc[1] > 100 && host_flushes > 1000 &&
	      host_late_writes > 100 && nr_restarts > 5,
	      "the walk went through what it is meant for");
	return done();
}

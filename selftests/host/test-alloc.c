// SPDX-License-Identifier: GPL-2.0-only
// CFLAGS: -DDEBUG -fno-sanitize=pointer-overflow
/*
 * Frame allocator and heap: what is given out is aligned, belongs to nobody else, is zero and out
 * of reach of everybody who had it before; all of it comes back whole.
 */
#define HOST_OWN_ALLOC
#include "frames.h"
#include "../../hypervisor/mm/heap.c"

#define RAM	(FRAMES - IO_FRAMES - 1)
#define BLOCKS	64

static struct page_info *alloc_pages(unsigned int order)
{
	void *p = alloc_hyp_pages(order);

	return p ? virt_to_page(p) : NULL;
}

static void free_pages(struct page_info *pg, unsigned int order)
{
	free_hyp_pages(page_to_virt(pg), order);
}

static bool filled_with(const void *p, size_t size, u8 with)
{
	const u8 *b = p;

	for (size_t i = 0; i < size; i++)
		if (b[i] != with)
			return false;
	return true;
}

/* A model as plain as can be: who has which frame. */
static void test_buddy(void)
{
	struct block {
		struct page_info *pg;
		unsigned int order;
	} b[BLOCKS] = { 0 };
	static u8 taken[FRAMES];
	unsigned int nr_taken = 0, largest = 0, refused = 0;

	host_machine(3);
	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int i = host_random() % BLOCKS, order = host_random() % (step % 1000 < 500 ? 3 : 9);

		if (b[i].pg) {
			unsigned int n = mfn_x(page_to_mfn(b[i].pg));

			require(filled_with(page_to_virt(b[i].pg), 64, i + 1), "nobody else wrote to it");
			memset(&taken[n], 0, 1u << b[i].order);
			nr_taken -= 1u << b[i].order;
			free_pages(b[i].pg, b[i].order);
			b[i].pg = NULL;
		} else if ((b[i].pg = alloc_pages(order))) {
			unsigned int n = mfn_x(page_to_mfn(b[i].pg));

			b[i].order = order;
			require(n && n % (1u << order) == 0 && n + (1u << order) <= FRAMES - IO_FRAMES &&
				filled_with(&taken[n], 1u << order, 0), "order %u at %#x: aligned, nobody's", order, n);
			require(filled_with(page_to_virt(b[i].pg), 4096UL << order, 0), "zero");
			memset(&taken[n], 1, 1u << order);
			memset(page_to_virt(b[i].pg), i + 1, 4096UL << order);
			nr_taken += 1u << order;
			largest = max(largest, order);
		} else {
			refused++;
		}
		require(mm_free_pages() == RAM - nr_taken, "%lu free", mm_free_pages());
	}
	for (unsigned int i = 0; i < BLOCKS; i++)
		if (b[i].pg)
			free_pages(b[i].pg, b[i].order);
	check(mm_free_pages() == RAM && largest == 8 && refused > 10, "random blocks up to order %u, %u times none left",
	      largest, refused);
	check(!alloc_pages(MAX_ORDER + 1) && !alloc_pages(MAX_ORDER), "orders are capped (XSA-158)");
	/* The two largest pieces there can be are there again only if all buddies found each other. */
	struct page_info *one = alloc_pages(8), *two = alloc_pages(8);
	check(one && two && mm_free_pages() == RAM - 512, "freed blocks grow together");
	free_pages(one, 8);
	free_pages(two, 8);
}

static void test_domains(void)
{
	struct page_info *pg;
	unsigned int nr = 0;

	host_machine(4);
	host_a->mm.max_pages = 20;
	check(!alloc_domain_pages(host_a, 5, ALLOC_ANY) && !host_a->mm.tot_pages, "no more than its maximum, not even in one piece");
	pg = alloc_domain_pages(host_a, 4, ALLOC_ANY);
	for (unsigned int i = 0; i < 16; i++)
		nr += pg[i].owner == 1 && pg[i].word == (PG_ALLOCATED | PG_COUNT_ONE);
	check(nr == 16 && host_a->mm.tot_pages == 16 && atomic_read(&host_a->refcnt) == 2, "each frame is held; they hold the domain");
	while (alloc_domain_pages(host_a, 0, ALLOC_ANY))
		nr++;
	check(nr == 20 && mm_free_pages() == RAM - 20, "up to the maximum");
	check_books();
	host_a->state = DOMAIN_DYING;
	host_a->mm.max_pages = 100;
	check(!alloc_domain_pages(host_a, 0, ALLOC_ANY), "the dying get nothing");
	while (mm_domain_relinquish(host_a))
		;
	check(mm_free_pages() == RAM && atomic_read(&host_a->refcnt) == 1, "at its end all is free again");
	/* Frames that others hold stay in the list: a teardown that always started at its head got no farther. */
	host_machine(4);
	host_a->mm.max_pages = 256;
	pg = alloc_domain_pages(host_a, 8, ALLOC_ANY);
	for (unsigned int i = 0; i < 256; i++) {
		require(get_page(&pg[i], host_a), "held by somebody else");
		held[page_to_mfn(&pg[i]).n]++;
	}
	host_preempt_one_in = 1;
	nr = kill_domain(host_a, &host_vcpu[2]);
	host_preempt_one_in = 0;
	check(nr < 10, "interrupted all the time, 256 frames are let go in %u steps", nr);
	for (unsigned int i = 0; i < 256; i++) {
		held[page_to_mfn(&pg[i]).n]--;
		put_page(&pg[i]);
	}
	check(mm_free_pages() == RAM, "and free when nobody holds them");
	host_machine(4);
	host_a->mm.max_pages = 256;
	pg = alloc_domain_pages(host_a, 8, ALLOC_ANY);
	for (unsigned int i = 0; i < 256; i += 1 + i % 5) {
		require(get_page(&pg[i], host_a), "held by somebody else");
		held[page_to_mfn(&pg[i]).n]++;
	}
	nr = 0;
	kill_domain(host_a, &host_vcpu[2]);
	for (unsigned int i = 0; i < 256; i++)
		nr += !!held[page_to_mfn(&pg[i]).n];
	check(host_a->mm.tot_pages == nr && mm_free_pages() == RAM - nr, "of frames in a row those stay that somebody holds: %u", nr);
	check_books();
	for (unsigned int i = 0; i < 256; i++) {
		if (!held[page_to_mfn(&pg[i]).n])
			continue;
		held[page_to_mfn(&pg[i]).n]--;
		put_page(&pg[i]);
	}
	check(mm_free_pages() == RAM && atomic_read(&host_a->refcnt) == 1, "and go one by one");
	host_b->mm.max_pages = ~0UL;
	check(alloc_domain_pages(host_b, 8, ALLOC_ANY) && host_b->mm.tot_pages == 256, "a limit beyond all memory does not overflow");
	kill_domain(host_b, &host_vcpu[2]);
	check_books();
}

/* The former owner writes as long as it can: until the flush. */
static void last_writer(bool hypervisor)
{
	unsigned int n, t;
	struct page_info *pg;

	host_machine(5);
	host_late_one_in = 1;
	t = mfn_x(page_to_mfn(alloc_domain_pages(host_a, 0, ALLOC_ANY)));
	check_machine();
	n = mfn_x(page_to_mfn(alloc_domain_pages(host_a, 0, ALLOC_ANY)));
	mmuext(MMUEXT_PIN_L1_TABLE, t, 0, ~0u);
	update1(t, 0, pte_make(mfn(n), PTE_P | PTE_RW | PTE_US));
	check_machine();
	__atomic_fetch_and(&frame_table[n].word, ~PG_ALLOCATED, __ATOMIC_SEQ_CST);
	put_page(&frame_table[n]);
	check_machine();
	update1(t, 0, 0);				/* last reference, no flush */
	check(frame_table[n].owner == DOMID_INVALID && tlb[0][n].w, "freed, and still within reach of its former owner");
	pg = hypervisor ? alloc_pages(0) : alloc_domain_pages(host_b, 0, ALLOC_ANY);
	check(mfn_x(page_to_mfn(pg)) == n && !tlb[0][n].w && filled_with(page_to_virt(pg), 4096, 0),
	      "%s: out of reach, and what was written last is gone", hypervisor ? "the hypervisor's now" : "another domain's now");
	check_machine();
	if (hypervisor)
		free_pages(pg, 0);
	kill_domain(host_a, &host_vcpu[2]);
	kill_domain(host_b, &host_vcpu[2]);
	host_late_one_in = 4;
}

/* The same for frames that go with their domain, many at a time; a read-only mapping leaves no stamp of its own. */
static void dying_reader(bool writer)
{
	unsigned int n, t;
	u64 before;

	host_machine(7);
	host_late_one_in = 1;
	t = mfn_x(page_to_mfn(alloc_domain_pages(host_a, 0, ALLOC_ANY)));
	n = mfn_x(page_to_mfn(alloc_domain_pages(host_a, 0, ALLOC_ANY)));
	alloc_domain_pages(host_a, 0, ALLOC_ANY);
	mmuext(MMUEXT_PIN_L1_TABLE, t, 0, ~0u);
	update1(t, 0, pte_make(mfn(n), writer ? PTE_P | PTE_RW | PTE_US : PTE_P | PTE_US));
	check_machine();
	update1(t, 0, 0);
	before = tlb_clock;
	kill_domain(host_a, &host_vcpu[2]);
	check(frame_table[n].owner == DOMID_INVALID && tlb[0][n].r && tlb[0][n].w == writer && frame_table[n].tlb_stamp >= before,
	      "gone with its domain, still within reach of it, and it shows when that was");
	while (mfn_x(page_to_mfn(alloc_domain_pages(host_b, 0, ALLOC_ANY))) != n)
		;
	check(!tlb[0][n].r && filled_with(page_to_virt(&frame_table[n]), 4096, 0), "another domain's: out of reach, and zero");
	kill_domain(host_b, &host_vcpu[2]);
	host_late_one_in = 4;
}

static void test_heap(void)
{
	struct {
		u8 *p;
		size_t size;
	} o[300] = { 0 };
	unsigned long before = mm_free_pages();
	unsigned int failed = 0, i;

	host_machine(6);
	for (unsigned int step = 0; step < 30000; step++) {
		i = host_random() % ARRAY_SIZE(o);
		if (o[i].p) {
			require(filled_with(o[i].p, o[i].size, i), "an object of %zu bytes keeps what was written", o[i].size);
			lib_free(o[i].p);
			o[i].p = NULL;
			continue;
		}
		o[i].size = host_random() % (host_random() % 8 ? 1200 : 20000);
		o[i].p = lib_alloc(o[i].size);
		failed += !o[i].p;
		if (!o[i].p)
			continue;
		require(filled_with(o[i].p, o[i].size, 0) && (unsigned long)o[i].p % 32 == 0, "%zu bytes: zero and aligned", o[i].size);
		memset(o[i].p, i, o[i].size);
	}
	for (i = 0; i < ARRAY_SIZE(o); i++)
		lib_free(o[i].p);
	check(mm_free_pages() == before, "objects of all sizes; nothing stays behind (%u times none left)", failed);
	check(!lib_alloc(~0UL) && !lib_alloc((4096UL << MAX_ORDER) + 1), "absurd sizes are refused");
	void *all = alloc_hyp_pages(8), *more[RAM];
	for (i = 0; (more[i] = alloc_hyp_pages(0)); i++)
		;
	check(all && !lib_alloc(8) && !lib_alloc(5000), "without memory there is none, and no lock stays taken");
	free_hyp_pages(all, 8);
	while (i--)
		free_hyp_pages(more[i], 0);
	check(lib_alloc(0) && lib_alloc(1), "then there is again");
}

int main(void)
{
	test_buddy();
	test_domains();
	last_writer(false);
	last_writer(true);
	dying_reader(true);
	dying_reader(false);
	test_heap();
	return done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page-table security: what a hostile PV guest must not reach through the MMU hypercalls.
 *
 * Three properties are checked over and over: no frame is at the same time a page table and writable (not through a second
 * mapping, not through a stale TLB entry); no frame of the hypervisor or of somebody else is ever mapped; a refused
 * request leaves nothing behind. Each check names its lesson (XSA number) where there is one.
 */
#include "lib.h"

static pte_t table_pte(void *table) { return make_pte(va_to_mfn(table), PTE_TABLE_FLAGS); }

/* A page is a live page table: no path may map it writable. */
static void tables_are_not_writable(void)
{
	void *alias = page_alloc();
	pte_t *entry = walk(alias, 1), old = *entry;
	unsigned int bad = 0, n = 0;

	for (unsigned long i = 0; i < start_info->nr_pt_frames; i++, n++) {
		void *table = (void *)(start_info->pt_base + i * PAGE_SIZE);

		bad += remap(table, PTE_RW_FLAGS) == 0;
		bad += map_mfn(alias, va_to_mfn(table), PTE_RW_FLAGS) == 0;
		bad += set_pte(entry, make_pte(va_to_mfn(table), PTE_RW_FLAGS)) == 0;
		bad += mmu_update(va_to_maddr(entry) | MMU_PT_UPDATE_PRESERVE_AD, make_pte(va_to_mfn(table), PTE_RW_FLAGS)) == 0;
		/* A store that would be good is emulated in an L1; this one is good nowhere. */
		bad += try_write((uint64_t *)table + 5, make_pte(va_to_mfn(table), PTE_RW_FLAGS)) == NO_TRAP;
	}
	is(bad, 0, "none of the %u initial tables can be mapped writable in four ways", n);
	is(map_mfn(alias, cr3_mfn(), PTE_RO_FLAGS), 0, "reading one through a second mapping is fine");
	ok(mmu_update(va_to_maddr(entry) | MMU_PT_UPDATE_PRESERVE_AD, make_pte(cr3_mfn(), PTE_RO_FLAGS | PTE_RW)) < 0,
	   "XSA-182: adding only the RW bit is refused too");
	is(set_pte(entry, old), 0, "the second mapping is restored");
}

/* Two writable mappings: both must go before the page becomes a table. */
static void writable_page_is_no_table(void)
{
	pte_t *table = page_alloc();
	void *alias = page_alloc();
	pte_t old = pte_of(alias);

	is(map_mfn(alias, va_to_mfn(table), PTE_RW_FLAGS), 0, "a page has two writable mappings");
	is(remap(table, PTE_RO_FLAGS), 0, "one goes read-only");
	ok(mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(table), 0) < 0, "the page cannot become a table yet");
	is(map_mfn(alias, va_to_mfn(table), PTE_RO_FLAGS), 0, "the other too");
	is(mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(table), 0), 0, "now it can");
	ok(map_mfn(alias, va_to_mfn(table), PTE_RW_FLAGS) < 0, "and no writable mapping comes back");
	is(unpin(table), 0, "unpinned");
	is(set_pte(walk(alias, 1), old), 0, "the alias is restored");
	is(remap(table, PTE_RW_FLAGS), 0, "and writable again");

	table[3] = make_pte(va_to_mfn(table), PTE_RW_FLAGS);
	ok(pin(table, 1) < 0, "an L1 that maps itself writable is refused");
	remap(table, PTE_RW_FLAGS);
	table[3] = make_pte(va_to_mfn(table), PTE_RO_FLAGS);
	is(pin(table, 1), 0, "one that maps itself read-only is accepted");
	is(unpin(table), 0, "and unpinned");
	remap(table, PTE_RW_FLAGS);
	table[3] = 0;
}

/* XSA-401, 408, 286: a translation cached before the page became a table must not survive, here or on another vcpu. */
static volatile uint64_t *hot_page;
static volatile bool stop, writing;
static volatile unsigned int remote_faults;

static void remote_writer(void)
{
	uint64_t n = 1;

	while (!stop) {
		if (try_write((void *)&hot_page[511], (n++ & 0xff) << 3) != NO_TRAP)
			remote_faults++;
		writing = true;
	}
}

static void no_stale_writable_translation(void)
{
	uint64_t *page = page_alloc();
	uint64_t seen;
	int trap;

	page[1] = 0;
	is(set_pte(walk(page, 1), make_pte(va_to_mfn(page), PTE_RO_FLAGS)), 0, "a page goes read-only without a flush");
	is(mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(page), 0), 0, "and becomes a table");
	/* No entry that the emulation of such writes would enter: a table, writable. */
	trap = try_write(&page[1], make_pte(cr3_mfn(), PTE_RW_FLAGS));
	ok(page[1] == 0, "XSA-401: the old writable translation is not used any more (trap 0x%x)", trap);
	is(unpin(page), 0, "unpinned");
	remap(page, PTE_RW_FLAGS);

	if (vcpu_count() < 2) {
		skip("one vcpu only: remote translations");
		return;
	}
	hot_page = page;
	is(vcpu_boot(1, remote_writer), 0, "another vcpu writes the page in a loop");
	ok(wait_for(writing, 2000), "it does");
	is(set_pte(walk(page, 1), make_pte(va_to_mfn(page), PTE_RO_FLAGS)), 0, "the page goes read-only without a flush");
	/* An L2: writes to an L1 would be emulated, that is, validated. */
	is(mmuext(MMUEXT_PIN_L2_TABLE, va_to_mfn(page), 0), 0, "and becomes a table");
	seen = hot_page[511];
	ok(!wait_for(hot_page[511] != seen, 30), "XSA-401: the other vcpu's writes no longer arrive");
	ok(remote_faults > 0 || wait_for(remote_faults > 0, 1000), "they fault");
	stop = true;
	ok(wait_for(!pcpus[1].alive, 2000), "the other vcpu stops");
	is(unpin(page), 0, "unpinned");
	remap(page, PTE_RW_FLAGS);
}

/*
 * Linear page tables: an L4 (L3, L2) that refers to a table of its own level. Xenolith refuses them altogether; Xen allows
 * one read-only level of them. Writable or two levels deep they are refused everywhere (XSA-240).
 */
static void linear_tables(void)
{
	pte_t *l4 = mfn_to_va(cr3_mfn()), *a = copy_kernel_l4(), *b = copy_kernel_l4(), *c = copy_kernel_l4();
	long rc = set_pte(&l4[300], make_pte(cr3_mfn(), PTE_RO_FLAGS));

	note("a read-only recursive L4 entry: %ld", rc);
	if (xenolith())
		ok(rc < 0, "XSA-240: a recursive L4 entry is refused");
	if (!rc) {
		unsigned long self = 0xffff000000000000UL | (300UL << 39 | 300UL << 30 | 300UL << 21 | 300UL << 12);

		is(try_write((void *)(self + 8), 0), TRAP_PF, "through it the L4 can be read but not written");
		ok(set_pte(&l4[300], make_pte(cr3_mfn(), PTE_RO_FLAGS | PTE_RW)) < 0, "XSA-182: it cannot be made writable");
		is(set_pte(&l4[300], 0), 0, "it is removed");
	}
	ok(set_pte(&l4[300], make_pte(cr3_mfn(), PTE_TABLE_FLAGS)) < 0, "a writable recursive entry is refused");
	is((long)l4[300], 0, "nothing was left behind");

	remap(c, PTE_RO_FLAGS);
	b[300] = make_pte(va_to_mfn(c), PTE_RO_FLAGS);
	remap(b, PTE_RO_FLAGS);
	a[300] = make_pte(va_to_mfn(b), PTE_RO_FLAGS);
	rc = pin(a, 4);
	ok(rc < 0, "XSA-240: a chain of L4 tables two deep is refused (%ld)", rc);
	if (!rc)
		unpin(a);
	ok(!remap(a, PTE_RW_FLAGS) && !remap(b, PTE_RW_FLAGS) && !remap(c, PTE_RW_FLAGS),
	   "and all three pages are ordinary memory afterwards");
}

/* A guest's L4 may say what it likes about the hypervisor's slots. */
static void hypervisor_slots(void)
{
	pte_t *l4 = copy_kernel_l4(), own = l4[511];
	unsigned long old = cr3_mfn();
	unsigned int visible = 0;

	for (unsigned int i = 256; i < 272; i++)
		l4[i] = own;
	is(remap(l4, PTE_RO_FLAGS), 0, "an L4 with the guest's entries in the hypervisor's slots");
	is(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(l4), 0), 0, "can be loaded");
	is((long)m2p[va_to_mfn(l4)], (long)va_to_pfn(l4), "the m2p is where it was");
	for (unsigned long i = 257; i < 272; i++)
		visible += try_read((void *)(0xffff000000000000UL | i << 39 | (VIRT_BASE & ((1UL << 39) - 1)) | 0x100000),
				    NULL) == NO_TRAP;
	is(visible, 0, "none of its entries there took effect");
	is(mmuext(MMUEXT_NEW_BASEPTR, old, 0), 0, "back to the old one");
	is(remap(l4, PTE_RW_FLAGS), 0, "the page is ordinary memory afterwards");
	memset(l4, 0, PAGE_SIZE);
}

/* Nothing of the hypervisor's range but the m2p may be read; nothing at all written or executed. */
static void hypervisor_memory(void)
{
	static const unsigned long known[] = {
		0xffff82d040200000, 0xffff82d040400000, 0xffff82d080000000, 0xffff82d0bfffe000, 0xffff830000000000,
		0xffff830000100000, 0xffff83003fe00000, 0xffff82e000000000, 0xffff82c000000000, 0xffff820000000000,
		0xffff81ffffffe000, 0xffff87fffffff000,
	};
	unsigned int readable = 0, writable = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		readable += try_read((void *)known[i], NULL) == NO_TRAP;
		writable += try_write((void *)known[i], 0) == NO_TRAP;
	}
	for (unsigned long va = HYPERVISOR_VIRT_START; va < HYPERVISOR_VIRT_END; va += 0x21003000UL * 16 + 0x1000) {
		if (va >= MACH2PHYS_VIRT_END)
			readable += try_read((void *)va, NULL) == NO_TRAP;
		writable += try_write((void *)va, 0) == NO_TRAP;
	}
	is(readable, 0, "nothing of the hypervisor outside the m2p is readable");
	is(writable, 0, "nothing of it is writable");
	ok(hypercall(update_va_mapping, HYPERVISOR_VIRT_START, make_pte(va_to_mfn(page_alloc()), PTE_RW_FLAGS), 0UL) < 0,
	   "the m2p's own mapping cannot be changed");
	ok(hypercall(update_va_mapping, known[0], make_pte(va_to_mfn(page_alloc()), PTE_RW_FLAGS), 0UL) < 0,
	   "nor the hypervisor's");
}

/* RAM that is not ours: free, the hypervisor's, or another domain's. */
static void frames_of_others(void)
{
	static struct { uint64_t addr, size; uint32_t type; } __attribute__((packed)) map[64];
	struct xen_memory_map m = { .nr_entries = 64 };
	void *window = page_alloc();
	pte_t *entry = walk(window, 1), old = *entry;
	unsigned long tried = 0, mapped = 0;

	set_xen_guest_handle(m.buffer, (void *)map);
	is(hypercall(memory_op, XENMEM_machine_memory_map, &m), 0, "the machine's memory map");
	for (unsigned int i = 0; i < m.nr_entries; i++) {
		if (map[i].type != 1 || map[i].addr < 0x100000)
			continue;
		for (unsigned long mfn = map[i].addr >> 12; mfn < (map[i].addr + map[i].size) >> 12; mfn += 37) {
			uint64_t pfn;

			if (try_read(&m2p[mfn], &pfn) == NO_TRAP && pfn < start_info->nr_pages && p2m[pfn] == mfn)
				continue;
			if (mfn == start_info->shared_info >> 12)
				continue;
			tried++;
			for (int rw = 0; rw < 2; rw++)
				if (!set_pte(entry, make_pte(mfn, rw ? PTE_RW_FLAGS : PTE_RO_FLAGS))) {
					if (mapped++ < 4)
						note("frame %lx of somebody else was mapped (writable %d)", mfn, rw);
					set_pte(entry, old);
				}
		}
	}
	is((long)mapped, 0, "none of %lu sampled frames that are not ours could be mapped", tried);
	ok(tried > 20, "there were frames to try");
	set_pte(entry, old);
}

/* XSA-148: superpages only where the hypervisor offers them, by no path. */
static void superpages(void)
{
	pte_t *l2 = walk((void *)(VIRT_BASE + (401UL << 21)), 2), *l3 = walk((void *)VIRT_BASE, 3) ;
	pte_t *live = walk((void *)(VIRT_BASE + 0x200000), 2), before = *live, l3_free;

	ok(set_pte(l2, make_pte(0, PTE_TABLE_FLAGS | PTE_PSE)) < 0, "XSA-148: a fresh 2 MiB entry is refused");
	ok(set_pte(live, before | PTE_PSE) < 0, "XSA-148: setting PSE in a live entry is refused");
	ok(mmu_update(va_to_maddr(live) | MMU_PT_UPDATE_PRESERVE_AD, before | PTE_PSE) < 0, "also when A and D are preserved");
	is((long)*live, (long)before, "the entry is unchanged");
	l3_free = *(l3 + 1);
	ok(set_pte(l3 + 1, make_pte(0, PTE_TABLE_FLAGS | PTE_PSE)) < 0, "a 1 GiB entry is refused");
	is((long)*(l3 + 1), (long)l3_free, "the entry is unchanged");
}

/* XSA-402: cache attributes of the guest's choosing never end in a table that is validated from stale memory. */
static void cache_attributes(void)
{
	pte_t *page = page_alloc();

	for (unsigned int i = 1; i < 8; i++) {
		uint64_t bits = (i & 1 ? PTE_PWT : 0) | (i & 2 ? PTE_PCD : 0) | (i & 4 ? PTE_PAT : 0);
		long rc = remap(page, PTE_RW_FLAGS | bits);

		if (!rc) {
			page[9] = make_pte(0xfffffffffUL, PTE_RW_FLAGS);
			ok(pin(page, 1) < 0, "XSA-402: attribute %u: a bad entry written through it is seen", i);
		} else {
			ok(rc < 0, "XSA-402: attribute %u is refused (%ld)", i, rc);
		}
		remap(page, PTE_RW_FLAGS);
		page[9] = 0;
	}
}

/* XSA-299, 310: a long validation that fails at its end leaves no type behind in what it had done. */
static void partial_validation(void)
{
	enum { N = 300 };
	pte_t *l2 = page_alloc(), *l1[N];
	unsigned int stuck = 0;

	for (unsigned int i = 0; i < N; i++) {
		l1[i] = page_alloc();
		l1[i][i] = make_pte(va_to_mfn(l2), PTE_RO_FLAGS);
		remap(l1[i], PTE_RO_FLAGS);
		l2[i] = table_pte(l1[i]);
	}
	l2[511] = make_pte(0xfffffffUL, PTE_TABLE_FLAGS);
	ok(pin(l2, 2) < 0, "XSA-299: an L2 with %d good tables and a bad last entry is refused", N);
	is(remap(l2, PTE_RW_FLAGS), 0, "it is ordinary memory again");
	for (unsigned int i = 0; i < N; i++)
		stuck += remap(l1[i], PTE_RW_FLAGS) != 0;
	is(stuck, 0, "so are all its tables");
	l2[511] = 0;
	for (unsigned int i = 0; i < N; i++)
		remap(l1[i], PTE_RO_FLAGS);
	is(pin(l2, 2), 0, "without the bad entry it is accepted");
	is(unpin(l2), 0, "and unpinned");
	stuck = remap(l2, PTE_RW_FLAGS) != 0;
	for (unsigned int i = 0; i < N; i++)
		stuck += remap(l1[i], PTE_RW_FLAGS) != 0;
	is(stuck, 0, "XSA-242: the last type references were dropped, once each");
	for (unsigned int i = 0; i < N; i++)
		l1[i][i] = 0;
}

static long decrease(unsigned long mfn)
{
	struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };
	xen_pfn_t frame = mfn;

	set_xen_guest_handle(r.extent_start, &frame);
	return hypercall(memory_op, XENMEM_decrease_reservation, &r);
}

/* Pages keep existing while something refers to them. */
static void references(void)
{
	uint64_t *page = page_alloc();
	pte_t *table = page_alloc();
	unsigned long pfn = va_to_pfn(page), mfn = va_to_mfn(page);

	is(pin(table, 1), 0, "a pinned table");
	note("giving it back says %ld", decrease(va_to_mfn(table)));
	ok(remap(table, PTE_RW_FLAGS) < 0, "XSA-252: giving a pinned table back does not unpin it");
	ok(try_read(table, NULL) == NO_TRAP, "and it can still be read");

	page[0] = 0x600d;
	is(decrease(mfn), 1, "a mapped page is given back");
	is((long)page[0], 0x600d, "while it is mapped it stays what it was");
	is(hypercall(update_va_mapping, page, 0UL, UVMF_INVLPG | UVMF_ALL), 0, "it is unmapped");
	ok(map_mfn(page, mfn, PTE_RW_FLAGS) < 0, "and gone: it cannot be mapped again");
	p2m[pfn] = ~0UL;

	ok(mmuext(MMUEXT_UNPIN_TABLE, cr3_mfn(), 0) == 0, "the loaded L4 is unpinned");
	ok(remap(mfn_to_va(cr3_mfn()), PTE_RW_FLAGS) < 0, "it stays a table: the vcpu holds it");
	is(mmuext(MMUEXT_PIN_L4_TABLE, cr3_mfn(), 0), 0, "and is pinned again");
}

void test_main(void)
{
	tables_are_not_writable();
	writable_page_is_no_table();
	no_stale_writable_translation();
	linear_tables();
	hypervisor_slots();
	hypervisor_memory();
	frames_of_others();
	superpages();
	cache_attributes();
	partial_validation();
	references();
}

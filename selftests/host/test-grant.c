// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grant tables: what each operation answers to good and hostile arguments, and that after random
 * mapping, unmapping and copying the marks in the shared entries, the references on frames and the
 * page-table entries are what the live mappings say, nothing more and nothing less (grant/).
 */
#include "grants.h"

static void test_table(void)
{
	xen_pfn_t list[4] = { 0 };
	struct gnttab_setup_table st = { .dom = DOMID_SELF, .nr_frames = 2 };
	struct gnttab_query_size qs = { .dom = DOMID_SELF };
	struct gnttab_set_version sv = { 2 };
	struct gnttab_get_version gv = { .dom = 1 };
	struct gnttab_map_grant_ref sf = { 0 };
	struct gnttab_get_status_frames gs = { .dom = DOMID_SELF, .nr_frames = 1 };
	mfn_t m;

	setup();
	st.frame_list.p = list;
	check(op(GNTTABOP_setup_table, &st, 2) == -EINVAL, "setup_table takes one element");
	check(op(GNTTABOP_setup_table, &st, 1) == 0 && st.status == GNTST_okay && list[1] && list[0] != list[1], "setup_table");
	check(mfn_to_page(mfn(list[1]))->owner == 0 && domain0->grant->nr_frames == 2, "the frames are shared with the domain");
	st.nr_frames = MAX_FRAMES + 1;
	check(op(GNTTABOP_setup_table, &st, 1) == 0 && st.status == GNTST_general_error, "more frames than allowed");
	st.nr_frames = 2;
	st.frame_list.p = (void *)HOST_BAD_ADDRESS;
	check(op(GNTTABOP_setup_table, &st, 1) == 0 && st.status == GNTST_bad_virt_addr, "bad frame list");
	st.dom = 7;
	check(op(GNTTABOP_setup_table, &st, 1) == 0 && st.status == GNTST_bad_domain, "no such domain");
	as(1);
	st.dom = 0;
	check(op(GNTTABOP_setup_table, &st, 1) == 0 && st.status == GNTST_permission_denied, "not of another domain");
	check(op(GNTTABOP_query_size, &qs, 1) == 0 && qs.nr_frames == 1 && qs.max_nr_frames == MAX_FRAMES, "query_size");
	check(op(GNTTABOP_set_version, &sv, 1) == -ENOSYS && sv.version == 1, "version 2 is refused, 1 told");
	check(op(GNTTABOP_set_version, &sv, 1) == 0 && sv.version == 1, "version 1 is accepted");
	sv.version = 3;
	check(op(GNTTABOP_set_version, &sv, 1) == -EINVAL, "version 3");
	check(op(GNTTABOP_get_version, &gv, 1) == 0 && gv.version == 1, "get_version");
	gv.dom = 2;
	check(op(GNTTABOP_get_version, &gv, 1) == -EPERM, "get_version of another domain");
	check(op(GNTTABOP_dump_table, &sf, 1) == -ENOSYS && op(77, &sf, 1) == -ENOSYS, "unknown operations");
	check(op(GNTTABOP_get_status_frames, &gs, 1) == 0 && gs.status == GNTST_general_error, "version 1 has no status frames");
	check(op(GNTTABOP_map_grant_ref, &sf, -1) == -EINVAL, "a negative count");
	check(op(GNTTABOP_map_grant_ref, &sf, 0) == 0, "no elements");
	check(op(GNTTABOP_map_grant_ref, (void *)HOST_BAD_ADDRESS, 1) == -EFAULT, "bad pointer");
	check(grant_frame_mfn(domain0, MAX_FRAMES, &m) == -EINVAL && !grant_frame_mfn(domain0, 2, &m) &&
	      domain0->grant->nr_frames == 3, "a frame asked for by number makes the table grow");
	teardown();
}

static void test_map(void)
{
	struct page_info *pg;
	grant_handle_t h;

	setup();
	as(0);
	pg = &host_frames[64 + 5];
	grant(1, 3, 0, 5, 0);
	check(map(1, 3, 0, VA(0)) == GNTST_bad_gntref, "neither host nor device");
	check(map(9, 3, GNTMAP_host_map, VA(0)) == GNTST_bad_domain, "no such domain");
	check(map(DOMID_SELF, 3, GNTMAP_host_map, VA(0)) == GNTST_bad_domain, "DOMID_SELF is no domain here");
	check(map(1, 512, GNTMAP_host_map, VA(0)) == GNTST_bad_gntref, "a reference above the table");
	check(map(1, ~0u, GNTMAP_host_map, VA(0)) == GNTST_bad_gntref, "the highest reference");
	check(map(1, 4, GNTMAP_host_map, VA(0)) == GNTST_bad_gntref, "an entry that grants nothing");
	check(map(1, 3, GNTMAP_host_map, VA(TAKEN_AWAY)) == GNTST_general_error && !marks(1, 3) && page_count(pg) == 1,
	      "no page table at the address: nothing kept");
	check(map(1, 3, GNTMAP_host_map, VA(0) + 1) == GNTST_general_error, "XSA-227: address not aligned");
	check(map(1, 3, GNTMAP_host_map, VA(0)) == GNTST_okay, "map");
	h = map_result.handle;
	check(map_result.dev_bus_addr == (64 + 5) * 4096UL && pte_of[0][0] == ((64 + 5) * 4096UL | PTE_P | PTE_RW), "the entry is there");
	check(marks(1, 3) == (GTF_reading | GTF_writing) && page_count(pg) == 2 && page_type_count(pg) == 1, "marked, referenced");
	check(unmap(h + 1, VA(0), 0) == GNTST_bad_handle && unmap(~0u, VA(0), 0) == GNTST_bad_handle, "unmap of a bad handle");
	check(unmap(h, VA(1), 0) == GNTST_general_error && unmap(h, VA(TAKEN_AWAY), 0) == GNTST_general_error,
	      "XSA-224: unmap where it is not mapped");
	check(unmap(h, VA(0), 4096) == GNTST_general_error && (pte_of[0][0] & PTE_P), "unmap with a wrong bus address");
	check(unmap(h, 0, 0) == GNTST_okay && marks(1, 3), "unmap of nothing");
	as(2);
	check(unmap(h, VA(0), 0) == GNTST_bad_handle, "handles are each domain's own");
	check(map(1, 3, GNTMAP_host_map, VA(0)) == GNTST_general_error, "an entry in use, for another domain");
	as(0);
	flushes = 0;
	check(unmap(h, VA(0), 0) == GNTST_okay && flushes == 1, "unmap flushes");
	check(!marks(1, 3) && page_count(pg) == 1 && !page_type_count(pg) && !pte_of[0][0], "and leaves nothing");
	check(unmap(h, VA(0), 0) == GNTST_bad_handle, "unmap again");
	teardown();
}

static void test_kinds(void)
{
	struct gnttab_unmap_grant_ref u[2];
	struct page_info *pg;
	grant_handle_t ro, both;

	setup();
	as(0);
	pg = &host_frames[64 + 7];
	grant(1, 0, 0, 7, GTF_readonly);
	check(map(1, 0, GNTMAP_host_map, VA(0)) == GNTST_general_error, "writable mapping of a read-only grant");
	check(map(1, 0, GNTMAP_host_map | GNTMAP_readonly, VA(0)) == GNTST_okay && !(pte_of[0][0] & PTE_RW) &&
	      marks(1, 0) == GTF_reading && !page_type_count(pg), "read-only mapping");
	ro = map_result.handle;
	/* the granter changes its mind: what is in use stays as it is, more may be had */
	entry(1, 0)->flags &= ~GTF_readonly;
	entry(1, 0)->frame = 64 + 8;
	check(map(1, 0, GNTMAP_host_map | GNTMAP_device_map | GNTMAP_contains_pte, 1) == GNTST_okay &&
	      map_result.dev_bus_addr == (64 + 7) * 4096UL, "the frame is what it was at first");
	both = map_result.handle;
	check(marks(1, 0) == (GTF_reading | GTF_writing) && page_count(pg) == 4 && page_type_count(pg) == 2,
	      "host and device each hold a reference");
	check(unmap(both, VA(1), 0) == GNTST_general_error, "a mapping by entry is unmapped by entry");
	/* XSA-234: an entry that is there, but read-only, is not the writable mapping */
	pte_of[0][1] &= ~PTE_RW;
	check(unmap(both, 1, 0) == GNTST_general_error, "XSA-234: unmap compares the right to write");
	pte_of[0][1] |= PTE_RW;
	u[0] = (struct gnttab_unmap_grant_ref){ 1, 0, both, 99 };
	u[1] = (struct gnttab_unmap_grant_ref){ 0, (64 + 7) * 4096UL, both, 99 };
	check(op(GNTTABOP_unmap_grant_ref, u, 2) == 0 && !u[0].status && !u[1].status, "both kinds in one batch");
	check(marks(1, 0) == GTF_reading && page_count(pg) == 2 && !page_type_count(pg), "writers gone, the reader is left");
	check(unmap(both, 1, 0) == GNTST_bad_handle, "its handle is gone");
	check(unmap(ro, VA(0), 0) == GNTST_okay && !marks(1, 0), "reader gone");
	grant(1, 1, 0, 63, GTF_sub_page);
	check(map(1, 1, GNTMAP_host_map, VA(0)) == GNTST_bad_gntref, "a sub-page grant is not mapped");
	grant(1, 1, 0, 64 + 1, 0);
	check(map(1, 1, GNTMAP_host_map, VA(0)) == GNTST_bad_page && !marks(1, 1), "a frame that is not the granter's");
	grant(1, 1, 0, ~0u - 64, 0);
	check(map(1, 1, GNTMAP_device_map, 0) == GNTST_bad_page && !marks(1, 1), "a frame that does not exist");
	host_frames[64 + 9].word = (host_frames[64 + 9].word & ~PG_TYPE_MASK) | PGT_L1 | PG_TYPE_COUNT_ONE;
	grant(1, 2, 0, 9, 0);
	check(map(1, 2, GNTMAP_host_map, VA(0)) == GNTST_general_error && !marks(1, 2), "a page table is not mapped writable");
	check(map(1, 2, GNTMAP_host_map | GNTMAP_readonly, VA(0)) == GNTST_okay, "but readable");
	check(unmap(map_result.handle, VA(0), 0) == GNTST_okay, "unmap");
	host_frames[64 + 9].word -= PG_TYPE_COUNT_ONE;
	teardown();
}

static void test_limits(void)
{
	struct gnttab_map_grant_ref many[40];
	struct gnttab_unmap_grant_ref ends[40];
	unsigned int n;

	setup();
	as(0);
	grant(1, 0, 0, 1, 0);
	for (n = 0; map(1, 0, GNTMAP_device_map, 0) == GNTST_okay; n++)
		;
	check(n == 127 && map_result.status == GNTST_general_error, "pins do not overflow");
	for (grant_ref_t ref = 1; map_result.status != GNTST_no_space; ref++) {
		grant(1, ref, 0, 1 + ref % 60, 0);
		while (map(1, ref, GNTMAP_device_map, 0) == GNTST_okay)
			n++;
	}
	check(n == MAX_MAP_PAGES * MAPS_PER_PAGE, "the maptrack ends at its limit");
	while (n--)
		unmap(n, 0, (u64)grant_active_entry(host_domain[1]->grant, map_entry(domain0->grant, n)->ref)->frame << 12);
	/* XSA-318: every element gets a status; a batch goes on where it stopped */
	grant(1, 0, 0, 1, 0);
	for (unsigned int i = 0; i < 40; i++)
		many[i] = (struct gnttab_map_grant_ref){ .host_addr = VA(i), .flags = GNTMAP_host_map, .dom = 1, .ref = i % 2 ? 500 : 0, .status = 99 };
	entry(1, 500)->flags = 0;
	host_preempt_after = 7;
	check(op(GNTTABOP_map_grant_ref, many, 40) == -ERESTART && host_continuation.a2 > (unsigned long)many &&
	      host_continuation.a2 + host_continuation.a3 * sizeof(many[0]) == (unsigned long)&many[40], "a batch is interrupted");
	while (op(GNTTABOP_map_grant_ref, (void *)host_continuation.a2, host_continuation.a3) == -ERESTART)
		;
	for (n = 0; n < 40 && many[n].status == (n % 2 ? GNTST_bad_gntref : GNTST_okay); n++)
		;
	check(n == 40, "and every element has its status");
	host_preempt_after = ~0u;
	for (n = 0; n < 40; n++)
		ends[n] = (struct gnttab_unmap_grant_ref){ VA(n), 0, n % 2 ? 12345 : many[n].handle, 99 };
	flushes = 0;
	check(op(GNTTABOP_unmap_grant_ref, ends, 40) == 0 && page_count(&host_frames[65]) == 1, "unmap with bad handles between");
	for (n = 0; n < 40 && ends[n].status == (n % 2 ? GNTST_bad_handle : GNTST_okay); n++)
		;
	check(n == 40, "every status is right");
	for (n = 0; n < 20; n++)
		many[n] = (struct gnttab_map_grant_ref){ .host_addr = VA(n), .flags = GNTMAP_host_map, .dom = 1, .status = 99 };
	op(GNTTABOP_map_grant_ref, many, 20);
	for (n = 0; n < 20; n++)
		ends[n] = (struct gnttab_unmap_grant_ref){ VA(n), 0, many[n].handle, 99 };
	flushes = 0;
	op(GNTTABOP_unmap_grant_ref, ends, 20);
	check(flushes == 1, "one flush for a batch");
	/* left to the end of the domain */
	op(GNTTABOP_map_grant_ref, many, 20);
	map(1, 0, GNTMAP_device_map, 0);
	drop_pte(pte_of[0][3]);
	pte_of[0][3] = 0;
	check(unmap(many[3].handle, VA(3), 0) == GNTST_general_error, "a mapping that the guest dropped by other means");
	teardown();
}

/* ---- copy ---- */

static void test_copy(void)
{
	struct gnttab_copy batch[8];
	unsigned char *own = &host_memory[10 * 4096], *theirs = &host_memory[(64 + 20) * 4096];
	unsigned int n;

	setup();
	as(0);
	for (n = 0; n < 4096; n++) {
		own[n] = n;
		theirs[n] = n * 7 + 1;
	}
	grant(1, 0, 0, 20, GTF_readonly);
	grant(1, 1, 0, 21, 0);
	check(copy(GNTCOPY_source_gref, 1, 0, 100, DOMID_SELF, 10, 5, 1000) == GNTST_okay && !memcmp(own + 5, theirs + 100, 1000) &&
	      own[1005] == (unsigned char)1005, "copy from a grant");
	check(!marks(1, 0) && !host_frames_held(host_domain[1]) && !host_frames_held(domain0), "nothing is kept");
	check(copy(GNTCOPY_dest_gref, DOMID_SELF, 10, 0, 1, 1, 0, 4096) == GNTST_okay &&
	      !memcmp(own, &host_memory[(64 + 21) * 4096], 4096), "copy to a grant");
	check(copy(GNTCOPY_dest_gref, DOMID_SELF, 10, 0, 1, 0, 0, 1) == GNTST_general_error, "copy to a read-only grant");
	check(copy(GNTCOPY_source_gref, 1, 0, 1, DOMID_SELF, 10, 0, 4096) == GNTST_bad_copy_arg &&
	      copy(GNTCOPY_source_gref, 1, 0, 0, DOMID_SELF, 10, 65535, 65535) == GNTST_bad_copy_arg, "over the end of a page");
	check(copy(0, 1, 64 + 20, 0, DOMID_SELF, 10, 0, 1) == GNTST_permission_denied, "frames of others only by grant");
	check(copy(0, DOMID_SELF, 64 + 20, 0, DOMID_SELF, 10, 0, 1) == GNTST_bad_page, "a frame that is not one's own");
	check(copy(0, DOMID_SELF, 10, 0, DOMID_SELF, 1UL << 40, 0, 1) == GNTST_bad_page, "a frame that does not exist");
	check(copy(GNTCOPY_source_gref, 8, 0, 0, DOMID_SELF, 10, 0, 1) == GNTST_bad_domain, "a domain that does not exist");
	check(copy(GNTCOPY_source_gref, 1, 9, 0, DOMID_SELF, 10, 0, 1) == GNTST_bad_gntref, "an entry that grants nothing");
	check(copy(0, DOMID_SELF, 10, 0, DOMID_SELF, 10, 8, 100) == GNTST_okay && own[8] == own[0], "overlapping within a page");
	entry(1, 2)->flags = GTF_transitive;
	check(copy(GNTCOPY_source_gref, 1, 2, 0, DOMID_SELF, 10, 0, 1) == GNTST_bad_gntref, "XSA-226: no transitive grants in version 1");
	/* third parties: from d1's grant to d2's */
	grant(2, 0, 0, 3, 0);
	check(copy(GNTCOPY_source_gref | GNTCOPY_dest_gref, 1, 0, 0, 2, 0, 0, 64) == GNTST_okay &&
	      !memcmp(&host_memory[(128 + 3) * 4096], theirs, 64), "from grant to grant");
	for (n = 0; n < 8; n++)
		batch[n] = copy_op(GNTCOPY_source_gref, n == 5 ? 8 : 1, n == 3 ? 9 : 0, n * 16, DOMID_SELF, 11 + n / 4, n * 16, 16);
	check(op(GNTTABOP_copy, batch, 8) == 0 && batch[3].status == GNTST_bad_gntref && batch[5].status == GNTST_bad_domain && !batch[2].status && !batch[7].status &&
	      !memcmp(&host_memory[12 * 4096 + 112], theirs + 112, 16), "a batch keeps what the next one needs, past an error too");
	teardown();
}

static void test_others(void)
{
	struct gnttab_swap_grant_ref swap = { 1, 2, 99 };
	struct gnttab_transfer tr = { .mfn = 64 + 30, .domid = 2, .ref = 6 };
	struct gnttab_cache_flush fl = { .op = GNTTAB_CACHE_CLEAN, .length = 64 };
	struct grant_entry_v1 *sha;

	setup();
	as(1);
	grant(1, 1, 0, 11, 0);
	check(!op(GNTTABOP_swap_grant_ref, &swap, 1) && !swap.status && entry(1, 2)->frame == 75, "swap");
	as(0);
	map(1, 2, GNTMAP_host_map, VA(0));
	as(1);
	check(!op(GNTTABOP_swap_grant_ref, &swap, 1) && swap.status == GNTST_eagain, "no swap of one in use");
	swap.ref_a = 5000;
	check(!op(GNTTABOP_swap_grant_ref, &swap, 1) && swap.status == GNTST_bad_gntref, "no swap of one out of range");

	fl.a.dev_bus_addr = (64 + 11) * 4096;
	check(op(GNTTABOP_cache_flush, &fl, 1) == 0, "cache flush of one's own");
	as(0);
	check(op(GNTTABOP_cache_flush, &fl, 1) == 0, "of what one has by a grant");
	as(2);
	check(op(GNTTABOP_cache_flush, &fl, 1) == -EPERM, "not of another's");
	fl.offset = 4090;
	check(op(GNTTABOP_cache_flush, &fl, 1) == -EINVAL, "not over the end of the page");

	as(1);
	sha = entry(2, 6);
	check(!op(GNTTABOP_transfer, &tr, 1) && tr.status == GNTST_general_error && stolen_freed == 1, "transfer to who does not accept");
	host_frames[64 + 30].owner = 1;
	*sha = (struct grant_entry_v1){ .flags = GTF_accept_transfer, .domid = 1, .frame = 1234 };
	tr.mfn = 64 + 11;
	check(!op(GNTTABOP_transfer, &tr, 1) && tr.status == GNTST_bad_page, "transfer of a frame that is in use");
	tr.mfn = 1UL << 50;
	check(!op(GNTTABOP_transfer, &tr, 1) && tr.status == GNTST_bad_page, "transfer of no frame");
	tr.mfn = 64 + 30;
	check(!op(GNTTABOP_transfer, &tr, 1) && tr.status == GNTST_okay && sha->frame == 64 + 30 && host_m2p[64 + 30] == 1234 &&
	      sha->flags == (GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed) &&
	      host_frames[64 + 30].owner == 2, "transfer");
	host_frames[64 + 30].owner = 1;
	teardown();
}

/* ---- random mapping and unmapping against the live mappings ---- */

static struct live {
	bool used, ro, by_pte, has_host, has_device;
	unsigned int user, granter, ref, frame, slot;
	grant_handle_t handle;
} live[200];

static void random_step(struct live *l)
{
	u32 flags = 0;
	int status;

	if (l->used) {
		bool host = host_random() % 2, device = host_random() % 2;

		as(l->user);
		status = unmap(l->handle, host && l->has_host ? l->by_pte ? l->slot : VA(l->slot) : 0,
			       device && l->has_device ? l->frame * 4096UL : 0);
		require(!status, "unmap of what is mapped");
		l->has_host &= !host;
		l->has_device &= !device;
		l->used = l->has_host || l->has_device;
		return;
	}
	*l = (struct live){ .ro = host_random() % 2, .by_pte = host_random() % 2, .has_host = host_random() % 3,
			    .granter = host_random() % 3, .ref = host_random() % 20, .slot = 1 + host_random() % 60 };
	l->has_device = !l->has_host || host_random() % 3 == 0;
	l->user = l->ref % 3;
	if (l->has_host)
		flags |= GNTMAP_host_map;
	if (l->has_device)
		flags |= GNTMAP_device_map;
	flags |= (l->ro ? GNTMAP_readonly : 0) | (l->by_pte ? GNTMAP_contains_pte : 0);
	if (l->has_host && pte_of[l->user][l->slot])
		return;
	as(l->user);
	status = map(l->granter, l->ref, flags, l->by_pte ? l->slot : VA(l->slot));
	require(status == (l->ref % 5 == 4 && !l->ro ? GNTST_general_error : GNTST_okay), "map");
	l->used = !status;
	l->handle = map_result.handle;
	l->frame = map_result.dev_bus_addr / 4096;
}

static bool books_right(void)
{
	for (unsigned int g = 0; g < HOST_DOMAINS; g++)
		for (grant_ref_t ref = 0; ref < 20; ref++) {
			unsigned int uses = 0, writes = 0;
			u16 want;

			for (unsigned int i = 0; i < ARRAY_SIZE(live); i++)
				if (live[i].used && live[i].granter == g && live[i].ref == ref) {
					unsigned int n = live[i].has_host + live[i].has_device;

					uses += n;
					writes += live[i].ro ? 0 : n;
				}
			want = (uses ? GTF_reading : 0) | (writes ? GTF_writing : 0);
			if (marks(g, ref) != want || page_count(&host_frames[g * 64 + ref + 1]) != 1 + uses ||
			    page_type_count(&host_frames[g * 64 + ref + 1]) != writes)
				return false;
		}
	return true;
}

static void test_random(void)
{
	unsigned int wrong = 0;

	setup();
	for (unsigned int g = 0; g < HOST_DOMAINS; g++)
		for (grant_ref_t ref = 0; ref < 20; ref++)
			grant(g, ref, ref % 3, ref + 1, ref % 5 == 4 ? GTF_readonly : 0);
	for (unsigned int i = 0; i < 30000; i++) {
		random_step(&live[host_random() % ARRAY_SIZE(live)]);
		if (i % 20 == 0)
			wrong += !books_right();
	}
	check(!wrong, "marks and references are those of the live mappings at any time");
	host_preempt_after = 2;
	teardown();
	check(true, "the end of the domains ends the rest, in pieces");
}

int main(void)
{
	test_table();
	test_map();
	test_kinds();
	test_limits();
	test_copy();
	test_others();
	test_random();
	return done();
}

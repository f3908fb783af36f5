// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grant tables version 2: who may have it, the change between versions with entries in use and not,
 * marks in the status frames, grants of a part of a page and of another domain's grant (grant/).
 *
 * XSA-226, 318: transitive grants go one step, never round. XSA-384, 486, 500, 501: what a change of
 * version leaves behind.
 */
#include "grants.h"

#define PAGE_OF(d, n)	(&host_memory[((d) * 64 + (n)) * 4096UL])
#define BIG		(1ULL << 32)

static int change_to(unsigned int version)
{
	struct gnttab_set_version sv = { version };
	long rc = op(GNTTABOP_set_version, &sv, 1);

	require(rc == -ERESTART || sv.version == current->domain->grant->abi->version, "the version in force is told");
	return rc;
}

/* All domains but those in @v1 (a mask) have version 2. */
static void setup_v2(unsigned int v1)
{
	grant_max_version = 2;
	setup();
	for (unsigned int i = 0; i < HOST_DOMAINS; i++) {
		as(i);
		require(v1 & 1 << i || !change_to(2), "version 2");
	}
	as(0);
}

static union grant_entry_v2 *entry2(unsigned int from, grant_ref_t ref)
{
	return grant_shared_entry(host_domain[from]->grant, ref);
}

static void grant2(unsigned int from, grant_ref_t ref, unsigned int to, unsigned int n, u16 flags)
{
	union grant_entry_v2 *e = entry2(from, ref);

	e->full_page.pad0 = 0;
	e->full_page.frame = from * 64 + n;
	e->hdr = (struct grant_entry_header){ GTF_permit_access | flags, to };
}

static void grant_part(unsigned int from, grant_ref_t ref, unsigned int to, unsigned int n, unsigned int offset, unsigned int len)
{
	grant2(from, ref, to, n, GTF_sub_page);
	entry2(from, ref)->sub_page.page_off = offset;
	entry2(from, ref)->sub_page.length = len;
}

static void grant_on(unsigned int from, grant_ref_t ref, unsigned int to, unsigned int next, grant_ref_t next_ref, u16 flags)
{
	union grant_entry_v2 *e = entry2(from, ref);

	e->transitive.trans_domid = next;
	e->transitive.gref = next_ref;
	e->hdr = (struct grant_entry_header){ GTF_transitive | flags, to };
}

/* Copy @len bytes at @offset of what d@dom grants as @ref into the caller's frame 10. */
static int from(unsigned int dom, grant_ref_t ref, unsigned int offset, unsigned int len)
{
	return copy(GNTCOPY_source_gref, dom, ref, offset, DOMID_SELF, current->domain->id * 64 + 10, 0, len);
}

static int to(unsigned int dom, grant_ref_t ref, unsigned int offset, unsigned int len)
{
	return copy(GNTCOPY_dest_gref, DOMID_SELF, current->domain->id * 64 + 10, 0, dom, ref, offset, len);
}

static void test_option(void)
{
	static const struct { const char *s; unsigned int version; } cases[] = {
		{ NULL, 1 }, { "max-ver:1", 1 }, { "max-ver:2", 2 }, { "max-ver:3", 1 }, { "max-ver:0", 1 },
		{ "max-ver:", 1 }, { "max-ver:2x", 1 }, { "2", 1 }, { "", 1 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		grant_max_version = 1;
		gnttab_option = cases[i].s;
		grant_init();
		check(grant_max_version == cases[i].version, "gnttab=%s: version %u", cases[i].s ?: "(none)", cases[i].version);
	}
}

static int status_frames(unsigned int dom, unsigned int nr, u64 *list)
{
	struct gnttab_get_status_frames gs = { .dom = dom, .nr_frames = nr, .status = 99 };

	gs.frame_list.p = list;
	return op(GNTTABOP_get_status_frames, &gs, 1) ? 98 : gs.status;
}

static void test_status_frames(void)
{
	struct gnttab_get_status_frames gs = { .dom = DOMID_SELF };
	u64 list[2] = { 0 };
	mfn_t m;

	setup_v2(1 << 1);
	check(status_frames(DOMID_SELF, 1, list) == GNTST_okay && list[0], "a status frame");
	check(mfn_to_page(mfn(list[0]))->owner == 0, "is shared with the domain");
	check(status_frames(DOMID_SELF, 2, list) == GNTST_general_error, "there is one");
	check(status_frames(DOMID_SELF, ~0u, list) == GNTST_general_error, "not as many as one likes");
	check(status_frames(DOMID_SELF, 1, (void *)HOST_BAD_ADDRESS) == GNTST_bad_virt_addr, "bad frame list");
	check(status_frames(9, 1, list) == GNTST_bad_domain, "no such domain");
	check(status_frames(1, 1, list) == GNTST_general_error, "a domain with version 1 has none");
	check(status_frames(2, 1, list) == GNTST_okay, "Domain0 learns another's");
	check(op(GNTTABOP_get_status_frames, &gs, 2) == -EINVAL, "get_status_frames takes one element");
	check(!grant_status_mfn(host_domain[2], 0, true, &m) && mfn_x(m) == list[0], "by number: the same");
	check(grant_status_mfn(host_domain[2], 1, true, &m) == -EINVAL && grant_status_mfn(host_domain[1], 0, true, &m) == -EINVAL,
	      "not above the limit, not in version 1");
	check(grant_max_status_frames(domain0) == 1, "one for eight frames of entries");
	as(2);
	check(status_frames(0, 1, list) == GNTST_permission_denied, "others may not");
	teardown();
}

/* ---- the change ---- */

static void test_change(void)
{
	struct gnttab_map_grant_ref m = { .host_addr = VA(3), .flags = GNTMAP_host_map, .dom = 1, .ref = 9 };
	grant_handle_t console, other;
	u64 before = 0, after = 0;

	setup_v2(7);
	as(1);
	check(change_to(3) == -EINVAL && change_to(0) == -EINVAL, "versions that there are not");
	grant(1, 0, 0, 5, 0);
	grant(1, 1, 0, 6, GTF_readonly);
	grant(1, 9, 0, 7, 0);
	as(0);
	require(!map(1, 0, GNTMAP_host_map, VA(0)), "map");
	console = map_result.handle;
	require(!map(1, 9, GNTMAP_host_map, VA(1)), "map");
	other = map_result.handle;
	as(1);
	check(change_to(2) == -EBUSY && entry(1, 9)->flags & GTF_writing, "not while an entry is in use");
	as(0);
	unmap(other, VA(1), 0);
	as(1);
	host_preempt_after = 1;
	grant_table_grow(current->domain, MAX_FRAMES);
	check(change_to(2) == -ERESTART && grant_is_open(current->domain->grant), "interrupted, the table is open");
	host_preempt_after = ~0u;
	check(!change_to(2) && !change_to(2), "a change, and none");
	check(entry2(1, 0)->hdr.flags == GTF_permit_access && entry2(1, 0)->full_page.frame == 64 + 5 && marks(1, 0) == (GTF_reading | GTF_writing),
	      "the first entries stay, with their marks");
	check(entry2(1, 1)->hdr.flags == (GTF_permit_access | GTF_readonly) && entry2(1, 1)->full_page.frame == 64 + 6 && !marks(1, 1), "used or not");
	check(!entry2(1, 4)->hdr.flags && !entry2(1, 9)->hdr.flags, "the others are empty");
	require(!status_frames(DOMID_SELF, 1, &before), "status");
	as(0);
	check(unmap(console, VA(0), 0) == GNTST_okay && !marks(1, 0), "what was mapped in version 1 is unmapped in version 2");
	check(map(1, 0, GNTMAP_host_map | GNTMAP_readonly, VA(0)) == GNTST_okay && marks(1, 0) == GTF_reading, "and mapped again");
	console = map_result.handle;
	/* what the guest writes there is of no consequence */
	*status_of(host_domain[1]->grant, 0) = 0xffff;
	*status_of(host_domain[1]->grant, 300) = 0xffff;
	as(1);
	entry2(1, 2)->full_page.frame = BIG | 1;
	entry2(1, 2)->hdr.flags = GTF_permit_access;
	check(change_to(1) == -ERANGE && entry2(1, 2)->full_page.frame == (BIG | 1), "a frame that version 1 cannot say");
	grant_on(1, 2, 0, 2, 8, 0);
	check(change_to(1) == -ERANGE && grant_is_open(current->domain->grant), "nor a transitive grant");
	entry2(1, 2)->hdr.flags = 0;
	check(!change_to(1), "back");
	check(entry(1, 0)->flags == (GTF_permit_access | GTF_reading) && entry(1, 0)->frame == 64 + 5, "with its mark");
	check(entry(1, 1)->flags == (GTF_permit_access | GTF_readonly) && !entry(1, 2)->flags, "the first entries are those of version 1 again");
	check(mfn_to_page(mfn(before))->owner == 1 && page_count(mfn_to_page(mfn(before))), "XSA-384: the status frame is still the domain's");
	as(0);
	check(unmap(console, VA(0), 0) == GNTST_okay && entry(1, 0)->flags == GTF_permit_access, "unmapped");
	as(1);
	check(!change_to(2) && status_frames(DOMID_SELF, 1, &after) == 0 && after == before && !*status_of(host_domain[1]->grant, 300),
	      "and serves again, empty");
	host_domain[1]->grant->closed = true;
	grant2(1, 8, 0, 7, 0);
	grant_part(1, 9, 0, 7, 0, 100);
	as(0);
	check(op(GNTTABOP_map_grant_ref, &m, 1) == 0 && m.status == GNTST_eagain && from(1, 9, 0, 1) == GNTST_eagain, "while it changes: try again");
	host_domain[1]->grant->closed = false;
	host_alloc_fails = 1;
	as(2);
	check(change_to(2) == -ENOMEM && host_domain[2]->grant->abi == &grant_v1, "no memory for a status frame");
	host_alloc_fails = 0;
	check(!change_to(2), "later there is");
	teardown();
}

/* ---- whole pages ---- */

static void test_map(void)
{
	struct gnttab_swap_grant_ref swap = { 8, 9, 99 };
	struct gnttab_transfer tr = { .mfn = 64 + 30, .domid = 2, .ref = 200 };
	grant_handle_t h;

	setup_v2(0);
	grant2(1, 8, 0, 5, 0);
	check(map(1, 8, GNTMAP_host_map, VA(0)) == GNTST_okay && entry2(1, 8)->hdr.flags == GTF_permit_access, "mapped; the flags are as they were");
	h = map_result.handle;
	check(marks(1, 8) == (GTF_reading | GTF_writing), "the status says it");
	entry2(1, 8)->hdr.flags = 0;
	check(marks(1, 8) && unmap(h, VA(0), 0) == GNTST_okay && !marks(1, 8), "also after the granter took it back");
	grant2(1, 8, 0, 5, GTF_readonly);
	check(map(1, 8, GNTMAP_host_map, VA(0)) == GNTST_general_error && !marks(1, 8), "a read-only grant");
	grant2(1, 8, 2, 5, 0);
	check(map(1, 8, GNTMAP_host_map, VA(0)) == GNTST_general_error && !marks(1, 8), "to another domain");
	grant2(1, 8, 0, 64, 0);
	check(map(1, 8, GNTMAP_host_map, VA(0)) == GNTST_bad_page && !marks(1, 8), "a frame that is not the granter's");
	grant2(1, 8, 0, 5, 0);
	entry2(1, 8)->full_page.frame |= BIG;
	check(map(1, 8, GNTMAP_device_map, 0) == GNTST_bad_page && !marks(1, 8), "a frame number of more than 32 bits");
	entry2(1, 8)->full_page.frame = ~0ULL;
	check(map(1, 8, GNTMAP_device_map, 0) == GNTST_bad_page && from(1, 8, 0, 1) == GNTST_bad_page && !marks(1, 8), "the highest");
	grant_part(1, 8, 0, 5, 0, 4096);
	check(map(1, 8, GNTMAP_host_map | GNTMAP_readonly, VA(0)) == GNTST_general_error, "a part of a page is not mapped");
	grant2(2, 8, 1, 3, 0);
	grant_on(1, 8, 0, 2, 8, 0);
	check(map(1, 8, GNTMAP_host_map | GNTMAP_readonly, VA(0)) == GNTST_general_error && !marks(1, 8) && !marks(2, 8), "nor a transitive grant");
	check(map(1, 256, GNTMAP_device_map, 0) == GNTST_bad_gntref && from(1, 256, 0, 1) == GNTST_bad_gntref && from(1, ~0u, 0, 1) == GNTST_bad_gntref,
	      "XSA-486: a table of version 2 has half the entries");
	grant_table_grow(host_domain[1], 2);
	grant2(1, 511, 0, 5, 0);
	check(map(1, 511, GNTMAP_device_map, 0) == GNTST_okay && map(1, 512, GNTMAP_device_map, 0) == GNTST_bad_gntref, "until it grows");
	unmap(map_result.handle, 0, (64 + 5) * 4096UL);
	unmap(0, 0, (64 + 5) * 4096UL);

	as(1);
	grant2(1, 8, 0, 5, 0);
	grant_part(1, 9, 2, 6, 17, 18);
	check(!op(GNTTABOP_swap_grant_ref, &swap, 1) && !swap.status && entry2(1, 8)->sub_page.length == 18 && entry2(1, 9)->full_page.frame == 69, "swap");
	swap.ref_b = 600;
	check(!op(GNTTABOP_swap_grant_ref, &swap, 1) && swap.status == GNTST_bad_gntref, "not above the table");
	grant2(2, 200, 1, 0, 0);
	entry2(2, 200)->full_page.frame = 1234;
	entry2(2, 200)->hdr.flags = GTF_accept_transfer;
	check(!op(GNTTABOP_transfer, &tr, 1) && !tr.status && entry2(2, 200)->full_page.frame == 64 + 30 && host_m2p[64 + 30] == 1234 &&
	      entry2(2, 200)->hdr.flags == (GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed), "transfer");
	host_frames[64 + 30].owner = 1;
	tr.ref = 300;
	check(!op(GNTTABOP_transfer, &tr, 1) && tr.status == GNTST_general_error, "to an entry above the table");
	host_frames[64 + 30].owner = 1;
	teardown();
}

/* ---- parts ---- */

static void test_parts(void)
{
	static const struct { unsigned int start, length, offset, len; int status; } cases[] = {
		{ 100, 50, 100, 50, GNTST_okay },	{ 100, 50, 120, 10, GNTST_okay },
		{ 100, 50, 99, 2, GNTST_general_error },	{ 100, 50, 149, 2, GNTST_general_error },
		{ 100, 50, 150, 0, GNTST_okay },	{ 100, 50, 151, 0, GNTST_general_error },
		{ 100, 0, 100, 0, GNTST_okay },		{ 100, 0, 100, 1, GNTST_general_error },
		{ 0, 4096, 0, 4096, GNTST_okay },	{ 0, 4096, 1, 4096, GNTST_bad_copy_arg },
		{ 4000, 65535, 4000, 96, GNTST_okay },	{ 4000, 65535, 4000, 97, GNTST_bad_copy_arg },
		{ 65535, 65535, 65535, 1, GNTST_bad_copy_arg },	{ 65535, 1, 0, 1, GNTST_general_error },
		{ 65535, 65535, 4095, 1, GNTST_general_error },
	};

	setup_v2(0);
	for (unsigned int i = 0; i < 4096; i++)
		PAGE_OF(1, 20)[i] = i * 7;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		grant_part(1, 8, 0, 20, cases[i].start, cases[i].length);
		check(from(1, 8, cases[i].offset, cases[i].len) == cases[i].status && to(1, 8, cases[i].offset, cases[i].len) == cases[i].status &&
		      !marks(1, 8), "%u bytes at %u of %u at %u", cases[i].len, cases[i].offset, cases[i].length, cases[i].start);
	}
	grant_part(1, 8, 0, 20, 100, 50);
	check(!from(1, 8, 110, 5) && !memcmp(PAGE_OF(0, 10), PAGE_OF(1, 20) + 110, 5), "the bytes are right");
	entry2(1, 8)->hdr.flags |= GTF_readonly;
	check(!from(1, 8, 110, 5) && to(1, 8, 110, 5) == GNTST_general_error && !marks(1, 8), "read-only");
	as(2);
	check(from(1, 8, 110, 5) == GNTST_general_error, "not for another");
	as(0);
	grant_part(1, 8, 0, 64, 0, 100);
	check(from(1, 8, 0, 1) == GNTST_bad_page && !marks(1, 8), "of a frame that is not the granter's");
	grant2(1, 9, 0, 21, GTF_readonly);
	memset(PAGE_OF(1, 21), 0x21, 4096);
	require(!map(1, 9, GNTMAP_host_map | GNTMAP_readonly, VA(0)), "map");
	grant_part(1, 9, 0, 22, 0, 10);
	check(!from(1, 9, 100, 1) && *PAGE_OF(0, 10) == 0x21, "an entry that changes while the whole is mapped: what was allowed goes on");
	check(to(1, 9, 0, 1) == GNTST_general_error && marks(1, 9) == GTF_reading, "no more than that");
	check(!unmap(map_result.handle, VA(0), 0) && !to(1, 9, 0, 1) && from(1, 9, 100, 1) == GNTST_general_error && !marks(1, 9),
	      "when it is over, the entry counts");
	teardown();
}

static void test_transitive(void)
{
	setup_v2(0);
	memset(PAGE_OF(2, 3), 0x5a, 4096);
	grant2(2, 8, 1, 3, 0);
	grant_on(1, 8, 0, 2, 8, 0);
	check(!from(1, 8, 0, 64) && !memcmp(PAGE_OF(0, 10), PAGE_OF(2, 3), 64) && !to(1, 8, 64, 64), "through one domain to another");
	check(!marks(1, 8) && !marks(2, 8) && !host_frames_held(host_domain[2]), "nothing is kept");
	as(2);
	check(from(1, 8, 0, 1) == GNTST_general_error, "not for another than it is granted to");
	as(0);
	check(from(2, 8, 0, 1) == GNTST_general_error, "and not past the one in the middle");
	grant_on(1, 8, 0, 2, 8, GTF_readonly);
	check(!from(1, 8, 0, 1) && to(1, 8, 0, 1) == GNTST_general_error, "the one in the middle lets read only");
	grant2(2, 8, 1, 3, GTF_readonly);
	grant_on(1, 8, 0, 2, 8, 0);
	check(!from(1, 8, 0, 1) && to(1, 8, 0, 1) == GNTST_general_error && !marks(1, 8) && !marks(2, 8), "or the last one");
	grant_part(2, 8, 1, 3, 10, 20);
	check(!from(1, 8, 10, 20) && from(1, 8, 0, 11) == GNTST_general_error && from(1, 8, 29, 2) == GNTST_general_error, "a part there is a part here");
	grant2(2, 8, 0, 3, 0);
	check(from(1, 8, 0, 1) == GNTST_general_error && !marks(1, 8), "what was not granted to it cannot be passed on");
	grant_on(1, 8, 0, 2, 999, 0);
	check(from(1, 8, 0, 1) == GNTST_bad_gntref && !marks(1, 8), "what is not there neither");
	grant_on(1, 8, 0, 1, 9, 0);
	grant2(1, 9, 1, 3, 0);
	check(from(1, 8, 0, 1) == GNTST_general_error && !marks(1, 8) && !marks(1, 9), "XSA-226: not to the domain itself");
	grant_on(1, 8, 0, DOMID_SELF, 8, 0);
	grant2(0, 8, 1, 3, 0);
	check(from(1, 8, 0, 1) == GNTST_general_error && !marks(1, 8), "DOMID_SELF is no domain");
	grant_on(1, 8, 0, 7, 8, 0);
	check(from(1, 8, 0, 1) == GNTST_general_error && !marks(1, 8), "nor one that does not exist");
	grant_on(1, 8, 0, 0, 8, 0);
	check(!from(1, 8, 0, 1) && !marks(1, 8) && !marks(0, 8), "back to who asks");
	grant_on(2, 8, 1, 0, 8, 0);
	grant_on(1, 8, 0, 2, 8, 0);
	check(from(1, 8, 0, 1) == GNTST_general_error && !marks(1, 8) && !marks(2, 8), "XSA-226: not two steps");
	grant_on(2, 8, 1, 1, 8, 0);
	check(from(1, 8, 0, 1) == GNTST_general_error && !marks(1, 8) && !marks(2, 8), "and not round");
	teardown();
	setup_v2(1 << 2);
	grant(2, 8, 1, 3, 0);
	grant_on(1, 8, 0, 2, 8, 0);
	check(!from(1, 8, 0, 64) && !marks(2, 8), "the last table may be of version 1");
	teardown();
}

/* ---- random entries, changes of version, batches: nothing is kept, nothing else is touched ---- */

static void random_entry(unsigned int from, grant_ref_t ref)
{
	unsigned int to = host_random() % 4, n = 1 + host_random() % 60;
	u16 flags = host_random() % 4 ? 0 : GTF_readonly;

	if (host_domain[from]->grant->abi == &grant_v1)
		return grant(from, ref, to, n, flags);
	switch (host_random() % 4) {
	case 0:	return grant2(from, ref, to, n, flags);
	case 1:	return grant_part(from, ref, to, n, host_random() % 5000, host_random() % 5000);
	case 2:	return grant_on(from, ref, to, host_random() % 4, host_random() % 24, flags);
	case 3:	memcpy(entry2(from, ref), (u32[]){ host_random(), host_random(), host_random(), host_random() }, 16);
	}
}

static bool anything_kept(void)
{
	for (unsigned int d = 0; d < HOST_DOMAINS; d++) {
		const struct grant_table *gt = host_domain[d]->grant;

		for (grant_ref_t ref = 0; ref < 24; ref++)
			if (grant_active_entry(gt, ref)->pin || (gt->abi == &grant_v2 && *status_of(gt, ref)))
				return true;
		if (host_frames_held(host_domain[d]) || atomic_read(&host_domain[d]->refcnt) != 1)
			return true;
	}
	return false;
}

static void test_random(void)
{
	unsigned int kept = 0, done = 0, changes = 0;
	struct gnttab_copy batch[8];

	setup_v2(0);
	for (unsigned int round = 0; round < 30000; round++) {
		for (unsigned int i = 0; i < 6; i++)
			random_entry(host_random() % HOST_DOMAINS, host_random() % 24);
		as(host_random() % HOST_DOMAINS);
		for (unsigned int i = 0; i < 8; i++)
			batch[i] = copy_op(host_random() % 4, host_random() % 3, host_random() % 24, host_random() % 4096,
					   host_random() % 3, host_random() % 24, host_random() % 4096, host_random() % 600);
		require(!op(GNTTABOP_copy, batch, 8), "a batch");
		for (unsigned int i = 0; i < 8; i++)
			done += batch[i].status == GNTST_okay && batch[i].flags;
		kept += anything_kept();
		if (!(host_random() % 16))
			changes += !change_to(1 + host_random() % 2);
	}
	check(!kept, "after each batch nothing is pinned, marked or referenced");
	check(done > 100 && changes > 100, "though %u were done, %u changes", done, changes);
	teardown();
}

int main(void)
{
	test_option();
	test_status_frames();
	test_change();
	test_map();
	test_parts();
	test_transitive();
	test_random();
	return done();
}

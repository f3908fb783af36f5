// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants between domains: copying, batches, transfer, and the operations on tables.
 *
 * A copy moves exactly the bytes that were asked for, from and to what the entries allow. XSA-226, 318: in a batch each
 * element has its own status and a bad one changes nothing for the rest, in one as long as it may be, whether it was
 * interrupted or not.
 */
#include "grants.h"

static struct gnttab_copy copy_between(struct gnttab_copy c)
{
	c.status = 77;
	if (gt_op(GNTTABOP_copy, &c, 1))
		c.status = 88;
	return c;
}

int gt_copy_in(void *to, unsigned int offset, unsigned int dom, unsigned int ref, unsigned int from, unsigned int len)
{
	return copy_between((struct gnttab_copy){
		.source = { .u.ref = ref, .domid = (domid_t)dom, .offset = (uint16_t)from },
		.dest = { .u.gmfn = va_to_mfn(to), .domid = DOMID_SELF, .offset = (uint16_t)offset },
		.len = (uint16_t)len, .flags = GNTCOPY_source_gref }).status;
}

int gt_copy_out(unsigned int dom, unsigned int ref, unsigned int to, void *from, unsigned int offset, unsigned int len)
{
	return copy_between((struct gnttab_copy){
		.source = { .u.gmfn = va_to_mfn(from), .domid = DOMID_SELF, .offset = (uint16_t)offset },
		.dest = { .u.ref = ref, .domid = (domid_t)dom, .offset = (uint16_t)to },
		.len = (uint16_t)len, .flags = GNTCOPY_dest_gref }).status;
}

static void one_copy(void)
{
	static uint8_t page[PAGE_SIZE] __attribute__((aligned(4096)));
	struct gnttab_copy both = { .source.u.ref = 8, .dest.u.ref = 8, .len = 8,
				    .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref };

	child_call(&one, gt_fill, 0, 0x100, 0);
	child_call(&one, gt_grant, 8, 0, DATA(0));
	child_call(&two, gt_fill, 0, 0x200, 0);
	child_call(&two, gt_grant, 8, 0, DATA(0));
	memset(page, 0xee, PAGE_SIZE);
	is(gt_copy_in(page, 3, one.domid, 8, 16, 8), GNTST_okay, "copied in, to an odd offset");
	is(memcmp(page + 3, &(uint64_t){ 0x102 }, 8), 0, "the right bytes");
	ok(page[2] == 0xee && page[11] == 0xee, "and no more");
	is(gt_copy_out(one.domid, 8, 4088, page, 3, 8), GNTST_okay, "copied out, to the end of a page");
	is(child_call(&one, gt_read, 0, 511, 0), 0x102, "the right bytes");
	both.source.domid = (domid_t)one.domid, both.dest.domid = (domid_t)two.domid;
	is(copy_between(both).status, GNTST_okay, "from one domain to another");
	is(child_call(&two, gt_read, 0, 0, 0), 0x100, "arrived");
	is(gt_copy_in(page, 0, one.domid, 8, 4089, 8), GNTST_bad_copy_arg, "beyond the end of the source");
	is(gt_copy_in(page, 4089, one.domid, 8, 0, 8), GNTST_bad_copy_arg, "of the destination");
	is(gt_copy_in(page, 0, one.domid, 8, 0xffff, 1), GNTST_bad_copy_arg, "an offset outside");
	child_call(&one, gt_grant, 9, 0, DATA(0) | GTF_readonly);
	is(gt_copy_out(one.domid, 9, 0, page, 0, 8), GNTST_general_error, "into what is granted to read");
	both.flags = GNTCOPY_source_gref;
	both.dest.u.gmfn = one.mfn[3];
	both.dest.domid = (domid_t)one.domid;
	is(copy_between(both).status, GNTST_permission_denied, "into another domain's page by its number");
	both.dest.domid = DOMID_SELF;
	is(copy_between(both).status, GNTST_bad_page, "or as if it were the own");
	ok(gt_unused(&one, 8) && gt_unused(&one, 9) && gt_unused(&two, 8), "no entry is in use any more");
}

static void batch(void)
{
	static struct gnttab_map_grant_ref m[8];
	static struct gnttab_unmap_grant_ref u[8];
	unsigned int wrong = 0;

	for (int i = 0; i < 8; i++) {
		child_call(&one, gt_grant, 16 + i, i == 3 ? 5 : 0, DATA(i == 5 ? 1 : 0));
		m[i] = (struct gnttab_map_grant_ref){ .host_addr = U(window[i]), .flags = GNTMAP_host_map, .status = 77,
						      .dom = (domid_t)(i == 6 ? 30000 : one.domid), .ref = 16 + (unsigned int)i };
	}
	is(gt_op(GNTTABOP_map_grant_ref, m, 8), 0, "eight mappings at once, two of them bad");
	for (int i = 0; i < 8; i++)
		wrong += m[i].status != (i == 3 ? GNTST_bad_gntref : i == 6 ? GNTST_bad_domain : GNTST_okay);
	is(wrong, 0, "XSA-226: each has its own status");
	for (int i = 0; i < 8; i++)
		u[i] = (struct gnttab_unmap_grant_ref){ .host_addr = U(window[i]), .handle = m[i].handle, .status = 77 };
	u[3].handle = u[6].handle = m[5].handle;	/* twice what u[5] ends, at other addresses */
	u[3].host_addr = U(window[0]);
	is(gt_op(GNTTABOP_unmap_grant_ref, u, 8), 0, "unmapped at once, with two bad ones");
	wrong = 0;
	for (int i = 0; i < 8; i++)
		wrong += u[i].status != (i == 3 ? GNTST_general_error : i == 6 ? GNTST_bad_handle : GNTST_okay);
	is(wrong, 0, "XSA-318: each has its own status");
	wrong = 0;
	for (unsigned int i = 0; i < 8; i++)
		wrong += !gt_unused(&one, 16 + i);
	is(wrong, 0, "all entries are free");
}

/* So long that a timer's event comes in the middle: the call is interrupted, and goes on behind the upcall. */
#define HUGE 20000
static struct gnttab_copy huge[HUGE];
static bool in_the_middle;

static void look_how_far(unsigned int port)
{
	in_the_middle |= huge[0].status != 77 && huge[HUGE - 1].status == 77;
}

static unsigned int copy_hugely(void *page)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < HUGE; i++)
		huge[i] = (struct gnttab_copy){
			.source = { .u.ref = i % 7 == 3 ? 400 : 8, .domid = (domid_t)one.domid },
			.dest = { .u.gmfn = va_to_mfn(page), .domid = DOMID_SELF },
			.len = 64, .flags = GNTCOPY_source_gref, .status = 77 };
	hypercall(set_timer_op, now() + 5000000UL);
	wrong += gt_op(GNTTABOP_copy, huge, HUGE) != 0;
	for (unsigned int i = 0; i < HUGE; i++)
		wrong += huge[i].status != (i % 7 == 3 ? GNTST_bad_gntref : GNTST_okay);
	return wrong;
}

static void huge_batch(void)
{
	static uint8_t page[PAGE_SIZE] __attribute__((aligned(4096)));
	struct evtchn_close close = { .port = (evtchn_port_t)bind_virq(VIRQ_TIMER, 0) };
	unsigned int wrong = 0, tries = 0;

	event_hook = look_how_far;
	event_mask(close.port, false);
	events_on();
	/* On a busy host the timer may be late, or early. */
	do {
		wrong += copy_hugely(page);
	} while (!in_the_middle && ++tries < 20);
	events_off();
	event_hook = NULL;
	ok(in_the_middle, "the timer's event comes in the middle of %d copies", HUGE);
	is(wrong, 0, "XSA-318: each has its status");
	ok(gt_unused(&one, 8), "the entry is free");
	evtchn(EVTCHNOP_close, &close);
}

/* ---- transfer ---- */

static long accept(long ref, long pfn, long unused)
{
	gt_table[ref].domid = 0;
	gt_table[ref].frame = (uint32_t)pfn;
	return gt_flags(ref, GTF_accept_transfer, 1);
}

/* What came through @ref, mapped and read. */
static long look_at(long ref, long index, long unused)
{
	unsigned long mfn = gt_table[ref].frame;
	long value;

	if (map_mfn(window[0], mfn, PTE_RW_FLAGS))
		return -1;
	value = (long)((volatile uint64_t *)window[0])[index];
	return m2p[mfn] == 0x1234 ? value : -2;
}

static int transfer(void *page, unsigned int dom, unsigned int ref)
{
	struct gnttab_transfer t = { .mfn = va_to_mfn(page), .domid = (domid_t)dom, .ref = ref, .status = 77 };

	return gt_op(GNTTABOP_transfer, &t, 1) ? 88 : t.status;
}

static void transfers(void)
{
	struct xen_domctl op = { };
	uint64_t *gift = page_alloc(), *lost = page_alloc();

	for (unsigned int i = 0; i < DATA_WORDS; i++)
		gift[i] = 7000 + i;
	child_call(&one, accept, 20, 0x1234, 0);
	is(transfer(gift, one.domid, 20), GNTST_bad_page, "a page that is still mapped is not transferred");
	is(gift[1], 7001, "it is where it was");
	hypercall(update_va_mapping, gift, 0UL, UVMF_INVLPG);
	is(transfer(gift, one.domid, 20), GNTST_okay, "unmapped it is");
	is(child_call(&one, gt_flags, 20, 0, 0) & GTF_transfer_completed, GTF_transfer_completed, "the entry says so");
	is(child_call(&one, look_at, 20, 5, 0), 7005, "the receiver has it, with its contents");
	domctl(XEN_DOMCTL_getdomaininfo, one.domid, &op);
	is(op.u.getdomaininfo.tot_pages, CHILD_PAGES, "which makes up for the one that it gave back");
	ok(map_mfn(gift, va_to_mfn(gift), PTE_RW_FLAGS) < 0, "the giver cannot map it any more");
	is(transfer(gift, one.domid, 20), GNTST_bad_page, "nor give it again");
	hypercall(update_va_mapping, lost, 0UL, UVMF_INVLPG);
	is(transfer(lost, one.domid, 20), GNTST_general_error, "an entry that is complete takes no more");
}

/* ---- tables ---- */

static long query(long dom, long unused, long unused2)
{
	struct gnttab_query_size q = { .dom = (domid_t)dom, .status = 77 };

	gt_op(GNTTABOP_query_size, &q, 1);
	return q.status ? q.status : (long)(q.nr_frames * 1000 + q.max_nr_frames);
}

static long grow(long frames, long unused, long unused2)
{
	xen_pfn_t list[8] = { 0 };
	struct gnttab_setup_table s = { .dom = DOMID_SELF, .nr_frames = (uint32_t)frames, .status = 77 };

	set_xen_guest_handle(s.frame_list, list);
	gt_op(GNTTABOP_setup_table, &s, 1);
	return s.status;
}

static long swap(long a, long b, long unused)
{
	struct gnttab_swap_grant_ref s = { .ref_a = (grant_ref_t)a, .ref_b = (grant_ref_t)b, .status = 77 };

	gt_op(GNTTABOP_swap_grant_ref, &s, 1);
	return s.status;
}

static long flush(long mfn, long offset, long length)
{
	struct gnttab_cache_flush f = { .a.dev_bus_addr = (uint64_t)mfn << 12, .offset = (uint16_t)offset,
					.length = (uint16_t)length, .op = GNTTAB_CACHE_CLEAN };

	return gt_op(GNTTABOP_cache_flush, &f, 1);
}

static void tables(void)
{
	grant_handle_t h;

	is(query(one.domid, 0, 0), 1004, "a child's table: one frame of four");
	is(child_call(&two, query, one.domid, 0, 0), GNTST_permission_denied, "not for another child to know");
	is(child_call(&two, query, 0, 0, 0), GNTST_permission_denied, "nor Domain0's");
	is(child_call(&one, grow, 5, 0, 0), GNTST_general_error, "it does not grow beyond");
	is(query(one.domid, 0, 0), 1004, "and has not");
	is(child_call(&one, grow, 4, 0, 0), GNTST_okay, "it grows to four");
	is(query(one.domid, 0, 0), 4004, "and has");
	is(gt_map(one.domid, 4 * 512, window[0], 0, &h), GNTST_bad_gntref, "there is no entry behind the last");

	child_call(&one, gt_grant, 24, 0, DATA(0));
	child_call(&one, gt_flags, 25, 0, 1);
	is(child_call(&one, swap, 24, 25, 0), GNTST_okay, "two entries change places");
	is(child_call(&one, gt_flags, 24, 0, 0), 0, "this is the empty one");
	is(gt_map(one.domid, 25, window[0], 0, &h), GNTST_okay, "the other can be mapped");
	is(child_call(&one, swap, 24, 25, 0), GNTST_eagain, "one in use stays where it is");
	is(child_call(&one, swap, 24, 4 * 512, 0), GNTST_bad_gntref, "one beyond the table is none");
	is(flush((long)one.mfn[one.start_info], 0, 64), -EPERM, "no flushing of a page that was not granted");
	is(flush((long)(pte_of(window[0]) >> 12 & 0xffffffffff), 0, 64), 0, "but of one that is mapped");
	is(flush((long)va_to_mfn(data[0]), 0, 64), 0, "or one's own");
	is(flush((long)va_to_mfn(data[0]), 4090, 64), -EINVAL, "within a page");
	is(flush(0xfffffff, 0, 64), -EINVAL, "that exists");
	is(gt_unmap(window[0], h), GNTST_okay, "unmapped");
}

void test_copy(void)
{
	one_copy();
	batch();
	huge_batch();
	transfers();
	tables();
}

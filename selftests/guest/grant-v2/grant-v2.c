// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grant tables version 2 between domains: the change of version, marks in the status frames, grants of a part of a page
 * and of a grant that another domain made.
 *
 * XSA-226, 318: a transitive grant goes one step. XSA-384, 486, 500, 501: a domain that changes versions as it likes, with
 * its status frames mapped, while others use its grants, gets nothing by it and loses nothing of the machine's.
 *
 * boot: -i self -m 512 -x dom0_mem=192M -x gnttab=max-ver:2 -T 240
 */
#include "child.h"

#define IN_USE		(GTF_reading | GTF_writing)
#define NR_DATA		4
#define ENTRIES		256		/* of one frame */

static uint64_t data[NR_DATA][PAGE_SIZE / 8] __attribute__((aligned(4096)));
static uint8_t window[2][PAGE_SIZE] __attribute__((aligned(4096)));
static union grant_entry_v2 table[ENTRIES] __attribute__((aligned(4096)));
static grant_status_t status[PAGE_SIZE / 2] __attribute__((aligned(4096)));
static struct child one, two;

static long gt_op(unsigned int cmd, void *arg, unsigned int n)
{
	return hypercall(grant_table_op, cmd, arg, n);
}

/* ---- what a domain does with its own table: called here and in the children ---- */

static long set_version(long version, long unused, long unused2)
{
	struct gnttab_set_version sv = { (uint32_t)version };
	long rc = gt_op(GNTTABOP_set_version, &sv, 1);

	return rc ? rc : sv.version;
}

static long get_version(unsigned int dom)
{
	struct gnttab_get_version gv = { .dom = (domid_t)dom };
	long rc = gt_op(GNTTABOP_get_version, &gv, 1);

	return rc ? rc : gv.version;
}

/* Map the table of entries (version 1 for now). */
static long map_table(long unused, long unused2, long unused3)
{
	struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1 };
	xen_pfn_t frame = 0;
	long rc;

	set_xen_guest_handle(setup.frame_list, &frame);
	rc = gt_op(GNTTABOP_setup_table, &setup, 1);
	return rc ? rc : setup.status ? setup.status : map_mfn(table, frame, PTE_RW_FLAGS);
}

static long status_frame(unsigned int dom, unsigned int nr, uint64_t *frames)
{
	struct gnttab_get_status_frames gs = { .dom = (domid_t)dom, .nr_frames = nr, .status = 77 };
	long rc;

	set_xen_guest_handle(gs.frame_list, frames);
	rc = gt_op(GNTTABOP_get_status_frames, &gs, 1);
	return rc ? rc : gs.status;
}

static long map_status(long unused, long unused2, long unused3)
{
	uint64_t frame = 0;
	long rc = status_frame(DOMID_SELF, 1, &frame);

	return rc ? rc : map_mfn(status, frame, PTE_RW_FLAGS);
}

static long forget_status(long unused, long unused2, long unused3)
{
	return hypercall(update_va_mapping, status, 0UL, UVMF_INVLPG);
}

static long grant(long ref, long dom, long page_and_flags)
{
	table[ref].hdr.domid = (domid_t)dom;
	table[ref].full_page.frame = va_to_mfn(data[page_and_flags >> 16]);
	__atomic_store_n(&table[ref].hdr.flags, GTF_permit_access | (page_and_flags & 0xffff), __ATOMIC_SEQ_CST);
	return 0;
}
#define DATA(page)	((long)(page) << 16)

static long grant_part(long ref, long dom, long start_and_length)
{
	table[ref].sub_page.page_off = (uint16_t)(start_and_length >> 16);
	table[ref].sub_page.length = (uint16_t)start_and_length;
	return grant(ref, dom, GTF_sub_page);
}
#define PART(start, length)	((long)(start) << 16 | (length))

static long grant_on(long ref, long dom, long next_dom_and_ref)
{
	table[ref].hdr.domid = (domid_t)dom;
	table[ref].transitive.trans_domid = (domid_t)(next_dom_and_ref >> 16);
	table[ref].transitive.gref = (grant_ref_t)(next_dom_and_ref & 0xffff);
	__atomic_store_n(&table[ref].hdr.flags, GTF_transitive, __ATOMIC_SEQ_CST);
	return 0;
}
#define NEXT(dom, ref)	((long)(dom) << 16 | (ref))

static long get_status(long ref, long set, long unused)
{
	if (set)
		status[ref] = (grant_status_t)set;
	return status[ref];
}

static long revoke(long ref, long unused, long unused2)
{
	__atomic_store_n(&table[ref].hdr.flags, 0, __ATOMIC_SEQ_CST);
	return 0;
}

static long entry_flags(long ref, long unused, long unused2)
{
	return table[ref].hdr.flags;
}

static long fill(long page, long value, long unused)
{
	for (unsigned int i = 0; i < PAGE_SIZE / 8; i++)
		data[page][i] = (uint64_t)value + i;
	return 0;
}

static long read_data(long page, long index, long unused)
{
	return (long)*(volatile uint64_t *)&data[page][index];
}

/* ---- what Domain0 does with others' grants ---- */

static int map(unsigned int dom, unsigned int ref, void *va, unsigned int flags, grant_handle_t *handle)
{
	struct gnttab_map_grant_ref m = { .host_addr = U(va), .flags = flags | GNTMAP_host_map, .ref = ref,
					  .dom = (domid_t)dom, .status = 77 };
	long rc = gt_op(GNTTABOP_map_grant_ref, &m, 1);

	*handle = m.handle;
	return rc ? (int)rc : m.status;
}

static int unmap(void *va, grant_handle_t handle)
{
	struct gnttab_unmap_grant_ref u = { .host_addr = U(va), .handle = handle, .status = 77 };
	long rc = gt_op(GNTTABOP_unmap_grant_ref, &u, 1);

	return rc ? (int)rc : u.status;
}

static int copy(struct child *c, unsigned int ref, unsigned int offset, unsigned int len, bool out)
{
	struct gnttab_copy op = { .len = (uint16_t)len, .status = 77, .flags = out ? GNTCOPY_dest_gref : GNTCOPY_source_gref };
	struct gnttab_copy_ptr own = { .u.gmfn = va_to_mfn(data[0]), .domid = DOMID_SELF },
			       theirs = { .u.ref = ref, .domid = (domid_t)c->domid, .offset = (uint16_t)offset };

	op.source = out ? own : theirs;
	op.dest = out ? theirs : own;
	return gt_op(GNTTABOP_copy, &op, 1) ? 88 : op.status;
}

static int from(struct child *c, unsigned int ref, unsigned int offset, unsigned int len)
{
	return copy(c, ref, offset, len, false);
}

static int to(struct child *c, unsigned int ref, unsigned int offset, unsigned int len)
{
	return copy(c, ref, offset, len, true);
}

static long mark_of(struct child *c, long ref)
{
	return child_call(c, get_status, ref, 0, 0);
}

static void make_child(struct child *c, unsigned int vcpus, unsigned int version)
{
	child_grant_version = version;
	if (child_make(c, 1, vcpus) || child_start(c) || child_call(c, map_table, 0, 0, 0))
		bail("no child");
}

/* ---- tests ---- */

static void versions(void)
{
	uint64_t frames[2] = { 0 };

	is(get_version(DOMID_SELF), 1, "a table begins in version 1");
	is(status_frame(DOMID_SELF, 1, frames), GNTST_general_error, "which has no status frames");
	is(set_version(3, 0, 0), -EINVAL, "there is no version 3");
	is(set_version(2, 0, 0), 2, "Domain0 goes to version 2");
	is(get_version(DOMID_SELF), 2, "and has it");
	is(status_frame(DOMID_SELF, 1, frames), GNTST_okay, "now there is a status frame");
	is(status_frame(DOMID_SELF, 2, frames), GNTST_general_error, "one");
	is(map_status(0, 0, 0), 0, "it can be mapped");
	is(forget_status(0, 0, 0), 0, "and unmapped");
	is(set_version(1, 0, 0), 1, "back to version 1");
	make_child(&one, 1, 1);
	is(child_call(&one, set_version, 2, 0, 0), -ENOSYS, "a domain that was made for version 1 does not get 2");
	child_destroy(&one);
}

static void pages(void)
{
	grant_handle_t h;
	uint64_t frame = 0;
	struct xen_mem_acquire_resource r = { .domid = (domid_t)one.domid, .type = XENMEM_resource_grant_table,
					      .id = XENMEM_resource_grant_table_id_status, .nr_frames = 1 };
	xen_pfn_t list[1] = { 0 };

	is(child_call(&one, set_version, 2, 0, 0), 2, "a child goes to version 2");
	is(child_call(&one, map_status, 0, 0, 0), 0, "and maps its status frame");
	child_call(&one, fill, 1, 1000, 0);
	child_call(&one, grant, 8, 0, DATA(1));
	is(map(one.domid, 8, window[0], 0, &h), GNTST_okay, "its page is mapped");
	is((long)((volatile uint64_t *)window[0])[7], 1007, "shows what it wrote");
	is(mark_of(&one, 8) & IN_USE, IN_USE, "the status says so");
	is(child_call(&one, entry_flags, 8, 0, 0), GTF_permit_access, "the flags are as they were");
	is(child_call(&one, set_version, 1, 0, 0), -EBUSY, "XSA-384: no change of version while it is mapped");
	child_call(&one, revoke, 8, 0, 0);
	is(mark_of(&one, 8) & IN_USE, IN_USE, "taken back: the status still says it");
	child_call(&one, get_status, 8, 0xffff, 0);
	is(unmap(window[0], h), GNTST_okay, "unmapped");
	is(mark_of(&one, 8) & IN_USE, 0, "the marks are gone");
	child_call(&one, grant, ENTRIES - 1, 0, DATA(1));
	is(from(&one, ENTRIES - 1, 0, 8), GNTST_okay, "the last entry of a frame");
	is(from(&one, ENTRIES, 0, 8), GNTST_bad_gntref, "XSA-486: there are half as many as in version 1");

	set_xen_guest_handle(r.frame_list, list);
	is(hypercall(memory_op, XENMEM_acquire_resource, &r), 0, "the status frame is got as a resource");
	is(status_frame(one.domid, 1, &frame), GNTST_okay, "and by the operation");
	is((long)list[0], (long)frame, "it is the same");
	is(map_foreign(window[1], list[0], one.domid, PTE_RO_FLAGS), 0, "and mapped");
	child_call(&one, get_status, 77, 0x1234, 0);
	is(((volatile grant_status_t *)window[1])[77], 0x1234, "seen by both");
	hypercall(update_va_mapping, window[1], 0UL, UVMF_INVLPG);
}

static void parts(void)
{
	grant_handle_t h;

	child_call(&one, fill, 0, 0x4000, 0);
	child_call(&one, grant_part, 9, 0, PART(16, 32));
	is(from(&one, 9, 16, 32), GNTST_okay, "a part of a page is copied");
	is((long)data[0][0], 0x4002, "the right one");
	is(from(&one, 9, 15, 8), GNTST_general_error, "not from before it");
	is(from(&one, 9, 41, 8), GNTST_general_error, "not beyond it");
	data[0][0] = 99;
	is(to(&one, 9, 40, 8), GNTST_okay, "copied out");
	is(child_call(&one, read_data, 0, 5, 0), 99, "arrived");
	is(to(&one, 9, 48, 1), GNTST_general_error, "not beyond it");
	is(map(one.domid, 9, window[0], GNTMAP_readonly, &h), GNTST_general_error, "it is not mapped");
	child_call(&one, grant_part, 9, 0, PART(4090, 65535));
	is(from(&one, 9, 4090, 7), GNTST_bad_copy_arg, "a part that leaves the page ends with it");
	child_call(&one, grant_part, 9, two.domid, PART(0, 64));
	is(from(&one, 9, 0, 8), GNTST_general_error, "what is granted to another");
	is(mark_of(&one, 9) & IN_USE, 0, "no mark is left");
}

static void transitive(void)
{
	grant_handle_t h;

	child_call(&two, set_version, 2, 0, 0);
	child_call(&two, map_status, 0, 0, 0);
	child_call(&two, fill, 0, 0x7000, 0);
	child_call(&two, grant, 8, one.domid, DATA(0));
	child_call(&one, grant_on, 10, 0, NEXT(two.domid, 8));
	is(from(&one, 10, 8, 8), GNTST_okay, "through one domain's grant to another's page");
	is((long)data[0][0], 0x7001, "the right one");
	is(to(&one, 10, 0, 8), GNTST_okay, "and back");
	is(from(&two, 8, 0, 8), GNTST_general_error, "directly it was not granted");
	is(map(one.domid, 10, window[0], GNTMAP_readonly, &h), GNTST_general_error, "it is not mapped");
	child_call(&two, grant, 8, one.domid, DATA(0) | GTF_readonly);
	is(to(&one, 10, 0, 8), GNTST_general_error, "what was granted to read is not passed on for writing");
	child_call(&two, grant, 8, 0, DATA(0));
	is(from(&one, 10, 0, 8), GNTST_general_error, "what was granted to another is not passed on");
	child_call(&two, grant_on, 8, one.domid, NEXT(one.domid, 10));
	is(from(&one, 10, 0, 8), GNTST_general_error, "XSA-226: not in a circle");
	child_call(&one, grant_on, 10, 0, NEXT(one.domid, 10));
	is(from(&one, 10, 0, 8), GNTST_general_error, "nor to itself");
	child_call(&one, grant_on, 10, 0, NEXT(30000, 8));
	is(from(&one, 10, 0, 8), GNTST_general_error, "nor to nobody");
	is((mark_of(&one, 10) | mark_of(&two, 8)) & IN_USE, 0, "no mark is left");
}

static void first_entries(void)
{
	grant_handle_t h;

	child_call(&two, grant, 0, 0, DATA(2));
	child_call(&two, fill, 2, 0x2000, 0);
	is(map(two.domid, 0, window[0], 0, &h), GNTST_okay, "one of the first entries is mapped");
	child_call(&two, grant_on, 1, 0, NEXT(one.domid, 8));
	is(child_call(&two, set_version, 1, 0, 0), -ERANGE, "a transitive one cannot go to version 1");
	child_call(&two, revoke, 1, 0, 0);
	child_call(&two, revoke, 8, 0, 0);
	child_call(&two, forget_status, 0, 0, 0);
	is(child_call(&two, set_version, 1, 0, 0), 1, "the table changes");
	is(child_call(&two, entry_flags, 0, 0, 0), GTF_permit_access | IN_USE, "the entry is there with its marks");
	is((long)((volatile uint64_t *)window[0])[3], 0x2003, "the mapping is, too");
	is(child_call(&two, set_version, 2, 0, 0), 2, "and changes again");
	is(unmap(window[0], h), GNTST_okay, "unmapped");
	is(from(&two, 0, 0, 8), GNTST_okay, "and it can be used");
	is(child_call(&two, map_status, 0, 0, 0), 0, "the status frame is mapped again");
	is(mark_of(&two, 0) & IN_USE, 0, "without a mark");
}

/* ---- a granter that does what it likes while others use its grants ---- */

static long restless(long rounds, long dom, long next)
{
	long changes = 0;

	for (long i = 0; i < rounds; i++) {
		grant(0, dom, DATA(0));
		grant(8, dom, DATA(1));
		grant_part(9, dom, PART(8, 8));
		grant_on(10, dom, NEXT(next, 8));
		for (uint64_t end = now() + 20000; now() < end; )
			;			/* the others need time to use them */
		changes += set_version(1 + i % 2, 0, 0) > 0;
		memset(status, (int)i, sizeof(status));
		revoke(8, 0, 0);
		revoke(9, 0, 0);
	}
	return changes;
}

/* What it left in the first entries may be anything. */
static long calm(long unused, long unused2, long unused3)
{
	memset(table, 0, sizeof(table));
	return forget_status(0, 0, 0);
}

static bool plausible(int s)
{
	return s == GNTST_okay || s == GNTST_general_error || s == GNTST_bad_gntref || s == GNTST_bad_page || s == GNTST_eagain ||
	       s == GNTST_bad_copy_arg;
}

static void race(void)
{
	unsigned int wrong = 0, mapped = 0, copied = 0, stuck = 0;
	volatile uint64_t *done = &one.box->call[1].done, before = *done;

	child_call(&two, grant, 8, one.domid, DATA(0));
	child_begin(&one, 1, restless, 3000, 0, two.domid);
	while (*done == before) {
		grant_handle_t h;
		unsigned int ref = (mapped + copied + wrong) & 1 ? 8 : 0;
		int s = map(one.domid, ref, window[0], 0, &h);

		wrong += !plausible(s);
		mapped += !s;
		stuck += !s && unmap(window[0], h) != GNTST_okay;
		for (ref = 8; ref < 11; ref++) {
			s = from(&one, ref, 8, 8);
			wrong += !plausible(s);
			copied += !s;
		}
	}
	ok(child_end(&one, 1) > 100, "a table changes its version again and again");
	is(wrong, 0, "each use of it has a sensible status");
	is(stuck, 0, "and each mapping ends");
	note("%u mapped, %u copied meanwhile", mapped, copied);
	child_call(&one, calm, 0, 0, 0);
	is(child_call(&one, set_version, 1, 0, 0), 1, "nothing is in use afterwards");
}

void test_main(void)
{
	unsigned long before;
	grant_handle_t h;

	if (child_role())
		child_serve(vcpu_count());
	map_table(0, 0, 0);
	bind_ipi(0);
	versions();
	/* Memory that the hypervisor keeps for the next time. */
	make_child(&one, 2, 2);
	make_child(&two, 1, 2);
	child_call(&one, set_version, 2, 0, 0);
	child_call(&two, set_version, 2, 0, 0);
	child_call(&one, grant, 8, 0, DATA(0));
	map(one.domid, 8, window[0], 0, &h);
	unmap(window[0], h);
	child_destroy(&one);
	child_destroy(&two);
	wait_for(false, 20);
	before = free_pages();
	make_child(&one, 2, 2);
	make_child(&two, 1, 2);
	pages();
	parts();
	transitive();
	first_entries();
	race();
	child_destroy(&one);
	child_destroy(&two);
	wait_for(free_pages() >= before, 2000);
	note("%lu pages free, %lu before", free_pages(), before);
	ok(free_pages() >= before, "no page is lost");
}

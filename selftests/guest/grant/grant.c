// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grant tables, as far as one domain can try them on itself: set up, map, unmap, copy, and all the ways to be refused.
 *
 * Every element of a batch gets its own status. XSA-227: the PTE address of a mapping is aligned. XSA-224, 234: unmapping
 * checks what it is given against what was mapped. XSA-226: transitive grants do not recurse.
 */
#include "lib.h"
#include <xen/grant_table.h>

static struct grant_entry_v1 *table;

static long op(unsigned int cmd, void *arg, unsigned int n) { return hypercall(grant_table_op, cmd, arg, n); }

void test_main(void)
{
	xen_pfn_t frames[4] = { 0 };
	struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1 };
	struct gnttab_query_size size = { .dom = DOMID_SELF };
	struct gnttab_map_grant_ref map = { .dom = DOMID_SELF, .ref = 9, .flags = GNTMAP_host_map };
	struct gnttab_unmap_grant_ref unmap = { };
	uint64_t *page = page_alloc(), *other = page_alloc(), *window = page_alloc();
	unsigned long window_mfn = va_to_mfn(window);
	struct gnttab_copy copy = { .len = 64, .flags = GNTCOPY_source_gref };

	set_xen_guest_handle(setup.frame_list, frames);
	is(op(GNTTABOP_setup_table, &setup, 1), 0, "setup_table");
	is(setup.status, GNTST_okay, "gives a frame");
	table = page_alloc();
	is(map_mfn(table, frames[0], PTE_RW_FLAGS), 0, "which can be mapped");
	is(op(GNTTABOP_query_size, &size, 1), 0, "query_size");
	ok(size.nr_frames >= 1 && size.max_nr_frames >= size.nr_frames, "says %u of %u", size.nr_frames, size.max_nr_frames);
	setup.nr_frames = 100000;
	op(GNTTABOP_setup_table, &setup, 1);
	ok(setup.status < 0, "too many frames are refused");
	setup.nr_frames = 1, setup.dom = 77;
	op(GNTTABOP_setup_table, &setup, 1);
	ok(setup.status < 0, "a domain that does not exist has none");

	page[0] = 0x7e57;
	table[9].domid = 0;
	table[9].frame = (uint32_t)va_to_mfn(page);
	__atomic_store_n(&table[9].flags, GTF_permit_access, __ATOMIC_SEQ_CST);
	copy.source.u.ref = 9;
	copy.source.domid = DOMID_SELF;
	copy.dest.u.gmfn = va_to_mfn(other);
	copy.dest.domid = DOMID_SELF;
	is(op(GNTTABOP_copy, &copy, 1), 0, "copy");
	is(copy.status, GNTST_okay, "of a granted page works");
	is((long)other[0], 0x7e57, "the data arrived");
	copy.source.offset = 4090;
	op(GNTTABOP_copy, &copy, 1);
	ok(copy.status < 0, "across the end of a page: refused");
	copy.source.offset = 0, copy.source.u.ref = 8;
	op(GNTTABOP_copy, &copy, 1);
	ok(copy.status < 0, "of an empty entry: refused");
	copy.source.u.ref = 0x7fffffff;
	op(GNTTABOP_copy, &copy, 1);
	ok(copy.status < 0, "of a wild entry: refused");
	copy.source.u.ref = 9, copy.dest.u.gmfn = cr3_mfn();
	op(GNTTABOP_copy, &copy, 1);
	ok(copy.status < 0, "into a page table: refused");
	copy.dest.u.gmfn = 0xfffffff;
	op(GNTTABOP_copy, &copy, 1);
	ok(copy.status < 0, "into a frame that does not exist: refused");

	map.host_addr = U(window);
	is(op(GNTTABOP_map_grant_ref, &map, 1), 0, "mapping an own grant");
	note("says %d", map.status);
	if (map.status == GNTST_okay) {
		is((long)window[0], 0x7e57, "shows the page");
		ok(table[9].flags & GTF_reading, "the entry says that it is in use");
		unmap.host_addr = U(page);
		unmap.handle = map.handle;
		op(GNTTABOP_unmap_grant_ref, &unmap, 1);
		ok(unmap.status < 0, "XSA-234: unmapping at another address is refused");
		unmap.host_addr = U(window);
		op(GNTTABOP_unmap_grant_ref, &unmap, 1);
		is(unmap.status, GNTST_okay, "unmapping at the right one works");
		op(GNTTABOP_unmap_grant_ref, &unmap, 1);
		ok(unmap.status < 0, "only once");
		is(table[9].flags & (GTF_reading | GTF_writing), 0, "the entry is free again");
		is(map_mfn(window, window_mfn, PTE_RW_FLAGS), 0, "the window is restored");
	}
	map.ref = 8;
	op(GNTTABOP_map_grant_ref, &map, 1);
	ok(map.status < 0, "mapping an empty entry is refused");
	map.ref = 9, map.flags = GNTMAP_host_map | GNTMAP_contains_pte;
	map.host_addr = va_to_maddr(walk(window, 1)) + 4;
	op(GNTTABOP_map_grant_ref, &map, 1);
	ok(map.status < 0, "XSA-227: an unaligned PTE address is refused");
	map.flags = 0;
	op(GNTTABOP_map_grant_ref, &map, 1);
	ok(map.status < 0, "mapping nowhere is refused");
	unmap.handle = 0x7fffffff;
	op(GNTTABOP_unmap_grant_ref, &unmap, 1);
	ok(unmap.status < 0, "a wild handle is refused");
	is(op(99, &unmap, 1), -ENOSYS, "an unknown operation");
	is(op(GNTTABOP_copy, (void *)0x1000, 1), -EFAULT, "an unreadable batch");
	ok(try_write(window, 1) == NO_TRAP, "our pages are where they were");
}

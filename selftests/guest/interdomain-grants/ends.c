// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants between domains: limits, and what happens when one side goes away.
 *
 * A use more than an entry counts, or a mapping more than a domain may have, is refused and everything else stays. A page
 * that is mapped outlives its domain until it is unmapped; when the domain that mapped dies, the granter's entries are free
 * and its pages good for anything. Afterwards the machine has as many free pages as before.
 */
#include "grants.h"

#define MANY		200
#define MAX_PINS	127		/* of one entry */
#define MAX_MAPS	1024		/* child.c: four frames of maptrack */

/* ---- limits ---- */

static struct gnttab_map_grant_ref many[MANY];
static struct gnttab_unmap_grant_ref gone[MANY];

void test_limits(void)
{
	unsigned int done = 0, refused = 0, back = 0;

	child_call(&one, gt_fill, 6, 6000, 0);
	child_call(&one, gt_grant, 30, 0, DATA(6));
	for (unsigned int i = 0; i < MANY; i++)
		many[i] = (struct gnttab_map_grant_ref){ .flags = GNTMAP_device_map | GNTMAP_readonly, .ref = 30,
							 .dom = (domid_t)one.domid, .status = 77 };
	is(gt_op(GNTTABOP_map_grant_ref, many, MANY), 0, "one entry is used %d times", MANY);
	for (unsigned int i = 0; i < MANY; i++) {
		done += many[i].status == GNTST_okay;
		refused += many[i].status == GNTST_general_error;
	}
	is(done, MAX_PINS, "XSA-218: as often as can be counted");
	is(refused, MANY - MAX_PINS, "the rest is refused");
	for (unsigned int i = 0; i < done; i++)
		gone[i] = (struct gnttab_unmap_grant_ref){ .dev_bus_addr = many[i].dev_bus_addr, .handle = many[i].handle,
							   .status = 77 };
	is(gt_op(GNTTABOP_unmap_grant_ref, gone, done), 0, "unmapped");
	for (unsigned int i = 0; i < done; i++)
		back += gone[i].status == GNTST_okay;
	is(back, done, "all of them");
	ok(gt_unused(&one, 30), "the entry is free");
	is(gt_unmap_at(gt_map_at(one.domid, 30, 0), 0, 0), GNTST_okay, "and can be mapped again");
}

/* What the child maps until it is refused; the last status. */
static long map_until_full(long ref, long n, long unused)
{
	struct gnttab_map_grant_ref m = { .flags = GNTMAP_device_map | GNTMAP_readonly, .dom = 0 };
	long count = 0;

	for (; count < n; count++) {
		m.ref = (grant_ref_t)(ref + count / 100);
		gt_op(GNTTABOP_map_grant_ref, &m, 1);
		if (m.status)
			break;
	}
	child_box()->word[0] = (uint64_t)count;
	return m.status;
}

static void maptrack_limit(void)
{
	unsigned int in_use = 0;

	for (int i = 0; i < 12; i++)
		gt_grant(40 + i, two.domid, DATA(7));
	is(child_call(&two, map_until_full, 40, 1200, 0), GNTST_no_space, "a child maps until there is no room");
	is((long)two.box->word[0], MAX_MAPS, "XSA-228: as much as it was given");
	is(child_call(&one, gt_map_at, 0, 52, 0), GNTST_bad_gntref, "another child has room, though nothing granted");
	for (unsigned int i = 0; i < 11; i++)
		in_use += !gt_unused(NULL, 40 + i);
	is(in_use, 11, "entries are in use");
}

/* ---- ends ---- */

static void granter_destroyed(void)
{
	unsigned long before = free_pages();
	struct xen_domctl op = { };
	unsigned int domid;
	grant_handle_t h;

	make_child(&one, 1);
	domid = one.domid;
	child_call(&one, gt_fill, 0, 900, 0);
	child_call(&one, gt_grant, 8, 0, DATA(0));
	is(gt_map(domid, 8, window[0], 0, &h), GNTST_okay, "a page is mapped");
	is(child_destroy(&one), 0, "and its domain destroyed");
	is((long)((volatile uint64_t *)window[0])[9], 909, "the page is there");
	is(domctl(XEN_DOMCTL_getdomaininfo, domid, &op), 0, "so is the domain's number:");
	ok(op.domain == domid && op.u.getdomaininfo.flags & XEN_DOMINF_dying, "it is dying");
	is(gt_unmap(window[0], h), GNTST_okay, "unmapped");
	ok(wait_for(domctl(XEN_DOMCTL_pausedomain, domid, &op) == -ESRCH, 2000), "the number is free");
	come_back(before, "the granter was destroyed");
}

static void mapper_destroyed(void)
{
	unsigned long before = free_pages();
	uint64_t *page = data[8];

	make_child(&one, 1);
	gt_fill(8, 800, 0);
	gt_grant(60, one.domid, DATA(8));
	gt_grant(61, one.domid, DATA(9));
	ok(child_call(&one, gt_map_at, 0, 60, 0) >= 0, "a child maps a page of Domain0's");
	ok(child_call(&one, gt_map_at, 0, 61, 1) >= 0, "another");
	ok(child_call(&one, gt_map_at, 0, 60, 1) >= 0, "over it: an address is mapped over, its handle is still held");
	ok(!gt_unused(NULL, 60) && !gt_unused(NULL, 61), "both entries are in use");
	memset(page, 0, PAGE_SIZE);
	ok(pin(page, 1) < 0, "XSA-218: while it is mapped there it cannot be a page table here");
	remap(page, PTE_RW_FLAGS);
	is(child_destroy(&one), 0, "the child is destroyed");
	ok(gt_unused(NULL, 60) && gt_unused(NULL, 61), "XSA-236: both entries are free");
	is(pin(page, 1), 0, "the page can be a page table");
	is(unpin(page), 0, "and anything else");
	is(remap(page, PTE_RW_FLAGS), 0, "again");
	come_back(before, "the mapper was destroyed");
}

/* Frames that the hypervisor shares with a domain may be mapped by a control domain too, and it may be late to unmap. */
static void shared_frames(void)
{
	struct xen_domctl op = { };
	xen_pfn_t frame = 0;
	struct gnttab_setup_table s = { .nr_frames = 1 };
	unsigned long before = free_pages();

	make_child(&one, 1);
	domctl(XEN_DOMCTL_getdomaininfo, one.domid, &op);
	s.dom = (domid_t)one.domid;
	set_xen_guest_handle(s.frame_list, &frame);
	is(gt_op(GNTTABOP_setup_table, &s, 1), 0, "the child's table as Domain0 sees it");
	is(map_foreign(window[0], frame, one.domid, PTE_RW_FLAGS), 0, "is mapped");
	is(map_foreign(window[1], op.u.getdomaininfo.shared_info_frame, one.domid, PTE_RW_FLAGS), 0, "its shared_info too");
	is(child_destroy(&one), 0, "the child is destroyed");
	ok(wait_for(domctl(XEN_DOMCTL_pausedomain, one.domid, &op) == -ESRCH, 2000), "it is gone");
	is(try_write(window[0], 1), NO_TRAP, "the frames are not");
	is(try_write(window[1], 1), NO_TRAP, "neither of them");
	ok(free_pages() < before, "nor are they free");
	is(hypercall(update_va_mapping, window[0], 0UL, UVMF_INVLPG), 0, "unmapped");
	is(hypercall(update_va_mapping, window[1], 0UL, UVMF_INVLPG), 0, "unmapped");
	come_back(before, "frames of the hypervisor's were mapped");
}

static void abandoned(void)
{
	unsigned int in_use = 0;
	unsigned long before;

	child_call(&one, gt_map_at, 0, 52, 0);	/* its own list of mappings is there */
	before = free_pages();
	make_child(&two, 1);
	maptrack_limit();
	is(child_destroy(&two), 0, "a child with %d mappings is destroyed", MAX_MAPS);
	for (unsigned int i = 0; i < 11; i++)
		in_use += !gt_unused(NULL, 40 + i);
	is(in_use, 0, "XSA-236: no entry is in use");
	come_back(before, "nobody unmapped");
}

static long grant_any(long ref, long dom, long mfn)
{
	gt_table[ref].domid = (domid_t)dom;
	gt_table[ref].frame = (uint32_t)mfn;
	return gt_flags(ref, GTF_permit_access, 1);
}

/* Two domains that map of each other, and frames that the hypervisor shares with them; they go in either order. */
static void entangled(bool first)
{
	unsigned long before = free_pages();
	struct xen_domctl op = { };
	struct child *gone = first ? &one : &two, *last = first ? &two : &one;

	make_child(&one, 1);
	make_child(&two, 1);
	child_call(&one, gt_grant, 8, two.domid, DATA(0));
	child_call(&two, gt_grant, 8, one.domid, DATA(0));
	domctl(XEN_DOMCTL_getdomaininfo, one.domid, &op);
	child_call(&one, grant_any, 9, two.domid, (long)op.u.getdomaininfo.shared_info_frame);
	ok(child_call(&two, gt_map_at, one.domid, 8, 0) >= 0, "a child maps a page of another");
	ok(child_call(&one, gt_map_at, two.domid, 8, 0) >= 0, "and that one of the first");
	ok(child_call(&two, gt_map_at, one.domid, 9, 1) >= 0, "and its shared_info, which was granted");
	is(child_destroy(gone), 0, "one is destroyed");
	ok(child_call(last, gt_read, 1, 0, 0) == 0, "the other one runs");
	is(child_destroy(last), 0, "then the other");
	ok(wait_for(domctl(XEN_DOMCTL_pausedomain, gone->domid, &op) == -ESRCH, 2000), "both are gone");
	come_back(before, "domains that mapped of each other");
}

void test_ends(void)
{
	granter_destroyed();
	mapper_destroyed();
	make_child(&one, 1);
	abandoned();
	child_destroy(&one);
	shared_frames();
	entangled(true);
	entangled(false);
}

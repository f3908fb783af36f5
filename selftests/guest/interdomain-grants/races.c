// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants between domains: several vcpus at once.
 *
 * XSA-228: two vcpus of a domain map and unmap the same entry, unmap the same handle. XSA-218, 236: the granter changes the
 * entry, and what the page is, under the hands of who maps it and copies. Each call has one of the results that the rules
 * allow, and in the end no pin and no reference is left: the entry is free, the page can be a page table.
 */
#include "grants.h"

#define ROUNDS		150		/* each costs a flush on all CPUs */

/* Map and unmap the same entry again and again; how often, and everything that may not be. */
static long map_unmap(long ref, long rounds, long w)
{
	long strange = 0, mapped = 0;

	while (rounds--) {
		grant_handle_t h;
		int status = gt_map(0, (unsigned int)ref, window[w], rounds & 1 ? GNTMAP_readonly : 0, &h);

		if (status) {
			strange += status != GNTST_bad_gntref && status != GNTST_general_error;
			hypercall(sched_op, SCHEDOP_yield, 0UL);
			continue;
		}
		mapped++;
		strange += try_read(window[w], NULL) != NO_TRAP;
		strange += gt_unmap(window[w], h) != GNTST_okay;
	}
	child_box()->word[w] = (uint64_t)mapped;
	return strange;
}

static long unmap_here(long handle, long w, long unused)
{
	return gt_unmap(window[w], (grant_handle_t)handle) == GNTST_okay;
}

static void revoker(unsigned int ref)
{
	while (one.box->call[0].done != one.box->call[0].asked || one.box->call[1].done != one.box->call[1].asked) {
		gt_flags(ref, 0, 1);
		gt_grant(ref, one.domid, DATA(10));
		gt_grant(ref, one.domid, DATA(11) | GTF_readonly);
		gt_grant(ref, one.domid, DATA(11));
	}
}

/* Two vcpus unmap one handle: each handle is ended once. */
static void unmap_twice(unsigned int rounds)
{
	unsigned int wrong = 0;

	gt_grant(70, one.domid, DATA(11));
	for (unsigned int i = 0; i < rounds; i++) {
		long h = child_call(&one, gt_map_at, 0, 70, 1);

		child_begin(&one, 0, unmap_here, h, 1, 0);
		child_begin(&one, 1, unmap_here, h, 1, 0);
		wrong += h < 0 || child_end(&one, 0) + child_end(&one, 1) != 1;
	}
	is(wrong, 0, "two vcpus unmap one handle: one of them does");
	ok(gt_unused(NULL, 70), "the entry is free");
}

/* The granter: an entry that names now this page, now that, whose pages are page tables now and then. */
static long restless(long ref, long rounds, long unused)
{
	long tables = 0;

	while (rounds--) {
		long page = rounds & 1 ? 12 : 13;

		gt_grant(ref, 0, DATA(page) | (rounds & 2 ? GTF_readonly : 0));
		for (int i = 0; i < 100; i++)
			barrier();
		if (!pin(data[page], 1)) {
			tables++;
			unpin(data[page]);
		}
		if (remap(data[page], PTE_RW_FLAGS))
			return -1;
	}
	return tables;
}

static bool allowed(int status)
{
	return status == GNTST_okay || status == GNTST_general_error || status == GNTST_bad_gntref;
}

static void restless_granter(void)
{
	unsigned int strange = 0, used = 0, rounds;
	grant_handle_t h;
	long tables;

	gt_fill(12, 0, 0);
	memset(data[12], 0, PAGE_SIZE);
	child_begin(&one, 0, restless, 80, ROUNDS, 0);
	for (rounds = 0; one.box->call[0].done != one.box->call[0].asked; rounds++) {
		int in = gt_copy_in(data[12], 0, one.domid, 80, 0, 64), out = gt_copy_out(one.domid, 80, 0, data[12], 0, 64);
		int mapped = gt_map(one.domid, 80, window[3], rounds & 1 ? GNTMAP_readonly : 0, &h);

		strange += !allowed(in) || !allowed(out) || !allowed(mapped);
		used += (in == 0) + (out == 0) + (mapped == 0);
		if (!mapped)
			strange += gt_unmap(window[3], h) != GNTST_okay;
	}
	tables = child_end(&one, 0);
	ok(tables >= 0, "a granter's pages were page tables %ld times", tables);
	is(strange, 0, "XSA-218: Domain0 used them %u times meanwhile: nothing strange", used);
	child_call(&one, gt_flags, 80, 0, 1);
	is(child_call(&one, restless, 81, 2, 0), 2, "no reference is left: both pages can be page tables");
}

void test_races(void)
{
	make_child(&one, 2);
	gt_grant(70, one.domid, DATA(10));
	child_begin(&one, 0, map_unmap, 70, ROUNDS, 1);
	child_begin(&one, 1, map_unmap, 70, ROUNDS, 2);
	is(child_end(&one, 0), 0, "XSA-228: two vcpus map and unmap one entry: nothing strange");
	is(child_end(&one, 1), 0, "on the other one neither");
	ok(one.box->word[1] == ROUNDS && one.box->word[2] == ROUNDS, "each time it could be mapped");
	ok(gt_unused(NULL, 70), "the entry is free");

	child_begin(&one, 0, map_unmap, 70, ROUNDS, 1);
	child_begin(&one, 1, map_unmap, 70, ROUNDS, 2);
	revoker(70);
	is(child_end(&one, 0), 0, "the same while the granter changes the entry all the time");
	is(child_end(&one, 1), 0, "nothing strange");
	note("mapped %lu and %lu times", one.box->word[1], one.box->word[2]);
	gt_flags(70, 0, 1);
	ok(pin(data[10], 1) == 0 && unpin(data[10]) == 0, "XSA-236: no reference is left: the page can be a page table");
	remap(data[10], PTE_RW_FLAGS);
	unmap_twice(30);
	restless_granter();
	is(child_destroy(&one), 0, "destroyed");
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of other domains: a domain made by domctl runs, is paused and looked at, shuts itself down, is destroyed, and
 * leaves nothing: after many rounds the machine has as many free pages as before. Nobody but a control domain may do any
 * of it. XSA-322: a number that is used again inherits nothing. Destroying a domain of which frames are still mapped
 * here keeps exactly those frames, out of everybody's reach, until they are unmapped.
 *
 * boot: -i self -m 512 -x dom0_mem=192M
 */
#include "child.h"

enum { ROLE_NONE, ROLE_HELLO, ROLE_SPIN, ROLE_HOSTILE, ROLE_CRASH };
#define ROUNDS	300

static struct child c;

/* ---- memory maps ---- */

struct map_entry {
	uint64_t addr, size;
	uint32_t type;
} __attribute__((packed));

/* The size of the only entry of our own map. */
static long memory_map(volatile uint64_t *size)
{
	struct map_entry e[2] = { };
	struct xen_memory_map map = { .nr_entries = 2 };
	long rc;

	set_xen_guest_handle(map.buffer, (void *)e);
	rc = hypercall(memory_op, XENMEM_memory_map, &map);
	*size = e[0].size;
	return rc ? rc : map.nr_entries;
}

static long set_memory_map(unsigned int domid, uint64_t size, unsigned int entries)
{
	struct map_entry e[1] = { { 0, size, 1 } };
	struct xen_foreign_memory_map map = { .domid = (domid_t)domid, .map.nr_entries = entries };

	set_xen_guest_handle(map.map.buffer, (void *)e);
	return hypercall(memory_op, XENMEM_set_memory_map, &map);
}

/* ---- the children ---- */

static void hello(struct mailbox *box)
{
	box->word[1] = start_info->nr_pages;
	box->word[2] = vcpu_count();
	box->word[3] = U(memory_map(&box->word[4]));
	box->word[0] = 1;
	wait_for(box->word[0] == 2, 10000);
}

static void spin(struct mailbox *box)
{
	for (;;)
		box->word[0]++;
}

/* What an ordinary domain must be refused; the parent reads the answers. */
static void hostile(struct mailbox *box)
{
	struct xen_domctl d = { };
	struct xen_sysctl s = { };
	struct xen_memory_reservation r = { .nr_extents = 1, .domid = 0 };
	struct gnttab_map_grant_ref map = { .dom = 0, .ref = 1, .flags = GNTMAP_host_map, .host_addr = U(page_alloc()) };
	struct evtchn_bind_interdomain bind = { .remote_dom = 0, .remote_port = 5 };
	xen_pfn_t frame = 0;

	box->word[1] = U(domctl(XEN_DOMCTL_getdomaininfo, 0, &d));
	box->word[2] = U(domctl(XEN_DOMCTL_pausedomain, 0, &d));
	box->word[3] = U(domctl(XEN_DOMCTL_createdomain, 0, &d));
	box->word[4] = U(sysctl(XEN_SYSCTL_physinfo, &s));
	set_xen_guest_handle(r.extent_start, &frame);
	box->word[5] = U(hypercall(memory_op, XENMEM_decrease_reservation, &r));	/* number of extents done */
	box->word[6] = U(map_foreign(page_alloc(), box->word[100], 0, PTE_RW_FLAGS));
	box->word[7] = U(map_mfn(page_alloc(), box->word[100], PTE_RW_FLAGS));
	hypercall(grant_table_op, GNTTABOP_map_grant_ref, &map, 1UL);
	box->word[8] = U((long)map.status);
	box->word[10] = U(set_memory_map(DOMID_SELF, 1UL << 40, 1));
	box->word[9] = U(evtchn(EVTCHNOP_bind_interdomain, &bind));
	box->word[0] = 1;
	wait_for(box->word[0] == 2, 10000);
}

static void child_main(void)
{
	struct sched_shutdown end = { .reason = SHUTDOWN_poweroff };
	struct mailbox *box = child_box();

	switch (child_role()) {
	case ROLE_HELLO:	hello(box); break;
	case ROLE_SPIN:		spin(box); break;
	case ROLE_HOSTILE:	hostile(box); break;
	case ROLE_CRASH:	hypercall(set_trap_table, 0UL); asm volatile("ud2");
	}
	hypercall(sched_op, SCHEDOP_shutdown, &end);
}

/* ---- Domain0 ---- */

static bool finished(unsigned int want)
{
	unsigned int reason = 0;

	return wait_for(child_shut_down(&c, &reason), 10000) && is(reason, want, "it ends with reason %u", want);
}

static void life(void)
{
	struct xen_domctl op = { };
	uint64_t count;

	is(child_make(&c, ROLE_HELLO, 2), 0, "a domain is built");
	domctl(XEN_DOMCTL_getdomaininfo, c.domid, &op);
	is(op.u.getdomaininfo.tot_pages, CHILD_PAGES, "it has its memory");
	ok(op.u.getdomaininfo.flags & XEN_DOMINF_paused, "and is paused");
	ok(!wait_for(c.box->word[0], 50), "and does nothing");
	is(set_memory_map(c.domid, 1UL << 30, 1), 0, "it gets a memory map");
	is(set_memory_map(c.domid, 1UL << 30, 0), -EINVAL, "not an empty one");
	is(set_memory_map(c.domid, 1UL << 30, 1000000), -EINVAL, "nor one without end");
	is(child_start(&c), 0, "unpaused");
	ok(wait_for(c.box->word[0] == 1, 10000), "it runs");
	is((long)c.box->word[3], 1, "sees one entry in its memory map");
	is((long)c.box->word[4], 1L << 30, "which is the one given");
	is(c.box->word[1], CHILD_PAGES, "knows its memory");
	is(c.box->word[2], 2, "and its vcpus");
	c.box->word[0] = 2;
	finished(SHUTDOWN_poweroff);
	is(child_destroy(&c), 0, "destroyed");
	is(domctl(XEN_DOMCTL_pausedomain, c.domid, &op), -ESRCH, "it is gone");

	is(child_make(&c, ROLE_SPIN, 1), 0, "one that never sleeps is built");
	child_start(&c);
	ok(wait_for(c.box->word[0] > 1000, 10000), "it runs");
	is(domctl(XEN_DOMCTL_pausedomain, c.domid, &op), 0, "paused");
	count = c.box->word[0];
	ok(!wait_for(c.box->word[0] != count, 50), "stands still");
	is(domctl(XEN_DOMCTL_unpausedomain, c.domid, &op), 0, "unpaused");
	ok(wait_for(c.box->word[0] != count, 10000), "goes on");
	is(domctl(XEN_DOMCTL_unpausedomain, c.domid, &op), -EINVAL, "an unpause too many is refused");
	is(child_destroy(&c), 0, "destroyed while it runs");

	is(child_make(&c, ROLE_CRASH, 1), 0, "one that crashes is built");
	child_start(&c);
	finished(SHUTDOWN_crash);
	is(child_destroy(&c), 0, "destroyed");
}

static void refusals(void)
{
	struct xen_domctl op = { };
	uint64_t *mine = page_alloc();

	mine[0] = 0x5ec2e7;
	is(child_make(&c, ROLE_HOSTILE, 1), 0, "a hostile one is built");
	c.box->word[100] = va_to_mfn(mine);
	child_start(&c);
	ok(wait_for(c.box->word[0] == 1, 10000), "it has tried");
	is((long)c.box->word[1], -EPERM, "domctl about Domain0: refused");
	is((long)c.box->word[2], -EPERM, "pausing Domain0: refused");
	is((long)c.box->word[3], -EPERM, "creating a domain: refused");
	is((long)c.box->word[4], -EPERM, "sysctl: refused");
	is((long)c.box->word[5], 0, "taking Domain0's memory: refused");
	ok((long)c.box->word[6] < 0, "mapping a frame as Domain0's: refused (%ld)", (long)c.box->word[6]);
	ok((long)c.box->word[7] < 0, "mapping a frame of Domain0 as its own: refused (%ld)", (long)c.box->word[7]);
	ok((long)c.box->word[8] < 0, "mapping what was not granted: refused (%ld)", (long)c.box->word[8]);
	is((long)c.box->word[10], -EPERM, "giving itself another memory map: refused");
	ok((long)c.box->word[9] < 0, "binding to a port not offered: refused (%ld)", (long)c.box->word[9]);
	c.box->word[0] = 2;
	finished(SHUTDOWN_poweroff);
	child_destroy(&c);
	is((long)mine[0], 0x5ec2e7, "Domain0's page is as it was");

	is(domctl(XEN_DOMCTL_destroydomain, 0, &op), -EINVAL, "a domain cannot destroy itself");
	is(domctl(XEN_DOMCTL_destroydomain, 30000, &op), -ESRCH, "nor one that does not exist");
	op.u.createdomain = (struct xen_domctl_createdomain){ .max_vcpus = 0, .grant_opts = 1 };
	is(domctl(XEN_DOMCTL_createdomain, 0, &op), -EINVAL, "a domain without vcpus: refused");
	op.u.createdomain.max_vcpus = 100000;
	is(domctl(XEN_DOMCTL_createdomain, 0, &op), -EINVAL, "with too many: refused");
	op.u.createdomain = (struct xen_domctl_createdomain){ .max_vcpus = 1, .grant_opts = 1, .flags = ~0U };
	is(domctl(XEN_DOMCTL_createdomain, 0, &op), -EINVAL, "with unknown flags: refused");
	op.interface_version = 0;
	is(hypercall(domctl, &op), -EACCES, "another version of the interface: refused");
}

/* A frame that is mapped here outlives its domain, and comes back when it is unmapped. */
static void kept_frame(void)
{
	struct xen_domctl op = { };
	unsigned long before, after;
	uint64_t *va = page_alloc();

	before = free_pages();
	is(child_make(&c, ROLE_NONE, 1), 0, "a domain is built");
	is(map_foreign(va, c.mfn[3], c.domid, PTE_RW_FLAGS), 0, "one of its pages is mapped");
	va[5] = 77;
	is(child_destroy(&c), 0, "the domain is destroyed");
	is((long)va[5], 77, "the page is still there");
	ok(free_pages() < before, "and not free");
	is(domctl(XEN_DOMCTL_getdomaininfo, c.domid, &op), 0, "the domain's number is not free either:");
	ok(op.domain == c.domid && op.u.getdomaininfo.flags & XEN_DOMINF_dying, "it is dying");
	is(remap(va, PTE_RW_FLAGS), 0, "unmapped");
	wait_for(free_pages() >= before, 1000);
	after = free_pages();
	is(domctl(XEN_DOMCTL_pausedomain, c.domid, &op), -ESRCH, "its number is free");
	is((long)after, (long)before, "everything has come back");
}

/* The table of domains grows by a page for 512 numbers and keeps it: that is no loss. */
static void touch_numbers(unsigned int last)
{
	struct xen_domctl op;

	for (unsigned int id = 512; id < last + 512; id += 512) {
		op = (struct xen_domctl){ .u.createdomain = { .max_vcpus = 1, .grant_opts = 1 } };
		domctl(XEN_DOMCTL_createdomain, id, &op);
		is(op.domain, id, "a domain gets the number that was asked for");
		domctl(XEN_DOMCTL_destroydomain, op.domain, &op);
	}
}

static void many(unsigned int rounds)
{
	unsigned long before, failures = 0;

	touch_numbers(rounds + 10);
	before = free_pages();

	for (unsigned int i = 0; i < rounds; i++) {
		failures += child_make(&c, i & 1 ? ROLE_SPIN : ROLE_HELLO, 1 + i % 4) != 0;
		if (i % 3)
			child_start(&c);
		failures += child_destroy(&c) != 0;
	}
	is((long)failures, 0, "%u domains built and destroyed", rounds);
	wait_for(free_pages() >= before, 1000);
	is((long)free_pages(), (long)before, "no page is lost");
}

/* What a domain of one vcpu costs beside its own memory, running, with the limits that xl gives. */
#define LIMIT_PAGES	(300 / 4)

static void overhead(void)
{
	struct xen_domctl op;
	unsigned long before = free_pages(), own;
	unsigned int ids[16], n;

	for (n = 0; n < ARRAY_SIZE(ids); n++) {
		op = (struct xen_domctl){ .u.createdomain = { .max_vcpus = 1, .max_evtchn_port = 1023, .max_grant_frames = 64,
							      .max_maptrack_frames = 1024, .grant_opts = 1 } };
		if (domctl(XEN_DOMCTL_createdomain, 0, &op))
			break;
		ids[n] = op.domain;
		op.u.max_vcpus.max = 1;
		domctl(XEN_DOMCTL_max_vcpus, ids[n], &op);
	}
	own = (before - free_pages()) * 4 / n;
	ok(n == ARRAY_SIZE(ids) && own < 300, "an empty domain of one vcpu costs %lu KiB", own);
	while (n--)
		domctl(XEN_DOMCTL_destroydomain, ids[n], &op);

	before = free_pages();
	is(child_make(&c, ROLE_SPIN, 1), 0, "one with memory is built");
	child_start(&c);
	ok(wait_for(c.box->word[0] > 1000, 10000), "it runs");
	own = before - free_pages() - CHILD_PAGES;
	ok(own < LIMIT_PAGES, "it costs %lu KiB beside its memory", own * 4);
	child_destroy(&c);
}

void test_main(void)
{
	if (child_role())
		child_main();
	life();
	refusals();
	kept_frame();
	overhead();
	many(argument("rounds", ROUNDS));
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants between domains: mapping.
 *
 * A page that a domain grants to another can be mapped and copied by that one, as far as the entry allows, and by nobody
 * else. While it is in use the entry says so, whatever the granter does to it; afterwards it says so no longer. Each element
 * of a batch has its own status. What is mapped stays in existence until it is unmapped, and nothing stays longer.
 *
 * XSA-226, 318: every element gets a status. XSA-218, 236, 394: pins and references are taken and given back together.
 * XSA-224, 234: unmapping checks what it is given. XSA-228: the list of mappings bears two vcpus at once.
 *
 * boot: -i self -m 512 -x dom0_mem=192M -T 240
 */
#include "grants.h"

#define IN_USE	(GTF_reading | GTF_writing)

uint64_t data[NR_DATA][DATA_WORDS] __attribute__((aligned(4096)));
uint8_t window[NR_WINDOWS][PAGE_SIZE] __attribute__((aligned(4096)));
struct grant_entry_v1 *gt_table;
struct child one, two;

/* ---- calls ---- */

long gt_op(unsigned int cmd, void *arg, unsigned int n)
{
	return hypercall(grant_table_op, cmd, arg, n);
}

long gt_init(long unused, long unused2, long unused3)
{
	static uint8_t place[PAGE_SIZE] __attribute__((aligned(4096)));
	xen_pfn_t frame = 0;
	struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1 };
	long rc;

	gt_table = (struct grant_entry_v1 *)place;
	set_xen_guest_handle(setup.frame_list, &frame);
	rc = gt_op(GNTTABOP_setup_table, &setup, 1);
	return rc ? rc : setup.status ? setup.status : map_mfn(place, frame, PTE_RW_FLAGS);
}

long gt_fill(long page, long value, long unused)
{
	for (unsigned int i = 0; i < DATA_WORDS; i++)
		data[page][i] = (uint64_t)value + i;
	return 0;
}

long gt_read(long page, long index, long unused)
{
	return (long)*(volatile uint64_t *)&data[page][index];
}

long gt_grant(long ref, long dom, long page_and_flags)
{
	gt_table[ref].domid = (domid_t)dom;
	gt_table[ref].frame = (uint32_t)va_to_mfn(data[page_and_flags >> 16]);
	__atomic_store_n(&gt_table[ref].flags, GTF_permit_access | (page_and_flags & 0xffff), __ATOMIC_SEQ_CST);
	return 0;
}

long gt_flags(long ref, long value, long set)
{
	if (set)
		__atomic_store_n(&gt_table[ref].flags, (uint16_t)value, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&gt_table[ref].flags, __ATOMIC_SEQ_CST);
}

bool gt_unused(struct child *c, unsigned int ref)
{
	return !((c ? child_call(c, gt_flags, ref, 0, 0) : gt_flags(ref, 0, 0)) & IN_USE);
}

int gt_map(unsigned int dom, unsigned int ref, void *va, unsigned int flags, grant_handle_t *handle)
{
	struct gnttab_map_grant_ref m = { .host_addr = U(va), .flags = flags | GNTMAP_host_map, .ref = ref,
					  .dom = (domid_t)dom, .status = 77 };
	long rc = gt_op(GNTTABOP_map_grant_ref, &m, 1);

	*handle = m.handle;
	return rc ? (int)rc : m.status;
}

int gt_unmap(void *va, grant_handle_t handle)
{
	struct gnttab_unmap_grant_ref u = { .host_addr = U(va), .handle = handle, .status = 77 };
	long rc = gt_op(GNTTABOP_unmap_grant_ref, &u, 1);

	return rc ? (int)rc : u.status;
}

long gt_map_at(long dom, long ref, long w)
{
	grant_handle_t handle;
	int status = gt_map((unsigned int)dom, (unsigned int)ref, window[w], 0, &handle);

	return status ? status : (long)handle;
}

long gt_unmap_at(long handle, long w, long unused)
{
	return gt_unmap(window[w], (grant_handle_t)handle);
}

void make_child(struct child *c, unsigned int vcpus)
{
	if (child_make(c, 1, vcpus) || child_start(c) || child_call(c, gt_init, 0, 0, 0))
		bail("no child");
}

void come_back(unsigned long pages, const char *what)
{
	wait_for(free_pages() >= pages, 2000);
	is((long)free_pages(), (long)pages, "no page is lost: %s", what);
}

/* ---- mapping ---- */

static volatile uint64_t *word(unsigned int w, unsigned int i)
{
	return (volatile uint64_t *)window[w] + i;
}

static void writable(void)
{
	grant_handle_t h, h2;

	child_call(&one, gt_fill, 0, 1000, 0);
	child_call(&one, gt_grant, 8, 0, DATA(0));
	is(gt_map(one.domid, 8, window[0], 0, &h), GNTST_okay, "a granted page is mapped");
	is((long)*word(0, 7), 1007, "shows what the granter wrote");
	*word(0, 8) = 42;
	is(child_call(&one, gt_read, 0, 8, 0), 42, "and the granter sees what is written");
	is(child_call(&one, gt_flags, 8, 0, 0) & IN_USE, IN_USE, "its entry says reading and writing");
	is(gt_map(one.domid, 8, window[1], GNTMAP_readonly, &h2), GNTST_okay, "mapped again, to read");
	is(try_write(window[1], 1), TRAP_PF, "a write there faults");
	is(gt_unmap(window[0], h2), GNTST_general_error, "XSA-234: a handle goes with its own address");
	is(gt_unmap(window[1], h), GNTST_general_error, "both ways");
	is(gt_unmap(window[0], h), GNTST_okay, "unmapped for writing");
	is(child_call(&one, gt_flags, 8, 0, 0) & IN_USE, GTF_reading, "XSA-218: the entry says reading only");
	is(try_read(window[0], NULL), TRAP_PF, "the address is empty");
	is((long)*word(1, 8), 42, "the other mapping is there");
	is(gt_unmap(window[1], h2), GNTST_okay, "unmapped");
	ok(gt_unused(&one, 8), "the entry is free");
	is(gt_unmap(window[1], h2), GNTST_bad_handle, "a handle is good once");
}

static void refused(void)
{
	grant_handle_t h;

	child_call(&one, gt_grant, 9, 0, DATA(1) | GTF_readonly);
	is(gt_map(one.domid, 9, window[0], 0, &h), GNTST_general_error, "what is granted to read is not mapped for writing");
	is(gt_map(one.domid, 9, window[0], GNTMAP_readonly, &h), GNTST_okay, "but for reading");
	ok(set_pte(walk(window[0], 1), pte_of(window[0]) | PTE_RW) < 0, "and the page table cannot make it more");
	is(gt_unmap(window[0], h), GNTST_okay, "unmapped");
	is(child_call(&two, gt_map_at, one.domid, 9, 0), GNTST_bad_gntref, "a third domain cannot map it");
	child_call(&one, gt_grant, 10, two.domid, DATA(1));
	is(gt_map(one.domid, 10, window[0], 0, &h), GNTST_bad_gntref, "nor Domain0 what is granted to another");
	is(gt_map(one.domid, 11, window[0], 0, &h), GNTST_bad_gntref, "an empty entry");
	is(gt_map(one.domid, 512, window[0], 0, &h), GNTST_bad_gntref, "an entry beyond the table");
	is(gt_map(one.domid, ~0U, window[0], 0, &h), GNTST_bad_gntref, "the highest number");
	is(gt_map(30000, 9, window[0], 0, &h), GNTST_bad_domain, "a domain that does not exist");
	is(gt_map(DOMID_XEN, 9, window[0], 0, &h), GNTST_bad_domain, "one that is none");
	is(gt_map(one.domid, 9, (void *)(VIRT_BASE - PAGE_SIZE), GNTMAP_readonly, &h), GNTST_general_error,
	   "an address without a page table");
	is(gt_map(one.domid, 9, (void *)0xffff800000000000UL, GNTMAP_readonly, &h), GNTST_general_error,
	   "an address of the hypervisor's");
	ok(gt_unused(&one, 9) && gt_unused(&one, 10), "none of these left a mark");
}

/* The granter may write anything into its entry at any time. */
static void revoked_while_mapped(void)
{
	grant_handle_t h, h2;

	child_call(&one, gt_fill, 2, 2000, 0);
	child_call(&one, gt_fill, 3, 3000, 0);
	child_call(&one, gt_grant, 12, 0, DATA(2));
	is(gt_map(one.domid, 12, window[0], 0, &h), GNTST_okay, "mapped");
	child_call(&one, gt_grant, 12, two.domid, DATA(3));
	is((long)*word(0, 1), 2001, "the granter changes domain and frame: the mapping stays");
	is(child_call(&two, gt_map_at, one.domid, 12, 0), GNTST_general_error, "nobody else gets in while it is in use");
	is(gt_map(one.domid, 12, window[1], 0, &h2), GNTST_okay, "another mapping of a use that was allowed");
	is((long)*word(1, 1), 2001, "is of the same page");
	is(gt_unmap(window[1], h2), GNTST_okay, "unmapped");
	child_call(&one, gt_flags, 12, 0, 1);
	is(gt_unmap(window[0], h), GNTST_okay, "the entry is cleared: it can be unmapped");
	is(child_call(&one, gt_flags, 12, 0, 0), 0, "and the entry stays clear");
	is(gt_map(one.domid, 12, window[0], 0, &h), GNTST_bad_gntref, "then there is nothing to map");
}

/* ---- what pages may be granted ---- */

static long grant_frame(long ref, long mfn, long unused)
{
	gt_table[ref].frame = (uint32_t)mfn;
	gt_table[ref].domid = 0;
	return gt_flags(ref, GTF_permit_access, 1);
}

static long give_back(long page, long unused, long unused2)
{
	xen_pfn_t frame = va_to_mfn(data[page]);
	struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

	if (hypercall(update_va_mapping, data[page], 0UL, UVMF_INVLPG))
		return -EFAULT;
	set_xen_guest_handle(r.extent_start, &frame);
	return hypercall(memory_op, XENMEM_decrease_reservation, &r);
}

static long as_table(long page, long unused, long unused2)
{
	long rc;

	memset(data[page], 0, PAGE_SIZE);
	rc = pin(data[page], 1);
	if (rc)
		remap(data[page], PTE_RW_FLAGS);
	return rc;
}

static long no_table(long page, long unused, long unused2)
{
	return unpin(data[page]);
}

static void page_roles(void)
{
	unsigned long before = free_pages();
	grant_handle_t h;

	child_call(&one, grant_frame, 13, (long)one.mfn[one.l4 + 3], 0);
	is(gt_map(one.domid, 13, window[0], 0, &h), GNTST_general_error, "a page table is not mapped for writing");
	is(gt_copy_out(one.domid, 13, 0, data[0], 0, 8), GNTST_general_error, "nor copied into");
	is(gt_map(one.domid, 13, window[0], GNTMAP_readonly, &h), GNTST_okay, "but for reading");
	is(gt_unmap(window[0], h), GNTST_okay, "unmapped");
	child_call(&one, grant_frame, 13, (long)va_to_mfn(data[0]), 0);
	is(gt_map(one.domid, 13, window[0], 0, &h), GNTST_bad_page, "a page of somebody else cannot be granted");
	is(gt_copy_out(one.domid, 13, 0, data[0], 0, 8), GNTST_bad_page, "nor copied into");
	child_call(&one, grant_frame, 13, 0xfffffff, 0);
	is(gt_map(one.domid, 13, window[0], 0, &h), GNTST_bad_page, "nor one that does not exist");
	ok(gt_unused(&one, 13), "none of these left a mark");

	child_call(&one, gt_grant, 14, 0, DATA(4));
	is(gt_map(one.domid, 14, window[0], 0, &h), GNTST_okay, "a page is mapped");
	ok(child_call(&one, as_table, 4, 0, 0) < 0, "XSA-218: it cannot become a page table of the granter's");
	is(gt_unmap(window[0], h), GNTST_okay, "unmapped");
	is(child_call(&one, as_table, 4, 0, 0), 0, "afterwards it can");
	is(gt_map(one.domid, 14, window[0], 0, &h), GNTST_general_error, "and is not mapped for writing then");
	is(child_call(&one, no_table, 4, 0, 0), 0, "it ceases to be one");

	child_call(&one, gt_fill, 5, 5000, 0);
	child_call(&one, gt_grant, 15, 0, DATA(5));
	is(gt_map(one.domid, 15, window[0], 0, &h), GNTST_okay, "another is mapped");
	is(child_call(&one, give_back, 5, 0, 0), 1, "and given back by the granter");
	is((long)free_pages(), (long)before, "it is not free");
	is((long)*word(0, 3), 5003, "nor is it changed");
	is(gt_unmap(window[0], h), GNTST_okay, "unmapped");
	is((long)free_pages(), (long)before + 1, "now it is free");
	is(gt_map(one.domid, 15, window[0], 0, &h), GNTST_bad_page, "and cannot be mapped again");
	ok(gt_unused(&one, 15), "no mark");
}

void test_main(void)
{
	unsigned long before;

	if (child_role())
		child_serve(vcpu_count());
	gt_init(0, 0, 0);
	/* Memory that the hypervisor keeps for the next time: for two domains, for Domain0's mappings and ports. */
	bind_ipi(0);
	make_child(&one, 2);
	make_child(&two, 1);
	gt_grant(8, one.domid, DATA(0));
	child_call(&one, gt_grant, 8, 0, DATA(0));
	gt_unmap(window[0], (grant_handle_t)gt_map_at(one.domid, 8, 0));
	child_destroy(&one);
	child_destroy(&two);
	wait_for(false, 20);
	before = free_pages();

	make_child(&one, 2);
	make_child(&two, 1);
	writable();
	refused();
	revoked_while_mapped();
	page_roles();
	test_copy();
	test_limits();
	child_destroy(&one);
	child_destroy(&two);
	before += 2;			/* that Domain0 gave away by transfer */
	come_back(before, "mapping, copying, limits");
	test_ends();
	test_races();
	come_back(before, "the end");
}

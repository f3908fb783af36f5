// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory_op: giving memory back and taking it, exchanging it, asking about it.
 *
 * XSA-212, 29: exchange checks the very sub-range it uses, each time. XSA-158: orders are capped.
 */
#include "lib.h"

static long reservation(int op, xen_pfn_t *frames, unsigned long n, unsigned int order, unsigned int dom)
{
	struct xen_memory_reservation r = { .nr_extents = n, .extent_order = order, .domid = (domid_t)dom };

	set_xen_guest_handle(r.extent_start, frames);
	return hypercall(memory_op, (long)op, &r);
}

static void balloon(void)
{
	uint64_t *page = page_alloc();
	unsigned long pfn = va_to_pfn(page);
	xen_pfn_t frame = va_to_mfn(page);
	domid_t self = DOMID_SELF;
	long before = hypercall(memory_op, XENMEM_current_reservation, &self);

	ok(before > 1000, "we have %ld pages", before);
	is(hypercall(update_va_mapping, page, 0UL, UVMF_INVLPG | UVMF_ALL), 0, "a page is unmapped");
	is(reservation(XENMEM_decrease_reservation, &frame, 1, 0, DOMID_SELF), 1, "and given back");
	is(hypercall(memory_op, XENMEM_current_reservation, &self), before - 1, "we have one less");
	ok(reservation(XENMEM_decrease_reservation, &frame, 1, 0, DOMID_SELF) == 0, "the same cannot be given back twice");
	frame = pfn;
	is(reservation(XENMEM_populate_physmap, &frame, 1, 0, DOMID_SELF), 1, "populate_physmap gives one");
	is(hypercall(memory_op, XENMEM_current_reservation, &self), before, "we have as many as before");
	is((long)m2p[frame], (long)pfn, "its m2p entry is the pfn asked for");
	p2m[pfn] = frame;
	is(map_mfn(page, frame, PTE_RW_FLAGS), 0, "it can be mapped");
	is((long)(page[0] | page[511]), 0, "and is clean");
	frame = 0xfffffffUL;
	is(reservation(XENMEM_decrease_reservation, &frame, 1, 0, DOMID_SELF), 0, "a frame that does not exist is not ours");
	frame = cr3_mfn();
	note("giving back the loaded L4 says %ld", reservation(XENMEM_decrease_reservation, &frame, 1, 0, DOMID_SELF));
}

static void bad_arguments(void)
{
	xen_pfn_t frame = 0;
	domid_t dom = 77;

	ok(reservation(XENMEM_increase_reservation, &frame, 1, 60, DOMID_SELF) <= 0, "XSA-158: order 60 gives nothing");
	ok(reservation(XENMEM_populate_physmap, &frame, 1, 0xffffffff, DOMID_SELF) <= 0, "XSA-158: nor the highest order");
	ok(reservation(XENMEM_decrease_reservation, &frame, 1, 63, DOMID_SELF) <= 0, "XSA-158: nor giving back order 63");
	ok(reservation(XENMEM_populate_physmap, (void *)0x1000, 1, 0, DOMID_SELF) <= 0, "an unreadable list gives nothing");
	ok(reservation(XENMEM_populate_physmap, (void *)HYPERVISOR_VIRT_START, 1, 0, DOMID_SELF) <= 0,
	   "nor one in the hypervisor's range");
	ok(reservation(XENMEM_populate_physmap, &frame, ~0UL, 0, DOMID_SELF) <= 0, "a wild count gives nothing");
	ok(reservation(XENMEM_populate_physmap, &frame, 1, 0, 77) <= 0, "a domain that does not exist gets nothing");
	is(hypercall(memory_op, XENMEM_current_reservation, &dom), -ESRCH, "nor has it anything");
	is(hypercall(memory_op, 63UL, &dom), -ENOSYS, "an unknown operation");
	is(hypercall(memory_op, XENMEM_exchange, 0x1000UL), -EFAULT, "an unreadable argument");
	ok(hypercall(memory_op, XENMEM_populate_physmap, 0x1000UL) <= 0, "where extents are counted: none");
}

static long exchange(xen_pfn_t *in, xen_pfn_t *out, unsigned long nr_in, unsigned int in_order, unsigned long nr_out,
		     unsigned int out_order, unsigned long *done)
{
	struct xen_memory_exchange x = {
		.in = { .nr_extents = nr_in, .extent_order = in_order, .domid = DOMID_SELF },
		.out = { .nr_extents = nr_out, .extent_order = out_order, .domid = DOMID_SELF },
		.nr_exchanged = *done,
	};
	long rc;

	set_xen_guest_handle(x.in.extent_start, in);
	set_xen_guest_handle(x.out.extent_start, out);
	rc = hypercall(memory_op, XENMEM_exchange, &x);
	*done = x.nr_exchanged;
	return rc;
}

static void exchanges(void)
{
	uint64_t *page = page_alloc();
	unsigned long pfn = va_to_pfn(page), done = 0;
	xen_pfn_t in = va_to_mfn(page), out = pfn;

	page[0] = 0x1234;
	hypercall(update_va_mapping, page, 0UL, UVMF_INVLPG | UVMF_ALL);
	is(exchange(&in, &out, 1, 0, 1, 0, &done), 0, "a page is exchanged");
	is((long)done, 1, "one");
	is((long)m2p[out], (long)pfn, "the new one has our pfn");
	p2m[pfn] = out;
	is(map_mfn(page, out, PTE_RW_FLAGS), 0, "it can be mapped");

	in = 0xfffffffUL, done = 0;
	ok(exchange(&in, &out, 1, 0, 1, 0, &done) < 0, "a frame that does not exist cannot be exchanged");
	in = out, done = 0;
	ok(exchange(&in, &out, 1, 0, 2, 0, &done) < 0, "the sizes must be equal");
	done = 0;
	ok(exchange(&in, &out, 1, 40, 1, 40, &done) < 0, "XSA-158: orders are capped");
	done = 5;
	ok(exchange(&in, &out, 1, 0, 1, 0, &done) < 0, "XSA-29: more done than there is to do");
	/* XSA-212: a start value that makes the output address wrap into the hypervisor's range. */
	for (unsigned long bias = 1UL << 44; bias; bias <<= 4) {
		done = bias;
		ok(exchange(&in, &out, bias + 1, 0, bias + 1, 0, &done) < 0, "XSA-212: %lx done of %lx", bias, bias + 1);
	}
	in = cr3_mfn(), done = 0;
	ok(exchange(&in, (xen_pfn_t *)HYPERVISOR_VIRT_START, 1, 0, 1, 0, &done) < 0, "XSA-29: output into the hypervisor");
	is(hypercall(xen_version, XENVER_version, 0UL), (4 << 16) | 17, "the machine is alive");
}

static void questions(void)
{
	static struct { uint64_t addr, size; uint32_t type; } __attribute__((packed)) map[128];
	struct xen_memory_map m = { .nr_entries = 128 };
	struct xen_machphys_mapping mapping = { };
	struct xen_machphys_mfn_list list = { .max_extents = 4 };
	xen_pfn_t frames[4];
	domid_t self = DOMID_SELF;
	long max = hypercall(memory_op, XENMEM_maximum_ram_page, 0UL);

	ok(max > 1000, "the machine's highest RAM page is %lx", max);
	ok(hypercall(memory_op, XENMEM_maximum_reservation, &self) > 0, "maximum_reservation");
	shared_info->arch.max_pfn = start_info->nr_pages;
	ok(hypercall(memory_op, XENMEM_maximum_gpfn, &self) > 0, "maximum_gpfn");
	set_xen_guest_handle(m.buffer, (void *)map);
	is(hypercall(memory_op, XENMEM_machine_memory_map, &m), 0, "machine_memory_map");
	ok(m.nr_entries > 2 && m.nr_entries <= 128, "has %u entries", m.nr_entries);
	m.nr_entries = 128;
	ok(hypercall(memory_op, XENMEM_memory_map, &m) <= 0, "memory_map answers or has none");
	m.nr_entries = 128;
	set_xen_guest_handle(m.buffer, (void *)HYPERVISOR_VIRT_START);
	is(hypercall(memory_op, XENMEM_machine_memory_map, &m), -EFAULT, "a buffer in the hypervisor's range");
	is(hypercall(memory_op, XENMEM_machphys_mapping, &mapping), 0, "machphys_mapping");
	is((long)mapping.v_start, (long)MACH2PHYS_VIRT_START, "starts where the ABI says");
	ok((long)mapping.max_mfn >= max || mapping.v_end - mapping.v_start >= (unsigned long)max * 8,
	   "covers all RAM: %lx to %lx, highest %lx", mapping.v_start, mapping.v_end, mapping.max_mfn);
	set_xen_guest_handle(list.extent_start, frames);
	is(hypercall(memory_op, XENMEM_machphys_mfn_list, &list), 0, "machphys_mfn_list");
	ok(list.nr_extents >= 1, "has %u extents", list.nr_extents);
}

void test_main(void)
{
	questions();
	balloon();
	bad_arguments();
	exchanges();
}

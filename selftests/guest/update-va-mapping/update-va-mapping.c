// SPDX-License-Identifier: GPL-2.0-only
/*
 * update_va_mapping: one PTE of the current address space, named by its virtual address, with a flush in the same call.
 */
#include "lib.h"

static const unsigned long flushes[] = {
	UVMF_NONE, UVMF_TLB_FLUSH | UVMF_LOCAL, UVMF_TLB_FLUSH | UVMF_ALL, UVMF_INVLPG | UVMF_LOCAL, UVMF_INVLPG | UVMF_ALL,
};

void test_main(void)
{
	uint64_t *a = page_alloc(), *b = page_alloc();
	pte_t good = make_pte(va_to_mfn(a), PTE_RW_FLAGS), other = make_pte(va_to_mfn(b), PTE_RW_FLAGS);
	unsigned long mask = 1;

	a[0] = 0xa;
	b[0] = 0xb;
	for (unsigned int i = 0; i < ARRAY_SIZE(flushes); i++) {
		is(hypercall(update_va_mapping, a, other, flushes[i]), 0, "map another frame, flush kind %lx", flushes[i]);
		if (!flushes[i])
			mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
		is((long)a[0], 0xb, "it is seen");
		is(hypercall(update_va_mapping, a, good, flushes[i]), 0, "and back");
		if (!flushes[i])
			mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
		is((long)a[0], 0xa, "it is seen");
	}
	is(hypercall(update_va_mapping, a, good, UVMF_INVLPG | U(&mask)), 0, "flush on the vcpus of a mask");
	ok(hypercall(update_va_mapping, a, good, UVMF_INVLPG | 0x1000UL) <= 0, "an unreadable mask does no harm");
	ok(same_pte(pte_of(a), good), "the entry is right after all that");

	is(hypercall(update_va_mapping, (char *)a + 123, other, UVMF_INVLPG), 0, "the offset within the page does not matter");
	is((long)a[0], 0xb, "the page was changed");
	is(hypercall(update_va_mapping, a, good, UVMF_INVLPG), 0, "and back");

	ok(hypercall(update_va_mapping, a, make_pte(0xfffffffffUL, PTE_RW_FLAGS), UVMF_INVLPG) < 0, "a wild frame is refused");
	ok(hypercall(update_va_mapping, a, make_pte(cr3_mfn(), PTE_RW_FLAGS), UVMF_INVLPG) < 0, "a writable L4 is refused");
	ok(hypercall(update_va_mapping, 0x7f0000000000UL, good, UVMF_INVLPG) < 0, "an address without tables is refused");
	ok(hypercall(update_va_mapping, 0x0000800000000000UL, good, UVMF_INVLPG) < 0, "a non-canonical address is refused");
	ok(hypercall(update_va_mapping, HYPERVISOR_VIRT_START, good, UVMF_INVLPG) < 0, "the hypervisor's address is refused");
	is((long)a[0], 0xa, "nothing changed");
	ok(hypercall(update_va_mapping_otherdomain, a, other, UVMF_INVLPG, 1UL) < 0, "frames of a domain that does not exist");
	is(hypercall(update_va_mapping, a, 0UL, UVMF_INVLPG), 0, "unmap");
	is(try_read(a, NULL), TRAP_PF, "it is gone");
	is(hypercall(update_va_mapping, a, good, UVMF_NONE), 0, "map where nothing was, without a flush");
	is((long)a[0], 0xa, "it is there");
}

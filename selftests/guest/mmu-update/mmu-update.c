// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmu_update: page-table entries and the machine-to-physical table by hypercall.
 *
 * A request is an aligned machine address with the command in its low bits. It may name an entry of a page table of any
 * level, or (as on Xen) an ordinary writable page. Batches stop at the first bad request and say how many were done.
 * Frames of others, reserved bits and wrong domains are refused.
 *
 * XSA-227: alignment of addresses. XSA-148, 182: flags that only full validation may let through.
 */
#include "lib.h"

static void normal(void)
{
	uint64_t *a = page_alloc(), *b = page_alloc();
	pte_t *entry = walk(a, 1), old = *entry;
	uint64_t value;

	a[0] = 0xaaaa;
	b[0] = 0xbbbb;
	is(set_pte(entry, make_pte(va_to_mfn(b), PTE_RW_FLAGS)), 0, "an L1 entry is pointed to another frame");
	is(mmuext(MMUEXT_INVLPG_LOCAL, U(a), 0), 0, "and the old translation flushed");
	is((long)a[0], 0xbbbb, "the address shows the other frame");
	is((long)((*entry & PTE_ADDR) >> 12), (long)va_to_mfn(b), "the entry can be read back");
	is(set_pte(entry, 0), 0, "an entry is cleared");
	mmuext(MMUEXT_INVLPG_LOCAL, U(a), 0);
	is(try_read(a, &value), TRAP_PF, "then the address is unmapped");
	is(set_pte(entry, 0xdeadbeef0UL << 12 & ~1UL), 0, "an entry that is not present may hold anything");
	is(set_pte(entry, old), 0, "and is restored");
	is((long)a[0], 0xaaaa, "with the old contents");
}

static void accessed_dirty(void)
{
	uint64_t *a = page_alloc();
	pte_t *entry = walk(a, 1);
	uint64_t ptr = va_to_maddr(entry);
	unsigned long mfn = va_to_mfn(a);

	a[0] = 1;
	ok(*entry & PTE_D, "a written page is dirty");
	is(mmu_update(ptr | MMU_PT_UPDATE_PRESERVE_AD, make_pte(mfn, PTE_P | PTE_RW | PTE_US)), 0, "update keeping A and D");
	is((long)(*entry & (PTE_A | PTE_D)), PTE_A | PTE_D, "they are kept");
	is(mmu_update(ptr | MMU_NORMAL_PT_UPDATE, make_pte(mfn, PTE_P | PTE_RW | PTE_US)), 0, "the same without keeping");
	is((long)(*entry & (PTE_A | PTE_D)), 0, "they are gone");
	is(mmu_update(ptr | MMU_NORMAL_PT_UPDATE, make_pte(mfn, PTE_P | PTE_US | PTE_RW | PTE_AVAIL)), 0,
	   "the software bits 9 to 11 are free");
	is((long)(*entry & PTE_AVAIL), PTE_AVAIL, "and kept");
	is(set_pte(entry, make_pte(mfn, PTE_P | PTE_RW | PTE_A | PTE_D)), 0, "an entry without the user bit is accepted");
	a[1] = 2;
	is(set_pte(entry, make_pte(mfn, PTE_RW_FLAGS)), 0, "and works: the guest runs in ring 3");
}

static void batches(void)
{
	uint64_t *a = page_alloc();
	pte_t *entry = walk(a, 1);
	struct mmu_update u[4];
	unsigned int done = 99;

	for (unsigned int i = 0; i < 4; i++)
		u[i].ptr = va_to_maddr(entry), u[i].val = make_pte(va_to_mfn(a), PTE_RW_FLAGS);
	is(hypercall(mmu_update, u, 4UL, &done, DOMID_SELF), 0, "a batch of four");
	is(done, 4, "all are done");
	u[2].val = make_pte(0xfffffffffUL, PTE_RW_FLAGS);
	ok(hypercall(mmu_update, u, 4UL, &done, DOMID_SELF) < 0, "the third of a batch is bad");
	is(done, 2, "two are done");
	is(hypercall(mmu_update, u, 0UL, &done, DOMID_SELF), 0, "an empty batch");
	is(done, 0, "does nothing");
	is(hypercall(mmu_update, 0x1000UL, 1UL, &done, DOMID_SELF), -EFAULT, "an unreadable batch is EFAULT");
	is(hypercall(mmu_update, HYPERVISOR_VIRT_END - 16, 1UL, 0UL, DOMID_SELF), -EFAULT,
	   "a batch in the hypervisor's range is EFAULT");
	/* Linux adds what it finds there to what it has mapped: after a domain's end that must not be an earlier number. */
	done = 99;
	is(hypercall(mmu_update, u, 1UL, &done, 1UL), -ESRCH, "a domain that does not exist is ESRCH");
	ok(!done || !xenolith(), "and nothing is done");
	is(hypercall(mmu_update, u, 1UL, 0UL, 0x7ffffUL), -ESRCH, "so is a wild domain number");
}

static void machine_to_phys(void)
{
	uint64_t *a = page_alloc();
	unsigned long mfn = va_to_mfn(a), pfn = m2p[mfn];

	is(mmu_update((mfn << 12) | MMU_MACHPHYS_UPDATE, 0x12345), 0, "the m2p entry of an own frame is set");
	is((long)m2p[mfn], 0x12345, "it can be read");
	is(mmu_update((mfn << 12) | MMU_MACHPHYS_UPDATE, pfn), 0, "and set back");
	is((long)m2p[mfn], (long)pfn, "it can be read");
	ok(mmu_update((0xfffffffUL << 12) | MMU_MACHPHYS_UPDATE, pfn) < 0, "a frame that does not exist is refused");
	is(try_write(&m2p[mfn], 0), TRAP_PF, "the table itself is not writable");
}

static void bad_pointers(void)
{
	uint64_t *a = page_alloc(), *page = page_alloc();
	pte_t *entry = walk(a, 1);
	pte_t good = *entry;

	for (unsigned int command = 4; command < 8; command++)
		ok(mmu_update(va_to_maddr(entry) | command, good) < 0, "XSA-227: low bits %u are refused", command);
	ok(mmu_update((0xfffffffUL << 12), good) < 0, "a table frame that does not exist is refused");
	ok(mmu_update(~0UL << 3, good) < 0, "the highest address is refused");
	is((long)*entry, (long)good, "none of that changed the entry");
	/* As on Xen, a guest may write its own plain pages this way. */
	is(mmu_update(va_to_maddr(&page[5]), 0x5555), 0, "a plain page can be written");
	is((long)page[5], 0x5555, "it is");
	is((long)(page[4] | page[6]), 0, "its neighbours are untouched");
	is(remap(page, PTE_RO_FLAGS), 0, "one that is mapped read-only");
	is(mmu_update(va_to_maddr(&page[5]), 0x6666), 0, "can as well: it is the guest's all the same");
	is((long)page[5], 0x6666, "it is");
	is(remap(page, PTE_RW_FLAGS), 0, "back to read-write");
}

static void bad_values(void)
{
	uint64_t *a = page_alloc();
	pte_t *l1 = walk(a, 1), *l2 = walk(a, 2), good1 = *l1, good2 = *l2;
	unsigned long mfn = va_to_mfn(a);

	ok(set_pte(l1, make_pte(0xfffffffffUL, PTE_RW_FLAGS)) < 0, "a frame beyond all memory is refused");
	for (unsigned int bit = 48; bit < 52; bit++) {
		ok(set_pte(l1, make_pte(mfn, PTE_RW_FLAGS) | (1UL << bit)) < 0, "address bit %u, which no memory has, is refused", bit);
		is((long)*l1, (long)good1, "the entry is unchanged");
	}
	for (unsigned int bit = 53; bit < 59; bit++) {
		is(set_pte(l1, make_pte(mfn, PTE_RW_FLAGS) | (1UL << bit)), 0, "bit %u is a software bit", bit);
		ok(*l1 & 1UL << bit, "and kept");
		set_pte(l1, good1);
	}
	ok(set_pte(l2, good2 | PTE_PSE) < 0, "a superpage is refused");
	is((long)*l2, (long)good2, "the L2 entry is unchanged");
	ok(set_pte(l2, make_pte(mfn, PTE_TABLE_FLAGS)) < 0, "a writable page cannot become a table");
	ok(set_pte(l2, make_pte(cr3_mfn(), PTE_TABLE_FLAGS)) < 0, "the L4 cannot be an L1");
	is((long)*l2, (long)good2, "the L2 entry is unchanged");
	a[0] = 1;
}

static void upper_levels(void)
{
	pte_t *l1 = page_alloc();
	uint64_t *data = page_alloc();
	unsigned long va = VIRT_BASE + (400UL << 21);
	pte_t *l2 = walk((void *)va, 2);
	unsigned long mfn = va_to_mfn(l1);

	is((long)*l2, 0, "a free slot of the L2");
	data[3] = 0x3333;
	l1[7] = make_pte(va_to_mfn(data), PTE_RW_FLAGS);
	ok(set_pte(l2, make_pte(mfn, PTE_TABLE_FLAGS)) < 0, "a page that is mapped writable is refused as a table");
	is(remap(l1, PTE_RO_FLAGS), 0, "once it is read-only");
	is(set_pte(l2, make_pte(mfn, PTE_TABLE_FLAGS)), 0, "it is accepted");
	is(((long *)(va + 7 * PAGE_SIZE))[3], 0x3333, "and translates");
	ok(remap(l1, PTE_RW_FLAGS) < 0, "while it is a table it cannot be mapped writable");
	is(set_pte(&l1[8], make_pte(va_to_mfn(data), PTE_RO_FLAGS)), 0, "its entries can be updated");
	is(((long *)(va + 8 * PAGE_SIZE))[3], 0x3333, "and translate");
	is(try_write((void *)(va + 8 * PAGE_SIZE), 1), TRAP_PF, "with their own rights");
	is(set_pte(l2, 0), 0, "the table is removed");
	mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
	is(try_read((void *)(va + 7 * PAGE_SIZE), NULL), TRAP_PF, "nothing is translated any more");
	is(remap(l1, PTE_RW_FLAGS), 0, "and the page is an ordinary one again");
}

static void l4_slots(void)
{
	pte_t *l4 = mfn_to_va(cr3_mfn());
	pte_t own = l4[511];

	for (unsigned int i = 256; i < 272; i++) {
		pte_t before = l4[i];

		ok(set_pte(&l4[i], own) < 0 && l4[i] == before, "L4 slot %u belongs to the hypervisor", i);
	}
	is(set_pte(&l4[272], own), 0, "slot 272 is the guest's");
	is(set_pte(&l4[272], 0), 0, "and can be cleared");
	is(set_pte(&l4[5], own), 0, "slot 5 too");
	is(set_pte(&l4[5], 0), 0, "and can be cleared");
}

void test_main(void)
{
	normal();
	accessed_dirty();
	batches();
	machine_to_phys();
	bad_pointers();
	bad_values();
	upper_levels();
	l4_slots();
}

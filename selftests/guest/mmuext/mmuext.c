// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmuext_op: pinning, loading page tables, flushing, LDT, clearing and copying pages.
 *
 * Pinning makes a tree of tables valid and keeps it so; unpinning gives the pages back. Only pinned or otherwise valid L4
 * tables can be loaded. Flushes never fail on any address.
 *
 * XSA-45, 240: pinning of a wrong level is refused and leaves nothing half done.
 */
#include "lib.h"

static pte_t *tree(unsigned long va, void *leaf)
{
	pte_t *l4 = copy_kernel_l4();

	build_map(l4, va, make_pte(va_to_mfn(leaf), PTE_RW_FLAGS));
	return l4;
}

static pte_t *below(pte_t *table, unsigned long i)
{
	return mfn_to_va((table[i] & PTE_ADDR) >> 12);
}

static void pin_levels(void)
{
	uint64_t *leaf = page_alloc();
	unsigned long va = 0x40000000;
	pte_t *t[5];

	t[4] = tree(va, leaf);
	for (int l = 3; l >= 1; l--)
		t[l] = below(t[l + 1], slot(va, l + 1));
	ok(mmuext(MMUEXT_PIN_L4_TABLE, va_to_mfn(t[4]), 0) < 0, "a tree that is mapped writable cannot be pinned");
	for (int l = 1; l <= 4; l++) {
		is(pin(t[l], l), 0, "an L%d can be pinned", l);
		ok(mmuext(MMUEXT_PIN_L1_TABLE + (unsigned int)l - 1, va_to_mfn(t[l]), 0) == -EINVAL, "but not twice");
		for (int other = 1; other <= 4; other++)
			if (other != l)
				ok(mmuext(MMUEXT_PIN_L1_TABLE + (unsigned int)other - 1, va_to_mfn(t[l]), 0) < 0,
				   "an L%d cannot be pinned as L%d", l, other);
		ok(remap(t[l], PTE_RW_FLAGS) < 0, "a pinned L%d cannot be mapped writable", l);
	}
	for (int l = 1; l <= 3; l++) {
		is(unpin(t[l]), 0, "the L%d is unpinned", l);
		ok(remap(t[l], PTE_RW_FLAGS) < 0, "it is still in use by the L4");
		ok(unpin(t[l]) == -EINVAL, "and cannot be unpinned again");
	}
	is(unpin(t[4]), 0, "the L4 is unpinned");
	for (int l = 4; l >= 1; l--)
		is(remap(t[l], PTE_RW_FLAGS), 0, "the L%d page is ordinary again", l);
	for (unsigned int i = 256; i < 272; i++)
		if (i != slot(HYPERVISOR_VIRT_START, 4) && t[4][i] != 0) {
			note("after unpinning, slot %u still holds %lx", i, t[4][i]);
			break;
		}
	leaf[0] = 1;
}

static void pin_errors(void)
{
	pte_t *l1 = page_alloc(), *l2 = page_alloc();

	ok(mmuext(MMUEXT_PIN_L1_TABLE, 0xfffffffUL, 0) < 0, "a frame that does not exist cannot be pinned");
	ok(mmuext(MMUEXT_UNPIN_TABLE, 0xfffffffUL, 0) < 0, "nor unpinned");
	ok(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(l1), 0) < 0, "a page that is not pinned cannot be unpinned");
	is(pin(l1, 1), 0, "an empty L1 is fine");
	is(unpin(l1), 0, "and unpinned");
	is(remap(l1, PTE_RW_FLAGS), 0, "and writable");
	l1[511] = make_pte(0xfffffffffUL, PTE_RO_FLAGS);
	ok(pin(l1, 1) < 0, "an L1 with one bad entry at its end is refused");
	is(remap(l1, PTE_RW_FLAGS), 0, "and is an ordinary page afterwards");
	l1[511] = 0;
	l2[0] = make_pte(va_to_mfn(l1), PTE_TABLE_FLAGS);
	l2[1] = make_pte(va_to_mfn(l2), PTE_TABLE_FLAGS);
	remap(l1, PTE_RO_FLAGS);
	ok(pin(l2, 2) < 0, "XSA-240: an L2 that contains itself is refused");
	is(remap(l2, PTE_RW_FLAGS), 0, "and is an ordinary page afterwards");
	is(remap(l1, PTE_RW_FLAGS), 0, "what it referred to is too");
	l2[1] = make_pte(va_to_mfn(l1), PTE_TABLE_FLAGS | PTE_PSE);
	remap(l1, PTE_RO_FLAGS);
	ok(pin(l2, 2) < 0, "an L2 with a superpage is refused");
	is(remap(l2, PTE_RW_FLAGS), 0, "and is an ordinary page afterwards");
	is(remap(l1, PTE_RW_FLAGS), 0, "what it referred to is too");
}

static void base_pointers(void)
{
	uint64_t *leaf = page_alloc();
	unsigned long va = 0x50000000, old = cr3_mfn();
	pte_t *l4 = tree(va, leaf);

	leaf[0] = 0x1eaf;
	build_protect(l4);
	is(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(l4), 0), 0, "a new tree is loaded");
	is((long)cr3_mfn(), (long)va_to_mfn(l4), "cr3 shows it");
	is(*(volatile long *)va, 0x1eaf, "its mapping works");
	is(mmuext(MMUEXT_NEW_BASEPTR, old, 0), 0, "back to the old one");
	is(try_read((void *)va, NULL), TRAP_PF, "the mapping is gone");
	build_unprotect(l4);
	ok(true, "the tree is ordinary memory again: loading it had not pinned it");

	ok(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(leaf), 0) < 0, "an ordinary page is refused");
	ok(mmuext(MMUEXT_NEW_BASEPTR, 0xfffffffUL, 0) < 0, "a frame that does not exist is refused");
	is((long)cr3_mfn(), (long)old, "cr3 is unchanged");
	is(mmuext(MMUEXT_NEW_BASEPTR, old, 0), 0, "loading the current one again is fine");

	is(mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0, "no user page table");
	ok(mmuext(MMUEXT_NEW_USER_BASEPTR, va_to_mfn(leaf), 0) < 0, "an ordinary page is refused as user page table");
	build_protect(l4);
	is(mmuext(MMUEXT_NEW_USER_BASEPTR, va_to_mfn(l4), 0), 0, "a tree is loaded as user page table");
	ok(remap(l4, PTE_RW_FLAGS) < 0, "and is in use");
	is(mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0, "and dropped");
	build_unprotect(l4);
}

/*
 * 6.1-rt, preempted in execve() between making a new address space the task's and pinning it, loads it unpinned when
 * it switches back. The load must not fail, for the kernel does not repeat it after pinning.
 */
static void base_before_pin(void)
{
	uint64_t *leaf = page_alloc();
	unsigned long va = 0x50000000, old = cr3_mfn();
	pte_t *l4 = tree(va, leaf), kernel = l4[511];

	leaf[0] = 0xea51;
	l4[511] = 0;
	ok(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(l4), 0) < 0, "an unpinned table without this kernel is refused");
	ok(mmuext(MMUEXT_NEW_USER_BASEPTR, va_to_mfn(l4), 0) < 0, "also as user page table");
	l4[511] = kernel;
	is(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(l4), 0), 0, "one with this kernel's half is accepted");
	is((long)cr3_mfn(), (long)old, "but not loaded");
	is(remap(l4, PTE_RW_FLAGS), 0, "nor a page table");
	build_protect(l4);
	is(pin(l4, 4), 0, "when it is pinned");
	is((long)cr3_mfn(), (long)va_to_mfn(l4), "it is loaded");
	is(*(volatile long *)va, 0xea51, "and works");
	is(mmuext(MMUEXT_NEW_BASEPTR, old, 0), 0, "back to the old one");
	is(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(l4), 0), 0, "unpinned");
	build_unprotect(l4);
	is(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(l4), 0), 0, "asked for again");
	is(mmuext(MMUEXT_NEW_BASEPTR, old, 0), 0, "then for another");
	build_protect(l4);
	is(pin(l4, 4), 0, "pinning it");
	is((long)cr3_mfn(), (long)old, "loads nothing now");
	is(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(l4), 0), 0, "unpinned");
	build_unprotect(l4);
}

static void flushes(void)
{
	unsigned long mask = 1, bad = HYPERVISOR_VIRT_START;

	is(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0, "TLB_FLUSH_LOCAL");
	is(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0, "TLB_FLUSH_ALL");
	is(mmuext(MMUEXT_INVLPG_LOCAL, VIRT_BASE, 0), 0, "INVLPG_LOCAL");
	is(mmuext(MMUEXT_INVLPG_ALL, VIRT_BASE, 0), 0, "INVLPG_ALL");
	is(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, U(&mask)), 0, "TLB_FLUSH_MULTI");
	is(mmuext(MMUEXT_INVLPG_MULTI, VIRT_BASE, U(&mask)), 0, "INVLPG_MULTI");
	is(mmuext(MMUEXT_INVLPG_LOCAL, 1UL << 47, 0), 0, "INVLPG of a non-canonical address does nothing");
	is(mmuext(MMUEXT_INVLPG_ALL, bad, 0), 0, "INVLPG of the hypervisor's addresses does nothing");
	ok(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, 0x1000) <= 0, "an unreadable mask does no harm");
	ok(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, bad + (1UL << 40)) <= 0, "nor one in the hypervisor's range");
	is(mmuext(MMUEXT_FLUSH_CACHE, 0, 0), 0, "FLUSH_CACHE for the initial domain");
	is(mmuext(MMUEXT_FLUSH_CACHE_GLOBAL, 0, 0), 0, "FLUSH_CACHE_GLOBAL for the initial domain");
}

static void pages(void)
{
	uint64_t *a = page_alloc(), *b = page_alloc();
	pte_t *table = page_alloc();

	memset(a, 0x11, PAGE_SIZE);
	is(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(b), va_to_mfn(a)), 0, "COPY_PAGE");
	ok(!memcmp(a, b, PAGE_SIZE), "copies the page");
	is(mmuext(MMUEXT_CLEAR_PAGE, va_to_mfn(a), 0), 0, "CLEAR_PAGE");
	ok(!a[0] && !a[511], "clears the page");
	is(pin(table, 1), 0, "a table");
	ok(mmuext(MMUEXT_CLEAR_PAGE, va_to_mfn(table), 0) < 0, "cannot be cleared");
	ok(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(table), va_to_mfn(b)) < 0, "nor be copied over");
	is(unpin(table), 0, "and is unpinned");
	ok(mmuext(MMUEXT_CLEAR_PAGE, 0xfffffffUL, 0) < 0, "a frame that does not exist cannot be cleared");
	ok(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(a), 0xfffffffUL) < 0, "nor copied");
}

static void ldt_and_rest(void)
{
	struct mmuext_op op = { .cmd = MMUEXT_TLB_FLUSH_LOCAL };
	struct mmuext_op batch[3];
	unsigned int done = 99;
	uint64_t *ldt = page_alloc();

	is(mmuext(MMUEXT_SET_LDT, U(ldt), 0), 0, "an empty LDT");
	is(mmuext(MMUEXT_SET_LDT, U(ldt) + 8, 4), -EINVAL, "an unaligned LDT is refused");
	is(mmuext(MMUEXT_SET_LDT, U(ldt), 8193), -EINVAL, "an LDT with too many entries is refused");
	is(mmuext(MMUEXT_SET_LDT, 0, 0), 0, "no LDT");
	is(mmuext(99, 0, 0), -ENOSYS, "an unknown operation is ENOSYS");
	ok(mmuext(MMUEXT_MARK_SUPER, va_to_mfn(ldt), 0) < 0, "MARK_SUPER is refused");
	ok(mmuext(MMUEXT_UNMARK_SUPER, va_to_mfn(ldt), 0) < 0, "UNMARK_SUPER is refused");

	for (unsigned int i = 0; i < 3; i++)
		batch[i] = op;
	is(hypercall(mmuext_op, batch, 3UL, &done, DOMID_SELF), 0, "a batch of three");
	is(done, 3, "all are done");
	batch[1].cmd = 99;
	is(hypercall(mmuext_op, batch, 3UL, &done, DOMID_SELF), -ENOSYS, "the second of a batch is bad");
	is(done, 1, "one is done");
	is(hypercall(mmuext_op, 0x1000UL, 1UL, 0UL, DOMID_SELF), -EFAULT, "an unreadable batch is EFAULT");
	is(hypercall(mmuext_op, &op, 1UL, 0UL, 1UL), -ESRCH, "a domain that does not exist is ESRCH");
}

void test_main(void)
{
	pin_levels();
	pin_errors();
	base_pointers();
	base_before_pin();
	flushes();
	pages();
	ldt_and_rest();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trap-and-emulate writes: a kernel stores into a read-only mapping of its L1 tables and the hypervisor does the update.
 *
 * The instructions that kernels use for that (mov, xchg, cmpxchg, lock and, lock or, lock btr, lock bts) behave as on
 * memory, flags and registers included. A value that validation refuses, and a table of a higher level, give the page
 * fault to the guest and change nothing.
 */
#include "lib.h"

static pte_t *l1;		/* a live L1, seen through its read-only mapping */
static unsigned long va;	/* what its entry 0 translates */
static uint64_t *page[2];

static pte_t value(unsigned int i, uint64_t flags) { return make_pte(va_to_mfn(page[i]), flags); }
static void flush(void) { mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0); }

static void instructions(void)
{
	pte_t v = value(0, PTE_RW_FLAGS), w = value(1, PTE_RW_FLAGS), old;
	uint8_t flag;

	is(CATCH("mov %1, %0", : "+m"(l1[0]) : "r"(v)), NO_TRAP, "mov to a PTE");
	ok(same_pte(l1[0], v), "arrives");
	is(*(long *)va, 0x1000, "and translates");
	old = w;
	is(CATCH("xchg %0, %1", : "+r"(old), "+m"(l1[0])), NO_TRAP, "xchg");
	ok(same_pte(old, v), "gives the old value");
	ok(same_pte(l1[0], w), "and stores the new one");
	flush();
	is(*(long *)va, 0x1001, "which translates");

	old = l1[0];
	is(CATCH("lock cmpxchg %2, %1; setz %3", : "+a"(old), "+m"(l1[0]) : "r"(v), "m"(flag) : "cc", "memory"), NO_TRAP,
	   "cmpxchg with the right old value");
	ok(same_pte(l1[0], v), "stores");
	old = 0x123;
	is(CATCH("lock cmpxchg %2, %1", : "+a"(old), "+m"(l1[0]) : "r"(w) : "cc", "memory"), NO_TRAP,
	   "cmpxchg with a wrong old value");
	ok(same_pte(l1[0], v), "does not store");
	ok(same_pte(old, v), "and gives the actual one");

	is(CATCH("lock andq %1, %0", : "+m"(l1[0]) : "r"(~PTE_RW) : "cc", "memory"), NO_TRAP, "lock and");
	ok(!(l1[0] & PTE_RW), "takes the RW bit");
	flush();
	is(try_write((void *)va, 0), TRAP_PF, "the page is read-only now");
	is(CATCH("lock orq %1, %0", : "+m"(l1[0]) : "r"(PTE_RW) : "cc", "memory"), NO_TRAP, "lock or");
	ok(l1[0] & PTE_RW, "brings it back");
	flush();
	is(try_write((void *)va, 0x1000), NO_TRAP, "the page is writable again");

	l1[0] = value(0, PTE_RW_FLAGS | PTE_A | PTE_D);
	asm volatile("lock btrq %2, %0; setc %1" : "+m"(l1[0]), "=q"(flag) : "i"(6) : "cc", "memory");
	is(flag, 1, "lock btr of the dirty bit says that it was set");
	ok(!(l1[0] & PTE_D), "and clears it");
	asm volatile("lock btrq %2, %0; setc %1" : "+m"(l1[0]), "=q"(flag) : "i"(6) : "cc", "memory");
	is(flag, 0, "again: it was clear");
	asm volatile("lock btsq %2, %0; setc %1" : "+m"(l1[0]), "=q"(flag) : "i"(6) : "cc", "memory");
	is(flag, 0, "lock bts says that it was clear");
	ok(l1[0] & PTE_D, "and sets it");
	asm volatile("lock btrq %2, %0; setc %1" : "+m"(l1[0]), "=q"(flag) : "r"(1UL) : "cc", "memory");
	is(flag, 1, "lock btr with a register operand");
	ok(!(l1[0] & PTE_RW), "clears the RW bit");

	l1[5] = v;
	l1[6] = w;
	ok(same_pte(l1[5], v), "C stores work too");
	l1[5] = 0;
	l1[6] = 0;
	is((long)(l1[5] | l1[6]), 0, "and clearing");
	is(CATCH("movl $0, %0", : "+m"(l1[7])), NO_TRAP, "a 32-bit store of zero into an empty entry");
}

static void refused(void)
{
	uint64_t other = make_pte(0xfffffffffUL, PTE_RW_FLAGS);
	pte_t *l2 = walk((void *)va, 2), before, *l4 = mfn_to_va(cr3_mfn());

	l1[0] = value(0, PTE_RW_FLAGS);
	before = l1[0];
	is(CATCH("mov %1, %0", : "+m"(l1[0]) : "r"(other)), TRAP_PF, "a frame that does not exist: the fault goes to the guest");
	ok(same_pte(l1[0], before), "nothing changed");
	is((long)last_trap.cr2, (long)&l1[0], "cr2 is the entry");
	is(last_trap.error & 3, 3, "error code: write, protection");
	is(CATCH("mov %1, %0", : "+m"(l1[1]) : "r"(make_pte(va_to_mfn(l1), PTE_RW_FLAGS))), TRAP_PF,
	   "the table mapped writable by its own entry is refused");
	is((long)l1[1], 0, "nothing changed");
	is(CATCH("lock orq %1, %0", : "+m"(l1[2]) : "r"(make_pte(va_to_mfn(l1), PTE_RW_FLAGS)) : "cc", "memory"), TRAP_PF,
	   "lock or with the same");
	is((long)l1[2], 0, "nothing changed");
	before = *l2;
	is(CATCH("mov %1, %0", : "+m"(*l2) : "r"(0UL)), TRAP_PF, "an L2 entry is not emulated");
	is((long)*l2, (long)before, "nothing changed");
	is(CATCH("mov %1, %0", : "+m"(l4[5]) : "r"(0x1UL)), TRAP_PF, "an L4 entry is not emulated");
	is((long)l4[5], 0, "nothing changed");
	/* Across two entries: whatever happens, no half of a bad value may stay. */
	CATCH("mov %1, %0", : "+m"(*(uint64_t *)((char *)&l1[20] + 4)) : "r"(~0UL));
	ok(!(l1[20] & PTE_P) && !(l1[21] & PTE_P), "a store across two entries leaves nothing present");
}

static void elsewhere(void)
{
	uint64_t *plain = page_alloc();

	remap(plain, PTE_RO_FLAGS);
	is(try_write(plain, 1), TRAP_PF, "a write to a read-only page that is no table is a plain fault");
	remap(plain, PTE_RW_FLAGS);
}

void test_main(void)
{
	l1 = page_alloc();
	for (unsigned int i = 0; i < 2; i++) {
		page[i] = page_alloc();
		page[i][0] = 0x1000 + i;
	}
	va = VIRT_BASE + (402UL << 21);
	remap(l1, PTE_RO_FLAGS);
	is(set_pte(walk((void *)va, 2), make_pte(va_to_mfn(l1), PTE_TABLE_FLAGS)), 0, "a table is put in place");
	instructions();
	refused();
	elsewhere();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors: the guest's part of the GDT, its LDT, single updates. Call gates, interrupt gates, TSSs and segments of ring
 * 0 to 2 have no place in them; a page that holds descriptors is not writable.
 */
#include "lib.h"

#define CODE64	0x00affb000000ffffUL
#define DATA	0x00cff3000000ffffUL

static uint64_t *gdt;

static long set_gdt(void *table, unsigned long entries)
{
	unsigned long frame = va_to_mfn(table);

	return hypercall(set_gdt, &frame, entries);
}

static long update(uint64_t *where, uint64_t d) { return hypercall(update_descriptor, va_to_maddr(where), d); }

static int load_ds(unsigned int selector)
{
	int trap = CATCH("mov %0, %%ds", : : "r"(selector));

	asm volatile("mov %0, %%ds" : : "r"(0));
	return trap;
}

void test_main(void)
{
	static const struct {
		const char *what;
		uint64_t d;
	} bad[] = {
		{ "a call gate into the hypervisor", 0x0000ec00e0080000UL }, { "an interrupt gate", 0x0000ee0000080000UL },
		{ "a TSS", 0x0000890000000067UL }, { "an LDT descriptor", 0x0000820000000fffUL },
	};
	uint64_t *ldt = page_alloc();
	unsigned long frames[2];

	gdt = page_alloc();
	gdt[1] = CODE64;
	gdt[2] = DATA;
	ok(set_gdt(gdt, 8) < 0 || pte_of(gdt) & PTE_RW, "a writable page as GDT: refused, or its type decides");
	is(remap(gdt, PTE_RO_FLAGS), 0, "the page goes read-only");
	is(set_gdt(gdt, 8), 0, "and becomes the GDT");
	is(load_ds(2 << 3 | 3), NO_TRAP, "its data segment can be loaded");
	is(load_ds(6 << 3 | 3), TRAP_GP, "an empty slot cannot");
	ok(remap(gdt, PTE_RW_FLAGS) < 0, "while it is the GDT it cannot be mapped writable");
	is(update(&gdt[3], DATA), 0, "a descriptor is updated");
	is((long)(gdt[3] & ~(1UL << 40)), (long)(DATA & ~(1UL << 40)), "and stored");
	is(load_ds(3 << 3 | 3), NO_TRAP, "and can be loaded");
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		long rc = update(&gdt[4], bad[i].d);

		ok(rc < 0 || !(gdt[4] >> 47 & 1), "%s is refused (%ld)", bad[i].what, rc);
		update(&gdt[4], 0);
	}
	for (uint64_t dpl = 0; dpl < 3; dpl++) {
		long rc = update(&gdt[4], (DATA & ~(3UL << 45)) | dpl << 45);

		ok(rc < 0 || (gdt[4] >> 45 & 3) != 0 || load_ds(4 << 3 | 3) != NO_TRAP,
		   "a data segment of ring %lu is refused or lifted out of ring 0 (%ld)", dpl, rc);
		update(&gdt[4], 0);
	}
	ok(hypercall(update_descriptor, va_to_maddr(&gdt[4]) + 4, DATA) < 0, "an unaligned address is refused");
	ok(hypercall(update_descriptor, 0xfffffffUL << 12, DATA) < 0, "a frame that does not exist is refused");
	ok(hypercall(update_descriptor, cr3_mfn() << 12, DATA) < 0, "a page table is refused");

	frames[0] = 0xfffffffUL;
	ok(hypercall(set_gdt, frames, 8UL) < 0, "a GDT frame that does not exist");
	frames[0] = cr3_mfn();
	ok(hypercall(set_gdt, frames, 8UL) < 0, "a page table as GDT");
	frames[0] = va_to_mfn(gdt), frames[1] = 0xfffffffUL;
	ok(hypercall(set_gdt, frames, 1024UL) < 0, "a second frame that does not exist");
	ok(hypercall(set_gdt, frames, 8192UL) < 0, "more entries than the guest's part has");
	is(hypercall(set_gdt, 0x1000UL, 8UL), -EFAULT, "an unreadable list");
	is(load_ds(3 << 3 | 3), NO_TRAP, "the old GDT survived all that");

	ldt[0] = 0;
	ldt[1] = DATA;
	is(mmuext(MMUEXT_SET_LDT, U(ldt), 4), 0, "an LDT is set");
	is(remap(ldt, PTE_RO_FLAGS), 0, "its page goes read-only");
	is(load_ds(1 << 3 | 4 | 3), NO_TRAP, "its segment can be loaded (the hypervisor maps it on demand)");
	ok(remap(ldt, PTE_RW_FLAGS) < 0, "then it cannot be mapped writable");
	is(load_ds(3 << 3 | 4 | 3), TRAP_GP, "an empty slot is #GP");
	is(load_ds(100 << 3 | 4 | 3), TRAP_GP, "beyond the limit too");
	is(mmuext(MMUEXT_SET_LDT, 0, 0), 0, "no LDT");
	is(load_ds(1 << 3 | 4 | 3), TRAP_GP, "then its segment is gone");
	is(remap(ldt, PTE_RW_FLAGS), 0, "and its page ordinary memory");
	is(hypercall(set_gdt, frames, 0UL), 0, "no GDT");
	is(remap(gdt, PTE_RW_FLAGS), 0, "its page is ordinary memory");
}

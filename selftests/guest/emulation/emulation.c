// SPDX-License-Identifier: GPL-2.0-only
/*
 * Privileged instructions of a PV kernel: what is emulated works, what is not is #GP (or #UD), and nothing reaches the
 * machine that the guest does not own.
 */
#include "lib.h"

struct regs { uint32_t a, b, c, d; };

static struct regs cpuid(uint32_t leaf, uint32_t sub, bool forced)
{
	struct regs r = { leaf, 0, sub, 0 };

	if (forced)
		asm volatile(XEN_CPUID : "+a"(r.a), "=b"(r.b), "+c"(r.c), "=d"(r.d));
	else
		asm volatile("cpuid" : "+a"(r.a), "=b"(r.b), "+c"(r.c), "=d"(r.d));
	return r;
}

static void cpuid_policy(void)
{
	struct regs r = cpuid(0x40000000, 0, true);

	is(r.b, 0x566e6558, "leaf 0x40000000: XenV");
	is(r.c, 0x65584d4d, "MMXe");
	is(r.d, 0x4d4d566e, "nVMM");
	ok(r.a >= 0x40000002 && r.a < 0x40000100, "the highest leaf is %x", r.a);
	is(cpuid(0x40000001, 0, true).a, (4 << 16) | 17, "leaf 0x40000001: version 4.17");
	r = cpuid(1, 0, true);
	ok(r.c >> 31, "leaf 1: the hypervisor bit");
	ok(!(r.c >> 5 & 1), "no VMX");
	ok(!(r.c >> 3 & 1), "no MONITOR");
	ok(!(r.d >> 12 & 1), "no MTRR: they are the hypervisor's business");
	ok(r.d >> 0 & 1, "FPU");
	ok(r.d >> 6 & 1, "PAE");
	ok(!(cpuid(1, 0, true).c >> 17 & 1), "no PCID");
	/* Else Linux does without AVX: it looks before it sets CR4.OSXSAVE. */
	is(cpuid(1, 0, true).c >> 27 & 1, cpuid(1, 0, true).c >> 26 & 1, "where there is XSAVE, OSXSAVE shows");
	r = cpuid(0x80000001, 0, true);
	ok(r.d >> 29 & 1, "leaf 0x80000001: long mode");
	ok(r.d >> 20 & 1, "NX");
	ok(r.d >> 11 & 1, "SYSCALL");
	ok(!(r.c >> 2 & 1), "no SVM");
	r = cpuid(7, 0, true);
	ok(!(r.b >> 7 & 1), "leaf 7: no SMEP for a guest in ring 3");
	ok(!(r.b >> 20 & 1), "no SMAP");
	ok(!(r.c >> 16 & 1), "no LA57");
	ok(!(r.c >> 3 & 1), "no PKU: those bits of an entry are the guest's own");
	r = cpuid(0xd, 0, true);
	note("xsave: mask %x, size %u of %u", r.a, r.b, r.c);
	r = cpuid(0xffffffff, 0, true);
	ok(!(r.a | r.b | r.c | r.d), "the highest leaf number is answered, with nothing (%x %x %x %x)", r.a, r.b, r.c, r.d);
	is(cpuid(0, 0, false).b, cpuid(0, 0, true).b, "cpuid without the prefix names the same vendor");
	is(CATCH(".byte 0x0f,0x0b,0x78,0x65,0x6e; nop"), TRAP_UD, "the prefix before something else is #UD");
	is(CATCH(".byte 0x0f,0x0b,0x78,0x65,0x6f"), TRAP_UD, "a wrong prefix is #UD");
}

static int rdmsr(uint32_t msr, uint64_t *value)
{
	uint32_t lo = 0, hi = 0;
	int trap = CATCH("rdmsr", : "=a"(lo), "=d"(hi) : "c"(msr));

	*value = ((uint64_t)hi << 32) | lo;
	return trap;
}

static int wrmsr(uint32_t msr, uint64_t value)
{
	return CATCH("wrmsr", : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static void msrs(void)
{
	uint64_t v, gs;

	is(rdmsr(0xc0000080, &v), NO_TRAP, "EFER can be read");
	ok((v & 0xd01) == 0xd01, "long mode, NX and SYSCALL are on (%lx)", v);
	is(rdmsr(0xc0000100, &v), NO_TRAP, "FS_BASE can be read");
	is(wrmsr(0xc0000100, 0x12345000), NO_TRAP, "and written");
	is(rdmsr(0xc0000100, &v), NO_TRAP, "read again");
	is((long)v, 0x12345000, "it holds the value");
	is(wrmsr(0xc0000100, 1UL << 47), TRAP_GP, "a non-canonical base is #GP");
	is(wrmsr(0xc0000100, 0), NO_TRAP, "back to 0");
	is(rdmsr(0xc0000101, &gs), NO_TRAP, "GS_BASE can be read");
	is((long)gs, (long)this_pcpu(), "and is ours");
	is(wrmsr(0xc0000102, 0x54321000), NO_TRAP, "KERNEL_GS_BASE (the user's gs) can be written");
	is(rdmsr(0xc0000102, &v), NO_TRAP, "and read");
	is((long)v, 0x54321000, "it holds the value");
	is(rdmsr(0x12345678, &v), TRAP_GP, "an unknown MSR is #GP");
	is(wrmsr(0x12345678, 0), TRAP_GP, "to write as well");
	is(rdmsr(0x1b, &v), NO_TRAP, "APIC_BASE can be read");
	is((long)v, 0xfee00900, "an enabled APIC at the usual place, of the boot processor");
	/* Writing what belongs to the hypervisor must not take effect. */
	for (unsigned int i = 0; i < 3; i++) {
		static const uint32_t msr[] = { 0xc0000082, 0xc0000081, 0x176 };

		is(wrmsr(msr[i], 0xffffffff80100000UL), TRAP_GP, "MSR %x is the hypervisor's", msr[i]);
		is(hypercall(xen_version, XENVER_version, 0UL), (4 << 16) | 17, "and system calls still work");
	}
	wrmsr(0xc0000080, 0);
	rdmsr(0xc0000080, &v);
	ok((v & 0xd01) == 0xd01, "EFER cannot be changed");
}

static void control_registers(void)
{
	uint64_t v = 0, old;

	is(CATCH("mov %%cr0, %0", : "=r"(v)), NO_TRAP, "cr0 can be read");
	ok((v & 0x80000001) == 0x80000001, "paging and protection are on");
	is(CATCH("mov %0, %%cr0", : : "r"(v | 8)), NO_TRAP, "TS can be set");
	is(CATCH("mov %%cr0, %0", : "=r"(old)), NO_TRAP, "read again");
	ok(old & 8, "it is");
	is(CATCH("clts"), NO_TRAP, "clts");
	is(CATCH("mov %%cr0, %0", : "=r"(old)), NO_TRAP, "read again");
	ok(!(old & 8), "it is clear");
	is(CATCH("mov %0, %%cr0", : : "r"(v ^ 0x10000)), TRAP_GP, "WP cannot be changed");
	is(CATCH("mov %%cr2, %0", : "=r"(v)), NO_TRAP, "cr2 can be read");
	is(CATCH("mov %0, %%cr2", : : "r"(0x1234UL)), NO_TRAP, "and written");
	is(CATCH("mov %%cr2, %0", : "=r"(v)), NO_TRAP, "read again");
	is((long)v, 0x1234, "it holds the value");
	is(CATCH("mov %%cr3, %0", : "=r"(v)), NO_TRAP, "cr3 can be read");
	is((long)v, (long)(va_to_mfn((void *)start_info->pt_base) << 12), "it names the L4");
	is(CATCH("mov %0, %%cr3", : : "r"(v)), NO_TRAP, "and written with the same");
	is(CATCH("mov %0, %%cr3", : : "r"(va_to_maddr(page_alloc()))), TRAP_GP, "a page that is no L4 is #GP");
	is((long)cr3_mfn(), (long)(v >> 12), "cr3 is unchanged");
	is(CATCH("mov %%cr4, %0", : "=r"(v)), NO_TRAP, "cr4 can be read");
	ok(v >> 5 & 1, "PAE is on");
	ok(!(v >> 20 & 3), "neither SMEP nor SMAP show");
	is(CATCH("mov %0, %%cr4", : : "r"(v)), NO_TRAP, "writing the same is fine");
	is(CATCH("mov %0, %%cr4", : : "r"(0UL)), NO_TRAP, "writing 0 is, too");
	is(CATCH("mov %%cr4, %0", : "=r"(old)), NO_TRAP, "read again");
	ok(old >> 5 & 1, "PAE is on still");
	is(hypercall(xen_version, XENVER_version, 0UL), (4 << 16) | 17, "writing 0 to cr4 leaves the machine alive");
	is(CATCH("mov %%cr8, %0", : "=r"(v)), TRAP_GP, "cr8 is the hypervisor's");
	is(CATCH("mov %0, %%cr5", : : "r"(0UL)), TRAP_GP, "cr5 does not exist");
}

static void ports(void)
{
	struct physdev_set_iopl iopl = { .iopl = 0 };
	uint32_t v = 0;

	is(hypercall(physdev_op, PHYSDEVOP_set_iopl, &iopl), 0, "IOPL 0");
	is(CATCH("inb $0x80, %%al", : "+a"(v)), TRAP_GP, "without IOPL, in is #GP");
	iopl.iopl = 1;
	is(hypercall(physdev_op, PHYSDEVOP_set_iopl, &iopl), 0, "IOPL 1 is enough for a PV kernel");
	is(CATCH("outb %%al, $0x80", : : "a"(0)), NO_TRAP, "out to port 0x80");
	is(CATCH("outl %%eax, %%dx", : : "a"(0x80000000), "d"(0xcf8)), NO_TRAP, "PCI configuration address");
	is(CATCH("inl %%dx, %%eax", : "+a"(v) : "d"(0xcfc)), NO_TRAP, "PCI configuration data");
	ok((v & 0xffff) == 0x8086, "the host bridge is there: %x", v);
	v = 0;
	is(CATCH("inw %%dx, %%ax", : "+a"(v) : "d"(0xcfe)), NO_TRAP, "16 bits of it");
	ok(v != 0 && v < 0x10000, "only 16 bits are written: %x", v);
	is(CATCH("inb $0x71, %%al", : "+a"(v)), NO_TRAP, "the real-time clock");
	{
		static uint8_t buffer[4];
		void *to = buffer;
		unsigned long n = 4;

		is(CATCH("rep insb", : "+D"(to), "+c"(n) : "d"(0x80) : "memory"), NO_TRAP, "rep insb");
		is((long)n, 0, "all of it");
		to = (void *)0x1000, n = 1;
		is(CATCH("rep insb", : "+D"(to), "+c"(n) : "d"(0x80) : "memory"), TRAP_PF, "rep insb to nowhere is #PF");
	}
	/* Ports of the hypervisor: a read gives all ones, never the device. */
	for (unsigned int i = 0; i < 4; i++) {
		static const uint16_t port[] = { 0x20, 0xa0, 0x40, 0x3fd };
		int trap;

		v = 0;
		trap = CATCH("inb %%dx, %%al", : "+a"(v) : "d"(port[i]));
		ok(trap == NO_TRAP && v == 0xff, "port %x belongs to the hypervisor (trap 0x%x, value %x)", port[i], trap, v);
	}
	iopl.iopl = 4;
	is(hypercall(physdev_op, PHYSDEVOP_set_iopl, &iopl), -EINVAL, "IOPL 4 does not exist");
	iopl.iopl = 0;
	hypercall(physdev_op, PHYSDEVOP_set_iopl, &iopl);
}

static void others(void)
{
	uint8_t table[10] = { 0 };
	uint64_t v;

	is(CATCH("invlpg (%0)", : : "r"(VIRT_BASE) : "memory"), NO_TRAP, "invlpg works");
	is(CATCH("invlpg (%0)", : : "r"(HYPERVISOR_VIRT_START) : "memory"), TRAP_GP, "not on the hypervisor's addresses");
	is(CATCH("wbinvd"), NO_TRAP, "wbinvd for the initial domain");
	is(CATCH("lgdt %0", : : "m"(table)), TRAP_GP, "lgdt is #GP");
	is(CATCH("lidt %0", : : "m"(table)), TRAP_GP, "lidt is #GP");
	is(CATCH("ltr %%ax", : : "a"(0)), TRAP_GP, "ltr is #GP");
	is(CATCH("lldt %%ax", : : "a"(0)), TRAP_GP, "lldt is #GP");
	is(CATCH("swapgs"), TRAP_GP, "swapgs is #GP");
	is(CATCH("sysretq"), TRAP_GP, "sysret is #GP");
	ok(CATCH("vmcall") != NO_TRAP, "vmcall traps (0x%x)", last_trap.vector);
	ok(CATCH("vmmcall") != NO_TRAP, "vmmcall traps (0x%x)", last_trap.vector);
	ok(CATCH("vmrun", : : "a"(0)) != NO_TRAP, "vmrun traps (0x%x)", last_trap.vector);
	ok(CATCH("monitor", : : "a"(table), "c"(0), "d"(0)) != NO_TRAP, "monitor traps (0x%x)", last_trap.vector);
	ok(CATCH("rdpmc", : : "c"(0) : "rax", "rdx") != NO_TRAP, "rdpmc traps (0x%x)", last_trap.vector);
	is(CATCH("rdtsc", : : : "rax", "rdx"), NO_TRAP, "rdtsc works");
	is(CATCH("mov %%dr7, %0", : "=r"(v)), NO_TRAP, "dr7 can be read");
	is(CATCH("mov %0, %%dr7", : : "r"(0x400UL)), NO_TRAP, "and written");
	is(CATCH("mov %0, %%dr0", : : "r"(HYPERVISOR_VIRT_START)), TRAP_GP, "dr0 with an address of the hypervisor");
	if (cpuid(1, 0, true).c >> 27 & 1) {
		uint32_t lo, hi;

		CATCH("mov %%cr4, %0", : "=r"(v));
		is(CATCH("mov %0, %%cr4", : : "r"(v | 1UL << 18)), NO_TRAP, "OSXSAVE can be set in cr4");
		is(CATCH("xgetbv", : "=a"(lo), "=d"(hi) : "c"(0)), NO_TRAP, "xgetbv works");
		is(CATCH("xsetbv", : : "a"(lo), "d"(hi), "c"(0)), NO_TRAP, "xsetbv with the same value");
		is(CATCH("xsetbv", : : "a"(0), "d"(0), "c"(0)), TRAP_GP, "xsetbv without x87 is #GP");
		is(CATCH("xsetbv", : : "a"(lo), "d"(hi), "c"(5)), TRAP_GP, "xsetbv of another register is #GP");
		is(CATCH("xsetbv", : : "a"(lo), "d"(hi | 0x40000000), "c"(0)), TRAP_GP, "xsetbv of unknown state is #GP");
	} else {
		skip("no XSAVE");
	}
}

void test_main(void)
{
	cpuid_policy();
	msrs();
	control_registers();
	ports();
	others();
}

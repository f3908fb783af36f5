// SPDX-License-Identifier: GPL-2.0-only
/*
 * The small calls: FPU task switch, debug registers, console, VM assists, physical devices.
 */
#include "lib.h"

static void fpu(void)
{
	uint16_t cw = 0;

	is(hypercall(fpu_taskswitch, 1UL), 0, "TS is set");
	is(CATCH("fnstcw %0", : "=m"(cw)), TRAP_NM, "an FPU instruction is #NM");
	is(hypercall(fpu_taskswitch, 0UL), 0, "TS is cleared");
	is(CATCH("fninit; fnstcw %0", : "=m"(cw)), NO_TRAP, "an FPU instruction works");
	is(cw, 0x37f, "and gives its result");
	is(hypercall(fpu_taskswitch, 1UL), 0, "TS is set");
	is(CATCH("clts"), NO_TRAP, "clts");
	is(CATCH("fnstcw %0", : "=m"(cw)), NO_TRAP, "clears it too");
	is(cw, 0x37f, "the state was kept");
}

static void debug_registers(void)
{
	static uint64_t watched __attribute__((aligned(8)));

	is(hypercall(set_debugreg, 0UL, U(&watched)), 0, "dr0 is set");
	is(hypercall(get_debugreg, 0UL), (long)U(&watched), "and read");
	is(hypercall(set_debugreg, 7UL, 0x400 | 1 | 1 << 16 | 3 << 18), 0, "dr7: watch 8 bytes for writes");
	last_trap.vector = NO_TRAP;
	asm volatile("movq $5, %0\n1: nop\n2:\n .pushsection .ex_table, \"a\"\n .quad 1b, 2b\n .popsection" : "=m"(watched));
	is(last_trap.vector, TRAP_DB, "a write there is #DB");
	ok(hypercall(get_debugreg, 6UL) & 1, "dr6 says which");
	is(hypercall(set_debugreg, 7UL, 0UL), 0, "dr7 is cleared");
	asm volatile("movq $6, %0" : "=m"(watched));
	ok(hypercall(set_debugreg, 1UL, HYPERVISOR_VIRT_START) < 0, "an address of the hypervisor is refused");
	ok(hypercall(set_debugreg, 1UL, 1UL << 47) < 0, "a non-canonical one too");
	ok(hypercall(set_debugreg, 8UL, 0UL) < 0, "register 8 does not exist");
	ok(hypercall(get_debugreg, 9UL) < 0, "nor 9");
	ok(hypercall(set_debugreg, 7UL, 1UL << 13) <= 0, "dr7: general detect is refused or ignored");
	hypercall(set_debugreg, 7UL, 0UL);
	ok(!(hypercall(get_debugreg, 7UL) & 1 << 13), "and is not set");
}

static void console(void)
{
	static char buffer[64];
	long n = hypercall(console_io, CONSOLEIO_read, sizeof(buffer), buffer);

	ok(n >= 0 && n <= (long)sizeof(buffer), "reading the console gives %ld bytes", n);
	is(hypercall(console_io, CONSOLEIO_write, 20UL, "# a line of console\n"), 0, "writing");
	is(hypercall(console_io, CONSOLEIO_write, 8UL, 0x1000UL), -EFAULT, "writing from nowhere");
	is(hypercall(console_io, CONSOLEIO_write, 8UL, HYPERVISOR_VIRT_START + (5UL << 39)), -EFAULT,
	   "writing out the hypervisor's memory");
	is(hypercall(console_io, 99UL, 8UL, buffer), -ENOSYS, "an unknown operation");
}

static void assists(void)
{
	is(hypercall(vm_assist, VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag), 0, "runstate_update_flag");
	is(hypercall(vm_assist, VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag), 0, "off again");
	is(hypercall(vm_assist, VMASST_CMD_enable, 40UL), -EINVAL, "an unknown assist");
	is(hypercall(vm_assist, 7UL, VMASST_TYPE_runstate_update_flag), -ENOSYS, "an unknown command");
}

static void physdev(void)
{
	struct physdev_irq_status_query q = { .irq = 9 };
	struct physdev_apic apic = { .apic_physbase = 0xfec00000, .reg = 1 };
	struct physdev_set_iobitmap map = { .nr_ports = 70000 };
	struct physdev_eoi eoi = { .irq = 100000 };

	is(hypercall(physdev_op, PHYSDEVOP_irq_status_query, &q), 0, "the status of an interrupt");
	q.irq = 1000000;
	is(hypercall(physdev_op, PHYSDEVOP_irq_status_query, &q), -EINVAL, "of one that does not exist");
	is(hypercall(physdev_op, PHYSDEVOP_apic_read, &apic), 0, "the IO-APIC's version register");
	ok((apic.value & 0xff) >= 0x10, "is %x", apic.value);
	apic.apic_physbase = 0x12345000;
	ok(hypercall(physdev_op, PHYSDEVOP_apic_read, &apic) < 0, "an IO-APIC that does not exist");
	is(hypercall(physdev_op, PHYSDEVOP_set_iobitmap, &map), -EINVAL, "an I/O bitmap that is too long");
	ok(hypercall(physdev_op, PHYSDEVOP_eoi, &eoi) < 0, "the end of an interrupt that does not exist");
	is(hypercall(physdev_op, 99UL, &apic), -ENOSYS, "an unknown operation");
	is(hypercall(physdev_op, PHYSDEVOP_apic_read, 0x1000UL), -EFAULT, "an unreadable argument");
}

void test_main(void)
{
	fpu();
	debug_registers();
	console();
	assists();
	physdev();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traps: how exceptions reach a PV kernel and how it returns from them.
 *
 * An exception of the guest arrives at the handler registered for its vector, with the frame of the ABI: an error code
 * where the processor has one, the page-fault error code seen from the guest's (not the processor's) privilege, cs without
 * RPL for kernel mode, rflags.IF standing for "events enabled". Software interrupts respect the registered privilege.
 * The iret hypercall takes any frame a guest can write: what the processor refuses comes back through the failsafe
 * callback or as #GP, never as a fault of the hypervisor.
 *
 * XSA-7: non-canonical return addresses never reach SYSRET; callbacks and trap entries are checked when registered.
 */
#include "lib.h"

#define NON_CANONICAL 0x0000800000000000UL

/* --- exceptions ------------------------------------------------------------------------------------------------------ */

static void simple_exceptions(void)
{
	uint64_t x = 1;

	is(CATCH("div %1", : "+a"(x) : "r"(0UL), "d"(0UL)), TRAP_DE, "division by zero is #DE");
	is(CATCH("ud2"), TRAP_UD, "ud2 is #UD");
	is(last_trap.frame.cs & 3, 0, "kernel mode shows as RPL 0");
	is(last_trap.frame.cs & 0xfffc, FLAT_KERNEL_CS & 0xfffc, "the frame holds our code segment");
	is(last_trap.frame.ss & 0xfffc, FLAT_KERNEL_SS & 0xfffc, "the frame holds our stack segment");
	is((last_trap.frame.rflags >> 9) & 1, 0, "rflags.IF is clear while events are masked");

	is(CATCH("mov %0, %%ds", : : "r"(0x1234)), TRAP_GP, "loading a bad selector is #GP");
	is(last_trap.error, 0x1234 & ~3, "its error code is the selector");
	is(try_read((void *)NON_CANONICAL, NULL), TRAP_GP, "reading a non-canonical address is #GP");
	is(last_trap.error, 0, "with error code 0");
	is(CATCH("nop"), NO_TRAP, "a harmless instruction does not trap");
}

static void page_fault_codes(void)
{
	char *page = page_alloc();

	is(try_read((void *)0x1000, NULL), TRAP_PF, "reading an unmapped address is #PF");
	is(last_trap.error, 0, "error code: read, not present, kernel");
	is((long)last_trap.cr2, 0x1000, "cr2 is the address");
	is(try_write((void *)0x2008, 1), TRAP_PF, "writing an unmapped address is #PF");
	is(last_trap.error, 2, "error code: write, not present");
	is((long)last_trap.cr2, 0x2008, "cr2 is the address");
	is(remap(page, PTE_RO_FLAGS), 0, "a page can be made read-only");
	is(try_write(page + 8, 1), TRAP_PF, "writing it is #PF");
	is(last_trap.error, 3, "error code: write, protection");
}

/* Executing: the fault is at the target, so the fixup is a hook that returns to the caller. */
static bool return_to_caller(struct frame *f)
{
	uint64_t *stack = (uint64_t *)f->rsp;

	this_pcpu()->trap.vector = (int)f->vector;
	this_pcpu()->trap.error = f->error;
	this_pcpu()->trap.rip = f->rip;
	this_pcpu()->trap.cr2 = this_pcpu()->info->arch.cr2;
	f->rip = stack[0];
	f->rsp += 8;
	return true;
}

static int try_call(unsigned long address)
{
	last_trap.vector = NO_TRAP;
	trap_hook = return_to_caller;
	asm volatile("call *%0" : : "r"(address) : "memory", "rax");
	trap_hook = NULL;
	return last_trap.vector;
}

static void execution(void)
{
	uint8_t *page = page_alloc();

	page[0] = 0xc3;		/* ret */
	is(try_call((unsigned long)page), NO_TRAP, "a page of the pool can be executed");
	is(remap(page, PTE_RW_FLAGS | PTE_NX), 0, "and made non-executable");
	is(try_call((unsigned long)page), TRAP_PF, "then executing it is #PF");
	is(last_trap.error & ~4U, 0x11, "error code: fetch, protection");
	is((long)last_trap.cr2, (long)page, "cr2 is the address");
	is(try_call(0x3000), TRAP_PF, "executing an unmapped page is #PF");
	is(last_trap.error & ~0x10U, 0, "error code: not present, kernel");
}

/* --- software interrupts ------------------------------------------------------------------------------------------- */

static void software_interrupts(void)
{
	static const struct trap_info user_only_zero[] = {
		{ 0x82, 0, FLAT_KERNEL_CS, 0xffffffff80100000UL }, { 0, 0, 0, 0 } };
	bool bp, cd80;

	trap_hook = NULL;
	last_trap.vector = NO_TRAP;
	/* A trap, not a fault: rip is behind the instruction, so the fixup has to be there. */
	asm volatile("int3\n1: nop\n2:\n .pushsection .ex_table, \"a\"\n .quad 1b, 2b\n .popsection" ::: "memory");
	bp = last_trap.vector == TRAP_BP;
	ok(bp, "int3 arrives as #BP with rip behind it");
	last_trap.vector = NO_TRAP;
	asm volatile("int $0x80\n1: nop\n2:\n .pushsection .ex_table, \"a\"\n .quad 1b, 2b\n .popsection" ::: "memory");
	cd80 = last_trap.vector == 0x80;
	ok(cd80, "int $0x80 arrives at its handler");
	is(CATCH("int $0x81"), TRAP_GP, "int without a handler is #GP");
	/* QEMU's TCG counts long-mode gates as two descriptors each, so there the index is doubled. */
	ok(last_trap.error == 0x81 * 8 + 2 || last_trap.error == 0x81 * 16 + 2,
	   "its error code (0x%x) is the vector's descriptor", last_trap.error);
	is(hypercall(set_trap_table, user_only_zero), 0, "set_trap_table adds an entry with level 0");
	is(CATCH("int $0x82"), TRAP_GP, "nobody may enter level 0 by int");
	is(CATCH("int $0x20"), TRAP_GP, "the hypervisor's own vectors are out of reach (0x20)");
	is(CATCH("int $0xf0"), TRAP_GP, "the hypervisor's own vectors are out of reach (0xf0)");
	is(CATCH("int $2"), TRAP_GP, "int $2 does not raise an NMI");
	is(CATCH("int $8"), TRAP_GP, "int $8 does not raise a double fault");
}

static void trap_table_errors(void)
{
	struct trap_info t[2] = { { 0x83, 0, FLAT_KERNEL_CS, NON_CANONICAL }, { 0, 0, 0, 0 } };

	is(hypercall(set_trap_table, t), -EINVAL, "XSA-7: a non-canonical handler is refused");
	is(hypercall(set_trap_table, 0x1000UL), -EFAULT, "an unreadable table is EFAULT");
	is(hypercall(set_trap_table, HYPERVISOR_VIRT_START + (1UL << 40)), -EFAULT,
	   "a table in the hypervisor's range is EFAULT");
	is(hypercall(set_trap_table, 0UL), 0, "a null table clears the handlers");
	trap_table_load();
	is(CATCH("ud2"), TRAP_UD, "and loading it again brings them back");
}

static const struct trap_info masking_ud[] = {
	{ TRAP_UD, 4, FLAT_KERNEL_CS, 0 }, { 0, 0, 0, 0 } };

static uint8_t mask_in_handler;

static bool note_mask(struct frame *f)
{
	mask_in_handler = this_pcpu()->info->evtchn_upcall_mask;
	f->rip += 2;	/* over ud2 */
	return true;
}

void entry_6(void);

static void event_masking(void)
{
	struct trap_info t[2];

	memcpy(t, masking_ud, sizeof(t));
	t[0].address = (unsigned long)entry_6;
	trap_hook = note_mask;
	events_on();
	asm volatile("ud2");
	is(mask_in_handler, 0, "a handler without the mask flag runs with events on");
	hypercall(set_trap_table, t);
	asm volatile("ud2");
	is(mask_in_handler, 1, "a handler with the mask flag runs with events masked");
	is(this_pcpu()->info->evtchn_upcall_mask, 0, "the iret hypercall unmasks them again (rflags.IF)");
	events_off();
	trap_hook = NULL;
	trap_table_load();
}

/* --- nesting ------------------------------------------------------------------------------------------------------- */

static unsigned int depth, deepest;

static bool nest(struct frame *f)
{
	if (f->vector != TRAP_UD)
		return false;
	if (++depth > deepest)
		deepest = depth;
	if (depth < 20)
		asm volatile("ud2");
	depth--;
	f->rip += 2;
	return true;
}

static void nested(void)
{
	trap_hook = nest;
	asm volatile("ud2");
	trap_hook = NULL;
	is(deepest, 20, "traps nest on the kernel stack and unwind");
	is(depth, 0, "all of them returned");
}

/* --- iret ------------------------------------------------------------------------------------------------------------ */

static uint8_t scratch_stack[8192] __attribute__((aligned(16)));

void target(void);
void step_target(void);
asm("	.text\n"
    ".globl target\n"
    "target:	int3\n"		/* a frame that works ends here */
    "	ud2\n"
    "	.globl step_target\n"
    "step_target: nop\n"
    "	ud2\n");

static void kernel_frame(struct frame *f)
{
	memset(f, 0x5a, sizeof(*f));
	f->rip = (unsigned long)target;
	f->cs = FLAT_KERNEL_CS & ~3UL;
	f->ss = FLAT_KERNEL_SS & ~3UL;
	f->rsp = (unsigned long)scratch_stack + sizeof(scratch_stack);
	f->rflags = 0x2;
}

static void iret_frames(void)
{
	static const struct {
		const char *what;
		uint16_t cs, ss;
		uint64_t rip;
	} bad[] = {
		{ "a null cs", 0, FLAT_KERNEL_SS, 0 },
		{ "the hypervisor's code segment", 0xe008, FLAT_KERNEL_SS, 0 },
		{ "the hypervisor's data segment as ss", FLAT_KERNEL_CS & ~3, 0xe010, 0 },
		{ "a code segment beyond the GDT's limit", 0xfff8, FLAT_KERNEL_SS, 0 },
		{ "a data segment as cs", FLAT_KERNEL_SS & ~3, FLAT_KERNEL_SS, 0 },
		{ "an LDT selector without an LDT", 0xc, FLAT_KERNEL_SS, 0 },
		{ "a non-canonical rip (XSA-7)", FLAT_KERNEL_CS & ~3, FLAT_KERNEL_SS, NON_CANONICAL },
	};
	struct frame f;

	kernel_frame(&f);
	is(frame_run(&f), TRAP_BP, "iret to kernel mode works");
	is((long)f.rip, (long)target + 1, "it arrives where it should");
	is((long)f.rsp, (long)(scratch_stack + sizeof(scratch_stack)), "with the stack it asked for");
	ok(f.rbx == 0x5a5a5a5a5a5a5a5a && f.r15 == f.rbx && f.rcx == f.rbx && f.r11 == f.rbx && f.rax == f.rbx,
	   "and every register, rcx and r11 too");

	kernel_frame(&f);
	f.cs = (FLAT_KERNEL_CS & ~3) | 1;
	is(frame_run(&f), TRAP_BP, "RPL 1 is kernel mode too");

	kernel_frame(&f);
	f.rflags = 0x202;
	is(frame_run(&f), TRAP_BP, "iret with IF set");
	is((f.rflags >> 9) & 1, 1, "enables events");
	is(this_pcpu()->info->evtchn_upcall_mask, 0, "in vcpu_info as well");
	events_off();

	kernel_frame(&f);
	f.rflags = 0x2 | 0x3000 | (1 << 14) | (1 << 17) | 0xcd5;
	is(frame_run(&f), TRAP_BP, "iret with IOPL 3, NT and VM set in rflags");
	ok(!(f.rflags & 0x20000), "VM did not survive");
	is((long)(f.rflags & 0xcd5), 0xcd5, "the arithmetic flags did");
	{
		uint64_t flags;

		asm volatile("pushf; pop %0" : "=r"(flags));
		is((long)((flags >> 12) & 3), 0, "the real IOPL is 0");
		is((long)((flags >> 9) & 1), 1, "the real IF is 1");
	}

	kernel_frame(&f);
	f.rip = (unsigned long)step_target;
	f.rflags = 0x102;
	is(frame_run(&f), TRAP_DB, "iret with TF set single-steps: #DB");
	is((long)f.rip, (long)step_target + 1, "after one instruction");

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		int trap;

		kernel_frame(&f);
		f.cs = bad[i].cs;
		f.ss = bad[i].ss;
		if (bad[i].rip)
			f.rip = bad[i].rip;
		trap = frame_run(&f);
		/* TCG looks at rip when it fetches from there, other processors in IRET, like at the selectors. */
		is(trap, bad[i].rip ? TRAP_GP : TRAP_FAILSAFE, "iret with %s is refused", bad[i].what);
	}
	for (unsigned int i = 0; i < 2; i++) {
		kernel_frame(&f);
		f.rip = i ? 0xffff7fffffffffffUL : NON_CANONICAL;
		iret_flags = VGCF_in_syscall;
		is(frame_run(&f), TRAP_GP, "XSA-7: the SYSRET way out refuses %lx", i ? 0xffff7fffffffffffUL : NON_CANONICAL);
		iret_flags = 0;
	}
	kernel_frame(&f);
	iret_flags = VGCF_in_syscall;
	is(frame_run(&f), TRAP_BP, "the SYSRET way out works with a good frame");
	iret_flags = 0;
}

/* --- NMI ------------------------------------------------------------------------------------------------------------ */

static volatile unsigned int nmis;

static bool count_nmi(struct frame *f)
{
	if (f->vector != TRAP_NMI)
		return false;
	nmis++;
	return true;
}

/*
 * Kernels name their NMI handler in the trap table and never register CALLBACKTYPE_nmi; both are one thing. 6.1-rt
 * sends itself NMIs while it boots.
 */
static void nmi(void)
{
	trap_hook = count_nmi;
	is(hypercall(vcpu_op, VCPUOP_send_nmi, 0, 0), 0, "an NMI is sent");
	is(nmis, 1, "it comes to the trap table's entry 2");
	hypercall(vcpu_op, VCPUOP_send_nmi, 0, 0);
	is(nmis, 2, "the iret hypercall lets the next one in");
	trap_hook = NULL;
}

/* --- callbacks ----------------------------------------------------------------------------------------------------- */

static void callbacks(void)
{
	static const unsigned int types[] = { CALLBACKTYPE_event, CALLBACKTYPE_failsafe, CALLBACKTYPE_syscall,
		CALLBACKTYPE_nmi };
	struct callback_register r = { .type = 99, .address = (unsigned long)target };
	struct callback_unregister u = { .type = CALLBACKTYPE_event };

	is(hypercall(callback_op, CALLBACKOP_register, &r), -ENOSYS, "an unknown callback type is ENOSYS");
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		r.type = (uint16_t)types[i];
		r.address = NON_CANONICAL;
		is(hypercall(callback_op, CALLBACKOP_register, &r), -EINVAL,
		   "XSA-7: a non-canonical callback of type %u is refused", types[i]);
	}
	r.type = CALLBACKTYPE_sysenter;
	r.address = (unsigned long)target;
	is(hypercall(callback_op, CALLBACKOP_register, &r), -ENOSYS, "SYSENTER does not reach a guest: no callback for it");
	is(hypercall(callback_op, CALLBACKOP_register, 0x1000UL), -EFAULT, "an unreadable argument is EFAULT");
	is(hypercall(callback_op, 7UL, &r), -ENOSYS, "an unknown operation is ENOSYS");
	is(hypercall(callback_op, CALLBACKOP_unregister, &u), -EINVAL, "the event callback cannot be taken away");
	u.type = CALLBACKTYPE_failsafe;
	is(hypercall(callback_op, CALLBACKOP_unregister, &u), -EINVAL, "nor the failsafe callback");
	u.type = CALLBACKTYPE_syscall;
	is(hypercall(callback_op, CALLBACKOP_unregister, &u), -EINVAL, "nor the syscall callback");
	u.type = CALLBACKTYPE_nmi;
	is(hypercall(callback_op, CALLBACKOP_unregister, &u), 0, "the NMI callback can");
	u.type = 99;
	is(hypercall(callback_op, CALLBACKOP_unregister, &u), -ENOSYS, "an unknown type is ENOSYS");
}

void test_main(void)
{
	simple_exceptions();
	page_fault_codes();
	execution();
	software_interrupts();
	trap_table_errors();
	event_masking();
	nested();
	iret_frames();
	nmi();
	callbacks();
}

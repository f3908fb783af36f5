// SPDX-License-Identifier: GPL-2.0-only
/*
 * Syscall: user mode of a 64-bit PV guest.
 *
 * Kernel and user both run in ring 3; what separates them is the page table. The iret hypercall with RPL 3 switches to the
 * user page table (MMUEXT_NEW_USER_BASEPTR) and swaps gs; a SYSCALL or an exception switches back and enters the guest
 * kernel on the stack of stack_switch. User mode can neither see kernel memory nor make a hypercall nor do anything
 * privileged.
 *
 * XSA-7: a SYSCALL whose return address is non-canonical reaches the guest kernel, and returning there with SYSRET is
 * refused without harm.
 */
#include "lib.h"

/* Programs for user mode; they run at user_va(name). */
#define USER(name, code) void name(void); asm("	.pushsection .user.text, \"ax\"\n" #name ":	" code "\n	ud2\n	.popsection\n")

USER(u_syscall, "mov $0x1234, %eax; mov $0x99, %ebx; syscall");
USER(u_syscall_twice, "syscall; inc %rbx; syscall");
USER(u_gs, "mov %gs:8, %rax; mov %fs:16, %rbx; syscall");
USER(u_read, "mov (%rdi), %rax; syscall");
USER(u_write, "mov %rax, (%rdi); syscall");
USER(u_call, "jmp *%rdi");
USER(u_hlt, "hlt");
USER(u_cli, "cli");
USER(u_in, "mov $0x71, %dx; in %dx, %al");
USER(u_rdmsr, "mov $0xc0000080, %ecx; rdmsr");
USER(u_cr0, "mov %cr0, %rax");
USER(u_cpuid, "mov $0, %eax; cpuid; syscall");
USER(u_cpuid_forced, "mov $0x40000000, %eax; .byte 0x0f,0x0b,0x78,0x65,0x6e; cpuid; syscall");
USER(u_int80, "int $0x80");
USER(u_int81, "int $0x81");
USER(u_int3, "int3");
USER(u_swapgs, "swapgs");
USER(u_spin, "1: incq 0x600000; jmp 1b");

#define TOP_PAGE 0x7ffffffff000UL	/* the very end of the lower half */

static int go(struct frame *f, const void *program, unsigned long rdi)
{
	user_frame(f, program);
	f->rdi = rdi;
	return frame_run(f);
}

static void basics(void)
{
	struct frame f;

	is(go(&f, u_syscall, 0), TRAP_SYSCALL, "a SYSCALL from user mode reaches the guest kernel");
	is((long)f.rax, 0x1234, "with rax");
	is((long)f.rbx, 0x99, "and rbx");
	is((long)f.rip, (long)user_va(u_syscall) + 12, "rip is behind the instruction");
	is((long)f.rcx, (long)f.rip, "rcx is rip, as the processor does it");
	is((long)f.rsp, USER_STACK - 64, "rsp is the user's");
	is(f.cs & 0xffff, FLAT_USER_CS64, "cs is the user's");
	is(f.ss & 0xffff, FLAT_USER_SS64, "ss is the user's");
	is((long)(f.rflags & 0x200), 0x200, "IF is set: events were on");

	user_frame(&f, u_syscall_twice);
	is(frame_run(&f), TRAP_SYSCALL, "first of two system calls");
	f.rcx = 0x1111, f.r11 = 0x2222;
	is(frame_run(&f), TRAP_SYSCALL, "iret into the middle of the program, second system call");
	is((long)f.rbx, 1, "the program went on where it was");

	user_frame(&f, u_int80);
	f.rcx = 0x1111, f.r11 = 0x2222, f.r8 = 8, f.r15 = 15;
	is(frame_run(&f), 0x80, "int $0x80 reaches its handler");
	ok(f.rcx == 0x1111 && f.r11 == 0x2222 && f.r8 == 8 && f.r15 == 15, "iret gave the user rcx and r11 as asked");
	user_frame(&f, u_int80);
	iret_flags = VGCF_in_syscall;
	is(frame_run(&f), 0x80, "the SYSRET way out works too");
	iret_flags = 0;
}

static void segments(void)
{
	uint64_t *data = user_data;
	struct frame f;

	data[1] = 0x1717;
	data[34] = 0x3434;
	is(hypercall(set_segment_base, SEGBASE_GS_USER, USER_DATA), 0, "the user's gs base can be set");
	is(hypercall(set_segment_base, SEGBASE_FS, USER_DATA + 256), 0, "and the fs base");
	is(go(&f, u_gs, 0), TRAP_SYSCALL, "user mode uses them");
	is((long)f.rax, 0x1717, "gs is the user's");
	is((long)f.rbx, 0x3434, "fs too");
	ok(this_pcpu() == &pcpus[0], "back in the kernel gs is the kernel's");
	for (unsigned long which = SEGBASE_FS; which <= SEGBASE_GS_KERNEL; which++)
		is(hypercall(set_segment_base, which, 0x0000800000000000UL), -EINVAL, "base %lu: non-canonical is refused", which);
	is(hypercall(set_segment_base, 9UL, 0UL), -EINVAL, "an unknown base is refused");
	is(hypercall(set_segment_base, SEGBASE_GS_USER_SEL, 0UL), 0, "the user's gs selector can be null");
	ok(this_pcpu() == &pcpus[0], "which does not touch the kernel's gs");
}

static void isolation(void)
{
	struct {
		const char *what;
		unsigned long va;
	} places[] = {
		{ "kernel memory", (unsigned long)&places },
		{ "the machine-to-physical table", HYPERVISOR_VIRT_START },
		{ "the hypervisor's range", HYPERVISOR_VIRT_START + (5UL << 39) + 0x40200000 },
		{ "an unmapped page", 0x10000000 },
	};
	struct frame f;

	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		is(go(&f, u_read, places[i].va), TRAP_PF, "user mode cannot read %s", places[i].what);
		is(f.error & 6, 4, "error code: user, read");
		is((long)last_trap.cr2, (long)places[i].va, "cr2");
		is(go(&f, u_write, places[i].va), TRAP_PF, "nor write it");
		is(f.error & 6, 6, "error code: user, write");
		is(go(&f, u_call, places[i].va), TRAP_PF, "nor execute it");
	}
	is(go(&f, u_read, USER_DATA), TRAP_SYSCALL, "user mode reads its own data");
	is(go(&f, u_write, USER_CODE), TRAP_PF, "but cannot write its code");
	is(f.error, 7, "error code: user, write, protection");
}

static void privileges(void)
{
	static const struct {
		const char *what;
		void (*program)(void);
		int trap;
	} bad[] = {
		{ "hlt", u_hlt, TRAP_GP }, { "cli", u_cli, TRAP_GP }, { "in", u_in, TRAP_GP }, { "rdmsr", u_rdmsr, TRAP_GP },
		{ "mov from cr0", u_cr0, TRAP_GP }, { "swapgs", u_swapgs, TRAP_GP }, { "int $0x81", u_int81, TRAP_GP },
	};
	struct frame f;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		is(go(&f, bad[i].program, 0), bad[i].trap, "user mode may not use %s", bad[i].what);
	is(go(&f, u_int3, 0), TRAP_BP, "int3 from user mode is #BP");
	is(go(&f, u_cpuid, 0), TRAP_SYSCALL, "cpuid works");
	is(go(&f, u_cpuid_forced, 0), TRAP_SYSCALL, "cpuid with the forced-emulation prefix works in user mode");
	is((long)(uint32_t)f.rbx, 0x566e6558, "and shows the hypervisor's signature");
}

/* XSA-7. The instruction ends exactly where the lower half ends. */
static void non_canonical_return(void)
{
	struct frame f;
	int trap;

	user_frame(&f, u_syscall);
	f.rip = TOP_PAGE + PAGE_SIZE - 2;
	trap = frame_run(&f);
	ok(trap == TRAP_SYSCALL || trap == TRAP_GP, "a SYSCALL at the end of the lower half comes back (trap 0x%x)", trap);
	if (trap == TRAP_SYSCALL)
		is((long)f.rip, 1L << 47, "rip is the first non-canonical address");
	user_frame(&f, u_syscall);
	f.rip = 1UL << 47;
	trap = frame_run(&f);
	ok(trap == TRAP_GP || trap == TRAP_FAILSAFE, "iret there is refused (trap 0x%x)", trap);
	user_frame(&f, u_syscall);
	f.rip = 1UL << 47;
	iret_flags = VGCF_in_syscall;
	trap = frame_run(&f);
	iret_flags = 0;
	ok(trap == TRAP_GP || trap == TRAP_FAILSAFE, "SYSRET there is refused (trap 0x%x)", trap);
	is(go(&f, u_syscall, 0), TRAP_SYSCALL, "and user mode still works");
}

/* In the upcall, on the kernel's page table: unmap the data page of the user program, so that it faults when it goes on. */
static void spin_event(unsigned int port)
{
	pte_t *entry = walk_from(va_to_mfn(user_l4), USER_DATA, 1);

	set_pte(entry, 0);
	mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
}

static void preemption(void)
{
	struct frame f;
	long port = bind_virq(VIRQ_TIMER, 0);

	ok(port > 0, "the timer is bound to port %ld", port);
	event_mask((unsigned int)port, false);
	*(volatile uint64_t *)user_data = 0;
	hypercall(set_timer_op, now() + 20000000);
	user_frame(&f, u_spin);
	/* The event handler returns to the loop; end it there by taking its code away from under it. */
	event_hook = spin_event;
	is(frame_run(&f), TRAP_PF, "a spinning user program is interrupted by an event");
	ok(*(volatile uint64_t *)user_data > 0, "after it ran for a while");
	is(event_count[port], 1, "one event came");
	event_hook = NULL;
}

static void masked_syscall(void)
{
	struct callback_register r = { .type = CALLBACKTYPE_syscall, .flags = CALLBACKF_mask_events };
	extern void entry_0x100(void);
	struct frame f;

	r.address = (unsigned long)entry_0x100;
	go(&f, u_syscall, 0);
	is(this_pcpu()->info->evtchn_upcall_mask, 0, "a system call leaves events on");
	events_off();
	is(hypercall(callback_op, CALLBACKOP_register, &r), 0, "the callback can ask for masked events");
	go(&f, u_syscall, 0);
	is(this_pcpu()->info->evtchn_upcall_mask, 1, "then a system call masks them");
}

static void extra_user_mapping(void)
{
	uint8_t *page = page_alloc();
	pte_t *branch = page_alloc();	/* an L4 only to hold it */

	page[PAGE_SIZE - 2] = 0x0f;
	page[PAGE_SIZE - 1] = 0x05;
	/* user_init() has pinned the tree, so the new branch goes in by mmu_update. */
	build_map(branch, TOP_PAGE, make_pte(va_to_mfn(page), PTE_RO_FLAGS));
	build_protect(branch);
	is(set_pte(&user_l4[slot(TOP_PAGE, 4)], branch[slot(TOP_PAGE, 4)]), 0, "a branch is added to the user page table");
}

void test_main(void)
{
	user_init();
	basics();
	segments();
	isolation();
	privileges();
	extra_user_mapping();
	non_canonical_return();
	masked_syscall();
	preemption();
}

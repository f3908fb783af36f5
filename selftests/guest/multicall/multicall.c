// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multicalls: several hypercalls in one; each has its own result.
 *
 * XSA-213: when a call changes the mode of the vcpu (iret to user mode), the rest of the batch must not run in the new
 * mode: it does not run with the old rights on the new page table.
 */
#include "lib.h"

void u_syscall(void);
asm("	.pushsection .user.text, \"ax\"\nu_syscall: syscall\n	ud2\n	.popsection\n");

#define CALL(n, a, b) { .op = __HYPERVISOR_##n, .result = 0x5555, .args = { U(a), U(b) } }

/* int multicall_iret(calls, frame from rax on, where to save rsp): comes back by frame_leave() when user mode traps. */
int multicall_iret(struct multicall_entry *calls, void *frame, unsigned long *resume);
asm("	.globl multicall_iret\n"
    "multicall_iret:\n"
    "	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "	mov %rsp, (%rdx)\n"
    "	mov %rsi, %rsp\n"
    "	mov $2, %esi\n"
    "	mov $13, %eax\n"		/* __HYPERVISOR_multicall */
    "	syscall\n"
    "	ud2\n");
_Static_assert(__HYPERVISOR_multicall == 13, "the number above");

/* XSA-213: the iret hypercall of the batch takes its frame from the stack and goes to user mode. */
static void mode_change(void)
{
	static struct multicall_entry calls[2];
	static struct frame f, after;
	static char text[XEN_EXTRAVERSION_LEN];

	user_init();
	calls[0] = (struct multicall_entry)CALL(iret, 0, 0);
	calls[1] = (struct multicall_entry)CALL(xen_version, XENVER_extraversion, text);
	user_frame(&f, u_syscall);
	this_pcpu()->user = &after;
	is(multicall_iret(calls, &f.rax, &this_pcpu()->resume), TRAP_SYSCALL, "iret in a multicall reaches user mode");
	is((long)after.rip, (long)user_va(u_syscall) + 2, "where it should");
	is(text[0], 0, "XSA-213: the rest of the batch did not run in the new mode");
}

void test_main(void)
{
	static char extra[XEN_EXTRAVERSION_LEN];
	struct multicall_entry batch[] = {
		CALL(xen_version, XENVER_version, 0),
		{ .op = 99999, .result = 0x5555 },
		CALL(xen_version, XENVER_extraversion, extra),
		CALL(xen_version, XENVER_extraversion, 0x1000),
		CALL(sched_op, SCHEDOP_yield, 0),
	};
	struct multicall_entry nested[2] = { CALL(multicall, batch, 1), CALL(xen_version, XENVER_version, 0) };
	uint64_t *page = page_alloc();
	struct mmu_update u = { .ptr = va_to_maddr(walk(page, 1)), .val = make_pte(va_to_mfn(page), PTE_RO_FLAGS) };
	struct multicall_entry two_levels[] = {
		{ .op = __HYPERVISOR_mmu_update, .args = { U(&u), 1, 0, DOMID_SELF } },
		CALL(update_va_mapping, page, make_pte(va_to_mfn(page), PTE_RW_FLAGS)),
	};

	is(hypercall(multicall, batch, 5UL), 0, "a batch of five");
	is((long)batch[0].result, (4 << 16) | 17, "the first has its result");
	is((long)batch[1].result, -ENOSYS, "an unknown call has its error");
	is((long)batch[2].result, 0, "the next ones run all the same");
	ok(extra[0], "and do their work");
	is((long)batch[3].result, -EFAULT, "a bad pointer is that call's error");
	is((long)batch[4].result, 0, "the last ran");
	is(hypercall(multicall, batch, 0UL), 0, "an empty batch");
	is(hypercall(multicall, 0x1000UL, 1UL), -EFAULT, "an unreadable batch");
	is(hypercall(multicall, HYPERVISOR_VIRT_START, 1UL), -EFAULT, "a batch in the hypervisor's range");
	hypercall(multicall, nested, 2UL);
	is((long)nested[1].result, (4 << 16) | 17, "a multicall within a multicall does no harm");

	two_levels[1].args[2] = UVMF_INVLPG;
	is(hypercall(multicall, two_levels, 2UL), 0, "page-table updates in a batch");
	ok(!two_levels[0].result && !two_levels[1].result, "both worked");
	is(try_write(page, 1), NO_TRAP, "in order");
	remap(page, PTE_RO_FLAGS);
	is(hypercall(multicall, page, 1UL), -EFAULT, "a batch that cannot be written back");

	mode_change();
	is(hypercall(xen_version, XENVER_version, 0UL), (4 << 16) | 17, "the machine is alive");
}

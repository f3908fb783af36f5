// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware-assisted (PVH) domains: one is built by domctl, runs in 64-bit mode on page tables of its own, makes
 * hypercalls by VMMCALL and through its hypercall page, sees the CPUID and MSRs that it may, gets its events as
 * interrupts, shares frames with others by physmap operations, and is gone without a trace.
 *
 * boot: -i self -m 512 -x dom0_mem=192M
 */
#include "hvm.h"

enum { ROLE_HELLO = 1 };

static struct child c;

static void end(unsigned int reason)
{
	struct sched_shutdown s = { .reason = reason };

	hcall(sched_op, SCHEDOP_shutdown, &s);
}

static void hello(struct mailbox *box)
{
	static const char text[] = "Hello from a hardware-assisted guest\n";
	uint32_t a = 0x40000000, b, d, cx = 0;

	hcall(console_io, CONSOLEIO_write, sizeof(text) - 1, text);
	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(cx), "=d"(d));
	box->word[1] = b;
	box->word[2] = U(hcall(xen_version, XENVER_version, 0UL));
	box->word[3] = U(hcall(mmuext_op, 0UL, 0UL, 0UL, 0UL));
	box->word[4] = U(try_rdmsr(0xdeadbeef));
	box->word[0] = 1;
}

static void child_main(unsigned long role)
{
	struct mailbox *box = child_box();

	switch (role) {
	case ROLE_HELLO: hello(box); break;
	}
	end(SHUTDOWN_poweroff);
}

static bool finished(unsigned int want)
{
	unsigned int reason = 99;

	return ok(wait_for(child_shut_down(&c, &reason), 10000), "it ends") && is(reason, want, "with reason %u", want);
}

static void life(void)
{
	is(hvm_make(&c, child_main, ROLE_HELLO, 1), 0, "a domain is built");
	is(child_start(&c), 0, "unpaused");
	finished(SHUTDOWN_poweroff);
	is(c.box->word[0], 1, "it has run");
	is((long)c.box->word[1], 0x566e6558, "CPUID tells it where");
	is((long)c.box->word[2] >> 16, 4, "a hypercall answers");
	is((long)c.box->word[3], -ENOSYS, "one for PV domains does not");
	is((long)c.box->word[4], TRAP_GP, "an MSR that does not exist is #GP");
	is(child_destroy(&c), 0, "destroyed");
}

void test_main(void)
{
	life();
}

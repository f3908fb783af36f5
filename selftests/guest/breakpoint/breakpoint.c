// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code that one vcpu rewrites while another executes it, the way kernels patch themselves: an INT3 over its first byte, and
 * then a byte again that is no breakpoint. In a paravirtual and in a hardware-assisted domain.
 *
 * A breakpoint that is in memory reaches the handler. One that is no longer there does not come for ever: QEMU can keep what it
 * made of the code while that was being written, and the hypervisor has it look again. `rounds=N` prolongs a run.
 *
 * boot: -i self -s 3 -m 512 -x dom0_mem=192M
 */
#include "hvm.h"

#define INT3		0xcc
#define NOP		0x90
#define RET		0xc3
#define PATIENCE	1000		/* traps at one execution of a breakpoint that is gone */
#define OWN_INT		0x80

static volatile uint8_t *code;
static volatile unsigned long traps, late, stuck;
static volatile bool stop, ended;

/* --- both kinds of domains ------------------------------------------------------------------------------------------- */

static bool count_breakpoint(struct frame *f)
{
	if (f->vector != TRAP_BP)
		return false;
	traps++;
	if (code[0] != INT3 && ++late > PATIENCE) {
		stuck++;
		late = 0;
		code[0] = NOP;		/* which has QEMU look again, too */
	}
	f->rip--;
	return true;
}

static void execute(void)
{
	while (!stop) {
		late = 0;
		asm volatile("call *%0" : : "r"(code) : "memory");
	}
	ended = true;
}

static bool soon(const volatile bool *what)
{
	uint64_t end = rdtsc() + 40000000000UL;

	while (!*what && rdtsc() < end)
		asm volatile("pause");
	return *what;
}

/* As the other vcpu runs; its breakpoints are counted. */
static void patch(unsigned long rounds)
{
	while (!traps)
		asm volatile("pause");
	for (unsigned long n = 0; n < rounds; n++) {
		code[0] = INT3;
		for (unsigned int i = 0; i < n % 64; i++)
			asm volatile("pause");
		code[0] = NOP;
		for (unsigned int i = 0; i < n % 4096; i++)
			asm volatile("pause");
	}
	stop = true;
}

static void new_code(void *page)
{
	code = page;
	code[0] = INT3;
	code[1] = RET;
}

/* --- the hardware-assisted one --------------------------------------------------------------------------------------- */

static uint8_t code_page[4096] __attribute__((aligned(4096)));

static void second(unsigned long arg)
{
	hvm_load_tables(1);
	execute();
	hcall(vcpu_op, VCPUOP_down, 1UL, 0UL);
}

/* INT n is a neighbour: it arrives as ever, with the rip behind it. */
static void own_int(struct mailbox *box)
{
	asm volatile("int %0" : : "i"(OWN_INT));
	box->word[4] = hvm_count[OWN_INT];
	asm volatile(".byte 0x66; int %0" : : "i"(OWN_INT));
	box->word[5] = hvm_count[OWN_INT];
	asm volatile("int3");
	box->word[6] = hvm_count[TRAP_BP];
}

static bool count_all(struct frame *f)
{
	hvm_count[f->vector]++;
	return true;
}

static void child_main(unsigned long rounds)
{
	struct mailbox *box = child_box();

	hvm_hook = count_all;
	own_int(box);
	hvm_hook = count_breakpoint;
	new_code(code_page);
	box->word[1] = (uint64_t)hvm_start_vcpu(1, second, 0);
	patch(rounds);
	box->word[2] = soon(&ended) + 1UL;
	box->word[3] = stuck;
	box->word[7] = traps;
	hcall(sched_op, SCHEDOP_shutdown, &(struct sched_shutdown){ .reason = SHUTDOWN_poweroff });
}

static void hardware_assisted(unsigned long rounds)
{
	static struct child c;
	unsigned int reason = 99;

	if (!is(hvm_make(&c, child_main, rounds, 2), 0, "a hardware-assisted domain"))
		return;
	child_start(&c);
	ok(wait_for(child_shut_down(&c, &reason), 60000) && reason == SHUTDOWN_poweroff, "it comes to its end");
	note("%lu breakpoints", (unsigned long)c.box->word[7]);
	is((long)c.box->word[1], 0, "its second vcpu started");
	is((long)c.box->word[2], 2, "and ended");
	is((long)c.box->word[3], 0, "no breakpoint came for ever that was in memory no more");
	is((long)c.box->word[4], 1, "INT n arrives");
	is((long)c.box->word[5], 2, "with a prefix, too");
	is((long)c.box->word[6], 1, "and INT3");
	is(child_destroy(&c), 0, "destroyed");
}

void test_main(void)
{
	unsigned long rounds = argument("rounds", 4000);

	new_code(page_alloc());
	trap_hook = count_breakpoint;
	is(vcpu_boot(1, execute), 0, "a second vcpu");
	patch(rounds);
	note("%lu breakpoints", traps);
	ok(soon(&ended), "it ends");
	is((long)stuck, 0, "no breakpoint came for ever that was in memory no more");
	trap_hook = NULL;
	hardware_assisted(rounds);
}

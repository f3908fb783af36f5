// SPDX-License-Identifier: GPL-2.0-only
/*
 * Isolation: on processors with Meltdown (XSA-254) a guest runs on copies of its top-level tables, one for kernel and one
 * for user mode on each CPU, which map nothing of the hypervisor but the ways in (Documentation/memory-map.md).
 *
 * What a guest does to its own tables must show at once all the same: an entry that is added, changed, loses a right or
 * goes, in the table of the kernel and of user mode, on this vcpu and on another one that stays in its loop. And the ways
 * out have their own IRET, which may fault for what the guest wants loaded.
 *
 * With mode-ms=N it stays that long in a loop of user mode, then of the kernel, then of system calls, each announced:
 * selftests/machine/isolation.test looks at the tables from outside then.
 *
 * boot: -c Skylake-Server,-smap
 */
#include "lib.h"

#define USER(name, code) void name(void); asm("	.pushsection .user.text, \"ax\"\n" #name ":	" code "\n	ud2\n	.popsection\n")

USER(u_read, "mov (%rdi), %rax; syscall");
USER(u_write, "mov %rdi, (%rdi); syscall");
USER(u_wait, "1: rdtsc; shl $32, %rdx; or %rdx, %rax; cmp %rdi, %rax; jb 1b; syscall");

#define PLACE		(5UL << 39)		/* a slot of L4 that is free */
#define SECRET		0x5ec7e75ec7e75ec7UL	/* isolation.test knows it */
#define DATA_SEGMENT	0x00cff3000000ffffUL
#define LDT_SELECTOR(n)	((n) << 3 | 7)

static volatile long seen;			/* by the other vcpu: what it read, or the vector's negative */
static volatile bool stop;

static void reader(void)
{
	while (!stop) {
		uint64_t value;
		int trap = try_read((void *)PLACE, &value);

		seen = trap == NO_TRAP ? (long)value : -trap;
	}
}

/* A tree for PLACE: its L4 entry. The page starts with @value. */
static pte_t branch(uint64_t value)
{
	pte_t *l4 = page_alloc();
	uint64_t *page = page_alloc();

	*page = value;
	build_map(l4, PLACE, make_pte(va_to_mfn(page), PTE_RW_FLAGS));
	build_protect(l4);
	return l4[slot(PLACE, 4)];
}

static void change(pte_t *l4, pte_t e)
{
	is(set_pte(&l4[slot(PLACE, 4)], e), 0, "an entry of the top level becomes %lx", e & 0xfff);
	mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0);
}

static void shows(long want, bool other, const char *what)
{
	uint64_t value = 0;
	int trap = try_read((void *)PLACE, &value);

	is(trap == NO_TRAP ? (long)value : -trap, want, "%s: seen here", what);
	if (other)
		ok(wait_for(seen == want, 1000), "%s: seen by the other vcpu (%ld)", what, seen);
}

static void kernel_table(pte_t first, pte_t second)
{
	bool other = vcpu_count() > 1;
	pte_t *l4 = mfn_to_va(cr3_mfn());

	if (other)
		is(vcpu_boot(1, reader), 0, "another vcpu runs on the same table");
	shows(-TRAP_PF, other, "nothing there");
	change(l4, first);
	shows(1, other, "entry added");
	change(l4, second);
	shows(2, other, "entry exchanged");
	change(l4, second & ~PTE_RW);
	is(try_write((void *)PLACE, 5), TRAP_PF, "an entry that lost the right to write");
	change(l4, 0);
	shows(-TRAP_PF, other, "entry gone");
	stop = true;
	ok(!other || wait_for(!pcpus[1].alive, 1000), "the other vcpu has ended");
}

static int user(const void *program, struct frame *f, unsigned long rdi)
{
	user_frame(f, program);
	f->rdi = rdi;
	return frame_run(f);
}

static void user_table(pte_t first, pte_t second)
{
	struct frame f;

	is(user(u_read, &f, PLACE), TRAP_PF, "user mode: nothing there");
	change(user_l4, first);
	is(user(u_read, &f, PLACE), TRAP_SYSCALL, "user mode: entry added");
	is((long)f.rax, 1, "it reads what is there");
	change(user_l4, second);
	is(user(u_read, &f, PLACE), TRAP_SYSCALL, "user mode: entry exchanged");
	is((long)f.rax, 2, "it reads the other page");
	change(user_l4, second & ~PTE_RW);
	is(user(u_write, &f, PLACE), TRAP_PF, "user mode: an entry that lost the right to write");
	change(user_l4, 0);
	is(user(u_read, &f, PLACE), TRAP_PF, "user mode: entry gone");
}

/* The page of the LDT is mapped when the IRET on the way out asks for it. */
static void iret_faults(void)
{
	uint64_t *ldt = page_alloc();
	struct frame f;

	ldt[1] = DATA_SEGMENT;
	is(remap(ldt, PTE_RO_FLAGS), 0, "a page goes read-only");
	is(mmuext(MMUEXT_SET_LDT, (unsigned long)ldt, 2), 0, "and becomes the LDT");
	user_frame(&f, u_read);
	f.ss = LDT_SELECTOR(1);
	f.rdi = USER_DATA;
	is(frame_run(&f), TRAP_SYSCALL, "user mode with a stack segment of the LDT");
	user_frame(&f, u_read);
	f.ss = LDT_SELECTOR(0);
	is(frame_run(&f), TRAP_FAILSAFE, "one that is no segment: the failsafe callback");
	user_frame(&f, u_read);
	f.cs = 0x5003;
	is(frame_run(&f), TRAP_FAILSAFE, "a code segment beyond the GDT: the failsafe callback");
	is(user(u_read, &f, USER_DATA), TRAP_SYSCALL, "and user mode works as before");
	is(mmuext(MMUEXT_SET_LDT, 0, 0), 0, "no LDT");
}

static uint64_t ticks(unsigned long ms)
{
	uint64_t start = rdtsc(), t = now() + 100000000;

	while (now() < t)
		;
	return (rdtsc() - start) / 100 * ms;
}

static volatile unsigned int nmis;

static bool count_nmi(struct frame *f)
{
	nmis += f->vector == TRAP_NMI;
	return f->vector == TRAP_NMI;
}

static void stay(unsigned long ms)
{
	uint64_t duration = ticks(ms), calls = 0, until;
	struct frame f;

	/* What the kernel had in a register when it entered the hypervisor: not for user mode to find. */
	CATCH("ud2", : : "a"(SECRET), "b"(SECRET), "c"(SECRET), "d"(SECRET), "D"(SECRET), "S"(SECRET));
	trap_hook = count_nmi;
	printk("mode: user\n");
	user(u_wait, &f, rdtsc() + duration);
	printk("mode: kernel\n");
	for (until = rdtsc() + duration; rdtsc() < until; )
		;
	printk("mode: calls\n");
	for (until = rdtsc() + duration; rdtsc() < until; calls++)
		user(u_read, &f, USER_DATA);
	printk("mode: end, %lu system calls, %u NMIs\n", calls, nmis);
}

void test_main(void)
{
	unsigned long ms = argument("mode-ms", 0);
	pte_t first = branch(1), second = branch(2);

	user_init();
	if (ms) {
		stay(ms);
		return;
	}
	kernel_table(first, second);
	user_table(first, second);
	iret_faults();
}

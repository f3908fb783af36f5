// SPDX-License-Identifier: GPL-2.0-only
// CFLAGS: -DDEBUG -fno-sanitize=pointer-overflow -Wno-override-init -Wno-missing-field-initializers
/*
 * Writes to L1 tables by instruction. Each form must leave entry, registers and flags as the CPU
 * would have; the entry passes the same checks as by hypercall (XSA-148, 182 apply here too);
 * what is not meant for an L1 entry of the guest's own is left to the guest's fault handler.
 */
#include "frames.h"
#include "../../hypervisor/pv/decode.c"
#include "../../hypervisor/pv/ptwr.c"

bool emulate_fetch(const struct cpu_regs *regs, struct insn *in) { return !insn_decode(in, (u8 *)regs->rip, 15); }
void emulate_retire(struct cpu_regs *regs, unsigned int length) { regs->rip += length; }

static unsigned int l[5], data, spare;
static u8 code[64];
#define VA	0x5000UL		/* where the L1 table is mapped, read-only: entry 5 of itself */
#define SLOT	64u
#define W	(PTE_P | PTE_RW | PTE_US)

static unsigned int fresh(void)
{
	struct page_info *pg = alloc_domain_pages(host_a, 0, ALLOC_ANY);

	check_machine();
	return mfn_x(page_to_mfn(pg));
}

static void setup(void)
{
	host_machine(9);
	host_late_one_in = ~0u;
	for (unsigned int i = 1; i <= 4; i++)
		l[i] = fresh();
	data = fresh();
	spare = fresh();
	for (unsigned int i = 2; i <= 4; i++)
		update1(l[i], 0, pte_make(mfn(l[i - 1]), W));
	update1(l[1], 5, pte_make(mfn(l[1]), PTE_P | PTE_US));
	update1(l[1], 6, pte_make(mfn(l[2]), PTE_P | PTE_US));
	update1(l[1], 7, pte_make(mfn(data), PTE_P | PTE_US));
	check(mmuext(MMUEXT_NEW_BASEPTR, l[4], 0, ~0u) == 0, "a tree that shows its own L1 table");
	current->pv.kernel_mode = 1;
	check_machine();
}

#define OLD	0x1122334455667788UL & ~PTE_P
#define SRC	0xa0b0c0d0e0f01020UL
#define RAX	0x0102030405060708UL
#define CF	1u
#define ZF	0x40u
static const struct form {
	const char *text, *bytes;
	unsigned int len, offset;	/* into the entry */
	u64 rax, old, new, rax_after, rcx_after;
	unsigned int flags, flags_mask;
} forms[] = {
#define F(text, bytes) text, bytes, sizeof(bytes) - 1
	{ F("mov %rcx,(%rdi)", "\x48\x89\x0f"), 0, RAX, OLD, SRC, RAX, SRC },
	{ F("mov %ecx,4(%rdi)", "\x89\x4f\x00"), 4, RAX, OLD, (SRC << 32) | 0x55667788, RAX, SRC },
	{ F("mov %cl,(%rdi)", "\x88\x0f"), 2, RAX, OLD, 0x1122334455207788, RAX, SRC },
	{ F("movq $imm,(%rdi)", "\x48\xc7\x07\x00\xff\xff\xff"), 0, RAX, OLD, ~0xffUL, RAX, SRC },
	{ F("xchg %rcx,(%rdi)", "\x48\x87\x0f"), 0, RAX, OLD, SRC, RAX, OLD },
	{ F("xchg %ecx,(%rdi)", "\x87\x0f"), 0, RAX, OLD, 0x11223344e0f01020, RAX, 0x55667788 },
	{ F("lock cmpxchg hits", "\xf0\x48\x0f\xb1\x0f"), 0, OLD, OLD, SRC, OLD, SRC, ZF, ZF | CF },
	{ F("lock cmpxchg misses", "\xf0\x48\x0f\xb1\x0f"), 0, RAX, OLD, OLD, OLD, SRC, CF, ZF | CF },
	{ F("lock and %rcx", "\xf0\x48\x21\x0f"), 0, RAX, OLD, (OLD) & SRC, RAX, SRC, 0, ZF | CF },
	{ F("lock or %rcx", "\xf0\x48\x09\x0f"), 0, RAX, OLD, (OLD) | SRC, RAX, SRC, 0, ZF | CF },
	{ F("lock andb $imm", "\xf0\x80\x27\x0f"), 0, RAX, OLD, 0x1122334455667708, RAX, SRC, 0, ZF | CF },
	{ F("lock btr $3 (set)", "\xf0\x48\x0f\xba\x37\x03"), 0, RAX, OLD, (OLD) & ~8UL, RAX, SRC, CF, CF },
	{ F("lock bts $4", "\xf0\x48\x0f\xba\x2f\x04"), 0, RAX, OLD, (OLD) | 16, RAX, SRC, 0, CF },
	{ F("lock btc $5", "\xf0\x48\x0f\xba\x3f\x05"), 0, RAX, OLD, (OLD) ^ 32, RAX, SRC, 0, CF },
};

static bool run(const char *bytes, unsigned int len, unsigned long va, u64 rax, u64 rcx, struct cpu_regs *regs)
{
	memset(code, 0x90, sizeof(code));
	memcpy(code, bytes, len);
	memset(regs, 0, sizeof(*regs));
	regs->rip = (unsigned long)code;
	regs->rdi = va;
	regs->rax = rax;
	regs->rcx = rcx;
	regs->rflags = 0x202;
	return pv_emulate_ptwr(regs, va);
}

static void test_forms(void)
{
	pte_t *slot = &table(l[1])[SLOT];
	struct cpu_regs r;

	for (unsigned int i = 0; i < ARRAY_SIZE(forms); i++) {
		const struct form *f = &forms[i];

		*slot = f->old;
		check(run(f->bytes, f->len, VA + SLOT * 8 + f->offset, f->rax, SRC, &r) && *slot == f->new &&
		      r.rax == f->rax_after && r.rcx == f->rcx_after && r.rip == (unsigned long)code + f->len &&
		      (r.rflags & f->flags_mask) == f->flags && (r.rflags & 0x202) == 0x202,
		      "%s: %#lx, rax %#lx, rcx %#lx, flags %#lx", f->text, *slot, r.rax, r.rcx, r.rflags);
	}
	*slot = 0;
	check_machine();
}

#define MOV	"\x48\x89\x0f"
static void test_checked(void)
{
	pte_t *slot = &table(l[1])[SLOT];
	pte_t good = pte_make(mfn(data), W), bad[] = {
		pte_make(mfn(l[1]), W), pte_make(mfn(l[4]), W), good | BIT(45), pte_make(mfn(3 + FRAMES), W),
		pte_make(mfn(FRAMES - 1), W), good | PTE_PCD,
	};
	struct cpu_regs r;
	unsigned int refused = 0;

	check(run(MOV, 3, VA + SLOT * 8, 0, good, &r) && *slot == (good | PTE_G), "a good entry is entered, adjusted");
	check_machine();
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		refused += !run(MOV, 3, VA + SLOT * 8, 0, bad[i], &r) && *slot == (good | PTE_G) &&
			   r.rip == (unsigned long)code;
	check(refused == ARRAY_SIZE(bad), "bad ones are the guest's fault, and nothing changed");
	check_machine();
	check(run("\x48\x0f\xba\x37\x01", 5, VA + SLOT * 8, 0, 0, &r) && !page_type_count(&frame_table[data]),
	      "btr of the writable bit drops the type");
	check_machine();
	check(run("\x48\x0f\xba\x2f\x01", 5, VA + SLOT * 8, 0, 0, &r) && page_type_count(&frame_table[data]) == 1,
	      "bts takes it again");
	check(run("\x48\xc7\x07\x00\x00\x00\x00", 7, VA + SLOT * 8, 0, 0, &r) && page_count(&frame_table[data]) == 2,
	      "and zero drops all");
	check_machine();
}

static void test_refused(void)
{
	struct cpu_regs r;

	check(!run(MOV, 3, 0x6000, 0, 0, &r), "an L2 table is not written this way");
	check(!run(MOV, 3, 0x7000, 0, 0, &r), "nor is memory that is just read-only");
	check(!run(MOV, 3, 0x8000, 0, 0, &r) && !run(MOV, 3, HYP_VIRT_START, 0, 0, &r), "nor what is not mapped");
	check(!run(MOV, 3, VA + 4, 0, 0, &r), "an entry is not straddled");
	check(!run("\x88\x27", 2, VA, 0, 0, &r), "AH is not SPL");
	check(!run("\x48\x01\x0f", 3, VA, 0, 0, &r), "add is nobody's way to write entries");
	check(!run("\x48\x0f\xab\x0f", 4, VA, 0, 64, &r), "a bit beyond the entry is in another one");
	check(!run("\x64\x48\x89\x0f", 4, VA, 0, 0, &r), "FS has a base");
	check_machine();
	memset(&r, 0, sizeof(r));
	memcpy(code, MOV, 3);
	r.rip = (unsigned long)code;
	r.rdi = VA + 8;
	check(!pv_emulate_ptwr(&r, VA), "the instruction must be the one that faulted");
	check_machine();
}

/* A pin was given up half-way: the frame is taken apart in steps, the instruction executed again. */
static void test_restart(void)
{
	pte_t *slot = &table(l[1])[SLOT];
	unsigned int again = 0;
	struct cpu_regs r;

	for (unsigned int i = 0; i < 40; i++)
		update1(spare, i, pte_make(mfn(l[1]), W));
	host_preempt_one_in = 1;
	for (unsigned int i = 0; i < 2; i++)
		mmuext(MMUEXT_PIN_L2_TABLE, spare, 0, 0);
	check(frame_table[spare].word & PG_PARTIAL, "a table left half validated");
	while (run(MOV, 3, VA + SLOT * 8, 0, pte_make(mfn(spare), W), &r) && r.rip == (unsigned long)code && again < 9) {
		again++;
		require(!*slot, "nothing changed yet");
		check_machine();
	}
	check(again == 1 && r.rip == (unsigned long)code + 3 && *slot == (pte_make(mfn(spare), W) | PTE_G),
	      "one restart, then it is mapped");
	check_machine();
}

int main(void)
{
	setup();
	test_forms();
	test_checked();
	test_refused();
	test_restart();
	return done();
}

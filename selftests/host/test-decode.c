// SPDX-License-Identifier: GPL-2.0-only
// CFLAGS: -Wno-override-init
/*
 * The instruction decoder. What must hold: an encoding of a known form gives exactly its length and
 * fields, since a wrong length makes the guest go on in the middle of an instruction and a wrong
 * field makes the hypervisor do what was not asked; cut short anywhere it is refused, and nothing
 * is read behind the end (the sanitizer watches); other instructions are refused.
 */
#include "host.h"
#include "../../hypervisor/pv/decode.c"

#define NO	-1			/* no base, no index */
#define RIP	-2

struct form {
	const char *name, *bytes;
	unsigned int length;
	struct insn want;		/* fields that describe() prints */
};

#define F(text, code, ...)	{ text, code, sizeof(code) - 1, { .adsize = 8, .base = NO, .index = NO, __VA_ARGS__ } }
#define OP(op, size)		.opcode = op, .opsize = size
#define MEM(b, d)		.mem = true, .base = b, .disp = d

static const struct form forms[] = {
	/* moves */
	F("mov %rax,(%rdi)", "\x48\x89\x07", OP(0x89, 8), MEM(7, 0), .reg = 0),
	F("mov %eax,(%rdi)", "\x89\x07", OP(0x89, 4), MEM(7, 0), .reg = 0),
	F("mov %ax,(%rdi)", "\x66\x89\x07", OP(0x89, 2), MEM(7, 0), .reg = 0),
	F("mov %al,(%rdi)", "\x88\x07", OP(0x88, 1), MEM(7, 0), .reg = 0),
	F("mov %sil,(%rdi)", "\x40\x88\x37", OP(0x88, 1), MEM(7, 0), .reg = 6),
	F("mov %r15,-8(%r14)", "\x4d\x89\x7e\xf8", OP(0x89, 8), MEM(14, -8), .reg = 15),
	F("mov %rax,%rbx", "\x48\x89\xc3", OP(0x89, 8), .reg = 0, .rm = 3),
	F("mov %rdx,(%rsp)", "\x48\x89\x14\x24", OP(0x89, 8), MEM(4, 0), .reg = 2),
	F("mov %rdx,(%r12)", "\x49\x89\x14\x24", OP(0x89, 8), MEM(12, 0), .reg = 2),
	F("mov %rdx,0(%r13)", "\x49\x89\x55\x00", OP(0x89, 8), MEM(13, 0), .reg = 2),
	F("mov %rdx,(%rax,%rcx,8)", "\x48\x89\x14\xc8", OP(0x89, 8), MEM(0, 0), .index = 1, .scale = 8, .reg = 2),
	F("mov %rdx,16(%r8,%r12,4)", "\x4b\x89\x54\xa0\x10", OP(0x89, 8), MEM(8, 16), .index = 12, .scale = 4, .reg = 2),
	F("mov %rdx,0x1000(,%rbx,2)", "\x48\x89\x14\x5d\x00\x10\x00\x00", OP(0x89, 8), MEM(NO, 0x1000), .index = 3,
	  .scale = 2, .reg = 2),
	F("mov %rdx,-4096", "\x48\x89\x14\x25\x00\xf0\xff\xff", OP(0x89, 8), MEM(NO, -4096), .reg = 2),
	F("mov %rdx,16(%rip)", "\x48\x89\x15\x10\x00\x00\x00", OP(0x89, 8), MEM(RIP, 16), .reg = 2),
	F("mov %rdx,(%edi)", "\x67\x48\x89\x17", OP(0x89, 8), MEM(7, 0), .adsize = 4, .reg = 2),
	F("mov %rdx,%gs:(%rdi)", "\x65\x48\x89\x17", OP(0x89, 8), MEM(7, 0), .seg = 0x65, .reg = 2),
	F("movq $-1,(%rax)", "\x48\xc7\x00\xff\xff\xff\xff", OP(0xc7, 8), MEM(0, 0), .imm = ~0UL),
	F("movl $0x80000000,(%rax)", "\xc7\x00\x00\x00\x00\x80", OP(0xc7, 4), MEM(0, 0), .imm = 0xffffffff80000000),
	F("movw $0x8001,(%rax)", "\x66\xc7\x00\x01\x80", OP(0xc7, 2), MEM(0, 0), .imm = (u64)-0x7fff),
	F("movb $0x80,(%rax)", "\xc6\x00\x80", OP(0xc6, 1), MEM(0, 0), .imm = (u64)-128),
	/* a REX that is not last does not count; with REX.W the 0x66 does not */
	F("data16 mov %eax,(%rdi), stray REX", "\x48\x66\x89\x07", OP(0x89, 2), MEM(7, 0)),
	F("data16 rex.W mov", "\x66\x48\x89\x07", OP(0x89, 8), MEM(7, 0)),
	/* read and write */
	F("xchg %rax,(%rdi)", "\x48\x87\x07", OP(0x87, 8), MEM(7, 0)),
	F("mov %rcx,0x12345678(%rbp)", "\x48\x89\x8d\x78\x56\x34\x12", OP(0x89, 8), MEM(5, 0x12345678), .reg = 1),
	F("orl $1,8(%rip)", "\x83\x0d\x08\x00\x00\x00\x01", OP(0x83, 4), MEM(RIP, 8), .reg = 1, .imm = 1),
	F("lock cmpxchg %rdx,(%rdi)", "\xf0\x48\x0f\xb1\x17", OP(0xfb1, 8), MEM(7, 0), .lock = 1, .reg = 2),
	F("cmpxchg %dl,(%rdi)", "\x0f\xb0\x17", OP(0xfb0, 1), MEM(7, 0), .reg = 2),
	F("or %rax,(%rdi)", "\x48\x09\x07", OP(0x09, 8), MEM(7, 0)),
	F("lock and %r9,(%rdi)", "\xf0\x4c\x21\x0f", OP(0x21, 8), MEM(7, 0), .lock = 1, .reg = 9),
	F("lock andq $-2,(%rdi)", "\xf0\x48\x83\x27\xfe", OP(0x83, 8), MEM(7, 0), .lock = 1, .reg = 4, .imm = ~1UL),
	F("lock andb $-3,1(%rdi)", "\xf0\x80\x67\x01\xfd", OP(0x80, 1), MEM(7, 1), .lock = 1, .reg = 4, .imm = ~2UL),
	F("orq $0x1000,(%rdi)", "\x48\x81\x0f\x00\x10\x00\x00", OP(0x81, 8), MEM(7, 0), .reg = 1, .imm = 0x1000),
	F("orw $0x100,(%rdi)", "\x66\x81\x0f\x00\x01", OP(0x81, 2), MEM(7, 0), .reg = 1, .imm = 0x100),
	F("lock bts %rax,(%rdi)", "\xf0\x48\x0f\xab\x07", OP(0xfab, 8), MEM(7, 0), .lock = 1),
	F("btr %rax,(%rdi)", "\x48\x0f\xb3\x07", OP(0xfb3, 8), MEM(7, 0)),
	F("btc %eax,(%rdi)", "\x0f\xbb\x07", OP(0xfbb, 4), MEM(7, 0)),
	F("lock btrq $5,(%rdi)", "\xf0\x48\x0f\xba\x37\x05", OP(0xfba, 8), MEM(7, 0), .lock = 1, .reg = 6, .imm = 5),
	/* ports */
	F("in $0x80,%al", "\xe4\x80", OP(0xe4, 1), .imm = 0x80),
	F("in $0xff,%eax", "\xe5\xff", OP(0xe5, 4), .imm = 0xff),
	F("out %ax,$0x70", "\x66\xe7\x70", OP(0xe7, 2), .imm = 0x70),
	F("out %al,%dx", "\xee", OP(0xee, 1)),
	F("in %dx,%ax", "\x66\xed", OP(0xed, 2)),
	F("rex.W in %dx,%eax", "\x48\xed", OP(0xed, 4)),
	F("rep insb", "\xf3\x6c", OP(0x6c, 1), .rep = 0xf3),
	F("rep outsw %fs:", "\xf3\x66\x64\x6f", OP(0x6f, 2), .rep = 0xf3, .seg = 0x64),
	F("addr32 rep insl", "\x67\xf3\x6d", OP(0x6d, 4), .rep = 0xf3, .adsize = 4),
	/* system */
	F("mov %cr0,%rax", "\x0f\x20\xc0", OP(0xf20, 8), .reg = 0, .rm = 0),
	F("mov %r9,%cr3", "\x41\x0f\x22\xd9", OP(0xf22, 8), .reg = 3, .rm = 9),
	F("mov %cr8,%rcx", "\x44\x0f\x20\xc1", OP(0xf20, 8), .reg = 8, .rm = 1),
	F("mov %cr0,%rax by mod 0", "\x0f\x20\x05", OP(0xf20, 8), .reg = 0, .rm = 5),
	F("mov %dr7,%rbx", "\x0f\x21\xfb", OP(0xf21, 8), .reg = 7, .rm = 3),
	F("mov %rbx,%dr0", "\x0f\x23\xc3", OP(0xf23, 8), .reg = 0, .rm = 3),
	F("clts", "\x0f\x06", OP(0xf06, 4)),
	F("invd", "\x0f\x08", OP(0xf08, 4)),
	F("wbinvd", "\x0f\x09", OP(0xf09, 4)),
	F("invlpg 8(%rdi)", "\x0f\x01\x7f\x08", OP(0xf01, 4), MEM(7, 8), .reg = 7),
	F("xgetbv", "\x0f\x01\xd0", OP(0xf01, 4), .reg = 2, .rm = 0),
	F("xsetbv", "\x0f\x01\xd1", OP(0xf01, 4), .reg = 2, .rm = 1),
	F("rdtscp", "\x0f\x01\xf9", OP(0xf01, 4), .reg = 7, .rm = 1),
	F("wrmsr", "\x0f\x30", OP(0xf30, 4)),
	F("rdtsc", "\x0f\x31", OP(0xf31, 4)),
	F("rdmsr", "\x0f\x32", OP(0xf32, 4)),
	F("cpuid", "\x0f\xa2", OP(0xfa2, 4)),
	F("cli", "\xfa", OP(0xfa, 4)),
	F("sti", "\xfb", OP(0xfb, 4)),
	F("cli behind 14 prefixes", "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xfa", OP(0xfa, 2)),
};

static const struct form refused[] = {
	F("nop", "\x90"), F("ret", "\xc3"), F("int3", "\xcc"), F("syscall", "\x0f\x05"), F("ud2", "\x0f\x0b"),
	F("cmp %rax,(%rdi)", "\x48\x39\x07"), F("cmpq $1,(%rdi)", "\x48\x83\x3f\x01"),
	F("lgdt (%rdi)", "\x0f\x01\x17"), F("lidt (%rdi)", "\x0f\x01\x1f"), F("lmsw %ax", "\x0f\x01\xf0"),
	F("swapgs", "\x0f\x01\xf8"), F("vmrun", "\x0f\x01\xd8"), F("vmcall", "\x0f\x01\xc1"),
	F("monitor", "\x0f\x01\xc8"), F("0x66 xsetbv", "\x66\x0f\x01\xd1"), F("repe xgetbv", "\xf3\x0f\x01\xd0"),
	F("ltr %ax", "\x0f\x00\xd8"), F("sysretq", "\x48\x0f\x07"),
	F("vmclear (%rdi)", "\x66\x0f\xc7\x37"), F("vmptrld (%rdi)", "\x0f\xc7\x37"), F("rdrand %eax", "\x0f\xc7\xf0"),
	F("cmpxchg8b of a register", "\x0f\xc7\xc8"), F("0x66 cmpxchg8b", "\x66\x0f\xc7\x0f"),
	F("bt $1,(%rdi)", "\x48\x0f\xba\x27\x01"), F("lock mov", "\xf0\x48\x89\x07"), F("lock or, register", "\xf0\x48\x09\xc3"),
	F("lock or from memory", "\xf0\x48\x0b\x07"), F("lock cli", "\xf0\xfa"), F("lock mov %cr0", "\xf0\x0f\x20\xc0"),
	F("mov %ah,(%rdi)", "\x88\x27"), F("orb $1,%ch", "\x80\xcd\x01"), F("mulq (%rdi)", "\x48\xf7\x27"),
	F("call *(%rdi)", "\xff\x17"), F("movl group 1", "\xc7\x08\x00\x00\x00\x00"),
	/* nobody writes entries, or is let do anything, by these */
	F("mov 0x12345678(%rbp),%rcx", "\x48\x8b\x8d\x78\x56\x34\x12"), F("rep movsq", "\xf3\x48\xa5"), F("movsb", "\xa4"),
	F("rep stosl", "\xf3\xab"), F("lock cmpxchg8b (%rdi)", "\xf0\x0f\xc7\x0f"), F("lock cmpxchg16b (%rdi)", "\xf0\x48\x0f\xc7\x0f"),
	F("lock xadd %rax,(%rdi)", "\xf0\x48\x0f\xc1\x07"), F("add %cl,(%rdi)", "\x00\x0f"), F("sbb (%rdi),%rax", "\x48\x1b\x07"),
	F("xorl $1,8(%rip)", "\x83\x35\x08\x00\x00\x00\x01"), F("lock incq (%rdi)", "\xf0\x48\xff\x07"), F("decb (%rdi)", "\xfe\x0f"),
	F("notq (%rdi)", "\x48\xf7\x17"), F("negb (%rdi)", "\xf6\x1f"), F("rdpmc", "\x0f\x33"),
	F("hlt", "\xf4"),
	F("VEX", "\xc5\xf8\x77"), F("three-byte opcode", "\x0f\x38\xf0\x07"),
	F("cli behind 15 prefixes", "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xfa"),
	F("16 bytes by immediate", "\x66\x66\x66\x66\x67\x67\x67\x48\x81\x0c\x25\x00\x00\x00\x00\x01\x00\x00\x00"),
};

/* A copy of exactly @n bytes, so that the sanitizer sees a read behind them. */
static int decode_exact(struct insn *in, const void *bytes, unsigned int n)
{
	u8 *copy = malloc(n ?: 1);
	int rc;

	memcpy(copy, bytes, n);
	rc = insn_decode(in, copy, n);
	free(copy);
	return rc;
}

static bool same(const struct insn *a, const struct insn *b)
{
	return a->opcode == b->opcode && a->opsize == b->opsize && a->adsize == b->adsize && a->rep == b->rep &&
	       a->seg == b->seg && a->lock == b->lock && a->mem == b->mem && a->base == b->base &&
	       a->index == b->index && (a->index < 0 || a->scale == b->scale) && a->disp == b->disp &&
	       a->imm == b->imm && a->reg == b->reg && (a->mem || a->rm == b->rm);
}

static void test_forms(void)
{
	struct insn in;

	for (unsigned int i = 0; i < ARRAY_SIZE(forms); i++) {
		const struct form *f = &forms[i];
		u8 more[32];
		bool good = decode_exact(&in, f->bytes, f->length) == 0 && in.length == f->length;

		check(good && same(&in, &f->want), "%s: %u bytes (op %x, size %u, base %d, imm %lx)", f->name,
		      f->length, in.opcode, in.opsize, in.base, in.imm);
		for (unsigned int n = 0; n < f->length; n++)
			require(decode_exact(&in, f->bytes, n) == -EINVAL, "%s cut to %u bytes", f->name, n);
		memset(more, 0xf4, sizeof(more));
		memcpy(more, f->bytes, f->length);
		require(insn_decode(&in, more, sizeof(more)) == 0 && in.length == f->length,
			"%s: what follows makes no difference", f->name);
	}
}

static void test_refused(void)
{
	struct insn in;

	for (unsigned int i = 0; i < ARRAY_SIZE(refused); i++)
		check(decode_exact(&in, refused[i].bytes, refused[i].length) == -EINVAL, "refused: %s",
		      refused[i].name);
}

static void test_registers(void)
{
	struct cpu_regs r = { .rax = 0, .rcx = 1, .rdx = 2, .rbx = 3, .rsp = 4, .rbp = 5, .rsi = 6, .rdi = 7, .r8 = 8,
			      .r9 = 9, .r10 = 10, .r11 = 11, .r12 = 12, .r13 = 13, .r14 = 14, .r15 = 15 };

	for (unsigned int n = 0; n < 16; n++)
		check(*insn_reg(&r, n) == n, "register %u in the order of the encoding", n);
}

static unsigned long address_of(const char *bytes, unsigned int n, const struct cpu_regs *r)
{
	struct insn in;

	require(insn_decode(&in, (const u8 *)bytes, n) == 0, "decodes");
	return insn_effective_address(&in, r, 0x1000);
}
#define ADDRESS(code)	address_of(code, sizeof(code) - 1, &r)

static void test_addresses(void)
{
	const struct cpu_regs r = { .rax = 0xffff888000000000, .rcx = 3, .rdi = 0x1ffffffff, .r12 = 0x100 };

	check(ADDRESS("\x48\x89\x10") == 0xffff888000000000, "(%%rax)");
	check(ADDRESS("\x48\x89\x14\xc8") == 0xffff888000000018, "(%%rax,%%rcx,8)");
	check(ADDRESS("\x48\x89\x50\xf8") == 0xffff887ffffffff8, "-8(%%rax)");
	check(ADDRESS("\x48\x89\x15\x10\x00\x00\x00") == 0x1010, "16(%%rip) counts from the next instruction");
	check(ADDRESS("\x48\x89\x14\x25\x00\xf0\xff\xff") == 0xfffffffffffff000, "absolute, sign-extended");
	check(ADDRESS("\x67\x89\x57\x01") == 0, "1(%%edi) wraps at 32 bits");
	check(ADDRESS("\x42\x89\x14\x24") == 0x100, "(%%rsp,%%r12): with REX.X, 4 is a register");
}

/* Any bytes: well-formed or refused, the same when bytes behind the length change. */
static void test_random(void)
{
	unsigned int known = 0;

	for (unsigned int i = 0; i < 300000; i++) {
		u8 bytes[16];
		struct insn in, again;
		u64 *w = (u64 *)bytes;

		w[0] = host_random();
		w[1] = host_random();
		if (i & 1)
			bytes[i % 3] = 0x0f;
		if (insn_decode(&in, bytes, sizeof(bytes)))
			continue;
		known++;
		require(in.length >= 1 && in.length <= 15, "length %u", in.length);
		require(in.base >= -2 && in.base < 16 && in.index >= -1 && in.index < 16, "registers");
		require(in.opsize == 1 || in.opsize == 2 || in.opsize == 4 || in.opsize == 8 || in.opsize == 16, "size");
		require(decode_exact(&again, bytes, in.length) == 0 && again.length == in.length && same(&in, &again),
			"its own bytes are enough");
		require(decode_exact(&again, bytes, in.length - 1) == -EINVAL, "and needed");
	}
	check(known > 1000, "random bytes: %u of 300000 are known forms, all well-formed", known);
}

int main(void)
{
	test_forms();
	test_refused();
	test_registers();
	test_addresses();
	test_random();
	return done();
}

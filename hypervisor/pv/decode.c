// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instruction decoder: 64-bit code, and of that the privileged instructions and the ways in
 * which kernels write to page tables. Two tables say what follows each opcode byte; an opcode that
 * is not in them does not exist here. Bytes are a guest's: any input gives a well-formed insn or
 * -EINVAL, reads nothing behind @nr and has no effect.
 *
 *   [legacy prefixes] [REX] opcode | 0x0f opcode [modrm [SIB] [disp8/32]] [imm8/32]
 */
#include <xenolith/pv.h>

#define MAX_LENGTH	15

/* What an opcode has. */
#define OK	0x01		/* nothing but itself */
#define MODRM	0x02		/* modrm: register or memory and a register */
#define GROUP	0x04		/* modrm, whose reg field is part of the opcode: group_known() */
#define BYTE	0x08		/* operands of one byte */
#define IMM8	0x10		/* immediate byte, sign-extended */
#define PORT	0x20		/* immediate byte, zero-extended; operands of 4 bytes at most */
#define IMMZ	0x40		/* immediate of operand size, 4 bytes at most, sign-extended */
#define LOCK	0x80		/* may be locked when it goes to memory */
#define REGS	0x100		/* modrm names registers whatever mod says; 8 bytes */
#define IO	0x200		/* operands of 4 bytes at most */

#define ARITHMETIC(op)							\
	[op] = MODRM | BYTE | LOCK, [op + 1] = MODRM | LOCK,		\
	[op + 2] = MODRM | BYTE, [op + 3] = MODRM

static const u16 one_byte[256] = {
	ARITHMETIC(0x00), ARITHMETIC(0x08), ARITHMETIC(0x10), ARITHMETIC(0x18),
	ARITHMETIC(0x20), ARITHMETIC(0x28), ARITHMETIC(0x30),
	[0x6c] = IO | BYTE, [0x6d] = IO, [0x6e] = IO | BYTE, [0x6f] = IO,	/* ins, outs */
	[0x80] = GROUP | BYTE | IMM8 | LOCK, [0x81] = GROUP | IMMZ | LOCK, [0x83] = GROUP | IMM8 | LOCK,
	[0x86] = MODRM | BYTE | LOCK, [0x87] = MODRM | LOCK,			/* xchg */
	[0x88] = MODRM | BYTE, [0x89] = MODRM, [0x8a] = MODRM | BYTE, [0x8b] = MODRM,
	[0xa4] = OK | BYTE, [0xa5] = OK, [0xaa] = OK | BYTE, [0xab] = OK,	/* movs, stos */
	[0xc6] = GROUP | BYTE | IMM8, [0xc7] = GROUP | IMMZ,
	[0xe4] = PORT | BYTE, [0xe5] = PORT, [0xe6] = PORT | BYTE, [0xe7] = PORT,
	[0xec] = IO | BYTE, [0xed] = IO, [0xee] = IO | BYTE, [0xef] = IO,	/* in, out by dx */
	[0xf4] = OK, [0xfa] = OK, [0xfb] = OK,					/* hlt, cli, sti */
	[0xf6] = GROUP | BYTE | LOCK, [0xf7] = GROUP | LOCK,			/* not, neg */
	[0xfe] = GROUP | BYTE | LOCK, [0xff] = GROUP | LOCK,			/* inc, dec */
};

static const u16 two_byte[256] = {
	[0x01] = GROUP,						/* invlpg, xgetbv, xsetbv, rdtscp */
	[0x06] = OK, [0x08] = OK, [0x09] = OK,			/* clts, invd, wbinvd */
	[0x20 ... 0x23] = REGS,					/* mov from and to cr, dr */
	[0x30] = OK, [0x31] = OK, [0x32] = OK, [0x33] = OK,	/* wrmsr, rdtsc, rdmsr, rdpmc */
	[0xa2] = OK,						/* cpuid */
	[0xab] = MODRM | LOCK, [0xb3] = MODRM | LOCK, [0xbb] = MODRM | LOCK,	/* bts, btr, btc */
	[0xb0] = MODRM | BYTE | LOCK, [0xb1] = MODRM | LOCK,	/* cmpxchg */
	[0xba] = GROUP | IMM8 | LOCK,				/* bts, btr, btc by immediate */
	[0xc0] = MODRM | BYTE | LOCK, [0xc1] = MODRM | LOCK,	/* xadd */
	[0xc7] = GROUP | LOCK,					/* cmpxchg8b, cmpxchg16b */
};

struct cursor {
	const u8 *p;
	unsigned int pos, end;
	bool short_operand;		/* prefix 0x66 */
	bool overrun;
};

static u8 next(struct cursor *c)
{
	if (c->pos < c->end)
		return c->p[c->pos++];
	c->overrun = true;
	return 0;
}

static s32 next_signed(struct cursor *c, unsigned int bytes)
{
	u32 v = 0;

	for (unsigned int i = 0; i < bytes; i++)
		v |= (u32)next(c) << (8 * i);
	return bytes == 1 ? (s8)v : bytes == 2 ? (s16)v : (s32)v;
}

/* True: @b was a prefix. REX counts only right before the opcode. */
static bool prefix(struct insn *in, struct cursor *c, u8 b)
{
	u8 rex = 0;

	switch (b) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
		in->seg = b;
		break;
	case 0x40 ... 0x4f:
		rex = b;
		break;
	case 0x66:
		c->short_operand = true;
		break;
	case 0x67:
		in->adsize = 4;
		break;
	case 0xf0:
		in->lock = 1;
		break;
	case 0xf2: case 0xf3:
		in->rep = b;
		break;
	default:
		return false;
	}
	in->rex = rex;
	return true;
}

static u8 operand_size(const struct insn *in, const struct cursor *c, unsigned int flags)
{
	if (flags & BYTE)
		return 1;
	if (flags & REGS)
		return 8;
	if (in->rex & 8)
		return flags & (PORT | IO) ? 4 : 8;
	return c->short_operand ? 2 : 4;
}

static void memory_operand(struct insn *in, struct cursor *c)
{
	unsigned int bytes = in->mod == 1 ? 1 : in->mod == 2 ? 4 : 0;
	u8 base = in->modrm & 7, sib;

	in->mem = true;
	if (base == 4) {
		sib = next(c);
		base = sib & 7;
		in->scale = 1 << (sib >> 6);
		in->index = (sib >> 3 & 7) | (in->rex & 2) << 2;
		if (in->index == 4)		/* rsp cannot be one */
			in->index = -1;
		if (base != 5 || in->mod)
			in->base = base | (in->rex & 1) << 3;
		else
			bytes = 4;
	} else if (base == 5 && !in->mod) {
		in->base = -2;
		bytes = 4;
	} else {
		in->base = base | (in->rex & 1) << 3;
	}
	if (bytes)
		in->disp = next_signed(c, bytes);
}

static void modrm(struct insn *in, struct cursor *c, unsigned int flags)
{
	in->has_modrm = true;
	in->modrm = next(c);
	in->mod = in->modrm >> 6;
	in->reg = (in->modrm >> 3 & 7) | (in->rex & 4) << 1;
	in->rm = (in->modrm & 7) | (in->rex & 1) << 3;
	if (in->mod != 3 && !(flags & REGS))
		memory_operand(in, c);
}

/* Opcodes that the modrm byte completes. Prefixes would make some of these other instructions. */
static bool group_known(struct insn *in, const struct cursor *c)
{
	unsigned int op = in->modrm >> 3 & 7;

	switch (in->opcode) {
	case 0x80: case 0x81: case 0x83:
		return op != 7;				/* cmp */
	case 0xc6: case 0xc7:
		return op == 0;
	case 0xf6: case 0xf7:
		return op == 2 || op == 3;
	case 0xfe: case 0xff:
		return op <= 1;
	case 0x0f01:
		return in->mem ? op == 7 : !in->rep && !c->short_operand &&
		       (in->modrm == 0xd0 || in->modrm == 0xd1 || in->modrm == 0xf9);
	case 0x0fba:
		return op >= 5;
	case 0x0fc7:
		in->opsize = in->rex & 8 ? 16 : 8;
		return op == 1 && in->mem && !in->rep && !c->short_operand;
	}
	return false;
}

/* Does it name ah, ch, dh or bh? No insn_reg() for these. */
static bool high_byte(const struct insn *in, unsigned int flags)
{
	return flags & BYTE && !in->rex && in->has_modrm &&
	       ((flags & MODRM && in->reg & 4) || (!in->mem && in->rm & 4));
}

int insn_decode(struct insn *in, const u8 *bytes, unsigned int nr)
{
	struct cursor c = { .p = bytes, .end = min(nr, (unsigned int)MAX_LENGTH) };
	unsigned int flags;
	u8 b;

	*in = (struct insn){ .adsize = 8, .base = -1, .index = -1 };
	do
		b = next(&c);
	while (!c.overrun && prefix(in, &c, b));
	in->opcode = b;
	if (b == 0x0f)
		in->opcode = 0x0f00 | next(&c);
	flags = b == 0x0f ? two_byte[in->opcode & 0xff] : one_byte[b];
	if (!flags || c.overrun)
		return -EINVAL;
	in->opsize = operand_size(in, &c, flags);
	if (flags & (MODRM | GROUP | REGS))
		modrm(in, &c, flags);
	if (flags & IMM8)
		in->imm = (s64)next_signed(&c, 1);
	else if (flags & PORT)
		in->imm = next(&c);
	else if (flags & IMMZ)
		in->imm = (s64)next_signed(&c, min_t(unsigned int, in->opsize, 4));
	if (c.overrun || (flags & GROUP && !group_known(in, &c)) || high_byte(in, flags) ||
	    (in->lock && !(flags & LOCK && in->mem)))
		return -EINVAL;
	in->length = c.pos;
	return 0;
}

u64 *insn_reg(struct cpu_regs *regs, unsigned int n)
{
	static const u8 offset[16] = {
		offsetof(struct cpu_regs, rax), offsetof(struct cpu_regs, rcx),
		offsetof(struct cpu_regs, rdx), offsetof(struct cpu_regs, rbx),
		offsetof(struct cpu_regs, rsp), offsetof(struct cpu_regs, rbp),
		offsetof(struct cpu_regs, rsi), offsetof(struct cpu_regs, rdi),
		offsetof(struct cpu_regs, r8), offsetof(struct cpu_regs, r9),
		offsetof(struct cpu_regs, r10), offsetof(struct cpu_regs, r11),
		offsetof(struct cpu_regs, r12), offsetof(struct cpu_regs, r13),
		offsetof(struct cpu_regs, r14), offsetof(struct cpu_regs, r15),
	};

	return (u64 *)((u8 *)regs + offset[n & 15]);
}

unsigned long insn_effective_address(const struct insn *in, const struct cpu_regs *regs,
				     unsigned long next_rip)
{
	struct cpu_regs *r = (struct cpu_regs *)regs;
	unsigned long ea = in->disp;

	if (in->base == -2)
		ea += next_rip;
	else if (in->base >= 0)
		ea += *insn_reg(r, in->base);
	if (in->index >= 0)
		ea += *insn_reg(r, in->index) * in->scale;
	return in->adsize == 4 ? (u32)ea : ea;
}

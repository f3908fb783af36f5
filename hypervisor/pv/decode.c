// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instruction decoder: 64-bit code, and of that the privileged instructions and the ways in
 * which kernels write to page tables. One table says what follows each opcode; an opcode that
 * is not in it does not exist here. Bytes are a guest's: any input gives a well-formed insn or
 * -EINVAL, reads nothing behind @nr and has no effect.
 *
 *   [legacy prefixes] [REX] opcode | 0x0f opcode [modrm [SIB] [disp8/32]] [imm8/32]
 */
#include <xenolith/pv.h>

#define MAX_LENGTH	15

/* What an opcode has. */
#define OK	0x01		/* nothing but itself */
#define MODRM	0x02		/* modrm: register or memory and a register, or more of the opcode: group_known() */
#define BYTE	0x08		/* operands of one byte */
#define IMM8	0x10		/* immediate byte, sign-extended */
#define PORT	0x20		/* immediate byte, zero-extended; operands of 4 bytes at most */
#define IMMZ	0x40		/* immediate of operand size, 4 bytes at most, sign-extended */
#define LOCK	0x80		/* may be locked when it goes to memory */
#define REGS	0x100		/* modrm names registers whatever mod says; 8 bytes */
#define IO	0x200		/* operands of 4 bytes at most */
#define TWO	0x100		/* index of the opcodes behind 0x0f */

static const u16 opcodes[512] = {
	[0x08] = MODRM | BYTE | LOCK, [0x09] = MODRM | LOCK, [0x20] = MODRM | BYTE | LOCK, [0x21] = MODRM | LOCK, /* or, and */
	[0x6c] = IO | BYTE, [0x6d] = IO, [0x6e] = IO | BYTE, [0x6f] = IO,	/* ins, outs */
	[0x80] = MODRM | BYTE | IMM8 | LOCK, [0x81] = MODRM | IMMZ | LOCK, [0x83] = MODRM | IMM8 | LOCK,
	[0x86] = MODRM | BYTE | LOCK, [0x87] = MODRM | LOCK,			/* xchg */
	[0x88] = MODRM | BYTE, [0x89] = MODRM, [0xc6] = MODRM | BYTE | IMM8, [0xc7] = MODRM | IMMZ,	/* mov */
	[0xe4] = PORT | BYTE, [0xe5] = PORT, [0xe6] = PORT | BYTE, [0xe7] = PORT,	/* in, out by number */
	[0xec] = IO | BYTE, [0xed] = IO, [0xee] = IO | BYTE, [0xef] = IO,	/* in, out by dx */
	[0xfa] = OK, [0xfb] = OK,						/* cli, sti */
	[TWO + 0x01] = MODRM,						/* invlpg, xgetbv, xsetbv, rdtscp */
	[TWO + 0x06] = OK, [TWO + 0x08] = OK, [TWO + 0x09] = OK,	/* clts, invd, wbinvd */
	[TWO + 0x20 ... TWO + 0x23] = REGS,				/* mov from and to cr, dr */
	[TWO + 0x30] = OK, [TWO + 0x31] = OK, [TWO + 0x32] = OK,	/* wrmsr, rdtsc, rdmsr */
	[TWO + 0xa2] = OK,						/* cpuid */
	[TWO + 0xab] = MODRM | LOCK, [TWO + 0xb3] = MODRM | LOCK, [TWO + 0xbb] = MODRM | LOCK,	/* bts, btr, btc */
	[TWO + 0xba] = MODRM | IMM8 | LOCK,				/* these by immediate */
	[TWO + 0xb0] = MODRM | BYTE | LOCK, [TWO + 0xb1] = MODRM | LOCK,	/* cmpxchg */
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
	if (b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 || b == 0x65)
		in->seg = b;
	else if (b == 0x66)
		c->short_operand = true;
	else if (b == 0x67)
		in->adsize = 4;
	else if (b == 0xf0)
		in->lock = 1;
	else if (b == 0xf2 || b == 0xf3)
		in->rep = b;
	else if (b >> 4 != 4)
		return false;
	in->rex = b >> 4 == 4 ? b : 0;
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
	in->modrm = next(c);
	in->mod = in->modrm >> 6;
	in->reg = (in->modrm >> 3 & 7) | (in->rex & 4) << 1;
	in->rm = (in->modrm & 7) | (in->rex & 1) << 3;
	if (in->mod != 3 && !(flags & REGS))
		memory_operand(in, c);
}

/* Opcodes that the modrm byte completes. Prefixes would make some of these other instructions. */
static bool group_known(const struct insn *in, const struct cursor *c)
{
	unsigned int op = in->modrm >> 3 & 7;

	switch (in->opcode) {
	case 0x80: case 0x81: case 0x83:
		return op == 1 || op == 4;		/* or, and */
	case 0xc6: case 0xc7:
		return op == 0;
	case 0x0f01:
		return in->mem ? op == 7 : !in->rep && !c->short_operand &&
		       (in->modrm == 0xd0 || in->modrm == 0xd1 || in->modrm == 0xf9);
	case 0x0fba:
		return op >= 5;
	}
	return true;
}

/* Does it name ah, ch, dh or bh? No insn_reg() for these. */
static bool high_byte(const struct insn *in, unsigned int flags)
{
	return flags & BYTE && flags & MODRM && !in->rex &&
	       ((!in->has_imm && in->reg & 4) || (!in->mem && in->rm & 4));
}

int insn_decode(struct insn *in, const u8 *bytes, unsigned int nr)
{
	struct cursor c = { .p = bytes, .end = min(nr, (unsigned int)MAX_LENGTH) };
	unsigned int flags;

	*in = (struct insn){ .adsize = 8, .base = -1, .index = -1 };
	do
		in->opcode = next(&c);
	while (!c.overrun && prefix(in, &c, in->opcode));
	flags = opcodes[in->opcode];
	if (in->opcode == 0x0f) {
		in->opcode = 0x0f00 | next(&c);
		flags = opcodes[TWO + (in->opcode & 0xff)];
	}
	if (!flags || c.overrun)
		return -EINVAL;
	in->opsize = operand_size(in, &c, flags);
	if (flags & (MODRM | REGS))
		modrm(in, &c, flags);
	in->has_imm = flags & (IMM8 | IMMZ | PORT);
	if (flags & PORT)
		in->imm = next(&c);
	else if (in->has_imm)
		in->imm = (s64)next_signed(&c, flags & IMM8 ? 1 : min_t(unsigned int, in->opsize, 4));
	if (c.overrun || !group_known(in, &c) || high_byte(in, flags) || (in->lock && !(flags & LOCK && in->mem)))
		return -EINVAL;
	in->length = c.pos;
	return 0;
}

u64 *insn_reg(struct cpu_regs *regs, unsigned int n)
{
#define AT(r)	offsetof(struct cpu_regs, r)
	static const u8 offset[16] = {
		AT(rax), AT(rcx), AT(rdx), AT(rbx), AT(rsp), AT(rbp), AT(rsi), AT(rdi),
		AT(r8), AT(r9), AT(r10), AT(r11), AT(r12), AT(r13), AT(r14), AT(r15),
	};

	return (u64 *)((u8 *)regs + offset[n & 15]);
}

unsigned long insn_effective_address(const struct insn *in, const struct cpu_regs *regs, unsigned long next_rip)
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

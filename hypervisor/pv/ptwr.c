/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes to L1 tables by the guest kernel's own instructions. A table is mapped read-only, so the
 * write faults; the instruction is decoded, its result computed, and the entry changed like any
 * other. Only the forms that kernels use on page-table entries are known; for the rest the guest
 * gets its fault.
 */
#include <xenolith/debug.h>
#include "emulate.h"
#include "mmu.h"

#define ARITH_FLAGS	0x8d5UL		/* OF SF ZF AF PF CF */
#define FLAG_CF		0x001UL
#define FLAG_PF		0x004UL
#define FLAG_ZF		0x040UL
#define FLAG_SF		0x080UL
#define FLAG_OF		0x800UL

struct ptwr {
	struct insn in;
	struct cpu_regs *regs;
	unsigned long addr;
	u64 mask;			/* of the operand's size */
	u64 result, flags;
	bool store;			/* false: cmpxchg that did not match */
	u64 *out;			/* register that receives the old value, or NULL */
};

static u64 logic_flags(u64 r, u64 mask)
{
	return (r & mask ? 0 : FLAG_ZF) | (r & (mask ^ (mask >> 1)) ? FLAG_SF : 0) |
	       (__builtin_parity(r & 0xff) ? 0 : FLAG_PF);
}

static u64 compare_flags(u64 a, u64 b, u64 mask)
{
	u64 r = (a - b) & mask, sign = mask ^ (mask >> 1);

	return logic_flags(r, mask) | (a < b ? FLAG_CF : 0) | ((a ^ b) & (a ^ r) & sign ? FLAG_OF : 0);
}

/* Groups have the operation in their modrm byte, at the bits where the opcodes of its own have it. */
static unsigned int operation(const struct insn *in)
{
	switch (in->opcode) {
	case 0x80: case 0x81: case 0x83:
		return (in->modrm & 0x38) | 1;
	case 0x0fba:
		return (in->modrm & 0x38) | 0x0f83;
	}
	return in->opcode | 1;			/* with and without: the same on bytes */
}

/* What @p's instruction makes of @old. False: not a form we do. */
static bool compute(struct ptwr *p, u64 old)
{
	const struct insn *in = &p->in;
	u64 *reg = insn_reg(p->regs, in->reg), source = in->has_imm ? in->imm : *reg;
	u64 acc = p->regs->rax & p->mask, bit = 1UL << (source & (in->opsize * 8 - 1));

	p->store = true;
	p->out = NULL;
	p->flags = p->regs->rflags & ARITH_FLAGS;
	p->result = source;
	switch (operation(in)) {
	case 0x89: case 0xc7:				/* mov */
		return true;
	case 0x87:					/* xchg */
		p->out = reg;
		return true;
	case 0x0fb1:					/* cmpxchg */
		p->flags = compare_flags(acc, old, p->mask);
		p->store = acc == old;
		p->out = p->store ? NULL : &p->regs->rax;
		return true;
	case 0x09:
		p->result = old | source;
		p->flags = logic_flags(p->result, p->mask);
		return true;
	case 0x21:
		p->result = old & source;
		p->flags = logic_flags(p->result, p->mask);
		return true;
	case 0x0fab:					/* bts */
		p->result = old | bit;
		break;
	case 0x0fb3:					/* btr */
		p->result = old & ~bit;
		break;
	case 0x0fbb:					/* btc */
		p->result = old ^ bit;
		break;
	default:
		return false;
	}
	p->flags = (p->flags & ~FLAG_CF) | (old & bit ? FLAG_CF : 0);
	/* A bit number from a register could reach beyond the operand: only ours if it does not. */
	return in->has_imm || source < in->opsize * 8u;
}

/* -ERESTART: the instruction is to be executed again. */
static int apply(struct ptwr *p, const struct domain *d, pte_t *slot)
{
	unsigned int shift = p->addr % sizeof(pte_t) * 8;
	pte_t old, new;
	int rc;

	/* FS and GS have bases; the others are no-ops, and what single-CPU kernels patch over LOCK. */
	if (!emulate_fetch(p->regs, &p->in) || !p->in.mem || (p->in.seg | 1) == 0x65 || p->in.rep ||
	    insn_effective_address(&p->in, p->regs, p->regs->rip + p->in.length) != p->addr ||
	    p->addr % sizeof(pte_t) + p->in.opsize > sizeof(pte_t))
		return -EINVAL;
	p->mask = ~0UL >> (64 - 8 * p->in.opsize);
	old = READ_ONCE(*slot);
	do {
		if (!compute(p, (old >> shift) & p->mask))
			return -EINVAL;
		new = (old & ~(p->mask << shift)) | ((p->result & p->mask) << shift);
		rc = p->store ? pv_mod_l1e(d, d, slot, new, false, &old) : 0;
	} while (rc == -EBUSY);
	if (rc)
		return rc;
	if (p->out)
		emulate_set(p->out, old >> shift, p->in.opsize);
	p->regs->rflags = (p->regs->rflags & ~ARITH_FLAGS) | p->flags;
	emulate_retire(p->regs, p->in.length);
	return 0;
}

/*
 * The two forms kernels use most, xchg and mov of a whole entry with a plain base register, without
 * the decoder. -EINVAL: not one of them.
 */
static int do_short_form(struct ptwr *p, const struct domain *d, pte_t *slot)
{
	struct cpu_regs *regs = p->regs;
	unsigned int rm, mod;
	u64 *reg, addr;
	pte_t old;
	u8 b[4];
	int rc;

	if (copy_from_guest(b, guest_ptr(regs->rip), 4) || (b[0] & 0xf8) != 0x48 ||
	    (b[1] != 0x87 && b[1] != 0x89) || regs->rflags & X86_EFLAGS_TF)
		return -EINVAL;
	mod = b[2] >> 6;
	rm = b[2] & 7;
	if (mod > 1 || rm == 4 || (mod == 0 && rm == 5))
		return -EINVAL;
	addr = *insn_reg(regs, rm | (b[0] & 1) << 3) + (mod ? (s8)b[3] : 0);
	if (addr != p->addr || addr % sizeof(pte_t))
		return -EINVAL;
	reg = insn_reg(regs, (b[2] >> 3 & 7) | (b[0] & 4) << 1);
	old = READ_ONCE(*slot);
	do {
		rc = pv_mod_l1e(d, d, slot, *reg, false, &old);
	} while (rc == -EBUSY);
	if (rc)
		return rc;
	if (b[1] == 0x87)
		*reg = old;
	regs->rip += 3 + mod;
	return 0;
}

bool pv_emulate_ptwr(struct cpu_regs *regs, unsigned long addr)
{
	const struct domain *d = current->domain;
	struct ptwr p;
	struct page_info *pg;
	unsigned int level;
	pte_t leaf, *slot;
	int rc = -EINVAL;
	mfn_t m;

	/* The cheap refusals first: most write faults are no page-table writes. */
	if (!pv_find_l1_table(current, addr, &m))
		return false;
	leaf = READ_ONCE(((pte_t *)mfn_to_virt(m))[pt_index(addr, 1)]);
	if ((leaf & (PTE_P | PTE_RW)) != PTE_P || !mfn_valid(pte_mfn(leaf)))
		return false;
	pg = mfn_to_page(pte_mfn(leaf));
	if ((READ_ONCE(pg->word) & PG_TYPE_MASK) != PGT_L1 || !get_table(pg, d, &level))
		return false;
	p.regs = regs;
	p.addr = addr;
	slot = (pte_t *)page_to_virt(pg) + (addr & ~PAGE_MASK) / sizeof(pte_t);
	if (level == 1)
		rc = do_short_form(&p, d, slot);
	if (rc == -EINVAL && level == 1)
		rc = apply(&p, d, slot);
	pv_put_table(pg);
	return !rc || rc == -ERESTART;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes to L1 tables by the guest kernel's own instructions. A table is mapped read-only, so the
 * write faults; the instruction is decoded, its result computed, and the entry changed like any
 * other. Only the forms that kernels use on page-table entries are known; for the rest the guest
 * gets its fault.
 */
#include <xenolith/debug.h>
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
	u64 *out;			/* register that receives @outval, or NULL */
	u64 outval;
};

static u64 logic_flags(u64 r, u64 mask)
{
	return (r & mask ? 0 : FLAG_ZF) | (r & (mask ^ (mask >> 1)) ? FLAG_SF : 0) |
	       (__builtin_parity(r & 0xff) ? 0 : FLAG_PF);
}

static u64 compare_flags(u64 a, u64 b, u64 mask)
{
	u64 r = (a - b) & mask, sign = mask ^ (mask >> 1);

	return logic_flags(r, mask) | ((a & mask) < (b & mask) ? FLAG_CF : 0) |
	       ((a ^ b) & (a ^ r) & sign ? FLAG_OF : 0);
}

/* The operand the instruction takes from a register or immediate. */
static u64 source(const struct ptwr *p)
{
	switch (p->in.opcode) {
	case 0x80: case 0x81: case 0x83: case 0xc6: case 0xc7: case 0x0fba:
		return p->in.imm;
	default:
		return *insn_reg(p->regs, p->in.reg);
	}
}

static void logic(struct ptwr *p, u64 result)
{
	p->result = result;
	p->flags = logic_flags(result, p->mask);
}

static bool group1(struct ptwr *p, u64 old)
{
	if ((p->in.modrm >> 3 & 7) == 1)
		logic(p, old | source(p));
	else if ((p->in.modrm >> 3 & 7) == 4)
		logic(p, old & source(p));
	else
		return false;
	return true;
}

static void bit_op(struct ptwr *p, u64 old, unsigned int op)
{
	u64 bit = 1UL << (source(p) % (p->in.opsize * 8));

	p->result = op == 5 ? old | bit : op == 6 ? old & ~bit : old ^ bit;
	p->flags = (p->regs->rflags & ARITH_FLAGS & ~FLAG_CF) | (old & bit ? FLAG_CF : 0);
}

static void give(struct ptwr *p, unsigned int reg, u64 val)
{
	p->out = insn_reg(p->regs, reg);
	p->outval = val;
}

/* What @p's instruction makes of @old. False: not a form we do. */
static bool compute(struct ptwr *p, u64 old)
{
	u64 acc = p->regs->rax & p->mask;

	p->store = true;
	p->out = NULL;
	p->flags = p->regs->rflags & ARITH_FLAGS;
	switch (p->in.opcode) {
	case 0x88: case 0x89: case 0xc6: case 0xc7:		/* mov */
		p->result = source(p);
		return true;
	case 0xaa: case 0xab:					/* stos */
		p->result = p->regs->rax;
		return true;
	case 0x86: case 0x87:					/* xchg */
		p->result = source(p);
		give(p, p->in.reg, old);
		return true;
	case 0x0fb0: case 0x0fb1:				/* cmpxchg */
		p->flags = compare_flags(acc, old, p->mask);
		p->store = acc == old;
		p->result = source(p);
		if (!p->store)
			give(p, 0, old);
		return true;
	case 0x08: case 0x09:
		logic(p, old | source(p));
		return true;
	case 0x20: case 0x21:
		logic(p, old & source(p));
		return true;
	case 0x80: case 0x81: case 0x83:
		return group1(p, old);
	case 0x0fab:
		bit_op(p, old, 5);
		return true;
	case 0x0fb3:
		bit_op(p, old, 6);
		return true;
	case 0x0fbb:
		bit_op(p, old, 7);
		return true;
	case 0x0fba:
		if ((p->in.modrm >> 3 & 7) < 5)
			return false;
		bit_op(p, old, p->in.modrm >> 3 & 7);
		return true;
	}
	return false;
}

static bool is_stos(const struct ptwr *p)
{
	return p->in.opcode == 0xaa || p->in.opcode == 0xab;
}

/* One element of a string store is done. True: the instruction has more; they fault by themselves. */
static bool string_goes_on(struct ptwr *p)
{
	struct cpu_regs *regs = p->regs;

	if (!is_stos(p))
		return false;
	regs->rdi += regs->rflags & X86_EFLAGS_DF ? -(u64)p->in.opsize : p->in.opsize;
	return p->in.rep && --regs->rcx;
}

/* Registers as the instruction leaves them; 4-byte results clear the upper half. */
static void retire(struct ptwr *p)
{
	struct cpu_regs *regs = p->regs;

	if (p->out && p->in.opsize >= 4)
		*p->out = p->outval & p->mask;
	else if (p->out)
		*p->out = (*p->out & ~p->mask) | (p->outval & p->mask);
	regs->rflags = (regs->rflags & ~(ARITH_FLAGS | X86_EFLAGS_RF)) | p->flags;
	if (!string_goes_on(p))
		regs->rip += p->in.length;
	if (regs->rflags & X86_EFLAGS_TF)
		pv_inject_trap(X86_EXC_DB, 0);
}

static bool fetch(struct ptwr *p)
{
	u8 bytes[15];
	unsigned int nr = sizeof(bytes);

	/* The instruction may end right before a page that is not there. */
	if (copy_from_guest(bytes, guest_ptr(p->regs->rip), nr)) {
		nr = PAGE_SIZE - (p->regs->rip & ~PAGE_MASK);
		if (nr > sizeof(bytes) || copy_from_guest(bytes, guest_ptr(p->regs->rip), nr))
			return false;
	}
	if (insn_decode(&p->in, bytes, nr))
		return false;
	if (is_stos(p))
		return p->in.adsize == 8 && p->regs->rdi == p->addr &&
		       p->addr % sizeof(pte_t) + p->in.opsize <= sizeof(pte_t);
	/* FS and GS have bases; the others are no-ops, and what single-CPU kernels patch over LOCK. */
	if (!p->in.mem || (p->in.seg | 1) == 0x65 || p->in.rep)
		return false;
	/* AH to BH are not what insn_reg() gives; nobody writes entries by them. */
	if (p->in.opsize == 1 && !p->in.rex && (p->in.opcode & ~0x46) != 0x80 && p->in.reg >= 4)
		return false;
	/* Bit operations by register could reach beyond the operand: only ours if they do not. */
	if ((p->in.opcode == 0x0fab || p->in.opcode == 0x0fb3 || p->in.opcode == 0x0fbb) &&
	    source(p) >= p->in.opsize * 8u)
		return false;
	return insn_effective_address(&p->in, p->regs, p->regs->rip + p->in.length) == p->addr &&
	       p->addr % sizeof(pte_t) + p->in.opsize <= sizeof(pte_t);
}

/* -ERESTART: the instruction is to be executed again. */
static int apply(struct ptwr *p, const struct domain *d, pte_t *slot)
{
	unsigned int shift = p->addr % sizeof(pte_t) * 8;
	pte_t old = READ_ONCE(*slot), new;
	int rc;

	do {
		if (!compute(p, (old >> shift) & p->mask))
			return -EINVAL;
		if (!p->store)
			return 0;
		new = (old & ~(p->mask << shift)) | ((p->result & p->mask) << shift);
		rc = pv_mod_l1e(d, d, slot, new, false, &old);
	} while (rc == -EBUSY);
	return rc;
}

/*
 * The two forms kernels use most, xchg and mov of a whole entry with a plain base register, without
 * the decoder. -EINVAL: not one of them.
 */
static int do_short_form(struct ptwr *p, const struct domain *d, pte_t *slot)
{
	struct cpu_regs *regs = p->regs;
	unsigned int rm, mod, length = 3;
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
	addr = *insn_reg(regs, rm | (b[0] & 1) << 3);
	if (mod == 1) {
		addr += (s8)b[3];
		length = 4;
	}
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
	regs->rip += length;
	return 0;
}

bool pv_emulate_ptwr(struct cpu_regs *regs, unsigned long addr)
{
	struct ptwr p;
	const struct domain *d = current->domain;
	struct page_info *pg;
	unsigned int level;
	pte_t leaf, *slot;
	mfn_t m;
	int rc = -EINVAL;

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
	if (rc == -EINVAL && level == 1 && fetch(&p)) {
		p.mask = ~0UL >> (64 - 8 * p.in.opsize);
		rc = apply(&p, d, slot);
		if (!rc)
			retire(&p);
	}
	if (!put_page_and_type_fast(pg))
		put_page_and_type_preemptible(pg);
	return !rc || rc == -ERESTART;
}

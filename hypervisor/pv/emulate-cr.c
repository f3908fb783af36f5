// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control and debug registers as a PV kernel sees them. Of CR0 only TS is the guest's; CR2 is what
 * the last page fault reported; CR3 names the kernel's L4 by machine address; of CR4 the guest sees
 * its own choice of a few bits and the machine's of some others.
 */
#include "emulate.h"
#include "mmu.h"

/* Bits that a guest chooses, and bits of the machine that it sees. */
#define CR4_GUEST	(X86_CR4_TSD | X86_CR4_DE | X86_CR4_FSGSBASE | X86_CR4_OSXSAVE)
#define CR4_VISIBLE	(X86_CR4_PAE | X86_CR4_MCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)
/* What its choice changes in the machine. OSXSAVE stays: the state is switched with XSAVE. */
#define CR4_EFFECTIVE	(X86_CR4_TSD | X86_CR4_DE | X86_CR4_FSGSBASE)

unsigned long pv_guest_cr4_view(unsigned long wanted)
{
	unsigned long possible = X86_CR4_TSD | X86_CR4_DE |
		(x86.cr4 & (X86_CR4_FSGSBASE | X86_CR4_OSXSAVE));

	return (wanted & CR4_GUEST & possible) | (x86.cr4 & CR4_VISIBLE);
}

unsigned long pv_guest_cr4_hw(const struct vcpu *v)
{
	return (x86.cr4 & ~CR4_EFFECTIVE) | (v->pv.cr4 & CR4_EFFECTIVE);
}

static enum emulated read_cr(const struct vcpu *v, unsigned int cr, u64 *val)
{
	switch (cr) {
	case 0:
		*val = (read_cr0() & ~X86_CR0_TS) | (v->pv.cr0 & X86_CR0_TS);
		return EMUL_DONE;
	case 2:
		*val = v->pv.last_cr2;
		return EMUL_DONE;
	case 3:
		*val = v->pv.kernel_cr3;
		return EMUL_DONE;
	case 4:
		*val = v->pv.cr4;
		return EMUL_DONE;
	}
	return EMUL_REFUSED;
}

static enum emulated write_guest_cr3(struct vcpu *v, u64 val)
{
	int rc = pv_finish_put(v) ?: pv_set_l4(v, false, pte_mfn(val));

	return !rc ? EMUL_DONE : rc == -ERESTART ? EMUL_AGAIN : EMUL_REFUSED;
}

static enum emulated write_cr(struct vcpu *v, unsigned int cr, u64 val)
{
	switch (cr) {
	case 0:
		if ((val ^ read_cr0()) & ~X86_CR0_TS)
			return EMUL_REFUSED;
		do_fpu_taskswitch(!!(val & X86_CR0_TS), 0, 0, 0, 0);
		return EMUL_DONE;
	case 2:
		v->pv.last_cr2 = val;
		v->info->arch.cr2 = val;
		return EMUL_DONE;
	case 3:
		return write_guest_cr3(v, val);
	case 4:			/* what cannot be is left out, not refused */
		v->pv.cr4 = pv_guest_cr4_view(val);
		write_cr4(pv_guest_cr4_hw(v));
		return EMUL_DONE;
	}
	return EMUL_REFUSED;
}

/* DR4 and DR5 are other names of 6 and 7 unless CR4.DE says that they do not exist. */
static bool debug_reg(const struct vcpu *v, unsigned int *dr)
{
	if (*dr == 4 || *dr == 5) {
		if (v->pv.cr4 & X86_CR4_DE)
			return false;
		*dr += 2;
	}
	return *dr < 8;
}

enum emulated emulate_control(struct vcpu *v, struct cpu_regs *regs, const struct insn *in)
{
	u64 *gpr = insn_reg(regs, in->rm);
	unsigned int dr = in->reg;

	switch (in->opcode) {
	case 0x0f06:
		do_fpu_taskswitch(0, 0, 0, 0, 0);
		return EMUL_DONE;
	case 0x0f20:
		return read_cr(v, in->reg, gpr);
	case 0x0f22:
		return write_cr(v, in->reg, *gpr);
	case 0x0f21:
		if (!debug_reg(v, &dr))
			return EMUL_REFUSED;
		*gpr = do_get_debugreg(dr, 0, 0, 0, 0);
		return EMUL_DONE;
	case 0x0f23:
		return debug_reg(v, &dr) && !do_set_debugreg(dr, *gpr, 0, 0, 0) ?
			EMUL_DONE : EMUL_REFUSED;
	}
	return EMUL_REFUSED;
}

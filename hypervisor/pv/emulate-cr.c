// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control and debug registers as a PV kernel sees them. Of CR0 only TS is the guest's; CR2 is what
 * the last page fault reported; CR3 names the kernel's L4 by machine address; of CR4 the guest sees
 * its own choice of a few bits and the machine's of some others.
 */
#include "emulate.h"
#include "guest-cpu.h"
#include "mmu.h"

/* Bits that a guest chooses, and bits of the machine that it sees. */
#define CR4_GUEST	(X86_CR4_TSD | X86_CR4_DE | X86_CR4_FSGSBASE | X86_CR4_OSXSAVE)
#define CR4_VISIBLE	(X86_CR4_PAE | X86_CR4_MCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)
/* What its choice changes in the machine. OSXSAVE stays: the state is switched with XSAVE. */
#define CR4_EFFECTIVE	(X86_CR4_TSD | X86_CR4_DE | X86_CR4_FSGSBASE)

unsigned long pv_guest_cr4_view(unsigned long wanted)
{
	unsigned long possible = X86_CR4_TSD | X86_CR4_DE | (x86.cr4 & (X86_CR4_FSGSBASE | X86_CR4_OSXSAVE));

	return (wanted & CR4_GUEST & possible) | (x86.cr4 & CR4_VISIBLE);
}

unsigned long pv_guest_cr4_hw(const struct vcpu *v)
{
	return (x86.cr4 & ~CR4_EFFECTIVE) | (v->pv.cr4 & CR4_EFFECTIVE);
}

static int read_cr(const struct vcpu *v, unsigned int cr, u64 *val)
{
	const u64 values[] = { [0] = v->pv.cr0, [2] = v->pv.last_cr2, [3] = v->pv.kernel_cr3, [4] = v->pv.cr4 };

	if (cr == 1 || cr > 4)
		return -EINVAL;
	*val = values[cr];
	return 0;
}

static int write_cr(struct vcpu *v, unsigned int cr, u64 val)
{
	switch (cr) {
	case 0:
		if ((val ^ v->pv.cr0) & ~X86_CR0_TS)
			return -EINVAL;
		return do_fpu_taskswitch(val & X86_CR0_TS, 0, 0, 0, 0);
	case 2:
		v->pv.last_cr2 = val;
		v->info->arch.cr2 = val;
		return 0;
	case 3:
		return pv_finish_put(v) ?: pv_set_l4(v, false, pte_mfn(val));
	case 4:			/* what cannot be is left out, not refused */
		v->pv.cr4 = pv_guest_cr4_view(val);
		write_cr4(pv_guest_cr4_hw(v));
		return 0;
	}
	return -EINVAL;
}

int emulate_control(struct vcpu *v, struct cpu_regs *regs, const struct insn *in)
{
	u64 *gpr = insn_reg(regs, in->rm);

	switch (in->opcode) {
	case 0x0f20:
		return read_cr(v, in->reg, gpr);
	case 0x0f21:
		return pv_get_debugreg(v, in->reg, gpr);
	case 0x0f22:
		return write_cr(v, in->reg, *gpr);
	}
	return pv_set_debugreg(v, in->reg, *gpr);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files that do a guest's instruction for it. What does one returns 0: step over it; -ERESTART: stay at
 * it (a fault of its own was injected, or there is more to do); else: refused, the guest gets its fault.
 */
#ifndef PV_EMULATE_H
#define PV_EMULATE_H

#include <xenolith/domain.h>
#include <xenolith/hypercall.h>

/** emulate_fetch: the instruction at rip. False: none that the decoder knows, or not 64-bit code. */
bool emulate_fetch(const struct cpu_regs *regs, struct insn *in);
/** emulate_retire: go on behind it; single-stepping sees it. */
void emulate_retire(struct cpu_regs *regs, unsigned int length);
/** emulate_io: in, out, ins, outs; with v->pv's IOPL and I/O bitmap, in either guest mode. */
int emulate_io(struct vcpu *v, struct cpu_regs *regs, const struct insn *in);
/** emulate_control: mov from and to control and debug registers; guest kernel mode. */
int emulate_control(struct vcpu *v, struct cpu_regs *regs, const struct insn *in);
/** emulate_iopl_ok: is the virtual IOPL enough for the mode that @v is in? */
bool emulate_iopl_ok(const struct vcpu *v);

/** emulate_set: write a general register as an instruction with operands of @bytes does. */
static inline void emulate_set(u64 *reg, u64 val, unsigned int bytes)
{
	u64 mask = ~0UL >> (64 - 8 * bytes);

	*reg = bytes >= 4 ? val & mask : (*reg & ~mask) | (val & mask);
}

#endif

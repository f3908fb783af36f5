/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of privileged instructions: emulate.c, emulate-io.c, emulate-cr.c. */
#ifndef PV_EMULATE_H
#define PV_EMULATE_H

#include <xenolith/domain.h>
#include <xenolith/hypercall.h>

enum emulated {
	EMUL_REFUSED,		/* nothing happened: the guest gets its fault */
	EMUL_DONE,		/* step over the instruction */
	EMUL_AGAIN,		/* stay at it: a fault of its own was injected, or there is more to do */
};

/** emulate_io: in, out, ins, outs; with v->pv's IOPL and I/O bitmap, in either guest mode. */
enum emulated emulate_io(struct vcpu *v, struct cpu_regs *regs, const struct insn *in);
/** emulate_control: mov from and to control and debug registers, clts; guest kernel mode. */
enum emulated emulate_control(struct vcpu *v, struct cpu_regs *regs, const struct insn *in);
/** emulate_iopl_ok: is the virtual IOPL enough for the mode that @v is in? */
bool emulate_iopl_ok(const struct vcpu *v);

/** emulate_set: write a general register as an instruction with operands of @bytes does. */
static inline void emulate_set(u64 *reg, u64 val, unsigned int bytes)
{
	u64 mask = ~0UL >> (64 - 8 * bytes);

	*reg = bytes >= 4 ? val & mask : (*reg & ~mask) | (val & mask);
}

#endif

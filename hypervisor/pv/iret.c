// SPDX-License-Identifier: GPL-2.0-only
/* The iret hypercall where entry/syscall.S does not do it itself. */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>

#define IRET_FLAGS	0x254dd5UL	/* arithmetic TF DF NT RF AC ID; the same in entry/asm.h */

static void set_frame(struct cpu_regs *regs, u64 rip, u64 cs, u64 rflags, u64 rsp, u64 ss)
{
	regs->rip = rip;
	regs->cs = cs | 3;
	regs->rflags = (rflags & IRET_FLAGS) | X86_EFLAGS_IF | X86_EFLAGS_MBS;
	regs->rsp = rsp;
	regs->ss = ss | 3;
}

long do_iret(unsigned long a1, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct vcpu *v = current;
	struct cpu_regs *regs = guest_regs();
	struct iret_context frame;

	if (copy_in(&frame, regs->rsp)) {
		domain_crash(v->domain, "iret: no frame at %#lx", (unsigned long)regs->rsp);
		return 0;
	}
	if ((frame.cs & 3) == 3 && !pv_toggle_mode(v))
		return 0;
	set_frame(regs, frame.rip, frame.cs, frame.rflags, frame.rsp, frame.ss);
	/* SYSRET only where it can do what IRET would; it leaves rip in rcx and rflags in r11. */
	if (!(frame.flags & VGCF_in_syscall)) {
		regs->rcx = frame.rcx;
		regs->r11 = frame.r11;
		regs->vector = ENTRY_IRET;
	} else {
		regs->rcx = frame.rip;
		regs->r11 = regs->rflags;
		regs->vector |= ENTRY_IRET;
		if (regs->cs != SEL_GUEST_CS64 || regs->ss != SEL_GUEST_SS || regs->rflags & (X86_EFLAGS_RF | X86_EFLAGS_TF))
			regs->vector = ENTRY_IRET;
	}
	v->info->evtchn_upcall_mask = !(frame.rflags & X86_EFLAGS_IF);
	v->pv.nmi_masked = false;
	return frame.rax;
}

/*
 * IRETQ by the guest kernel itself, ring 3 to ring 3. TCG reads its frame as a supervisor access,
 * which SMAP refuses; a real CPU never comes here.
 */
bool pv_emulate_iret(struct cpu_regs *regs)
{
	u64 frame[5];			/* rip cs rflags rsp ss */
	u16 insn;

	if (copy_in(&insn, regs->rip) || insn != 0xcf48 || copy_in(&frame, regs->rsp) || (frame[1] & frame[4] & 3) != 3)
		return false;
	set_frame(regs, frame[0], frame[1], frame[2], frame[3], frame[4]);
	return true;
}

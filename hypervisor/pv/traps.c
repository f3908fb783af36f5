// SPDX-License-Identifier: GPL-2.0-only
/*
 * Giving a guest its exceptions and events: the bounce frame of the ABI, and what has to be looked
 * at before an exception is really the guest's.
 */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include "guest-cpu.h"

#define XEC_IDT		2		/* error code of a software interrupt without a gate */
#define INT_LENGTH	2
#define INT3		0xcc
#define INT_OPCODE	0xcd

/*
 * On the guest kernel's stack, lowest address first:
 *
 *	[extra] rcx r11 [error code] rip cs+mask rflags rsp ss
 *
 * cs has RPL 0 when the guest kernel was interrupted, 3 for user space; the byte above it is the
 * upcall mask; rflags.IF is its opposite.
 */
static void bounce(unsigned long entry, bool mask_events, bool has_ec, u32 ec, bool segments)
{
	struct vcpu *v = current;
	struct cpu_regs *regs = guest_regs();
	bool user = !v->pv.kernel_mode;
	u8 mask = v->info->evtchn_upcall_mask;
	u64 frame[12], *p = frame;
	unsigned long sp;

	if (unlikely(!entry)) {
		domain_crash(v->domain, "no handler registered");
		return;
	}
	if (user)
		pv_toggle_mode(v);
	if (segments) {
		*p++ = v->pv.ds;
		*p++ = v->pv.es;
		*p++ = v->pv.fs;
		*p++ = v->pv.gs;
	}
	*p++ = regs->rcx;
	*p++ = regs->r11;
	if (has_ec)
		*p++ = ec;
	*p++ = regs->rip;
	*p++ = (user ? regs->cs : regs->cs & ~3u) | (u64)mask << 32;
	*p++ = (regs->rflags & ~(X86_EFLAGS_IF | X86_EFLAGS_IOPL)) | (mask ? 0 : X86_EFLAGS_IF) | v->pv.bounce_flags;
	*p++ = regs->rsp;
	*p++ = regs->ss;
	sp = ((user ? v->pv.kernel_sp : regs->rsp) & ~15UL) - (p - frame) * sizeof(u64);
	if (unlikely(copy_to_guest(guest_ptr(sp), frame, (p - frame) * sizeof(u64)))) {
		domain_crash(v->domain, "kernel stack at %#lx cannot be written", sp);
		return;
	}
	regs->rip = entry;
	regs->cs = SEL_GUEST_CS64;
	regs->rflags &= ~(X86_EFLAGS_AC | X86_EFLAGS_VM | X86_EFLAGS_RF | X86_EFLAGS_NT | X86_EFLAGS_TF);
	regs->rsp = sp;
	regs->ss = SEL_GUEST_SS;
	regs->vector &= ~(ENTRY_SYSCALL | ENTRY_IRET);
	if (mask_events)
		v->info->evtchn_upcall_mask = 1;
}

void pv_inject_trap(unsigned int vector, u32 error_code)
{
	const struct trap_info *ti = &current->pv.trap[vector];

	if (unlikely(!ti->address))
		domain_crash(current->domain, "no handler for exception %u (error code %#x)", vector, error_code);
	else
		bounce(ti->address, ti->flags & TI_IF, vector < 32 && X86_EXC_HAS_EC >> vector & 1, error_code, false);
}

void pv_inject_page_fault(u32 error_code, unsigned long cr2)
{
	struct vcpu *v = current;

	/* The guest kernel does not know that it runs in ring 3. */
	if (v->pv.kernel_mode)
		error_code &= ~PFEC_USER;
	v->info->arch.cr2 = cr2;
	v->pv.last_cr2 = cr2;
	pv_inject_trap(X86_EXC_PF, error_code);
}

static void inject_callback(unsigned int type, bool segments)
{
	const struct pv_callback *cb = &current->pv.callback[type];

	bounce(cb->entry, cb->masks_events, false, 0, segments);
}

void pv_inject_upcall(void)
{
	inject_callback(CALLBACKTYPE_event, false);
}

void pv_inject_nmi(void)
{
	struct vcpu *v = current;

	v->pv.nmi_pending = false;
	v->pv.nmi_masked = true;
	pv_inject_trap(X86_EXC_NMI, 0);
}

void pv_inject_failsafe(void)
{
	inject_callback(CALLBACKTYPE_failsafe, true);
}

void pv_iret_fault(struct cpu_regs *regs)
{
	struct pv_vcpu *pv = &current->pv;

	asm volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
		     : "=r" (pv->ds), "=r" (pv->es), "=r" (pv->fs), "=r" (pv->gs));
	pv_inject_failsafe();
}

void pv_syscall_slow(struct cpu_regs *regs, bool compat)
{
	unsigned int type = compat ? CALLBACKTYPE_syscall32 : CALLBACKTYPE_syscall;

	if (current->pv.callback[type].entry) {
		inject_callback(type, false);
		return;
	}
	/* As if the instruction were not there. It was two bytes long. */
	regs->rip -= 2;
	regs->vector &= ~ENTRY_SYSCALL;
	pv_inject_trap(X86_EXC_UD, 0);
}

/* ---- exceptions ---- */

static bool may_interrupt(const struct trap_info *ti)
{
	return (ti->flags & TI_DPL) >= (current->pv.kernel_mode ? 1 : 3);
}

/* int n: by the guest's table, though our gate refused it. */
static bool software_interrupt(struct cpu_regs *regs)
{
	unsigned int vector;
	u8 insn[INT_LENGTH];

	/* The error code names the vector too, but not on every implementation rightly. */
	if (!(regs->error_code & XEC_IDT) || copy_from_guest(insn, guest_ptr(regs->rip), INT_LENGTH) ||
	    insn[0] != INT_OPCODE)
		return false;
	vector = insn[1];
	if (!may_interrupt(&current->pv.trap[vector])) {
		regs->error_code = vector << 3 | XEC_IDT;
		return false;
	}
	regs->rip += INT_LENGTH;
	pv_inject_trap(vector, 0);
	return true;
}

/* On TCG: a breakpoint that is in memory no more (rewrite_code()). True: its place is to be executed again. */
static bool stale_breakpoint(struct cpu_regs *regs)
{
	const struct vcpu *v = current;
	unsigned long at = regs->rip - 1;
	struct page_info *pg;
	u8 insn[INT_LENGTH];
	pte_t leaf;

	if (!x86.tcg || copy_from_guest(insn, guest_ptr(regs->rip - INT_LENGTH), INT_LENGTH) || insn[1] == INT3 ||
	    (insn[0] == INT_OPCODE && insn[1] == X86_EXC_BP) ||
	    pt_walk(v->pv.kernel_mode ? v->pv.kernel_cr3 : v->pv.user_cr3, at, &leaf) != 1 || !mfn_valid(pte_mfn(leaf)))
		return false;
	pg = mfn_to_page(pte_mfn(leaf));
	if (!get_page(pg, v->domain))
		return false;
	rewrite_code((u8 *)page_to_virt(pg) + (at & ~PAGE_MASK));
	put_page(pg);
	regs->rip = at;
	return true;
}

static void debug_trap(void)
{
	struct vcpu *v = current;
	u64 dr6;

	asm volatile("mov %%dr6, %0" : "=r" (dr6));
	asm volatile("mov %0, %%dr6" :: "r" (0xffff0ff0UL));
	v->pv.dr[6] |= dr6 & 0xe00f;
	pv_inject_trap(X86_EXC_DB, 0);
}

/* FPU state is never behind: TS is the guest's own, and the first use clears it (ABI). */
static void no_device(void)
{
	struct vcpu *v = current;

	clts();
	if (v->pv.cr0 & X86_CR0_TS) {
		v->pv.cr0 &= ~X86_CR0_TS;
		pv_inject_trap(X86_EXC_NM, 0);
	}
}

void pv_handle_trap(struct cpu_regs *regs)
{
	switch (regs->vector & 0xff) {
	case X86_EXC_DB:
		debug_trap();
		break;
	case X86_EXC_BP:
		if (!stale_breakpoint(regs))
			pv_inject_trap(X86_EXC_BP, 0);
		break;
	case X86_EXC_NM:
		no_device();
		break;
	case VEC_LEGACY_SYSCALL:	/* back to it, as if our gate had refused it like those of other vectors */
		regs->rip -= INT_LENGTH;
		regs->error_code = XEC_IDT;
		/* fall through */
	case X86_EXC_GP:
		if (!software_interrupt(regs) && !pv_emulate_privileged(regs))
			pv_inject_trap(X86_EXC_GP, regs->error_code);
		break;
	case X86_EXC_UD:
		if (!pv_emulate_invalid_op(regs))
			pv_inject_trap(X86_EXC_UD, 0);
		break;
	case X86_EXC_DF:
	case X86_EXC_MC:
		debug_fatal_trap(regs);
	default:
		pv_inject_trap(regs->vector & 0xff, regs->error_code);
		break;
	}
}

/* A fault in the descriptor windows is about the guest's own tables. True: retry the instruction. */
static bool window_fault(u32 error_code, unsigned long cr2)
{
	unsigned long ldt = LDT_WINDOW((unsigned long)smp_cpu());
	unsigned long gdt = GDT_WINDOW((unsigned long)smp_cpu());

	if (cr2 >= ldt && cr2 < ldt + (LDT_PAGES << PAGE_SHIFT)) {
		if (!pv_map_ldt_page(cr2 - ldt))
			pv_inject_page_fault(error_code, current->pv.ldt_base + (cr2 - ldt));
		return true;
	}
	if (cr2 >= gdt && cr2 < ldt) {
		pv_inject_trap(X86_EXC_GP, (cr2 - gdt) & ~7u & 0xffff);
		return true;
	}
	return false;
}

void pv_handle_page_fault(struct cpu_regs *regs, unsigned long cr2)
{
	u32 ec = regs->error_code;

	if (unlikely(cr2 >= HYP_VIRT_START && cr2 < HYP_VIRT_END)) {
		/* The CPU's own look at a descriptor is a supervisor access; anything else is the guest's. */
		if (ec & PFEC_USER || !window_fault(ec, cr2))
			pv_inject_page_fault(ec, cr2);
		return;
	}
	if (unlikely(!(ec & PFEC_USER)) && pv_emulate_iret(regs))
		return;
	if ((ec & (PFEC_PRESENT | PFEC_WRITE | PFEC_RSVD)) == (PFEC_PRESENT | PFEC_WRITE) &&
	    current->pv.kernel_mode && pv_emulate_ptwr(regs, cr2))
		return;
	pv_inject_page_fault(ec, cr2);
}

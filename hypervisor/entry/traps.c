// SPDX-License-Identifier: GPL-2.0-only
/* The C side of exceptions, interrupts and the way out. */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include <xenolith/entry.h>

void entry_exception(struct cpu_regs *regs, unsigned long cr2);
void entry_interrupt(struct cpu_regs *regs);
bool entry_exit_work(struct cpu_regs *regs);

static void (*vector_handler[256])(struct cpu_regs *regs) __ro_after_init;

void entry_set_vector(u8 vector, void (*fn)(struct cpu_regs *regs))
{
	vector_handler[vector] = fn;
}

/* Loading a selector of the guest's LDT is how the hypervisor itself meets a page not mapped yet. */
static bool ldt_fault(const struct cpu_regs *regs, unsigned long cr2)
{
	unsigned long ldt = LDT_WINDOW((unsigned long)smp_cpu());
	bool mapped;

	if (regs->vector != X86_EXC_PF || cr2 < ldt || cr2 >= ldt + (LDT_PAGES << PAGE_SHIFT))
		return false;
	/* Giving the page its type may need a flush on other CPUs, which must be able to ask us too. */
	irq_enable();
	mapped = pv_map_ldt_page(cr2 - ldt);
	irq_disable();
	return mapped;
}

/* No lock, no fault: only mark it for the hardware domain, which looks for the cause. */
static void nmi(void)
{
	struct vcpu *v;

	smp_nmi();
	v = domain0 ? domain0->vcpu[0] : NULL;
	if (v && v->pv.trap[X86_EXC_NMI].address && !v->pv.nmi_pending) {
		v->pv.nmi_pending = true;
		set_bit(SOFTIRQ_SCHEDULE, &cpu_info()->softirq_pending);
	}
}

static void hypervisor_exception(struct cpu_regs *regs, unsigned long cr2)
{
	unsigned long fixup;

	/* It may be anywhere: nothing that could fault or block, since IRETQ would let the next one in. */
	if (regs->vector == X86_EXC_NMI) {
		nmi();
		return;
	}
	/* A guest's breakpoint on data that we touch for it, or that SYSCALL completes (XSA-260). */
	if (regs->vector == X86_EXC_DB) {
		asm volatile("mov %0, %%dr6" :: "r" (0xffff0ff0UL));
		return;
	}
	if (regs->vector == X86_EXC_DF || regs->vector == X86_EXC_MC)
		debug_fatal_trap(regs);
	if (ldt_fault(regs, cr2))
		return;
	fixup = entry_fixup(regs->rip);
	if (!fixup)
		debug_fatal_trap(regs);
	regs->rip = fixup;
}

void entry_exception(struct cpu_regs *regs, unsigned long cr2)
{
	if (unlikely(!regs_guest(regs))) {
		hypervisor_exception(regs, cr2);
		return;
	}
	if (unlikely(regs->vector == X86_EXC_NMI)) {
		nmi();
		return;
	}
	irq_enable();
	if (likely(regs->vector == X86_EXC_PF))
		pv_handle_page_fault(regs, cr2);
	else
		pv_handle_trap(regs);
}

void entry_interrupt(struct cpu_regs *regs)
{
	void (*fn)(struct cpu_regs *) = vector_handler[regs->vector & 0xff];

	lock_check_interrupt(true);
	if (fn)
		fn(regs);
	else
		irq_entry(regs);
	lock_check_interrupt(false);
}

/* True: go, though an event is pending; interrupts were not on since the last look at softirqs. */
bool entry_exit_work(struct cpu_regs *regs)
{
	struct vcpu *v;

	irq_enable();
	softirq_run();
	irq_disable();
	v = current;
	if (READ_ONCE(cpu_info()->softirq_pending))
		return false;
	if (v->pv.nmi_pending && !v->pv.nmi_masked) {
		pv_inject_nmi();
	} else if (evtchn_upcall_needed(v)) {
		if (pv_upcall_put_off(regs))
			return true;
		pv_inject_upcall();
	}
	return false;
}

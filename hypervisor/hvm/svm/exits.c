// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why a guest exited, and what is done: one table by exit code. An instruction that was done for the guest
 * is stepped over; processors without "next rip saving" leave it to us to find how long it is.
 */
#include <xenolith/debug.h>
#include "svm.h"

#define NPF_INDEX	SVM_NR_LOW		/* in the table, behind the others */
#define NR_INDICES	(NPF_INDEX + 1)
_Static_assert(NR_INDICES <= HVM_NR_EXITS, "all reasons have a counter");
#define DR6_BS		BIT(14)
#define HLT		0xf4
#define INT3		0xcc
#define INT_N		0xcd
#define INTO		0xce

#define IOIO_IN		BIT(0)
#define IOIO_STRING	BIT(2)
#define IOIO_BYTES(info) ((info) >> 4 & 7)
#define IOIO_PORT(info)	((info) >> 16 & 0xffff)

static struct vmcb *vmcb(const struct vcpu *v)
{
	return v->hvm.control;
}

/* ---- stepping over ---- */

static bool is_prefix(u8 b, bool code64)
{
	switch (b) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64 ... 0x67: case 0xf0: case 0xf2: case 0xf3:
		return true;
	}
	return code64 && b >> 4 == 4;
}

/* Bytes of prefixes at rip. Code that cannot be read, or that another vcpu has changed, counts as having none. */
static unsigned int nr_prefixes(struct vcpu *v, const struct cpu_regs *regs)
{
	struct hvm_mode m;
	u8 code[15];
	unsigned int n, got;

	hvm_ops->mode(v, &m);
	got = hvm_fetch(v, regs->rip, code, 1);
	if (!got || !is_prefix(code[0], m.cs_long))
		return 0;			/* nearly always */
	got = hvm_fetch(v, regs->rip, code, sizeof(code));
	for (n = 0; n < got && is_prefix(code[n], m.cs_long); n++)
		;
	return n;
}

static void go_on_at(struct vcpu *v, struct cpu_regs *regs, u64 rip)
{
	struct hvm_mode m;

	hvm_ops->mode(v, &m);
	regs->rip = m.cs_long ? rip : (u32)rip;
	vmcb(v)->interrupt_shadow = 0;
	if (unlikely(regs->rflags & X86_EFLAGS_TF)) {
		vmcb(v)->dr6 |= DR6_BS;
		hvm_ops->inject(v, HVM_EVENT_EXCEPTION, X86_EXC_DB, false, 0);
	}
}

/* @length: of the instruction without prefixes. */
static void step_over(struct vcpu *v, struct cpu_regs *regs, unsigned int length)
{
	go_on_at(v, regs, svm_nrips ? vmcb(v)->next_rip : regs->rip + nr_prefixes(v, regs) + length);
}

static void finish(struct vcpu *v, struct cpu_regs *regs, unsigned int length, bool done)
{
	if (done)
		step_over(v, regs, length);
	else
		hvm_inject_gp(v);
}

/* ---- reasons ---- */

/*
 * Behind STGI the CPU has taken it already; or a window is open now. QEMU forgets that the instruction behind STI comes before
 * any interrupt. If that is HLT the guest would sleep on what it has just been told; so it is done here.
 */
static void exit_nothing(struct vcpu *v, struct cpu_regs *regs)
{
	const struct vmcb *b = vmcb(v);
	u8 code;

	if (unlikely(b->interrupt_shadow & 1) && !b->cpl && !(b->event_inj & VMCB_EVENT_VALID) &&
	    hvm_fetch(v, regs->rip, &code, 1) && code == HLT) {
		go_on_at(v, regs, regs->rip + 1);
		hvm_halt(v, true);
	}
}

static void exit_debugreg(struct vcpu *v, struct cpu_regs *regs)
{
	unsigned long flags = irq_save();

	hvm_ops->own_debugregs(v, true);
	irq_restore(flags);
}

static void exit_db(struct vcpu *v, struct cpu_regs *regs)
{
	hvm_ops->inject(v, HVM_EVENT_EXCEPTION, X86_EXC_DB, false, 0);
}

static void exit_ac(struct vcpu *v, struct cpu_regs *regs)
{
	hvm_ops->inject(v, HVM_EVENT_EXCEPTION, X86_EXC_AC, true, 0);
}

static void exit_mc(struct vcpu *v, struct cpu_regs *regs)
{
	panic("machine check while d%uv%u ran\n", v->domain->id, v->id);
}

static void exit_iret(struct vcpu *v, struct cpu_regs *regs)
{
	vmcb(v)->intercept[0] &= ~(1u << (SVM_IRET - 0x60));
	v->hvm.nmi_blocked = false;
}

static void software_interrupt(struct vcpu *v, struct cpu_regs *regs, u8 vector, u64 behind)
{
	vmcb(v)->event_inj = VMCB_EVENT_VALID | VMCB_EVENT_SOFTWARE | vector;
	regs->rip = behind;
}

/*
 * INT3, INTO and INT n, on TCG only: is it one in memory, too? That #GP comes with the rip behind it, where there is no gate for
 * it, is this way's price.
 */
static void exit_int(struct vcpu *v, struct cpu_regs *regs)
{
	u64 rip = regs->rip + nr_prefixes(v, regs);
	u8 code[2];
	unsigned int got = hvm_fetch(v, rip, code, sizeof(code));

	if (got && code[0] == INT3)
		software_interrupt(v, regs, X86_EXC_BP, rip + 1);
	else if (got && code[0] == INTO)
		software_interrupt(v, regs, X86_EXC_OF, rip + 1);
	else if (got == sizeof(code) && code[0] == INT_N)
		software_interrupt(v, regs, code[1], rip + 2);
	else
		hvm_rewrite_code(v, rip);
}

static void exit_cpuid(struct vcpu *v, struct cpu_regs *regs)
{
	hvm_cpuid(v, regs);
	step_over(v, regs, 2);
}

static void exit_hlt(struct vcpu *v, struct cpu_regs *regs)
{
	step_over(v, regs, 1);
	hvm_halt(v, regs->rflags & X86_EFLAGS_IF);
}

/* All memory is write-back and coherent: there is nothing to do. */
static void exit_cache(struct vcpu *v, struct cpu_regs *regs)
{
	step_over(v, regs, 2);
}

static void exit_gp(struct vcpu *v, struct cpu_regs *regs)
{
	hvm_inject_gp(v);
}

static void exit_ud(struct vcpu *v, struct cpu_regs *regs)
{
	hvm_inject_ud(v);
}

static void exit_io(struct vcpu *v, struct cpu_regs *regs)
{
	u64 info = vmcb(v)->exit_info1;

	if (info & IOIO_STRING) {
		hvm_inject_gp(v);
		return;
	}
	hvm_io(v, regs, IOIO_PORT(info), info & IOIO_IN, IOIO_BYTES(info));
	go_on_at(v, regs, vmcb(v)->exit_info2);
}

static void exit_msr(struct vcpu *v, struct cpu_regs *regs)
{
	finish(v, regs, 2, hvm_msr(v, regs, vmcb(v)->exit_info1 & 1));
}

static void exit_xsetbv(struct vcpu *v, struct cpu_regs *regs)
{
	finish(v, regs, 3, hvm_xsetbv(v, regs));
}

/* rip first: a call that is to be continued moves it back. */
static void exit_vmmcall(struct vcpu *v, struct cpu_regs *regs)
{
	step_over(v, regs, HVM_CALL_LENGTH);
	hvm_hypercall(v, regs);
}

static void exit_shutdown(struct vcpu *v, struct cpu_regs *regs)
{
	domain_crash(v->domain, "triple fault");
}

static void exit_task_switch(struct vcpu *v, struct cpu_regs *regs)
{
	domain_crash(v->domain, "switches tasks by hardware");
}

static void exit_npf(struct vcpu *v, struct cpu_regs *regs)
{
	hvm_nested_fault(v, vmcb(v)->exit_info2, vmcb(v)->exit_info1 & PFEC_WRITE);
}

static const struct reason {
	const char *name;
	void (*fn)(struct vcpu *v, struct cpu_regs *regs);
} reasons[NR_INDICES] = {
	[SVM_DR_READ ... SVM_DR_READ + 31] = { "debug register", exit_debugreg },
	[SVM_EXCEPTION + X86_EXC_DB]	= { "#DB", exit_db },
	[SVM_EXCEPTION + X86_EXC_AC]	= { "#AC", exit_ac },
	[SVM_EXCEPTION + X86_EXC_MC]	= { "#MC", exit_mc },
	[SVM_INTR]		= { "interrupt", exit_nothing },
	[SVM_NMI]		= { "NMI", exit_nothing },
	[SVM_SMI]		= { "SMI", exit_nothing },
	[SVM_INIT]		= { "INIT", exit_nothing },
	[SVM_VINTR]		= { "interrupt window", exit_nothing },
	[SVM_RDPMC]		= { "RDPMC", exit_gp },
	[SVM_CPUID]		= { "CPUID", exit_cpuid },
	[SVM_IRET]		= { "IRET", exit_iret },
	[SVM_INT]		= { "INT", exit_int },
	[SVM_INVD]		= { "INVD", exit_cache },
	[SVM_HLT]		= { "HLT", exit_hlt },
	[SVM_INVLPGA]		= { "INVLPGA", exit_ud },
	[SVM_IOIO]		= { "I/O port", exit_io },
	[SVM_MSR]		= { "MSR", exit_msr },
	[SVM_TASK_SWITCH]	= { "task switch", exit_task_switch },
	[SVM_SHUTDOWN]		= { "triple fault", exit_shutdown },
	[SVM_VMRUN]		= { "VMRUN", exit_ud },
	[SVM_VMMCALL]		= { "hypercall", exit_vmmcall },
	[SVM_VMLOAD ... SVM_SKINIT] = { "SVM instruction", exit_ud },
	[SVM_WBINVD]		= { "WBINVD", exit_cache },
	[SVM_MONITOR ... SVM_MWAIT] = { "MONITOR", exit_ud },
	[SVM_XSETBV]		= { "XSETBV", exit_xsetbv },
	[NPF_INDEX]		= { "nested page fault", exit_npf },
};

const char *svm_exit_name(unsigned int index)
{
	return index < NR_INDICES && reasons[index].name ? reasons[index].name : "?";
}

/*
 * An event whose delivery was cut short is delivered again; but those that an instruction raises (INT n,
 * and #BP and #OF) come by themselves, since rip still is at it.
 */
static void keep_event(struct vmcb *b)
{
	u64 e = b->exit_int_info, type = e & VMCB_EVENT_TYPE;
	bool soft = type == VMCB_EVENT_SOFTWARE || (type == VMCB_EVENT_EXCEPTION && ((u8)e == X86_EXC_BP || (u8)e == X86_EXC_OF));

	b->event_inj = e & VMCB_EVENT_VALID && !soft ? e : 0;
}

void svm_exit(struct vcpu *v, struct cpu_regs *regs)
{
	struct vmcb *b = vmcb(v);
	u64 code = b->exit_code, index = code == SVM_NPF ? NPF_INDEX : code;

	keep_event(b);
	if (index >= NR_INDICES || !reasons[index].fn) {
		domain_crash(v->domain, "the processor does not run it: exit code %#lx", code);
		return;
	}
	v->domain->hvm.exits[index]++;
	reasons[index].fn(v, regs);
}

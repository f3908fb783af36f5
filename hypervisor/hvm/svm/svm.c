// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V: the control block of a vcpu, and this vendor's half of struct hvm_ops. APM volume 2, chapter 15.
 *
 * What a guest may do by itself: all of its page tables, control registers, TSC, CR8, debug registers once
 * it has used one, and the MSRs of system calls and segment bases, which VMLOAD and VMSAVE exchange.
 * Everything else exits (exits.c).
 */
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include "svm.h"

#define MSR_VM_CR		0xc0010114
#define VM_CR_SVMDIS		BIT(4)
#define MSR_VM_HSAVE_PA		0xc0010117
#define SVM_NP			BIT(0)		/* CPUID 0x8000000a, edx */
#define SVM_NRIPS		BIT(3)
#define TLB_FLUSH_ALL		1
#define DR7_ACTIVE		0xffUL
#define WB_ONLY			0x0606060606060606UL

#define EXIT_BIT(code)		(1u << ((code) - 0x60) % 32)
static const u32 intercepts[2] = {
	EXIT_BIT(SVM_INTR) | EXIT_BIT(SVM_NMI) | EXIT_BIT(SVM_SMI) | EXIT_BIT(SVM_INIT) | EXIT_BIT(SVM_RDPMC) |
	EXIT_BIT(SVM_CPUID) | EXIT_BIT(SVM_INVD) | EXIT_BIT(SVM_HLT) | EXIT_BIT(SVM_INVLPGA) | EXIT_BIT(SVM_IOIO) |
	EXIT_BIT(SVM_MSR) | EXIT_BIT(SVM_TASK_SWITCH) | EXIT_BIT(SVM_SHUTDOWN),
	EXIT_BIT(SVM_VMRUN) | EXIT_BIT(SVM_VMMCALL) | EXIT_BIT(SVM_VMLOAD) | EXIT_BIT(SVM_VMSAVE) | EXIT_BIT(SVM_STGI) |
	EXIT_BIT(SVM_CLGI) | EXIT_BIT(SVM_SKINIT) | EXIT_BIT(SVM_WBINVD) | EXIT_BIT(SVM_MONITOR) | EXIT_BIT(SVM_MWAIT) |
	EXIT_BIT(SVM_XSETBV),
};

void svm_enter(paddr_t vmcb, paddr_t host, struct cpu_regs *regs);

bool svm_nrips __ro_after_init;
static u32 nr_asids __ro_after_init;
static void *io_map __ro_after_init, *msr_map __ro_after_init;

/* The CPU's own registers while it has a guest's, and the number for its next guest. */
static DEFINE_PER_CPU(struct vmcb *, host_vmcb);
static DEFINE_PER_CPU(u32, last_asid);

/* ---- a CPU ---- */

static bool __init usable(void)
{
	struct cpuid_leaf l;
	u64 vm_cr;

	if (x86.max_ext_leaf < 0x8000000a || !(cpuid(0x80000001, 0).c & BIT(2)) ||
	    rdmsr_safe(MSR_VM_CR, &vm_cr) || vm_cr & VM_CR_SVMDIS)
		return false;
	l = cpuid(0x8000000a, 0);
	svm_nrips = l.d & SVM_NRIPS;
	nr_asids = l.b;
	return l.d & SVM_NP && l.b > 2;
}

/* Two bits an MSR, in three ranges of 0x2000. */
static void __init allow_msr(u32 msr)
{
	unsigned int range = msr >> 16 == 0xc000 ? 1 : msr >> 16 == 0xc001 ? 2 : 0;
	unsigned int bit = range * 0x4000 + (msr & 0x1fff) * 2;

	clear_bit(bit, msr_map);
	clear_bit(bit + 1, msr_map);
}

static int __init make_maps(void)
{
	static const u32 free_msrs[] __initconst = {
		MSR_SYSENTER_CS, MSR_SYSENTER_CS + 1, MSR_SYSENTER_CS + 2, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_FMASK,
		MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	};

	io_map = alloc_hyp_pages(2);
	msr_map = alloc_hyp_pages(1);
	if (!io_map || !msr_map)
		return -ENOMEM;
	memset(io_map, 0xff, 3 * PAGE_SIZE);
	memset(msr_map, 0xff, 2 * PAGE_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(free_msrs); i++)
		allow_msr(free_msrs[i]);
	return 0;
}

static int svm_cpu_init(void)
{
	void *save = alloc_hyp_pages(0);
	struct vmcb *host = alloc_hyp_pages(0);
	u64 vm_cr;

	if (!io_map && (!usable() || make_maps()))
		return -ENODEV;
	if (!save || !host || !(cpuid(0x80000001, 0).c & BIT(2)) || rdmsr_safe(MSR_VM_CR, &vm_cr) || vm_cr & VM_CR_SVMDIS)
		return -ENODEV;
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, virt_to_maddr(save));
	this_cpu(host_vmcb) = host;
	this_cpu(last_asid) = nr_asids;		/* so the first one flushes */
	return 0;
}

/* ---- a vcpu ---- */

static int svm_vcpu_init(struct vcpu *v)
{
	struct vmcb *b = alloc_hyp_pages(0);

	v->hvm.control = b;
	if (!b)
		return -ENOMEM;
	b->intercept[0] = intercepts[0] | (x86.tcg ? EXIT_BIT(SVM_INT) : 0);
	b->intercept[1] = intercepts[1];
	b->intercept_dr = ~0u;
	/* XSA-156: or the processor could be kept busy delivering these for ever. */
	b->intercept_exceptions = BIT(X86_EXC_DB) | BIT(X86_EXC_AC) | BIT(X86_EXC_MC);
	b->iopm = virt_to_maddr(io_map);
	b->msrpm = virt_to_maddr(msr_map);
	b->int_ctl = VMCB_V_INTR_MASKING;
	b->np_enable = 1;
	b->ncr3 = virt_to_maddr(v->domain->hvm.root);
	b->g_pat = WB_ONLY;			/* one frame, one cacheability (XSA-402) */
	return 0;
}

static void svm_vcpu_destroy(struct vcpu *v)
{
	if (v->hvm.control)
		free_hyp_pages(v->hvm.control, 0);
	v->hvm.control = NULL;
}

static void set_segments(struct vmcb *b, const struct hvm_hw_cpu *c)
{
#define SEG(s)	b->s = (struct vmcb_segment){ c->s##_sel, c->s##_arbytes, c->s##_limit, c->s##_base }
	SEG(cs); SEG(ds); SEG(es); SEG(fs); SEG(gs); SEG(ss); SEG(tr); SEG(ldtr);
#undef SEG
	b->gdtr = (struct vmcb_segment){ .limit = c->gdtr_limit, .base = c->gdtr_base };
	b->idtr = (struct vmcb_segment){ .limit = c->idtr_limit, .base = c->idtr_base };
	b->cpl = c->ss_arbytes >> 5 & 3;
}

static void svm_set_cpu(struct vcpu *v, const struct hvm_hw_cpu *c)
{
	struct vmcb *b = v->hvm.control;

	set_segments(b, c);
	b->cr0 = c->cr0;
	b->cr2 = c->cr2;
	b->cr3 = c->cr3;
	b->cr4 = c->cr4;
	b->dr6 = c->dr6;
	b->dr7 = c->dr7;
	b->efer = c->msr_efer | EFER_SVME;
	b->star = c->msr_star;
	b->lstar = c->msr_lstar;
	b->cstar = c->msr_cstar;
	b->sfmask = c->msr_syscall_mask;
	b->kernel_gs_base = c->shadow_gs;
	b->sysenter_cs = c->sysenter_cs;
	b->sysenter_esp = c->sysenter_esp;
	b->sysenter_eip = c->sysenter_eip;
	b->event_inj = b->interrupt_shadow = 0;
	b->int_ctl &= ~VMCB_TPR_MASK;
}

/* The CPU's LDT and segment bases may be those of the PV vcpu before: they are kept for the next one. */
static void svm_switch_to(struct vcpu *v)
{
	asm volatile("mov %0, %%ds; mov %0, %%es" :: "r" (0));
	asm volatile("vmsave %0" :: "a" (virt_to_maddr(this_cpu(host_vmcb))) : "memory");
}

#define exchange_dr(n, v, load) do {						\
	if (load)								\
		asm volatile("mov %0, %%dr" #n :: "r" ((v)->hvm.dr[n]));	\
	else									\
		asm volatile("mov %%dr" #n ", %0" : "=r" ((v)->hvm.dr[n]));	\
} while (0)

static void svm_own_debugregs(struct vcpu *v, bool own)
{
	struct vmcb *b = v->hvm.control;

	exchange_dr(0, v, own);
	exchange_dr(1, v, own);
	exchange_dr(2, v, own);
	exchange_dr(3, v, own);
	v->hvm.dr_loaded = own;
	b->intercept_dr = own ? 0 : ~0u;
}

static void svm_mode(const struct vcpu *v, struct hvm_mode *m)
{
	const struct vmcb *b = v->hvm.control;

	*m = (struct hvm_mode){
		.cr0 = b->cr0, .cr3 = b->cr3, .cr4 = b->cr4, .efer = b->efer & ~EFER_SVME, .cs_base = b->cs.base,
		.cpl = b->cpl, .cs_long = b->efer & EFER_LMA && b->cs.attr & BIT(9),
	};
}

static void svm_set_efer(struct vcpu *v, u64 efer)
{
	((struct vmcb *)v->hvm.control)->efer = efer | EFER_SVME;
}

static u8 svm_tpr(const struct vcpu *v)
{
	return (((const struct vmcb *)v->hvm.control)->int_ctl & VMCB_TPR_MASK) << 4;
}

static void svm_set_tpr(struct vcpu *v, u8 tpr)
{
	struct vmcb *b = v->hvm.control;

	b->int_ctl = (b->int_ctl & ~VMCB_TPR_MASK) | tpr >> 4;
}

/* ---- events ---- */

/* If not: a virtual interrupt that is never delivered, which exits when it could be. */
static bool svm_ready(struct vcpu *v)
{
	struct vmcb *b = v->hvm.control;

	if (!(b->event_inj & VMCB_EVENT_VALID))
		return true;
	b->int_ctl |= VMCB_V_IRQ | VMCB_V_IGN_TPR;
	b->intercept[0] |= EXIT_BIT(SVM_VINTR);
	return false;
}

static void svm_inject(struct vcpu *v, enum hvm_event kind, u8 vector, bool has_error, u32 error)
{
	static const u64 type[] = { VMCB_EVENT_NMI, VMCB_EVENT_EXCEPTION };
	struct vmcb *b = v->hvm.control;

	b->event_inj = (u64)error << 32 | VMCB_EVENT_VALID | (has_error ? VMCB_EVENT_ERROR : 0) | type[kind] | vector;
	if (kind == HVM_EVENT_NMI)
		b->intercept[0] |= EXIT_BIT(SVM_IRET);
}

/*
 * As a virtual interrupt, not as an event: a guest that cannot take it now needs no exit for it. And QEMU 7.2 delivers
 * interrupts that are injected as events twice when another of its threads wants something of the processor meanwhile.
 */
static bool svm_offer(struct vcpu *v, u8 vector, bool tpr)
{
	struct vmcb *b = v->hvm.control;

	if (b->int_ctl & VMCB_V_IRQ)	/* svm_ready() waits */
		return false;
	b->int_ctl |= VMCB_V_IRQ | (tpr ? VMCB_V_PRIO(vector >> 4) : VMCB_V_IGN_TPR);
	b->int_vector = vector;
	return true;
}

/* ---- running ---- */

static void new_asid(struct vcpu *v, struct vmcb *b)
{
	if (this_cpu(last_asid) + 1 >= nr_asids) {
		this_cpu(last_asid) = 0;
		b->tlb_control = TLB_FLUSH_ALL;
	}
	b->asid = ++this_cpu(last_asid);
}

static bool svm_run(struct vcpu *v, struct cpu_regs *regs, bool flush)
{
	struct vmcb *b = v->hvm.control;
	bool taken;

	b->tlb_control = 0;
	if (flush)
		new_asid(v, b);
	b->rax = regs->rax;
	b->rip = regs->rip;
	b->rsp = regs->rsp;
	b->rflags = regs->rflags;
	svm_enter(virt_to_maddr(b), virt_to_maddr(this_cpu(host_vmcb)), regs);
	regs->rax = b->rax;
	regs->rip = b->rip;
	regs->rsp = b->rsp;
	regs->rflags = b->rflags;
	regs->cs = b->cs.sel;
	regs->ss = b->ss.sel;
	if (unlikely(b->dr7 & DR7_ACTIVE))	/* not every processor takes its own back */
		asm volatile("mov %0, %%dr7" :: "r" (0x400UL));
	taken = !(b->int_ctl & VMCB_V_IRQ);
	b->int_ctl &= ~(VMCB_V_IRQ | VMCB_V_IGN_TPR | VMCB_V_PRIO(15));
	b->intercept[0] &= ~EXIT_BIT(SVM_VINTR);
	return taken;
}

static void svm_dump(const struct vcpu *v)
{
	const struct vmcb *b = v->hvm.control;

	printk_err("cr0: %016lx   cr2: %016lx   cr3: %016lx   cr4: %016lx\n", b->cr0, b->cr2, b->cr3, b->cr4);
	printk_err("fsb: %016lx   gsb: %016lx   gss: %016lx   efer: %lx\n", b->fs.base, b->gs.base, b->kernel_gs_base,
		   b->efer);
	printk_err("gdt: %016lx   idt: %016lx   tss: %016lx   cpl: %u\n", b->gdtr.base, b->idtr.base, b->tr.base, b->cpl);
	printk_err("exit: %#lx, %lx, %016lx   event: %#lx, then %#lx   interrupt: %#x, vector %#x\n", b->exit_code, b->exit_info1,
		   b->exit_info2, b->exit_int_info, b->event_inj, b->int_ctl, b->int_vector);
	hvm_dump_walk(v, b->rip);
	hvm_dump_walk(v, b->cr2);
}

const struct hvm_ops svm_ops = {
	.name		= "AMD-V with nested paging",
	.cpu_init	= svm_cpu_init,
	.vcpu_init	= svm_vcpu_init,
	.vcpu_destroy	= svm_vcpu_destroy,
	.set_cpu	= svm_set_cpu,
	.switch_to	= svm_switch_to,
	.own_debugregs	= svm_own_debugregs,
	.mode		= svm_mode,
	.set_efer	= svm_set_efer,
	.tpr		= svm_tpr,
	.set_tpr	= svm_set_tpr,
	.ready		= svm_ready,
	.inject		= svm_inject,
	.offer		= svm_offer,
	.run		= svm_run,
	.exit		= svm_exit,
	.exit_name	= svm_exit_name,
	.dump		= svm_dump,
};

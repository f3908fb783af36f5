// SPDX-License-Identifier: GPL-2.0-only
/* Registers, guest stacks and page-table walks as text, for crashes and debug keys. */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include <xenolith/entry.h>
#include <xenolith/hvm.h>
#include <xenolith/hypercall.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

#define STACK_WORDS	40
#define WORDS_PER_LINE	4

/* What the CPU holds belongs to @v only while it runs here. */
static void dump_control(const struct cpu_regs *r, const struct vcpu *v)
{
	bool live = !v || v == current;
	unsigned long cr3 = live ? read_cr3() : v->pv.kernel_mode ? v->pv.kernel_cr3 : v->pv.user_cr3;

	printk_err("r15: %016lx   cr3: %016lx   cr2: %016lx\n", r->r15, cr3, v ? v->pv.last_cr2 : read_cr2());
	printk_err("fsb: %016lx   gsb: %016lx   gss: %016lx\n",
		   live ? rdmsr(MSR_FS_BASE) : v->pv.fs_base,
		   live ? rdmsr(MSR_GS_BASE) : v->pv.gs_base_kernel,
		   live ? rdmsr(MSR_KERNEL_GS_BASE) : v->pv.gs_base_user);
}

static void dump(const struct cpu_regs *r, const struct vcpu *v)
{
	printk_err("----[ Xenolith  x86_64  debug=%c ]----\n", IS_DEBUG ? 'y' : 'n');
	printk_err("CPU:    %u   vector %#x, error code %04x\n", smp_cpu(), r->vector, r->error_code);
	if (v)
		printk_err("RIP:    %04x:[<%016lx>]\nRFLAGS: %016lx   CONTEXT: %s guest (d%uv%u) %s\n", r->cs, r->rip,
			   r->rflags, v->is_hvm ? "hvm" : "pv", v->domain->id, v->id, v->pv.kernel_mode ? "kernel" : "user");
	else
		printk_err("RIP:    %04x:[<%016lx>] %ps\nRFLAGS: %016lx   CONTEXT: hypervisor\n", r->cs, r->rip,
			   (void *)r->rip, r->rflags);
	printk_err("rax: %016lx   rbx: %016lx   rcx: %016lx\n", r->rax, r->rbx, r->rcx);
	printk_err("rdx: %016lx   rsi: %016lx   rdi: %016lx\n", r->rdx, r->rsi, r->rdi);
	printk_err("rbp: %016lx   rsp: %016lx   r8:  %016lx\n", r->rbp, r->rsp, r->r8);
	printk_err("r9:  %016lx   r10: %016lx   r11: %016lx\n", r->r9, r->r10, r->r11);
	printk_err("r12: %016lx   r13: %016lx   r14: %016lx\n", r->r12, r->r13, r->r14);
	if (v && v->is_hvm) {
		printk_err("r15: %016lx\n", r->r15);
		hvm_dump_vcpu(v);
	} else {
		dump_control(r, v);
	}
	printk_err("cs: %04x   ss: %04x\n", r->cs, r->ss);
}

/* A hardware-assisted guest's kernel is in ring 0 as we are. */
static bool is_guest(const struct cpu_regs *regs)
{
	return regs_guest(regs) || (current->is_hvm && regs == guest_regs());
}

void debug_dump_regs(const struct cpu_regs *regs)
{
	struct vcpu *v = is_guest(regs) ? current : NULL;

	dump(regs, v);
	if (v && (regs->vector & 0xff) == X86_EXC_PF)
		debug_dump_walk(read_cr3(), v->pv.last_cr2);
}

void debug_dump_guest_stack(const struct cpu_regs *regs)
{
	unsigned long sp = regs->rsp & ~7UL, words[WORDS_PER_LINE];

	if (!is_guest(regs) || current->is_idle)
		return;
	printk_err("Guest stack trace from rsp=%016lx:\n", regs->rsp);
	for (unsigned int i = 0; i < STACK_WORDS; i += WORDS_PER_LINE, sp += sizeof(words)) {
		if (copy_from_guest(words, guest_ptr(sp), sizeof(words))) {
			printk_err("   stack not accessible at %016lx\n", sp);
			return;
		}
		printk_err("   %016lx %016lx %016lx %016lx\n", words[0], words[1], words[2], words[3]);
	}
}

void debug_dump_walk(paddr_t cr3, unsigned long va)
{
	mfn_t m = pte_mfn(cr3);

	printk_err("Page-table walk for %016lx:\n", va);
	for (unsigned int level = 4; level; level--) {
		unsigned int i = pt_index(va, level);
		pte_t e;

		if (!mfn_valid(m)) {
			printk_err("   L%u table %#lx is not memory\n", level, mfn_x(m));
			return;
		}
		e = ((const pte_t *)mfn_to_virt(m))[i];
		printk_err("   L%u[%03x] = %016lx\n", level, i, e);
		if (!(e & PTE_P) || (level > 1 && level < 4 && (e & PTE_PSE)))
			return;
		m = pte_mfn(e);
	}
}

static void dump_if_here(void *arg)
{
	if (current == arg)
		dump(guest_regs(), arg);
}

void debug_dump_vcpu(struct vcpu *v)
{
	cpumask_t mask = cpumask_of(v->sched.cpu);

	if (!v->sched.running)
		dump(&v->regs, v);
	else if (v == current)
		dump(guest_regs(), v);
	else
		smp_call(&mask, dump_if_here, v);
}

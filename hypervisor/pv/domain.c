// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PV vcpu: made, given a context, loaded into a CPU and taken out again.
 *
 * In the CPU while a vcpu is loaded, and nowhere else: segment selectors, FS and both GS bases.
 * (GS_BASE is the active mode's base and KERNEL_GS_BASE the other mode's.) Debug registers are
 * loaded only while a breakpoint is enabled; pv.dr[] always has their values.
 */
#include "emulate.h"
#include "guest-cpu.h"
#include "mmu.h"

/* ---- life ---- */

int pv_vcpu_init(struct vcpu *v)
{
	struct pv_vcpu *pv = &v->pv;

	pv->trap = new_array(struct trap_info, NR_TRAPS);
	if (!pv->trap)
		return -ENOMEM;
	pv->kernel_mode = 1;
	pv->cr0 = read_cr0() & ~X86_CR0_TS;
	pv->cr4 = pv_guest_cr4_view(0);
	pv->dr[6] = DR6_ONES;
	pv->dr[7] = DR7_ONES;
	return 0;
}

static int drop_l4(struct page_info **pg, u64 *cr3)
{
	struct page_info *old = *pg;

	*pg = NULL;
	*cr3 = 0;
	return old ? put_page_and_type_preemptible(old) : 0;
}

int pv_vcpu_relinquish(struct vcpu *v)
{
	int rc;

	context_sync(v);
	rc = drop_l4(&v->pv.user_l4, &v->pv.user_cr3);
	if (!rc)
		rc = drop_l4(&v->pv.kernel_l4, &v->pv.kernel_cr3);
	if (rc)
		return rc;
	pv_set_gdt(v, NULL, 0);
	pv_set_ldt(v, 0, 0);
	return 0;
}

void pv_vcpu_destroy(struct vcpu *v)
{
	if (v->is_idle)
		return;
	while (pv_vcpu_relinquish(v))
		;
	lib_free(v->pv.trap);
	v->pv.trap = NULL;
}

/* ---- context ---- */

/* From r15 to ss the registers lie as in the ABI. */
#define FIRST_REG		offsetof(struct cpu_regs, r15)
#define REGS_BYTES		(sizeof(struct cpu_regs) - FIRST_REG)
_Static_assert(offsetof(struct cpu_regs, ss) - FIRST_REG == offsetof(struct cpu_user_regs, ss) &&
	       offsetof(struct cpu_regs, rip) - FIRST_REG == offsetof(struct cpu_user_regs, rip),
	       "registers lie as in the ABI");

static int check_context(const struct vcpu_guest_context *c)
{
	if (!pv_entry_ok(c->user_regs.rip) || !canonical(c->user_regs.rsp) || !canonical(c->kernel_sp) ||
	    !canonical(c->fs_base) || !canonical(c->gs_base_kernel) || !canonical(c->gs_base_user) ||
	    !pv_entry_ok(c->event_callback_eip) || !pv_entry_ok(c->failsafe_callback_eip) ||
	    !pv_entry_ok(c->syscall_callback_eip) || !pv_ldt_ok(c->ldt_base, c->ldt_ents))
		return -EINVAL;
	if (!(c->flags & VGCF_in_kernel) && !xen_cr3_to_pfn(c->ctrlreg[1]))
		return -EINVAL;
	for (unsigned int i = 0; i < NR_TRAPS; i++)
		if (!pv_entry_ok(c->trap_ctxt[i].address))
			return -EINVAL;
	return c->gdt_ents > FIRST_RESERVED_GDT_ENTRY ? -EINVAL : 0;
}

static bool same_tables(const struct pv_vcpu *pv, const struct vcpu_guest_context *c)
{
	bool same = xen_cr3_to_pfn(c->ctrlreg[3]) == xen_cr3_to_pfn(pv->kernel_cr3) &&
		    xen_cr3_to_pfn(c->ctrlreg[1]) == xen_cr3_to_pfn(pv->user_cr3) &&
		    c->gdt_ents == pv->gdt_ents && c->ldt_base == pv->ldt_base && c->ldt_ents == pv->ldt_ents;

	for (unsigned int i = 0; same && i < DIV_ROUND_UP(pv->gdt_ents, 512u); i++)
		same = c->gdt_frames[i] == mfn_x(pte_mfn(pv->window[i]));
	return same;
}

static int set_tables(struct vcpu *v, const struct vcpu_guest_context *c)
{
	int rc;

	/* Half a change would leave a vcpu that cannot go on; as in Xen, nobody needs to change them. */
	if (v->initialised)
		return same_tables(&v->pv, c) ? 0 : -EOPNOTSUPP;
	/* Called again after -ERESTART: what is there already is not looked at twice. */
	rc = pv_set_l4(v, false, mfn(xen_cr3_to_pfn(c->ctrlreg[3])));
	if (!rc)
		rc = pv_set_l4(v, true, mfn(xen_cr3_to_pfn(c->ctrlreg[1])));
	if (!rc)
		rc = pv_set_gdt(v, c->gdt_frames, c->gdt_ents);
	if (!rc)
		rc = pv_set_ldt(v, c->ldt_base, c->ldt_ents);
	return rc;
}

static void set_regs(struct vcpu *v, const struct vcpu_guest_context *c)
{
	const struct cpu_user_regs *from = &c->user_regs;
	struct pv_vcpu *pv = &v->pv;
	struct cpu_regs *regs = &v->regs;

	memcpy(&regs->r15, from, REGS_BYTES);
	regs->error_code = regs->vector = 0;
	regs->cs = from->cs | 3;
	regs->ss = from->ss | 3;
	memset(regs->_pad_cs, 0, sizeof(regs->_pad_cs));
	memset(regs->_pad_ss, 0, sizeof(regs->_pad_ss));
	regs->rflags = (from->rflags & RFLAGS_GUEST) | X86_EFLAGS_IF | X86_EFLAGS_MBS;
	pv_set_iopl(v, from->rflags & X86_EFLAGS_IOPL);
	pv->ds = from->ds;
	pv->es = from->es;
	pv->fs = from->fs;
	pv->gs = from->gs;
	pv->fs_base = c->fs_base;
	pv->gs_base_kernel = c->gs_base_kernel;
	pv->gs_base_user = c->gs_base_user;
	pv->kernel_mode = !!(c->flags & VGCF_in_kernel);
	pv_set_kernel_sp(v, c->kernel_sp);
}

static void set_control(struct vcpu *v, const struct vcpu_guest_context *c)
{
	v->pv.cr0 = (read_cr0() & ~X86_CR0_TS) | (c->ctrlreg[0] & X86_CR0_TS);
	v->pv.cr4 = pv_guest_cr4_view(c->ctrlreg[4]);
	for (unsigned int i = 0; i < ARRAY_SIZE(c->debugreg); i++)
		if (i != 4 && i != 5)
			pv_set_debugreg(v, i, c->debugreg[i]);	/* as in Xen, bad ones are dropped */
}

static void set_entries(struct vcpu *v, const struct vcpu_guest_context *c)
{
	memcpy(v->pv.trap, c->trap_ctxt, sizeof(c->trap_ctxt));
	pv_set_callback(v, CALLBACKTYPE_event, c->event_callback_eip, false);
	pv_set_callback(v, CALLBACKTYPE_failsafe, c->failsafe_callback_eip, c->flags & VGCF_failsafe_disables_events);
	pv_set_callback(v, CALLBACKTYPE_syscall, c->syscall_callback_eip, c->flags & VGCF_syscall_disables_events);
}

int pv_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
	int rc = check_context(c);

	if (!rc)
		rc = set_tables(v, c);
	if (rc)
		return rc;
	if (v->id == 0)
		v->domain->pv.vm_assist = c->vm_assist & VM_ASSIST_VALID;
	set_regs(v, c);
	set_control(v, c);
	set_entries(v, c);
	if (c->flags & VGCF_i387_valid)
		fpu_set_legacy(v, &c->fpu_ctxt);
	if (c->flags & VGCF_online)
		clear_bit(VF_DOWN, &v->sched.flags);
	else
		set_bit(VF_DOWN, &v->sched.flags);
	return 0;
}

static void get_regs(const struct vcpu *v, struct vcpu_guest_context *c)
{
	const struct pv_vcpu *pv = &v->pv;

	memcpy(&c->user_regs, &v->regs.r15, REGS_BYTES);
	c->user_regs.error_code = c->user_regs.entry_vector = 0;
	c->user_regs.saved_upcall_mask = v->info->evtchn_upcall_mask;
	c->user_regs.rflags |= pv->guest_iopl;
	c->user_regs.ds = pv->ds;
	c->user_regs.es = pv->es;
	c->user_regs.fs = pv->fs;
	c->user_regs.gs = pv->gs;
	c->fs_base = pv->fs_base;
	c->gs_base_kernel = pv->gs_base_kernel;
	c->gs_base_user = pv->gs_base_user;
	c->kernel_ss = FLAT_KERNEL_SS;
	c->kernel_sp = pv->kernel_sp;
	fpu_get_legacy(v, &c->fpu_ctxt);
	c->flags = VGCF_i387_valid | (pv->kernel_mode ? VGCF_in_kernel : 0) |
		   (pv->callback[CALLBACKTYPE_failsafe].masks_events ? VGCF_failsafe_disables_events : 0) |
		   (pv->callback[CALLBACKTYPE_syscall].masks_events ? VGCF_syscall_disables_events : 0) |
		   (test_bit(VF_DOWN, &v->sched.flags) ? 0 : VGCF_online);
}

void pv_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
	const struct pv_vcpu *pv = &v->pv;

	context_sync(v);
	memset(c, 0, sizeof(*c));
	get_regs(v, c);
	memcpy(c->trap_ctxt, pv->trap, sizeof(c->trap_ctxt));
	c->event_callback_eip = pv->callback[CALLBACKTYPE_event].entry;
	c->failsafe_callback_eip = pv->callback[CALLBACKTYPE_failsafe].entry;
	c->syscall_callback_eip = pv->callback[CALLBACKTYPE_syscall].entry;
	c->ldt_base = pv->ldt_base;
	c->ldt_ents = pv->ldt_ents;
	c->gdt_ents = pv->gdt_ents;
	for (unsigned int i = 0; i < GDT_PAGES - 2; i++)
		c->gdt_frames[i] = mfn_x(pte_mfn(pv->window[i]));
	c->ctrlreg[0] = pv->cr0;
	c->ctrlreg[1] = pv->user_cr3;
	c->ctrlreg[3] = pv->kernel_cr3;
	c->ctrlreg[4] = pv->cr4;
	memcpy(c->debugreg, pv->dr, sizeof(c->debugreg));
	c->debugreg[7] |= pv->dr[DR7_IO];
	c->debugreg[DR7_IO] = 0;
	c->vm_assist = v->domain->pv.vm_assist;
}

/* ---- the switch ---- */

#define write_dr(n, val)	asm volatile("mov %0, %%dr" #n :: "r" (val) : "memory")

void pv_load_debugregs(const struct vcpu *v)
{
	const u64 *dr = v->pv.dr;

	write_dr(7, DR7_ONES);			/* nothing hits while addresses change */
	write_dr(0, dr[0]);
	write_dr(1, dr[1]);
	write_dr(2, dr[2]);
	write_dr(3, dr[3]);
	write_dr(6, dr[6]);
	write_dr(7, dr[7]);
}

static void save_bases(struct pv_vcpu *pv)
{
	u64 active, other;

	if (read_cr4() & X86_CR4_FSGSBASE) {
		asm volatile("rdfsbase %0" : "=r" (pv->fs_base));
		asm volatile("rdgsbase %0; swapgs; rdgsbase %1; swapgs" : "=&r" (active), "=r" (other));
	} else {
		pv->fs_base = rdmsr(MSR_FS_BASE);
		active = rdmsr(MSR_GS_BASE);
		other = rdmsr(MSR_KERNEL_GS_BASE);
	}
	pv->gs_base_kernel = pv->kernel_mode ? active : other;
	pv->gs_base_user = pv->kernel_mode ? other : active;
}

static void load_bases(const struct pv_vcpu *pv)
{
	u64 active = pv->kernel_mode ? pv->gs_base_kernel : pv->gs_base_user;
	u64 other = pv->kernel_mode ? pv->gs_base_user : pv->gs_base_kernel;

	if (read_cr4() & X86_CR4_FSGSBASE) {
		asm volatile("wrfsbase %0" :: "r" (pv->fs_base));
		asm volatile("swapgs; wrgsbase %0; swapgs; wrgsbase %1" :: "r" (other), "r" (active));
	} else {
		wrmsr(MSR_FS_BASE, pv->fs_base);
		wrmsr(MSR_GS_BASE, active);
		wrmsr(MSR_KERNEL_GS_BASE, other);
	}
}

void pv_ctxt_switch_from(struct vcpu *v)
{
	struct pv_vcpu *pv = &v->pv;

	pv->ds = read_segment(ds);
	pv->es = read_segment(es);
	pv->fs = read_segment(fs);
	pv->gs = read_segment(gs);
	save_bases(pv);
	if (unlikely(pv->dr[7] & DR7_ACTIVE))
		write_dr(7, DR7_ONES);
}

/* A null selector replaces one that cannot be loaded. */
#define load_or_null(reg, sel) ({						\
	bool fine_ = true;							\
	if (unlikely((sel) | read_segment(reg)) && !load_segment(reg, sel)) {	\
		load_segment(reg, 0);						\
		fine_ = false;							\
	}									\
	fine_;									\
})

/* Bases come last: each load of a selector changes the base too. */
static bool load_segments(const struct pv_vcpu *pv)
{
	bool ok = load_or_null(ds, pv->ds);

	ok &= load_or_null(es, pv->es);
	ok &= load_or_null(fs, pv->fs);
	ok &= load_or_null(gs, pv->gs);
	load_bases(pv);
	return ok;
}

void pv_ctxt_switch_to(struct vcpu *v, struct vcpu *prev)
{
	struct pv_vcpu *pv = &v->pv;
	unsigned long cr4 = pv_guest_cr4_hw(v);

	pv_load_descriptors(v);
	if (cr4 != read_cr4())
		write_cr4(cr4);
	if (entry_isolated()) {
		entry_root_load(true, pv->kernel_cr3);
		if (pv->user_cr3)
			entry_root_load(false, pv->user_cr3);
	}
	tlb_load_cr3(pv->kernel_mode ? pv->kernel_cr3 : pv->user_cr3);
	pv_load_ldtr(v);
	if (x86.rdtscp && (!prev || prev->pv.ctrl_tsc_aux != pv->ctrl_tsc_aux))
		wrmsr(MSR_TSC_AUX, pv->ctrl_tsc_aux);
	if (unlikely(pv->dr[7] & DR7_ACTIVE))
		pv_load_debugregs(v);
	if (unlikely(!load_segments(pv)))
		pv_inject_failsafe();
}

/* The way to the other mode that is not time-critical; entry/ has its own. */
bool pv_toggle_mode(struct vcpu *v)
{
	struct pv_vcpu *pv = &v->pv;
	u64 cr3 = pv->kernel_mode ? pv->user_cr3 : pv->kernel_cr3;

	if (!cr3) {
		domain_crash(v->domain, "vcpu %u goes to user mode without page tables", v->id);
		return false;
	}
	swapgs();
	pv->kernel_mode ^= 1;
	write_cr3(cr3);
	cpu_info()->count[COUNT_CR3]++;
	return true;
}

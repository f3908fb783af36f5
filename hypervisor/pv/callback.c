// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest kernel tells about itself: its trap table, callbacks and stack, and the registers
 * that it cannot write in ring 3: debug registers, segment bases, CR0.TS.
 *
 * Entry points are addresses that the hypervisor only ever returns to in ring 3, so their check is
 * about ours, not about the guest's: a canonical address outside the hypervisor's range keeps IRET
 * and SYSRET from faulting in ring 0.
 */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include <xen/callback.h>
#include "guest-cpu.h"

long do_set_trap_table(unsigned long traps, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct trap_info *table = current->pv.trap, t;

	if (!traps) {
		memset(table, 0, NR_TRAPS * sizeof(*table));
		return 0;
	}
	for (;; traps += sizeof(t)) {
		if (copy_in(&t, traps))
			return -EFAULT;
		if (!t.address)
			return 0;
		if (!pv_entry_ok(t.address))
			return -EINVAL;
		table[t.vector] = t;
		if (hypercall_preempt())
			return hypercall_continue(__HYPERVISOR_set_trap_table, traps + sizeof(t), 0, 0, 0, 0);
	}
}

/* Any value does, since frames that cannot be written there are C's business, which looks again. */
void pv_set_kernel_sp(struct vcpu *v, u64 sp)
{
	u64 top = sp & ~15UL;

	v->pv.kernel_sp = sp;
	v->pv.frame_sp = top - HYP_VIRT_START < HYP_VIRT_END + PAGE_SIZE - HYP_VIRT_START ? BIT(63) : top;
}

/* SS is the flat one always. */
long do_stack_switch(unsigned long ss, unsigned long sp, unsigned long a3, unsigned long a4, unsigned long a5)
{
	pv_set_kernel_sp(current, sp);
	return 0;
}

/* ---- callbacks ---- */

/* SYSENTER is #GP in a guest; a kernel that is refused its callback uses other ways. */
#define CALLBACKS	(BIT(CALLBACKTYPE_event) | BIT(CALLBACKTYPE_failsafe) | BIT(CALLBACKTYPE_syscall) |	\
			 BIT(CALLBACKTYPE_syscall32) | BIT(CALLBACKTYPE_nmi))

static bool callback_known(unsigned int type)
{
	return type < 64 && CALLBACKS & BIT(type);
}

int pv_set_callback(struct vcpu *v, unsigned int type, unsigned long addr, bool mask)
{
	if (!callback_known(type))
		return -ENOSYS;
	if (!pv_entry_ok(addr))
		return -EINVAL;
	if (type == CALLBACKTYPE_nmi)
		v->pv.trap[X86_EXC_NMI] = (struct trap_info){ X86_EXC_NMI, addr ? TI_IF : 0, FLAT_KERNEL_CS, addr };
	else
		v->pv.callback[type] = (struct pv_callback){ addr, mask || type == CALLBACKTYPE_event };
	return 0;
}

/* The ABI reports no error here; a refused address leaves the callback as it was. */
long do_set_callbacks(unsigned long event, unsigned long failsafe, unsigned long syscall, unsigned long a4, unsigned long a5)
{
	pv_set_callback(current, CALLBACKTYPE_event, event, false);
	pv_set_callback(current, CALLBACKTYPE_failsafe, failsafe, false);
	pv_set_callback(current, CALLBACKTYPE_syscall, syscall, false);
	return 0;
}

long do_callback_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct callback_register reg;
	struct callback_unregister unreg;

	switch (cmd) {
	case CALLBACKOP_register:
		if (copy_in(&reg, arg))
			return -EFAULT;
		return pv_set_callback(current, reg.type, reg.address, reg.flags & CALLBACKF_mask_events);
	case CALLBACKOP_unregister:
		if (copy_in(&unreg, arg))
			return -EFAULT;
		/* Only the NMI callback can be done without. */
		if (callback_known(unreg.type) && unreg.type != CALLBACKTYPE_nmi)
			return -EINVAL;
		return pv_set_callback(current, unreg.type, 0, false);
	}
	return -ENOSYS;
}

/* ---- registers ---- */

long do_fpu_taskswitch(unsigned long set, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct vcpu *v = current;

	if (set) {
		v->pv.cr0 |= X86_CR0_TS;
		stts();
	} else {
		v->pv.cr0 &= ~X86_CR0_TS;
		clts();
	}
	return 0;
}

static int set_dr7(struct pv_vcpu *pv, u64 val)
{
	u64 io = 0;

	val = (val & DR7_ALLOWED) | DR7_ONES;
	if (val & DR7_GD)
		return -EPERM;
	/* I/O breakpoints cannot hit in ring 3 as the guest means them: kept for it, not enabled. */
	for (unsigned int i = 0; val & DR7_ACTIVE && i < 4; i++) {
		if (((val >> (16 + 4 * i)) & 3) != DR7_RW_IO)
			continue;
		if (!(pv->cr4 & X86_CR4_DE))
			return -EPERM;
		io |= val & (3UL << (2 * i));
	}
	pv->dr[DR7_IO] = io;
	pv->dr[7] = val & ~io;
	return 0;
}

/* 4 and 5 are other names of 6 and 7, unless CR4.DE says that they do not exist. */
static unsigned int dr_number(const struct pv_vcpu *pv, unsigned int reg)
{
	return reg / 2 != 2 ? reg : pv->cr4 & X86_CR4_DE ? ~0u : reg + 2;
}

int pv_set_debugreg(struct vcpu *v, unsigned int reg, u64 val)
{
	struct pv_vcpu *pv = &v->pv;
	bool was_active = pv->dr[7] & DR7_ACTIVE;
	int rc = 0;

	reg = dr_number(pv, reg);
	if (reg > 7)
		return -ENODEV;
	if (reg == 7)
		rc = set_dr7(pv, val);
	else if (reg == 6)
		pv->dr[6] = (val & DR6_ALLOWED) | DR6_ONES;
	else if (canonical(val) && guest_addr_ok(val, sizeof(long)))
		pv->dr[reg] = val;
	else
		rc = -EPERM;
	if (v == current && (was_active || pv->dr[7] & DR7_ACTIVE))
		pv_load_debugregs(v);
	return rc;
}

int pv_get_debugreg(const struct vcpu *v, unsigned int reg, u64 *val)
{
	reg = dr_number(&v->pv, reg);
	if (reg > 7)
		return -ENODEV;
	*val = v->pv.dr[reg] | (reg == 7 ? v->pv.dr[DR7_IO] : 0);
	return 0;
}

long do_set_debugreg(unsigned long reg, unsigned long value, unsigned long a3, unsigned long a4, unsigned long a5)
{
	return pv_set_debugreg(current, (u32)reg, value);
}

long do_get_debugreg(unsigned long reg, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	u64 val;

	return pv_get_debugreg(current, (u32)reg, &val) ?: val;
}

static void set_bounce_flags(struct vcpu *v)
{
	bool visible = v->domain->pv.vm_assist & BIT(VMASST_TYPE_architectural_iopl);

	v->pv.bounce_flags = visible ? v->pv.guest_iopl : 0;
}

void pv_set_iopl(struct vcpu *v, u64 iopl)
{
	v->pv.guest_iopl = iopl;
	set_bounce_flags(v);
}

long do_vm_assist(unsigned long cmd, unsigned long type, unsigned long a3, unsigned long a4, unsigned long a5)
{
	unsigned long *assist = &current->domain->pv.vm_assist;
	struct vcpu *v;

	if (type >= 64 || !(VM_ASSIST_VALID & BIT(type)))
		return -EINVAL;
	switch (cmd) {
	case VMASST_CMD_enable:
		set_bit(type, assist);
		break;
	case VMASST_CMD_disable:
		clear_bit(type, assist);
		break;
	default:
		return -ENOSYS;
	}
	for_each_vcpu(current->domain, v)
		set_bounce_flags(v);
	return 0;
}

/* The inactive GS base is the user's: the caller is in kernel mode. A bad selector becomes null. */
static void load_user_gs(u16 sel)
{
	unsigned long flags = irq_save();

	swapgs();
	if (!load_segment(gs, sel | 3))
		load_segment(gs, 0);
	if (sel <= 3)
		wrmsr(MSR_GS_BASE, 0);		/* not every CPU clears it for a null selector */
	swapgs();
	irq_restore(flags);
}

long do_set_segment_base(unsigned long which, unsigned long base, unsigned long a3, unsigned long a4, unsigned long a5)
{
	static const u32 msrs[] = {
		[SEGBASE_FS] = MSR_FS_BASE, [SEGBASE_GS_KERNEL] = MSR_GS_BASE, [SEGBASE_GS_USER] = MSR_KERNEL_GS_BASE,
	};

	if (which == SEGBASE_GS_USER_SEL) {
		load_user_gs(base);
		return 0;
	}
	if (which >= ARRAY_SIZE(msrs) || !canonical(base))
		return -EINVAL;
	wrmsr(msrs[which], base);
	return 0;
}

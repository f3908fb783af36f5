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
#include <xen/nmi.h>
#include "guest-cpu.h"

static bool entry_ok(unsigned long addr)
{
	return canonical(addr) && guest_addr_ok(addr, 1);
}

int pv_fix_trap(struct trap_info *t)
{
	if (!entry_ok(t->address))
		return -EINVAL;
	t->cs |= 3;
	return 0;
}

long do_set_trap_table(unsigned long traps, unsigned long a2, unsigned long a3, unsigned long a4,
		       unsigned long a5)
{
	struct trap_info *table = current->pv.trap, t;

	if (!traps) {
		memset(table, 0, NR_TRAPS * sizeof(*table));
		return 0;
	}
	for (;;) {
		if (copy_in(&t, traps))
			return -EFAULT;
		if (!t.address)
			return 0;
		if (pv_fix_trap(&t))
			return -EINVAL;
		table[t.vector] = t;
		traps += sizeof(t);
		if (hypercall_preempt())
			return hypercall_continue(__HYPERVISOR_set_trap_table, traps, 0, 0, 0, 0);
	}
}

/* Frames are written below sp, which is checked each time; so any value does here. SS is the flat one always. */
long do_stack_switch(unsigned long ss, unsigned long sp, unsigned long a3, unsigned long a4,
		     unsigned long a5)
{
	current->pv.kernel_sp = sp;
	return 0;
}

/* ---- callbacks ---- */

static int set_nmi_entry(struct vcpu *v, unsigned long addr)
{
	v->pv.trap[X86_EXC_NMI] = (struct trap_info){
		.vector = X86_EXC_NMI, .flags = addr ? 4 : 0, .cs = addr ? FLAT_KERNEL_CS : 0, .address = addr,
	};
	return 0;
}

int pv_set_callback(struct vcpu *v, unsigned int type, unsigned long addr, bool mask)
{
	struct pv_vcpu *pv = &v->pv;

	if (!entry_ok(addr))
		return -EINVAL;
	switch (type) {
	case CALLBACKTYPE_event:
		pv->event_entry = addr;
		return 0;
	case CALLBACKTYPE_failsafe:
		pv->failsafe_entry = addr;
		pv->failsafe_masks_events = mask;
		return 0;
	case CALLBACKTYPE_syscall:
		pv->syscall_entry = addr;
		pv->syscall_masks_events = mask;
		return 0;
	case CALLBACKTYPE_syscall32:
		pv->syscall32_entry = addr;
		pv->syscall32_masks_events = mask;
		return 0;
	case CALLBACKTYPE_sysenter:
		pv->sysenter_entry = addr;
		pv->sysenter_masks_events = mask;
		return 0;
	case CALLBACKTYPE_nmi:
		return set_nmi_entry(v, addr);
	}
	return -ENOSYS;
}

/* The ABI reports no error here; a refused address leaves the callback as it was. */
long do_set_callbacks(unsigned long event, unsigned long failsafe, unsigned long syscall,
		      unsigned long a4, unsigned long a5)
{
	struct vcpu *v = current;

	pv_set_callback(v, CALLBACKTYPE_event, event, false);
	pv_set_callback(v, CALLBACKTYPE_failsafe, failsafe, false);
	pv_set_callback(v, CALLBACKTYPE_syscall, syscall, false);
	return 0;
}

static long register_callback(unsigned long arg)
{
	struct callback_register reg;

	if (copy_in(&reg, arg))
		return -EFAULT;
	return pv_set_callback(current, reg.type, reg.address, reg.flags & CALLBACKF_mask_events);
}

/* Only the NMI callback can be done without. */
static long unregister_callback(unsigned long arg)
{
	struct callback_unregister unreg;

	if (copy_in(&unreg, arg))
		return -EFAULT;
	switch (unreg.type) {
	case CALLBACKTYPE_event:
	case CALLBACKTYPE_failsafe:
	case CALLBACKTYPE_syscall:
	case CALLBACKTYPE_syscall32:
	case CALLBACKTYPE_sysenter:
		return -EINVAL;
	case CALLBACKTYPE_nmi:
		return set_nmi_entry(current, 0);
	}
	return -ENOSYS;
}

long do_callback_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4,
		    unsigned long a5)
{
	switch (cmd) {
	case CALLBACKOP_register:	return register_callback(arg);
	case CALLBACKOP_unregister:	return unregister_callback(arg);
	}
	return -ENOSYS;
}

long do_nmi_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4,
	       unsigned long a5)
{
	struct xennmi_callback cb;

	switch (cmd) {
	case XENNMI_register_callback:
		if (copy_in(&cb, arg))
			return -EFAULT;
		return pv_set_callback(current, CALLBACKTYPE_nmi, cb.handler_address, true);
	case XENNMI_unregister_callback:
		return set_nmi_entry(current, 0);
	}
	return -ENOSYS;
}

/* ---- registers ---- */

long do_fpu_taskswitch(unsigned long set, unsigned long a2, unsigned long a3, unsigned long a4,
		       unsigned long a5)
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

static int set_dr7(struct vcpu *v, u64 val)
{
	struct pv_vcpu *pv = &v->pv;
	bool was_active = pv->dr[7] & DR7_ACTIVE;
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
	if (v == current && (was_active || pv->dr[7] & DR7_ACTIVE))
		pv_load_debugregs(v);
	return 0;
}

int pv_set_debugreg(struct vcpu *v, unsigned int reg, u64 val)
{
	if ((reg == 4 || reg == 5) && v->pv.cr4 & X86_CR4_DE)
		return -ENODEV;
	switch (reg) {
	case 0 ... 3:
		if (!entry_ok(val) || !guest_addr_ok(val, sizeof(long)))
			return -EPERM;
		v->pv.dr[reg] = val;
		break;
	case 4:
	case 6:
		v->pv.dr[6] = (val & DR6_ALLOWED) | DR6_ONES;
		break;
	case 5:
	case 7:
		return set_dr7(v, val);
	default:
		return -ENODEV;
	}
	if (v == current && v->pv.dr[7] & DR7_ACTIVE)
		pv_load_debugregs(v);
	return 0;
}

long do_set_debugreg(unsigned long reg, unsigned long value, unsigned long a3, unsigned long a4,
		     unsigned long a5)
{
	return pv_set_debugreg(current, (u32)reg, value);
}

long do_get_debugreg(unsigned long reg, unsigned long a2, unsigned long a3, unsigned long a4,
		     unsigned long a5)
{
	const struct pv_vcpu *pv = &current->pv;

	if ((reg == 4 || reg == 5) && !(pv->cr4 & X86_CR4_DE))
		reg += 2;
	switch (reg) {
	case 0 ... 3:
	case 6:
		return pv->dr[reg];
	case 7:
		return pv->dr[7] | pv->dr[DR7_IO];
	}
	return -ENODEV;
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

long do_vm_assist(unsigned long cmd, unsigned long type, unsigned long a3, unsigned long a4,
		  unsigned long a5)
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

long do_set_segment_base(unsigned long which, unsigned long base, unsigned long a3,
			 unsigned long a4, unsigned long a5)
{
	static const u32 msrs[] = {
		[SEGBASE_FS] = MSR_FS_BASE, [SEGBASE_GS_KERNEL] = MSR_GS_BASE,
		[SEGBASE_GS_USER] = MSR_KERNEL_GS_BASE,
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

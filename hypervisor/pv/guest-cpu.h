/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What of a PV guest's CPU state is in hardware. Shared by domain.c, descriptor.c, callback.c.
 */
#ifndef PV_GUEST_CPU_H
#define PV_GUEST_CPU_H

#include <xenolith/domain.h>
#include <xenolith/entry.h>
#include <xenolith/hypercall.h>
#include <xen/callback.h>

#define NR_TRAPS		256
#define TI_IF			4		/* trap_info.flags: mask events in the handler */
#define TI_DPL			3

#define DR6_ONES		0xffff0ff0UL
#define DR6_ALLOWED		0xffffefffUL
#define DR7_ONES		0x400UL
#define DR7_ALLOWED		0xffff27ffUL
#define DR7_ACTIVE		0xffUL		/* any breakpoint enabled */
#define DR7_GD			BIT(13)
#define DR7_RW_IO		2		/* kind of breakpoint: I/O */
#define DR7_IO			5		/* pv.dr[5]: enable bits of I/O breakpoints: never in hardware */

#define RFLAGS_GUEST		0x250dd5UL	/* arithmetic, TF, DF, RF, AC, ID */

#define VM_ASSIST_VALID								\
	(BIT(VMASST_TYPE_4gb_segments) | BIT(VMASST_TYPE_4gb_segments_notify) |	\
	 BIT(VMASST_TYPE_writable_pagetables) | BIT(VMASST_TYPE_pae_extended_cr3) | \
	 BIT(VMASST_TYPE_architectural_iopl) | BIT(VMASST_TYPE_runstate_update_flag) | \
	 BIT(VMASST_TYPE_m2p_strict))

/** pv_entry_ok: may the hypervisor return to @addr in ring 3? */
static inline bool pv_entry_ok(unsigned long addr)
{
	return canonical(addr) && guest_addr_ok(addr, 1);
}
/** pv_set_kernel_sp: where the guest's kernel wants frames from user mode. @v is current or not running. */
void pv_set_kernel_sp(struct vcpu *v, u64 sp);
/** pv_set_callback: CALLBACKTYPE_*; its handler runs with events masked if @mask. 0, -EINVAL (address), -ENOSYS (type). */
int pv_set_callback(struct vcpu *v, unsigned int type, unsigned long addr, bool mask);
/** pv_set_debugreg, pv_get_debugreg: @v is current or not running. 0, -EPERM, -ENODEV. */
int pv_set_debugreg(struct vcpu *v, unsigned int reg, u64 val);
int pv_get_debugreg(const struct vcpu *v, unsigned int reg, u64 *val);
/** pv_load_debugregs: those of current (or of the vcpu that is becoming it) into the CPU. */
void pv_load_debugregs(const struct vcpu *v);
/** pv_load_descriptors: this CPU's descriptor windows show @v's; no flush. Then pv_load_ldtr. */
void pv_load_descriptors(const struct vcpu *v);
void pv_load_ldtr(const struct vcpu *v);
/** pv_ldt_ok: may an LDT of @entries lie at @base? */
bool pv_ldt_ok(unsigned long base, unsigned long entries);
/**
 * pv_guest_cr4_view: CR4 as a guest that wants @wanted reads it (v->pv.cr4 always holds such a value;
 * 0 at first). pv_guest_cr4_hw: CR4 for the machine while @v runs: TSD, DE and FSGSBASE are the
 * guest's, so the hypervisor executes RDFSBASE and its like only when read_cr4() has the bit.
 */
unsigned long pv_guest_cr4_view(unsigned long wanted);
unsigned long pv_guest_cr4_hw(const struct vcpu *v);

static inline void swapgs(void)
{
	asm volatile("swapgs" ::: "memory");
}

/* load_segment: false when @sel cannot be loaded (the register is unchanged then). */
#define load_segment(reg, sel) ({						\
	__label__ fault_, done_;						\
	bool ok_ = true;							\
	asm goto("1: mov %k0, %%" #reg "\n" EXTABLE(1b, %l[fault_])		\
		 :: "r" ((u32)(sel)) : "memory" : fault_);			\
	goto done_;								\
fault_:										\
	ok_ = false;								\
done_:										\
	ok_;									\
})
#define read_segment(reg) ({							\
	u32 sel_;								\
	asm volatile("mov %%" #reg ", %0" : "=r" (sel_));			\
	(u16)sel_;								\
})

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* Offsets and sizes for assembly; see the Makefile's rule for generated/offsets.h. */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include <xenolith/x86.h>

#define DEFINE(sym, val)	asm volatile("\n.ascii \"->" #sym " %c0\"" :: "i" (val))
#define REG(r)			DEFINE(REGS_##r, offsetof(struct cpu_regs, r))
#define PV(f)			DEFINE(V_##f, offsetof(struct vcpu, pv.f))

void offsets(void);
void offsets(void)
{
	REG(r15); REG(r14); REG(r13); REG(r12); REG(rbp); REG(rbx); REG(r11); REG(r10);
	REG(r9); REG(r8); REG(rax); REG(rcx); REG(rdx); REG(rsi); REG(rdi);
	REG(error_code); REG(vector); REG(rip); REG(cs); REG(rflags); REG(rsp); REG(ss);
	DEFINE(REGS_SIZE, sizeof(struct cpu_regs));
	DEFINE(CI_vcpu, offsetof(struct cpu_info, vcpu));
	DEFINE(CI_softirq_pending, offsetof(struct cpu_info, softirq_pending));
	DEFINE(CI_percpu_offset, offsetof(struct cpu_info, percpu_offset));
	DEFINE(CI_hypercalls, offsetof(struct cpu_info, count[COUNT_HYPERCALL]));
	DEFINE(CI_cr3_loads, offsetof(struct cpu_info, count[COUNT_CR3]));
	DEFINE(NR_HYPERCALLS, NR_HYPERCALLS);
	DEFINE(ENOSYS, ENOSYS);
	DEFINE(CI_SIZE, sizeof(struct cpu_info));
	PV(kernel_mode); PV(kernel_cr3); PV(user_cr3); PV(frame_sp); PV(bounce_flags);
	DEFINE(V_syscall_entry, offsetof(struct vcpu, pv.callback[CALLBACKTYPE_syscall].entry));
	DEFINE(V_syscall_masks_events, offsetof(struct vcpu, pv.callback[CALLBACKTYPE_syscall].masks_events));
	PV(trap); PV(last_cr2); PV(nmi_pending); PV(nmi_masked);
	DEFINE(INFO_cr2, offsetof(struct vcpu_info, arch.cr2));
	DEFINE(TRAP_PF_address, X86_EXC_PF * sizeof(struct trap_info) + offsetof(struct trap_info, address));
	DEFINE(TRAP_PF_flags, X86_EXC_PF * sizeof(struct trap_info) + offsetof(struct trap_info, flags));
	DEFINE(V_info, offsetof(struct vcpu, info));
}

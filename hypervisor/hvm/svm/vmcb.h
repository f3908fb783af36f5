/* SPDX-License-Identifier: GPL-2.0-only */
/* AMD's virtual machine control block: APM volume 2, appendix B; exit codes: appendix C. */
#ifndef HVM_SVM_VMCB_H
#define HVM_SVM_VMCB_H

#include <xenolith/lib.h>

struct vmcb_segment {
	u16 sel, attr;			/* attr: as <xen/hvm/hvm_vcpu.h> describes "_ar" */
	u32 limit;
	u64 base;
};

struct __packed vmcb {
	/* control area */
	u32 intercept_cr, intercept_dr, intercept_exceptions;
	u32 intercept[2];		/* BIT(n): the intercept of exit code 0x60 + n */
	u8 reserved0[0x40 - 0x14];
	u64 iopm, msrpm, tsc_offset;
	u32 asid;
	u8 tlb_control, reserved1[3];
	u32 int_ctl, int_vector;
	u64 interrupt_shadow;
	u64 exit_code, exit_info1, exit_info2, exit_int_info;
	u64 np_enable;
	u8 reserved2[0xa8 - 0x98];
	u64 event_inj, ncr3, lbr;
	u32 clean, reserved3;
	u64 next_rip;
	u8 reserved4[0x400 - 0xd0];
	/* state save area */
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved5[0x4cb - 0x4a0];
	u8 cpl;
	u32 reserved6;
	u64 efer;
	u8 reserved7[0x548 - 0x4d8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved8[0x5d8 - 0x580];
	u64 rsp;
	u8 reserved9[0x5f8 - 0x5e0];
	u64 rax, star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	u8 reserved10[0x668 - 0x648];
	u64 g_pat, dbgctl;
	u8 reserved11[0x1000 - 0x678];
};
_Static_assert(sizeof(struct vmcb) == 4096 && offsetof(struct vmcb, iopm) == 0x40 &&
	       offsetof(struct vmcb, event_inj) == 0xa8 && offsetof(struct vmcb, next_rip) == 0xc8 &&
	       offsetof(struct vmcb, efer) == 0x4d0 && offsetof(struct vmcb, rip) == 0x578 &&
	       offsetof(struct vmcb, rax) == 0x5f8 && offsetof(struct vmcb, cr2) == 0x640 &&
	       offsetof(struct vmcb, dbgctl) == 0x670, "VMCB layout");

enum svm_exit {
	SVM_DR_READ	= 0x20,		/* 16 registers, then 16 for writing */
	SVM_EXCEPTION	= 0x40,		/* + vector */
	SVM_INTR	= 0x60, SVM_NMI, SVM_SMI, SVM_INIT, SVM_VINTR,
	SVM_RDPMC	= 0x6f,
	SVM_CPUID	= 0x72, SVM_RSM, SVM_IRET,
	SVM_INT		= 0x75, SVM_INVD,
	SVM_HLT		= 0x78,
	SVM_INVLPGA	= 0x7a, SVM_IOIO, SVM_MSR, SVM_TASK_SWITCH,
	SVM_SHUTDOWN	= 0x7f, SVM_VMRUN, SVM_VMMCALL, SVM_VMLOAD, SVM_VMSAVE, SVM_STGI, SVM_CLGI, SVM_SKINIT,
	SVM_WBINVD	= 0x89, SVM_MONITOR, SVM_MWAIT,
	SVM_XSETBV	= 0x8d,
	SVM_NR_LOW,			/* those above that we ask for lie below this one */
	SVM_NPF		= 0x400,
};

#define VMCB_TPR_MASK		0xfu		/* int_ctl */
#define VMCB_V_IRQ		(1u << 8)
#define VMCB_V_PRIO(n)		((n) << 16)
#define VMCB_V_IGN_TPR		(1u << 20)
#define VMCB_V_INTR_MASKING	(1u << 24)

#define VMCB_EVENT_VALID	BIT(31)		/* event_inj, exit_int_info */
#define VMCB_EVENT_ERROR	BIT(11)
#define VMCB_EVENT_NMI		(2UL << 8)
#define VMCB_EVENT_EXCEPTION	(3UL << 8)
#define VMCB_EVENT_SOFTWARE	(4UL << 8)
#define VMCB_EVENT_TYPE		(7UL << 8)

#define EFER_SVME		BIT(12)

#endif

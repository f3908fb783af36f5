/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of hvm/ share, and the one table by which they reach the vendor's. */
#ifndef HVM_PRIVATE_H
#define HVM_PRIVATE_H

#include <xenolith/domain.h>
#include <xenolith/entry.h>
#include <xenolith/hvm.h>
#include <xenolith/hypercall.h>
#include <xen/hvm/save.h>

/* What the guest's paging and mode are, as far as the hypervisor looks at it. */
struct hvm_mode {
	u64 cr0, cr3, cr4, efer, cs_base;
	u8 cpl;
	bool cs_long;			/* 64-bit code */
};

enum hvm_event { HVM_EVENT_NMI, HVM_EVENT_EXCEPTION };

/*
 * One vendor's virtualization. All but cpu_init and vcpu_* are about current, between two runs of its guest, interrupts
 * as they like; regs are guest_regs().
 */
struct hvm_ops {
	const char *name;
	/* cpu_init: 0 or -errno: this CPU cannot. */
	int (*cpu_init)(void);
	int (*vcpu_init)(struct vcpu *v);
	void (*vcpu_destroy)(struct vcpu *v);
	/* set_cpu: all registers of @v, not running, but the general ones. */
	void (*set_cpu)(struct vcpu *v, const struct hvm_hw_cpu *c);
	void (*switch_to)(struct vcpu *v);
	/* DR0-3 are in the CPU, or accesses of the guest to debug registers exit. */
	void (*own_debugregs)(struct vcpu *v, bool own);
	void (*mode)(const struct vcpu *v, struct hvm_mode *m);
	void (*set_efer)(struct vcpu *v, u64 efer);
	/* tpr: of the local APIC, bits 7-4. */
	u8 (*tpr)(const struct vcpu *v);
	void (*set_tpr)(struct vcpu *v, u8 tpr);
	/* ready: can an NMI be injected now? If not, an exit comes as soon as it can. */
	bool (*ready)(struct vcpu *v);
	void (*inject)(struct vcpu *v, enum hvm_event kind, u8 vector, bool has_error, u32 error);
	/* offer: the next run's guest takes interrupt @vector as soon as it can, @tpr: and its TPR lets it. False: it cannot. */
	bool (*offer)(struct vcpu *v, u8 vector, bool tpr);
	/* run: interrupts are off; on when it returns. flush: the guest's TLB must not be used. True: what was offered is taken. */
	bool (*run)(struct vcpu *v, struct cpu_regs *regs, bool flush);
	/* exit: do what the guest asked for. */
	void (*exit)(struct vcpu *v, struct cpu_regs *regs);
	const char *(*exit_name)(unsigned int index);
	/* dump: what is not in regs, and what happened last, for a vcpu that crashes. */
	void (*dump)(const struct vcpu *v);
};
extern const struct hvm_ops *hvm_ops;		/* NULL: none */
extern const struct hvm_ops svm_ops;

/* ---- guest-walk.c ---- */
/** hvm_fetch: up to @n bytes of code at @rip, as many as are there: how many. */
unsigned int hvm_fetch(struct vcpu *v, unsigned long rip, u8 *buf, unsigned int n);
/** hvm_rewrite_code: rewrite_code() where @rip points. */
void hvm_rewrite_code(struct vcpu *v, unsigned long rip);
/** hvm_dump_walk: say what @va's page tables hold, for a vcpu that crashes. */
void hvm_dump_walk(const struct vcpu *v, unsigned long va);

/* ---- p2m.c ---- */
int p2m_init(struct domain *d);
void p2m_free(struct domain *d);

/* ---- exit.c: what guests do that exits, whoever's processor it is ---- */
void hvm_inject_gp(struct vcpu *v);
void hvm_inject_ud(struct vcpu *v);
void hvm_cpuid(struct vcpu *v, struct cpu_regs *regs);
/** hvm_msr: false: there is no such MSR, or not that value: #GP. */
bool hvm_msr(struct vcpu *v, struct cpu_regs *regs, bool write);
void hvm_io(struct vcpu *v, struct cpu_regs *regs, u16 port, bool in, unsigned int bytes);
/**
 * hvm_halt: HLT: until there is an interrupt or a start-up IPI. Not @interruptible it is the vcpu's end, until it is started
 * anew (an NMI that comes later does not end it), and that of the last one is the domain's: so kernels that know no other way
 * power off. Both as on Xen.
 */
void hvm_halt(struct vcpu *v, bool interruptible);
/** hvm_xsetbv: false: #GP. */
bool hvm_xsetbv(struct vcpu *v, struct cpu_regs *regs);
void hvm_nested_fault(struct vcpu *v, u64 gpa, bool write);
/** hvm_hypercall: rip is behind the instruction already. */
void hvm_hypercall(struct vcpu *v, struct cpu_regs *regs);
#define HVM_CALL_LENGTH	3		/* VMMCALL, VMCALL */
extern const hypercall_fn hvm_hypercall_table[NR_HYPERCALLS];

/* ---- context.c ---- */
/** hvm_reset: current starts in real mode at v->hvm.start_page << 12 (start-up IPI). */
void hvm_reset(struct vcpu *v);

/* ---- vlapic.c ---- */
#define VLAPIC_MSR	0x800
void vlapic_init(struct vcpu *v);
void vlapic_reset(struct vcpu *v);
void vlapic_destroy(struct vcpu *v);
/** vlapic_read, vlapic_write: register @reg of current's x2APIC; false: #GP. */
bool vlapic_read(struct vcpu *v, u32 reg, u64 *val);
bool vlapic_write(struct vcpu *v, u32 reg, u64 val);
/** vlapic_pending: the highest vector that TPR and what is in service let through, or -1. */
int vlapic_pending(const struct vcpu *v);
/** vlapic_withdraw: @vector is offered to the guest, who takes it (vlapic_in_service()) or not (vlapic_put_back()). */
void vlapic_withdraw(struct vcpu *v, u8 vector);
void vlapic_put_back(struct vcpu *v, u8 vector);
/** vlapic_blocks: would @vector have to wait? */
bool vlapic_blocks(const struct vcpu *v, u8 vector);
void vlapic_in_service(struct vcpu *v, u8 vector);
bool vlapic_set_deadline(struct vcpu *v, u64 tsc);

#endif

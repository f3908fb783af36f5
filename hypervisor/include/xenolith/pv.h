/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pv: paravirtual guests (64-bit, kernel and user both in ring 3). Page tables that the guest
 * owns and the hypervisor validates; trap table and callbacks; descriptor tables; emulation of
 * privileged instructions.
 *
 * Modes: a vcpu is in guest-kernel mode (pv.kernel_mode, CR3 = pv.kernel_cr3) or guest-user mode
 * (CR3 = pv.user_cr3). The switch is pv_toggle_mode() or its assembly twins in entry/.
 */
#ifndef XENOLITH_PV_H
#define XENOLITH_PV_H

#include <xenolith/lib.h>
#include <xen/xen.h>
#include <xen/callback.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

struct domain;
struct vcpu;

struct pv_vcpu {			/* v->pv; offsets used by assembly are generated */
	/* hot: one or two cache lines */
	u64 kernel_mode;		/* 1: guest kernel, 0: guest user */
	u64 kernel_cr3, user_cr3;	/* physical addresses; user may be 0 */
	u64 kernel_sp;			/* stack_switch; by pv_set_kernel_sp() */
	u64 frame_sp;			/* where entry/ puts frames: kernel_sp aligned; not canonical if they could be ours */
	struct pv_callback {
		u64 entry;		/* canonical and in the guest's range, or 0 */
		u64 masks_events;
	} callback[CALLBACKTYPE_syscall32 + 1];	/* by CALLBACKTYPE_*; that of NMIs is trap[2] */
	u64 guest_iopl;			/* virtual IOPL in EFLAGS position (bits 12-13) */
	u64 bounce_flags;		/* ored into saved EFLAGS: guest_iopl where VMASST_TYPE_architectural_iopl */

	struct trap_info *trap;		/* 256 entries */
	struct page_info *kernel_l4, *user_l4;	/* typed references; CR3s above */
	mfn_t early_l4[2];		/* kernel, user base asked for and not valid yet, or 0: mmuext.c */
	unsigned int nr_deferred;
	struct page_info *deferred[3];	/* tables whose unwinding is not finished: pv_finish_put() */

	/* descriptors: the window's slots (GDT, two of ours, LDT); typed references PGT_SEG_DESC held for each that is not 0 */
	pte_t window[GDT_PAGES + LDT_PAGES];
	unsigned int gdt_ents, ldt_ents;
	unsigned long ldt_base;

	/* control state */
	u64 cr0, cr4;			/* guest's view; TS of cr0 is in hardware too while running */
	u64 dr[8];			/* 0-3, 6, 7; dr7 0: not loaded */
	u64 fs_base, gs_base_kernel, gs_base_user;	/* saved when not running */
	u16 ds, es, fs, gs;		/* saved when not running */
	unsigned long io_bitmap;	/* guest address of PHYSDEVOP_set_iobitmap */
	unsigned int io_bitmap_ports;
	bool nmi_pending, nmi_masked;
	unsigned int upcalls_in_place;	/* returns to upcall_rip and _rsp that were upcalls at once */
	u64 upcall_rip, upcall_rsp;
	unsigned long upcalls_put_off;	/* since ever */
	u32 ctrl_tsc_aux;
	unsigned long last_cr2;
};

struct pv_domain {			/* d->pv */
	unsigned long vm_assist;
};

/* ---- vcpu life: pv/domain.c ---- */
int pv_vcpu_init(struct vcpu *v);
void pv_vcpu_destroy(struct vcpu *v);			/* drops every reference it holds; may be called twice */
int pv_vcpu_relinquish(struct vcpu *v);			/* preemptible part; 0/-ERESTART */
/**
 * pv_vcpu_set_context: arch_set_info_guest of the ABI: registers, traps, GDT, CR3s from @c
 * (VCPUOP_initialise, domctl, Domain0 builder). @v is not running. 0, -EINVAL, -ERESTART.
 */
int pv_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c);
void pv_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c);
/** pv_ctxt_switch_from/to: guest state that lives in the CPU (segments, bases, DRs, windows, CR3). */
void pv_ctxt_switch_from(struct vcpu *v);
void pv_ctxt_switch_to(struct vcpu *v, struct vcpu *prev);
/** pv_toggle_mode: kernel <-> user: swapgs, CR3. current only. False: no tables for that; the domain was crashed. */
bool pv_toggle_mode(struct vcpu *v);

/* ---- faults and injection: pv/traps.c; regs = guest_regs() of current ---- */
/** pv_inject_trap: bounce to the guest's handler of @vector; crashes the domain when it has none. */
void pv_inject_trap(unsigned int vector, u32 error_code);
void pv_inject_page_fault(u32 error_code, unsigned long cr2);
/** pv_inject_upcall: event callback, upcall mask set. */
void pv_inject_upcall(void);
/**
 * pv_upcall_put_off: with an upcall due on the way out to current: is it to have none this time,
 * because it made no progress between the last ones? Interrupts off. pv/upcall.c.
 */
bool pv_upcall_put_off(const struct cpu_regs *regs);
void pv_inject_nmi(void);
void pv_inject_failsafe(void);
/** pv_emulate_iret: a fault without PFEC_USER at the guest's IRETQ: true when it was done. */
bool pv_emulate_iret(struct cpu_regs *regs);
/** pv_iret_fault: the guest's selectors or rip were refused on the way out: failsafe callback. */
void pv_iret_fault(struct cpu_regs *regs);
/** pv_syscall_slow: SYSCALL from guest user mode (or 32-bit: @compat) that assembly did not bounce. */
void pv_syscall_slow(struct cpu_regs *regs, bool compat);
/** pv_handle_*: exception of a guest; entered by entry/ with interrupts as noted there. */
void pv_handle_trap(struct cpu_regs *regs);		/* all vectors but #PF */
void pv_handle_page_fault(struct cpu_regs *regs, unsigned long cr2);

/** pv_set_iopl: PHYSDEVOP_set_iopl: virtual IOPL in EFLAGS position (bits 12-13). pv/callback.c. */
void pv_set_iopl(struct vcpu *v, u64 iopl);
long do_set_trap_table(unsigned long traps, unsigned long, unsigned long, unsigned long, unsigned long);
long do_stack_switch(unsigned long ss, unsigned long sp, unsigned long, unsigned long, unsigned long);
long do_set_callbacks(unsigned long event, unsigned long failsafe, unsigned long syscall, unsigned long, unsigned long);
long do_callback_op(unsigned long cmd, unsigned long arg, unsigned long, unsigned long, unsigned long);
long do_fpu_taskswitch(unsigned long set, unsigned long, unsigned long, unsigned long, unsigned long);
long do_set_debugreg(unsigned long reg, unsigned long value, unsigned long, unsigned long, unsigned long);
long do_get_debugreg(unsigned long reg, unsigned long, unsigned long, unsigned long, unsigned long);
long do_iret(unsigned long, unsigned long, unsigned long, unsigned long, unsigned long);	/* slow path */
long do_vm_assist(unsigned long cmd, unsigned long type, unsigned long, unsigned long, unsigned long);
long do_set_segment_base(unsigned long which, unsigned long base, unsigned long, unsigned long, unsigned long);

/* ---- descriptors: pv/descriptor.c ---- */
long do_set_gdt(unsigned long frames, unsigned long entries, unsigned long, unsigned long, unsigned long);
long do_update_descriptor(unsigned long maddr, unsigned long desc, unsigned long, unsigned long, unsigned long);
int pv_set_gdt(struct vcpu *v, const unsigned long *frames, unsigned int entries);
int pv_set_ldt(struct vcpu *v, unsigned long base, unsigned int entries);	/* MMUEXT_SET_LDT */
/** pv_map_ldt_page: fault on LDT window byte @offset: map that page. True when retry is right. */
bool pv_map_ldt_page(unsigned long offset);
/** pv_check_descriptor: may the guest have it? Fixes DPL/RPL to 3 as the ABI says. */
bool pv_check_descriptor(u64 *desc);
/** pv_validate_descriptor_page: for PGT_SEG_DESC; 0 or -EINVAL. */
int pv_validate_descriptor_page(struct page_info *pg);

/* ---- emulation: pv/emulate.c, pv/decode.c ---- */
/** pv_emulate_privileged: after #GP in guest kernel (or I/O in user): true when done (rip moved). */
bool pv_emulate_privileged(struct cpu_regs *regs);
/** pv_emulate_invalid_op: after #UD: forced-emulation prefix + CPUID. */
bool pv_emulate_invalid_op(struct cpu_regs *regs);
/** pv_emulate_ptwr: write fault at @addr on a page-table page: true when done. pv/ptwr.c. */
bool pv_emulate_ptwr(struct cpu_regs *regs, unsigned long addr);

/* The instruction decoder (pure, no side effects, fuzzed on the host): pv/decode.c */
struct insn {
	u8 length;			/* total bytes, prefixes included */
	u8 opsize, adsize;		/* 1, 2, 4, 8: operand size (byte forms: 1) and address size */
	u8 rex, rep, seg, lock;		/* rep: 0, 0xf2, 0xf3; seg: 0 or override prefix byte */
	u16 opcode;			/* 0xNN, or 0x0fNN */
	u8 modrm, mod, reg, rm;		/* reg and rm with REX bits; 0 without modrm */
	bool mem;			/* modrm names memory; address parts below */
	s8 base, index;			/* register numbers in encoding order, -1 none, -2 rip */
	u8 scale;
	s64 disp;
	bool has_imm;
	u64 imm;			/* zero- or sign-extended as the instruction does */
};
/** insn_decode: decode 64-bit code at @bytes; 0 or -EINVAL (unknown form, too short, over 15 bytes). */
int insn_decode(struct insn *in, const u8 *bytes, unsigned int nr);
/** insn_reg: address of general register @n (encoding order rax rcx rdx rbx rsp ...) in @regs. */
u64 *insn_reg(struct cpu_regs *regs, unsigned int n);
/** insn_effective_address: without segment base. @next_rip for rip-relative forms. */
unsigned long insn_effective_address(const struct insn *in, const struct cpu_regs *regs, unsigned long next_rip);

/* ---- page tables: pv/validate.c, pv/mmu-update.c, pv/mmuext.c ---- */
/**
 * pv_validate_table: check and reference entries pg->nr_validated..511 of a table of @level whose
 * PG_BUSY is ours. 0: all done; -EINVAL: none references are left; -ERESTART: nr_validated says
 * how far. For mm/frame.c, like pv_devalidate_table, which drops entries nr_validated-1..0.
 */
int pv_validate_table(struct page_info *pg, unsigned int level, bool preemptible);
int pv_devalidate_table(struct page_info *pg, unsigned int level, bool preemptible);
/**
 * pv_defer_put: current remembers a table left PG_PARTIAL (interrupted put, refused validation);
 * pv_finish_put: drive all it remembers, before @v does anything else to page tables. 0 or
 * -ERESTART. Forgetting them costs nothing but time: the state is complete in the frame.
 */
void pv_defer_put(struct page_info *pg);
int pv_finish_put(struct vcpu *v);
/**
 * pv_map_grant_pte/va: grant/ enters a frame at the PTE at machine address @pte_maddr, or at the L1
 * entry of guest address @va. @expect 0: map: an old entry is replaced and its references dropped.
 * @expect not 0 (entry made with the same flags when it was mapped): unmap: the present entry must
 * map that frame with that PTE_RW, else -EINVAL and nothing changed (XSA-224, 234). References of
 * the granted frame (count; and type when PTE_RW) are grant/'s: taken before @new is entered,
 * dropped after @expect left and TLBs were flushed (by grant/, once a batch). An entry that the
 * guest drops by other means gives its references back as any L1 entry does.
 * Alignment, ownership and type of the table are checked here. 0, -EINVAL.
 */
int pv_map_grant_pte(struct vcpu *v, u64 pte_maddr, pte_t new, pte_t expect);
int pv_map_grant_va(struct vcpu *v, unsigned long va, pte_t new, pte_t expect);
/** pv_grant_pte_flags: for the GNTMAP_* flags of a call: readonly, application_map (else guest
 * kernel only), available bits (16 up); @cache: PTE_CACHE_L1 bits. */
u64 pv_grant_pte_flags(u32 gntmap_flags, u64 cache);
long do_mmu_update(unsigned long reqs, unsigned long count, unsigned long done, unsigned long foreign, unsigned long);
long do_update_va_mapping(unsigned long va, unsigned long pte, unsigned long flags, unsigned long, unsigned long);
long do_update_va_mapping_otherdomain(unsigned long va, unsigned long pte, unsigned long flags, unsigned long domid, unsigned long);
long do_mmuext_op(unsigned long ops, unsigned long count, unsigned long done, unsigned long foreign, unsigned long);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvm: hardware-assisted guests (PVH). The processor keeps the guest apart: it runs in its own rings on
 * page tables of its own, and its physical addresses (gfn) are translated by a nested table.
 *
 * There is one p2m, the nested table itself. An entry in it holds what a PV guest's L1 entry would hold:
 * a reference on the frame, with type "writable" unless it is read-only. So whatever the hypervisor does
 * with references works for these guests too, and no frame is freed while a guest can reach it.
 *
 * A vcpu has no code of its own on the way in and out: hvm_run() is its endless loop on the CPU's stack.
 * guest_regs() hold its general registers, rip, rsp and rflags; everything else is in the vendor's control
 * block behind struct hvm_ops (hvm/hvm-private.h).
 */
#ifndef XENOLITH_HVM_H
#define XENOLITH_HVM_H

#include <xenolith/lib.h>
#include <xen/xen.h>
#include <xen/hvm/params.h>
#include <xenolith/lock.h>
#include <xenolith/mm.h>
#include <xenolith/sched.h>

struct domain;
struct vcpu;
struct hvm_hw_cpu;

/*
 * What CPUID says, instead of "XenVMMXenVMM", to a domain whose kernel shall not know Xen by itself: "XenolithPort".
 * Leaves are Xen's, and one more, number 6, which hardware-assisted domains of either name have. Its ebx, ecx and edx say
 * "XenolithPort", so that nobody takes another hypervisor's leaf for it. eax bit 0: an upcall by the vcpu's own vector needs
 * no EOI; 1: EVTCHNOP_init_control with the frame ~0 ends FIFO events; 2: HVMOP_flush_tlbs takes, where the ABI wants NULL,
 * a mask of the first 64 vcpus.
 */
#define XENOLITH_PORT_EBX	0x6f6e6558
#define XENOLITH_PORT_ECX	0x6874696c
#define XENOLITH_PORT_EDX	0x74726f50
#define XENOLITH_PORT_LEAF	6
#define XENOLITH_PORT_NO_EOI	BIT(0)
#define XENOLITH_PORT_LEAVE_FIFO BIT(1)
#define XENOLITH_PORT_FLUSH_MASK BIT(2)

/* A parameter above the ABI's, to be read only: how often the domain has left its guests. Others answer -EINVAL. */
#define XENOLITH_PARAM_EXITS 0x1000

#define HVM_NR_EXITS	160		/* reasons that are counted: an index of the vendor's */

struct hvm_domain {			/* d->hvm */
	spinlock_t lock;		/* changes of the p2m */
	pte_t *root;			/* its L4 */
	unsigned int nr_tables;
	bool stale;			/* an entry was taken out that CPUs may still have in their TLBs */
	u64 param[HVM_NR_PARAMS];
	bool port;			/* CPUID says XENOLITH_PORT_*: the kernel's own Xen code sleeps */
	u8 callback_vector;		/* HVM_PARAM_CALLBACK_IRQ of type "vector", or 0 */
	unsigned long relinquish_gfn;	/* teardown has come to this entry */
	u32 exits[HVM_NR_EXITS];	/* not exact with several vcpus */
};

#define VLAPIC_REGS	0x40		/* x2APIC MSRs 0x800 + n */
struct vlapic {
	u32 reg[VLAPIC_REGS];		/* IRR: other CPUs set bits */
	u64 tsc_deadline;
	s64 period;			/* ns, 0: the timer is not periodic */
	s64 started;
	struct timer timer;
};

struct hvm_vcpu {			/* v->hvm */
	void *control;			/* the vendor's control block */
	struct vlapic apic;
	u8 upcall_vector;		/* HVMOP_set_evtchn_upcall_vector, or 0 */
	u8 offered;			/* the interrupt that its guest may take until the next exit, or 0 */
	enum { OFFER_VLAPIC, OFFER_UPCALL, OFFER_NO_EOI } offered_from;
	bool wait_sipi;			/* after INIT */
	bool reset;			/* start at start_page << 12 in real mode */
	u8 start_page;
	bool nmi_blocked;
	bool dr_loaded;			/* DR0-3 are in the CPU */
	u64 dr[4];
	u64 pat;			/* as the guest reads it: all its memory is write-back */
	u64 asid_stamp;			/* its CPU's flushes when its ASID was new */
	unsigned int asid_cpu;
	bool in_guest, flush;		/* it needs a new one: HVMOP_flush_tlbs */
};

/** hvm_init: finds out, before other CPUs start, what the boot CPU can; hvm_cpu_init: readies this CPU. */
void hvm_init(void);
void hvm_cpu_init(void);
bool hvm_available(void);
/** hvm_default_cpus: where such a vcpu runs that has no affinity from the toolstack. */
cpumask_t hvm_default_cpus(void);

int hvm_domain_init(struct domain *d);
/** hvm_domain_relinquish: dying @d's p2m lets go of all frames. 0 or -ERESTART. */
int hvm_domain_relinquish(struct domain *d);
void hvm_domain_free(struct domain *d);
int hvm_vcpu_init(struct vcpu *v);
void hvm_vcpu_destroy(struct vcpu *v);

/** hvm_ctxt_switch_from/to: guest state that is in the CPU between two exits. Interrupts off. */
void hvm_ctxt_switch_from(struct vcpu *v);
void hvm_ctxt_switch_to(struct vcpu *v, struct vcpu *prev);
/** hvm_run: current runs until it is switched away. For entry_reset_stack_and_jump(). */
void hvm_run(void);
/** hvm_rouse: something was set for @v: have it look. */
void hvm_rouse(struct vcpu *v);

/** hvm_initialise: VCPUOP_initialise: registers from a struct vcpu_hvm_context at guest address @arg. */
long hvm_initialise(struct vcpu *v, unsigned long arg);
/** hvm_set_context: XEN_DOMCTL_sethvmcontext: records of <xen/hvm/save.h>. The domain is paused. */
long hvm_set_context(struct domain *d, unsigned long buffer, u32 size);
/** hvm_get_regs, hvm_set_regs: general registers, rip, rsp and rflags of @v, which is not running. */
void hvm_get_regs(struct vcpu *v, struct cpu_user_regs *to);
void hvm_set_regs(struct vcpu *v, const struct cpu_user_regs *from);

/* ---- p2m: hvm/p2m.c ---- */
/**
 * p2m_get_page: a reference on the frame at @gfn, with type "writable" if @write. Only frames that
 * are @d's own. NULL: none there.
 */
struct page_info *p2m_get_page(struct domain *d, unsigned long gfn, bool write);
/** p2m_frame: machine frame at @gfn, or ~0. No reference. */
unsigned long p2m_frame(const struct domain *d, unsigned long gfn);
/**
 * p2m_add: 2^@order frames (0, 9, 18) from @m at @gfn; takes references, lets go of what was there.
 * 0, -EINVAL (not @d's, or @gfn out of range), -ENOMEM. p2m_remove: one frame: the frame it was.
 */
int p2m_add(struct domain *d, unsigned long gfn, mfn_t m, unsigned int order);
mfn_t p2m_remove(struct domain *d, unsigned long gfn);
/** p2m_flush: after removals, before the caller of the hypercall hears of them. */
void p2m_flush(struct domain *d);
/** p2m_map_grant: as pv_map_grant_va() for current; @gpa: guest physical address. */
int p2m_map_grant(struct domain *d, u64 gpa, pte_t new, pte_t expect);

/* ---- guest memory of current by virtual address: hvm/guest-walk.c; 0 or -EFAULT ---- */
int hvm_copy(void *buf, unsigned long va, size_t n, bool to_guest);

/* ---- hypercalls of such guests ---- */
void hvm_hypercall_page_fill(void *page);
void hvm_dump_vcpu(const struct vcpu *v);	/* registers, for a vcpu that is not running */
void hvm_dump(struct domain *d);		/* debug key 'v': exits by reason */
long do_hvm_op(unsigned long cmd, unsigned long arg, unsigned long, unsigned long, unsigned long);

#endif

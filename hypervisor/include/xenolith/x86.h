/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86: the CPU itself: registers, per-CPU block, features and CPUID policy, MSRs, FPU state,
 * local APIC, IPIs, time. References "SDM" and "APM" are the Intel and AMD manuals.
 */
#ifndef XENOLITH_X86_H
#define XENOLITH_X86_H

#include <xenolith/layout.h>
#include <xenolith/lib.h>
#include <xenolith/lock.h>

struct vcpu;
struct domain;

/* Saved by every entry, restored by every exit; order is the stack's (entry/). */
struct cpu_regs {
	u64 _align;		/* the CPU aligns rsp to 16 before it pushes: the whole frame must fit that */
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	u64 rax, rcx, rdx, rsi, rdi;
	u32 error_code;
	u32 vector;		/* low 8 bits the vector; ENTRY_SYSCALL, ENTRY_IRET */
	u64 rip;
	u16 cs, _pad_cs[3];
	u64 rflags;
	u64 rsp;
	u16 ss, _pad_ss[3];
};
#define ENTRY_SYSCALL		0x100	/* came by SYSCALL: rcx and r11 are dead, SYSRET may be used */
#define ENTRY_IRET		0x200	/* on the way out of the iret hypercall */

/*
 * At the very top of each CPU's main stack. An entry from a guest always finds guest_regs at the
 * same place, since TSS.rsp0 points just behind it.
 */
/* What each CPU counts since boot, for whoever measures (XEN_SYSCTL_perfc_op). The loads of CR3 are those for the guest. */
enum { COUNT_HYPERCALL, COUNT_CR3, COUNT_FLUSH, COUNT_FLUSH_PAGE, COUNT_FLUSH_REMOTE, COUNT_GRANT, COUNT_SEND,
       COUNT_EXIT, NR_COUNTS };

struct cpu_info {
	struct cpu_regs guest_regs;
	struct vcpu *vcpu;		/* current: the one whose guest_regs stand above; never NULL after boot */
	unsigned long percpu_offset;
	unsigned long cr4;		/* cached value of CR4 */
	unsigned int cpu;
	u32 softirq_pending;		/* bits SOFTIRQ_*; other CPUs set bits atomically */
	u32 count[NR_COUNTS];		/* by COUNT_* */
} __aligned(16);
_Static_assert(sizeof(struct cpu_regs) % 16 == 0, "TSS.rsp0 must be 16-byte aligned");

static __always_inline struct cpu_info *cpu_info(void)
{
	unsigned long sp;

	asm("lea (%%rsp), %0" : "=r" (sp));
	return (struct cpu_info *)((sp | (STACK_SIZE - 1)) + 1) - 1;
}

#if !__STDC_HOSTED__
#define current			(cpu_info()->vcpu)
#define guest_regs()		(&cpu_info()->guest_regs)
#define smp_cpu()		(cpu_info()->cpu)
#define count_on_cpu(what, n)	((void)(cpu_info()->count[what] += (n)))
#else
extern struct vcpu *current;
#define smp_cpu()		0u
#define count_on_cpu(what, n)	((void)(n))
#endif

/* The three IST stacks have no cpu_info at their top but share the block: cpu_info() holds there too. */

/* ---- registers ---- */
#define X86_EFLAGS_TF	0x100
#define X86_EFLAGS_IF	0x200
#define X86_EFLAGS_DF	0x400
#define X86_EFLAGS_IOPL	0x3000
#define X86_EFLAGS_NT	0x4000
#define X86_EFLAGS_RF	0x10000
#define X86_EFLAGS_VM	0x20000
#define X86_EFLAGS_AC	0x40000
#define X86_EFLAGS_MBS	0x2

#define X86_CR0_PE	BIT(0)
#define X86_CR0_MP	BIT(1)
#define X86_CR0_TS	BIT(3)
#define X86_CR0_ET	BIT(4)
#define X86_CR0_NE	BIT(5)
#define X86_CR0_WP	BIT(16)
#define X86_CR0_PG	BIT(31)

#define X86_CR4_TSD	BIT(2)
#define X86_CR4_DE	BIT(3)
#define X86_CR4_PAE	BIT(5)
#define X86_CR4_MCE	BIT(6)
#define X86_CR4_PGE	BIT(7)
#define X86_CR4_OSFXSR	BIT(9)
#define X86_CR4_OSXMMEXCPT BIT(10)
#define X86_CR4_UMIP	BIT(11)
#define X86_CR4_FSGSBASE BIT(16)
#define X86_CR4_OSXSAVE	BIT(18)
#define X86_CR4_SMEP	BIT(20)
#define X86_CR4_SMAP	BIT(21)

#define MSR_APIC_BASE		0x1b
#define MSR_SYSENTER_CS		0x174
#define MSR_MISC_ENABLE		0x1a0
#define MSR_ARCH_CAPS		0x10a
#define MSR_PAT			0x277
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_FMASK		0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102
#define MSR_TSC_AUX		0xc0000103
#define EFER_SCE		BIT(0)
#define EFER_LME		BIT(8)
#define EFER_LMA		BIT(10)
#define EFER_NXE		BIT(11)

/* PAT in force, the ABI's (Xen's) own order: entries 0-5 WB WT UC- UC WC WP, 6-7 UC. */
#define HYP_PAT			0x050100070406UL

#define X86_EXC_DB	1
#define X86_EXC_NMI	2
#define X86_EXC_BP	3
#define X86_EXC_OF	4
#define X86_EXC_UD	6
#define X86_EXC_NM	7
#define X86_EXC_DF	8
#define X86_EXC_GP	13
#define X86_EXC_PF	14
#define X86_EXC_MC	18
#define X86_EXC_HAS_EC	0x227d00	/* vectors that push an error code */

#define PFEC_PRESENT	BIT(0)
#define PFEC_WRITE	BIT(1)
#define PFEC_USER	BIT(2)
#define PFEC_RSVD	BIT(3)

#if !__STDC_HOSTED__
static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a" (lo), "=d" (hi) : "c" (msr) : "memory");
	return lo | (u64)hi << 32;
}

static inline void wrmsr(u32 msr, u64 v)
{
	asm volatile("wrmsr" :: "c" (msr), "a" (v), "d" (v >> 32) : "memory");
}

static inline unsigned long read_cr0(void)
{
	unsigned long v;

	asm volatile("mov %%cr0, %0" : "=r" (v));
	return v;
}

static inline void write_cr0(unsigned long v)
{
	asm volatile("mov %0, %%cr0" :: "r" (v) : "memory");
}

static inline unsigned long read_cr2(void)
{
	unsigned long v;

	asm volatile("mov %%cr2, %0" : "=r" (v));
	return v;
}

static inline unsigned long read_cr3(void)
{
	unsigned long v;

	asm volatile("mov %%cr3, %0" : "=r" (v) :: "memory");
	return v;
}

static inline void write_cr3(unsigned long v)
{
	asm volatile("mov %0, %%cr3" :: "r" (v) : "memory");
}

static inline unsigned long read_cr4(void)
{
	return cpu_info()->cr4;
}

static inline void write_cr4(unsigned long v)
{
	cpu_info()->cr4 = v;
	asm volatile("mov %0, %%cr4" :: "r" (v) : "memory");
}

static inline void clts(void)
{
	asm volatile("clts");
}

static inline void stts(void)
{
	write_cr0(read_cr0() | X86_CR0_TS);
}

static inline void invlpg(unsigned long va)
{
	asm volatile("invlpg (%0)" :: "r" (va) : "memory");
}

static inline void wbinvd(void)
{
	asm volatile("wbinvd" ::: "memory");
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a" (lo), "=d" (hi));
	return lo | (u64)hi << 32;
}

static inline u8 inb(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a" (v) : "Nd" (port));
	return v;
}

static inline u16 inw(u16 port)
{
	u16 v;

	asm volatile("inw %1, %0" : "=a" (v) : "Nd" (port));
	return v;
}

static inline u32 inl(u16 port)
{
	u32 v;

	asm volatile("inl %1, %0" : "=a" (v) : "Nd" (port));
	return v;
}

static inline void outb(u8 v, u16 port)
{
	asm volatile("outb %0, %1" :: "a" (v), "Nd" (port));
}

static inline void outw(u16 v, u16 port)
{
	asm volatile("outw %0, %1" :: "a" (v), "Nd" (port));
}

static inline void outl(u32 v, u16 port)
{
	asm volatile("outl %0, %1" :: "a" (v), "Nd" (port));
}

/* Three bytes that become stac or clac where the CPU has SMAP: entry/asm.h has the same. */
#define SMAP_SITE(opcode)							\
	"771: .byte 0x0f, 0x1f, 0x00;"						\
	".pushsection .smap_sites, \"a\"; .long 771b - ., " opcode "; .popsection"
static inline void stac(void)
{
	asm volatile(SMAP_SITE("0xcb") ::: "memory");
}

static inline void clac(void)
{
	asm volatile(SMAP_SITE("0xca") ::: "memory");
}
#endif

/** rdmsr_safe, wrmsr_safe: -EIO instead of #GP. */
int rdmsr_safe(u32 msr, u64 *v);
int wrmsr_safe(u32 msr, u64 v);

/* ---- features: x86/cpu.c ---- */
struct cpuid_leaf {
	u32 a, b, c, d;
};
static inline struct cpuid_leaf cpuid(u32 leaf, u32 sub)
{
	struct cpuid_leaf r;

	asm volatile("cpuid" : "=a" (r.a), "=b" (r.b), "=c" (r.c), "=d" (r.d)
		     : "a" (leaf), "c" (sub));
	return r;
}

enum x86_vendor { X86_VENDOR_OTHER, X86_VENDOR_INTEL, X86_VENDOR_AMD };
struct x86_features {		/* of the boot CPU; others must not have less (checked at bring-up) */
	enum x86_vendor vendor;
	u32 max_leaf, max_ext_leaf;
	unsigned int phys_bits;
	bool xsave, xsaveopt, avx512f, pge1g, invariant_tsc, rdtscp;
	bool tcg;		/* QEMU interprets: some of its own faults are worked around */
	bool isolate;		/* guests run on tables without the hypervisor: entry/isolate.S */
	u64 xcr0;		/* state components in use */
	u32 xstate_size;
	bool fpu_pointers_leak;	/* FXRSTOR and XRSTOR leave FIP, FDP, FOP as they were (AMD) */
	unsigned long cr4;	/* in force on every CPU; new stack blocks start with it */
};
extern struct x86_features x86;
extern bool x86_has_smap;	/* SMAP_SITEs are patched */

/**
 * rewrite_code: write the byte of code at @p, as it is. TCG (QEMU 7.2) can keep its translation of code that another
 * processor changed while it was being translated: an INT3 that is gone is taken for ever. A write makes it look again.
 */
static inline void rewrite_code(u8 *p)
{
	asm volatile("lock; orb $0, %0" : "+m" (*p));
}

/** x86_early_init: features, PAT, CR4, EFER of the boot CPU. Before memory is set up. */
void x86_early_init(void);
/** x86_cpu_init: the same for an AP, on its own stack block; entry_cpu_init() does the rest. */
void x86_cpu_init(unsigned int cpu);

/*
 * The CPUID policy. Feature words are numbered as in the public cpufeatureset.h; each is a register
 * of a leaf. x86_pv_features: what PV guests may have; a domain may be given less.
 */
#define X86_FEATURE_WORDS	13
extern const struct x86_feature_word {
	u32 leaf, sub;
	u8 reg;				/* index into struct cpuid_leaf */
} x86_feature_word[X86_FEATURE_WORDS];
extern const u32 x86_pv_features[X86_FEATURE_WORDS];
/** x86_hvm_add_features: to those of a PV guest, what only hardware-assisted ones may have. */
void x86_hvm_add_features(u32 *features);
/** x86_cpuid_policy: @leaf/@sub under @features, without what depends on a vcpu. */
struct cpuid_leaf x86_cpuid_policy(const u32 *features, u32 leaf, u32 sub);
/** x86_cpuid_guest: what @v sees for @leaf/@sub (also Xen leaves 0x40000000+). */
struct cpuid_leaf x86_cpuid_guest(const struct vcpu *v, u32 leaf, u32 sub);
/** x86_guest_rdmsr/wrmsr: emulation of MSRs of a guest; 0 or -EPERM (inject #GP). */
int x86_guest_rdmsr(struct vcpu *v, u32 msr, u64 *val);
int x86_guest_wrmsr(struct vcpu *v, u32 msr, u64 val);

/* ---- FPU and extended state: x86/fpu.c. State is switched eagerly at context switch. ---- */
int fpu_vcpu_init(struct vcpu *v);		/* allocates the area, initial state; -ENOMEM */
void fpu_vcpu_destroy(struct vcpu *v);
void fpu_save(struct vcpu *v);
void fpu_restore(struct vcpu *v);
/** fpu_set_xcr0: XSETBV by a guest; 0 or -EINVAL when bits are illegal. */
int fpu_set_xcr0(struct vcpu *v, u32 index, u64 val);
/**
 * fpu_clear - zero much memory, past the caches, through a vector register that keeps the guest's value
 * @p, @bytes: multiples of PAGE_SIZE
 */
void fpu_clear(void *p, size_t bytes);
/** fpu_note_xcr0: @v, which is loaded, may have set XCR0 without an exit (QEMU's TCG knows no intercept of XSETBV). */
void fpu_note_xcr0(struct vcpu *v);
#define FPU_LEGACY_SIZE		512
/** fpu_set/get_legacy: the FXSAVE image of vcpu_guest_context; @v is not running. */
void fpu_set_legacy(struct vcpu *v, const void *image);
void fpu_get_legacy(const struct vcpu *v, void *image);

/* ---- local APIC, IPIs, CPUs ---- */
extern cpumask_t cpu_online_mask, cpu_present_mask;
extern unsigned int nr_cpus_present;		/* CPUs that the MADT lists and maxcpus= allows */
extern u32 cpu_apic_id[NR_CPUS];
extern u32 cpu_acpi_id[NR_CPUS];
void apic_init(void);				/* this CPU */
void apic_eoi(void);
bool apic_in_service(u8 vector);	/* delivered to this CPU and not ended yet? */
void apic_send_ipi(unsigned int cpu, u8 vector);
void apic_send_ipi_mask(const cpumask_t *mask, u8 vector);
void apic_send_init(u32 apic_id);
void apic_send_startup(u32 apic_id, u8 page);
void apic_send_nmi_others(void);
/** apic_timer_set: one-shot; @expires absolute now_ns() time, 0 stops it. This CPU. */
void apic_timer_set(s64 expires);
void apic_timer_calibrate(void);		/* boot CPU, after time_init() */

/**
 * smp_call: run @fn(@arg) on every CPU of @mask, interrupts off there; waits. Interrupts must be
 * enabled when other CPUs are in @mask.
 */
void smp_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg);
/** smp_kick: make each CPU of @mask pass its exit path (VEC_EVENT_CHECK). */
void smp_kick(unsigned int cpu);
/** smp_boot_aps: start every present CPU; prints those that stay silent. boot/ calls it. */
void smp_boot_aps(void);
/** smp_stop_others: halt all other CPUs (panic, reboot). Callable from any state. */
void smp_stop_others(void);
/** smp_nmi: first thing of the NMI handler: halts this CPU for good after smp_stop_others(). */
void smp_nmi(void);

/* ---- time: x86/time.c ----
 * System time: ns since boot, the same on all CPUs (from the TSC when it is trustworthy, scaled
 * against HPET or PM timer or PIT and kept within 100 ppm of it).
 */
void time_init(void);				/* boot CPU: find platform timer, calibrate TSC */
s64 now_ns(void);
void udelay(unsigned int us);
extern u32 tsc_khz;
/**
 * time_start: boot CPU, when timers and all CPUs run: compares the CPUs' TSCs and begins to keep
 * the TSC's scale right against the platform timer.
 */
void time_start(void);
/** time_tsc_reliable: is the TSC invariant and in step on all CPUs? */
bool time_tsc_reliable(void);
/**
 * time_update_vcpu: write v's vcpu_time_info (seqlock "version" protocol of the ABI) and its
 * registered time area, when they are older than the scale in force. @v is current, its page
 * tables are loaded. With v->time_version 0 always: after v->info or v->time_area moved.
 */
void time_update_vcpu(struct vcpu *v);
/**
 * time_was_stopped: @v, which is paused, will find XEN_PVCLOCK_GUEST_STOPPED in its time record, so that its kernel
 * does not take the pause for a hang. The guest clears the flag.
 */
void time_was_stopped(struct vcpu *v);
/** time_set_wallclock/time_update_wallclock: ABI wc_* of shared_info of @d (or all domains). */
void time_set_wallclock(u64 secs, u32 nsecs, u64 system_time_base);
void time_update_wallclock(struct domain *d);
/** time_wallclock: now, seconds since 1970, *@ns within the second. */
u64 time_wallclock(u32 *ns);

#endif

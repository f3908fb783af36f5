// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs as guests see them. A table says which ones exist for whom; reads give a constant or the
 * machine's value, writes are mostly dropped, since kernels write many MSRs in passing that mean
 * nothing in ring 3. A few have code of their own. Everything else does not exist (#GP).
 */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include <xenolith/x86.h>

#define MSR_TSC			0x10
#define MSR_PRED_CMD		0x49
#define MSR_HYPERCALL_PAGE	0x40000000
#define PRED_CMD_IBPB		1
#define APIC_BASE_BSP		BIT(8)
#define APIC_BASE_ENABLE	BIT(11)
#define EFER_GUEST		(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
/* RDCL_NO, SSB_NO, MDS_NO, IF_PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO, FBSDP_NO, PSDP_NO, FB_CLEAR */
#define ARCH_CAPS_GUEST		0x2e171UL
#define MISC_HIDDEN		(BIT(7) | BIT(18))		/* counters, MONITOR */
#define MISC_ABSENT		(BIT(11) | BIT(12) | BIT(23))	/* BTS, PEBS, xTPR unavailable */

enum { FOR_INTEL = 1 << X86_VENDOR_INTEL, FOR_AMD = 1 << X86_VENDOR_AMD, FOR_ANY = 7, FOR_DOM0 = 8, FROM_CPU = 16,
       WRITABLE = 32 };
static const struct msr_rule {
	u32 first, last;
	u32 flags;
	u64 value;		/* FROM_CPU: the bits that show; else what is read */
} rules[] = {
	{ 0x00000017, 0x00000017, FOR_INTEL | FOR_DOM0 | FROM_CPU, ~0UL },		/* platform id */
	{ 0x0000003a, 0x0000003a, FOR_INTEL, 1 },			/* feature control: locked */
	{ 0x0000008b, 0x0000008b, FOR_ANY | FROM_CPU | WRITABLE, ~0UL },	/* microcode revision */
	{ 0x000000ce, 0x000000ce, FOR_INTEL, 0 },			/* platform info */
	{ 0x000000fe, 0x000000fe, FOR_ANY | FOR_DOM0 | FROM_CPU, ~0UL },	/* MTRRcap */
	{ MSR_ARCH_CAPS, MSR_ARCH_CAPS, FOR_ANY | FROM_CPU, ARCH_CAPS_GUEST },
	{ 0x00000179, 0x0000017b, FOR_ANY | WRITABLE, 0 },		/* machine check: no banks */
	{ MSR_MISC_ENABLE, MSR_MISC_ENABLE, FOR_INTEL | FROM_CPU | WRITABLE, ~MISC_HIDDEN },
	{ MSR_PAT, MSR_PAT, FOR_ANY, HYP_PAT },
	{ 0x00000200, 0x0000026f, FOR_ANY | FOR_DOM0 | FROM_CPU, ~0UL },	/* MTRRs */
	{ 0x000002ff, 0x000002ff, FOR_ANY | FOR_DOM0 | FROM_CPU, ~0UL },
	{ MSR_EFER, MSR_EFER, FOR_ANY | FROM_CPU, EFER_GUEST },
	{ 0xc0010010, 0xc0010010, FOR_AMD, 0 },				/* SYSCFG */
	{ 0xc0010015, 0xc0010015, FOR_AMD | WRITABLE, BIT(24) },	/* HWCR: TSC runs at P0 */
	{ 0xc001001a, 0xc001001d, FOR_AMD | FOR_DOM0 | FROM_CPU, ~0UL },	/* top of memory */
	{ 0xc001001f, 0xc001001f, FOR_AMD | FOR_DOM0 | FROM_CPU | WRITABLE, ~0UL },	/* NB_CFG */
	{ 0xc0010055, 0xc0010055, FOR_AMD | WRITABLE, 0 },		/* interrupt pending: no C1E */
	{ 0xc0010058, 0xc0010058, FOR_AMD | FOR_DOM0 | FROM_CPU | WRITABLE, ~0UL },	/* MMCONFIG */
	{ 0xc0010114, 0xc0010114, FOR_AMD, 0 },				/* VM_CR */
	{ 0xc0011029, 0xc0011029, FOR_AMD | WRITABLE, BIT(1) },		/* DE_CFG: LFENCE serializes */
};

static const struct msr_rule *rule_for(const struct vcpu *v, u32 msr)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct msr_rule *r = &rules[i];

		if (msr < r->first || msr > r->last)
			continue;
		return r->flags & BIT(x86.vendor) && (v->domain->is_hardware || !(r->flags & FOR_DOM0)) ? r : NULL;
	}
	return NULL;
}

static int read_by_rule(struct vcpu *v, u32 msr, u64 *val)
{
	const struct msr_rule *r = rule_for(v, msr);

	if (!r)
		return -EPERM;
	*val = r->value;
	if (r->flags & FROM_CPU) {
		if (rdmsr_safe(msr, val))
			return -EPERM;
		*val &= r->value;
	}
	if (msr == MSR_MISC_ENABLE)
		*val |= MISC_ABSENT;
	return 0;
}

int x86_guest_rdmsr(struct vcpu *v, u32 msr, u64 *val)
{
	switch (msr) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:		/* of guest kernel mode: the only mode that gets here */
	case MSR_KERNEL_GS_BASE:
		*val = rdmsr(msr);
		return 0;
	case MSR_TSC:
		*val = rdtsc();
		return 0;
	case MSR_APIC_BASE:
		*val = 0xfee00000 | APIC_BASE_ENABLE | (v->id ? 0 : APIC_BASE_BSP);
		return 0;
	case MSR_TSC_AUX:
		*val = v->pv.ctrl_tsc_aux;
		return x86.rdtscp ? 0 : -EPERM;
	}
	return read_by_rule(v, msr, val);
}

/* The guest names a frame of its own; it becomes its hypercall page. */
static int set_hypercall_page(struct vcpu *v, u64 val)
{
	mfn_t m = mfn(domain_frame(v->domain, val >> PAGE_SHIFT));
	struct page_info *pg = mfn_to_page(m);

	if (val & ~PAGE_MASK || !mfn_valid(m) ||
	    get_page_and_type(pg, v->domain, PGT_WRITABLE, false))
		return -EPERM;
	(v->is_hvm ? hvm_hypercall_page_fill : hypercall_page_fill)(mfn_to_virt(m));
	put_page_and_type(pg);
	return 0;
}

static int write_by_rule(struct vcpu *v, u32 msr, u64 val)
{
	const struct msr_rule *r = rule_for(v, msr);
	u64 old;

	if (!r)
		return -EPERM;
	if (r->flags & WRITABLE)
		return 0;		/* and nothing happens */
	return !read_by_rule(v, msr, &old) && old == val ? 0 : -EPERM;
}

int x86_guest_wrmsr(struct vcpu *v, u32 msr, u64 val)
{
	switch (msr) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
		if (!canonical(val))
			return -EPERM;
		wrmsr(msr, val);
		return 0;
	case MSR_TSC_AUX:
		if (!x86.rdtscp || val >> 32)
			return -EPERM;
		v->pv.ctrl_tsc_aux = val;
		wrmsr(msr, val);
		return 0;
	case MSR_PRED_CMD:
		if (val & ~PRED_CMD_IBPB || !(x86_cpuid_guest(v, 0x80000008, 0).b & BIT(12)))
			return -EPERM;
		return val && wrmsr_safe(msr, val) ? -EPERM : 0;
	case MSR_HYPERCALL_PAGE:
		return set_hypercall_page(v, val);
	case 0x79:			/* microcode update: Domain0's kernel tries it */
		return v->domain->is_hardware && x86.vendor == X86_VENDOR_INTEL ? 0 : -EPERM;
	}
	return write_by_rule(v, msr, val);
}

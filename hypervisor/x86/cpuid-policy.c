// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a PV guest is told by CPUID: the machine's answer, each feature word masked to what can
 * work in ring 3, topology flattened (each vcpu a package of its own), and Xen's own leaves.
 *
 * User programs execute CPUID themselves and see the machine; that is why nothing here may be
 * relied on as protection.
 */
#include <xenolith/domain.h>
#include <xenolith/x86.h>
#include <xen/arch-x86/cpufeatureset.h>
#include <xen/arch-x86/cpuid.h>

#define MAX_LEAF	0xd
#define MAX_EXT_LEAF	0x80000021
#define XEN_VERSION	(4u << 16 | 17)
#define F(name)		(1u << XEN_X86_FEATURE_##name % 32)
#define EXT_COPIES	0x0183f3ffu	/* bits of leaf 1 that AMD repeats in 0x80000001 */

/* Where the feature words lie; numbering as in the public header. */
enum { W_1D, W_1C, W_E1D, W_E1C, W_DA1, W_7B0, W_7C0, W_E7D, W_E8B, W_7D0, W_7A1, W_E21A, W_7D2 };
enum { REG_A, REG_B, REG_C, REG_D };
const struct x86_feature_word x86_feature_word[X86_FEATURE_WORDS] = {
	[W_1D] = { 1, 0, REG_D },	[W_1C] = { 1, 0, REG_C },
	[W_E1D] = { 0x80000001, 0, REG_D }, [W_E1C] = { 0x80000001, 0, REG_C },
	[W_DA1] = { 0xd, 1, REG_A },	[W_7B0] = { 7, 0, REG_B },
	[W_7C0] = { 7, 0, REG_C },	[W_E7D] = { 0x80000007, 0, REG_D },
	[W_E8B] = { 0x80000008, 0, REG_B }, [W_7D0] = { 7, 0, REG_D },
	[W_7A1] = { 7, 1, REG_A },	[W_E21A] = { 0x80000021, 0, REG_A },
	[W_7D2] = { 7, 2, REG_D },
};

/* Features that PV guests may have. */
const u32 x86_pv_features[X86_FEATURE_WORDS] = {
	[W_1D] = F(FPU) | F(DE) | F(TSC) | F(MSR) | F(PAE) | F(MCE) | F(CX8) | F(APIC) | F(SEP) | F(MCA) |
		F(CMOV) | F(PAT) | F(CLFLUSH) | F(ACPI) | F(MMX) | F(FXSR) | F(SSE) | F(SSE2) | F(SS),
	[W_1C] = F(SSE3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(SSE4_1) | F(SSE4_2) | F(MOVBE) |
		F(POPCNT) | F(AESNI) | F(XSAVE) | F(AVX) | F(F16C) | F(RDRAND),
	[W_E1D] = F(SYSCALL) | F(NX) | F(MMXEXT) | F(FFXSR) | F(RDTSCP) | F(LM) | F(3DNOWEXT) | F(3DNOW),
	[W_E1C] = F(LAHF_LM) | F(ABM) | F(SSE4A) | F(MISALIGNSSE) | F(3DNOWPREFETCH) | F(XOP) | F(FMA4) |
		F(TBM),
	[W_DA1] = F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1),
	[W_7B0] = F(FSGSBASE) | F(BMI1) | F(AVX2) | F(FDP_EXCP_ONLY) | F(BMI2) | F(ERMS) | F(NO_FPU_SEL) |
		F(AVX512F) | F(AVX512DQ) | F(RDSEED) | F(ADX) | F(AVX512_IFMA) | F(CLFLUSHOPT) | F(CLWB) |
		F(AVX512PF) | F(AVX512ER) | F(AVX512CD) | F(SHA) | F(AVX512BW) | F(AVX512VL),
	[W_7C0] = F(PREFETCHWT1) | F(AVX512_VBMI) | F(AVX512_VBMI2) | F(GFNI) | F(VAES) | F(VPCLMULQDQ) |
		F(AVX512_VNNI) | F(AVX512_BITALG) | F(AVX512_VPOPCNTDQ) | F(RDPID) | F(CLDEMOTE),
	[W_E7D] = F(ITSC),
	[W_E8B] = F(CLZERO) | F(RSTR_FP_ERR_PTRS) | F(IBPB) | F(SSB_NO) | F(BTC_NO) | F(IBPB_RET),
	[W_7D0] = F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(FSRM) | F(MD_CLEAR) | F(SERIALIZE) | F(ARCH_CAPS),
	[W_7A1] = F(AVX_VNNI) | F(AVX512_BF16) | F(FZRM) | F(FSRS) | F(FSRCS),
	[W_E21A] = F(LFENCE_DISPATCH) | F(VERW_CLEAR) | F(NSCB) | F(IBPB_BRTYPE) | F(SRSO_NO),
	[W_7D2] = F(MCDT_NO),
};

void x86_hvm_add_features(u32 *features)
{
	features[W_1D] |= F(VME) | F(PSE) | F(PGE) | F(PSE36);
	features[W_1C] |= F(X2APIC) | F(TSC_DEADLINE);
	features[W_E1D] |= F(PAGE1GB);
	features[W_E1C] |= F(CR8_LEGACY);
	features[W_7B0] |= F(SMEP) | F(SMAP);
	features[W_7C0] |= F(UMIP);
}

/* No XEN_HVM_CPUID_UPCALL_VECTOR: kernels then take the domain's callback vector, which needs no EOI, so no exit. */
static struct cpuid_leaf hvm_leaf(const struct vcpu *v)
{
	return (struct cpuid_leaf){ XEN_HVM_CPUID_X2APIC_VIRT | XEN_HVM_CPUID_VCPU_ID_PRESENT | XEN_HVM_CPUID_DOMID_PRESENT,
				    v->id, v->domain->id, 0 };
}

static struct cpuid_leaf own_leaf(bool port)
{
	return (struct cpuid_leaf){ XENOLITH_PORT_FLUSH_MASK | (port ? XENOLITH_PORT_NO_EOI | XENOLITH_PORT_LEAVE_FIFO : 0),
				    XENOLITH_PORT_EBX, XENOLITH_PORT_ECX, XENOLITH_PORT_EDX };
}

static struct cpuid_leaf xen_leaf(const struct vcpu *v, u32 leaf, u32 sub)
{
	bool port = v->is_hvm && v->domain->hvm.port;

	switch (leaf - XEN_CPUID_FIRST_LEAF) {
	case 0:
		if (port)
			return (struct cpuid_leaf){ XEN_CPUID_FIRST_LEAF + XENOLITH_PORT_LEAF, XENOLITH_PORT_EBX,
						    XENOLITH_PORT_ECX, XENOLITH_PORT_EDX };
		return (struct cpuid_leaf){ XEN_CPUID_FIRST_LEAF + (v->is_hvm ? XENOLITH_PORT_LEAF : XEN_CPUID_MAX_NUM_LEAVES),
			XEN_CPUID_SIGNATURE_EBX, XEN_CPUID_SIGNATURE_ECX, XEN_CPUID_SIGNATURE_EDX };
	case 1:
		return (struct cpuid_leaf){ .a = XEN_VERSION };
	case 2:		/* one hypercall page, its MSR, features */
		return (struct cpuid_leaf){ 1, 0x40000000, v->is_hvm ? 0 : XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD, 0 };
	case 3:
		if (sub == 0)
			return (struct cpuid_leaf){ (time_tsc_reliable() ? 2 : 0) | (x86.rdtscp ? 4 : 0), 0, tsc_khz, 0 };
		return (struct cpuid_leaf){ .a = sub == 2 ? tsc_khz : 0 };
	case 4:
		return v->is_hvm ? hvm_leaf(v) : (struct cpuid_leaf){ 0 };
	case 5:
		return (struct cpuid_leaf){ .b = sub == 0 ? x86.phys_bits : 0 };
	case XENOLITH_PORT_LEAF:
		return v->is_hvm ? own_leaf(port) : (struct cpuid_leaf){ 0 };
	}
	return (struct cpuid_leaf){ 0 };
}

/* Bytes of an XSAVE image with the components @xcr0, in the standard or the compacted format. */
static u32 xstate_bytes(u64 xcr0, bool compacted)
{
	u32 size = 576;

	for (u64 left = xcr0 & ~3UL; left; left &= left - 1) {
		struct cpuid_leaf c = cpuid(0xd, ffs64(left));

		if (!compacted)
			size = max(size, c.b + c.a);
		else
			size = (c.c & 2 ? ROUND_UP(size, 64u) : size) + c.a;
	}
	return size;
}

/* The machine's answer, each feature word masked to what may be shown. */
static struct cpuid_leaf masked_leaf(const u32 *features, u32 leaf, u32 sub)
{
	struct cpuid_leaf r = cpuid(leaf, sub);

	for (unsigned int i = 0; i < X86_FEATURE_WORDS; i++)
		if (x86_feature_word[i].leaf == leaf && x86_feature_word[i].sub == sub)
			(&r.a)[x86_feature_word[i].reg] &= features[i];
	return r;
}

static struct cpuid_leaf xstate_leaf(u32 sub, struct cpuid_leaf r)
{
	if (!x86.xsave)
		return (struct cpuid_leaf){ 0 };
	if (sub == 0)
		return (struct cpuid_leaf){ x86.xcr0, xstate_bytes(x86.xcr0, false),
					    xstate_bytes(x86.xcr0, false), x86.xcr0 >> 32 };
	if (sub == 1)
		return (struct cpuid_leaf){ r.a, r.a & F(XSAVEC) ? xstate_bytes(x86.xcr0, true) : 0, 0, 0 };
	if (sub < 64 && x86.xcr0 & ~3UL & BIT(sub))
		return r;
	return (struct cpuid_leaf){ 0 };
}

static struct cpuid_leaf basic_leaf(u32 leaf, u32 sub, struct cpuid_leaf r)
{
	switch (leaf) {
	case 0:
		r.a = min_t(u32, x86.max_leaf, MAX_LEAF);
		return r;
	case 1:
		r.b = (r.b & 0xffff) | 1 << 16;
		r.c |= F(HYPERVISOR);
		return r;
	case 2:
		return r;
	case 4:
		r.a &= 0x3fff;			/* no sharing of caches, one core */
		return r;
	case 7:
		if (sub == 0)
			return (struct cpuid_leaf){ min(r.a, 2u), r.b, r.c, r.d };
		return (struct cpuid_leaf){ sub == 1 ? r.a : 0, 0, 0, sub == 2 ? r.d : 0 };
	case 0xb:
		return (struct cpuid_leaf){ 0, 0, sub & 0xff, 0 };
	case 0xd:
		return xstate_leaf(sub, r);
	}
	return (struct cpuid_leaf){ 0 };	/* serial number, MWAIT, power, performance counters ... */
}

static struct cpuid_leaf extended_leaf(const u32 *features, u32 leaf, struct cpuid_leaf r)
{
	switch (leaf) {
	case 0x80000000:
		r.a = min_t(u32, x86.max_ext_leaf, MAX_EXT_LEAF);
		return r;
	case 0x80000001:
		r.d |= F(SYSCALL);		/* Intel shows it to 64-bit code only */
		if (x86.vendor == X86_VENDOR_AMD)
			r.d |= masked_leaf(features, 1, 0).d & EXT_COPIES;
		return r;
	case 0x80000002 ... 0x80000006:		/* brand string, caches */
	case 0x80000019 ... 0x8000001a:		/* TLBs, instruction hints */
		return r;
	case 0x80000007:
		return (struct cpuid_leaf){ .d = time_tsc_reliable() ? r.d : 0 };
	case 0x80000008:
		return (struct cpuid_leaf){ (r.a & 0xff) | 48 << 8, r.b, 0, 0 };
	case 0x80000021:
		return (struct cpuid_leaf){ .a = r.a };
	}
	return (struct cpuid_leaf){ 0 };	/* SVM, IBS, topology ... */
}

struct cpuid_leaf x86_cpuid_policy(const u32 *features, u32 leaf, u32 sub)
{
	if (leaf <= min_t(u32, x86.max_leaf, MAX_LEAF))
		return basic_leaf(leaf, sub, masked_leaf(features, leaf, sub));
	if (leaf >= 0x80000000 && leaf <= min_t(u32, x86.max_ext_leaf, MAX_EXT_LEAF))
		return extended_leaf(features, leaf, masked_leaf(features, leaf, sub));
	return (struct cpuid_leaf){ 0 };
}

struct cpuid_leaf x86_cpuid_guest(const struct vcpu *v, u32 leaf, u32 sub)
{
	struct cpuid_leaf r;

	if (leaf >> 8 == XEN_CPUID_FIRST_LEAF >> 8)
		return xen_leaf(v, leaf, sub);
	r = x86_cpuid_policy(v->domain->cpu_features, leaf, sub);
	switch (leaf) {				/* what depends on the vcpu and its state */
	case 1:
		r.b |= v->id << 24;
		r.c |= x86.xsave && v->pv.cr4 & X86_CR4_OSXSAVE ? F(OSXSAVE) : 0;
		break;
	case 0xb:
		r.d = v->id;
		break;
	case 0xd:
		if (x86.xsave && sub < 2 && r.b)
			r.b = xstate_bytes(v->fpu.xcr0, sub);
		break;
	}
	return r;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID and MSRs tell a PV guest, on a machine that claims to have every feature there is.
 * What must hold: nothing shows that cannot work in ring 3 or would need state that is not switched
 * (a kernel that believes in such a feature dies at its first use, or leaks); what kernels need to
 * run at all does show; sizes of FPU state belong to the components that the guest may enable.
 */
#include "domains.h"
#include <xenolith/x86.h>

static u32 all = ~0u;		/* what every register of an ordinary leaf holds */
static struct cpuid_leaf fake_cpuid(u32 leaf, u32 sub)
{
	/* size, offset, flags of components 2 and 5 to 9 */
	static const struct cpuid_leaf component[] = {
		[2] = { 256, 576, 0, 0 }, [5] = { 64, 1088, 0, 0 }, [6] = { 512, 1152, 2, 0 },
		[7] = { 1024, 1664, 2, 0 }, [9] = { 8, 2688, 0, 0 },
	};

	if (leaf == 0xd && sub >= 2)
		return sub < ARRAY_SIZE(component) ? component[sub] : (struct cpuid_leaf){ 0 };
	return (struct cpuid_leaf){ all, all, all, all };
}
#define cpuid fake_cpuid
#include "../../hypervisor/x86/cpuid-policy.c"

static bool reliable;
struct x86_features x86 = {
	.vendor = X86_VENDOR_AMD, .max_leaf = 0x20, .max_ext_leaf = 0x80000026, .phys_bits = 46, .xsave = true,
	.rdtscp = true, .xcr0 = 0xe7,
};
u32 tsc_khz = 2400000;
bool time_tsc_reliable(void) { return reliable; }

#define HIDDEN(r, name)	check(!((r) & F(name)), #name " is hidden")
#define SHOWN(r, name)	check((r) & F(name), #name " shows")

static void features(const struct vcpu *v)
{
	struct cpuid_leaf l1 = x86_cpuid_guest(v, 1, 0), l7 = x86_cpuid_guest(v, 7, 0);
	struct cpuid_leaf e1 = x86_cpuid_guest(v, 0x80000001, 0), e8 = x86_cpuid_guest(v, 0x80000008, 0);

	HIDDEN(l1.d, VME); HIDDEN(l1.d, PSE); HIDDEN(l1.d, PGE); HIDDEN(l1.d, MTRR); HIDDEN(l1.d, PSE36);
	HIDDEN(l1.d, HTT); HIDDEN(l1.c, VMX); HIDDEN(l1.c, MONITOR); HIDDEN(l1.c, PCID); HIDDEN(l1.c, X2APIC);
	HIDDEN(l1.c, TSC_DEADLINE); HIDDEN(l1.c, PDCM);
	SHOWN(l1.d, APIC); SHOWN(l1.d, PAE); SHOWN(l1.d, PAT); SHOWN(l1.d, FXSR); SHOWN(l1.c, HYPERVISOR);
	SHOWN(l1.c, XSAVE); SHOWN(l1.c, AVX);
	check(l1.b >> 24 == v->id, "the APIC id is the vcpu's number");
	HIDDEN(l7.b, SMEP); HIDDEN(l7.b, SMAP); HIDDEN(l7.b, INVPCID); HIDDEN(l7.b, TSC_ADJUST); HIDDEN(l7.b, RTM);
	HIDDEN(l7.b, MPX); HIDDEN(l7.c, UMIP); HIDDEN(l7.c, PKU); HIDDEN(l7.c, OSPKE); HIDDEN(l7.c, CET_SS);
	HIDDEN(l7.d, CET_IBT); HIDDEN(l7.d, IBRSB); HIDDEN(l7.d, SSBD); HIDDEN(l7.d, STIBP);
	check(!(l7.c & BIT(16)), "LA57 is hidden");
	SHOWN(l7.b, FSGSBASE); SHOWN(l7.b, AVX2); SHOWN(l7.b, AVX512F); SHOWN(l7.d, FSRM);
	HIDDEN(e1.d, PAGE1GB); HIDDEN(e1.c, SVM); HIDDEN(e1.c, TOPOEXT); HIDDEN(e1.c, IBS); HIDDEN(e1.c, DBEXT);
	HIDDEN(e1.c, CMP_LEGACY);
	SHOWN(e1.d, SYSCALL); SHOWN(e1.d, NX); SHOWN(e1.d, LM); SHOWN(e1.d, RDTSCP); SHOWN(e1.c, LAHF_LM);
	check((e1.d & EXT_COPIES) == (l1.d & EXT_COPIES), "AMD's copies of leaf 1 agree with it");
	HIDDEN(e8.b, IBRS); HIDDEN(e8.b, AMD_SSBD); SHOWN(e8.b, IBPB);
	check((e8.a >> 8 & 0xff) == 48 && !e8.c, "48 address bits, one core");
}

static void limits(const struct vcpu *v)
{
	check(x86_cpuid_guest(v, 0, 0).a == 0xd && x86_cpuid_guest(v, 0x80000000, 0).a == 0x80000021, "highest leaves");
	for (u32 leaf = 0xe; leaf < 0x30; leaf++) {
		struct cpuid_leaf r = x86_cpuid_guest(v, leaf, 0);

		require(!(r.a | r.b | r.c | r.d), "leaf %#x", leaf);
	}
	check(!x86_cpuid_guest(v, 5, 0).c && !x86_cpuid_guest(v, 0xa, 0).a && !x86_cpuid_guest(v, 6, 0).a,
	      "no MWAIT, no performance counters, no power management");
	check(!x86_cpuid_guest(v, 0x8000000a, 0).a && !x86_cpuid_guest(v, 0x8000001e, 0).b &&
	      !x86_cpuid_guest(v, 0x80000022, 0).a && !x86_cpuid_guest(v, 0xffffffff, 0).a, "no SVM, no topology, nothing above");
	x86.max_leaf = 7;
	x86.max_ext_leaf = 0x80000008;
	check(x86_cpuid_guest(v, 0, 0).a == 7 && x86_cpuid_guest(v, 0x80000000, 0).a == 0x80000008 &&
	      !x86_cpuid_guest(v, 0xd, 0).a && !x86_cpuid_guest(v, 0x80000021, 0).a, "an older processor's limits are kept");
	x86.max_leaf = 0x20;
	x86.max_ext_leaf = 0x80000026;
}

static void xstate(struct vcpu *v)
{
	struct cpuid_leaf r;

	v->fpu.xcr0 = 7;
	r = x86_cpuid_guest(v, 0xd, 0);
	check(r.a == 0xe7 && !r.d, "components: x87, SSE, AVX, AVX-512; no MPX, no PKRU, no AMX");
	check(r.b == 832 && r.c == 2688, "sizes: %u enabled, %u possible", r.b, r.c);
	v->fpu.xcr0 = 0xe7;
	check(x86_cpuid_guest(v, 0xd, 0).b == 2688, "all enabled");
	r = x86_cpuid_guest(v, 0xd, 1);
	check(r.a == (F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1)) && !r.c, "no XSAVES and no supervisor state");
	check(r.b == 576 + 256 + 64 + 512 + 1024, "compacted: %u bytes", r.b);
	check(x86_cpuid_guest(v, 0xd, 2).a == 256 && !x86_cpuid_guest(v, 0xd, 9).a && !x86_cpuid_guest(v, 0xd, 64).a,
	      "only its own components are described");
	v->pv.cr4 = 0;
	HIDDEN(x86_cpuid_guest(v, 1, 0).c, OSXSAVE);
	v->pv.cr4 = X86_CR4_OSXSAVE;
	SHOWN(x86_cpuid_guest(v, 1, 0).c, OSXSAVE);
	x86.xsave = false;
	check(!x86_cpuid_guest(v, 0xd, 0).a && !(x86_cpuid_guest(v, 1, 0).c & F(OSXSAVE)), "without XSAVE nothing of it");
	x86.xsave = true;
}

static void xen_leaves(const struct vcpu *v)
{
	struct cpuid_leaf r = x86_cpuid_guest(v, 0x40000000, 0);

	check(r.a == 0x40000005 && !memcmp(&r.b, "XenVMMXenVMM", 12), "XenVMMXenVMM");
	check(x86_cpuid_guest(v, 0x40000001, 0).a == 0x40011, "version 4.17");
	r = x86_cpuid_guest(v, 0x40000002, 0);
	check(r.a == 1 && r.b == 0x40000000 && r.c == 1, "one hypercall page, preserve-A/D updates");
	r = x86_cpuid_guest(v, 0x40000003, 0);
	check(r.a == 4 && !r.b && r.c == 2400000 && !r.d, "TSC: not emulated, not known as reliable");
	check(!(x86_cpuid_guest(v, 0x80000007, 0).d), "no invariant TSC unless it is one");
	reliable = true;
	check(x86_cpuid_guest(v, 0x80000007, 0).d == F(ITSC) && x86_cpuid_guest(v, 0x40000003, 0).a == 6, "then it shows");
	check(x86_cpuid_guest(v, 0x40000005, 0).b == 46, "machine address width");
	r = x86_cpuid_guest(v, 0x40000077, 0);
	check(!(r.a | r.b | r.c | r.d), "nothing above");
}

int main(void)
{
	struct domain *dom = host_domain_create(0, 3);
	struct vcpu *v = dom->vcpu[2];

	memcpy(dom->cpu_features, x86_pv_features, sizeof(dom->cpu_features));

	features(v);
	limits(v);
	xstate(v);
	xen_leaves(v);
	all = 0;
	check(!(x86_cpuid_guest(v, 1, 0).d) && x86_cpuid_guest(v, 0x80000001, 0).d == F(SYSCALL),
	      "what the machine lacks does not show");
	host_domain_free(dom);
	return done();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this processor can do, and its control registers. Everything is decided once, on the boot
 * CPU, and written to "x86"; the other CPUs take over the same settings and must be able to.
 */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include <xenolith/entry.h>
#include <xenolith/x86.h>

#define XCR0_PV		0xe7UL		/* x87, SSE, AVX, AVX-512: what guests may have */
#define ARCH_CAPS_RDCL_NO BIT(0)
#define CR0_INIT	(X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_PG)

__ro_after_init struct x86_features x86;
__ro_after_init bool x86_has_smap;

int rdmsr_safe(u32 msr, u64 *v)
{
	u32 lo = 0, hi = 0;
	int rc = -EIO;

	asm volatile("1: rdmsr; xor %0, %0; 2:" EXTABLE(1b, 2b)
		     : "+r" (rc), "+a" (lo), "+d" (hi) : "c" (msr) : "memory", "cc");
	*v = lo | (u64)hi << 32;
	return rc;
}

int wrmsr_safe(u32 msr, u64 v)
{
	int rc = -EIO;

	asm volatile("1: wrmsr; xor %0, %0; 2:" EXTABLE(1b, 2b)
		     : "+r" (rc) : "c" (msr), "a" ((u32)v), "d" ((u32)(v >> 32)) : "memory", "cc");
	return rc;
}

static struct cpuid_leaf leaf_or_zero(u32 max, u32 leaf, u32 sub)
{
	return leaf <= max ? cpuid(leaf, sub) : (struct cpuid_leaf){ 0 };
}

static enum x86_vendor vendor_of(struct cpuid_leaf l)
{
	if (l.b == 0x756e6547)			/* Genu, ineI, ntel */
		return X86_VENDOR_INTEL;
	if (l.b == 0x68747541 || l.b == 0x6f677948)	/* Auth(enticAMD), Hygo(nGenuine) */
		return X86_VENDOR_AMD;
	return X86_VENDOR_OTHER;
}

/* Feature bits, what they put into CR4, and the option that can take that back. */
enum { EAX, EBX, ECX, EDX };
#define FLAG(name)	offsetof(struct x86_features, name)
static const struct feature {
	u32 leaf, sub;
	u8 reg, bit, flag;
	unsigned long cr4;
	const char *name;
} features[] = {
	{ 0x1, 0, ECX, 26, FLAG(xsave), X86_CR4_OSXSAVE, NULL },
	{ 0x1, 0, EDX, 7, 0, X86_CR4_MCE, NULL },
	{ 0x7, 0, EBX, 0, 0, X86_CR4_FSGSBASE, NULL },
	{ 0x7, 0, EBX, 7, 0, X86_CR4_SMEP, "smep" },
	{ 0x7, 0, EBX, 16, FLAG(avx512f), 0, NULL },
	{ 0x7, 0, EBX, 20, 0, X86_CR4_SMAP, "smap" },
	{ 0x7, 0, ECX, 2, 0, X86_CR4_UMIP, "umip" },
	{ 0xd, 1, EAX, 0, FLAG(xsaveopt), 0, NULL },
	{ 0x80000001, 0, EDX, 26, FLAG(pge1g), 0, NULL },
	{ 0x80000001, 0, EDX, 27, FLAG(rdtscp), 0, NULL },
	{ 0x80000007, 0, EDX, 8, FLAG(invariant_tsc), 0, NULL },
};

/* "TCGTCGTCGTCG": QEMU without a virtualizing processor below it. */
static bool is_tcg(void)
{
	struct cpuid_leaf l = cpuid(0x40000000, 0);

	return l.b == 0x54474354 && l.c == 0x43544743 && l.d == 0x47435447;
}

/* Is supervisor memory open to speculative reads from ring 3 (Meltdown)? */
static bool detect_meltdown(const struct x86_features *f)
{
	bool arch_caps = leaf_or_zero(f->max_leaf, 7, 0).d & BIT(29);

	return f->vendor != X86_VENDOR_AMD && !(arch_caps && rdmsr(MSR_ARCH_CAPS) & ARCH_CAPS_RDCL_NO);
}

static struct x86_features detect(void)
{
	struct cpuid_leaf l0 = cpuid(0, 0), e8;
	struct x86_features f = {
		.vendor = vendor_of(l0), .max_leaf = l0.a, .max_ext_leaf = cpuid(0x80000000, 0).a,
		.cr4 = X86_CR4_PAE | X86_CR4_PGE | X86_CR4_DE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT,
	};

	for (const struct feature *t = features; t < features + ARRAY_SIZE(features); t++) {
		u32 max = t->leaf >= 0x80000000 ? f.max_ext_leaf : f.max_leaf;
		struct cpuid_leaf l = leaf_or_zero(max, t->leaf, t->sub);

		if (!((&l.a)[t->reg] & BIT(t->bit)))
			continue;
		f.cr4 |= t->cr4;
		if (t->flag)
			*((bool *)&f + t->flag) = true;
	}
	e8 = leaf_or_zero(f.max_ext_leaf, 0x80000008, 0);
	f.tcg = is_tcg();
	f.phys_bits = e8.a & 0xff ?: 36;
	f.fpu_pointers_leak = f.vendor == X86_VENDOR_AMD && !(e8.b & BIT(2));
	f.isolate = detect_meltdown(&f);
	if (f.xsave)
		f.xcr0 = leaf_or_zero(f.max_leaf, 0xd, 0).a & XCR0_PV;
	return f;
}

static void load_registers(void)
{
	wrmsr(MSR_EFER, (rdmsr(MSR_EFER) & (EFER_LME | EFER_LMA)) | EFER_SCE | EFER_NXE);
	wrmsr(MSR_PAT, HYP_PAT);
	write_cr0(CR0_INIT);
	write_cr4(x86.cr4);
	if (x86.xsave)
		asm volatile("xsetbv" :: "c" (0), "a" ((u32)x86.xcr0), "d" ((u32)(x86.xcr0 >> 32)));
}

void __init x86_early_init(void)
{
	static const char *const vendors[] __initconst = {
		[X86_VENDOR_OTHER] = "other", [X86_VENDOR_INTEL] = "Intel", [X86_VENDOR_AMD] = "AMD",
	};

	x86 = detect();
	for (unsigned int i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i].name && !boot_param_bool(features[i].name, true))
			x86.cr4 &= ~features[i].cr4;
	x86.isolate = boot_param_bool("xpti", x86.isolate);
	x86_has_smap = x86.cr4 & X86_CR4_SMAP;
	load_registers();
	x86.xstate_size = x86.xsave ? cpuid(0xd, 0).b : 512;	/* for XCR0 as just loaded */
	printk("CPU: %s, %u physical address bits", vendors[x86.vendor], x86.phys_bits);
	for (unsigned int i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i].name && x86.cr4 & features[i].cr4)
			printk(", %s", features[i].name);
	printk("%s%s, %u bytes of FPU state\n", x86.invariant_tsc ? ", invariant TSC" : "",
	       x86.isolate ? ", page-table isolation" : "", x86.xstate_size);
}

void x86_cpu_init(unsigned int cpu)
{
	struct x86_features f = detect();

	if ((f.cr4 & x86.cr4) != x86.cr4 || (f.xcr0 & x86.xcr0) != x86.xcr0 ||
	    f.xsaveopt < x86.xsaveopt || f.rdtscp < x86.rdtscp) {
		printk_err("CPU%u lacks features of the boot CPU and stays unused\n", cpu);
		for (;;)
			asm volatile("cli; hlt");
	}
	load_registers();
}

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

static unsigned long cr4_for(const struct x86_features *f, bool mce)
{
	return X86_CR4_PAE | X86_CR4_PGE | X86_CR4_DE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT |
	       (mce ? X86_CR4_MCE : 0) | (f->smep ? X86_CR4_SMEP : 0) |
	       (f->smap ? X86_CR4_SMAP : 0) | (f->umip ? X86_CR4_UMIP : 0) |
	       (f->fsgsbase ? X86_CR4_FSGSBASE : 0) | (f->xsave ? X86_CR4_OSXSAVE : 0);
}

static void detect_extended(struct x86_features *f)
{
	struct cpuid_leaf l1 = leaf_or_zero(f->max_ext_leaf, 0x80000001, 0);
	struct cpuid_leaf l7 = leaf_or_zero(f->max_ext_leaf, 0x80000007, 0);
	struct cpuid_leaf l8 = leaf_or_zero(f->max_ext_leaf, 0x80000008, 0);

	f->pge1g = l1.d & BIT(26);
	f->rdtscp = l1.d & BIT(27);
	f->invariant_tsc = l7.d & BIT(8);
	f->phys_bits = l8.a & 0xff ?: 36;
	f->fpu_pointers_leak = f->vendor == X86_VENDOR_AMD && !(l8.b & BIT(2));
}

static void detect_xsave(struct x86_features *f)
{
	struct cpuid_leaf l0 = leaf_or_zero(f->max_leaf, 0xd, 0), l1 = leaf_or_zero(f->max_leaf, 0xd, 1);

	f->xcr0 = l0.a & XCR0_PV;
	f->xsaveopt = l1.a & BIT(0);
	f->xsavec = l1.a & BIT(1);
	f->xsaves = l1.a & BIT(3);
}

/* Is supervisor memory open to speculative reads from ring 3 (Meltdown)? */
static bool detect_meltdown(const struct x86_features *f, bool arch_caps)
{
	if (f->vendor == X86_VENDOR_AMD)
		return false;
	return !arch_caps || !(rdmsr(MSR_ARCH_CAPS) & ARCH_CAPS_RDCL_NO);
}

static struct x86_features detect(void)
{
	struct cpuid_leaf l0 = cpuid(0, 0), l1 = cpuid(1, 0), l6, l7;
	struct x86_features f = {
		.vendor = vendor_of(l0), .max_leaf = l0.a, .max_ext_leaf = cpuid(0x80000000, 0).a,
	};

	l6 = leaf_or_zero(f.max_leaf, 6, 0);
	l7 = leaf_or_zero(f.max_leaf, 7, 0);
	detect_extended(&f);
	f.x2apic = l1.c & BIT(21);
	f.tsc_deadline = l1.c & BIT(24);
	f.xsave = l1.c & BIT(26);
	f.arat = l6.a & BIT(2);
	f.fsgsbase = l7.b & BIT(0);
	f.smep = l7.b & BIT(7);
	f.smap = l7.b & BIT(20);
	f.umip = l7.c & BIT(2);
	f.pku = l7.c & BIT(3);
	f.la57 = l7.c & BIT(16);
	f.isolate = detect_meltdown(&f, l7.d & BIT(29));
	if (f.xsave)
		detect_xsave(&f);
	f.cr4 = cr4_for(&f, l1.d & BIT(7));
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

/* Does loading a null selector clear the hidden base? Older AMD processors keep it. */
static bool __init probe_null_selector(void)
{
	bool clears;

	wrmsr(MSR_FS_BASE, 1);
	asm volatile("mov %0, %%fs" :: "r" (0));
	clears = !rdmsr(MSR_FS_BASE);
	wrmsr(MSR_FS_BASE, 0);
	return clears;
}

static void __init apply_options(struct x86_features *f)
{
	static const struct { const char *name; unsigned long cr4; size_t flag; } option[] __initconst = {
		{ "smep", X86_CR4_SMEP, offsetof(struct x86_features, smep) },
		{ "smap", X86_CR4_SMAP, offsetof(struct x86_features, smap) },
		{ "umip", X86_CR4_UMIP, offsetof(struct x86_features, umip) },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(option); i++) {
		if (boot_param_bool(option[i].name, true))
			continue;
		f->cr4 &= ~option[i].cr4;
		*((bool *)f + option[i].flag) = false;
	}
	f->isolate = boot_param_bool("xpti", f->isolate);
}

void __init x86_early_init(void)
{
	x86 = detect();
	apply_options(&x86);
	x86_has_smap = x86.smap;
	load_registers();
	x86.null_sel_clears_base = probe_null_selector();
	x86.xstate_size = x86.xsave ? cpuid(0xd, 0).b : 512;	/* for XCR0 as just loaded */
	printk("CPU: %s, %u physical address bits,%s%s%s%s%s%s, %u bytes of FPU state\n",
	       x86.vendor == X86_VENDOR_INTEL ? "Intel" : x86.vendor == X86_VENDOR_AMD ? "AMD" : "other",
	       x86.phys_bits, x86.smep ? " SMEP" : "", x86.smap ? " SMAP" : "", x86.umip ? " UMIP" : "",
	       x86.fsgsbase ? " FSGSBASE" : "", x86.invariant_tsc ? " invariant TSC" : "",
	       x86.isolate ? " page-table isolation" : "",
	       x86.xstate_size);
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

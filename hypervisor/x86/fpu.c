// SPDX-License-Identifier: GPL-2.0-only
/*
 * FPU and vector state of guests, switched eagerly.
 *
 * XCR0 is the machine's full set (x86.xcr0) whenever state is saved or restored, and the guest's
 * own set only while it runs. So every register that exists is loaded at every switch: from the
 * image where the guest has used it, else with its initial value. Nothing can leak, whatever a
 * guest does to XCR0.
 */
#include <xenolith/domain.h>
#include <xenolith/x86.h>

#define MXCSR_DEFAULT	0x1f80
#define FCW_DEFAULT	0x037f
#define XSTATE_FP	1UL
#define XSTATE_SSE	2UL
#define XSTATE_AVX	4UL
#define XSTATE_AVX512	0xe0UL
#define FSW_ES		0x80

struct legacy_area {
	u16 fcw, fsw, ftw, fop;
	u64 fip, fdp;
	u32 mxcsr, mxcsr_mask;
	u8 st[128];
	u8 xmm[256];
	u8 reserved[96];
};
struct xsave_area {
	struct legacy_area legacy;
	u64 xstate_bv, xcomp_bv, reserved[6];
};
_Static_assert(sizeof(struct legacy_area) == FPU_LEGACY_SIZE, "FXSAVE image");
_Static_assert(sizeof(struct xsave_area) == 576, "XSAVE header");

static inline void set_xcr0(u64 val)
{
	asm volatile("xsetbv" :: "c" (0), "a" ((u32)val), "d" ((u32)(val >> 32)) : "memory");
}

int fpu_vcpu_init(struct vcpu *v)
{
	struct xsave_area *area = lib_alloc(x86.xstate_size);

	if (!area)
		return -ENOMEM;
	area->legacy.fcw = FCW_DEFAULT;
	area->legacy.mxcsr = MXCSR_DEFAULT;
	v->fpu = (struct fpu){ .area = area, .xcr0 = XSTATE_FP };
	return 0;
}

void fpu_vcpu_destroy(struct vcpu *v)
{
	lib_free(v->fpu.area);
	v->fpu.area = NULL;
}

void fpu_save(struct vcpu *v)
{
	void *area = v->fpu.area;

	clts();
	if (unlikely(!x86.xsave)) {
		asm volatile("fxsave64 (%0)" :: "r" (area) : "memory");
		return;
	}
	if (unlikely(v->fpu.xcr0 != x86.xcr0))
		set_xcr0(x86.xcr0);
	if (likely(x86.xsaveopt))
		asm volatile("xsaveopt64 (%0)" :: "r" (area), "a" (~0), "d" (~0) : "memory");
	else
		asm volatile("xsave64 (%0)" :: "r" (area), "a" (~0), "d" (~0) : "memory");
}

/*
 * AMD processors neither save nor load the last instruction and operand pointers while no
 * exception is pending: overwrite those of the guest before.
 */
static void forget_pointers(const struct legacy_area *next)
{
	static const u32 zero;

	if (!(next->fsw & FSW_ES))
		asm volatile("fnclex; emms; fildl %0" :: "m" (zero));
}

void fpu_restore(struct vcpu *v)
{
	void *area = v->fpu.area;

	clts();
	if (x86.fpu_pointers_leak)
		forget_pointers(area);
	if (unlikely(!x86.xsave)) {
		asm volatile("fxrstor64 (%0)" :: "r" (area) : "memory");
	} else {
		asm volatile("xrstor64 (%0)" :: "r" (area), "a" (~0), "d" (~0) : "memory");
		if (unlikely(v->fpu.xcr0 != x86.xcr0))
			set_xcr0(v->fpu.xcr0);
	}
	if (v->pv.cr0 & X86_CR0_TS)
		stts();
}

static inline u64 get_xcr0(void)
{
	u32 low, high;

	asm volatile("xgetbv" : "=a" (low), "=d" (high) : "c" (0));
	return low | (u64)high << 32;
}

/* @v: "v" for the AVX form of the instructions, @reg: the register, @size: its bytes */
#define CLEAR_THROUGH(v, reg, size, p, bytes, kept)		\
	asm volatile(v "movups %%" reg ", %[keep]\n\t"		\
		     v "movups %[zero], %%" reg "\n"		\
		     "1:\n\t"					\
		     ".set offset, 0\n\t"			\
		     ".rept 64\n\t"				\
		     v "movntps %%" reg ", offset(%[to])\n\t"	\
		     ".set offset, offset + " #size "\n\t"	\
		     ".endr\n\t"				\
		     "add $64 * " #size ", %[to]\n\t"		\
		     "sub $64 * " #size ", %[left]\n\t"		\
		     "jnz 1b\n\t"				\
		     "sfence\n\t"				\
		     v "movups %[keep], %%" reg			\
		     : [to] "+r" (p), [left] "+r" (bytes), [keep] "=m" (kept) : [zero] "m" (zeroes) : "memory")

void fpu_clear(void *p, size_t bytes)
{
	static const u8 zeroes[64];
	unsigned long cr0 = read_cr0();
	u64 enabled = x86.xsave ? get_xcr0() : 0;
	u8 kept[64];

	clts();
	/*
	 * As wide as the guest may use: VEX forms zero what is above theirs. What it has not enabled faults here, too. QEMU's
	 * TCG has models with the state and without the instructions.
	 */
	if (enabled & XSTATE_AVX512 && x86.avx512f)
		CLEAR_THROUGH("v", "zmm0", 64, p, bytes, kept);
	else if (enabled & XSTATE_AVX)
		CLEAR_THROUGH("v", "ymm0", 32, p, bytes, kept);
	else
		CLEAR_THROUGH("", "xmm0", 16, p, bytes, kept);
	if (cr0 & X86_CR0_TS)
		write_cr0(cr0);
}

static bool xcr0_legal(u64 val)
{
	u64 wide = val & XSTATE_AVX512;

	if (!(val & XSTATE_FP) || val & ~x86.xcr0)
		return false;
	if (val & XSTATE_AVX && !(val & XSTATE_SSE))
		return false;
	return !wide || (wide == XSTATE_AVX512 && val & XSTATE_AVX);
}

void fpu_note_xcr0(struct vcpu *v)
{
	u32 lo, hi;

	if (!x86.xsave)
		return;
	asm volatile("xgetbv" : "=a" (lo), "=d" (hi) : "c" (0));
	v->fpu.xcr0 = (lo | (u64)hi << 32) & x86.xcr0;
}

int fpu_set_xcr0(struct vcpu *v, u32 index, u64 val)
{
	if (!x86.xsave || index || !xcr0_legal(val))
		return -EINVAL;
	v->fpu.xcr0 = val;
	set_xcr0(val);
	return 0;
}

/* Bits of MXCSR that the processor knows; others make FXRSTOR fault. */
static u32 mxcsr_mask(void)
{
	static struct legacy_area probe __aligned(16);
	unsigned long cr0 = read_cr0();

	clts();
	asm volatile("fxsave64 %0" : "=m" (probe));
	write_cr0(cr0);
	return probe.mxcsr_mask ?: 0xffbf;
}

void fpu_set_legacy(struct vcpu *v, const void *image)
{
	struct xsave_area *area = v->fpu.area;

	memcpy(&area->legacy, image, FPU_LEGACY_SIZE);
	area->legacy.mxcsr &= mxcsr_mask();
	if (x86.xsave)
		area->xstate_bv |= XSTATE_FP | XSTATE_SSE;
}

void fpu_get_legacy(const struct vcpu *v, void *image)
{
	const struct xsave_area *area = v->fpu.area;
	struct legacy_area *to = image;
	u64 used = x86.xsave ? area->xstate_bv : XSTATE_FP | XSTATE_SSE;

	memset(to, 0, FPU_LEGACY_SIZE);
	to->fcw = FCW_DEFAULT;
	if (used & XSTATE_FP)
		memcpy(to, &area->legacy, offsetof(struct legacy_area, xmm));
	if (used & XSTATE_SSE)
		memcpy(to->xmm, area->legacy.xmm, sizeof(to->xmm));
	to->mxcsr = area->legacy.mxcsr;
	to->mxcsr_mask = area->legacy.mxcsr_mask;
}

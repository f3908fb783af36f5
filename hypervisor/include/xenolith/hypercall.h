/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hypercall: the edge: dispatch table, multicall, continuations, guest memory access.
 * Every handler is long do_NAME(a1 .. a5); unused arguments are unnamed.
 */
#ifndef XENOLITH_HYPERCALL_H
#define XENOLITH_HYPERCALL_H

#include <xenolith/entry.h>
#include <xenolith/lib.h>

struct domain;
struct cpu_regs;
typedef long (*hypercall_fn)(unsigned long, unsigned long, unsigned long, unsigned long, unsigned long);
#define NR_HYPERCALLS		64
extern const hypercall_fn hypercall_table[NR_HYPERCALLS];	/* NULL: -ENOSYS */
extern const hypercall_fn hvm_hypercall_table[NR_HYPERCALLS];	/* of hardware-assisted guests */

/**
 * hypercall_continue: "return hypercall_continue(op, a1 .. a5)": the call is re-executed with
 * these arguments when the vcpu next runs (rip is moved back; in a multicall, its entry is
 * rewritten). Everything done so far must be expressed in the arguments.
 */
long hypercall_continue(unsigned long op, unsigned long a1, unsigned long a2, unsigned long a3,
			unsigned long a4, unsigned long a5);
/** hypercall_preempt: should a long call yield now? (softirq pending, or event for the vcpu) */
bool hypercall_preempt(void);

/*
 * copy_from_guest(dst, src, n), copy_to_guest(dst, src, n), clear_guest(dst, n):
 * guest memory of current, by guest virtual address; 0 or -EFAULT (nothing is known of partly
 * copied destinations). Addresses inside the hypervisor's range are refused. Interrupts may be
 * on or off; never called with a spinlock held that a fault handler would need.
 *
 * Addresses of a PV guest are used as they are, on its tables. While a hardware-assisted guest is current the
 * tables have nothing but the hypervisor: the access faults, and the copy is made by walking the guest's tables.
 */
int copy_from_guest_any(void *dst, const void __user *src, size_t n);
int copy_to_guest_any(void __user *dst, const void *src, size_t n);
int clear_guest(void __user *dst, size_t n);
/** copy_by_walk: where a direct access is impossible: -EFAULT in a PV guest. */
int copy_by_walk(void *buf, unsigned long addr, size_t n, bool to_guest);
#define guest_ptr(addr)		((void __user *)(unsigned long)(addr))
/** guest_addr_ok: [addr, addr+n) lies outside the hypervisor's hole and does not wrap. */
static inline bool guest_addr_ok(unsigned long addr, size_t n)
{
	return addr + n >= addr && (addr + n <= 0xffff800000000000UL || addr >= 0xffff880000000000UL);
}
/** canonical: bits 63-47 equal. */
static inline bool canonical(unsigned long addr)
{
	return (long)(addr << 16) >> 16 == (long)addr;
}
#if __STDC_HOSTED__
#define copy_from_guest		copy_from_guest_any
#define copy_to_guest		copy_to_guest_any
#else
/* Sizes known to be one or a few words are moved in line: most of what hypercalls read. */
#define guest_load(dst, src, fault)					\
	asm goto("1: mov %1, %0\n" EXTABLE(1b, %l[fault]) : "=r" (dst) : "m" (src) : : fault)
#define guest_store(dst, src, fault)					\
	asm goto("1: mov %1, %0\n" EXTABLE(1b, %l[fault]) : : "m" (dst), "r" (src) : "memory" : fault)

/* A few words, in order of address: what starts below the hypervisor's range starts in the gap, and faults. */
static inline bool guest_words_ok(unsigned long addr)
{
	return addr >> 43 != HYP_VIRT_START >> 43;
}

static __always_inline int copy_words_in(void *dst, const void __user *user, size_t n)
{
	const void *src = (__force const void *)user;
	u64 w;
	u32 half;

	if (unlikely(!guest_words_ok((unsigned long)src)))
		return copy_by_walk(dst, (unsigned long)src, n, false);
	stac();
#pragma GCC unroll 8
	for (size_t i = 0; i < n / 8; i++) {
		guest_load(w, ((const u64 *)src)[i], fault);
		((u64 *)dst)[i] = w;
	}
	if (n == 4) {
		guest_load(half, *(const u32 *)src, fault);
		*(u32 *)dst = half;
	}
	clac();
	return 0;
fault:
	clac();
	return copy_by_walk(dst, (unsigned long)src, n, false);
}

static __always_inline int copy_words_out(void __user *user, const void *src, size_t n)
{
	void *dst = (__force void *)user;

	if (unlikely(!guest_words_ok((unsigned long)dst)))
		return copy_by_walk((void *)src, (unsigned long)dst, n, true);
	stac();
#pragma GCC unroll 8
	for (size_t i = 0; i < n / 8; i++)
		guest_store(((u64 *)dst)[i], ((const u64 *)src)[i], fault);
	if (n == 4)
		guest_store(*(u32 *)dst, *(const u32 *)src, fault);
	clac();
	return 0;
fault:
	clac();
	return copy_by_walk((void *)src, (unsigned long)dst, n, true);
}

#define guest_copy_inline(n)	\
	(__builtin_constant_p(n) && ((n) == 4 || ((n) && (n) % 8 == 0 && (n) <= 40)))
static __always_inline int copy_from_guest(void *dst, const void __user *src, size_t n)
{
	if (guest_copy_inline(n))
		return copy_words_in(dst, src, n);
	return copy_from_guest_any(dst, src, n);
}

static __always_inline int copy_to_guest(void __user *dst, const void *src, size_t n)
{
	if (guest_copy_inline(n))
		return copy_words_out(dst, src, n);
	return copy_to_guest_any(dst, src, n);
}
#endif

/* Read a structure through an XEN_GUEST_HANDLE, and write it (or one field) back. */
#define copy_in(dst, uaddr)	copy_from_guest((dst), guest_ptr(uaddr), sizeof(*(dst)))
#define copy_out(uaddr, src)	copy_to_guest(guest_ptr(uaddr), (src), sizeof(*(src)))
#define copy_field_out(uaddr, type, src, field)						\
	copy_to_guest((u8 __user *)guest_ptr(uaddr) + offsetof(type, field),		\
		      &(src)->field, sizeof((src)->field))

/** hypercall_page_fill: write the page of call stubs that guest kernels jump into. */
void hypercall_page_fill(void *page);

long do_multicall(unsigned long calls, unsigned long nr, unsigned long, unsigned long, unsigned long);
long do_xen_version(unsigned long cmd, unsigned long arg, unsigned long, unsigned long, unsigned long);

#endif

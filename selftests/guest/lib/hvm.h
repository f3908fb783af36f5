/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hardware-assisted (PVH) child of a micro-kernel that is Domain0: the same image once more, begun in 64-bit mode at a
 * function of the test. It has its memory at VIRT_BASE and, the same, at 0; its mailbox as other children (child.h); a GDT,
 * an IDT, CATCH() and hcall().
 */
#ifndef GUEST_HVM_H
#define GUEST_HVM_H

#include "child.h"
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/hvm/save.h>
#include <xen/hvm/hvm_vcpu.h>

/* All of such a domain but its start; vcpu 0 will run fn(role). 0 or -errno of the step that failed. */
long hvm_make(struct child *c, void (*fn)(unsigned long role), unsigned long role, unsigned int vcpus);

/* ---- the child's side ---- */

static inline long hcall5(unsigned int nr, unsigned long a1, unsigned long a2, unsigned long a3, unsigned long a4,
			  unsigned long a5)
{
	register unsigned long r10 asm("r10") = a4;
	register unsigned long r8 asm("r8") = a5;
	long ret;

	asm volatile("vmmcall" : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8) : "0"((unsigned long)nr) : "memory");
	return ret;
}
#define hv2(nr, a, b)		hcall5(nr, U(a), U(b), 0, 0, 0)
#define hv3(nr, a, b, c)	hcall5(nr, U(a), U(b), U(c), 0, 0)
#define hv1(nr, a)		hcall5(nr, U(a), 0, 0, 0, 0)
#define hv4(nr, a, b, c, d)	hcall5(nr, U(a), U(b), U(c), U(d), 0)
#define hcall(name, ...) \
	hypercall_pick(0, ##__VA_ARGS__, hv5, hv4, hv3, hv2, hv1)(__HYPERVISOR_##name, ##__VA_ARGS__)

/* Starts vcpu @id of this domain, in this one's address space, with interrupts off: fn(arg), which does not return. */
long hvm_start_vcpu(unsigned long id, void (*fn)(unsigned long arg), unsigned long arg);

/* What vcpu 0 has from the start: its tables, and this_pcpu(). For others that are to take exceptions. */
void hvm_load_tables(unsigned int id);

/* Interrupts and exceptions that no CATCH() expects; counted when there is no hook. */
extern bool (*volatile hvm_hook)(struct frame *f);
extern volatile unsigned int hvm_count[256];

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | (uint64_t)hi << 32;
}
static inline void wrmsr(uint32_t msr, uint64_t v)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}
static inline int try_wrmsr(uint32_t msr, uint64_t v)
{
	return CATCH("wrmsr", : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}
static inline int try_rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	return CATCH("rdmsr", : "=a"(lo), "=d"(hi) : "c"(msr));
}
static inline unsigned long gpa(const volatile void *va) { return (unsigned long)va - VIRT_BASE; }

#endif

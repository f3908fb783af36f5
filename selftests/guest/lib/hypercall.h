/* SPDX-License-Identifier: GPL-2.0-only */
/* Hypercalls of a 64-bit PV guest: the SYSCALL instruction, rax = number, arguments in rdi rsi rdx r10 r8. */
#ifndef GUEST_HYPERCALL_H
#define GUEST_HYPERCALL_H

static inline long hypercall5(unsigned int nr, unsigned long a1, unsigned long a2, unsigned long a3, unsigned long a4,
			      unsigned long a5)
{
	register unsigned long r10 asm("r10") = a4;
	register unsigned long r8 asm("r8") = a5;
	long ret;

	asm volatile("syscall"
		     : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
		     : "0"((unsigned long)nr)
		     : "rcx", "r11", "memory");
	return ret;
}

#define hypercall_pick(_0, _1, _2, _3, _4, _5, n, ...) n
#define U(x) ((unsigned long)(x))
#define hc0(nr) hypercall5(nr, 0, 0, 0, 0, 0)
#define hc1(nr, a) hypercall5(nr, U(a), 0, 0, 0, 0)
#define hc2(nr, a, b) hypercall5(nr, U(a), U(b), 0, 0, 0)
#define hc3(nr, a, b, c) hypercall5(nr, U(a), U(b), U(c), 0, 0)
#define hc4(nr, a, b, c, d) hypercall5(nr, U(a), U(b), U(c), U(d), 0)
#define hc5(nr, a, b, c, d, e) hypercall5(nr, U(a), U(b), U(c), U(d), U(e))
/* hypercall(NAME, arguments...) is the call __HYPERVISOR_NAME. */
#define hypercall(name, ...) \
	hypercall_pick(0, ##__VA_ARGS__, hc5, hc4, hc3, hc2, hc1, hc0)(__HYPERVISOR_##name, ##__VA_ARGS__)

#endif

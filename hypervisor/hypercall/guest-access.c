// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory of any size. Faults inside the string instructions go to the fix-up behind them,
 * where rcx still counts what was not done. Whole words first: fewer steps where rep movsb is slow.
 */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>

int copy_by_walk(void *buf, unsigned long addr, size_t n, bool to_guest)
{
	return current->is_hvm ? hvm_copy(buf, addr, n, to_guest) : -EFAULT;
}

static size_t copy(void *dst, const void *src, size_t n)
{
	size_t left = n / 8;

	stac();
	asm volatile("1:	rep movsq\n"
		     "	mov %k[tail], %%ecx\n"
		     "2:	rep movsb\n"
		     "3:\n"
		     EXTABLE(1b, 3b) EXTABLE(2b, 3b)
		     : "+c" (left), "+D" (dst), "+S" (src) : [tail] "r" (n % 8) : "memory");
	clac();
	return left;
}

int copy_from_guest_any(void *dst, const void __user *src, size_t n)
{
	if (unlikely(current->is_hvm))
		return hvm_copy(dst, (unsigned long)src, n, false);
	if (!guest_addr_ok((unsigned long)src, n) || copy(dst, (__force const void *)src, n))
		return -EFAULT;
	return 0;
}

int copy_to_guest_any(void __user *dst, const void *src, size_t n)
{
	if (unlikely(current->is_hvm))
		return hvm_copy((void *)src, (unsigned long)dst, n, true);
	if (!guest_addr_ok((unsigned long)dst, n) || copy((__force void *)dst, src, n))
		return -EFAULT;
	return 0;
}

int clear_guest(void __user *dst, size_t n)
{
	static const u8 zeroes[64];

	for (; n > sizeof(zeroes); n -= sizeof(zeroes), dst = (u8 __user *)dst + sizeof(zeroes))
		if (copy_to_guest_any(dst, zeroes, sizeof(zeroes)))
			return -EFAULT;
	return copy_to_guest_any(dst, zeroes, n);
}

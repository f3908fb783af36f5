// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall page: code that a guest's kernel calls instead of knowing how to enter the
 * hypervisor. 128 slots of 32 bytes, one a hypercall number (ABI: xen.h). SYSCALL destroys rcx and
 * r11, so they are saved around it; the iret slot leaves them, and rax, in the frame that
 * HYPERVISOR_iret takes from the stack.
 */
#include <xenolith/hypercall.h>
#include <xen/xen.h>
#include <xenolith/layout.h>

#define SLOT_SIZE	32
#define BREAKPOINT	0xcc

void hypercall_page_fill(void *page)
{
	/*			    push rcx, r11  mov $0, eax           syscall     pop r11, rcx   ret */
	static const u8 call[] = { 0x51, 0x41, 0x53, 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3 };
	/*			    push rcx, r11, rax   mov $iret, eax                      syscall */
	static const u8 iret[] = { 0x51, 0x41, 0x53, 0x50, 0xb8, __HYPERVISOR_iret, 0, 0, 0, 0x0f, 0x05 };

	memset(page, BREAKPOINT, PAGE_SIZE);
	for (unsigned int nr = 0; nr < PAGE_SIZE / SLOT_SIZE; nr++) {
		u8 *slot = (u8 *)page + nr * SLOT_SIZE;

		memcpy(slot, call, sizeof(call));
		slot[4] = nr;
	}
	memcpy((u8 *)page + __HYPERVISOR_iret * SLOT_SIZE, iret, sizeof(iret));
	memset((u8 *)page + __HYPERVISOR_iret * SLOT_SIZE + sizeof(iret), BREAKPOINT, SLOT_SIZE - sizeof(iret));
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hello: the state in which a 64-bit PV Domain0 starts.
 *
 * The guest runs in ring 3 with flat segments and a start-of-day record; its memory is mapped from VIRT_BASE on, the
 * p2m and m2p tables agree, page tables are mapped read-only, events are masked, and both ways to make a hypercall
 * (through the hypercall page and with SYSCALL in place) work.
 */
#include "lib.h"

extern uint8_t hypercall_page[];

static long through_page(unsigned int nr, unsigned long a1, unsigned long a2)
{
	long ret;

	asm volatile("call *%0" : "=a"(ret), "+D"(a1), "+S"(a2)
		     : "0"(hypercall_page + nr * 32UL) : "rcx", "r11", "memory");
	return ret;
}

void test_main(void)
{
	unsigned long wrong = 0, used;
	uint16_t cs, ss;

	printk("Hello from ring 3. Command line: '%s'\n", (const char *)start_info->cmd_line);
	asm volatile("mov %%cs, %0; mov %%ss, %1" : "=r"(cs), "=r"(ss));
	is(cs, FLAT_KERNEL_CS64, "cs is the flat code segment");
	is(ss & ~3, FLAT_KERNEL_SS64 & ~3, "ss is the flat data segment");

	ok(!strncmp(start_info->magic, "xen-3.", 6) && strlen(start_info->magic) < 32,
	   "start_info has its magic: '%s'", start_info->magic);
	ok(start_info->flags & SIF_INITDOMAIN, "we are the initial domain");
	ok(start_info->flags & SIF_PRIVILEGED, "we are privileged");
	ok(start_info->nr_pages > 16384, "%lu MiB of memory", start_info->nr_pages >> 8);
	is((long)(start_info->shared_info & ~PAGE_MASK), 0, "shared_info is page-aligned");

	is(through_page(__HYPERVISOR_xen_version, XENVER_version, 0), hypercall(xen_version, XENVER_version, 0UL),
	   "the hypercall page and SYSCALL agree");
	is(hypercall(xen_version, XENVER_version, 0UL), (4 << 16) | 17, "the version is 4.17");
	is(hypercall5(63, 0, 0, 0, 0, 0), -ENOSYS, "an unused number is ENOSYS");
	is(hypercall5(0xffffffff, 0, 0, 0, 0, 0), -ENOSYS, "a wild number is ENOSYS");

	used = va_to_pfn((void *)(start_info->pt_base + start_info->nr_pt_frames * PAGE_SIZE));
	for (unsigned long pfn = 0; pfn < used; pfn++)
		wrong += m2p[p2m[pfn]] != pfn;
	is((long)wrong, 0, "m2p[p2m[pfn]] is pfn for the first %lu frames", used);

	ok(start_info->pt_base > VIRT_BASE && !(start_info->pt_base & ~PAGE_MASK), "pt_base is an address of ours");
	is((long)cr3_mfn(), (long)va_to_mfn((void *)start_info->pt_base), "cr3 names the frame of pt_base");
	is(try_write((void *)start_info->pt_base, 0), TRAP_PF, "the page table is not writable");
	is((long)((pte_of((void *)start_info->pt_base) & PTE_RW)), 0, "and its mapping says so");
	is(pcpus[0].info->evtchn_upcall_mask, 1, "events start masked");
	is((long)(shared_info->vcpu_info[0].time.version & 1), 0, "the time record is stable");
	ok(now() > 0, "system time runs: %lu ms", now() / 1000000);
}

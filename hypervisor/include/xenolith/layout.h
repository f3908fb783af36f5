/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual memory layout and the constants that assembly shares with C.
 *
 * A guest owns L4 slots 0-255 and 272-511 of its page tables. Slots 256-271 are
 * the hypervisor's (ABI: __HYPERVISOR_VIRT_START..END) and, but for 256,
 * identical in every L4 table of the machine:
 *
 *  256      0xffff800000000000  machine-to-phys table, readable in guest kernel mode (ABI)
 *  257-260                      unmapped
 *  261      0xffff828000000000  machine-to-phys table, writable    (256 GiB)
 *           0xffff82c000000000  ioremap area                        (64 GiB)
 *           0xffff82d040000000  hypervisor image                     (1 GiB)
 *           0xffff82d080000000  per-CPU GDT/LDT windows            (512 MiB)
 *           0xffff82d0a0000000  per-CPU stacks                     (512 MiB)
 *           0xffff82e000000000  frame table                        (128 GiB)
 *  262-271  0xffff830000000000  direct map of all RAM                (5 TiB)
 */
#ifndef XENOLITH_LAYOUT_H
#define XENOLITH_LAYOUT_H

#define PAGE_SHIFT		12
#define PAGE_SIZE		4096
#define PAGE_MASK		(~0xfff)
#define SUPERPAGE_SHIFT		21
#define SUPERPAGE_SIZE		(1 << SUPERPAGE_SHIFT)
#define PT_ENTRIES		512

#define HYP_FIRST_SLOT		256
#define HYP_LAST_SLOT		271
#define M2P_RO_SLOT		256

#ifdef __ASSEMBLY__
#define _ADDR(x)		x
#else
#define _ADDR(x)		x##UL
#endif

#define HYP_VIRT_START		_ADDR(0xffff800000000000)
#define HYP_VIRT_END		_ADDR(0xffff880000000000)
#define M2P_RO_START		_ADDR(0xffff800000000000)
#define M2P_START		_ADDR(0xffff828000000000)
#define M2P_SIZE		_ADDR(0x4000000000)
#define IOREMAP_START		_ADDR(0xffff82c000000000)
#define IOREMAP_END		_ADDR(0xffff82d000000000)
#define IMAGE_VIRT_BASE		_ADDR(0xffff82d040000000)	/* maps physical 0 */
#define IMAGE_PHYS_START	0x200000			/* load address: 2 MiB */
#define DESC_WINDOW_START	_ADDR(0xffff82d080000000)
#define FRAMETABLE_START	_ADDR(0xffff82e000000000)
#define FRAMETABLE_END		_ADDR(0xffff830000000000)
#define DIRECTMAP_START		_ADDR(0xffff830000000000)
#define DIRECTMAP_END		_ADDR(0xffff880000000000)

/*
 * Descriptor windows: each CPU maps the GDT and LDT frames of the vcpu it runs
 * at a fixed address, so that no page table is needed per domain. The last two
 * pages of the GDT window are the hypervisor's own descriptors (ABI:
 * FIRST_RESERVED_GDT_PAGE = 14).
 */
#define DESC_WINDOW_SHIFT	21				/* an L1 table each: 64 KiB GDT, 64 KiB LDT */
#define GDT_PAGES		16
#define LDT_PAGES		16
#define GDT_WINDOW(cpu)		(DESC_WINDOW_START + ((cpu) << DESC_WINDOW_SHIFT))
#define LDT_WINDOW(cpu)		(GDT_WINDOW(cpu) + (GDT_PAGES << PAGE_SHIFT))

/* Hypervisor selectors; those with RPL 3 are fixed by the ABI (FLAT_RING3_*). */
#define SEL_GUEST_CS32		0xe023
#define SEL_GUEST_SS		0xe02b
#define SEL_GUEST_CS64		0xe033
#define SEL_HYP_CS		0xe008
#define SEL_HYP_DS		0xe010
#define SEL_TSS			0xe040
#define SEL_LDT			0xe050
#define GDT_RESERVED_BYTE	0xe000

/*
 * One 32 KiB stack block per CPU, mapped in a window of its own near the image (so that stubs reach
 * both by 32-bit displacements) with an unmapped hole below:
 *   page 0    stubs: this CPU's SYSCALL entry points (executable)
 *   page 1-4  IST stacks: NMI, double fault, machine check, debug
 *   page 5-7  main stack; struct cpu_info at its very top
 */
#define STACK_ORDER		3
#define STACK_SIZE		(PAGE_SIZE << STACK_ORDER)
#define STACK_WINDOW_START	_ADDR(0xffff82d0a0000000)
#define STACK_WINDOW_SIZE	(2 * STACK_SIZE)
#define STACK_WINDOW(cpu)	(STACK_WINDOW_START + (cpu) * STACK_WINDOW_SIZE)
#define IST_NMI			1
#define IST_DF			2
#define IST_MCE			3
#define IST_DB			4

/*
 * In the same window, where guests are isolated (entry/isolate.S), one page that guests' tables map
 * as well, on which the CPU leaves its frame before it has the hypervisor's own tables:
 *   0x000   GATE_*
 *   n00-nff first stack of IST n
 *   f00-fff first stack of SYSCALL and all other exceptions and interrupts
 */
#define GATE_PAGE		(STACK_SIZE + 2 * PAGE_SIZE)
#define GATE_TABLES		(GATE_PAGE + 0)		/* CR3 to load on entry */
#define GATE_ROOTS		(GATE_PAGE + 8)		/* CR3 of guest user mode; a page above, of guest kernel mode */
#define GATE_IST(n)		(GATE_PAGE + ((n) + 1) * 0x100)
#define GATE_STACK		(GATE_PAGE + PAGE_SIZE)

#define NR_CPUS			128

/* Interrupt vectors: 0x20 upward. Fixed ones sit at the top, highest priority. */
#define VEC_FIRST_DYNAMIC	0x20
#define VEC_LEGACY_SYSCALL	0x80	/* guest int $0x80 */
#define VEC_HYPERCALL_COMPAT	0x82	/* never given out */
#define VEC_LAST_DYNAMIC	0xef
#define VEC_EVENT_CHECK		0xf8	/* look at softirqs on the way out */
#define VEC_CALL_FUNCTION	0xf9
#define VEC_TIMER		0xfb	/* local APIC timer */
#define VEC_SPURIOUS		0xff

#endif

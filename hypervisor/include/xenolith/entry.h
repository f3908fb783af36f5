/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * entry: ring transitions. One assembly file per transition; Documentation/architecture.md draws
 * them. The C side of exceptions and interrupts is entry/traps.c.
 */
#ifndef XENOLITH_ENTRY_H
#define XENOLITH_ENTRY_H

#include <xenolith/mm.h>
#include <xenolith/x86.h>

/** entry_cpu_init: this CPU's stack block, GDT, TSS, IDT, SYSCALL stubs and MSRs. */
void entry_cpu_init(unsigned int cpu);
/** entry_alloc_cpu: before a CPU starts: stack block, GDT pages, TSS. 0 or -ENOMEM. */
int entry_alloc_cpu(unsigned int cpu);
void *entry_cpu_stack_top(unsigned int cpu);	/* struct cpu_info sits right below */

/** entry_exit_to_guest: restore guest_regs() of current through the full exit path. Assembly. */
void __noreturn entry_exit_to_guest(void);
/** entry_reset_stack_and_jump: abandon the C stack of this CPU, jump to @fn on an empty one. */
void __noreturn entry_reset_stack_and_jump(void (*fn)(void));

/** entry_set_ldt: this CPU's LDTR: @entries at linear address @base; 0 entries: none. */
void entry_set_ldt(unsigned long base, unsigned int entries);

/** entry_set_vector: fixed vectors; @fn runs with interrupts off and ends with apic_eoi() itself. */
void entry_set_vector(u8 vector, void (*fn)(struct cpu_regs *regs));

/*
 * Exception table: pairs (faulting instruction, fix-up), collected in section .extable as
 * 32-bit self-relative offsets. EXTABLE(from, to) in assembly and inline assembly.
 */
#define EXTABLE(from, to)						\
	".pushsection .extable, \"a\"; .balign 4;"			\
	".long " #from " - ., " #to " - .; .popsection;"
/** entry_fixup: rip to continue at after a fault in the hypervisor at @rip, 0 when none. */
unsigned long entry_fixup(unsigned long rip);

/*
 * Isolation (x86.isolate): guests run on copies of their L4 tables, a CPU's roots: entry/isolate.c.
 */
#if !__STDC_HOSTED__
/** entry_isolated: a five-byte nop that becomes a jump to the true case. */
static __always_inline bool entry_isolated(void)
{
	asm goto("772: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00;"
		 ".pushsection .isolation_sites, \"a\"; .long 772b - ., %l[yes] - .; .popsection"
		 ::: : yes);
	return false;
yes:
	return true;
}
#else
static inline bool entry_isolated(void) { return false; }
#endif
/**
 * entry_root_load: this CPU's root for guest kernel or user mode copies the L4 at @l4, which the
 * caller holds, as long as that root may be used. entry_root_update: entry @slot of an L4 was changed
 * (by a locked instruction); before the old one's references are dropped.
 */
void entry_root_load(bool kernel, paddr_t l4);
void entry_root_update(const pte_t *slot);

/** current_from_guest: did @regs come from ring 3? */
static inline bool regs_guest(const struct cpu_regs *regs)
{
	return regs->cs & 3;
}

#endif

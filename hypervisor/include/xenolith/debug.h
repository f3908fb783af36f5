/* SPDX-License-Identifier: GPL-2.0-only */
/* debug: panic, assertions, backtraces with symbols, debug keys, register dumps. */
#ifndef XENOLITH_DEBUG_H
#define XENOLITH_DEBUG_H

#include <xenolith/lib.h>

struct cpu_regs;
struct vcpu;
struct domain;

/** panic: message, backtrace, all CPUs stopped, then reboot in 5 s unless "noreboot". */
void __noreturn panic(const char *fmt, ...) __printf(1, 2);
/** panic_boot: one clear line about bad boot input, no backtrace. */
void __noreturn panic_boot(const char *fmt, ...) __printf(1, 2);
/** debug_end_machine: reboot in 5 s, or halt when "noreboot" was given: a crash of ours or of Domain0. */
void __noreturn debug_end_machine(void);
void __noreturn bug_at(const char *file, int line, const char *what);
#define BUG()		bug_at(__FILE__, __LINE__, "reached")
#define BUG_ON(c)	do { if (unlikely(c)) bug_at(__FILE__, __LINE__, #c); } while (0)
#ifdef DEBUG
#define IS_DEBUG	true
#define ASSERT(c)	do { if (unlikely(!(c))) bug_at(__FILE__, __LINE__, "!(" #c ")"); } while (0)
#else
#define IS_DEBUG	false
#define ASSERT(c)	do { if (0 && (c)) { } } while (0)
#endif

void debug_read_options(void);			/* noreboot, ahead of everything that may panic */
void debug_dump_regs(const struct cpu_regs *regs);	/* guest or hypervisor */
void debug_dump_guest_stack(const struct cpu_regs *regs);
void debug_backtrace(const struct cpu_regs *regs);	/* NULL: from here */
/** debug_fatal_trap: unhandled exception in the hypervisor. */
void __noreturn debug_fatal_trap(const struct cpu_regs *regs);
/** debug_key: key typed at the console while it has the input, or by sysctl. Softirq context. */
void debug_key(char key);
void debug_dump_vcpu(struct vcpu *v);
void debug_dump_walk(unsigned long cr3, unsigned long va);	/* each level of the tables at @cr3 for @va */

#endif

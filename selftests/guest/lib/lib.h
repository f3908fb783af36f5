/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest micro-kernel can use. A test is one C file with test_main(); lib/ does the rest: it boots, installs trap
 * handlers, calls test_main(), prints the verdict and powers the machine off.
 *
 * Where things are:
 *	VIRT_BASE + (pfn << 12)		the whole initial memory of the kernel, mapped by the domain builder
 *	p2m[pfn], m2p[mfn]		the two translation tables of the ABI
 *	page_alloc()			zeroed pages out of a pool in .bss: mapped writable, owned, ordinary
 *
 * Expected faults: CATCH("insn" : operands) runs one instruction and gives the vector of the exception it raised, or
 * NO_TRAP; details are in last_trap.
 */
#ifndef GUEST_LIB_H
#define GUEST_LIB_H

#define __XEN_INTERFACE_VERSION__ 0x00040e00
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>
#include "hypercall.h"

#define XEN_ERRNO(name, value) name = value,
enum {
#include <xen/errno.h>
};

#define VIRT_BASE	0xffffffff80000000UL
#define PAGE_SIZE	4096UL
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define barrier()	asm volatile("" ::: "memory")

typedef uint64_t pte_t;
#define PTE_P		(1UL << 0)
#define PTE_RW		(1UL << 1)
#define PTE_US		(1UL << 2)
#define PTE_PWT		(1UL << 3)
#define PTE_PCD		(1UL << 4)
#define PTE_A		(1UL << 5)
#define PTE_D		(1UL << 6)
#define PTE_PSE		(1UL << 7)
#define PTE_PAT		(1UL << 7)
#define PTE_G		(1UL << 8)
#define PTE_AVAIL	(7UL << 9)
#define PTE_NX		(1UL << 63)
#define PTE_ADDR	0x000ffffffffff000UL
#define PTE_RO_FLAGS	(PTE_P | PTE_US | PTE_A)
#define PTE_RW_FLAGS	(PTE_RO_FLAGS | PTE_RW | PTE_D)
#define PTE_TABLE_FLAGS	(PTE_P | PTE_RW | PTE_US | PTE_A)

/* --- what a trap left behind; the part from rax on is struct iret_context ------------------------------------------ */

struct frame {
	uint64_t r15, r14, r13, r12, rbp, rbx, r10, r9, r8, rdx, rsi, rdi;
	uint64_t rax, r11, rcx;
	uint32_t error, vector;
	uint64_t rip, cs, rflags, rsp, ss;
};

enum {
	TRAP_DE = 0, TRAP_DB = 1, TRAP_NMI = 2, TRAP_BP = 3, TRAP_OF = 4, TRAP_BR = 5, TRAP_UD = 6, TRAP_NM = 7,
	TRAP_DF = 8, TRAP_TS = 10, TRAP_NP = 11, TRAP_SS = 12, TRAP_GP = 13, TRAP_PF = 14, TRAP_MF = 16, TRAP_AC = 17,
	TRAP_MC = 18, TRAP_XM = 19,
	TRAP_SYSCALL = 0x100, TRAP_EVENT = 0x101, TRAP_FAILSAFE = 0x102, TRAP_SYSENTER = 0x103, TRAP_SYSCALL32 = 0x104,
	NO_TRAP = -1,
};

struct trap {
	int vector;		/* NO_TRAP when nothing happened */
	uint32_t error;
	uint64_t rip, cr2;
	struct frame frame;	/* everything, for those who look closer */
};

#define MAX_VCPUS 8

/* One per vcpu, found through the kernel's gs base. */
struct pcpu {
	struct pcpu *self;
	unsigned int id;
	struct vcpu_info *info;
	struct trap trap;
	struct frame *user;		/* where frame_run() wants the frame */
	unsigned long resume;		/* stack pointer of frame_enter() */
	void (*entry)(void);
	volatile bool alive;
	uint8_t stack[16384] __attribute__((aligned(4096)));
	uint8_t trap_stack[16384] __attribute__((aligned(4096)));	/* for traps from user mode */
};
extern struct pcpu pcpus[MAX_VCPUS];

static inline struct pcpu *this_pcpu(void)
{
	struct pcpu *p;

	asm volatile("mov %%gs:0, %0" : "=r"(p));
	return p;
}
#define last_trap (this_pcpu()->trap)

extern struct start_info *start_info;
extern struct shared_info *shared_info;

/* --- talking ------------------------------------------------------------------------------------------------------- */

void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* ok(): one TAP line; what the test claims, true or not. Returns the condition. */
bool ok(bool condition, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* is(): like ok(), for numbers that must be equal; says both when they are not. */
bool is(long got, long want, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void skip(const char *why);
void bail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void finish(void) __attribute__((noreturn));
/* The number behind NAME= on the kernel command line. */
unsigned long argument(const char *name, unsigned long otherwise);
bool xenolith(void);		/* true on our hypervisor, false on Xen */

void *memset(void *to, int byte, size_t n);
void *memcpy(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/* --- traps --------------------------------------------------------------------------------------------------------- */

void trap_init(void);
void trap_table_load(void);
extern unsigned long iret_flags;
/* Called first for every trap when set; returns true when it dealt with it (the frame may have been changed). */
extern bool (*volatile trap_hook)(struct frame *f);
/* Called for events. Default: count and clear. */
extern void (*volatile event_hook)(unsigned int port);
/* Called when an upcall has seen to all events, just before it returns. */
extern void (*volatile upcall_end_hook)(void);

void frame_return(struct frame *f) __attribute__((noreturn));
int frame_enter(struct frame *f, unsigned long *resume);
void frame_leave(unsigned long resume, int value) __attribute__((noreturn));

#define CATCH(insn, ...) ({							\
	this_pcpu()->trap.vector = NO_TRAP;					\
	asm volatile("1:	" insn "\n2:\n"					\
		     "	.pushsection .ex_table, \"a\"\n"			\
		     "	.quad 1b, 2b\n"						\
		     "	.popsection\n" __VA_ARGS__);				\
	this_pcpu()->trap.vector; })

/* Touch memory that may not be there: the vector, or NO_TRAP. */
static inline int try_read(const volatile void *va, uint64_t *value)
{
	uint64_t v = 0;
	int trap = CATCH("mov (%1), %0", : "+r"(v) : "r"(va) : "memory");

	if (value)
		*value = v;
	return trap;
}

static inline int try_write(volatile void *va, uint64_t value)
{
	return CATCH("mov %1, (%0)", : : "r"(va), "r"(value) : "memory");
}

/* --- memory -------------------------------------------------------------------------------------------------------- */

#define p2m ((unsigned long *)start_info->mfn_list)
#define m2p machine_to_phys_mapping

static inline unsigned long va_to_pfn(const volatile void *va) { return ((unsigned long)va - VIRT_BASE) >> 12; }
static inline void *pfn_to_va(unsigned long pfn) { return (void *)(VIRT_BASE + (pfn << 12)); }
static inline unsigned long va_to_mfn(const volatile void *va) { return p2m[va_to_pfn(va)]; }
static inline void *mfn_to_va(unsigned long mfn) { return pfn_to_va(m2p[mfn]); }
static inline uint64_t va_to_maddr(const volatile void *va)
{
	return (va_to_mfn(va) << 12) | ((unsigned long)va & ~PAGE_MASK);
}
static inline pte_t make_pte(unsigned long mfn, uint64_t flags) { return (mfn << 12) | flags; }

/* Is a PTE what was asked for? The processor sets A and D; the hypervisor may set G where user and kernel differ. */
static inline bool same_pte(pte_t a, pte_t b) { return !((a ^ b) & ~(PTE_A | PTE_D | PTE_G)); }

void *page_alloc(void);
unsigned int pages_left(void);
unsigned long slot(unsigned long va, int level);	/* index of va in a table of that level (1..4) */
pte_t *walk_from(unsigned long l4_mfn, unsigned long va, int level);	/* NULL when a level is missing */
unsigned long cr3_mfn(void);		/* the kernel's current L4 */
pte_t *walk(const volatile void *va, int level);
pte_t pte_of(const volatile void *va);
long set_pte(pte_t *entry, pte_t value);			/* by mmu_update */
long mmu_update(uint64_t ptr, uint64_t val);		/* one request, domain DOMID_SELF */
long mmu_update_foreign(uint64_t ptr, uint64_t val, unsigned int dom);
long remap(void *va, uint64_t flags);			/* same frame, other flags, flushed */
long map_mfn(void *va, unsigned long mfn, uint64_t flags);	/* any frame at va of the pool */
long mmuext(unsigned int cmd, unsigned long arg1, unsigned long arg2);
long pin(void *table, int level);			/* makes it read-only itself */
long unpin(void *table);
/* Every level above va's leaf entry in a fresh tree under l4 (a page of the pool, not pinned): tables are filled directly. */
void build_map(pte_t *l4, unsigned long va, pte_t leaf);
/* Make all the tables of a tree (of the lower half) read-only so that it can be pinned. */
void build_protect(pte_t *l4);
void build_unprotect(pte_t *l4);
/* An L4 with the kernel's entries (and that of the p2m list) and nothing else, not pinned, writable. */
pte_t *copy_kernel_l4(void);

/* Go to a frame in kernel or user mode until the next trap: its vector; *f becomes the state at the trap. */
int frame_run(struct frame *f);

/* --- user mode ----------------------------------------------------------------------------------------------------- */

#define USER_CODE	0x400000UL	/* section .user.text is mapped here */
#define USER_DATA	0x600000UL	/* one page, writable */
#define USER_STACK	0x800000UL	/* top of the user stack */
extern char __user_start[], __user_end[];
extern void *user_data;			/* kernel address of USER_DATA */
extern pte_t *user_l4;			/* the user page table, pinned and loaded */
static inline unsigned long user_va(const void *fn) { return USER_CODE + ((const char *)fn - __user_start); }
void user_init(void);
void user_frame(struct frame *f, const void *fn);	/* start values: run fn in user mode */

/* --- events, vcpus, time ------------------------------------------------------------------------------------------- */

extern volatile unsigned int event_count[4096];
void events_on(void);			/* deliver upcalls on this vcpu */
void events_off(void);
bool event_pending(unsigned int port);
void event_clear(unsigned int port);
void event_mask(unsigned int port, bool masked);
long evtchn(int cmd, void *arg);
long event_unmask(unsigned int port);
long bind_virq(unsigned int virq, unsigned int vcpu);	/* port or -errno */
long bind_ipi(unsigned int vcpu);

uint64_t now(void);			/* nanoseconds since boot, by this vcpu's time record */
static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi));
	return ((uint64_t)hi << 32) | lo;
}
/*
 * Spin until the condition or the time limit; the condition's last value. A limit of half a second and more is for what
 * must happen: a machine that has other things to do gets ten times as long for it.
 */
#define wait_for(condition, ms) ({						\
	uint64_t end_ = now() + (ms) * ((ms) < 500 ? 1000000UL : 10000000UL);	\
	while (!(condition) && now() < end_)					\
		hypercall(sched_op, SCHEDOP_yield, 0UL);			\
	(bool)(condition); })

void vcpu_context(unsigned int id, void (*entry)(void), struct vcpu_guest_context *c);
long vcpu_boot(unsigned int id, void (*entry)(void));	/* initialise and up */
unsigned int vcpu_count(void);		/* how many this domain has */

void test_main(void);			/* the test */

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spinlocks (ticket) and per-CPU variables. The hypervisor is not preemptible: holding a lock
 * means only that other CPUs wait. A lock that an interrupt handler takes is always taken with
 * the _irqsave forms. Order of locks: Documentation/locking.md; a DEBUG build checks that a lock
 * is not taken twice by one CPU and that irq-locks are never taken with interrupts enabled.
 */
#ifndef XENOLITH_LOCK_H
#define XENOLITH_LOCK_H

#include <xenolith/lib.h>

typedef struct {
	union {
		u32 both;
		struct {
			u16 serving, next;
		};
	};
#ifdef DEBUG
	u16 owner;		/* CPU + 1, 0 when free */
	u8 irq_use;		/* bit 0: taken with irqs on, bit 1: taken in interrupt */
#endif
} spinlock_t;
#define SPINLOCK_INIT		{ .both = 0 }
#define DEFINE_SPINLOCK(l)	spinlock_t l = SPINLOCK_INIT

#ifdef DEBUG
void lock_check_acquire(spinlock_t *l);
void lock_check_acquired(spinlock_t *l);
void lock_check_release(spinlock_t *l);
void lock_check_interrupt(bool entered);	/* around the handlers of device and IPI vectors */
#else
static inline void lock_check_acquire(spinlock_t *l __maybe_unused) { }
static inline void lock_check_acquired(spinlock_t *l __maybe_unused) { }
static inline void lock_check_release(spinlock_t *l __maybe_unused) { }
static inline void lock_check_interrupt(bool entered __maybe_unused) { }
#endif

static inline void spin_lock_init(spinlock_t *l)
{
	*l = (spinlock_t)SPINLOCK_INIT;
}

static inline void spin_lock(spinlock_t *l)
{
	u16 me;

	lock_check_acquire(l);
	me = __atomic_fetch_add(&l->next, 1, __ATOMIC_ACQUIRE);
	while (unlikely(__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != me))
		cpu_relax();
	lock_check_acquired(l);
}

static inline bool spin_trylock(spinlock_t *l)
{
	u32 old = READ_ONCE(l->both);

	if ((old & 0xffff) != old >> 16)
		return false;
	if (!try_cmpxchg(&l->both, &old, (old & 0xffff) | (((old >> 16) + 1) << 16)))
		return false;
	lock_check_acquired(l);
	return true;
}

static inline void spin_unlock(spinlock_t *l)
{
	lock_check_release(l);
	__atomic_store_n(&l->serving, (u16)(l->serving + 1), __ATOMIC_RELEASE);
}

#if __STDC_HOSTED__
static inline unsigned long irq_save(void) { return 0; }
static inline void irq_restore(unsigned long flags __maybe_unused) { }
static inline void irq_disable(void) { }
static inline void irq_enable(void) { }
static inline bool irq_enabled(void) { return true; }
#else
static inline unsigned long irq_save(void)
{
	unsigned long flags;

	asm volatile("pushfq; popq %0; cli" : "=r" (flags) :: "memory");
	return flags;
}

static inline void irq_restore(unsigned long flags)
{
	if (flags & 0x200)
		asm volatile("sti" ::: "memory");
}

static inline void irq_disable(void)
{
	asm volatile("cli" ::: "memory");
}

static inline void irq_enable(void)
{
	asm volatile("sti" ::: "memory");
}

static inline bool irq_enabled(void)
{
	unsigned long flags;

	asm volatile("pushfq; popq %0" : "=r" (flags));
	return flags & 0x200;
}
#endif

static inline unsigned long spin_lock_irqsave(spinlock_t *l)
{
	unsigned long flags = irq_save();

	spin_lock(l);
	return flags;
}

static inline void spin_unlock_irqrestore(spinlock_t *l, unsigned long flags)
{
	spin_unlock(l);
	irq_restore(flags);
}

/*
 * Per-CPU variables: DEFINE_PER_CPU(type, name) in one .c file; DECLARE_PER_CPU elsewhere. Each
 * CPU has its copy of section .percpu; the offset to it stands in struct cpu_info. Host tests
 * have one CPU and plain variables.
 */
#if __STDC_HOSTED__
#define DEFINE_PER_CPU(type, name)	__typeof__(type) percpu_##name
#define DECLARE_PER_CPU(type, name)	extern __typeof__(type) percpu_##name
#define per_cpu(name, cpu)		(*((void)(cpu), &percpu_##name))
#define this_cpu(name)			percpu_##name
#else
extern unsigned long percpu_offset[];
#define DEFINE_PER_CPU(type, name)	__section(".percpu") __typeof__(type) percpu_##name
#define DECLARE_PER_CPU(type, name)	extern __typeof__(type) percpu_##name
#define per_cpu(name, cpu) \
	(*(__typeof__(&percpu_##name))((char *)&percpu_##name + percpu_offset[cpu]))
#define this_cpu(name) \
	(*(__typeof__(&percpu_##name))((char *)&percpu_##name + cpu_info()->percpu_offset))
#endif

/* ---- sets of CPUs ---- */
typedef struct {
	unsigned long bits[BITS_TO_LONGS(128)];
} cpumask_t;

static inline bool cpumask_test(const cpumask_t *m, unsigned int cpu)
{
	return (READ_ONCE(m->bits[cpu / 64]) >> (cpu % 64)) & 1;
}

static inline void cpumask_set(cpumask_t *m, unsigned int cpu)		/* atomic */
{
	set_bit(cpu, m->bits);
}

static inline void cpumask_clear(cpumask_t *m, unsigned int cpu)	/* atomic */
{
	clear_bit(cpu, m->bits);
}

static inline bool cpumask_empty(const cpumask_t *m)
{
	return !(m->bits[0] | m->bits[1]);
}

static inline cpumask_t cpumask_of(unsigned int cpu)
{
	cpumask_t m = { { 0 } };

	m.bits[cpu / 64] = 1UL << (cpu % 64);
	return m;
}

static inline cpumask_t cpumask_and(const cpumask_t *a, const cpumask_t *b)
{
	return (cpumask_t){ { a->bits[0] & b->bits[0], a->bits[1] & b->bits[1] } };
}

static inline unsigned int cpumask_next(const cpumask_t *m, unsigned int from)
{
	return find_next_bit(m->bits, 128, from);
}

static inline unsigned int cpumask_first(const cpumask_t *m)
{
	return cpumask_next(m, 0);
}

static inline unsigned int cpumask_weight(const cpumask_t *m)
{
	return __builtin_popcountl(m->bits[0]) + __builtin_popcountl(m->bits[1]);
}

#define for_each_cpu(cpu, mask) \
	for ((cpu) = cpumask_first(mask); (cpu) < 128; (cpu) = cpumask_next(mask, (cpu) + 1))

#endif

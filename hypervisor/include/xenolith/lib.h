/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lib: types, bit operations, lists, strings, formatting, range sets. Knows
 * nothing of domains or of the machine; compiles on the host for unit tests
 * (where __STDC_HOSTED__ is 1 and libc brings strings and errno).
 */
#ifndef XENOLITH_LIB_H
#define XENOLITH_LIB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef unsigned long paddr_t;

#if __STDC_HOSTED__
#include <errno.h>
#include <string.h>
#include <sys/types.h>
#else
enum {
#define XEN_ERRNO(name, value) name = value,
#include <xen/errno.h>
	ERESTART = 85,		/* ours, never seen by a guest: come again to go on */
};
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
#endif

/** strlcpy_: copy @src into @dst of @size bytes, always terminated. Returns strlen(@src). */
size_t strlcpy_(char *dst, const char *src, size_t size);

/* ---- compiler ---- */
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define __packed		__attribute__((packed))
#ifndef __aligned
#define __aligned(n)		__attribute__((aligned(n)))
#endif
#define __section(s)		__attribute__((section(s)))
#ifndef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#endif
#define noinline		__attribute__((noinline))
#define __noreturn		__attribute__((noreturn))
#define __must_check		__attribute__((warn_unused_result))
#define __printf(f, a)		__attribute__((format(printf, f, a)))
#define __maybe_unused		__attribute__((unused))
#ifdef __CHECKER__
#define __user			__attribute__((noderef, address_space(1)))
#define __force			__attribute__((force))
#else
#define __user
#define __force
#endif

#if __STDC_HOSTED__
#define __init
#define __initdata
#define __initconst
#else
/* Boot-only: the pages of these sections are given to the allocator after boot. */
#define __init			__section(".init.text") __attribute__((cold))
#define __initdata		__section(".init.data")
#define __initconst		__section(".init.rodata")
#endif
/* Written during boot, then mapped read-only (boot_seal()). */
#define __ro_after_init		__section(".data.ro_after_init")

#define barrier()		asm volatile("" ::: "memory")
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))
#define min(a, b)		({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b)		({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })
#define min_t(t, a, b)		min((t)(a), (t)(b))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define ROUND_UP(x, a)		(((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define ROUND_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define BIT(n)			(1UL << (n))
#define KB(n)			((unsigned long)(n) << 10)
#define MB(n)			((unsigned long)(n) << 20)
#define GB(n)			((unsigned long)(n) << 30)

/* ---- atomics and bit operations (x86: locked forms order memory fully) ---- */
typedef struct { int counter; } atomic_t;
#define atomic_read(a)		READ_ONCE((a)->counter)
#define atomic_set(a, n)	WRITE_ONCE((a)->counter, n)
#define atomic_inc(a)		((void)__atomic_add_fetch(&(a)->counter, 1, __ATOMIC_SEQ_CST))
#define atomic_dec_and_test(a)	(__atomic_sub_fetch(&(a)->counter, 1, __ATOMIC_SEQ_CST) == 0)
#define atomic_add_return(a, n)	__atomic_add_fetch(&(a)->counter, n, __ATOMIC_SEQ_CST)

/** cmpxchg: if *@p is @old, make it @new; returns what *@p was. Full barrier. */
#define cmpxchg(p, old, new) ({						\
	__typeof__(*(p)) _o = (old);					\
	__atomic_compare_exchange_n((p), &_o, (new), 0,			\
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
	_o; })
/** try_cmpxchg: as cmpxchg, but true on success; on failure *@oldp is what was found. */
#define try_cmpxchg(p, oldp, new)					\
	__atomic_compare_exchange_n((p), (oldp), (new), 0,		\
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define xchg(p, v)		__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)

#if __STDC_HOSTED__
#define cpu_relax()		barrier()
#else
#define cpu_relax()		asm volatile("pause" ::: "memory")
#endif
#define smp_mb()		asm volatile("lock addl $0, -4(%%rsp)" ::: "memory", "cc")
#define smp_rmb()		barrier()
#define smp_wmb()		barrier()

static inline bool test_bit(unsigned int n, const volatile void *p)
{
	return (((const volatile u8 *)p)[n / 8] >> (n % 8)) & 1;
}

/* The next four are atomic; @n counts from bit 0 of *@p, 32-bit wide accesses. */
static inline bool test_and_set_bit(unsigned int n, volatile void *p)
{
	return __atomic_fetch_or((volatile u32 *)p + n / 32, 1u << n % 32, __ATOMIC_SEQ_CST) & 1u << n % 32;
}

static inline bool test_and_clear_bit(unsigned int n, volatile void *p)
{
	return __atomic_fetch_and((volatile u32 *)p + n / 32, ~(1u << n % 32), __ATOMIC_SEQ_CST) & 1u << n % 32;
}

static inline void set_bit(unsigned int n, volatile void *p)
{
	__atomic_fetch_or((volatile u32 *)p + n / 32, 1u << n % 32, __ATOMIC_SEQ_CST);
}

static inline void clear_bit(unsigned int n, volatile void *p)
{
	__atomic_fetch_and((volatile u32 *)p + n / 32, ~(1u << n % 32), __ATOMIC_SEQ_CST);
}

static inline unsigned int ffs64(u64 x)		/* lowest set bit; @x must not be 0 */
{
	return __builtin_ctzll(x);
}

static inline unsigned int fls64(u64 x)		/* highest set bit; @x must not be 0 */
{
	return 63 - __builtin_clzll(x);
}

/** find_next_bit: first set bit at or after @from in @bits bits at @map, or @bits. */
unsigned int find_next_bit(const unsigned long *map, unsigned int bits, unsigned int from);
#define BITS_TO_LONGS(n)	DIV_ROUND_UP(n, 64)

/* ---- doubly linked lists ---- */
struct list_head {
	struct list_head *next, *prev;
};
#define LIST_HEAD_INIT(l)	{ &(l), &(l) }
#define LIST_HEAD(l)		struct list_head l = LIST_HEAD_INIT(l)

static inline void list_init(struct list_head *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return l->next == l;
}

static inline void list_add(struct list_head *n, struct list_head *head)	/* behind @head */
{
	n->prev = head;
	n->next = head->next;
	head->next = n->next->prev = n;
}

static inline void list_add_tail(struct list_head *n, struct list_head *head)
{
	list_add(n, head->prev);
}

static inline void list_del(struct list_head *n)
{
	n->next->prev = n->prev;
	n->prev->next = n->next;
	list_init(n);
}

#define list_entry			container_of
#define list_first_entry(h, type, m)	list_entry((h)->next, type, m)
#define list_for_each_entry(e, h, m)					\
	for (e = list_entry((h)->next, __typeof__(*e), m); &e->m != (h);	\
	     e = list_entry(e->m.next, __typeof__(*e), m))

/* ---- formatting ----
 * Of C's conversions d u x c s p with the flags - 0 #, width, precision of strings, and l ll z;
 * %p is 16 digits, %ps a code address as symbol+offset where lib_symbol_name() knows it.
 * Both return the length the whole result would have; @buf is always terminated.
 */
int lib_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int lib_snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
#if !__STDC_HOSTED__
#define snprintf lib_snprintf
#define vsnprintf lib_vsnprintf
#endif
/** lib_symbol_name: debug/backtrace.c; writes "name+0x12/0x40" for @addr into @buf, false when unknown. */
bool lib_symbol_name(unsigned long addr, char *buf, size_t size);

/** lib_strtoull: C prefix rules for @base 0; *@end is the first byte not used. */
unsigned long long lib_strtoull(const char *s, const char **end, unsigned int base);
/** lib_parse_size: number with optional suffix B K M G T (binary; none means @unit bytes each). */
unsigned long long lib_parse_size(const char *s, const char **end, unsigned long unit);

/* ---- range sets: sorted disjoint inclusive ranges, for I/O ports, frames, irqs ----
 * Not locked: the owner's lock covers each call. Memory through lib_alloc/lib_free.
 */
struct range {
	unsigned long start, end;	/* inclusive */
};
struct rangeset {
	struct range *r;
	unsigned int nr, space;
};
void rangeset_init(struct rangeset *rs);
void rangeset_destroy(struct rangeset *rs);
/** add/remove: @start..@end inclusive; 0, -EINVAL (@start > @end), -ENOMEM (set unchanged). */
int rangeset_add(struct rangeset *rs, unsigned long start, unsigned long end);
int rangeset_remove(struct rangeset *rs, unsigned long start, unsigned long end);
/** rangeset_contains: is every number of @start..@end inside? */
bool rangeset_contains(const struct rangeset *rs, unsigned long start, unsigned long end);

/* ---- small allocations (mm/heap.c; malloc in host tests). Zeroed. May return NULL. ---- */
void *lib_alloc(size_t size);
void lib_free(void *p);
#define new(type)		((type *)lib_alloc(sizeof(type)))
#define new_array(type, n)	((type *)lib_alloc(sizeof(type) * (n)))

/* ---- CRC-free, stateless ELF64 reading: lib/elf.c ---- */
struct elf_image {
	const u8 *data;			/* hostile bytes */
	size_t size;
	u64 entry;
	u64 paddr_min, paddr_max;	/* of all PT_LOAD: lowest p_paddr, highest p_paddr + p_memsz */
	unsigned int machine, bits;	/* e_machine; 32 or 64 */
	unsigned int nr_phdrs;
};
/** elf_open: check every header of @data; 0 or -EINVAL/-ENOEXEC. Bounds hold afterwards. */
int elf_open(struct elf_image *elf, const void *data, size_t size);
/**
 * elf_load: call @put for each PT_LOAD: @n file bytes at @src, then (@src NULL) @n zero bytes,
 * for physical address @paddr. Stops at and returns the first non-zero result of @put.
 */
int elf_load(const struct elf_image *elf,
	     int (*put)(void *arg, u64 paddr, const void *src, size_t n), void *arg);
/** elf_note: find the note @name/@type in PT_NOTE parts; NULL, or its desc and *@size. */
const void *elf_note(const struct elf_image *elf, const char *name, u32 type, u32 *size);

/* ---- command lines: lib/cmdline.c ---- */
/**
 * cmdline_next: step through "name=value name" words (double quotes group). *@pos starts at the
 * line; writes the next name and value ("" without '=') as terminated strings into the buffers,
 * cut when too long. False at the end.
 */
bool cmdline_next(const char **pos, char *name, size_t name_size, char *value, size_t value_size);

#endif

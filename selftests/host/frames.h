/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine whose memory is an array, for tests of the real frame table, allocator and PV MMU:
 *
 *   CPU 0, 1   run vcpus of domain 1 (host_a), an ordinary guest
 *   CPU 2      runs the vcpu of domain 2 (host_b), which may map frames of others
 *   CPU 3      runs nobody
 *
 * The model TLB of a CPU holds everything that its domain's validated tables ever said since the
 * CPU flushed last: the worst that hardware could remember. A guest that still can write to a
 * frame by such an entry does so in the last moment before a flush: what the hypervisor prepared
 * too early is spoilt.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include "host.h"
#include <xenolith/layout.h>
#undef DIRECTMAP_START
#undef FRAMETABLE_START
#undef M2P_START
#define DIRECTMAP_START		((unsigned long)host_memory)
#define FRAMETABLE_START	((unsigned long)host_frame_table)
#define M2P_START		((unsigned long)host_m2p)
#define FRAMES			1024u
#define IO_FRAMES		8u		/* the last ones: devices' */
static unsigned char host_memory[FRAMES * 4096UL] __attribute__((aligned(4096)));
static unsigned long host_m2p[FRAMES];
extern unsigned char host_frame_table[];

#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include "no-hvm.h"
#include <xenolith/hypercall.h>
#include <xen/callback.h>
#undef smp_cpu
#define smp_cpu()		host_cpu
static unsigned int host_cpu;
#define wbinvd()		((void)0)
#define fpu_clear(p, bytes)	((void)memset(p, 0, bytes))

unsigned char host_frame_table[FRAMES * sizeof(struct page_info)] __attribute__((aligned(64)));
struct vcpu *current;
struct domain *idle_domain, *domain0;
struct x86_features x86 = { .phys_bits = 40 };
unsigned long max_page = FRAMES, total_pages = FRAMES;

#include "../../hypervisor/lib/bitmap.c"
#include "../../hypervisor/mm/alloc.c"
#include "../../hypervisor/mm/map.c"
#include "../../hypervisor/mm/frame.c"
#include "../../hypervisor/pv/validate.c"
#include "../../hypervisor/pv/mmu-update.c"
#include "../../hypervisor/pv/mmuext.c"

#ifdef DEBUG
void lock_check_acquire(spinlock_t *l) { BUG_ON(l->next != l->serving); }
void lock_check_acquired(spinlock_t *l) { }
void lock_check_release(spinlock_t *l) { BUG_ON(l->next == l->serving); }
#endif

bool mfn_valid(mfn_t m)
{
	return mfn_x(m) < FRAMES;
}

/* ---- domains ---- */

#define VCPUS	3
static struct domain host_a_, host_b_, *const host_a = &host_a_, *const host_b = &host_b_;
static struct vcpu host_vcpu[VCPUS];
static struct vcpu *host_vcpus_a[2] = { &host_vcpu[0], &host_vcpu[1] }, *host_vcpus_b[1] = { &host_vcpu[2] };

struct domain *domain_find(domid_t id)
{
	return id == DOMID_SELF ? current->domain : id == 1 ? host_a : id == 2 ? host_b : NULL;
}

struct domain *domain_get(domid_t id)
{
	struct domain *d = domain_find(id);

	if (d)
		domain_hold(d);
	return d;
}

void domain_hold(struct domain *d)
{
	atomic_inc(&d->refcnt);
}

void domain_put(struct domain *d)
{
	BUG_ON(atomic_dec_and_test(&d->refcnt));	/* the test holds one */
}

int rights_foreign_map(const struct domain *caller, const struct domain *owner)
{
	return caller->is_control ? 0 : -EPERM;
}

bool domain_has(struct domain *d, const struct rangeset *rs, unsigned long first, unsigned long last)
{
	return d->is_hardware;
}

/* ---- what the PV MMU needs besides ---- */

static unsigned int host_preempt_one_in;	/* 0: never */
bool hypercall_preempt(void)
{
	return host_preempt_one_in && host_random() % host_preempt_one_in == 0;
}

static struct {
	unsigned long op, a[5];
} host_cont;

long hypercall_continue(unsigned long op, unsigned long a1, unsigned long a2, unsigned long a3,
			unsigned long a4, unsigned long a5)
{
	host_cont.op = op;
	host_cont.a[0] = a1;
	host_cont.a[1] = a2;
	host_cont.a[2] = a3;
	host_cont.a[3] = a4;
	host_cont.a[4] = a5;
	return -ERESTART;
}

int copy_from_guest_any(void *dst, const void __user *src, size_t n)
{
	memcpy(dst, src, n);
	return 0;
}

int copy_to_guest_any(void __user *dst, const void *src, size_t n)
{
	memcpy(dst, src, n);
	return 0;
}

#define BAD_DESCRIPTOR	0x80ffffffffffUL
int pv_validate_descriptor_page(struct page_info *pg)
{
	return *(u64 *)page_to_virt(pg) == BAD_DESCRIPTOR ? -EINVAL : 0;
}

int pv_set_ldt(struct vcpu *v, unsigned long base, unsigned int entries) { return 0; }
void smp_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg) { }
static unsigned int host_cache_flushes;
void cache_flush_page(mfn_t m) { host_cache_flushes++; }

/* ---- tables ---- */

static u64 type_of(unsigned int n)
{
	return frame_table[n].word & PG_TYPE_MASK;
}

/* Entries that hold references: of a validated table all, of a partly validated one some. */
static unsigned int valid_entries(unsigned int n)
{
	u64 word = frame_table[n].word;

	if (!is_table(type_of(n)) || word & PG_BUSY || !(word & PG_TYPE_COUNT_MASK))
		return 0;
	return word & PG_VALIDATED ? PT_ENTRIES : word & PG_PARTIAL ? frame_table[n].nr_validated : 0;
}

static pte_t *table(unsigned int n)
{
	return (pte_t *)&host_memory[n * 4096UL];
}

static bool counted_entry(unsigned int level, unsigned int slot, pte_t e)
{
	if (!(e & PTE_P) || hyp_slot(level, slot))
		return false;
	return level > 1 || !pv_is_device(pte_mfn(e));
}

/* ---- TLBs ---- */

#define CPUS	4
cpumask_t cpu_online_mask = { { BIT(CPUS) - 1 } };
u64 tlb_clock = 1;
static u64 flushed_at[CPUS];
static struct remembered {
	bool r, w;			/* a translation to the frame */
	u8 t;				/* bit n: used as a table of level n */
} tlb[CPUS][FRAMES];
static unsigned int host_flushes, host_late_writes, host_late_one_in = 4;

static void remember_table(unsigned int cpu, unsigned int n)
{
	unsigned int level = PGT_LEVEL(type_of(n));

	tlb[cpu][n].t |= BIT(level);
	for (unsigned int i = 0; i < PT_ENTRIES && level == 1; i++) {
		pte_t e = table(n)[i];
		unsigned int to = mfn_x(pte_mfn(e));

		if (!counted_entry(1, i, e))
			continue;
		tlb[cpu][to].r = true;
		tlb[cpu][to].w |= !!(e & PTE_RW);
	}
}

static void remember(unsigned int cpu)
{
	for (unsigned int n = 1; n < FRAMES; n++) {
		struct domain *d = domain_find(frame_table[n].owner);

		if (d && cpumask_test(&d->dirty_cpus, cpu) && valid_entries(n) == PT_ENTRIES &&
		    frame_table[n].word & PG_VALIDATED)
			remember_table(cpu, n);
	}
}

static void write_late(unsigned int cpu)
{
	for (unsigned int n = 1; n < FRAMES; n++) {
		if (!tlb[cpu][n].w || (type_of(n) == PGT_WRITABLE && page_type_count(&frame_table[n])))
			continue;
		host_late_writes++;
		if (host_random() % host_late_one_in == 0)
			table(n)[host_random() % PT_ENTRIES] = 0xdead000 | PTE_P | PTE_RW | PTE_US;
	}
}

static void flush_cpu(unsigned int cpu)
{
	u64 t = ++tlb_clock;

	host_flushes++;
	write_late(cpu);
	memset(tlb[cpu], 0, sizeof(tlb[cpu]));
	flushed_at[cpu] = t;
	remember(cpu);
}

void tlb_flush_local(void) { flush_cpu(host_cpu); }
void tlb_flush_local_va(unsigned long va) { }
void tlb_load_cr3(paddr_t cr3) { flush_cpu(host_cpu); }

void tlb_flush_mask(const cpumask_t *mask, unsigned long va)
{
	unsigned int cpu;

	if (va == TLB_ALL)
		for_each_cpu(cpu, mask)
			flush_cpu(cpu);
}

void tlb_filter(cpumask_t *mask, u64 stamp)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		if (flushed_at[cpu] > stamp)
			mask->bits[0] &= ~BIT(cpu);
}

/* Nobody can use a frame in another role than it has. */
static u16 last_owner[FRAMES];
static void check_stale(void)
{
	for (unsigned int n = 1; n < FRAMES - IO_FRAMES; n++) {
		struct remembered all = { 0 };
		u64 type = type_of(n);
		u16 owner = frame_table[n].owner;

		for (unsigned int c = 0; c < CPUS; c++) {
			all.r |= tlb[c][n].r;
			all.w |= tlb[c][n].w;
			all.t |= tlb[c][n].t;
		}
		if (owner != last_owner[n] && owner != DOMID_INVALID) {
			require(!all.r && !all.w && !all.t, "frame %#x came to d%d, stale entries remain", n, owner);
			last_owner[n] = owner;
		}
		if (!page_type_count(&frame_table[n]))
			continue;
		if (is_table(type) || type == PGT_SEG_DESC)
			require(!all.w, "frame %#x of type %u has a stale writable entry (XSA-286, 408)", n, PGT_LEVEL(type));
		if (is_table(type))
			require(!(all.t & ~BIT(PGT_LEVEL(type))), "frame %#x of level %u is walked as another", n, PGT_LEVEL(type));
		else
			require(!all.t, "frame %#x of type %u is walked as a table (XSA-286)", n, PGT_LEVEL(type));
	}
}

/* ---- the books: every count explained by who must hold it ---- */

static unsigned int held[FRAMES], held_typed[FRAMES];	/* by the test itself */
struct book {
	unsigned int count, types;
};

static void book_table(struct book *b, unsigned int n)
{
	unsigned int level = PGT_LEVEL(type_of(n)), nr = valid_entries(n);
	bool whole = frame_table[n].word & PG_VALIDATED;

	for (unsigned int i = 0; i < nr; i++) {
		pte_t e = table(n)[i];
		unsigned int to = mfn_x(pte_mfn(e));

		if (hyp_slot(level, i))
			require(!whole || !((e ^ hyp_l4[i]) & ~(PTE_A | PTE_D)) || (i == M2P_RO_SLOT && !e),
				"L4 %#x slot %u is the hypervisor's, not %#lx", n, i, e);
		if (!counted_entry(level, i, e))
			continue;
		require(to < FRAMES, "frame %#x slot %u leads nowhere", n, i);
		b[to].count++;
		b[to].types += level > 1 || e & PTE_RW;
		require(e & PTE_US && !pv_bad_address(e), "frame %#x slot %u: bits %#lx", n, i, e);
		if (level == 1)
			require(!(e & PTE_GUEST_KERNEL) == !!(e & PTE_G), "kernel's entries are not global");
		if (level > 1)
			require(type_of(to) == (u64)(level - 1) << PG_TYPE_SHIFT &&
				frame_table[to].word & PG_VALIDATED && frame_table[to].owner == frame_table[n].owner &&
				!(e & (PTE_PSE | PTE_G)), "frame %#x slot %u leads to a table of level %u", n, i, level - 1);
		else if (e & PTE_RW)
			require(type_of(to) == PGT_WRITABLE, "frame %#x, of type %u, is mapped writable by %#x slot %u",
				to, PGT_LEVEL(type_of(to)), n, i);
	}
}

static void check_frame(const struct book *b, unsigned int n, unsigned long *nr_free, unsigned int *owned)
{
	struct page_info *pg = &frame_table[n];

	require(page_count(pg) == b->count && page_type_count(pg) == b->types,
		"frame %#x (word %#lx): count %lu, %u explained; type count %lu, %u explained",
		n, pg->word, page_count(pg), b->count, page_type_count(pg), b->types);
	require(!(pg->word & PG_BUSY), "nobody works on frame %#x", n);
	if (pg->word & PG_PARTIAL)
		require(is_table(type_of(n)) && b->types == 1 && pg->nr_validated && !(pg->word & PG_VALIDATED),
			"partial frame %#x: one type reference, the state's own", n);
	if (b->types)
		require(pg->word & (PG_VALIDATED | PG_PARTIAL), "frame %#x in use is validated", n);
	if (!b->count) {
		require(!pg->word && pg->owner == DOMID_INVALID, "frame %#x is free: %#lx d%d", n, pg->word, pg->owner);
		++*nr_free;
	} else if (pg->owner == 1 || pg->owner == 2) {
		owned[pg->owner] += !(pg->word & PG_HYP);
	}
}

static void check_books(void)
{
	static struct book b[FRAMES];
	unsigned long nr_free = 0;
	unsigned int owned[3] = { 0 };

	memset(b, 0, sizeof(b));
	for (unsigned int n = 1; n < FRAMES - IO_FRAMES; n++) {
		u64 w = frame_table[n].word;

		b[n].count += !!(w & PG_ALLOCATED) + !!(w & PG_PINNED) + !!(w & PG_PARTIAL) +
			(w & PG_HYP && frame_table[n].owner != DOMID_INVALID) + held[n] + held_typed[n];
		b[n].types += !!(w & PG_PINNED) + !!(w & PG_PARTIAL) + held_typed[n] +
			(w & PG_HYP && frame_table[n].owner < 3);
		book_table(b, n);
	}
	for (unsigned int i = 0; i < VCPUS; i++) {
		struct page_info *l4[2] = { host_vcpu[i].pv.kernel_l4, host_vcpu[i].pv.user_l4 };

		for (unsigned int k = 0; k < 2; k++) {
			if (!l4[k])
				continue;
			b[l4[k] - frame_table].count++;
			b[l4[k] - frame_table].types++;
		}
	}
	for (unsigned int i = 0; i < 2; i++)
		b[(i ? host_a : host_b)->mm.relinquishing].count++;
	for (unsigned int n = 1; n < FRAMES - IO_FRAMES; n++)
		check_frame(&b[n], n, &nr_free, owned);
	require(nr_free == mm_free_pages(), "%lu frames free, the allocator knows %lu", nr_free, mm_free_pages());
	require(owned[1] == host_a->mm.tot_pages && owned[2] == host_b->mm.tot_pages,
		"d1 has %u of %lu, d2 %u of %lu frames", owned[1], host_a->mm.tot_pages, owned[2], host_b->mm.tot_pages);
}

/* After every step: first what the step left behind, then what CPUs may learn from it. */
static void check_machine(void)
{
	check_stale();
	for (unsigned int c = 0; c < CPUS; c++)
		remember(c);
	check_books();
}

/* ---- life ---- */

static void run_on(struct vcpu *v)
{
	current = v;
	host_cpu = v - host_vcpu;
}

static void init_domain(struct domain *d, domid_t id, struct vcpu **vcpus, unsigned int nr, unsigned long cpus)
{
	memset(d, 0, sizeof(*d));
	d->id = id;
	d->vcpu = vcpus;
	d->max_vcpus = nr;
	d->mm.max_pages = 300;
	d->dirty_cpus.bits[0] = cpus;
	atomic_set(&d->refcnt, 1);
	mm_domain_init(d);
	for (unsigned int i = 0; i < nr; i++)
		*vcpus[i] = (struct vcpu){ .domain = d, .id = i, .dirty_cpu = vcpus[i] - host_vcpu };
}

static void host_machine(u64 seed)
{
	host_seed = seed * 0x9e3779b97f4a7c15UL + 1;
	for (unsigned int n = FRAMES - IO_FRAMES; n < FRAMES; n++)
		frame_table[n].owner = DOMID_IO;
	for (unsigned int i = HYP_FIRST_SLOT; i <= HYP_LAST_SLOT; i++)
		hyp_l4[i] = (u64)i << 20 | PTE_P;
	if (!mm_free_pages())
		mm_boot_release(0, (FRAMES - IO_FRAMES) * 4096UL);
	init_domain(host_a, 1, host_vcpus_a, 2, 3);
	init_domain(host_b, 2, host_vcpus_b, 1, 4);
	host_b->is_control = host_b->is_hardware = true;
	memset(held, 0, sizeof(held));
	memset(held_typed, 0, sizeof(held_typed));
	memset(last_owner, 0xff, sizeof(last_owner));
	run_on(&host_vcpu[0]);
}

/* Vcpus go first, then all memory, as domain_kill() does it. Interrupted as often as may be. */
static unsigned int drop_base(struct page_info **pg)
{
	struct page_info *old = *pg;

	*pg = NULL;
	return old && put_page_and_type_preemptible(old) ? 1 : 0;
}

static unsigned int kill_domain(struct domain *d, struct vcpu *by)
{
	unsigned int restarts = 0;

	run_on(by);
	d->state = DOMAIN_DYING;
	for (unsigned int i = 0; i < d->max_vcpus; i++)
		restarts += drop_base(&d->vcpu[i]->pv.user_l4) + drop_base(&d->vcpu[i]->pv.kernel_l4);
	d->dirty_cpus = (cpumask_t){ { 0 } };
	while (mm_domain_relinquish(d) && restarts < 1000000) {
		restarts++;
		if (restarts % 64 == 1)
			check_books();
	}
	return restarts;
}

/* A hypercall to its end: the continuation is followed, given up (@patience) or followed later. */
static void (*host_between)(void);		/* what another vcpu does meanwhile */
static long finish_call(long rc, unsigned int patience)
{
	struct vcpu *v = current;

	while (rc == -ERESTART && patience--) {
		typeof(host_cont) c = host_cont;

		if (host_between)
			host_between();
		run_on(v);
		if (c.op == __HYPERVISOR_mmu_update)
			rc = do_mmu_update(c.a[0], c.a[1], c.a[2], c.a[3], c.a[4]);
		else if (c.op == __HYPERVISOR_mmuext_op)
			rc = do_mmuext_op(c.a[0], c.a[1], c.a[2], c.a[3], c.a[4]);
		else if (c.op == __HYPERVISOR_update_va_mapping)
			rc = do_update_va_mapping(c.a[0], c.a[1], c.a[2], c.a[3], c.a[4]);
		else if (c.op == __HYPERVISOR_update_va_mapping_otherdomain)
			rc = do_update_va_mapping_otherdomain(c.a[0], c.a[1], c.a[2], c.a[3], c.a[4]);
		else
			panic("continuation of %lu\n", c.op);
	}
	return rc;
}

static long mmu_update(const struct mmu_update *req, unsigned int nr, unsigned long foreign, unsigned int patience)
{
	unsigned int done = 0;

	return finish_call(do_mmu_update((unsigned long)req, nr, (unsigned long)&done, foreign, 0), patience);
}

static __maybe_unused long update1(unsigned int n, unsigned int slot, pte_t val)
{
	struct mmu_update req = { .ptr = n * 4096UL + slot * 8, .val = val };

	return mmu_update(&req, 1, DOMID_SELF, ~0u);
}

static long mmuext(unsigned int cmd, unsigned long mfn, unsigned long arg2, unsigned int patience)
{
	struct mmuext_op op = { .cmd = cmd, .arg1.mfn = mfn, .arg2.src_mfn = arg2 };
	unsigned int done = 0;

	return finish_call(do_mmuext_op((unsigned long)&op, 1, (unsigned long)&done, DOMID_SELF, 0), patience);
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables in force while an isolated guest runs. Each CPU has two L4 tables (roots), one for
 * guest user mode, and right behind it one for guest kernel mode. Slots of the guest are copies of
 * the L4 that the loaded vcpu has for that mode (source[]); slot 261 leads to the few pages listed
 * in isolate.S; and the kernel's root shows the M2P.
 *
 * A root is copied anew by its own CPU whenever the source changes. Whoever changes an entry of an
 * L4 looks at the sources of all CPUs afterwards and brings roots up to date before it drops the
 * old entry's references, so that a root never leads to a table that nobody holds:
 *
 *	the owner: source[] = l4, barrier, copy all       any CPU: change l4, barrier, read source[]
 *
 * One of them sees what the other did. The lock keeps two CPUs from writing an old value last.
 */
#include <xenolith/debug.h>
#include <xenolith/entry.h>
#include <xenolith/mm.h>
#include "isolate.h"

#define RO_FLAGS	(PTE_P | PTE_A | PTE_G)
#define RW_FLAGS	(PTE_P | PTE_RW | PTE_A | PTE_D | PTE_G | PTE_NX)

struct guest_roots {
	spinlock_t lock;		/* contents of the tables */
	pte_t (*table)[PT_ENTRIES];	/* [2]: user, kernel */
	const pte_t *source[2];
};
static DEFINE_PER_CPU(struct guest_roots, guest_roots);

struct isolation_site {
	s32 at, to;			/* relative to themselves */
};
extern const struct isolation_site entry_isolation_sites_start[], entry_isolation_sites_end[];
extern const char entry_gates_start[], entry_gates_end[];

void __init entry_isolate_patch(void)
{
	for (const struct isolation_site *s = entry_isolation_sites_start;
	     s < entry_isolation_sites_end; s++) {
		const char *at = (const char *)&s->at + s->at, *to = (const char *)&s->to + s->to;
		u8 *p = maddr_to_virt(virt_to_maddr(at));
		s32 d = to - (at + 5);

		p[0] = 0xe9;
		memcpy(p + 1, &d, sizeof(d));
	}
}

static int enter(pte_t *root, unsigned long va, mfn_t m, u64 flags)
{
	pte_t *e = map_slot(root, va, 1, true);

	if (!e)
		return -ENOMEM;
	*e = pte_make(m, flags);
	return 0;
}

/* The window has an L1 table of its own, which both share: changes of descriptors need nobody here. */
static int enter_window(pte_t *root, unsigned long va)
{
	pte_t *mine = map_slot(root, va, 2, true);

	if (!mine || !map_slot(hyp_l4, va, 1, true))
		return -ENOMEM;
	*mine = *map_slot(hyp_l4, va, 2, false);
	return 0;
}

static int enter_pages(pte_t *root, unsigned int cpu, const void *idt, void *gate_page)
{
	unsigned long window = STACK_WINDOW((unsigned long)cpu);
	pte_t stubs = *map_slot(hyp_l4, window, 1, false);
	int rc = enter(root, window, pte_mfn(stubs), RO_FLAGS);

	for (const char *p = entry_gates_start; p < entry_gates_end && !rc; p += PAGE_SIZE)
		rc = enter(root, (unsigned long)p, virt_to_mfn(p), RO_FLAGS);
	if (!rc)
		rc = enter(root, (unsigned long)idt, virt_to_mfn(idt), RO_FLAGS | PTE_NX);
	if (!rc)
		rc = enter(root, window + GATE_PAGE, virt_to_mfn(gate_page), RW_FLAGS);
	return rc ?: enter_window(root, GDT_WINDOW((unsigned long)cpu));
}

int entry_isolate_alloc(unsigned int cpu, const void *idt)
{
	struct guest_roots *r = &per_cpu(guest_roots, cpu);
	unsigned int slot = pt_index(IMAGE_VIRT_BASE, 4);
	char *gate_page = alloc_hyp_pages(0);

	r->table = alloc_hyp_pages(1);
	if (!gate_page || !r->table ||
	    map_hyp_pages(STACK_WINDOW((unsigned long)cpu) + GATE_PAGE, virt_to_mfn(gate_page), 1, RW_FLAGS) ||
	    enter_pages(r->table[true], cpu, idt, gate_page))
		return -ENOMEM;
	r->table[false][slot] = r->table[true][slot];
	r->table[true][M2P_RO_SLOT] = hyp_l4[M2P_RO_SLOT];
	*(paddr_t *)(gate_page + GATE_ROOTS - GATE_PAGE) = virt_to_maddr(r->table);
	return 0;
}

void entry_root_load(bool kernel, paddr_t l4)
{
	struct guest_roots *r = &this_cpu(guest_roots);
	const pte_t *from = maddr_to_virt(l4);
	pte_t *to = r->table[kernel];
	unsigned long flags = spin_lock_irqsave(&r->lock);

	WRITE_ONCE(r->source[kernel], from);
	smp_mb();			/* pairs with the exchange before entry_root_update() */
	memcpy(to, from, HYP_FIRST_SLOT * sizeof(pte_t));
	memcpy(&to[HYP_LAST_SLOT + 1], &from[HYP_LAST_SLOT + 1],
	       (PT_ENTRIES - HYP_LAST_SLOT - 1) * sizeof(pte_t));
	spin_unlock_irqrestore(&r->lock, flags);
}

static void update(struct guest_roots *r, bool kernel, const pte_t *l4, unsigned int slot)
{
	unsigned long flags;

	if (READ_ONCE(r->source[kernel]) != l4)
		return;
	flags = spin_lock_irqsave(&r->lock);
	if (r->source[kernel] == l4)
		WRITE_ONCE(r->table[kernel][slot], READ_ONCE(l4[slot]));
	spin_unlock_irqrestore(&r->lock, flags);
}

void entry_root_update(const pte_t *slot)
{
	const pte_t *l4 = (const pte_t *)((unsigned long)slot & PAGE_MASK);
	unsigned int cpu;

	for_each_cpu(cpu, &cpu_online_mask) {
		update(&per_cpu(guest_roots, cpu), false, l4, slot - l4);
		update(&per_cpu(guest_roots, cpu), true, l4, slot - l4);
	}
}

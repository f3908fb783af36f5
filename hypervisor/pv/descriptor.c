// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptor tables of PV guests.
 *
 * A guest gives frames for its GDT and an address range for its LDT. Frames in use hold type
 * PGT_SEG_DESC: their contents were checked and the guest cannot write them but through
 * update_descriptor. Each CPU sees the tables of the vcpu that it runs in its descriptor window;
 * the GDT's frames are entered when the vcpu is loaded, the LDT's pages when they are first used
 * (pv_map_ldt_page()). Slots that a vcpu does not fill are not mapped: see window_fault().
 */
#include <xenolith/hypercall.h>
#include "guest-cpu.h"

#define DESC_BYTES		8
#define DESCS_PER_PAGE		(PAGE_SIZE / DESC_BYTES)
#define MAX_GDT_ENTRIES		((GDT_PAGES - 2) * DESCS_PER_PAGE)
#define MAX_LDT_ENTRIES		8192
#define LDT_SLOT		GDT_PAGES	/* first window slot of the LDT */
#define WINDOW_FLAGS		(PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX)

#define DESC_P			BIT(47)
#define DESC_DPL		(3UL << 45)
#define DESC_S			BIT(44)		/* code or data */
#define DESC_TYPE		(15UL << 40)

static DEFINE_PER_CPU(u32, window_slots);		/* of this CPU's window: those that are mapped, or may be */
static DEFINE_PER_CPU(unsigned int, ldtr_ents);		/* LLDT is slow and most have no LDT */

/* The slots that @v may fill. */
static u32 slots_of(const struct vcpu *v)
{
	return (BIT(DIV_ROUND_UP(v->pv.gdt_ents, DESCS_PER_PAGE)) - 1) |
	       (BIT(DIV_ROUND_UP(v->pv.ldt_ents, DESCS_PER_PAGE)) - 1) << LDT_SLOT;
}

/* Stale translations go with the CR3 load that follows. */
void pv_load_descriptors(const struct vcpu *v)
{
	for (u32 slots = this_cpu(window_slots) | slots_of(v); slots; slots &= slots - 1)
		desc_window_set(__builtin_ctz(slots), v->pv.window[__builtin_ctz(slots)]);
	this_cpu(window_slots) = slots_of(v);
}

void pv_load_ldtr(const struct vcpu *v)
{
	unsigned int ents = v->pv.ldt_ents;

	if (this_cpu(ldtr_ents) == ents)
		return;
	this_cpu(ldtr_ents) = ents;
	entry_set_ldt(LDT_WINDOW((unsigned long)smp_cpu()), ents);
}

static void put_slots(const pte_t *slots, unsigned int nr)
{
	while (nr--)
		if (slots[nr])
			put_page_and_type(mfn_to_page(pte_mfn(slots[nr])));
}

/*
 * @nr slots from @first become @new. Pages that were there are given back when this CPU does not see them any more;
 * the window of a vcpu that is not loaded does not show them.
 */
static void replace_slots(struct vcpu *v, unsigned int first, unsigned int nr, const pte_t *new)
{
	pte_t *slots = &v->pv.window[first], old[LDT_PAGES];

	memcpy(old, slots, nr * sizeof(*old));
	memcpy(slots, new, nr * sizeof(*new));
	if (v == current) {
		pv_load_descriptors(v);
		pv_load_ldtr(v);
		for (unsigned int i = 0; i < nr; i++)
			tlb_flush_local_va(GDT_WINDOW((unsigned long)smp_cpu()) + ((unsigned long)(first + i) << PAGE_SHIFT));
	}
	put_slots(old, nr);
}

/* Frame @m for @v's window: its slot's entry, or 0 when it cannot be descriptors. */
static pte_t get_slot(const struct vcpu *v, mfn_t m)
{
	if (!mfn_valid(m) || get_page_and_type(mfn_to_page(m), v->domain, PGT_SEG_DESC, false))
		return 0;
	return pte_make(m, WINDOW_FLAGS);
}

/* ---- GDT ---- */

int pv_set_gdt(struct vcpu *v, const unsigned long *frames, unsigned int entries)
{
	pte_t new[GDT_PAGES - 2] = { 0 };

	if (entries > MAX_GDT_ENTRIES)
		return -EINVAL;
	for (unsigned int i = 0; i < DIV_ROUND_UP(entries, DESCS_PER_PAGE); i++) {
		new[i] = get_slot(v, mfn(frames[i]));
		if (!new[i]) {
			put_slots(new, i);
			return -EINVAL;
		}
	}
	v->pv.gdt_ents = entries;
	replace_slots(v, 0, ARRAY_SIZE(new), new);
	return 0;
}

long do_set_gdt(unsigned long list, unsigned long entries, unsigned long a3, unsigned long a4, unsigned long a5)
{
	unsigned long frames[GDT_PAGES - 2];

	if ((u32)entries > MAX_GDT_ENTRIES)
		return -EINVAL;
	if (copy_from_guest(frames, guest_ptr(list), DIV_ROUND_UP((u32)entries, DESCS_PER_PAGE) * sizeof(*frames)))
		return -EFAULT;
	return pv_set_gdt(current, frames, entries);
}

/* ---- LDT ---- */

bool pv_ldt_ok(unsigned long base, unsigned long entries)
{
	if (!entries)
		return true;		/* whatever the base */
	return entries <= MAX_LDT_ENTRIES && !(base & ~PAGE_MASK) && canonical(base) &&
	       guest_addr_ok(base, ROUND_UP(entries * DESC_BYTES, PAGE_SIZE));
}

int pv_set_ldt(struct vcpu *v, unsigned long base, unsigned int entries)
{
	static const pte_t none[LDT_PAGES];

	if (!pv_ldt_ok(base, entries))
		return -EINVAL;
	if (v->pv.ldt_base == base && v->pv.ldt_ents == entries)
		return 0;
	v->pv.ldt_base = base;
	v->pv.ldt_ents = entries;
	replace_slots(v, LDT_SLOT, LDT_PAGES, none);
	return 0;
}

bool pv_map_ldt_page(unsigned long offset)
{
	struct vcpu *v = current;
	unsigned int slot = LDT_SLOT + (offset >> PAGE_SHIFT);
	pte_t leaf;

	if (offset >= (unsigned long)v->pv.ldt_ents * DESC_BYTES || v->pv.window[slot] ||
	    pt_walk(v->pv.kernel_cr3, v->pv.ldt_base + (offset & PAGE_MASK), &leaf) != 1)
		return false;
	v->pv.window[slot] = get_slot(v, pte_mfn(leaf));
	desc_window_set(slot, v->pv.window[slot]);
	return v->pv.window[slot];
}

/* ---- what may be in them ---- */

bool pv_check_descriptor(u64 *desc)
{
	if (!(*desc & DESC_P))		/* using it always faults */
		return true;
	/* Guest kernel and user alike run in ring 3. */
	*desc |= DESC_DPL;
	/* Code and data of any base and limit; of the system types only 0, which cannot be used. */
	return *desc & DESC_S || !(*desc & DESC_TYPE);
}

int pv_validate_descriptor_page(struct page_info *pg)
{
	u64 *desc = page_to_virt(pg);

	for (unsigned int i = 0; i < DESCS_PER_PAGE; i++) {
		u64 d = desc[i];

		if (!pv_check_descriptor(&d))
			return -EINVAL;
		if (d != desc[i])
			desc[i] = d;
	}
	return 0;
}

long do_update_descriptor(unsigned long maddr, unsigned long desc, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct page_info *pg = mfn_to_page(mfn(maddr >> PAGE_SHIFT));
	u64 new = desc, type;

	if (maddr % DESC_BYTES || !mfn_valid(mfn(maddr >> PAGE_SHIFT)) || !pv_check_descriptor(&new))
		return -EINVAL;
	/* Descriptors in use stay that, all else must be memory that the guest may write itself. */
	type = (READ_ONCE(pg->word) & PG_TYPE_MASK) == PGT_SEG_DESC ? PGT_SEG_DESC : PGT_WRITABLE;
	if (get_page_and_type(pg, current->domain, type, false))
		return -EINVAL;
	WRITE_ONCE(*(u64 *)((u8 *)page_to_virt(pg) + (maddr & ~PAGE_MASK)), new);
	put_page_and_type(pg);
	return 0;
}

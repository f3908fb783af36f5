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

#if !__STDC_HOSTED__
/* Slots of this CPU's window that are mapped, or may be. */
static DEFINE_PER_CPU(unsigned int, gdt_slots);
static DEFINE_PER_CPU(unsigned int, ldt_slots);
static DEFINE_PER_CPU(unsigned int, ldtr_ents);		/* LLDT is slow and most have no LDT */

static unsigned long slot_address(unsigned int slot)
{
	return GDT_WINDOW((unsigned long)smp_cpu()) + ((unsigned long)slot << PAGE_SHIFT);
}

static void window_load_gdt(const struct vcpu *v)
{
	unsigned int i, nr = v->pv.gdt_nr_frames;

	for (i = 0; i < nr; i++)
		desc_window_set(i, pte_make(v->pv.gdt_frames[i], WINDOW_FLAGS));
	for (; i < this_cpu(gdt_slots); i++)
		desc_window_set(i, 0);
	this_cpu(gdt_slots) = nr;
}

static void window_load_ldt(const struct vcpu *v)
{
	unsigned int i, nr = DIV_ROUND_UP(v->pv.ldt_ents, DESCS_PER_PAGE);

	for (i = 0; i < nr; i++)
		desc_window_set(LDT_SLOT + i, v->pv.ldt_pte[i]);
	for (; i < this_cpu(ldt_slots); i++)
		desc_window_set(LDT_SLOT + i, 0);
	this_cpu(ldt_slots) = nr;
}

static void window_flush(unsigned int slot, unsigned int nr)
{
	while (nr--)
		tlb_flush_local_va(slot_address(slot + nr));
}

/* Stale translations go with the CR3 load that follows. */
void pv_load_descriptors(const struct vcpu *v)
{
	window_load_gdt(v);
	window_load_ldt(v);
}

void pv_load_ldtr(const struct vcpu *v)
{
	unsigned int ents = v->pv.ldt_ents;

	if (this_cpu(ldtr_ents) == ents)
		return;
	this_cpu(ldtr_ents) = ents;
	entry_set_ldt(LDT_WINDOW((unsigned long)smp_cpu()), ents);
}

/* ---- GDT ---- */

static void put_frames(const mfn_t *frames, unsigned int nr)
{
	while (nr--)
		put_page_and_type(mfn_to_page(frames[nr]));
}

/* @frames of @v's domain become descriptor pages: all of them or none. */
static int get_frames(const struct vcpu *v, mfn_t *out, const unsigned long *frames, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		out[i] = mfn(frames[i]);
		if (!mfn_valid(out[i]) ||
		    get_page_and_type(mfn_to_page(out[i]), v->domain, PGT_SEG_DESC, false)) {
			put_frames(out, i);
			return -EINVAL;
		}
	}
	return 0;
}

int pv_set_gdt(struct vcpu *v, const unsigned long *frames, unsigned int entries)
{
	unsigned int nr = DIV_ROUND_UP(entries, DESCS_PER_PAGE), old_nr = v->pv.gdt_nr_frames;
	mfn_t new[GDT_PAGES - 2], old[GDT_PAGES - 2];
	int rc;

	if (entries > MAX_GDT_ENTRIES)
		return -EINVAL;
	rc = get_frames(v, new, frames, nr);
	if (rc)
		return rc;
	memcpy(old, v->pv.gdt_frames, sizeof(old));
	memcpy(v->pv.gdt_frames, new, nr * sizeof(*new));
	v->pv.gdt_nr_frames = nr;
	v->pv.gdt_ents = entries;
	if (v == current) {
		window_load_gdt(v);
		window_flush(0, max(nr, old_nr));
	}
	put_frames(old, old_nr);
	return 0;
}

void pv_destroy_gdt(struct vcpu *v)
{
	pv_set_gdt(v, NULL, 0);
}

long do_set_gdt(unsigned long list, unsigned long entries, unsigned long a3, unsigned long a4,
		unsigned long a5)
{
	unsigned long frames[GDT_PAGES - 2];
	unsigned int nr = DIV_ROUND_UP((u32)entries, DESCS_PER_PAGE);

	if ((u32)entries > MAX_GDT_ENTRIES)
		return -EINVAL;
	if (copy_from_guest(frames, guest_ptr(list), nr * sizeof(*frames)))
		return -EFAULT;
	return pv_set_gdt(current, frames, entries);
}

/* ---- LDT ---- */

/* Give back the pages that were used; the window of a vcpu that is not loaded does not show them. */
static void drop_ldt_pages(struct vcpu *v)
{
	pte_t old[LDT_PAGES];

	memcpy(old, v->pv.ldt_pte, sizeof(old));
	memset(v->pv.ldt_pte, 0, sizeof(v->pv.ldt_pte));
	if (v == current) {
		window_load_ldt(v);
		pv_load_ldtr(v);
		window_flush(LDT_SLOT, LDT_PAGES);
	}
	for (unsigned int i = 0; i < LDT_PAGES; i++)
		if (old[i])
			put_page_and_type(mfn_to_page(pte_mfn(old[i])));
}

bool pv_ldt_ok(unsigned long base, unsigned long entries)
{
	if (!entries)
		return true;		/* whatever the base */
	return entries <= MAX_LDT_ENTRIES && !(base & ~PAGE_MASK) && canonical(base) &&
	       guest_addr_ok(base, ROUND_UP(entries * DESC_BYTES, PAGE_SIZE));
}

int pv_set_ldt(struct vcpu *v, unsigned long base, unsigned int entries)
{
	if (!pv_ldt_ok(base, entries))
		return -EINVAL;
	if (v->pv.ldt_base == base && v->pv.ldt_ents == entries)
		return 0;
	v->pv.ldt_base = base;
	v->pv.ldt_ents = entries;
	drop_ldt_pages(v);
	return 0;
}

void pv_destroy_ldt(struct vcpu *v)
{
	if (!v->pv.ldt_ents)
		return;
	v->pv.ldt_ents = 0;
	drop_ldt_pages(v);
}

bool pv_map_ldt_page(unsigned long offset)
{
	struct vcpu *v = current;
	unsigned int page = offset >> PAGE_SHIFT;
	struct page_info *pg;
	pte_t leaf;

	if (offset >= (unsigned long)v->pv.ldt_ents * DESC_BYTES || v->pv.ldt_pte[page])
		return false;
	if (pt_walk(v->pv.kernel_cr3, v->pv.ldt_base + (offset & PAGE_MASK), &leaf) != 1 ||
	    !mfn_valid(pte_mfn(leaf)))
		return false;
	pg = mfn_to_page(pte_mfn(leaf));
	if (get_page_and_type(pg, v->domain, PGT_SEG_DESC, false))
		return false;
	v->pv.ldt_pte[page] = pte_make(pte_mfn(leaf), WINDOW_FLAGS);
	desc_window_set(LDT_SLOT + page, v->pv.ldt_pte[page]);
	return true;
}
#endif

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

#if !__STDC_HOSTED__
long do_update_descriptor(unsigned long maddr, unsigned long desc, unsigned long a3,
			  unsigned long a4, unsigned long a5)
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
#endif

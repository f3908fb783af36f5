/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory at boot: from the firmware's ranges to direct map, machine-to-phys table, frame table,
 * the hypervisor's final page tables, and a filled allocator.
 *
 * Until mm_init() has switched page tables only the boot mapping of the first 4 GiB is there, so
 * tables come from below 4 GiB, taken from the top of the highest free range (boot_take()).
 */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

#define MAX_RANGES	256
#define RW_FLAGS	(PTE_P | PTE_RW | PTE_A | PTE_D | PTE_G | PTE_NX)
#define TABLE_FLAGS	(PTE_P | PTE_RW | PTE_A | PTE_D)

/* One 2 MiB page of the frame table describes 256 MiB, one of the M2P 1 GiB. */
#define M2P_CHUNK_SHIFT	30

#define LOWEST		MB(1)		/* below, firmware and devices live between RAM; trampolines go there */

unsigned long max_page, total_pages;
unsigned long mm_chunk_valid[BITS_TO_LONGS(MM_MAX_CHUNKS)];
static struct boot_range {
	paddr_t start, end;		/* end exclusive */
} ram[MAX_RANGES] __initdata, unused[MAX_RANGES] __initdata;
static unsigned int nr_ram __initdata, nr_unused __initdata;

static void __init range_add(struct boot_range *r, unsigned int *nr, paddr_t start, paddr_t end)
{
	if (start >= end)
		return;
	if (*nr == MAX_RANGES)
		panic_boot("the memory map has more than %u ranges\n", MAX_RANGES);
	r[(*nr)++] = (struct boot_range){ start, end };
}

static void __init reserve(paddr_t start, paddr_t end)
{
	unsigned int n = nr_unused;

	start = ROUND_DOWN(start, PAGE_SIZE);
	end = ROUND_UP(end, PAGE_SIZE);
	for (unsigned int i = 0; i < n; i++) {
		struct boot_range *r = &unused[i];
		paddr_t tail = r->end;

		if (r->end <= start || r->start >= end)
			continue;
		r->end = max(r->start, min(r->end, start));
		range_add(unused, &nr_unused, max(end, r->start), tail);
	}
}

/* The highest @align-ed @size bytes below 4 GiB that nobody uses. */
static paddr_t __init boot_take(size_t size, unsigned long align)
{
	struct boot_range *best = NULL;
	paddr_t at = 0;

	for (unsigned int i = 0; i < nr_unused; i++) {
		struct boot_range *r = &unused[i];
		paddr_t end = min_t(paddr_t, r->end, GB(4)), start;

		if (end < r->start + size)
			continue;
		start = ROUND_DOWN(end - size, align);
		if (start >= r->start && start > at) {
			best = r;
			at = start;
		}
	}
	if (!best)
		panic_boot("too little memory: no %zu KiB for the frame and page tables\n", size >> 10);
	reserve(at, at + size);
	return at;
}

static pte_t * __init table_at(pte_t *e)
{
	if (!(*e & PTE_P)) {
		*e = boot_take(PAGE_SIZE, PAGE_SIZE) | TABLE_FLAGS;
		memset(maddr_to_virt(*e & PTE_ADDR), 0, PAGE_SIZE);
	}
	return maddr_to_virt(*e & PTE_ADDR);
}

/* Map @va..+size to @pa in hyp_l4 by pages of @level (1: 4 KiB, 2: 2 MiB, 3: 1 GiB). */
static void __init map_range(unsigned long va, paddr_t pa, size_t size, unsigned int level, u64 flags)
{
	size_t step = 1UL << (PAGE_SHIFT + 9 * (level - 1));

	for (size_t done = 0; done < size; done += step) {
		pte_t *table = hyp_l4;

		for (unsigned int l = 4; l > level; l--)
			table = table_at(&table[pt_index(va + done, l)]);
		table[pt_index(va + done, level)] = (pa + done) | map_flags(flags) |
						    (level > 1 ? PTE_PSE : 0);
	}
}

/*
 * All RAM, in 1 GiB pages where the whole GiB is RAM and the CPU has them, else 2 MiB pages whose
 * edges may cover what is not RAM (the MTRRs keep device memory uncached there).
 */
static void __init build_directmap(void)
{
	for (unsigned int i = 0; i < nr_ram; i++) {
		paddr_t pa = ROUND_DOWN(ram[i].start, SUPERPAGE_SIZE);
		paddr_t end = ROUND_UP(ram[i].end, SUPERPAGE_SIZE);

		while (pa < end) {
			bool giant = x86.pge1g && IS_ALIGNED(pa, GB(1)) && pa + GB(1) <= ram[i].end;
			size_t size = giant ? GB(1) : SUPERPAGE_SIZE;

			map_range(DIRECTMAP_START + pa, pa, size, giant ? 3 : 2, RW_FLAGS);
			pa += size;
		}
	}
}

static void __init build_image(void)
{
	static const struct {
		char *start, *end;
		u64 flags;
	} part[] = {
		{ boot_image_start, boot_image_end, RW_FLAGS },
		{ boot_text_start, boot_text_end, PTE_P | PTE_A | PTE_G },
		{ boot_rodata_start, boot_rodata_end, PTE_P | PTE_A | PTE_G | PTE_NX },
		{ boot_init_start, boot_init_end, PTE_P | PTE_RW | PTE_A | PTE_D | PTE_G },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(part); i++)
		map_range((unsigned long)part[i].start, virt_to_maddr(part[i].start),
			  part[i].end - part[i].start, 1, part[i].flags);
}

static bool __init chunk_has_ram(unsigned long chunk, unsigned int shift)
{
	for (unsigned int i = 0; i < nr_ram; i++)
		if (ram[i].start < (chunk + 1) << shift && ram[i].end > chunk << shift)
			return true;
	return false;
}

/* A table with something for every frame: 2 MiB of it are about 2^@shift bytes; none where no RAM is. */
static void __init build_table(unsigned long va, unsigned int shift, int fill, u64 flags)
{
	for (unsigned long c = 0; c << shift < max_page << PAGE_SHIFT; c++) {
		paddr_t pa;

		if (!chunk_has_ram(c, shift))
			continue;
		pa = boot_take(SUPERPAGE_SIZE, SUPERPAGE_SIZE);
		memset(maddr_to_virt(pa), fill, SUPERPAGE_SIZE);
		map_range(va + (c << SUPERPAGE_SHIFT), pa, SUPERPAGE_SIZE, 2, flags);
		if (va == FRAMETABLE_START)
			set_bit(c, mm_chunk_valid);
	}
}

/* Guests read the M2P through slot 256, whose upper tables deny writing but share the lower ones. */
static void __init share_m2p(void)
{
	pte_t *rw_l3 = table_at(&hyp_l4[pt_index(M2P_START, 4)]);
	pte_t *ro_l4e = &hyp_l4[pt_index(M2P_RO_START, 4)], *ro_l3 = table_at(ro_l4e);

	for (unsigned int i = 0; i < M2P_SIZE >> 30; i++)
		if (rw_l3[i] & PTE_P)
			ro_l3[i] = (rw_l3[i] & ~PTE_RW) | PTE_US;
	*ro_l4e = (*ro_l4e & ~PTE_RW) | PTE_US | PTE_NX;
}

/*
 * RAM in use at boot (image, modules, tables) is the hypervisor's until mm_boot_release(); what the
 * firmware did not call RAM is the devices'.
 */
static void __init own_frames(void)
{
	for (unsigned long n = 0; n < ROUND_UP(max_page, 1UL << (MM_CHUNK_SHIFT - PAGE_SHIFT)); n++)
		if (mfn_valid(mfn(n)))
			frame_table[n].owner = DOMID_IO;
	for (unsigned int i = 0; i < nr_ram; i++) {
		for (unsigned long n = ram[i].start >> PAGE_SHIFT; n < ram[i].end >> PAGE_SHIFT; n++) {
			frame_table[n].owner = DOMID_XEN;
			frame_table[n].word = PG_HYP | PG_COUNT_ONE;
		}
	}
}

static void __init find_memory(void)
{
	for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
		const struct boot_e820 *e = &boot_info.e820[i];
		paddr_t start = ROUND_UP(max_t(paddr_t, e->addr, LOWEST), PAGE_SIZE);
		paddr_t end = min_t(paddr_t, ROUND_DOWN(e->addr + e->size, PAGE_SIZE), DIRECTMAP_END - DIRECTMAP_START);

		if (e->type != 1 || start >= end)
			continue;
		range_add(ram, &nr_ram, start, end);
		range_add(unused, &nr_unused, start, end);
		max_page = end >> PAGE_SHIFT;
		total_pages += (end - start) >> PAGE_SHIFT;
	}
	reserve(virt_to_maddr(boot_image_start), virt_to_maddr(boot_image_end));
	for (unsigned int i = 0; i < boot_info.nr_modules; i++)
		reserve(boot_info.module[i].start, boot_info.module[i].start + boot_info.module[i].size);
}

void __init mm_init(void)
{
	find_memory();
	if (total_pages < MB(64) >> PAGE_SHIFT)
		panic_boot("too little memory: %lu MiB, at least 64 are needed\n",
			   total_pages >> (20 - PAGE_SHIFT));
	build_directmap();
	build_image();
	/* Not global: a guest's kernel reads through the same entries, its user mode must not. */
	build_table(M2P_START, M2P_CHUNK_SHIFT, 0xff, (RW_FLAGS & ~PTE_G) | PTE_US);
	share_m2p();
	build_table(FRAMETABLE_START, MM_CHUNK_SHIFT, 0, RW_FLAGS);
	/* All L3 tables exist from here on: every L4 copies these slots. */
	for (unsigned int slot = 261; slot <= HYP_LAST_SLOT; slot++)
		table_at(&hyp_l4[slot]);
	write_cr3(hyp_cr3());
	own_frames();
	for (unsigned int i = 0; i < nr_unused; i++)
		mm_boot_release(unused[i].start, unused[i].end);
	printk("memory: %lu MiB in %u ranges, %lu MiB free\n", total_pages >> 8, nr_ram,
	       mm_free_pages() >> 8);
}

unsigned long m2p_entries(void)
{
	return ROUND_UP(max_page, 1UL << (M2P_CHUNK_SHIFT - PAGE_SHIFT));
}

/* Not __init: the init sections themselves go here. */
void mm_seal(void)
{
	size_t ro = boot_ro_after_init_end - boot_ro_after_init_start;
	size_t init = boot_init_end - boot_init_start;

	map_hyp_pages((unsigned long)boot_ro_after_init_start, virt_to_mfn(boot_ro_after_init_start),
		      ro >> PAGE_SHIFT, PTE_P | PTE_A | PTE_G | PTE_NX);
	map_hyp_pages((unsigned long)boot_init_start, INVALID_MFN, init >> PAGE_SHIFT, 0);
	tlb_flush_mask(&cpu_online_mask, TLB_ALL);
	mm_boot_release(virt_to_maddr(boot_init_start), virt_to_maddr(boot_init_end));
	printk("gave back %zu KiB of boot code and data\n", init >> 10);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Pages, page tables, the MMU hypercalls. */
#include "lib.h"

#define POOL_PAGES 1024
static uint8_t pool[POOL_PAGES][PAGE_SIZE] __attribute__((section(".bss.pool"), aligned(4096)));
static unsigned int pool_used;

void *page_alloc(void)
{
	if (pool_used == POOL_PAGES)
		bail("the page pool is empty");
	return pool[pool_used++];
}

unsigned int pages_left(void)
{
	return POOL_PAGES - pool_used;
}

unsigned long slot(unsigned long va, int level)
{
	return (va >> (12 + 9 * (level - 1))) & 511;
}

pte_t *walk_from(unsigned long l4_mfn, unsigned long va, int level)
{
	unsigned long mfn = l4_mfn;

	for (int l = 4;; l--) {
		pte_t *entry = (pte_t *)mfn_to_va(mfn) + slot(va, l);

		if (l == level)
			return entry;
		if (!(*entry & PTE_P) || (*entry & PTE_PSE))
			return NULL;
		mfn = (*entry & PTE_ADDR) >> 12;
	}
}

unsigned long cr3_mfn(void)
{
	unsigned long cr3;

	asm volatile("mov %%cr3, %0" : "=r"(cr3));
	return xen_cr3_to_pfn(cr3);
}

pte_t *walk(const volatile void *va, int level)
{
	return walk_from(cr3_mfn(), (unsigned long)va, level);
}

pte_t pte_of(const volatile void *va)
{
	pte_t *entry = walk(va, 1);

	return entry ? *entry : 0;
}

long mmu_update_foreign(uint64_t ptr, uint64_t val, unsigned int dom)
{
	struct mmu_update u = { .ptr = ptr, .val = val };

	return hypercall(mmu_update, &u, 1UL, 0UL, dom);
}

long mmu_update(uint64_t ptr, uint64_t val)
{
	return mmu_update_foreign(ptr, val, DOMID_SELF);
}

long set_pte(pte_t *entry, pte_t value)
{
	return mmu_update(va_to_maddr(entry) | MMU_NORMAL_PT_UPDATE, value);
}

long map_mfn(void *va, unsigned long mfn, uint64_t flags)
{
	return hypercall(update_va_mapping, va, make_pte(mfn, flags), UVMF_INVLPG | UVMF_ALL);
}

long remap(void *va, uint64_t flags)
{
	return map_mfn(va, va_to_mfn(va), flags);
}

long mmuext(unsigned int cmd, unsigned long arg1, unsigned long arg2)
{
	struct mmuext_op op = { .cmd = cmd };

	op.arg1.linear_addr = arg1;
	op.arg2.nr_ents = 0;
	*(unsigned long *)&op.arg2 = arg2;
	return hypercall(mmuext_op, &op, 1UL, 0UL, DOMID_SELF);
}

long pin(void *table, int level)
{
	long rc = remap(table, PTE_RO_FLAGS);

	if (rc)
		return rc;
	return mmuext(MMUEXT_PIN_L1_TABLE + (unsigned int)level - 1, va_to_mfn(table), 0);
}

long unpin(void *table)
{
	return mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(table), 0);
}

void build_map(pte_t *l4, unsigned long va, pte_t leaf)
{
	pte_t *table = l4;

	for (int level = 4; level > 1; level--) {
		pte_t *entry = &table[slot(va, level)];

		if (!*entry)
			*entry = make_pte(va_to_mfn(page_alloc()), PTE_TABLE_FLAGS);
		table = mfn_to_va((*entry & PTE_ADDR) >> 12);
	}
	table[slot(va, 1)] = leaf;
}

static void protect_below(pte_t *table, int level, uint64_t flags)
{
	/* The kernel's own part, the p2m list and the hypervisor's slots of an L4 are shared, not part of the tree. */
	for (unsigned int i = 0; level > 1 && i < (level == 4 ? 256 : 512); i++)
		if (table[i] & PTE_P && !(level == 4 && i == slot((unsigned long)p2m, 4)))
			protect_below(mfn_to_va((table[i] & PTE_ADDR) >> 12), level - 1, flags);
	if (remap(table, flags))
		bail("cannot change the mapping of a table");
}

void build_protect(pte_t *l4)
{
	protect_below(l4, 4, PTE_RO_FLAGS);
}

void build_unprotect(pte_t *l4)
{
	protect_below(l4, 4, PTE_RW_FLAGS);
}

pte_t *copy_kernel_l4(void)
{
	pte_t *l4 = page_alloc(), *kernel = mfn_to_va(cr3_mfn());

	l4[511] = kernel[511];
	l4[slot((unsigned long)p2m, 4)] = kernel[slot((unsigned long)p2m, 4)];
	return l4;
}

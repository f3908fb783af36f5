/* SPDX-License-Identifier: GPL-2.0-only */
/* xen-mmu: what its files know of each other. The model is described in main.c. */
#ifndef XENOLITH_MMU_H
#define XENOLITH_MMU_H

#ifndef __ASSEMBLY__
#include <linux/mm.h>
#include <linux/types.h>

/**
 * struct mmu_hook - calls of one function of the kernel that go to one of ours instead
 * @name: what a message calls it
 * @from: the kernel's function
 * @to: ours, with the same arguments, clobbering no more
 * @pad: a call is followed by the one-byte NOP that the kernel's own patching of an indirect call leaves; without: it is
 *	called from its own file only
 */
struct mmu_hook {
	const char *name;
	unsigned long from;
	void *to;
	bool pad;
};

/**
 * mmu_sites_find() - look for the calls of all hooks in the text from @start to @end
 * Context: process. Return: 0, -ENOENT where a hook has no calls, -E2BIG, -ENOMEM.
 */
int mmu_sites_find(const struct mmu_hook *hooks, unsigned int nr, const void *start, const void *end);

/** mmu_sites_forget() - free what mmu_sites_find() found; nothing may be redirected. */
void mmu_sites_forget(void);

/**
 * mmu_sites_redirect() - send the calls of @nr hooks to our functions, or back
 *
 * Context: process, callers exclude each other. Return: 0, and after the way back no CPU and no task is any more in our
 * functions; -EBUSY when something else has changed one of the places (a kprobe on it), -ENOMEM: nothing was changed.
 */
int mmu_sites_redirect(const struct mmu_hook *hooks, unsigned int nr, bool ours);

/*
 * The values of entries, as the kernel's own operations give them: any level's entry with its page's mfn in, with the pfn
 * out, and the reverse. They are called with every register but RAX to be kept: never from C.
 */
void mmu_pte_val(void);
void mmu_table_val(void);
void mmu_make_entry(void);

/* The kernel's own of them, for what the short ones do not know. */
extern unsigned long mmu_pte_val_slow, mmu_make_entry_slow;

/*
 * Updates of entries, collected in lazy mode; and what carries them out first and goes on in the kernel's own operation.
 * Those of the second group must be in force before those of the first are, and as long as these may have been.
 */
void mmu_set_pte(pte_t *ptep, pte_t pte);
void mmu_modify_prot_commit(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep, pte_t pte);
void mmu_lazy_enter(void);

void mmu_lazy_leave(void);
void mmu_flush_tlb(void);
void mmu_flush_tlb_one(unsigned long addr);
void mmu_flush_tlb_multi(const struct cpumask *cpus, const struct flush_tlb_info *info);
void mmu_release_pte(unsigned long pfn);

/** mmu_flush_available() - is this a hardware-assisted domain of a hypervisor that flushes some vcpus when asked to? */
bool mmu_flush_available(void);

/* In place of the kernel's flush_tlb_multi() there. */
void mmu_flush_vcpus(const struct cpumask *cpus, const struct flush_tlb_info *info);

/* As the kernel's enum pt_level, which no header has. */
enum mmu_level { MMU_PGD, MMU_P4D, MMU_PUD, MMU_PMD, MMU_PTE };
typedef void (*mmu_walk_fn)(struct mm_struct *mm, struct page *page, enum mmu_level level);

/**
 * mmu_pgd_walk() - call @func for each page-table page of @pgd below @limit, the top level last; as __xen_pgd_walk()
 * Context: as the kernel's own: the tables do not change meanwhile.
 */
void mmu_pgd_walk(struct mm_struct *mm, pgd_t *pgd, mmu_walk_fn func, unsigned long limit);

#endif
#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of the PV MMU: validate.c, mmu-update.c, mmuext.c, ptwr.c, grant-map.c. */
#ifndef PV_MMU_H
#define PV_MMU_H

#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include <xenolith/mm.h>

/* Bits that make no difference to what an entry gives access to (XSA-148, XSA-182). */
#define PTE_HARMLESS	(PTE_A | PTE_D | PTE_AVAIL | PTE_NX | 0x7feUL << 52)
/* Bits that the hypervisor itself derives from PTE_US in a guest's L1 entry. */
#define PTE_DERIVED	(PTE_US | PTE_G | PTE_GUEST_KERNEL)

/* In the count of a continued batch: the done counter is to be read first (ABI). */
#define MMU_UPDATE_PREEMPTED	0x80000000u

/*
 * Whose frames an update may name: a domain, or (d NULL) device memory only: DOMID_IO. @d is
 * referenced; mmu_owner_put() drops it.
 */
struct mmu_owner {
	struct domain *d;
};
int mmu_owner_get(struct mmu_owner *o, domid_t id);
void mmu_owner_put(struct mmu_owner *o);

/**
 * pv_get_l1e: take the references of present entry *@e (adjusted in place) mapping @owner's frame.
 * -ERESTART (only if @preemptible): the frame is a table that is still being taken apart.
 */
int pv_get_l1e(const struct domain *d, const struct domain *owner, pte_t *e, bool preemptible);
/** pv_put_l1e: drop them. */
void pv_put_l1e(const struct domain *d, pte_t e);
/** The same for an entry of an L2, L3 or L4 table. -ERESTART: interrupted; see mm.h. */
int pv_get_table_entry(const struct domain *d, unsigned int level, pte_t *e, bool preemptible);
int pv_put_table_entry(pte_t e, bool preemptible);
/**
 * pv_show_m2p: a validated L4 is loaded for a guest kernel (shows the read-only M2P) or for guest
 * user mode (hides it, always, as VMASST_TYPE_m2p_strict would). Not counted: who loads one table
 * in both roles decides by what it did last. The M2P is not mapped global, so loading CR3 flushes it.
 */
void pv_show_m2p(struct page_info *l4, bool show);
/** pv_adjust_l1e: guest bits to the bits we really set; -EINVAL when one is not allowed. */
int pv_adjust_l1e(const struct domain *d, pte_t *e);

/**
 * pv_mod_l1e: replace an L1 entry. @expect: NULL, or the value it must have (else -EBUSY and
 * *@expect says what it has); -ERESTART as above, nothing changed. Typed reference on the table held by the caller.
 */
int pv_mod_l1e(const struct domain *d, const struct domain *owner, pte_t *slot, pte_t new,
	       bool preserve_ad, pte_t *expect);
/** pv_find_l1e: the L1 entry that maps @va in current's tables, its table held (get_table). */
pte_t *pv_find_l1e(const struct vcpu *v, unsigned long va, struct page_info **table);

#endif

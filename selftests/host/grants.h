/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grant tables for host tests: the real sources on domains.h, three domains whose page tables are one
 * array each, and the operations as functions that return the status.
 */
#ifndef GRANTS_H
#define GRANTS_H

#include "domains.h"
#include <xenolith/boot.h>
#include <xenolith/pv.h>

static const char *gnttab_option;

const char *boot_param(const char *name)
{
	return gnttab_option;
}

static void *alloc_hyp_pages_host(void)
{
	return host_hyp_page();
}

void *alloc_hyp_pages(unsigned int order)
{
	return host_alloc_fails ? NULL : alloc_hyp_pages_host();
}

void free_hyp_pages(void *p, unsigned int order)
{
}

void share_hyp_page(void *p, struct domain *d, bool writable)
{
	virt_to_page(p)->owner = d->id;
}

static unsigned int flushes;

void tlb_flush_mask(const cpumask_t *mask, unsigned long va)
{
	flushes++;
}

void cache_flush_page(mfn_t m)
{
}

int steal_page(struct domain *d, struct page_info *pg)
{
	if (pg->owner != d->id || page_count(pg) != 1 || page_type_count(pg))
		return -EINVAL;
	pg->owner = DOMID_INVALID;
	return 0;
}

int assign_page(struct domain *d, struct page_info *pg)
{
	pg->owner = d->id;
	return 0;
}

static unsigned int stolen_freed;

void free_domain_page(struct page_info *pg)
{
	stolen_freed++;
}

/* ---- page tables: one entry for each of NR_VA pages of each domain ---- */

#define NR_VA		64
#define VA(n)		(0x100000UL + (n) * 4096UL)
#define TAKEN_AWAY	(NR_VA - 1)	/* no table there */
static pte_t pte_of[HOST_DOMAINS][NR_VA];

static pte_t *find_pte(const struct vcpu *v, unsigned long va)
{
	unsigned long n = (va - VA(0)) / 4096;

	return va % 4096 || va < VA(0) || n >= TAKEN_AWAY ? NULL : &pte_of[v->domain->id][n];
}

unsigned int pt_walk(paddr_t cr3, unsigned long va, pte_t *leaf)
{
	pte_t *p = find_pte(current, va);

	*leaf = p ? *p : 0;
	return *leaf & PTE_P ? 1 : 0;
}

u64 pv_grant_pte_flags(u32 flags, u64 cache)
{
	return PTE_P | (flags & GNTMAP_readonly ? 0 : PTE_RW);
}

static void drop_pte(pte_t e)
{
	if (e & PTE_P) {
		if (e & PTE_RW)
			put_page_and_type(mfn_to_page(pte_mfn(e)));
		else
			put_page(mfn_to_page(pte_mfn(e)));
	}
}

int pv_map_grant_va(struct vcpu *v, unsigned long va, pte_t new, pte_t expect)
{
	pte_t *p = find_pte(v, va);

	if (!p || (expect && (!(*p & PTE_P) || ((*p ^ expect) & (PTE_ADDR | PTE_RW)))))
		return -EINVAL;
	if (!expect)
		drop_pte(*p);
	*p = new;
	return 0;
}

/* Entries are named by number here. */
int pv_map_grant_pte(struct vcpu *v, u64 maddr, pte_t new, pte_t expect)
{
	return pv_map_grant_va(v, VA(maddr), new, expect);
}

#include "../../hypervisor/lib/number.c"
#include "../../hypervisor/grant/table.c"
#include "../../hypervisor/grant/entry-v1.c"
#include "../../hypervisor/grant/entry-v2.c"
#include "../../hypervisor/grant/version.c"
#include "../../hypervisor/grant/map.c"
#include "../../hypervisor/grant/copy.c"
#include "../../hypervisor/grant/transfer.c"
#include "../../hypervisor/grant/ops.c"

#define MAX_FRAMES	3
#define MAX_MAP_PAGES	2

static void setup(void)
{
	memset(pte_of, 0, sizeof(pte_of));
	host_hyp_frames = 0;
	for (unsigned int i = 0; i < HOST_DOMAINS; i++) {
		host_domain_create(i, 1);
		BUG_ON(grant_domain_init(host_domain[i], MAX_FRAMES, MAX_MAP_PAGES, grant_max_version));
	}
	current = domain0->vcpu[0];
}

/* What both versions of entry @ref of domain @from begin with, and its marks. */
static struct grant_entry_header *header(unsigned int from, grant_ref_t ref)
{
	return grant_shared_entry(host_domain[from]->grant, ref);
}

static struct grant_entry_v1 *entry(unsigned int from, grant_ref_t ref)
{
	return grant_shared_entry(host_domain[from]->grant, ref);
}

static u16 marks(unsigned int from, grant_ref_t ref)
{
	const struct grant_table *gt = host_domain[from]->grant;

	return (gt->abi->version == 2 ? *status_of(gt, ref) : header(from, ref)->flags) & (GTF_reading | GTF_writing);
}

static void teardown(void)
{
	for (unsigned int i = 0; i < HOST_DOMAINS; i++) {
		while (grant_domain_relinquish(host_domain[i]))
			;
		for (unsigned int n = 0; n < NR_VA; n++)	/* as its page tables do */
			drop_pte(pte_of[i][n]);
	}
	for (unsigned int i = 0; i < HOST_DOMAINS; i++) {
		struct grant_table *gt = host_domain[i]->grant;
		unsigned int pins = 0;

		for (grant_ref_t ref = 0; grant_active_valid(gt, ref); ref++)
			pins += grant_active_entry(gt, ref)->pin != 0;
		for (grant_ref_t ref = 0; grant_ref_valid(gt, ref); ref++)
			pins += marks(i, ref) && (header(i, ref)->flags & GTF_type_mask) != GTF_accept_transfer;
		require(!pins, "entries of d%u are still in use", i);
		require(!host_frames_held(host_domain[i]), "frames of d%u are still held", i);
		require(atomic_read(&host_domain[i]->refcnt) == 1, "d%u is still referenced", i);
		grant_domain_free(host_domain[i]);
		host_domain_free(host_domain[i]);
	}
}

static void as(unsigned int domid)
{
	current = host_domain[domid]->vcpu[0];
}

/* Domain @from lets @to use frame @n of its own: an entry of version 1. */
static void grant(unsigned int from, grant_ref_t ref, unsigned int to, unsigned int n, u16 flags)
{
	*entry(from, ref) = (struct grant_entry_v1){ GTF_permit_access | flags, to, from * 64 + n };
}

static long op(unsigned int cmd, void *arg, unsigned int count)
{
	return do_grant_table_op(cmd, (unsigned long)arg, count, 0, 0);
}

static struct gnttab_map_grant_ref map_result;
static int map(unsigned int dom, grant_ref_t ref, u32 flags, u64 addr)
{
	map_result = (struct gnttab_map_grant_ref){ .host_addr = addr, .flags = flags, .ref = ref, .dom = dom };
	map_result.status = 99;
	if (op(GNTTABOP_map_grant_ref, &map_result, 1))
		return 98;
	return map_result.status;
}

static int unmap(grant_handle_t handle, u64 host_addr, u64 bus_addr)
{
	struct gnttab_unmap_grant_ref u = { host_addr, bus_addr, handle, 99 };

	return op(GNTTABOP_unmap_grant_ref, &u, 1) ? 98 : u.status;
}

static struct gnttab_copy copy_op(u16 flags, unsigned int sdom, u64 src, unsigned int soff, unsigned int ddom,
				  u64 dst, unsigned int doff, unsigned int len)
{
	struct gnttab_copy c = { .flags = flags, .len = len, .status = 99 };

	c.source.domid = sdom;
	c.source.offset = soff;
	c.dest.domid = ddom;
	c.dest.offset = doff;
	if (flags & GNTCOPY_source_gref)
		c.source.u.ref = src;
	else
		c.source.u.gmfn = src;
	if (flags & GNTCOPY_dest_gref)
		c.dest.u.ref = dst;
	else
		c.dest.u.gmfn = dst;
	return c;
}

static int copy(u16 flags, unsigned int sdom, u64 src, unsigned int soff, unsigned int ddom, u64 dst,
		unsigned int doff, unsigned int len)
{
	struct gnttab_copy c = copy_op(flags, sdom, src, soff, ddom, dst, doff, len);

	return op(GNTTABOP_copy, &c, 1) ? 98 : c.status;
}

#endif

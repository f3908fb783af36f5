// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames that the hypervisor shares with the domain: shared_info, the grant table. They are placed over a page of ours,
 * whose own frame the hypervisor takes back; when the page is to be memory again, it gives a new one.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include "port.h"
#include <xen/interface/memory.h>

struct shared_info *port_shared;
static struct page *shared_page;

static struct xen_memory_reservation reservation(xen_pfn_t *pfn)
{
	struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

	set_xen_guest_handle(r.extent_start, pfn);
	return r;
}

int memory_take(struct page *page)
{
	xen_pfn_t pfn = page_to_pfn(page);
	struct xen_memory_reservation r = reservation(&pfn);

	return HYPERVISOR_memory_op(XENMEM_populate_physmap, &r) == 1 ? 0 : -ENOMEM;
}

int memory_give(struct page *page)
{
	xen_pfn_t pfn = page_to_pfn(page);
	struct xen_memory_reservation r = reservation(&pfn);

	return HYPERVISOR_memory_op(XENMEM_decrease_reservation, &r) == 1 ? 0 : -ENOMEM;
}

struct page *special_map(unsigned int space, unsigned long index)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct xen_add_to_physmap add = { .domid = DOMID_SELF, .space = space, .idx = index };

	if (!page)
		return NULL;
	add.gpfn = page_to_pfn(page);
	if (HYPERVISOR_memory_op(XENMEM_add_to_physmap, &add)) {
		__free_page(page);
		return NULL;
	}
	return page;
}

void special_unmap(struct page *page)
{
	struct xen_remove_from_physmap remove = { .domid = DOMID_SELF, .gpfn = page_to_pfn(page) };

	if (HYPERVISOR_memory_op(XENMEM_remove_from_physmap, &remove) || memory_take(page)) {
		pr_warn("a page is lost: no frame for it\n");
		return;
	}
	__free_page(page);
}

int shared_init(void)
{
	shared_page = special_map(XENMAPSPACE_shared_info, 0);
	if (!shared_page)
		return -ENOMEM;
	port_shared = page_address(shared_page);
	return 0;
}

void shared_exit(void)
{
	port_shared = NULL;
	special_unmap(shared_page);
}

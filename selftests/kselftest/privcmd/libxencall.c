// SPDX-License-Identifier: GPL-2.0-only
/* The stable libraries on both nodes, as programs use them: a call with a buffer, memory of another domain. */
#include <stdint.h>
#include <xencall.h>
#include <xenforeignmemory.h>

#include "privcmd.h"

static void calls(void)
{
	xencall_handle *handle = xencall_open(NULL, 0);
	char *text;

	if (!check(handle != NULL, "open libxencall"))
		return;
	text = xencall_alloc_buffer(handle, sizeof(xen_extraversion_t));
	check(text != NULL, "a buffer for a call");
	check(xencall2(handle, __HYPERVISOR_xen_version, XENVER_extraversion, (uintptr_t)text) == 0 && text[0], "the hypervisor writes into it");
	check_fails(xencall1(handle, 56, 0), ENOSYS, "a call that does not exist");
	xencall_free_buffer(handle, text);
	check(xencall_close(handle) == 0, "close");
}

static void memory(int domid)
{
	xenforeignmemory_handle *handle = xenforeignmemory_open(NULL, 0);
	xenforeignmemory_resource_handle *resource;
	void *table = NULL, *ring;
	xen_pfn_t frames[2];
	int errors[2];

	resource = xenforeignmemory_map_resource(handle, domid, XENMEM_resource_grant_table, XENMEM_resource_grant_table_id_shared,
						 0, 1, &table, PROT_READ | PROT_WRITE, 0);
	if (!check(resource != NULL, "map the grant table of domain %d", domid))
		return;
	frames[0] = frames[1] = ((grant_entry_v1_t *)table)[GNTTAB_RESERVED_XENSTORE].frame;
	ring = xenforeignmemory_map(handle, domid, PROT_READ, 2, frames, errors);
	check(ring && !errors[0] && !errors[1], "map a frame of it twice");
	check(ring && !memcmp((char *)ring + 2048, (char *)ring + PAGE + 2048, 16), "it is the same page");
	check(ring && xenforeignmemory_unmap(handle, ring, 2) == 0, "unmap");
	check(xenforeignmemory_unmap_resource(handle, resource) == 0, "unmap the resource");
	check(xenforeignmemory_restrict(handle, domid) == 0, "restrict");
	check(!xenforeignmemory_map(handle, domid + 1000, PROT_READ, 1, frames, errors), "then other domains are out of reach");
	check(xenforeignmemory_close(handle) == 0, "close");
}

int main(void)
{
	tap_start();
	close(node_open(PRIVCMD_NODE));
	if (!node_is_control_domain())
		tap_skip_all("calls are for Domain0");
	calls();
	if (privcmd_other_domain() < 0)
		tap_skip("memory of another domain", "KSELFTEST_DOMAIN names none");
	else
		memory(privcmd_other_domain());
	tap_finish();
}

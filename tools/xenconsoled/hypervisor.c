// SPDX-License-Identifier: GPL-2.0-only
/* What the hypervisor tells: which domains live, and its own console ring, read on when VIRQ_CON_RING comes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xencall.h>
#include <xen/xen.h>
#include <xen/sysctl.h>

#include "console.h"

#define CHUNK	16384

int hypervisor_port = -1;
struct log hypervisor_log = { .fd = -1 };

static xencall_handle *call;
static struct xen_sysctl *op;		/* memory that the hypervisor can reach at any time */
static char *buffer;
static uint32_t position;

static bool prepare(void)
{
	if (!call)
		call = xencall_open(NULL, 0);
	if (call && !op)
		op = xencall_alloc_buffer(call, sizeof(*op));
	if (op && !buffer)
		buffer = xencall_alloc_buffer(call, CHUNK);
	return buffer;
}

bool hypervisor_each_domain(void (*lives)(unsigned int domid))
{
	struct xen_domctl_getdomaininfo *list;
	uint32_t first = 0, max = CHUNK / sizeof(*list), i, n;

	if (!prepare())
		return false;
	list = (void *)buffer;
	do {
		*op = (struct xen_sysctl){ .cmd = XEN_SYSCTL_getdomaininfolist, .interface_version = XEN_SYSCTL_INTERFACE_VERSION };
		op->u.getdomaininfolist.first_domain = first;
		op->u.getdomaininfolist.max_domains = max;
		set_xen_guest_handle_raw(op->u.getdomaininfolist.buffer, list);
		if (xencall1(call, __HYPERVISOR_sysctl, (unsigned long)op))
			return false;
		n = op->u.getdomaininfolist.num_domains;
		for (i = 0; i < n; i++)
			if (!(list[i].flags & XEN_DOMINF_dying))
				lives(list[i].domain);
		first = n ? list[n - 1].domain + 1u : 0;
	} while (n == max);
	return true;
}

bool hypervisor_open(void)
{
	if (!prepare()) {
		log_line("the hypervisor's messages are not logged: %s", strerror(errno));
		return false;
	}
	log_open(&hypervisor_log, "hypervisor", options.stamp_hypervisor);
	return true;
}

void hypervisor_poll(void)
{
	do {
		*op = (struct xen_sysctl){ .cmd = XEN_SYSCTL_readconsole, .interface_version = XEN_SYSCTL_INTERFACE_VERSION };
		op->u.readconsole.incremental = 1;
		op->u.readconsole.index = position;
		op->u.readconsole.count = CHUNK;
		set_xen_guest_handle(op->u.readconsole.buffer, buffer);
		if (xencall1(call, __HYPERVISOR_sysctl, (unsigned long)op))
			return;
		position = op->u.readconsole.index;
		log_write(&hypervisor_log, buffer, op->u.readconsole.count);
	} while (op->u.readconsole.count);
}

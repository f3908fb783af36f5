// SPDX-License-Identifier: GPL-2.0-only
/* The hypervisor's own console ring, read from where we stopped each time VIRQ_CON_RING comes. */
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

bool hypervisor_open(void)
{
	call = xencall_open(NULL, 0);
	op = call ? xencall_alloc_buffer(call, sizeof(*op)) : NULL;
	buffer = op ? xencall_alloc_buffer(call, CHUNK) : NULL;
	if (!buffer) {
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

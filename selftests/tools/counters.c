// SPDX-License-Identifier: GPL-2.0-only
/*
 * counters: what the hypervisor has counted since boot (XEN_SYSCTL_perfc_op), all values on one line; nothing where it does
 * not count.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#define __XEN_TOOLS__ 1
#include <xen/xen.h>
#include <xen/sysctl.h>

#define MOST 16
#define PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_call))
struct privcmd_call {
	uint64_t op, arg[5];
};

/* In one page, and written right before the call, so that it is in memory. */
static struct {
	struct xen_sysctl op;
	uint32_t value[MOST];
} query __attribute__((aligned(512)));

int main(void)
{
	struct privcmd_call call = { .op = __HYPERVISOR_sysctl, .arg = { (uintptr_t)&query.op } };
	int privcmd = open("/dev/xen/privcmd", O_RDWR);

	memset(&query, 0, sizeof(query));
	query.op.cmd = XEN_SYSCTL_perfc_op;
	query.op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	query.op.u.perfc_op.cmd = XEN_SYSCTL_PERFCOP_query;
	query.op.u.perfc_op.val.p = query.value;
	if (privcmd < 0 || ioctl(privcmd, PRIVCMD_HYPERCALL, &call))
		return 1;
	for (unsigned int i = 0; i < query.op.u.perfc_op.nr_counters && i < MOST; i++)
		printf("%u ", query.value[i]);
	printf("\n");
	return 0;
}

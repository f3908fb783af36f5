// SPDX-License-Identifier: GPL-2.0-only
/* What xl info -n tells: where the CPUs and the memory nodes are. */
#include <stdio.h>
#include <string.h>
#include "xl.h"

#define MAX_NODES 64

static void show_cpus(struct host *h)
{
	struct xen_sysctl op = { 0 };
	struct xen_sysctl_cputopo *cpu;
	unsigned int i;

	if (hcall_sysctl(h, XEN_SYSCTL_cputopoinfo, &op) < 0)	/* only how many */
		return;
	cpu = hcall_buffer(h, (op.u.cputopoinfo.num_cpus + 1) * sizeof(*cpu));
	if (!cpu)
		return;
	set_xen_guest_handle(op.u.cputopoinfo.cputopo, cpu);
	puts("cpu_topology           :\ncpu:    core    socket     node");
	if (hcall_sysctl(h, XEN_SYSCTL_cputopoinfo, &op) < 0)
		op.u.cputopoinfo.num_cpus = 0;
	for (i = 0; i < op.u.cputopoinfo.num_cpus; i++)
		if (cpu[i].core != XEN_INVALID_CORE_ID)
			printf("%3u:    %4u     %4u     %4u\n", i, cpu[i].core, cpu[i].socket, cpu[i].node);
	hcall_buffer_free(h, cpu);
}

static void show_nodes(struct host *h)
{
	struct { struct xen_sysctl_meminfo mem[MAX_NODES]; uint32_t distance[MAX_NODES * MAX_NODES]; } *b;
	struct xen_sysctl op = { .u.numainfo.num_nodes = MAX_NODES };
	unsigned int i, j, n;

	b = hcall_buffer(h, sizeof(*b));
	if (!b)
		return;
	set_xen_guest_handle(op.u.numainfo.meminfo, b->mem);
	set_xen_guest_handle(op.u.numainfo.distance, b->distance);
	n = hcall_sysctl(h, XEN_SYSCTL_numainfo, &op) < 0 ? 0 : op.u.numainfo.num_nodes;
	puts("numa_info              :\nnode:    memsize    memfree    distances");
	for (i = 0; i < n && i < MAX_NODES; i++) {
		if (b->mem[i].memsize == XEN_INVALID_MEM_SZ)
			continue;
		printf("%4u:    %6lu     %6lu      %u", i, (unsigned long)(b->mem[i].memsize >> 20),
		       (unsigned long)(b->mem[i].memfree >> 20), b->distance[i * n]);
		for (j = 1; j < n; j++)
			printf(",%u", b->distance[i * n + j]);
		putchar('\n');
	}
	hcall_buffer_free(h, b);
}

void topology_show(struct host *h)
{
	show_cpus(h);
	show_nodes(h);
}

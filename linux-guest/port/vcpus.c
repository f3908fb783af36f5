// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpus come and go by the toolstack's word: cpu/N/availability in the store. All that there can be are in the MADT, so the
 * kernel has started every one of them; those that the domain has not got yet are stopped at once.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "port.h"

/* A vcpu's number is its local APIC's, and that the CPU's. */
static void obey(unsigned int cpu)
{
	char dir[16], *word;
	int rc = 0;

	snprintf(dir, sizeof(dir), "cpu/%u", cpu);
	word = xenbus_read(XBT_NIL, dir, "availability", NULL);
	if (IS_ERR(word))
		return;
	if (!strcmp(word, "online") && !cpu_online(cpu))
		rc = add_cpu(cpu);
	else if (!strcmp(word, "offline") && cpu_online(cpu))
		rc = remove_cpu(cpu);
	if (rc)
		pr_warn("CPU %u: %s: error %d\n", cpu, word, rc);
	kfree(word);
}

static void changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	unsigned int cpu;

	if (sscanf(path, "cpu/%u/", &cpu) == 1) {
		if (cpu < nr_cpu_ids && cpu_possible(cpu))
			obey(cpu);
		return;
	}
	for_each_possible_cpu(cpu)
		obey(cpu);
}
static struct xenbus_watch cpu_watch = { .node = "cpu", .callback = changed };

int vcpus_init(void)
{
	return register_xenbus_watch(&cpu_watch);
}

void vcpus_exit(void)
{
	unregister_xenbus_watch(&cpu_watch);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Loading: one service upon the other, and all of them undone in the other direction when one of them fails. */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/module.h>
#include "port.h"

static const struct step {
	const char *name;
	int (*init)(void);
	void (*exit)(void);
} steps[] = {
	{ "hypervisor",		hypervisor_init },
	{ "shared page",	shared_init,		shared_exit },
	{ "stolen time",	steal_init,		steal_exit },
	{ "event channels",	event_init,		event_exit },
	{ "time",		port_time_init,		port_time_exit },
	{ "grant table",	grant_init,		grant_exit },
	{ "console",		port_console_init,	port_console_exit },
	{ "domain",		domain_init,		domain_exit },
	{ "store",		store_init,		store_exit },
	{ "/dev/xen/xenbus",	store_dev_init,		store_dev_exit },
	{ "buses",		bus_init,		bus_exit },
	{ "vcpus",		vcpus_init,		vcpus_exit },
	{ "balloon",		balloon_init,		balloon_exit },
	{ "suspend",		suspend_init,		suspend_exit },
	{ "shutdown",		shutdown_init,		shutdown_exit },
};

static int fail_at = -1;
module_param(fail_at, int, 0);
MODULE_PARM_DESC(fail_at, "for tests: loading fails at this step (0 and on), and everything before it is undone");

static void undo(unsigned int from)
{
	while (from--)
		if (steps[from].exit)
			steps[from].exit();
}

static int __init port_init(void)
{
	unsigned int i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		rc = i == fail_at ? -EIO : steps[i].init();
		if (rc) {
			if (i || rc != -ENODEV)		/* the first one has said it */
				pr_err("%s: error %d\n", steps[i].name, rc);
			undo(i);
			return rc;
		}
	}
	return 0;
}
module_init(port_init);

static void __exit port_exit(void)
{
	undo(ARRAY_SIZE(steps));
}
module_exit(port_exit);

MODULE_DESCRIPTION("Xen domain: event channels, grants, store, time, console for kernels whose own Xen code sleeps");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);

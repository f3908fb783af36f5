// SPDX-License-Identifier: GPL-2.0-only
/* Which domain the programs of this domain may act on. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <xenolith/bus.h>
#include "compat/compat.h"
#include "privcmd.h"

static bool unrestricted;
module_param(unrestricted, bool, 0);
MODULE_PARM_DESC(unrestricted, "Outside Domain0: do not restrict hypercalls to the target domain");

static domid_t target = DOMID_INVALID;
static bool known = true;
static DECLARE_WAIT_QUEUE_HEAD(wait);

/* No domain ever has the number DOMID_IDLE: a file for it can do nothing. */
static domid_t read_target(void)
{
	char *text = xenbus_read(XBT_NIL, "target", "", NULL);
	unsigned int domain;
	int rc;

	if (IS_ERR(text))
		return DOMID_IDLE;
	rc = kstrtouint(text, 10, &domain);
	kfree(text);
	return rc || domain >= DOMID_FIRST_RESERVED ? DOMID_IDLE : domain;
}

static int store_is_there(struct notifier_block *notifier, unsigned long event, void *data)
{
	target = read_target();
	if (target == DOMID_IDLE)
		pr_info("this domain has no target: no hypercalls from user space\n");
	smp_store_release(&known, true);	/* pairs with target_get() */
	wake_up_all(&wait);
	return NOTIFY_DONE;
}

static struct notifier_block store_notifier = { .notifier_call = store_is_there };

static bool is_restricted(void)
{
	if (xen_initial_domain())
		return false;
	if (!unrestricted)
		return true;
	if (!security_locked_down(LOCKDOWN_XEN_USER_ACTIONS))
		return false;
	pr_warn("the kernel is locked down: parameter \"unrestricted\" has no effect\n");
	return true;
}

int target_init(void)
{
	if (!is_restricted())
		return 0;
	known = false;
	return register_xenstore_notifier(&store_notifier);
}

void target_exit(void)
{
	unregister_xenstore_notifier(&store_notifier);
}

int target_get(domid_t *domain)
{
	if (wait_event_interruptible(wait, smp_load_acquire(&known)))
		return -EINTR;
	*domain = target;
	return 0;
}

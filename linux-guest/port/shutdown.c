// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the domain ends: the kernel powers off, reboots or panics, and tells the hypervisor which; or the toolstack writes
 * what it wants into control/shutdown.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/kmsg_dump.h>
#include <linux/module.h>
#include <linux/panic_notifier.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <linux/sysrq.h>
#include "port.h"

#define REPORT_BYTES 4096

static int end(unsigned int reason)
{
	struct sched_shutdown op = { .reason = reason };

	HYPERVISOR_sched_op(SCHEDOP_shutdown, &op);
	return NOTIFY_DONE;
}

static int power_off(struct sys_off_data *data)
{
	return end(SHUTDOWN_poweroff);
}

static int restart(struct sys_off_data *data)
{
	return end(SHUTDOWN_reboot);
}

/* The end of the kernel's log, for the hypervisor's: other consoles may be dead. */
static void report(void)
{
	static char text[REPORT_BYTES];
	struct kmsg_dump_iter iter;
	size_t bytes;

	kmsg_dump_rewind(&iter);
	if (kmsg_dump_get_buffer(&iter, false, text, sizeof(text), &bytes))
		HYPERVISOR_console_io(CONSOLEIO_write, bytes, text);
}

/* Behind those who save what there is to save. */
static int panicked(struct notifier_block *nb, unsigned long event, void *unused)
{
	report();
	return end(SHUTDOWN_crash);
}
static struct notifier_block panic_block = { .notifier_call = panicked, .priority = INT_MIN };

/* ---- the toolstack's word ---- */

static const struct wish {
	const char *word;
	void (*fn)(void);
} wishes[] = {
	{ "poweroff", NULL },
	{ "halt", NULL },
	{ "reboot", orderly_reboot },
	{ "suspend", suspend_asked },
};

static void wished(struct xenbus_watch *watch, const char *path, const char *token)
{
	char *word = xenbus_read(XBT_NIL, "control", "shutdown", NULL);
	unsigned int i;

	if (IS_ERR(word))
		return;
	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		if (strcmp(word, wishes[i].word))
			continue;
		xenbus_write(XBT_NIL, "control", "shutdown", "");	/* heard */
		if (wishes[i].fn)
			wishes[i].fn();
		else
			orderly_poweroff(false);
	}
	if (*word && i == ARRAY_SIZE(wishes))
		pr_info("control/shutdown: '%s'\n", word);
	kfree(word);
}
static struct xenbus_watch shutdown_watch = { .node = "control/shutdown", .callback = wished };

/* What the toolstack may ask for; when we are gone, nothing. */
static void announce(const char *value)
{
	xenbus_write(XBT_NIL, "control", "feature-poweroff", value);
	xenbus_write(XBT_NIL, "control", "feature-reboot", value);
	if (suspend_possible())
		xenbus_write(XBT_NIL, "control", "feature-suspend", value);
}

static struct sys_off_handler *handler[2];

static void free_handlers(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(handler); i++)
		if (!IS_ERR_OR_NULL(handler[i]))
			unregister_sys_off_handler(handler[i]);
}

int shutdown_init(void)
{
	int rc;

	handler[0] = register_sys_off_handler(SYS_OFF_MODE_POWER_OFF, SYS_OFF_PRIO_FIRMWARE, power_off, NULL);
	handler[1] = register_sys_off_handler(SYS_OFF_MODE_RESTART, SYS_OFF_PRIO_FIRMWARE, restart, NULL);
	rc = PTR_ERR_OR_ZERO(handler[0]) ?: PTR_ERR_OR_ZERO(handler[1]);
	rc = rc ?: register_xenbus_watch(&shutdown_watch);
	if (rc) {
		free_handlers();
		return rc;
	}
	announce("1");
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	return 0;
}

void shutdown_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
	announce("0");
	unregister_xenbus_watch(&shutdown_watch);
	free_handlers();
}

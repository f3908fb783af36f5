/* SPDX-License-Identifier: GPL-2.0-only */
/* The device bus and the store: drivers, states of both ends, nodes, watches. See hypercall.h for the seam. */
#ifndef XENOLITH_BUS_H
#define XENOLITH_BUS_H

#include <linux/ratelimit.h>
#include <xenolith/hypercall.h>
#include <xen/xenbus.h>
#include <xen/platform_pci.h>

/* A kernel without a bus for backends gets linux-dom0/bus; its symbols have names of their own. */
#if !defined(CONFIG_XEN_BACKEND) && !defined(XENOLITH_PORT_H)
#define __xenbus_register_backend xenolith_register_backend
#define xenbus_dev_is_online xenolith_dev_is_online

int __must_check __xenbus_register_backend(struct xenbus_driver *driver, struct module *owner, const char *module_name);
int xenbus_dev_is_online(struct xenbus_device *dev);
#endif

/**
 * xenolith_in_transaction: all that @write writes of @dev becomes visible at once, or nothing.
 *
 * @write is called again when somebody else's write came between; its error ends the transaction and is returned. Sleeps.
 * -ENOENT: the device is gone, and a write would bring back what the toolstack has just removed.
 */
static inline int xenolith_in_transaction(struct xenbus_device *dev,
					  int (*write)(struct xenbus_device *dev, struct xenbus_transaction t))
{
	struct xenbus_transaction t;
	int rc;

	do {
		rc = xenbus_transaction_start(&t);
		if (rc)
			return rc;
		rc = xenbus_exists(t, dev->nodename, "state") ? write(dev, t) : -ENOENT;
		if (rc) {
			xenbus_transaction_end(t, 1);
			return rc;
		}
		rc = xenbus_transaction_end(t, 0);
	} while (rc == -EAGAIN);
	return rc;
}

/* Whether what the other side did wrong may be said once more: it can do it as often as it likes. For each place in the source. */
#define xenolith_may_say() ({					\
	static DEFINE_RATELIMIT_STATE(limit, 60 * HZ, 60);	\
	__ratelimit(&limit);					\
})

/* xenbus_dev_fatal() for what the other side did wrong: the device closes each time, whether or not that is said. */
#define xenolith_bus_fault(dev, rc, fmt, ...) do {			\
	if (xenolith_may_say())						\
		xenbus_dev_fatal(dev, rc, fmt, ##__VA_ARGS__);		\
	else								\
		xenbus_switch_state(dev, XenbusStateClosing);		\
} while (0)

/*
 * A frontend that begins anew may find its backend at the end of the connection before, Closing or Closed: it has yet to see
 * that we are Initialising. Unless the toolstack takes the device away.
 */
static inline bool xenolith_backend_is_late(struct xenbus_device *dev)
{
	return dev->state == XenbusStateInitialising && xenbus_read_unsigned(dev->otherend, "online", 0);
}

/* Drivers for the port are found by names of their own (port.h). */
#ifdef XENOLITH_PORT_H
#include <linux/module.h>
#undef MODULE_ALIAS
#define MODULE_ALIAS(name) MODULE_INFO(alias, "port-" name)
#endif

#endif

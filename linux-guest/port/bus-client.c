// SPDX-License-Identifier: GPL-2.0-only
/* What drivers of both ends of a device share: states, errors, watches, rings, ports (xen/xenbus.h). */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "port.h"

/* ---- states ---- */

const char *xenbus_strstate(enum xenbus_state state)
{
	static const char *const name[] = {
		"Unknown", "Initialising", "InitWait", "Initialised", "Connected", "Closing", "Closed", "Reconfiguring",
		"Reconfigured",
	};

	return state < ARRAY_SIZE(name) ? name[state] : "INVALID";
}
EXPORT_SYMBOL_GPL(xenbus_strstate);

enum xenbus_state xenbus_read_driver_state(const char *path)
{
	unsigned int state;

	return xenbus_scanf(XBT_NIL, path, "state", "%u", &state) == 1 ? state : XenbusStateUnknown;
}
EXPORT_SYMBOL_GPL(xenbus_read_driver_state);

/* Written only over an older one: a device whose node has gone must not come back by this. */
int xenbus_switch_state(struct xenbus_device *dev, enum xenbus_state state)
{
	struct xenbus_transaction t;
	unsigned int old;
	int rc;

	if (state == dev->state)
		return 0;
	do {
		rc = xenbus_transaction_start(&t);
		if (rc)
			break;
		if (xenbus_scanf(t, dev->nodename, "state", "%u", &old) != 1) {
			xenbus_transaction_end(t, 1);
			return 0;
		}
		rc = xenbus_printf(t, dev->nodename, "state", "%d", state);
		if (rc) {
			xenbus_transaction_end(t, 1);
			break;
		}
		rc = xenbus_transaction_end(t, 0);
	} while (rc == -EAGAIN);
	if (!rc)
		dev->state = state;
	else if (state != XenbusStateClosing)	/* which is how errors end */
		xenbus_dev_fatal(dev, rc, "state %s is not written", xenbus_strstate(state));
	return 0;
}
EXPORT_SYMBOL_GPL(xenbus_switch_state);

int xenbus_frontend_closed(struct xenbus_device *dev)
{
	xenbus_switch_state(dev, XenbusStateClosed);
	complete(&dev->down);
	return 0;
}
EXPORT_SYMBOL_GPL(xenbus_frontend_closed);

int xenbus_dev_is_online(struct xenbus_device *dev)
{
	return xenbus_read_unsigned(dev->nodename, "online", 0);
}
EXPORT_SYMBOL_GPL(xenbus_dev_is_online);

/* ---- errors ---- */

/* To the log, and to error/NODE/error, where the toolstack looks. */
static void tell(struct xenbus_device *dev, int err, const char *fmt, va_list *args)
{
	struct va_format f = { .fmt = fmt, .va = args };
	char *text = kasprintf(GFP_KERNEL, "%d %pV", -err, &f), *path = kasprintf(GFP_KERNEL, "error/%s", dev->nodename);

	if (text) {
		dev_err(&dev->dev, "%s\n", text);
		if (path)
			xenbus_write(XBT_NIL, path, "error", text);
	}
	kfree(text);
	kfree(path);
}

void xenbus_dev_error(struct xenbus_device *dev, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tell(dev, err, fmt, &args);
	va_end(args);
}
EXPORT_SYMBOL_GPL(xenbus_dev_error);

void xenbus_dev_fatal(struct xenbus_device *dev, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tell(dev, err, fmt, &args);
	va_end(args);
	xenbus_switch_state(dev, XenbusStateClosing);
}
EXPORT_SYMBOL_GPL(xenbus_dev_fatal);

/* ---- watches ---- */

int xenbus_watch_path(struct xenbus_device *dev, const char *path, struct xenbus_watch *watch,
		      bool (*will_handle)(struct xenbus_watch *, const char *, const char *),
		      void (*callback)(struct xenbus_watch *, const char *, const char *))
{
	int rc;

	watch->node = path;
	watch->will_handle = will_handle;
	watch->callback = callback;
	rc = register_xenbus_watch(watch);
	if (rc) {
		watch->node = NULL;
		xenbus_dev_fatal(dev, rc, "no watch on %s", path);
	}
	return rc;
}
EXPORT_SYMBOL_GPL(xenbus_watch_path);

int xenbus_watch_pathfmt(struct xenbus_device *dev, struct xenbus_watch *watch,
			 bool (*will_handle)(struct xenbus_watch *, const char *, const char *),
			 void (*callback)(struct xenbus_watch *, const char *, const char *), const char *fmt, ...)
{
	va_list args;
	char *path;
	int rc;

	va_start(args, fmt);
	path = kvasprintf(GFP_KERNEL, fmt, args);
	va_end(args);
	if (!path)
		return -ENOMEM;
	rc = xenbus_watch_path(dev, path, watch, will_handle, callback);
	if (rc)
		kfree(path);
	return rc;
}
EXPORT_SYMBOL_GPL(xenbus_watch_pathfmt);

/* ---- rings and ports of a frontend ---- */

/* The pages are freed one by one, each when the backend has let go of it. */
void xenbus_teardown_ring(void **vaddr, unsigned int nr_pages, grant_ref_t *grefs)
{
	unsigned int i;

	for (i = 0; *vaddr && i < nr_pages; i++) {
		struct page *page = virt_to_page(*vaddr + i * PAGE_SIZE);

		if (grefs[i] != INVALID_GRANT_REF)
			gnttab_end_foreign_access(grefs[i], page);
		else
			put_page(page);
		grefs[i] = INVALID_GRANT_REF;
	}
	*vaddr = NULL;
}
EXPORT_SYMBOL_GPL(xenbus_teardown_ring);

int xenbus_setup_ring(struct xenbus_device *dev, gfp_t gfp, void **vaddr, unsigned int nr_pages, grant_ref_t *grefs)
{
	unsigned int i;
	int ref;

	for (i = 0; i < nr_pages; i++)
		grefs[i] = INVALID_GRANT_REF;
	*vaddr = alloc_pages_exact(nr_pages * PAGE_SIZE, gfp | __GFP_ZERO);
	if (!*vaddr) {
		xenbus_dev_fatal(dev, -ENOMEM, "no memory for a ring of %u pages", nr_pages);
		return -ENOMEM;
	}
	for (i = 0; i < nr_pages; i++) {
		ref = gnttab_grant_foreign_access(dev->otherend_id, page_to_pfn(virt_to_page(*vaddr + i * PAGE_SIZE)), 0);
		if (ref < 0) {
			xenbus_dev_fatal(dev, ref, "no grant for page %u of a ring", i);
			xenbus_teardown_ring(vaddr, nr_pages, grefs);
			return ref;
		}
		grefs[i] = ref;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(xenbus_setup_ring);

int xenbus_alloc_evtchn(struct xenbus_device *dev, evtchn_port_t *port)
{
	struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = dev->otherend_id };
	int rc = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &op);

	if (rc)
		xenbus_dev_fatal(dev, rc, "no event channel");
	else
		*port = op.port;
	return rc;
}
EXPORT_SYMBOL_GPL(xenbus_alloc_evtchn);

int xenbus_free_evtchn(struct xenbus_device *dev, evtchn_port_t port)
{
	struct evtchn_close op = { .port = port };
	int rc = HYPERVISOR_event_channel_op(EVTCHNOP_close, &op);

	if (rc)
		xenbus_dev_error(dev, rc, "event channel %u is not closed", port);
	return rc;
}
EXPORT_SYMBOL_GPL(xenbus_free_evtchn);

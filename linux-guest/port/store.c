// SPDX-License-Identifier: GPL-2.0-only
/*
 * Talking to the store: a page with two rings of bytes (xen/interface/io/xs_wire.h). Requests go out one behind the other
 * and carry numbers; a thread reads the answers and gives each to who waits for its number, and watch events to
 * store-watch.c. Nothing that the other side writes into the page is believed: positions, lengths, numbers.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/completion.h>
#include <linux/freezer.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include "port.h"
#include "store.h"
#include "store-ring.h"
#include <xen/interface/hvm/params.h>

struct request {
	struct list_head list;
	u32 id;
	struct completion done;
	struct xsd_sockmsg answer;
	char *body;
};

struct xenstore_domain_interface *xen_store_interface;
EXPORT_SYMBOL_GPL(xen_store_interface);
int xen_store_evtchn;
EXPORT_SYMBOL_GPL(xen_store_evtchn);

static int irq;
static struct task_struct *reader;
static DECLARE_WAIT_QUEUE_HEAD(moved);	/* positions */
static DEFINE_MUTEX(sending);
static DEFINE_SPINLOCK(lock);		/* requests */
static LIST_HEAD(requests);
static u32 last_id;

/* ---- the rings ---- */

/* With sending. */
static void write_bytes(const char *from, unsigned int bytes)
{
	while (bytes) {
		u32 n;

		wait_event(moved, store_room(xen_store_interface));
		n = store_put(xen_store_interface, from, bytes);
		notify_remote_via_evtchn(xen_store_evtchn);
		from += n;
		bytes -= n;
	}
}

/* Return: 0, -EINTR when the thread has to end. */
static int read_bytes(char *to, unsigned int bytes)
{
	while (bytes) {
		u32 n;

		wait_event_freezable(moved, store_waiting(xen_store_interface) || kthread_should_stop());
		if (kthread_should_stop())
			return -EINTR;
		n = store_get(xen_store_interface, to, bytes);
		notify_remote_via_evtchn(xen_store_evtchn);
		to += n;
		bytes -= n;
	}
	return 0;
}

static irqreturn_t happened(int nr, void *data)
{
	wake_up_all(&moved);
	return IRQ_HANDLED;
}

/* ---- answers ---- */

static void give(const struct xsd_sockmsg *m, char *body)
{
	struct request *r, *found = NULL;

	spin_lock(&lock);
	list_for_each_entry(r, &requests, list)
		if (r->id == m->req_id)
			found = r;
	if (found) {
		list_del(&found->list);
		found->answer = *m;
		found->body = body;
		complete(&found->done);
	}
	spin_unlock(&lock);
	if (!found) {
		pr_warn_ratelimited("the store answers what nobody asked (%u)\n", m->req_id);
		kfree(body);
	}
}

static int read_one(void)
{
	struct xsd_sockmsg m;
	char *body;
	int rc = read_bytes((char *)&m, sizeof(m));

	if (rc)
		return rc;
	if (m.len > XENSTORE_PAYLOAD_MAX) {
		pr_err("a message of the store has %u bytes: it is not read any more\n", m.len);
		return -EINVAL;
	}
	body = kmalloc(m.len + 1, GFP_KERNEL | __GFP_NOFAIL);
	rc = read_bytes(body, m.len);
	body[m.len] = 0;
	if (rc)
		kfree(body);
	else if (m.type == XS_WATCH_EVENT)
		store_event(body, m.len);
	else
		give(&m, body);
	return rc;
}

static int read_all(void *unused)
{
	set_freezable();
	while (!read_one())
		;
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

/* ---- requests ---- */

/* An answer always comes: a store that goes away is one that the domain waits for. */
static int exchange(struct request *r, struct xsd_sockmsg *m, const struct kvec *part, unsigned int parts)
{
	unsigned int i;

	init_completion(&r->done);
	mutex_lock(&sending);
	spin_lock(&lock);
	m->req_id = r->id = ++last_id;
	list_add_tail(&r->list, &requests);
	spin_unlock(&lock);
	write_bytes((const char *)m, sizeof(*m));
	for (i = 0; i < parts; i++)
		write_bytes(part[i].iov_base, part[i].iov_len);
	mutex_unlock(&sending);
	wait_for_completion(&r->done);
	return 0;
}

static int error_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(xsd_errors); i++)
		if (!strcmp(name, xsd_errors[i].errstring))
			return -xsd_errors[i].errnum;
	pr_warn_ratelimited("the store reports an error that has no number\n");
	return -EINVAL;
}

char *store_talk(struct xenbus_transaction t, u32 type, const struct kvec *part, unsigned int parts, unsigned int *bytes)
{
	struct xsd_sockmsg m = { .type = type, .tx_id = t.id };
	struct request r;
	unsigned int i;
	int rc;

	for (i = 0; i < parts; i++)
		m.len += part[i].iov_len;
	if (m.len > XENSTORE_PAYLOAD_MAX)
		return ERR_PTR(-E2BIG);
	exchange(&r, &m, part, parts);
	if (r.answer.type == type) {
		if (bytes)
			*bytes = r.answer.len;
		return r.body;
	}
	rc = r.answer.type == XS_ERROR ? error_of(r.body) : -EINVAL;
	kfree(r.body);
	return ERR_PTR(rc);
}

char *store_pass(struct xsd_sockmsg *message, const void *body)
{
	struct kvec part = { .iov_base = (void *)body, .iov_len = message->len };
	u32 id = message->req_id;
	struct request r;

	exchange(&r, message, &part, 1);
	*message = r.answer;
	message->req_id = id;
	return r.body;
}

/* ---- life ---- */

static int open_page(void)
{
	u64 pfn, port;
	int rc = hypervisor_param(HVM_PARAM_STORE_PFN, &pfn) ?: hypervisor_param(HVM_PARAM_STORE_EVTCHN, &port);

	if (rc || !pfn || !port)
		return rc ?: -ENODEV;
	xen_store_interface = memremap(pfn << PAGE_SHIFT, PAGE_SIZE, MEMREMAP_WB);
	if (!xen_store_interface)
		return -ENOMEM;
	xen_store_evtchn = port;
	xen_store_interface->rsp_cons = xen_store_interface->rsp_prod;	/* meant for who was here before */
	irq = bind_evtchn_to_irqhandler(port, happened, 0, "xenbus", xen_store_interface);
	if (irq < 0)
		memunmap(xen_store_interface);
	return irq < 0 ? irq : 0;
}

static void close_page(void)
{
	event_leave(irq, xen_store_interface);
	memunmap(xen_store_interface);
}

int store_init(void)
{
	int rc = open_page();

	if (rc)
		return rc;
	rc = store_watch_init();
	if (rc)
		goto close;
	reader = kthread_run(read_all, NULL, "xenstore");
	rc = PTR_ERR_OR_ZERO(reader);
	if (!rc)
		return 0;
	store_watch_exit();
close:
	close_page();
	return rc;
}

void store_exit(void)
{
	kthread_stop(reader);
	store_watch_exit();
	close_page();
}

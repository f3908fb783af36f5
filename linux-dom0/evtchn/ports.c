// SPDX-License-Identifier: GPL-2.0-only
/* Bound ports and the queue of their events. The model is in ports.h. */

#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "compat/compat.h"
#include "ports.h"

/**
 * struct user_port - a port bound by a file
 * @link:	in the queue or the offered list of @set, or empty
 * @set:	who has it
 * @port:	its number
 * @irq:	the interrupt it is bound to
 * @masked:	it fired and was not rearmed
 * @fired:	it fired and no reader was offered that yet
 */
struct user_port {
	struct list_head link;
	struct port_set *set;
	evtchn_port_t port;
	unsigned int irq;
	bool masked;
	bool fired;
};

struct port_set *ports_create(void)
{
	struct port_set *set = kzalloc(sizeof(*set), GFP_KERNEL);

	if (!set)
		return NULL;
	init_rwsem(&set->bindings);
	xa_init(&set->ports);
	set->restricted = NO_RESTRICTION;
	mutex_init(&set->reading);
	spin_lock_init(&set->lock);
	INIT_LIST_HEAD(&set->queue);
	INIT_LIST_HEAD(&set->offered);
	init_waitqueue_head(&set->wait);
	snprintf(set->name, sizeof(set->name), "evtchn:%s", current->comm);
	return set;
}

static irqreturn_t port_fired(int irq, void *data)
{
	struct user_port *up = data;
	struct port_set *set = up->set;
	bool first = false;

	spin_lock(&set->lock);
	up->masked = true;
	up->fired = true;
	if (list_empty(&up->link)) {
		first = list_empty(&set->queue);
		list_add_tail(&up->link, &set->queue);
	}
	spin_unlock(&set->lock);

	if (first) {
		wake_up_interruptible(&set->wait);
		kill_fasync(&set->sigio, SIGIO, POLL_IN);
	}
	return IRQ_HANDLED;
}

/* Binding an interrupt a second time would take the port from whoever in the kernel has it. */
static bool port_in_use(evtchn_port_t port)
{
	return (int)irq_from_evtchn(port) > 0;
}

/* From here on the interrupt owns the port: unbinding closes it. */
static int port_connect(struct user_port *up, bool is_static)
{
	int rc = bind_evtchn_to_irqhandler_lateeoi(up->port, port_fired, 0, up->set->name, up);

	if (rc < 0)
		return rc;
	up->irq = rc;
	rc = evtchn_make_refcounted(up->port, is_static);
	if (rc)
		unbind_from_irqhandler(up->irq, up);
	return rc;
}

/* A bind that failed may have closed it already: then the hypervisor refuses, and that is all. */
static void port_close(evtchn_port_t port)
{
	struct evtchn_close close = { .port = port };

	HYPERVISOR_event_channel_op(EVTCHNOP_close, &close);
}

int ports_bind(struct port_set *set, evtchn_port_t port, bool is_static)
{
	struct user_port *up;
	int rc = -EBUSY;

	if (port_in_use(port))
		return rc;
	rc = -ENOMEM;
	up = kzalloc(sizeof(*up), GFP_KERNEL);
	if (!up)
		goto close;
	INIT_LIST_HEAD(&up->link);
	up->set = set;
	up->port = port;
	rc = xa_insert(&set->ports, port, up, GFP_KERNEL);
	if (rc)
		goto free;
	rc = port_connect(up, is_static);
	if (rc)
		goto erase;
	return port;

erase:
	xa_erase(&set->ports, port);
free:
	kfree(up);
close:
	if (!is_static && !port_in_use(port))
		port_close(port);
	return rc;
}

/* Once the interrupt is unbound its handler has ended and does not come back: nobody else touches the port then. */
static void port_release(struct user_port *up)
{
	unbind_from_irqhandler(up->irq, up);
	spin_lock_irq(&up->set->lock);
	list_del(&up->link);
	spin_unlock_irq(&up->set->lock);
	kfree(up);
}

int ports_unbind(struct port_set *set, evtchn_port_t port)
{
	struct user_port *up = xa_erase(&set->ports, port);

	if (!up)
		return -ENOTCONN;
	port_release(up);
	return 0;
}

void ports_destroy(struct port_set *set)
{
	struct user_port *up;
	unsigned long port;

	xa_for_each(&set->ports, port, up)
		port_release(up);
	xa_destroy(&set->ports);
	kfree(set);
}

static bool port_rearm(struct user_port *up)
{
	bool was_masked;

	spin_lock_irq(&up->set->lock);
	was_masked = up->masked;
	up->masked = false;
	spin_unlock_irq(&up->set->lock);
	return was_masked;
}

void ports_rearm(struct port_set *set, const evtchn_port_t *ports, unsigned int count)
{
	struct user_port *up;
	unsigned int i;

	down_read(&set->bindings);
	for (i = 0; i < count; i++) {
		up = xa_load(&set->ports, ports[i]);
		if (up && port_rearm(up))
			xen_irq_lateeoi(up->irq, 0);
	}
	up_read(&set->bindings);
}

unsigned int ports_offer(struct port_set *set, evtchn_port_t *ports, unsigned int count)
{
	struct user_port *up, *next;
	unsigned int n = 0;

	spin_lock_irq(&set->lock);
	list_for_each_entry_safe(up, next, &set->queue, link) {
		if (n == count)
			break;
		ports[n++] = up->port;
		up->fired = false;
		list_move_tail(&up->link, &set->offered);
	}
	spin_unlock_irq(&set->lock);
	return n;
}

/* Another thread may have seen the port in the reader's buffer and rearmed it already: then it may have fired again. */
static void settle(struct port_set *set)
{
	struct user_port *up, *next;

	list_for_each_entry_safe(up, next, &set->offered, link) {
		if (up->fired)
			list_move_tail(&up->link, &set->queue);
		else
			list_del_init(&up->link);
	}
}

void ports_taken(struct port_set *set, bool delivered)
{
	bool more;

	spin_lock_irq(&set->lock);
	if (delivered)
		settle(set);
	else
		list_splice_init(&set->offered, &set->queue);
	more = !list_empty(&set->queue);
	spin_unlock_irq(&set->lock);
	if (more)
		wake_up_interruptible(&set->wait);
}

void ports_forget(struct port_set *set)
{
	spin_lock_irq(&set->lock);
	while (!list_empty(&set->queue))
		list_del_init(set->queue.next);
	spin_unlock_irq(&set->lock);
}

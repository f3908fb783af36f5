// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches of the store. Events are queued by the thread that reads the store, which must never wait for who handles
 * them, and handled by a thread of their own, one at a time. A watch that is taken away hears nothing any more
 * when unregister_xenbus_watch() returns; its handler may do that itself.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "port.h"
#include "store.h"

struct event {
	struct list_head list;
	struct xenbus_watch *watch;
	const char *path, *token;
	char *body;
};

#define MAX_PENDING 1000		/* of one watch: who writes more often than its handler reads loses some */

static DEFINE_SPINLOCK(lock);		/* watches and events */
static LIST_HEAD(watches);
static LIST_HEAD(events);
static DECLARE_WAIT_QUEUE_HEAD(come);
static DEFINE_MUTEX(handling);
static struct task_struct *handler;

static void token_of(char token[20], const struct xenbus_watch *watch)
{
	snprintf(token, 20, "%lx", (unsigned long)watch);
}

/* With the lock. */
static struct xenbus_watch *find(const char *token)
{
	struct xenbus_watch *w;
	char own[20];

	list_for_each_entry(w, &watches, list) {
		token_of(own, w);
		if (!strcmp(own, token))
			return w;
	}
	return NULL;
}

static void drop(struct event *e)
{
	kfree(e->body);
	kfree(e);
}

void store_event(char *body, unsigned int bytes)
{
	struct event *e = kzalloc(sizeof(*e), GFP_KERNEL);
	struct xenbus_watch *w;
	size_t path = strlen(body);

	if (!e || path + 1 >= bytes) {
		kfree(e);
		kfree(body);
		return;
	}
	e->body = body;
	e->path = body;
	e->token = body + path + 1;
	spin_lock(&lock);
	w = find(e->token);
	if (w && w->nr_pending < MAX_PENDING && (!w->will_handle || w->will_handle(w, e->path, e->token))) {
		e->watch = w;
		w->nr_pending++;
		list_add_tail(&e->list, &events);
		e = NULL;
	}
	spin_unlock(&lock);
	wake_up(&come);
	if (e)
		drop(e);
}

static struct event *take(void)
{
	struct event *e;

	spin_lock(&lock);
	e = list_first_entry_or_null(&events, struct event, list);
	if (e) {
		list_del(&e->list);
		e->watch->nr_pending--;
	}
	spin_unlock(&lock);
	return e;
}

static int handle_all(void *unused)
{
	struct event *e;

	set_freezable();
	while (!kthread_should_stop()) {
		wait_event_freezable(come, !list_empty(&events) || kthread_should_stop());
		mutex_lock(&handling);
		e = take();
		if (e) {
			e->watch->callback(e->watch, e->path, e->token);
			drop(e);
		}
		mutex_unlock(&handling);
	}
	return 0;
}

static int tell(u32 type, const struct xenbus_watch *watch)
{
	char token[20], *answer;
	struct kvec part[2] = { { (void *)watch->node, strlen(watch->node) + 1 }, { token } };

	token_of(token, watch);
	part[1].iov_len = strlen(token) + 1;
	answer = store_talk(XBT_NIL, type, part, 2, NULL);
	if (IS_ERR(answer))
		return PTR_ERR(answer);
	kfree(answer);
	return 0;
}

int register_xenbus_watch(struct xenbus_watch *watch)
{
	int rc;

	watch->nr_pending = 0;
	spin_lock(&lock);
	list_add(&watch->list, &watches);
	spin_unlock(&lock);
	rc = tell(XS_WATCH, watch);
	if (!rc)
		return 0;
	spin_lock(&lock);
	list_del(&watch->list);
	spin_unlock(&lock);
	return rc;
}
EXPORT_SYMBOL_GPL(register_xenbus_watch);

static void forget_events(struct xenbus_watch *watch)
{
	struct event *e, *then;

	spin_lock(&lock);
	list_for_each_entry_safe(e, then, &events, list) {
		if (e->watch != watch)
			continue;
		list_del(&e->list);
		drop(e);
	}
	watch->nr_pending = 0;
	spin_unlock(&lock);
}

void unregister_xenbus_watch(struct xenbus_watch *watch)
{
	int rc;

	spin_lock(&lock);
	list_del(&watch->list);
	spin_unlock(&lock);
	rc = tell(XS_UNWATCH, watch);
	if (rc && rc != -ENOENT)
		pr_warn("%s: the watch is not taken away (%d)\n", watch->node, rc);
	forget_events(watch);
	if (current != handler) {	/* let its handler end */
		mutex_lock(&handling);
		mutex_unlock(&handling);
	}
}
EXPORT_SYMBOL_GPL(unregister_xenbus_watch);

int store_watch_init(void)
{
	handler = kthread_run(handle_all, NULL, "xenwatch");
	return PTR_ERR_OR_ZERO(handler);
}

void store_watch_exit(void)
{
	struct event *e;

	kthread_stop(handler);
	while ((e = take()))
		drop(e);
}

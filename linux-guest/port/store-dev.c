// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/xenbus: programs talk to the store through the port's own connection, message by message. Watches are kept here,
 * since their tokens are the programs'; transactions are remembered, so that those of a program that ends are ended.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include "port.h"
#include "store.h"

#define MAX_UNREAD 1000			/* messages; more events than that are dropped, more requests refused */

struct answer {
	struct list_head list;
	unsigned int bytes, taken;
	char data[];
};

struct transaction {
	struct list_head list;
	u32 id;
};

struct user_watch {
	struct list_head list;
	struct xenbus_watch watch;
	struct client *user;
	char *token;
};

struct client {
	struct mutex lock;		/* one request after the other; watches, transactions */
	struct list_head watches, transactions;
	spinlock_t answers_lock;
	struct list_head answers;
	unsigned int unread;
	wait_queue_head_t come;
	unsigned int bytes;		/* of the message that is being written */
	struct {
		struct xsd_sockmsg head;
		char body[XENSTORE_PAYLOAD_MAX + 1];
	} message;
};

/* ---- answers ---- */

static void put_answer(struct client *u, const struct xsd_sockmsg *head, const void *body, bool event)
{
	struct answer *a = kmalloc(sizeof(*a) + sizeof(*head) + head->len, GFP_KERNEL);

	if (!a)
		return;
	a->bytes = sizeof(*head) + head->len;
	a->taken = 0;
	memcpy(a->data, head, sizeof(*head));
	memcpy(a->data + sizeof(*head), body, head->len);
	spin_lock(&u->answers_lock);
	if (!event || u->unread < MAX_UNREAD) {
		list_add_tail(&a->list, &u->answers);
		u->unread++;
		a = NULL;
	}
	spin_unlock(&u->answers_lock);
	kfree(a);
	wake_up(&u->come);
}

static void put_text(struct client *u, const struct xsd_sockmsg *request, u32 type, const char *text)
{
	struct xsd_sockmsg head = { .type = type, .req_id = request->req_id, .tx_id = request->tx_id, .len = strlen(text) + 1 };

	put_answer(u, &head, text, false);
}

static void fired(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct user_watch *w = container_of(watch, struct user_watch, watch);
	struct xsd_sockmsg head = { .type = XS_WATCH_EVENT };
	char *body = kasprintf(GFP_KERNEL, "%s%c%s", path, 0, w->token);

	if (!body)
		return;
	head.len = strlen(path) + 1 + strlen(w->token) + 1;
	put_answer(w->user, &head, body, true);
	kfree(body);
}

/* ---- requests; with the lock ---- */

static struct user_watch *find_watch(struct client *u, const char *path, const char *token)
{
	struct user_watch *w;

	list_for_each_entry(w, &u->watches, list)
		if (!strcmp(w->watch.node, path) && !strcmp(w->token, token))
			return w;
	return NULL;
}

static void free_watch(struct user_watch *w)
{
	kfree(w->watch.node);
	kfree(w->token);
	kfree(w);
}

static const char *add_watch(struct client *u, const char *path, const char *token)
{
	struct user_watch *w;
	int rc;

	if (find_watch(u, path, token))
		return "EEXIST";
	w = kzalloc(sizeof(*w), GFP_KERNEL);
	if (!w)
		return "ENOMEM";
	w->user = u;
	w->watch.node = kstrdup(path, GFP_KERNEL);
	w->token = kstrdup(token, GFP_KERNEL);
	w->watch.callback = fired;
	rc = w->watch.node && w->token ? register_xenbus_watch(&w->watch) : -ENOMEM;
	if (rc) {
		free_watch(w);
		return rc == -ENOMEM ? "ENOMEM" : rc == -E2BIG ? "E2BIG" : "EINVAL";
	}
	list_add(&w->list, &u->watches);
	return NULL;
}

static const char *remove_watch(struct client *u, const char *path, const char *token)
{
	struct user_watch *w = find_watch(u, path, token);

	if (!w)
		return "ENOENT";
	unregister_xenbus_watch(&w->watch);
	list_del(&w->list);
	free_watch(w);
	return NULL;
}

/* The body is "path", "token"; behind what was written there is a 0. */
static void do_watch(struct client *u)
{
	struct xsd_sockmsg *m = &u->message.head;
	const char *path = u->message.body, *token = path + strlen(path) + 1, *error = "EINVAL";

	if (token < path + m->len)
		error = m->type == XS_WATCH ? add_watch(u, path, token) : remove_watch(u, path, token);
	put_text(u, m, error ? XS_ERROR : m->type, error ?: "OK");
}

static struct transaction *find_transaction(struct client *u, u32 id)
{
	struct transaction *t;

	list_for_each_entry(t, &u->transactions, list)
		if (t->id == id)
			return t;
	return NULL;
}

static void note_transaction(struct client *u, u32 type, u32 id, const char *body, struct transaction *fresh)
{
	struct transaction *t = type == XS_TRANSACTION_END ? find_transaction(u, id) : NULL;

	if (type == XS_TRANSACTION_START && !kstrtou32(body, 10, &fresh->id)) {
		list_add(&fresh->list, &u->transactions);
		return;
	}
	kfree(fresh);
	if (t) {
		list_del(&t->list);
		kfree(t);
	}
}

static void do_pass(struct client *u)
{
	struct xsd_sockmsg *m = &u->message.head;
	u32 type = m->type, id = m->tx_id;
	struct transaction *fresh = NULL;
	char *body;

	if (id && !find_transaction(u, id)) {
		put_text(u, m, XS_ERROR, "ENOENT");
		return;
	}
	if (type == XS_TRANSACTION_START) {
		fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);
		if (!fresh) {
			put_text(u, m, XS_ERROR, "ENOMEM");
			return;
		}
	}
	body = store_pass(m, u->message.body);
	note_transaction(u, m->type == XS_ERROR && type == XS_TRANSACTION_START ? XS_ERROR : type, id, body, fresh);
	put_answer(u, m, body, false);
	kfree(body);
}

/* ---- the file ---- */

static ssize_t dev_write(struct file *file, const char __user *from, size_t count, loff_t *at)
{
	struct client *u = file->private_data;
	ssize_t rc = count;
	size_t whole;

	mutex_lock(&u->lock);
	if (READ_ONCE(u->unread) >= MAX_UNREAD)
		rc = -ENOBUFS;
	else if (count > sizeof(u->message) - 1 - u->bytes)
		rc = -EINVAL;
	else if (copy_from_user((char *)&u->message + u->bytes, from, count))
		rc = -EFAULT;
	if (rc >= 0)
		u->bytes += count;
	whole = u->bytes < sizeof(u->message.head) ? SIZE_MAX : sizeof(u->message.head) + u->message.head.len;
	if (rc >= 0 && whole != SIZE_MAX && u->message.head.len > XENSTORE_PAYLOAD_MAX)
		rc = -E2BIG;
	else if (rc >= 0 && u->bytes > whole)
		rc = -EINVAL;
	if (rc < 0 && rc != -ENOBUFS)
		u->bytes = 0;		/* what was begun is not understood any more */
	if (rc >= 0 && u->bytes == whole) {
		u->message.body[u->message.head.len] = 0;
		u->bytes = 0;
		if (u->message.head.type == XS_WATCH || u->message.head.type == XS_UNWATCH)
			do_watch(u);
		else
			do_pass(u);
	}
	mutex_unlock(&u->lock);
	return rc;
}

static struct answer *take_answer(struct client *u)
{
	struct answer *a;

	spin_lock(&u->answers_lock);
	a = list_first_entry_or_null(&u->answers, struct answer, list);
	if (a) {
		list_del(&a->list);
		u->unread--;
	}
	spin_unlock(&u->answers_lock);
	return a;
}

static void give_back(struct client *u, struct answer *a)
{
	spin_lock(&u->answers_lock);
	list_add(&a->list, &u->answers);
	u->unread++;
	spin_unlock(&u->answers_lock);
}

static ssize_t dev_read(struct file *file, char __user *to, size_t count, loff_t *at)
{
	struct client *u = file->private_data;
	struct answer *a;
	size_t n;

	while (!(a = take_answer(u))) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(u->come, !list_empty(&u->answers)))
			return -ERESTARTSYS;
	}
	n = min_t(size_t, count, a->bytes - a->taken);
	if (copy_to_user(to, a->data + a->taken, n)) {
		give_back(u, a);
		return -EFAULT;
	}
	a->taken += n;
	if (a->taken < a->bytes)
		give_back(u, a);
	else
		kfree(a);
	return n;
}

static __poll_t dev_poll(struct file *file, poll_table *wait)
{
	struct client *u = file->private_data;

	poll_wait(file, &u->come, wait);
	return list_empty(&u->answers) ? 0 : EPOLLIN | EPOLLRDNORM;
}

static int dev_open(struct inode *inode, struct file *file)
{
	struct client *u = kzalloc(sizeof(*u), GFP_KERNEL);

	if (!u)
		return -ENOMEM;
	mutex_init(&u->lock);
	spin_lock_init(&u->answers_lock);
	INIT_LIST_HEAD(&u->watches);
	INIT_LIST_HEAD(&u->transactions);
	INIT_LIST_HEAD(&u->answers);
	init_waitqueue_head(&u->come);
	file->private_data = u;
	return stream_open(inode, file);
}

static int dev_release(struct inode *inode, struct file *file)
{
	struct client *u = file->private_data;
	struct transaction *t, *t_then;
	struct user_watch *w, *w_then;
	struct answer *a;

	list_for_each_entry_safe(t, t_then, &u->transactions, list) {
		xenbus_transaction_end((struct xenbus_transaction){ t->id }, 1);
		kfree(t);
	}
	list_for_each_entry_safe(w, w_then, &u->watches, list) {
		unregister_xenbus_watch(&w->watch);
		free_watch(w);
	}
	while ((a = take_answer(u)))
		kfree(a);
	kfree(u);
	return 0;
}

const struct file_operations xen_xenbus_fops = {
	.owner		= THIS_MODULE,
	.open		= dev_open,
	.release	= dev_release,
	.read		= dev_read,
	.write		= dev_write,
	.poll		= dev_poll,
};
EXPORT_SYMBOL_GPL(xen_xenbus_fops);

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR, .name = "xen/xenbus", .fops = &xen_xenbus_fops, .mode = 0600,
};

int store_dev_init(void)
{
	return misc_register(&device);
}

void store_dev_exit(void)
{
	misc_deregister(&device);
}

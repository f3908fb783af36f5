// SPDX-License-Identifier: GPL-2.0-only
/* The store's verbs, as drivers call them (xen/xenbus.h). */
#include <linux/module.h>
#include <linux/slab.h>
#include "port.h"
#include "store.h"

/* One piece of a body; a path is "dir/node", or "dir" where node is empty. */
static char *join(const char *dir, const char *node)
{
	return *node ? kasprintf(GFP_NOIO | __GFP_HIGH, "%s/%s", dir, node) : kstrdup(dir, GFP_NOIO | __GFP_HIGH);
}

/* A verb with a path and perhaps a text behind it (not ended by a 0). */
static char *talk_of(struct xenbus_transaction t, u32 type, const char *dir, const char *node, const char *text,
		     unsigned int *bytes)
{
	char *path = join(dir, node), *answer;
	struct kvec part[2];

	if (!path)
		return ERR_PTR(-ENOMEM);
	part[0] = (struct kvec){ path, strlen(path) + 1 };
	part[1] = (struct kvec){ (void *)text, text ? strlen(text) : 0 };
	answer = store_talk(t, type, part, text ? 2 : 1, bytes);
	kfree(path);
	return answer;
}

static int done(char *answer)
{
	if (IS_ERR(answer))
		return PTR_ERR(answer);
	kfree(answer);
	return 0;
}

/* Names one behind the other become pointers and, behind them, the same bytes: one piece of memory for the caller. */
char **xenbus_directory(struct xenbus_transaction t, const char *dir, const char *node, unsigned int *num)
{
	unsigned int bytes, n = 0, at;
	char *names = talk_of(t, XS_DIRECTORY, dir, node, NULL, &bytes), **list;

	if (IS_ERR(names))
		return ERR_CAST(names);
	for (at = 0; at < bytes; at += strlen(names + at) + 1)
		n++;
	list = kmalloc(n * sizeof(*list) + bytes + 1, GFP_NOIO | __GFP_HIGH);
	if (list) {
		char *copy = memcpy(list + n, names, bytes + 1);

		for (*num = 0, at = 0; at < bytes; at += strlen(copy + at) + 1)
			list[(*num)++] = copy + at;
	}
	kfree(names);
	return list ?: ERR_PTR(-ENOMEM);
}
EXPORT_SYMBOL_GPL(xenbus_directory);

int xenbus_exists(struct xenbus_transaction t, const char *dir, const char *node)
{
	return !done(talk_of(t, XS_READ, dir, node, NULL, NULL));
}
EXPORT_SYMBOL_GPL(xenbus_exists);

void *xenbus_read(struct xenbus_transaction t, const char *dir, const char *node, unsigned int *len)
{
	return talk_of(t, XS_READ, dir, node, NULL, len);
}
EXPORT_SYMBOL_GPL(xenbus_read);

int xenbus_write(struct xenbus_transaction t, const char *dir, const char *node, const char *string)
{
	return done(talk_of(t, XS_WRITE, dir, node, string, NULL));
}
EXPORT_SYMBOL_GPL(xenbus_write);

int xenbus_mkdir(struct xenbus_transaction t, const char *dir, const char *node)
{
	return done(talk_of(t, XS_MKDIR, dir, node, NULL, NULL));
}
EXPORT_SYMBOL_GPL(xenbus_mkdir);

int xenbus_rm(struct xenbus_transaction t, const char *dir, const char *node)
{
	return done(talk_of(t, XS_RM, dir, node, NULL, NULL));
}
EXPORT_SYMBOL_GPL(xenbus_rm);

int xenbus_transaction_start(struct xenbus_transaction *t)
{
	struct kvec part = { "", 1 };
	char *id = store_talk(XBT_NIL, XS_TRANSACTION_START, &part, 1, NULL);
	int rc;

	if (IS_ERR(id))
		return PTR_ERR(id);
	rc = kstrtou32(id, 0, &t->id);
	kfree(id);
	return rc;
}
EXPORT_SYMBOL_GPL(xenbus_transaction_start);

int xenbus_transaction_end(struct xenbus_transaction t, int abort)
{
	struct kvec part = { abort ? "F" : "T", 2 };

	return done(store_talk(t, XS_TRANSACTION_END, &part, 1, NULL));
}
EXPORT_SYMBOL_GPL(xenbus_transaction_end);

int xenbus_scanf(struct xenbus_transaction t, const char *dir, const char *node, const char *fmt, ...)
{
	char *value = xenbus_read(t, dir, node, NULL);
	va_list args;
	int n;

	if (IS_ERR(value))
		return PTR_ERR(value);
	va_start(args, fmt);
	n = vsscanf(value, fmt, args);
	va_end(args);
	kfree(value);
	return n ?: -ERANGE;		/* nothing found is an error, too */
}
EXPORT_SYMBOL_GPL(xenbus_scanf);

unsigned int xenbus_read_unsigned(const char *dir, const char *node, unsigned int default_val)
{
	unsigned int value;

	return xenbus_scanf(XBT_NIL, dir, node, "%u", &value) == 1 ? value : default_val;
}
EXPORT_SYMBOL_GPL(xenbus_read_unsigned);

int xenbus_printf(struct xenbus_transaction t, const char *dir, const char *node, const char *fmt, ...)
{
	va_list args;
	char *text;
	int rc;

	va_start(args, fmt);
	text = kvasprintf(GFP_NOIO | __GFP_HIGH, fmt, args);
	va_end(args);
	if (!text)
		return -ENOMEM;
	rc = xenbus_write(t, dir, node, text);
	kfree(text);
	return rc;
}
EXPORT_SYMBOL_GPL(xenbus_printf);

/* Triples of name, format, place; a place without a format gets the text. */
int xenbus_gather(struct xenbus_transaction t, const char *dir, ...)
{
	const char *name;
	va_list args;
	int rc = 0;

	va_start(args, dir);
	while (!rc && (name = va_arg(args, char *))) {
		const char *fmt = va_arg(args, char *);
		void *to = va_arg(args, void *);
		char *value = xenbus_read(t, dir, name, NULL);

		if (IS_ERR(value)) {
			rc = PTR_ERR(value);
		} else if (!fmt) {
			*(char **)to = value;
		} else {
			rc = sscanf(value, fmt, to) ? 0 : -EINVAL;
			kfree(value);
		}
	}
	va_end(args);
	return rc;
}
EXPORT_SYMBOL_GPL(xenbus_gather);

/* The store is there as long as the port is. */
int register_xenstore_notifier(struct notifier_block *nb)
{
	nb->notifier_call(nb, 0, NULL);
	return 0;
}
EXPORT_SYMBOL_GPL(register_xenstore_notifier);

void unregister_xenstore_notifier(struct notifier_block *nb)
{
}
EXPORT_SYMBOL_GPL(unregister_xenstore_notifier);

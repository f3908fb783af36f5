// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which domains have a console, as the store tells: a domain is introduced, its nodes console/ring-ref and console/port
 * appear (before or after that), it is released. Domain0's console is the hypervisor's matter.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "console.h"

struct console *consoles;
struct xs_handle *store;

struct console *console_find(unsigned int domid)
{
	struct console *c = consoles;

	while (c && c->domid != domid)
		c = c->next;
	return c;
}

static char *read_node(unsigned int domid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, name);
	return xs_read(store, XBT_NULL, path, NULL);
}

/* -1: not there, or no number. */
static long read_number(unsigned int domid, const char *name)
{
	char *text = read_node(domid, name), *end;
	long n = -1;

	if (text && *text) {
		n = strtol(text, &end, 10);
		n = *end || n < 0 ? -1 : n;
	}
	free(text);
	return n;
}

static bool is_ours(unsigned int domid)
{
	char *type = read_node(domid, "console/type");
	bool ours = !type || !strcmp(type, "xenconsoled");

	free(type);
	return ours;
}

/* The pty's name goes to the store when the guest can be heard, not earlier: clients wait for it. */
static void publish_tty(struct console *c)
{
	char path[64], tty[64];

	if (c->tty_fd >= 0 || !reader_make_pty(c, tty, sizeof(tty)))
		return;
	snprintf(path, sizeof(path), "/local/domain/%u/console/tty", c->domid);
	if (!xs_write(store, XBT_NULL, path, tty, strlen(tty)))
		log_line("%s cannot be written: %s", path, strerror(errno));
}

static void open_log(struct console *c)
{
	char *name, *file;

	if (c->log.path || !options.log_guest)
		return;
	name = read_node(c->domid, "name");
	if (asprintf(&file, "guest-%s", name && *name ? name : "?") >= 0) {
		log_open(&c->log, file, options.stamp_guest);
		free(file);
	}
	free(name);
}

/*
 * A number that was released and introduced again between two looks is a new domain, which must not hear of the one
 * before; nor may who listened to that one hear it.
 */
static void forget_last_life(struct console *c)
{
	char *life = read_node(c->domid, "vm");

	if (life && c->life && strcmp(life, c->life)) {
		ring_disconnect(c);
		readers_close(c);
		log_close(&c->log);
		memset(&c->output, 0, sizeof(c->output));
	}
	if (life) {
		free(c->life);
		c->life = life;
	}
}

static void refresh(struct console *c)
{
	long frame = read_number(c->domid, "console/ring-ref"), port = read_number(c->domid, "console/port");

	if (frame < 0 || port < 0 || !is_ours(c->domid))
		return;
	forget_last_life(c);
	open_log(c);
	if (!ring_connect(c, frame, port))
		return;
	publish_tty(c);
	ring_serve(c);
}

static void watch_console(unsigned int domid, bool on)
{
	char path[64], token[16];

	snprintf(path, sizeof(path), "/local/domain/%u/console", domid);
	snprintf(token, sizeof(token), "%u", domid);
	if (on)
		xs_watch(store, path, token);
	else
		xs_unwatch(store, path, token);
}

static struct console *console_new(unsigned int domid)
{
	struct console *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->domid = domid;
	c->port = c->tty_fd = c->log.fd = -1;
	c->next = consoles;
	consoles = c;
	watch_console(domid, true);	/* its first event comes at once: refresh() */
	return c;
}

static void console_free(struct console *c)
{
	watch_console(c->domid, false);
	ring_serve(c);			/* its last words */
	ring_disconnect(c);
	readers_close(c);
	log_close(&c->log);
	free(c->life);
	free(c);
}

static void remove_unseen(void)
{
	for (struct console **at = &consoles, *c = *at; c; c = *at) {
		if (c->seen) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		console_free(c);
	}
}

static bool is_introduced(unsigned int domid)
{
	return domid && xs_is_domain_introduced(store, domid);
}

/* Who is new? Only unknown numbers cost a question each. */
static void find_new(void)
{
	unsigned int n = 0;
	char **list = xs_directory(store, XBT_NULL, "/local/domain", &n);

	for (unsigned int i = 0; list && i < n; i++) {
		unsigned int domid = strtoul(list[i], NULL, 10);

		if (!console_find(domid) && is_introduced(domid))
			console_new(domid);
	}
	free(list);
}

static void lives(unsigned int domid)
{
	struct console *c = console_find(domid);

	if (c)
		c->seen = true;
}

/* The store would have to be asked of each. */
static void find_gone(void)
{
	struct console *c;

	for (c = consoles; c; c = c->next)
		c->seen = false;
	if (!hypervisor_each_domain(lives))
		for (c = consoles; c; c = c->next)
			c->seen = is_introduced(c->domid);
	remove_unseen();
}

static bool is_own_node(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && !strcmp(path + len - 4, "/tty");
}

static void handle_event(const char *path, const char *token)
{
	struct console *c;

	if (!strcmp(path, "@introduceDomain")) {
		find_new();
	} else if (!strcmp(path, "@releaseDomain")) {
		find_gone();
	} else if (!is_own_node(path)) {
		c = console_find(strtoul(token, NULL, 10));
		if (c)
			refresh(c);
	}
}

static void store_ready(struct source *s, uint32_t events)
{
	char **event;

	(void)s, (void)events;
	while ((event = xs_check_watch(store))) {
		handle_event(event[XS_WATCH_PATH], event[XS_WATCH_TOKEN]);
		free(event);
	}
	if (errno != EAGAIN) {
		log_line("the store is gone: %s", strerror(errno));
		exit(1);
	}
}

bool domains_open(void)
{
	static struct source source = { store_ready };

	store = xs_open(0);
	if (!store)
		return false;
	loop_watch(xs_fileno(store), &source, EPOLLIN);
	return xs_watch(store, "@introduceDomain", "@") && xs_watch(store, "@releaseDomain", "@");
}

void domains_close(void)
{
	for (struct console *c = consoles; c; c = c->next)
		c->seen = false;
	remove_unseen();
}

// SPDX-License-Identifier: GPL-2.0-only
/* Store, event channels and pages for xenconsoled: see fake.h. A domain's local port is PORT + its number. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <xen/sysctl.h>
#include <xen/xen.h>
#include <xencall.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "fake.h"

struct fake *fake;
static int watch_fd[2], event_fd[2];	/* [0] is the daemon's */
static char handle;

void fake_init(void)
{
	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fake == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, watch_fd) || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, event_fd))
		abort();
}

/* --- store ------------------------------------------------------------------------------------------------------------ */

static struct node *find(const char *path, bool make)
{
	for (struct node *n = fake->node; n < fake->node + NODES; n++) {
		if (!strcmp(n->path, path))
			return n;
		if (!*n->path && !make)
			return NULL;
		if (!*n->path) {
			strcpy(n->path, path);
			return n;
		}
	}
	abort();
}

static void tell(const char *path, const char *token)
{
	char message[128] = { 0 };

	strcpy(message, path);
	strcpy(message + 64, token);
	if (send(watch_fd[1], message, sizeof(message), 0) < 0)
		abort();
}

static void changed(const char *path)
{
	unsigned int domid;
	char rest[16], token[16];

	if (sscanf(path, "/local/domain/%u/%7[a-z]", &domid, rest) != 2 || strcmp(rest, "console") || !fake->watched[domid])
		return;
	sprintf(token, "%u", domid);
	tell(path, token);
}

static void set(const char *path, const char *value)
{
	snprintf(find(path, true)->value, sizeof(fake->node->value), "%s", value);
	changed(path);
}

void fake_write(const char *value, const char *format, ...)
{
	char path[48];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	set(path, value);
}

const char *fake_read(const char *format, ...)
{
	struct node *n;
	char path[48];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	n = find(path, false);
	return n ? n->value : "";
}

void fake_special(const char *name)
{
	tell(name, "@");
}

struct xs_handle *xs_open(unsigned long flags)
{
	(void)flags;
	return (void *)&handle;
}

int xs_fileno(struct xs_handle *h)
{
	(void)h;
	return watch_fd[0];
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
	const char *value = fake_read("%s", path);

	(void)h, (void)t, (void)len;
	return *value ? strdup(value) : NULL;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data, unsigned int len)
{
	char value[48];

	(void)h, (void)t;
	snprintf(value, sizeof(value), "%.*s", (int)len, (const char *)data);
	set(path, value);
	return true;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num)
{
	char **list = calloc(1, DOMAINS * (sizeof(char *) + 8)), *text = (char *)(list + DOMAINS);

	(void)h, (void)t, (void)path;
	*num = 0;
	for (unsigned int d = 0; d < DOMAINS; d++)
		if (fake->introduced[d]) {
			list[(*num)++] = text;
			text += sprintf(text, "%u", d) + 1;
		}
	return list;
}

bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid)
{
	(void)h;
	fake->questions++;
	return domid < DOMAINS && fake->introduced[domid];
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	(void)h;
	if (*path != '@')
		fake->watched[atoi(token)] = true;
	tell(path, token);
	return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	(void)h, (void)path;
	fake->watched[atoi(token)] = false;
	return true;
}

char **xs_check_watch(struct xs_handle *h)
{
	char **event = malloc(2 * sizeof(char *) + 128), *message = (char *)(event + 2);

	(void)h;
	if (recv(watch_fd[0], message, 128, MSG_DONTWAIT) != 128) {
		free(event);
		errno = EAGAIN;
		return NULL;
	}
	event[XS_WATCH_PATH] = message;
	event[XS_WATCH_TOKEN] = message + 64;
	return event;
}

/* --- event channels --------------------------------------------------------------------------------------------------- */

static void deliver(unsigned int domid)
{
	uint32_t port = PORT + domid;

	if (send(event_fd[1], &port, sizeof(port), 0) < 0)
		abort();
}

void fake_raise(unsigned int domid)
{
	__atomic_store_n(&fake->pending[domid], true, __ATOMIC_SEQ_CST);
	if (fake->bound[domid] && !__atomic_exchange_n(&fake->masked[domid], true, __ATOMIC_SEQ_CST)) {
		__atomic_store_n(&fake->pending[domid], false, __ATOMIC_SEQ_CST);
		deliver(domid);
	}
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger, (void)flags;
	return (void *)&handle;
}

int xenevtchn_fd(xenevtchn_handle *h)
{
	(void)h;
	return event_fd[0];
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t domid, evtchn_port_t port)
{
	(void)h, (void)port;
	fake->bound[domid] = true;
	fake->masked[domid] = false;
	return PORT + domid;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *h, unsigned int virq)
{
	(void)h, (void)virq;
	return -1;
}

int xenevtchn_unbind(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)h;
	fake->bound[port - PORT] = false;
	return 0;
}

int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
	unsigned int domid = port - PORT;

	(void)h;
	__atomic_store_n(&fake->masked[domid], false, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&fake->pending[domid], false, __ATOMIC_SEQ_CST))
		fake_raise(domid);
	return 0;
}

int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)h;
	__atomic_add_fetch(&fake->told[port - PORT], 1, __ATOMIC_SEQ_CST);
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
	uint32_t port;

	(void)h;
	return recv(event_fd[0], &port, sizeof(port), MSG_DONTWAIT) == sizeof(port) ? (int)port : -1;
}

/* --- pages and the rest ----------------------------------------------------------------------------------------------- */

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger, (void)flags;
	return (void *)&handle;
}

void *xengnttab_map_grant_ref(xengnttab_handle *h, uint32_t domid, uint32_t ref, int prot)
{
	(void)h, (void)ref, (void)prot;
	fake->mapped++;
	return &fake->page[domid];
}

int xengnttab_unmap(xengnttab_handle *h, void *page, uint32_t n)
{
	(void)h, (void)page, (void)n;
	fake->mapped--;
	return 0;
}

xenforeignmemory_handle *xenforeignmemory_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger, (void)flags;
	return NULL;
}

void *xenforeignmemory_map(xenforeignmemory_handle *h, uint32_t domid, int prot, size_t pages, const xen_pfn_t arr[], int err[])
{
	(void)h, (void)domid, (void)prot, (void)pages, (void)arr, (void)err;
	return NULL;
}

int xenforeignmemory_unmap(xenforeignmemory_handle *h, void *addr, size_t pages)
{
	(void)h, (void)addr, (void)pages;
	return -1;
}

xencall_handle *xencall_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger, (void)flags;
	return fake->no_hypercalls ? NULL : (xencall_handle *)&handle;
}

void *xencall_alloc_buffer(xencall_handle *h, size_t size)
{
	(void)h;
	return malloc(size);
}

/* The list of domains, and nothing else. */
int xencall1(xencall_handle *h, unsigned int number, uint64_t arg)
{
	struct xen_sysctl *op = (void *)arg;
	struct xen_domctl_getdomaininfo *list;
	uint32_t d, n = 0;

	(void)h;
	if (number != __HYPERVISOR_sysctl || op->cmd != XEN_SYSCTL_getdomaininfolist)
		return -1;
	list = (void *)op->u.getdomaininfolist.buffer.p;
	for (d = op->u.getdomaininfolist.first_domain; d < DOMAINS; d++)
		if (fake->introduced[d] && n < op->u.getdomaininfolist.max_domains)
			list[n++] = (struct xen_domctl_getdomaininfo){ .domain = d };
	op->u.getdomaininfolist.num_domains = n;
	return 0;
}

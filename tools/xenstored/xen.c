// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels, mapped pages and the list of domains.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xencall.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xen/domctl.h>
#include <xen/grant_table.h>
#include <xen/io/xs_wire.h>
#include <xen/sysctl.h>

#include "blob.h"
#include "log.h"
#include "xen.h"

/* The kernel's device that hands over its own ring. */
#define BACKEND_DEVICE	"/dev/xen/xenbus_backend"
#define BACKEND_EVTCHN	_IOC(_IOC_NONE, 'B', 0, 0)

enum { LIST_BATCH = 128, PAGE = 4096 };

static xenevtchn_handle *evtchn;
static xengnttab_handle *gnttab;
static xenforeignmemory_handle *foreign;
static xencall_handle *calls;
static int news_port = -1;

/* How each mapped page has to be unmapped: only the few that are no grants are remembered. */
static struct xenstore_domain_interface *own_ring;
struct foreign_ring {
	void *page;
	struct foreign_ring *next;
};
static struct foreign_ring *foreign_rings;

bool xen_open(int evtchn_fd, int port)
{
	evtchn = evtchn_fd < 0 ? xenevtchn_open(NULL, XENEVTCHN_NO_CLOEXEC) : xenevtchn_fdopen(NULL, evtchn_fd, 0);
	if (!evtchn) {
		log_line("cannot open the event channel device: %m");
		return false;
	}
	fcntl(xenevtchn_fd(evtchn), F_SETFL, O_NONBLOCK);
	gnttab = xengnttab_open(NULL, 0);
	foreign = xenforeignmemory_open(NULL, 0);
	calls = xencall_open(NULL, 0);
	if (!calls)
		log_line("no hypercalls: domains that die will not be noticed: %m");
	news_port = evtchn_fd < 0 ? xenevtchn_bind_virq(evtchn, VIRQ_DOM_EXC) : port;
	if (news_port < 0)
		log_line("cannot bind to the end of domains: %m");
	return true;
}

bool xen_is_open(void)
{
	return evtchn;
}

int xen_events_fd(void)
{
	return evtchn ? xenevtchn_fd(evtchn) : -1;
}

int xen_next_event(void)
{
	int port = xenevtchn_pending(evtchn);

	if (port >= 0)
		xenevtchn_unmask(evtchn, port);
	return port;
}

int xen_news_port(void)
{
	return news_port;
}

int xen_bind(uint32_t domid, uint32_t remote_port)
{
	return evtchn ? xenevtchn_bind_interdomain(evtchn, domid, remote_port) : -1;
}

void xen_unbind(int port)
{
	if (evtchn && port >= 0)
		xenevtchn_unbind(evtchn, port);
}

void xen_notify(int port)
{
	if (evtchn && port >= 0)
		xenevtchn_notify(evtchn, port);
}

/* --- ring pages --------------------------------------------------------------------------------------------------- */

static void *map_foreign(uint32_t domid, xen_pfn_t mfn)
{
	struct foreign_ring *f;
	void *page;
	int err = 0;

	page = foreign ? xenforeignmemory_map(foreign, domid, PROT_READ | PROT_WRITE, 1, &mfn, &err) : NULL;
	if (page && err) {
		xenforeignmemory_unmap(foreign, page, 1);
		errno = -err;
		page = NULL;
	}
	if (!page)
		return NULL;
	f = xalloc(sizeof(*f));
	*f = (struct foreign_ring){ page, foreign_rings };
	foreign_rings = f;
	return page;
}

struct xenstore_domain_interface *xen_map_ring(uint32_t domid, uint64_t mfn)
{
	void *page = NULL;

	if (gnttab)
		page = xengnttab_map_grant_ref(gnttab, domid, GNTTAB_RESERVED_XENSTORE, PROT_READ | PROT_WRITE);
	return page ? page : map_foreign(domid, mfn);
}

static bool unmap_foreign(void *page)
{
	for (struct foreign_ring **p = &foreign_rings, *f; (f = *p); p = &f->next) {
		if (f->page != page)
			continue;
		xenforeignmemory_unmap(foreign, page, 1);
		*p = f->next;
		free(f);
		return true;
	}
	return false;
}

void xen_unmap_ring(struct xenstore_domain_interface *ring)
{
	if (ring == own_ring)
		munmap(ring, PAGE);
	else if (!unmap_foreign(ring))
		xengnttab_unmap(gnttab, ring, 1);
}

static void *map_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *page;

	if (fd < 0)
		return NULL;
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

static long backend_port(void)
{
	int fd = open(BACKEND_DEVICE, O_RDWR | O_CLOEXEC), port;

	if (fd < 0)
		return -1;
	port = ioctl(fd, BACKEND_EVTCHN, NULL);
	close(fd);
	return port;
}

static long xenfs_port(void)
{
	int fd = open("/proc/xen/xsd_port", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? atol(text) : -1;
}

struct xenstore_domain_interface *xen_map_own_ring(uint32_t *remote_port)
{
	long port = backend_port();

	own_ring = port > 0 ? map_file(BACKEND_DEVICE) : NULL;
	if (!own_ring) {
		port = xenfs_port();
		own_ring = port > 0 ? map_file("/proc/xen/xsd_kva") : NULL;
	}
	*remote_port = port;
	return own_ring;
}

/* --- domains ------------------------------------------------------------------------------------------------------ */

static enum domain_state state_of(const struct xen_domctl_getdomaininfo *info)
{
	if (info->flags & XEN_DOMINF_dying)
		return DOMAIN_GONE;
	return info->flags & XEN_DOMINF_shutdown ? DOMAIN_SHUTDOWN : DOMAIN_ALIVE;
}

/* Ask for up to @max domains from number @first on. Returns how many came, -1 when the hypervisor does not tell. */
static int list_domains(uint32_t first, struct xen_domctl_getdomaininfo *info, uint32_t max)
{
	struct xen_sysctl *op;
	void *buf;
	int n = -1;

	if (!calls)
		return -1;
	op = xencall_alloc_buffer(calls, sizeof(*op));
	buf = xencall_alloc_buffer(calls, max * sizeof(*info));
	if (op && buf) {
		memset(op, 0, sizeof(*op));
		op->cmd = XEN_SYSCTL_getdomaininfolist;
		op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
		op->u.getdomaininfolist.first_domain = first;
		op->u.getdomaininfolist.max_domains = max;
		set_xen_guest_handle_raw(op->u.getdomaininfolist.buffer, buf);
		if (!xencall1(calls, __HYPERVISOR_sysctl, (uintptr_t)op)) {
			n = op->u.getdomaininfolist.num_domains;
			memcpy(info, buf, n * sizeof(*info));
		}
	}
	xencall_free_buffer(calls, buf);
	xencall_free_buffer(calls, op);
	return n;
}

enum domain_state xen_domain_state(uint32_t domid)
{
	struct xen_domctl_getdomaininfo info;
	int n = list_domains(domid, &info, 1);

	if (n < 0)
		return DOMAIN_ALIVE;
	return n == 1 && info.domain == domid ? state_of(&info) : DOMAIN_GONE;
}

bool xen_each_domain(void (*fn)(uint32_t domid, enum domain_state state, void *arg), void *arg)
{
	static struct xen_domctl_getdomaininfo info[LIST_BATCH];
	uint32_t first = 0;
	int n;

	do {
		n = list_domains(first, info, LIST_BATCH);
		for (int i = 0; i < n; i++)
			fn(info[i].domain, state_of(&info[i]), arg);
		if (n > 0)
			first = info[n - 1].domain + 1;
	} while (n == LIST_BATCH);
	return n >= 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine without hypervisor, as far as a xenstored can tell: preloaded, this answers for the libxen* libraries, so
 * that the unmodified program, ours or another one's, serves domains that a test plays.
 *
 * All is in the folder $FAKE_XEN:
 *	ring-DOMID	the page that the domain shares (ring-0 is the kernel's own)
 *	domain-DOMID	exists while the domain does; says "alive", "shutdown" or "dying"
 *	daemon		datagram socket: a test sends a local port number to raise its event
 *	guest-DOMID	datagram socket of the test: gets a byte for each event of that domain
 * A domain's local port is 1000 + DOMID, the port of the news of domains' ends is 1.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/grant_table.h>
#include <xen/sysctl.h>
#include <xenctrl.h>

enum { NEWS_PORT = 1, PORTS = 1000, PAGE = 4096, DOMAINS = 64 };

static int events = -1;
static int handle;

static void file_name(char *buf, const char *what, int domid)
{
	sprintf(buf, "%s/%s%.0d", getenv("FAKE_XEN"), what, domid);
	if (domid == 0 && what[strlen(what) - 1] == '-')
		strcat(buf, "0");
}

/* --- files of the kernel ------------------------------------------------------------------------------------------ */

int open(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	char name[200];
	va_list args;
	int mode;

	if (!real)
		real = dlsym(RTLD_NEXT, "open");
	va_start(args, flags);
	mode = va_arg(args, int);
	va_end(args);
	if (!strcmp(path, "/proc/xen/xsd_kva")) {
		file_name(name, "ring-", 0);
		path = name;
	} else if (!strcmp(path, "/proc/xen/xsd_port")) {
		file_name(name, "xsd_port", 0);
		path = name;
	} else if (!strncmp(path, "/dev/xen/", 9)) {
		errno = ENOENT;
		return -1;
	}
	return real(path, flags, mode);
}

/* --- event channels ----------------------------------------------------------------------------------------------- */

static struct sockaddr_un address(const char *what, int domid)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	file_name(addr.sun_path, what, domid);
	return addr;
}

void *xenevtchn_open(void *logger, unsigned int flags)
{
	struct sockaddr_un addr = address("daemon", 0);

	(void)logger;
	(void)flags;
	unlink(addr.sun_path);
	events = socket(AF_UNIX, SOCK_DGRAM, 0);
	return bind(events, (struct sockaddr *)&addr, sizeof(addr)) ? NULL : &handle;
}

void *xenevtchn_fdopen(void *logger, int fd, unsigned int flags)
{
	(void)logger;
	(void)flags;
	events = fd;
	return &handle;
}

int xenevtchn_fd(void *h)
{
	(void)h;
	return events;
}

int xenevtchn_bind_virq(void *h, unsigned int virq)
{
	(void)h;
	(void)virq;
	return NEWS_PORT;
}

int xenevtchn_bind_interdomain(void *h, uint32_t domid, uint32_t port)
{
	(void)h;
	(void)port;
	return PORTS + domid;
}

int xenevtchn_unbind(void *h, uint32_t port)
{
	(void)h;
	(void)port;
	return 0;
}

int xenevtchn_unmask(void *h, uint32_t port)
{
	(void)h;
	(void)port;
	return 0;
}

int xenevtchn_notify(void *h, uint32_t port)
{
	struct sockaddr_un addr = address("guest-", port - PORTS);

	(void)h;
	sendto(events, "", 1, MSG_DONTWAIT, (struct sockaddr *)&addr, sizeof(addr));
	return 0;
}

int xenevtchn_pending(void *h)
{
	uint32_t port;

	(void)h;
	return recv(events, &port, sizeof(port), 0) == sizeof(port) ? (int)port : -1;
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

void *xengnttab_open(void *logger, unsigned int flags)
{
	(void)logger;
	(void)flags;
	return &handle;
}

int xengnttab_set_max_grants(void *h, uint32_t n)
{
	(void)h;
	(void)n;
	return 0;
}

void *xengnttab_map_grant_ref(void *h, uint32_t domid, uint32_t ref, int prot)
{
	char name[200];
	void *page;
	int fd;

	(void)h;
	file_name(name, "ring-", domid);
	fd = open(name, O_RDWR);
	if (fd < 0 || ref != GNTTAB_RESERVED_XENSTORE)
		return NULL;
	page = mmap(NULL, PAGE, prot, MAP_SHARED, fd, 0);
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

int xengnttab_unmap(void *h, void *page, uint32_t n)
{
	(void)h;
	return munmap(page, n * PAGE);
}

int xengnttab_close(void *h)
{
	(void)h;
	return 0;
}

void *xenforeignmemory_open(void *logger, unsigned int flags)
{
	(void)logger;
	(void)flags;
	return NULL;
}

/* --- domains ------------------------------------------------------------------------------------------------------ */

static bool domain_flags(uint32_t domid, uint32_t *flags)
{
	char name[200], state[16] = "";
	FILE *f;

	file_name(name, "domain-", domid);
	f = fopen(name, "r");
	if (!f)
		return domid == 0;
	if (fscanf(f, "%15s", state) != 1)
		*state = 0;
	fclose(f);
	*flags = !strcmp(state, "dying") ? XEN_DOMINF_dying : !strcmp(state, "shutdown") ? XEN_DOMINF_shutdown : 0;
	return true;
}

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild, unsigned int flags)
{
	(void)logger;
	(void)dombuild;
	(void)flags;
	return (void *)&handle;
}

int xc_interface_close(xc_interface *h)
{
	(void)h;
	return 0;
}

int xc_domain_getinfo(xc_interface *h, uint32_t first, unsigned int max, xc_dominfo_t *info)
{
	uint32_t flags = 0;

	(void)h;
	(void)max;
	memset(info, 0, sizeof(*info));
	if (!domain_flags(first, &flags))
		return 0;
	info->domid = first;
	info->dying = !!(flags & XEN_DOMINF_dying);
	info->shutdown = !!(flags & XEN_DOMINF_shutdown);
	return 1;
}

void *xencall_open(void *logger, unsigned int flags)
{
	(void)logger;
	(void)flags;
	return &handle;
}

void *xencall_alloc_buffer(void *h, size_t len)
{
	(void)h;
	return malloc(len);
}

void xencall_free_buffer(void *h, void *p)
{
	(void)h;
	free(p);
}

int xencall1(void *h, unsigned int nr, uint64_t arg)
{
	struct xen_sysctl *op = (void *)(uintptr_t)arg;
	struct xen_domctl_getdomaininfo info, *out;
	uint32_t n = 0, flags = 0;

	(void)h;
	if (nr != __HYPERVISOR_sysctl || op->cmd != XEN_SYSCTL_getdomaininfolist ||
	    op->interface_version != XEN_SYSCTL_INTERFACE_VERSION) {
		errno = ENOSYS;
		return -1;
	}
	out = op->u.getdomaininfolist.buffer.p;
	for (uint32_t d = op->u.getdomaininfolist.first_domain; d < DOMAINS; d++) {
		if (n == op->u.getdomaininfolist.max_domains || !domain_flags(d, &flags))
			continue;
		info = (struct xen_domctl_getdomaininfo){ .domain = d, .flags = flags };
		out[n++] = info;
	}
	op->u.getdomaininfolist.num_domains = n;
	return 0;
}

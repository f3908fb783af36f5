// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each call of /dev/xen/evtchn, its errors and its rights. Both ends of each channel are in this domain: an event that is
 * notified at one comes out of the file of the other, once, and again only after it was unmasked by writing it back.
 */
#include <limits.h>

#include "port.h"

enum { QUIET = 100, SOON = 5000 };	/* milliseconds: nothing may come; something must come */

static void events(void)
{
	int a_file = node_open(EVTCHN_NODE), b_file = node_open(EVTCHN_NODE), a, b;

	if (!check(port_pair(a_file, b_file, &a, &b) == 0, "a channel from this domain to itself"))
		tap_bail_out("no channel");
	check(!port_readable(a_file, QUIET) || port_next(a_file, 0) == (unsigned int)a,
	      "at first nothing is pending but, at most, the event of binding");
	port_unmask(a_file, a);
	while (port_next(b_file, QUIET))
		port_unmask(b_file, b);

	check(port_notify(a_file, a) == 0, "notify");
	check(port_next(b_file, SOON) == (unsigned int)b, "the event comes at the other end, under that end's number");
	check(port_notify(a_file, a) == 0 && !port_readable(b_file, QUIET), "it does not come again before it is unmasked");
	check(port_unmask(b_file, b), "unmask by writing it");
	check(port_next(b_file, SOON) == (unsigned int)b, "then the event that came in between is there");
	port_unmask(b_file, b);
	check(port_notify(b_file, b) == 0 && port_next(a_file, SOON) == (unsigned int)a, "the other direction");
	port_unmask(a_file, a);

	check(port_notify(a_file, a) == 0 && port_readable(b_file, SOON), "an event is pending");
	check(ioctl(b_file, IOCTL_EVTCHN_RESET, 0) == 0 && !port_readable(b_file, QUIET), "reset empties the file");
	port_unmask(b_file, b);
	check(port_notify(a_file, a) == 0 && port_next(b_file, SOON) == (unsigned int)b, "and the channel goes on");

	check(port_unbind(a_file, a) == 0, "unbind");
	check_fails(port_notify(a_file, a), ENOTCONN, "an unbound port cannot be notified");
	check_fails(port_unbind(a_file, a), ENOTCONN, "nor be unbound again");
	close(a_file);
	close(b_file);
}

static void reading_and_writing(void)
{
	int fd = node_open(EVTCHN_NODE), other = node_open(EVTCHN_NODE), a, b;
	evtchn_port_t ports[4] = { 0 };

	check(port_pair(other, fd, &a, &b) == 0, "a channel");
	while (port_next(fd, QUIET))
		port_unmask(fd, b);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	check_fails(read(fd, ports, sizeof(ports)), EAGAIN, "a file that may not wait has nothing to read");
	check(read(fd, ports, 3) == 0, "less than a port is nothing");
	check(write(fd, ports, 3) == 0, "less than a port is nothing, writing too");
	ports[0] = UINT_MAX;
	ports[1] = a;
	check(write(fd, ports, 8) == 8, "ports of others and ports that do not exist are passed over");
	check_fails(write(fd, node_nowhere, 4), EFAULT, "writing from nowhere");
	port_notify(other, a);
	check(port_readable(fd, SOON), "an event");
	check_fails(read(fd, node_nowhere, 4), EFAULT, "reading to nowhere");
	check(read(fd, ports, sizeof(ports)) == 4 && ports[0] == (unsigned int)b, "and the event is not lost by that");
	close(fd);
	close(other);
}

static void bad_arguments(void)
{
	static const unsigned int calls[] = {
		IOCTL_EVTCHN_BIND_VIRQ, IOCTL_EVTCHN_BIND_INTERDOMAIN, IOCTL_EVTCHN_BIND_UNBOUND_PORT,
		IOCTL_EVTCHN_UNBIND, IOCTL_EVTCHN_NOTIFY, IOCTL_EVTCHN_RESTRICT_DOMID,
	};
	int fd = node_open(EVTCHN_NODE), other = node_open(EVTCHN_NODE), a, b;
	unsigned int i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		check_fails(ioctl(fd, calls[i], node_nowhere), EFAULT, "call %u with an argument at no address", _IOC_NR(calls[i]));
	check_fails(ioctl(fd, _IO('E', 99), 0), ENOSYS, "a call that does not exist");
	check_fails(port_unbind(fd, UINT_MAX), EINVAL, "unbind a port beyond all");
	check_fails(port_unbind(fd, 1), ENOTCONN, "unbind a port of somebody else");
	check_fails(port_notify(fd, UINT_MAX), ENOTCONN, "notify a port beyond all");
	check_fails(port_notify(fd, 0), ENOTCONN, "notify port 0");
	check_fails(port_virq(fd, 9999), EINVAL, "bind a virtual interrupt that does not exist");
	check_fails(port_interdomain(fd, 0x7ff5, 1), ESRCH, "a channel to a domain that cannot exist");
	check_fails(port_interdomain(fd, DOMID_SELF, 0), EINVAL, "a channel to port 0");
	check(port_pair(fd, fd, &a, &b) == 0, "both ends in one file");
	check_fails(port_interdomain(fd, DOMID_SELF, a), EINVAL, "a channel to an end that is taken");
	check_fails(port_notify(other, a), ENOTCONN, "another file's port cannot be notified");
	check_fails(port_unbind(other, a), ENOTCONN, "nor be unbound");
	close(fd);
	check_fails(port_interdomain(other, DOMID_SELF, a), EINVAL, "closing the file closes its ports");
	close(other);
}

/* A restricted file reaches one domain and no more; nothing widens it again. */
static void restriction(void)
{
	int fd = node_open(EVTCHN_NODE), other = node_open(EVTCHN_NODE), a, b;

	check(port_pair(fd, other, &a, &b) == 0, "a channel made before");
	check_fails(port_restrict(fd, 0), EINVAL, "restriction to Domain0 is none");
	check_fails(port_restrict(fd, DOMID_SELF), EINVAL, "nor is one to a reserved number");
	check(port_restrict(fd, 1234) == 0, "restrict to a domain");
	check_fails(port_restrict(fd, 1235), EACCES, "not again to another one");
	check_fails(port_virq(fd, VIRQ_XENOPROF), EACCES, "no virtual interrupts");
	check_fails(port_unbound(fd, 1234), EACCES, "no ports to be bound to");
	check_fails(port_interdomain(fd, DOMID_SELF, 1), EACCES, "no channels to others");
	check_fails(port_interdomain(fd, 1234, 1), ESRCH, "that domain may be asked (it does not exist)");
	while (port_next(other, QUIET))
		port_unmask(other, b);
	check(port_notify(fd, a) == 0 && port_next(other, SOON) == (unsigned int)b, "what was bound before goes on");
	close(fd);
	close(other);
}

static void virtual_interrupts(void)
{
	int fd = node_open(EVTCHN_NODE), other = node_open(EVTCHN_NODE), port;

	port = port_virq(fd, VIRQ_XENOPROF);
	if (!check(port > 0, "bind a virtual interrupt"))
		return;
	check_fails(port_virq(other, VIRQ_XENOPROF), EEXIST, "it can be bound once");
	close(fd);
	port = port_virq(other, VIRQ_XENOPROF);
	check(port > 0, "and once more when the first file is closed");
	close(other);
}

/* There is no limit to a file's ports but the domain's, and room for one event of each. */
static void many_ports(void)
{
	enum { PAIRS = 450 };
	int fd = node_open(EVTCHN_NODE), other = node_open(EVTCHN_NODE), i, made, came = 0;
	static int a[PAIRS], b[PAIRS];
	static char seen[1 << 17];
	evtchn_port_t ports[512];
	ssize_t got;

	for (made = 0; made < PAIRS; made++)
		if (port_pair(other, fd, &a[made], &b[made]))
			break;
	check(made == PAIRS, "%d channels of one file", PAIRS);
	while (port_readable(fd, QUIET)) {
		got = read(fd, ports, sizeof(ports));
		if (got <= 0 || write(fd, ports, got) != got)
			break;
	}
	for (i = 0; i < made; i++)
		port_notify(other, a[i]);
	while (came < made && port_readable(fd, SOON)) {
		got = read(fd, ports, sizeof(ports));
		for (i = 0; i < got / 4; i++)
			if (ports[i] < sizeof(seen) && !seen[ports[i]]++)
				came++;
	}
	check(came == made, "one event from each of them, %d came", came);
	for (i = 0; i < made && seen[b[i]] == 1; i++)
		;
	check(i == made, "under their own numbers");
	close(fd);
	close(other);
}

int main(void)
{
	tap_start();
	close(node_open(EVTCHN_NODE));
	node_check_rights(EVTCHN_NODE);
	events();
	reading_and_writing();
	bad_arguments();
	restriction();
	virtual_interrupts();
	many_ports();
	tap_finish();
}

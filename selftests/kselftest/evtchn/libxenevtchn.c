// SPDX-License-Identifier: GPL-2.0-only
/* The stable library on the node, as programs use it: bind, notify, wait, unmask, restrict. */
#include <poll.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xen/xen.h>

#include "../node.h"

static int pending_soon(xenevtchn_handle *handle)
{
	struct pollfd pollfd = { .fd = xenevtchn_fd(handle), .events = POLLIN };

	return poll(&pollfd, 1, 5000) == 1 ? xenevtchn_pending(handle) : -1;
}

int main(void)
{
	xenevtchn_handle *one, *two;
	int a, b, came;

	tap_start();
	close(node_open("/dev/xen/evtchn"));
	one = xenevtchn_open(NULL, 0);
	two = xenevtchn_open(NULL, 0);
	if (!check(one && two, "open"))
		tap_bail_out("xenevtchn_open");
	a = xenevtchn_bind_unbound_port(one, DOMID_SELF);
	check(a > 0, "an unbound port");
	b = xenevtchn_bind_interdomain(two, DOMID_SELF, a);
	check(b > 0, "a channel to it");
	check(xenevtchn_notify(two, b) == 0, "notify");
	came = pending_soon(one);
	check(came == a, "the event is pending at the other end");
	check(xenevtchn_unmask(one, a) == 0, "unmask");
	check(xenevtchn_notify(two, b) == 0 && pending_soon(one) == a, "again");
	check(xenevtchn_unbind(one, a) == 0, "unbind");
	check(xenevtchn_restrict(two, 77) == 0, "restrict");
	check_fails(xenevtchn_bind_unbound_port(two, DOMID_SELF), EACCES, "a restricted handle makes no new ports");
	check(xenevtchn_close(one) == 0 && xenevtchn_close(two) == 0, "close");
	tap_finish();
}

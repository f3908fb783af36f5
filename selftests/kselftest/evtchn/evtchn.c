// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/evtchn: each ioctl, its errors, what read(), write(), poll() and SIGIO promise, many ports, many threads.
 *
 * Needs no second domain: a port that this domain leaves open towards itself, and another one bound to it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "../kselftest.h"

typedef uint16_t domid_t;
#include <xen/evtchn.h>

#define DOMID_SELF 0x7ff0
#define NODE "/dev/xen/evtchn"
#define MANY 450
#define THREADS 4

static int fd;
static void *volatile nowhere = (void *)8;

#define CHECK(condition, ...) ksft_test_result(condition, __VA_ARGS__)

static int open_node(void)
{
	int new = open(NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (new < 0)
		ksft_exit_fail_msg(NODE ": %s\n", strerror(errno));
	return new;
}

static int call(int node, unsigned long cmd, void *arg)
{
	int rc = ioctl(node, cmd, arg);

	return rc < 0 ? -errno : rc;
}

static int bind_unbound(int node, unsigned int domain)
{
	struct ioctl_evtchn_bind_unbound_port arg = { .remote_domain = domain };

	return call(node, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &arg);
}

static int bind_interdomain(int node, unsigned int domain, unsigned int port)
{
	struct ioctl_evtchn_bind_interdomain arg = { .remote_domain = domain, .remote_port = port };

	return call(node, IOCTL_EVTCHN_BIND_INTERDOMAIN, &arg);
}

static int unbind(int node, unsigned int port)
{
	struct ioctl_evtchn_unbind arg = { .port = port };

	return call(node, IOCTL_EVTCHN_UNBIND, &arg);
}

static int notify(int node, unsigned int port)
{
	struct ioctl_evtchn_notify arg = { .port = port };

	return call(node, IOCTL_EVTCHN_NOTIFY, &arg);
}

static int restrict_to(int node, domid_t domain)
{
	struct ioctl_evtchn_restrict_domid arg = { .domid = domain };

	return call(node, IOCTL_EVTCHN_RESTRICT_DOMID, &arg);
}

/* Waits for an event. Return: its port, or 0 when none comes within @ms. */
static unsigned int next_event(int node, int ms)
{
	struct pollfd p = { .fd = node, .events = POLLIN };
	unsigned int port;

	if (poll(&p, 1, ms) != 1 || !(p.revents & POLLIN))
		return 0;
	return read(node, &port, sizeof(port)) == sizeof(port) ? port : 0;
}

static int rearm(int node, unsigned int port)
{
	return write(node, &port, sizeof(port)) == sizeof(port);
}

static void drain(int node)
{
	unsigned int port;

	while ((port = next_event(node, 50)))
		rearm(node, port);
}

/* Two ports of ours bound to each other, quiet and armed. Return: 0 or -errno. */
static int pair(int node, int *a, int *b)
{
	*a = bind_unbound(node, DOMID_SELF);
	if (*a < 0)
		return *a;
	*b = bind_interdomain(node, DOMID_SELF, *a);
	if (*b < 0)
		return *b;
	drain(node);
	return 0;
}

static void test_bind(int *a, int *b)
{
	CHECK(pair(fd, a, b) == 0 && *a > 0 && *b > 0 && *a != *b, "a port left open is bound: %d and %d\n", *a, *b);
	CHECK(bind_interdomain(fd, DOMID_SELF, *a) < 0, "it is not bound a second time\n");
	CHECK(bind_interdomain(fd, 0x7ff4, 1) == -ESRCH, "a domain that is not there: ESRCH\n");
}

static void test_errors(int port)
{
	struct ioctl_evtchn_bind_virq virq = { .virq = 0x7fffffff };
	unsigned long bad[] = {
		IOCTL_EVTCHN_BIND_VIRQ, IOCTL_EVTCHN_BIND_INTERDOMAIN, IOCTL_EVTCHN_BIND_UNBOUND_PORT,
		IOCTL_EVTCHN_UNBIND, IOCTL_EVTCHN_NOTIFY, IOCTL_EVTCHN_RESTRICT_DOMID,
	};
	int other = open_node(), faults = 0;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		faults += call(fd, bad[i], nowhere) == -EFAULT;
	CHECK(faults == 6, "a bad pointer: EFAULT from each of the 6 calls, %d\n", faults);
	CHECK(call(fd, _IO('E', 99), NULL) == -ENOSYS, "an unknown call: ENOSYS\n");
	CHECK(call(fd, IOCTL_EVTCHN_BIND_VIRQ, &virq) < 0, "a VIRQ that is none\n");
	CHECK(unbind(fd, 0xffffffff) == -EINVAL, "unbind of no possible port: EINVAL\n");
	CHECK(unbind(other, port) == -ENOTCONN, "unbind of another file's port: ENOTCONN\n");
	CHECK(notify(other, port) == -ENOTCONN, "notify over another file's port: ENOTCONN\n");
	CHECK(lseek(fd, 0, SEEK_SET) < 0 && errno == ESPIPE, "no seeking: ESPIPE\n");
	close(other);
}

static void test_events(int a, int b)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	unsigned int two[2] = { 0, 0 };
	char byte;

	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT, "quiet: writable, not readable\n");
	CHECK(read(fd, two, sizeof(two)) < 0 && errno == EAGAIN, "nothing to read: EAGAIN\n");
	CHECK(read(fd, &byte, 1) == 0 && write(fd, &byte, 1) == 0, "less than a port: 0\n");
	CHECK(notify(fd, a) == 0 && next_event(fd, 1000) == (unsigned int)b, "notify reaches the other end\n");
	notify(fd, a);
	CHECK(next_event(fd, 100) == 0, "it does not fire again before it is written\n");
	CHECK(rearm(fd, b) && next_event(fd, 1000) == (unsigned int)b, "then what came meanwhile arrives\n");
	CHECK(rearm(fd, b) && next_event(fd, 100) == 0, "once\n");
	notify(fd, b);
	p.events = POLLIN;
	poll(&p, 1, 1000);
	CHECK(read(fd, nowhere, 4) < 0 && errno == EFAULT, "read into nowhere: EFAULT\n");
	CHECK(next_event(fd, 100) == (unsigned int)a, "and the event is still there\n");
	CHECK(write(fd, nowhere, 4) < 0 && errno == EFAULT, "write from nowhere: EFAULT\n");
	rearm(fd, a);
	two[0] = 0xfffffff0, two[1] = a;
	CHECK(write(fd, two, sizeof(two)) == sizeof(two), "ports that are not ours do no harm\n");
	notify(fd, a);
	poll(&p, 1, 1000);
	CHECK(call(fd, IOCTL_EVTCHN_RESET, NULL) == 0 && next_event(fd, 100) == 0, "reset forgets events\n");
	CHECK(rearm(fd, b) && notify(fd, a) == 0 && next_event(fd, 1000) == (unsigned int)b, "not ports\n");
	rearm(fd, b);
}

static volatile sig_atomic_t signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

static void test_sigio(int a, int b)
{
	int tries;

	signal(SIGIO, on_signal);
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
	notify(fd, a);
	for (tries = 0; !signals && tries < 100; tries++)
		usleep(10000);
	CHECK(signals == 1, "an event is signalled\n");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	CHECK(next_event(fd, 100) == (unsigned int)b && rearm(fd, b), "and read\n");
}

static void test_blocking_read(int a, int b)
{
	struct sigaction interrupt = { .sa_handler = on_signal };
	unsigned int port = 0;

	fcntl(fd, F_SETFL, 0);
	sigaction(SIGALRM, &interrupt, NULL);
	alarm(1);
	CHECK(read(fd, &port, sizeof(port)) < 0 && errno == EINTR, "a signal ends a blocking read: EINTR\n");
	notify(fd, a);
	CHECK(read(fd, &port, sizeof(port)) == sizeof(port) && port == (unsigned int)b, "an event, too\n");
	rearm(fd, b);
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void test_restrict(void)
{
	int node = open_node(), port = bind_unbound(node, DOMID_SELF);

	CHECK(restrict_to(node, 0) == -EINVAL && restrict_to(node, DOMID_SELF) == -EINVAL,
	      "restricted to Domain0 or to nobody in particular: EINVAL\n");
	CHECK(restrict_to(node, 5) == 0 && restrict_to(node, 5) == -EACCES, "restricted once: then EACCES\n");
	CHECK(bind_unbound(node, 5) == -EACCES, "no more open ports: EACCES\n");
	CHECK(bind_interdomain(node, DOMID_SELF, 1) == -EACCES, "no other domain: EACCES\n");
	CHECK(bind_interdomain(node, 5, 1) != -EACCES, "this domain, if it is there\n");
	CHECK(port > 0 && unbind(node, port) == 0, "what it had it keeps until it lets go\n");
	close(node);
}

/* Every one of many ports fires and is read exactly once, though nobody reads meanwhile. */
static void test_many(void)
{
	static int a[MANY], b[MANY];
	static unsigned char seen[1 << 18];
	unsigned int port, n, once = 0, got = 0;
	int node = open_node(), i;

	for (n = 0; n < MANY && pair(node, &a[n], &b[n]) == 0; n++)
		;
	CHECK(n == MANY, "%d pairs of ports in one file: %u\n", MANY, n);
	for (i = 0; i < (int)n; i++) {
		notify(node, a[i]);
		notify(node, b[i]);
	}
	while ((port = next_event(node, 500))) {
		once += port < sizeof(seen) && !seen[port]++;
		got++;
	}
	CHECK(got == 2 * n && once == 2 * n, "all of them fire once: %u of %u\n", once, 2 * n);
	close(node);
}

/* Far more ports than there are, one after the other. */
static void test_closing(void)
{
	int rounds, i, bound = 0;

	for (rounds = 0; rounds < 20; rounds++) {
		int node = open_node();

		for (i = 0; i < 300; i++)
			bound += bind_unbound(node, DOMID_SELF) > 0;
		close(node);
	}
	CHECK(bound == 6000, "closing a file closes its ports: %d of 6000\n", bound);
}

struct load {
	int a, b;
	unsigned int seed;
	volatile int *stop;
	unsigned long done;
};

static void *load(void *data)
{
	struct load *l = data;
	unsigned int ports[16];
	ssize_t got;
	int extra;

	while (!*l->stop) {
		switch (rand_r(&l->seed) % 4) {
		case 0:
			extra = bind_unbound(fd, DOMID_SELF);
			if (extra > 0)
				l->done += unbind(fd, extra) == 0;
			break;
		case 1:
			notify(fd, l->a);
			notify(fd, l->b);
			break;
		default:
			got = read(fd, ports, sizeof(ports));
			if (got > 0 && write(fd, ports, got) == got)
				l->done++;
		}
	}
	return NULL;
}

static void test_threads(int a, int b)
{
	pthread_t threads[THREADS];
	struct load l[THREADS];
	volatile int stop = 0;
	unsigned long done = 0;
	int i;

	for (i = 0; i < THREADS; i++) {
		l[i] = (struct load){ .a = a, .b = b, .seed = i + 1, .stop = &stop };
		pthread_create(&threads[i], NULL, load, &l[i]);
	}
	sleep(2);
	stop = 1;
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		done += l[i].done;
	}
	drain(fd);
	CHECK(done > THREADS, "%d threads on one file do %lu things\n", THREADS, done);
	rearm(fd, a);
	rearm(fd, b);
	CHECK(notify(fd, a) == 0 && next_event(fd, 1000) == (unsigned int)b, "no port was lost\n");
	rearm(fd, b);
}

int main(void)
{
	int a = 0, b = 0;

	ksft_print_header();
	if (access(NODE, F_OK))
		ksft_exit_skip("no " NODE "\n");
	ksft_set_plan(39);
	fd = open_node();
	test_bind(&a, &b);
	test_errors(a);
	test_events(a, b);
	test_sigio(a, b);
	test_blocking_read(a, b);
	test_restrict();
	test_many();
	test_closing();
	test_threads(a, b);
	CHECK(unbind(fd, a) == 0 && notify(fd, a) == -ENOTCONN, "a port unbound is not ours any more\n");
	ksft_finished();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many threads on one file of /dev/xen/evtchn: no event is lost, none comes twice, and binding, unbinding, reading and
 * closing at once hurt nobody.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>

#include "port.h"

enum { THREADS = 4, ROUNDS = 500, CHURN = 100 };

static int pinger, ponger;
static int ping[THREADS], pong[THREADS];
static volatile int failed;

/* The other end: every event of any port goes back to where it came from. */
static void *answer(void *unused)
{
	evtchn_port_t ports[THREADS];
	int left = THREADS * ROUNDS, i, n;

	while (left > 0 && !failed) {
		if (!port_readable(ponger, 10000)) {
			failed = 1;
			break;
		}
		n = read(ponger, ports, sizeof(ports)) / (int)sizeof(ports[0]);
		for (i = 0; i < n; i++, left--)
			if (!port_unmask(ponger, ports[i]) || port_notify(ponger, ports[i]))
				failed = 1;
	}
	return unused;
}

/* One event is under way for each port: a lost one stops the run, one too many ends it early. */
static int ping_pong(void)
{
	evtchn_port_t ports[THREADS];
	int left = THREADS * ROUNDS, i, n, rounds[THREADS] = { 0 }, t;
	pthread_t thread;

	pthread_create(&thread, NULL, answer, NULL);
	for (t = 0; t < THREADS; t++)
		port_notify(pinger, ping[t]);
	while (left > 0 && !failed) {
		if (!port_readable(pinger, 10000))
			failed = 1;
		n = failed ? 0 : read(pinger, ports, sizeof(ports)) / (int)sizeof(ports[0]);
		for (i = 0; i < n; i++, left--) {
			port_unmask(pinger, ports[i]);
			for (t = 0; t < THREADS && (unsigned int)ping[t] != ports[i]; t++)
				;
			if (t == THREADS)
				failed = 1;
			else if (++rounds[t] < ROUNDS)
				port_notify(pinger, ports[i]);
		}
	}
	pthread_join(thread, NULL);
	return !failed;
}

static void drain(int fd)
{
	evtchn_port_t port;

	while ((port = port_next(fd, 100)))
		port_unmask(fd, port);
}

/* Ports come and go under the readers of the same file. */
static void *churn(void *unused)
{
	int i, a, b;

	for (i = 0; i < CHURN; i++) {
		if (port_pair(pinger, ponger, &a, &b)) {
			failed = 1;
			break;
		}
		port_notify(pinger, a);
		if (port_unbind(i & 1 ? pinger : ponger, i & 1 ? a : b) || port_unbind(i & 1 ? ponger : pinger, i & 1 ? b : a))
			failed = 1;
	}
	return unused;
}

static int coming_and_going(void)
{
	pthread_t threads[THREADS];
	int t;

	for (t = 0; t < THREADS; t++)
		pthread_create(&threads[t], NULL, churn, NULL);
	for (t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	return !failed;
}

static void nothing(int signal)
{
	(void)signal;
}

static void *wait_for_event(void *fd)
{
	evtchn_port_t port;
	long got = read(*(int *)fd, &port, sizeof(port));

	return (void *)(long)(got == -1 && errno == EINTR);
}

/* A reader that waits leaves by a signal. */
static int reader_is_interruptible(void)
{
	struct sigaction action = { .sa_handler = nothing };
	int fd = node_open(EVTCHN_NODE);
	void *interrupted = NULL;
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	port_unbound(fd, DOMID_SELF);
	pthread_create(&thread, NULL, wait_for_event, &fd);
	/* Again and again: the first may come before it waits. */
	do {
		usleep(200000);
		pthread_kill(thread, SIGUSR1);
	} while (pthread_tryjoin_np(thread, &interrupted));
	close(fd);
	return interrupted != NULL;
}

static int closing_under_way(void)
{
	int i, j, a, b, from, to;

	for (i = 0; i < 20; i++) {
		from = node_open(EVTCHN_NODE);
		to = node_open(EVTCHN_NODE);
		for (j = 0; j < 8; j++) {
			if (port_pair(from, to, &a, &b) || port_notify(from, a) || port_notify(to, b))
				return 0;
		}
		close(i & 1 ? from : to);
		close(i & 1 ? to : from);
	}
	return 1;
}

int main(void)
{
	int t;

	tap_start();
	pinger = node_open(EVTCHN_NODE);
	ponger = node_open(EVTCHN_NODE);
	for (t = 0; t < THREADS; t++)
		if (port_pair(pinger, ponger, &ping[t], &pong[t]))
			tap_bail_out("no channel");
	drain(pinger);
	drain(ponger);
	check(ping_pong(), "%d round trips over %d channels between two threads", THREADS * ROUNDS, THREADS);
	check(coming_and_going(), "%d threads bind and unbind %d channels each on the same files", THREADS, CHURN);
	check(reader_is_interruptible(), "a waiting reader ends with a signal");
	check(closing_under_way(), "files are closed while events are under way");
	tap_finish();
}

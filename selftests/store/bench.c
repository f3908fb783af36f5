// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench SOCKET PID [SECONDS [few]]: operations per second of a xenstored, over its socket.
 *
 * One client talks the wire protocol as libxenstore does: one request, one answer. "Deep" has 8 clients with 4 requests
 * under way each, so that the daemon never sleeps. For each mix: operations a second, and the microseconds of CPU
 * time that the daemon itself took for one, which other load on the machine does not change.
 *
 * Mixes run on a small store (100 nodes), then on one of 10,000 nodes in directories of 100, then (unless "few") on one
 * directory of 10,000, then with 1,000 watches of another client on other nodes.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

enum { CLIENTS = 8, DEPTH = 4, MAX_MESSAGE = sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX };

struct client {
	int fd;
	char in[4 * MAX_MESSAGE];
	size_t used;
	uint32_t tx;
	int step, under_way;
};

static const char *socket_path;
static int daemon_pid;
static double seconds = 1;
static int nodes, per_directory;
static unsigned int random_state = 1;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Nanoseconds that the daemon has run. */
static double daemon_time(void)
{
	char path[64];
	double ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", daemon_pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lf", &ns) != 1)
		die(path);
	fclose(f);
	return ns;
}

static void connect_client(struct client *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memset(c, 0, sizeof(*c));
	strncpy(addr.sun_path, socket_path, sizeof(addr.sun_path) - 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)))
		die(socket_path);
}

static void request(struct client *c, uint32_t type, uint32_t tx, const char *body, size_t len)
{
	char buf[MAX_MESSAGE];
	struct xsd_sockmsg hdr = { type, 0, tx, len };

	memcpy(buf, &hdr, sizeof(hdr));
	memcpy(buf + sizeof(hdr), body, len);
	if (write(c->fd, buf, sizeof(hdr) + len) != (ssize_t)(sizeof(hdr) + len))
		die("write");
}

/* The next message; the body is at @body until the one after. */
static struct xsd_sockmsg answer(struct client *c, const char **body)
{
	static char last[MAX_MESSAGE + 1];
	struct xsd_sockmsg hdr;
	ssize_t n;

	for (;;) {
		if (c->used >= sizeof(hdr)) {
			memcpy(&hdr, c->in, sizeof(hdr));
			if (c->used >= sizeof(hdr) + hdr.len)
				break;
		}
		n = read(c->fd, c->in + c->used, sizeof(c->in) - c->used);
		if (n <= 0)
			die("read");
		c->used += n;
	}
	memcpy(last, c->in + sizeof(hdr), hdr.len);
	last[hdr.len] = 0;
	c->used -= sizeof(hdr) + hdr.len;
	memmove(c->in, c->in + sizeof(hdr) + hdr.len, c->used);
	*body = last;
	return hdr;
}

static uint32_t expect_answer(struct client *c, const char **body)
{
	struct xsd_sockmsg hdr = answer(c, body);

	if (hdr.type == XS_ERROR) {
		fprintf(stderr, "the daemon says %s\n", *body);
		exit(1);
	}
	return hdr.type;
}

static unsigned int pick(unsigned int n)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 8) % n;
}

static size_t path_of(int i, char *buf)
{
	return sprintf(buf, "/bench/d%d/node%d", i / per_directory, i % per_directory) + 1;
}

/* --- mixes: begin one step of an operation, see whether an answer ends it ----------------------------------------- */

static void send_read(struct client *c, uint32_t tx)
{
	char buf[64];

	request(c, XS_READ, tx, buf, path_of(pick(nodes), buf));
}

static void send_write(struct client *c, uint32_t tx)
{
	char buf[64];
	size_t len = path_of(pick(nodes), buf);

	memcpy(buf + len, "new value", 9);
	request(c, XS_WRITE, tx, buf, len + 9);
}

static void begin_read(struct client *c)
{
	send_read(c, 0);
}

static void begin_write(struct client *c)
{
	send_write(c, 0);
}

static bool one_answer(struct client *c)
{
	const char *body;

	expect_answer(c, &body);
	return true;
}

static void begin_tx(struct client *c)
{
	c->step = 0;
	request(c, XS_TRANSACTION_START, 0, "", 1);
}

/* Start, read, write, write, end. With other clients a conflict is an answer like any other. */
static bool step_tx(struct client *c)
{
	const char *body;
	struct xsd_sockmsg hdr = answer(c, &body);

	if (hdr.type == XS_ERROR && strcmp(body, "EAGAIN"))
		die(body);
	switch (c->step++) {
	case 0:
		c->tx = atoi(body);
		send_read(c, c->tx);
		return false;
	case 1:
	case 2:
		send_write(c, c->tx);
		return false;
	case 3:
		request(c, XS_TRANSACTION_END, c->tx, "T", 2);
		return false;
	}
	return true;
}

/* Write a node that the client watches; done when answer and event are there. */
static void begin_watched(struct client *c)
{
	c->step = 0;
	request(c, XS_WRITE, 0, "/bench/watched/a\0x", 18);
}

static bool step_watched(struct client *c)
{
	const char *body;

	expect_answer(c, &body);
	return ++c->step == 2;
}

struct mix {
	const char *name;
	void (*begin)(struct client *c);
	bool (*step)(struct client *c);
	int depth;
};

static const struct mix mixes[] = {
	{ "read", begin_read, one_answer, DEPTH },
	{ "write", begin_write, one_answer, DEPTH },
	{ "transaction", begin_tx, step_tx, 1 },
	{ "watched write", begin_watched, step_watched, 1 },
};

static void watch(struct client *c, const char *path, const char *token)
{
	char buf[128];
	const char *body;
	size_t len = sprintf(buf, "%s", path) + 1;

	len += sprintf(buf + len, "%s", token) + 1;
	request(c, XS_WATCH, 0, buf, len);
	expect_answer(c, &body);
	expect_answer(c, &body);
}

/* Clients take turns: each has its operations begun, then one answer of each is waited for. */
static void measure(const struct mix *m, int clients, int depth, double *per_second, double *cpu)
{
	static struct client c[CLIENTS];
	double start, end, cpu_start;
	long done = 0;

	for (int i = 0; i < clients; i++) {
		connect_client(&c[i]);
		if (m->begin == begin_watched && !i)
			watch(&c[i], "/bench/watched", "t");
	}
	clients = m->begin == begin_watched ? 1 : clients;
	for (int i = 0; i < clients; i++)
		for (int k = 0; k < depth; k++)
			m->begin(&c[i]);
	start = now();
	cpu_start = daemon_time();
	do {
		for (int i = 0; i < clients; i++) {
			if (!m->step(&c[i]))
				continue;
			done++;
			m->begin(&c[i]);
		}
		end = now();
	} while (end - start < seconds);
	*per_second = done / (end - start);
	*cpu = (daemon_time() - cpu_start) / done / 1000;
	for (int i = 0; i < CLIENTS; i++) {
		if (c[i].fd)
			close(c[i].fd);
		c[i].fd = 0;
	}
}

static void fill(int n, int directory)
{
	struct client c;
	const char *body;
	char buf[64];

	connect_client(&c);
	request(&c, XS_RM, 0, "/bench", 7);
	answer(&c, &body);
	nodes = n;
	per_directory = directory;
	for (int i = 0; i < n; i++) {
		size_t len = path_of(i, buf);

		request(&c, XS_WRITE, 0, buf, len);
		expect_answer(&c, &body);
	}
	request(&c, XS_MKDIR, 0, "/bench/watched", 15);
	expect_answer(&c, &body);
	close(c.fd);
}

static void run_all(const char *where)
{
	for (size_t i = 0; i < sizeof(mixes) / sizeof(*mixes); i++) {
		double one, one_cpu, deep, deep_cpu;

		measure(&mixes[i], 1, 1, &one, &one_cpu);
		measure(&mixes[i], CLIENTS, mixes[i].depth, &deep, &deep_cpu);
		printf("%s|%s|%.0f|%.2f|%.0f|%.2f\n", where, mixes[i].name, one, one_cpu, deep, deep_cpu);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct client watcher;
	char path[64];

	if (argc < 3)
		return 2;
	socket_path = argv[1];
	daemon_pid = atoi(argv[2]);
	if (argc > 3)
		seconds = atof(argv[3]);
	fill(100, 100);
	run_all("100 nodes");
	fill(10000, 100);
	run_all("10,000 nodes");
	if (argc <= 4) {
		fill(10000, 10000);
		run_all("10,000 in one directory");
	}
	fill(100, 100);
	connect_client(&watcher);
	for (int i = 0; i < 1000; i++) {
		sprintf(path, "/elsewhere/%d", i);
		watch(&watcher, path, "t");
	}
	run_all("1,000 watches");
	return 0;
}

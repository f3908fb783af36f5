// SPDX-License-Identifier: GPL-2.0-only
/*
 * netload: network traffic with a check of its content, and with its price where the TSC counts instructions.
 *
 *	netload sink PORT [check]			answer TCP and UDP on PORT until killed; sink6: of IPv6
 *	netload tcp ADDRESS PORT MIB [check]		send a stream
 *	netload udp ADDRESS PORT BYTES COUNT		send datagrams, then one of length 1 to say that they were all
 *
 * With "check" on both sides the stream is a pseudo-random one from a fixed seed that the sink computes too: a byte that
 * is lost, doubled, or changed is seen. The sink prints one line for a stream or a row of datagrams:
 *
 *	tcp BYTES bytes, PRICE per KiB [checked|WRONG at OFFSET]	udp COUNT packets, PRICE each
 *
 * PRICE is the mean, by the difference of the TSC from the beginning to the end: what runs meanwhile on the machine is
 * counted. The best of some windows would be less than what it takes: of what was sent before them, only the receipt.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <x86intrin.h>

#define CHUNK	65536

static char buffer[CHUNK], expected[CHUNK];

struct pattern { uint64_t state; };

static void pattern_fill(struct pattern *p, char *to, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i += 8) {
		p->state ^= p->state << 13;
		p->state ^= p->state >> 7;
		p->state ^= p->state << 17;
		memcpy(to + i, &p->state, 8);
	}
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_storage address(const char *host, const char *port)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in6 *v6 = (void *)&a;
	struct sockaddr_in *v4 = (void *)&a;

	if (strchr(host, ':')) {
		*v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(atoi(port)) };
		inet_pton(AF_INET6, host, &v6->sin6_addr);
	} else {
		*v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
		inet_pton(AF_INET, host, &v4->sin_addr);
	}
	return a;
}

static int bound(int type, const char *any, const char *port)
{
	struct sockaddr_storage a = address(any, port);
	int s = socket(a.ss_family, type, 0), one = 1, space = 4 << 20;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (type == SOCK_DGRAM)
		setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof(space));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) || (type == SOCK_STREAM && listen(s, 8)))
		die("bind");
	return s;
}

struct stream {
	int socket, check;
	struct pattern pattern;
	uint64_t total, wrong, since;
	size_t have;
};

/* Compare what has come to the pattern, a chunk of which is computed whenever the last one is used up. */
static void stream_compare(struct stream *s, const char *data, size_t bytes)
{
	static size_t used = CHUNK;
	size_t n;

	if (!s->total)
		used = CHUNK;
	while (bytes) {
		if (used == CHUNK) {
			pattern_fill(&s->pattern, expected, CHUNK);
			used = 0;
		}
		n = bytes < CHUNK - used ? bytes : CHUNK - used;
		if (memcmp(data, expected + used, n) && s->wrong == UINT64_MAX)
			s->wrong = s->total;
		data += n, used += n, bytes -= n, s->total += n;
	}
}

static void serve_stream(int listener, int check)
{
	struct stream s = { .check = check, .pattern.state = 88172645463325252ull, .wrong = UINT64_MAX };
	uint64_t price;
	ssize_t n;

	s.socket = accept(listener, NULL, NULL);
	if (s.socket < 0)
		die("accept");
	s.since = __rdtsc();
	while ((n = read(s.socket, buffer, CHUNK)) > 0) {
		if (check)
			stream_compare(&s, buffer, n);
		else
			s.total += n;
	}
	price = (__rdtsc() - s.since) * 1024 / (s.total ? s.total : 1);
	printf("netload: tcp %lu bytes, %lu per KiB", (unsigned long)s.total, (unsigned long)price);
	if (check && s.wrong != UINT64_MAX)
		printf(", WRONG at %lu", (unsigned long)s.wrong);
	else if (check)
		printf(", checked");
	printf("\n");
	close(s.socket);
}

static void serve_datagrams(int socket)
{
	uint64_t first = 0, last = 0, count = 0;
	ssize_t n;

	while ((n = recv(socket, buffer, CHUNK, 0)) > 1) {
		last = __rdtsc();
		if (!count++)
			first = last;
	}
	if (count > 1)
		printf("netload: udp %lu packets, %lu each\n", (unsigned long)count, (unsigned long)((last - first) / (count - 1)));
}

static _Noreturn void sink(const char *any, const char *port, int check)
{
	struct pollfd fds[] = { { bound(SOCK_STREAM, any, port), POLLIN, 0 }, { bound(SOCK_DGRAM, any, port), POLLIN, 0 } };

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("netload: ready\n");
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			die("poll");
		if (fds[0].revents)
			serve_stream(fds[0].fd, check);
		if (fds[1].revents)
			serve_datagrams(fds[1].fd);
	}
}

static int connected(int type, char **argv)
{
	struct sockaddr_storage a = address(argv[2], argv[3]);
	int s = socket(a.ss_family, type, 0);

	if (connect(s, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	return s;
}

static int send_stream(char **argv, int check)
{
	struct pattern p = { 88172645463325252ull };
	uint64_t left = strtoull(argv[4], NULL, 0) << 20;
	int s = connected(SOCK_STREAM, argv);
	ssize_t n;
	size_t at;

	for (; left; left -= CHUNK) {
		if (check)
			pattern_fill(&p, buffer, CHUNK);
		for (at = 0; at < CHUNK; at += n) {
			n = write(s, buffer + at, CHUNK - at);
			if (n < 0)
				die("write");
		}
	}
	return close(s);
}

static int send_datagrams(char **argv)
{
	int s = connected(SOCK_DGRAM, argv), i;
	size_t bytes = strtoul(argv[4], NULL, 0);
	unsigned long count = strtoul(argv[5], NULL, 0);

	while (count--)
		if (send(s, buffer, bytes, 0) < 0 && count % 100 == 0)
			perror("send");
	for (i = 0; i < 3; i++) {
		sleep(1);
		if (send(s, buffer, 1, 0) < 0)
			perror("send");
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "sink"))
		sink("0.0.0.0", argv[2], argc > 3);
	if (argc >= 3 && !strcmp(argv[1], "sink6"))
		sink("::", argv[2], argc > 3);
	if (argc >= 5 && !strcmp(argv[1], "tcp"))
		return send_stream(argv, argc > 5);
	if (argc >= 6 && !strcmp(argv[1], "udp"))
		return send_datagrams(argv);
	fprintf(stderr, "netload sink PORT | tcp ADDRESS PORT MIB | udp ADDRESS PORT BYTES COUNT\n");
	return 2;
}

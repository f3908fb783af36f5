// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams and packets to another domain, which sends them back: several at once, in both directions at once, every byte
 * compared. The other domain runs `stream echo PORT`; KSELFTEST_PEER here is its ADDRESS:PORT. Skipped where that is not set.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../tap.h"

#define STREAMS 4
#define LENGTH (8u << 20)
#define PIECE 65536
#define LARGEST_PACKET 1472
#define TRIES 20

struct stream {
	pthread_t sender, receiver;
	int socket;
	unsigned int number;
	size_t received;
	long wrong;
};

static struct sockaddr_in peer = { .sin_family = AF_INET };

/* The byte at a place of a stream: what is lost, doubled or out of order does not fit. */
static uint8_t byte_at(unsigned int stream, size_t at)
{
	uint64_t x = ((uint64_t)stream << 40 | at >> 3) * 0x9e3779b97f4a7c15ull;

	return (x ^ x >> 29) >> (at & 7) * 7;
}

static void *sender(void *data)
{
	struct stream *s = data;
	static __thread uint8_t buffer[PIECE];
	size_t at = 0, i;
	ssize_t n;

	while (at < LENGTH) {
		/* Pieces of every size between a byte and 64 KiB. */
		size_t length = 1 + (at * 2654435761u >> 7) % PIECE;

		length = length < LENGTH - at ? length : LENGTH - at;
		for (i = 0; i < length; i++)
			buffer[i] = byte_at(s->number, at + i);
		n = send(s->socket, buffer, length, 0);
		if (n <= 0)
			break;
		at += n;
	}
	shutdown(s->socket, SHUT_WR);
	return NULL;
}

static void *receiver(void *data)
{
	struct stream *s = data;
	static __thread uint8_t buffer[PIECE];
	ssize_t n, i;

	while ((n = recv(s->socket, buffer, PIECE, 0)) > 0) {
		for (i = 0; i < n; i++)
			if (s->wrong < 0 && buffer[i] != byte_at(s->number, s->received + i))
				s->wrong = s->received + i;
		s->received += n;
	}
	return NULL;
}

static void streams(void)
{
	struct stream all[STREAMS];
	unsigned int i;

	for (i = 0; i < STREAMS; i++) {
		all[i] = (struct stream) { .number = i, .wrong = -1, .socket = socket(AF_INET, SOCK_STREAM, 0) };
		if (connect(all[i].socket, (struct sockaddr *)&peer, sizeof(peer)))
			tap_bail_out("the peer does not answer");
	}
	for (i = 0; i < STREAMS; i++) {
		pthread_create(&all[i].sender, NULL, sender, &all[i]);
		pthread_create(&all[i].receiver, NULL, receiver, &all[i]);
	}
	for (i = 0; i < STREAMS; i++) {
		pthread_join(all[i].sender, NULL);
		pthread_join(all[i].receiver, NULL);
		close(all[i].socket);
		check(all[i].received == LENGTH, "stream %u: all of %u bytes came back (%zu)", i, LENGTH, all[i].received);
		check(all[i].wrong < 0, "stream %u: each the one that was sent (wrong at %ld)", i, all[i].wrong);
	}
}

/* Packets may be lost, not changed. Return: whether one came back; *good falls when it was another. */
static int packet_returns(int socket, unsigned int length, int *good)
{
	uint8_t sent[LARGEST_PACKET], got[LARGEST_PACKET + 1];
	struct pollfd fd = { .fd = socket, .events = POLLIN };
	unsigned int i, try;
	ssize_t n;

	for (i = 0; i < length; i++)
		sent[i] = byte_at(length, i);
	for (try = 0; try < TRIES; try++) {
		if (send(socket, sent, length, 0) < 0 || poll(&fd, 1, 500) <= 0)
			continue;
		n = recv(socket, got, sizeof(got), 0);
		/* One sent twice may come late. */
		if (n < (ssize_t)length)
			continue;
		*good &= n == (ssize_t)length && !memcmp(sent, got, length);
		return 1;
	}
	return 0;
}

static void packets(void)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0), good = 1, all = 1;
	unsigned int length;

	if (connect(s, (struct sockaddr *)&peer, sizeof(peer)))
		tap_bail_out("connect");
	for (length = 1; all && length <= LARGEST_PACKET; length += length < 128 ? 1 : 61)
		all &= packet_returns(s, length, &good);
	close(s);
	check(all, "packets of every length come back");
	check(good, "none is another");
}

/* --- the peer ------------------------------------------------------------------------------------------------------- */

static void *echo_stream(void *data)
{
	static __thread char buffer[PIECE];
	int s = (long)data;
	ssize_t n, at, done;

	while ((n = recv(s, buffer, PIECE, 0)) > 0) {
		for (at = 0; at < n; at += done) {
			done = send(s, buffer + at, n - at, MSG_NOSIGNAL);
			if (done <= 0)
				goto out;
		}
	}
out:
	close(s);
	return NULL;
}

static void *echo_packets(void *data)
{
	char buffer[PIECE];
	struct sockaddr_in from;
	int s = (long)data;
	socklen_t size;
	ssize_t n;

	for (;;) {
		size = sizeof(from);
		n = recvfrom(s, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &size);
		if (n >= 0)
			sendto(s, buffer, n, 0, (struct sockaddr *)&from, size);
	}
	return NULL;
}

static int bound(int type, int port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port) };
	int s = socket(AF_INET, type, 0), one = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&here, sizeof(here)) || (type == SOCK_STREAM && listen(s, 16))) {
		perror("stream");
		exit(1);
	}
	return s;
}

static _Noreturn void echo(int port)
{
	int listener = bound(SOCK_STREAM, port);
	pthread_t thread;
	long s;

	pthread_create(&thread, NULL, echo_packets, (void *)(long)bound(SOCK_DGRAM, port));
	for (;;) {
		s = accept(listener, NULL, NULL);
		if (s >= 0 && pthread_create(&thread, NULL, echo_stream, (void *)s))
			close(s);
	}
}

static int read_peer(const char *text)
{
	char address[64];
	int port;

	if (!text || sscanf(text, "%63[0-9.]:%d", address, &port) != 2)
		return 0;
	peer.sin_port = htons(port);
	return inet_pton(AF_INET, address, &peer.sin_addr) == 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "echo"))
		echo(atoi(argv[2]));
	tap_start();
	if (!read_peer(getenv("KSELFTEST_PEER")))
		tap_skip_all("KSELFTEST_PEER is no ADDRESS:PORT");
	packets();
	streams();
	tap_finish();
}

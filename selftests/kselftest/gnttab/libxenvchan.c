// SPDX-License-Identifier: GPL-2.0-only
/* libxenvchan, which needs event channels, both grant nodes and the store at once: a checked stream between two processes. */
#include <libxenvchan.h>

#include "grant.h"

enum { TOTAL = 1 << 20, PIECE = 3000 };

static unsigned char pattern(unsigned int at)
{
	return at * 31 + at / 4096;
}

/* The client's whole life; its exit code is 0 when every byte came. */
static int client(int domid, const char *path)
{
	struct libxenvchan *channel = libxenvchan_client_init(NULL, domid, path);
	unsigned char piece[PIECE];
	unsigned int at = 0, i;
	int got;

	if (!channel)
		return 2;
	channel->blocking = 1;
	while (at < TOTAL) {
		got = libxenvchan_read(channel, piece, sizeof(piece));
		if (got <= 0)
			return 3;
		for (i = 0; i < (unsigned int)got; i++)
			if (piece[i] != pattern(at + i))
				return 4;
		at += got;
	}
	if (libxenvchan_send(channel, "end", 3) != 3)
		return 5;
	libxenvchan_close(channel);
	return 0;
}

static int stream(struct libxenvchan *channel)
{
	unsigned char piece[PIECE];
	unsigned int at, i, length;

	for (at = 0; at < TOTAL; at += length) {
		length = TOTAL - at < PIECE ? TOTAL - at : PIECE;
		for (i = 0; i < length; i++)
			piece[i] = pattern(at + i);
		if (libxenvchan_send(channel, piece, length) != (int)length)
			return 0;
	}
	return 1;
}

int main(void)
{
	struct libxenvchan *channel;
	char path[64], end[4] = "";
	int self, status = -1;
	pid_t child;

	tap_start();
	close(node_open(GNTDEV_NODE));
	close(node_open(GNTALLOC_NODE));
	self = grant_own_domid();
	if (self < 0)
		tap_skip_all("no store that tells this domain's number");
	snprintf(path, sizeof(path), "/local/domain/%d/data/vchan", self);
	channel = libxenvchan_server_init(NULL, self, path, 5000, 5000);
	if (!check(channel != NULL, "a server"))
		tap_bail_out("libxenvchan_server_init");
	channel->blocking = 1;
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(client(self, path));
	check(libxenvchan_wait(channel) >= 0, "its client comes");
	check(stream(channel), "%d bytes go to it", TOTAL);
	check(libxenvchan_recv(channel, end, 3) == 3 && !strcmp(end, "end"), "it answers");
	waitpid(child, &status, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "every byte came (%d)", WEXITSTATUS(status));
	check(libxenvchan_is_open(channel) != 1, "its end is seen");
	libxenvchan_close(channel);
	tap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The store's protocol against a daemon that is played here: answers stay with their requests whatever comes between, long
 * directories are put together, and a daemon that goes or talks nonsense is an error, not a wait without end.
 */
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib.h"
#include "wire.c"
#include "store.c"

int host_store(struct host *h)
{
	if (!h->store)
		h->store = wire_open();
	return h->store ? 0 : -errno;
}

/* --- the daemon --------------------------------------------------------------------------------------------------- */

static int peer;

static void say(uint32_t type, uint32_t id, const void *body, uint32_t len)
{
	struct xsd_sockmsg hdr = { .type = type, .req_id = id, .len = len };

	/* In pieces, as a stream may deliver it. */
	if (write(peer, &hdr, 7) != 7 || write(peer, (char *)&hdr + 7, sizeof(hdr) - 7) < 0 ||
	    (len && write(peer, body, len) != (ssize_t)len))
		_exit(1);
}

static bool hear(struct xsd_sockmsg *hdr, char *body)
{
	if (recv(peer, hdr, sizeof(*hdr), MSG_WAITALL) != sizeof(*hdr))
		return false;
	return !hdr->len || recv(peer, body, hdr->len, MSG_WAITALL) == (ssize_t)hdr->len;
}

/* Four bytes at a time; the directory changes once, after the first part of it. */
static void say_part(uint32_t id, const char *body)
{
	static const char list[] = "aa\0b\0ccc\0";	/* and the empty name that ends it */
	static unsigned int asked;
	size_t from = strtoul(body + strlen(body) + 1, NULL, 10);
	size_t bytes = sizeof(list) - from < 4 ? sizeof(list) - from : 4;
	char part[8] = { asked++ ? '8' : '7' };

	memcpy(part + 2, list + from, bytes);
	say(XS_DIRECTORY_PART, id, part, 2 + bytes);
}

static void reply(const struct xsd_sockmsg *hdr, const char *body)
{
	static const char event[] = "a\0w", nonsense[] = "\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377";

	if (hdr->type == XS_DIRECTORY) {
		say(XS_ERROR, hdr->req_id, "E2BIG", 6);
	} else if (hdr->type == XS_DIRECTORY_PART) {
		say_part(hdr->req_id, body);
	} else if (!strcmp(body, "/none")) {
		say(XS_ERROR, hdr->req_id, "ENOENT", 7);
	} else if (!strcmp(body, "/quit")) {
		_exit(0);
	} else if (!strcmp(body, "/nonsense")) {
		if (write(peer, nonsense, 16) != 16)
			_exit(1);
	} else {
		say(XS_WATCH_EVENT, 0, event, sizeof(event));
		say(hdr->type, hdr->req_id, body, hdr->len);
	}
}

static void serve(int listener)
{
	char body[XENSTORE_PAYLOAD_MAX + 1] = "";
	struct xsd_sockmsg hdr;

	alarm(20);
	for (;;) {
		peer = accept(listener, NULL, NULL);
		while (hear(&hdr, body)) {
			body[hdr.len] = 0;
			reply(&hdr, body);
		}
		close(peer);
	}
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static struct wire *w;

static bool answers(const char *expected)
{
	char *body = wire_answer(w, NULL);
	bool same = body && !strcmp(body, expected);

	free(body);
	return same;
}

static void read_node(const char *path)
{
	wire_send(w, XS_READ, 0, path, strlen(path) + 1);
}

static void test_order(void)
{
	char name[16], *big = xcalloc(1, XENSTORE_PAYLOAD_MAX + 1);
	bool good = true;
	int i;

	for (i = 0; i < WIRE_AHEAD; i++) {
		snprintf(name, sizeof(name), "/%d", i);
		read_node(i == 7 ? "/none" : name);
	}
	for (i = 0; i < WIRE_AHEAD; i++) {
		snprintf(name, sizeof(name), "/%d", i);
		good &= i == 7 ? !wire_answer(w, NULL) && errno == ENOENT : answers(name);
	}
	check(good, "each answer belongs to its request");
	for (i = 0; wire_event(w) == 1; i++)
		;
	check(i == WIRE_AHEAD - 1, "%d events came between them", i);
	read_node("/before");
	wire_send(w, XS_WRITE, 0, big, XENSTORE_PAYLOAD_MAX + 1);
	read_node("/after");
	good = answers("/before") && !wire_answer(w, NULL) && errno == E2BIG;
	check(good && answers("/after"), "a request that is too long fails by itself");
	free(big);
}

static void test_list(void)
{
	struct host h = { .store = w };
	unsigned int n;
	char **names = store_list(&h, &n, "/long");

	check(names && n == 3 && !strcmp(names[0], "aa") && !strcmp(names[1], "b") && !strcmp(names[2], "ccc"),
	      "a long directory in parts that changes meanwhile: %u names", n);
	free(names);
}

static void test_end(const char *how)
{
	wire_close(w);
	w = wire_open();
	read_node(how);
	read_node("/more");
	check(!wire_answer(w, NULL) && errno == EPIPE && !wire_answer(w, NULL) && errno == EPIPE && wire_event(w) == -EPIPE,
	      "%s: an error for all that waits", how);
}

int main(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/test-wire.%d", (int)getpid());
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 1))
		return 1;
	setenv("XENSTORED_PATH", at.sun_path, 1);
	alarm(20);
	pid = fork();
	if (!pid)
		serve(listener);
	close(listener);
	w = wire_open();
	test_order();
	test_list();
	test_end("/nonsense");
	test_end("/quit");
	wire_close(w);
	unlink(at.sun_path);
	check(waitpid(pid, NULL, 0) == pid && !wire_open(), "without a daemon there is no connection");
	return done();
}

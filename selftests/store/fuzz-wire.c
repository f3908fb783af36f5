// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon's real sources, fed with bytes: a tool, and two domains over rings in plain memory.
 *
 * Input: actions. Byte 0 picks a client (or an event: a domain dies, a turn ends), byte 1 how many of the next bytes
 * it says. What is said can be a whole message, put together from a type, a transaction and words that make sense
 * more often than chance would, or raw. After each input all is torn down, and what the daemon counts must be zero:
 * bytes of nodes, charges of domains. Leaks are the sanitizer's.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "check.h"
#include "conn.h"
#include "domain.h"
#include "log.h"
#include "ring.h"
#include "state.h"
#include "store.h"
#include "transaction.h"
#include "xen.h"

enum { TOOL, DOMAIN_A, DOMAIN_B, CLIENTS };
static const uint32_t domids[CLIENTS] = { 0, 1, 2 };

static struct xenstore_domain_interface pages[CLIENTS];
static struct conn *tool;
static char said[1 << 16];
static size_t said_len;

/* --- no hypervisor, no log, no live update ------------------------------------------------------------------------- */

bool xen_is_open(void) { return false; }
int xen_events_fd(void) { return -1; }
int xen_next_event(void) { return -1; }
int xen_news_port(void) { return -1; }
int xen_bind(uint32_t domid, uint32_t port) { return port == 99 ? -1 : (int)domid + 100; }
void xen_unbind(int port) { (void)port; }
void xen_notify(int port) { (void)port; }
void xen_unmap_ring(struct xenstore_domain_interface *ring) { (void)ring; }
struct xenstore_domain_interface *xen_map_own_ring(uint32_t *port) { (void)port; return NULL; }
bool trace_on;
void log_line(const char *format, ...) { (void)format; }
int trace_file(const char *path) { (void)path; return 0; }
void trace_message(const struct conn *c, const char *d, const struct xsd_sockmsg *h, const char *b)
{
	(void)c, (void)d, (void)h, (void)b;
}
int state_request_update(const char *program) { (void)program; return EINVAL; }

enum domain_state xen_domain_state(uint32_t domid)
{
	return domid < CLIENTS ? DOMAIN_ALIVE : DOMAIN_GONE;
}

struct xenstore_domain_interface *xen_map_ring(uint32_t domid, uint64_t mfn)
{
	(void)mfn;
	errno = ENOENT;
	return domid < CLIENTS ? &pages[domid] : NULL;
}

static uint32_t dying;

bool xen_each_domain(void (*fn)(uint32_t domid, enum domain_state state, void *arg), void *arg)
{
	for (uint32_t i = 0; i < CLIENTS; i++)
		if (domids[i] != dying)
			fn(domids[i], DOMAIN_ALIVE, arg);
	return true;
}

/* --- the tool's transport ----------------------------------------------------------------------------------------- */

static ssize_t tool_read(struct conn *c, void *buf, size_t len)
{
	size_t n = said_len < len ? said_len : len;

	(void)c;
	memcpy(buf, said, n);
	memmove(said, said + n, said_len - n);
	said_len -= n;
	return n;
}

static ssize_t tool_write(struct conn *c, const struct iovec *iov, int n)
{
	size_t total = 0;

	(void)c;
	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	return total;
}

static void tool_settle(struct conn *c, bool want_bytes, bool want_room)
{
	(void)c;
	(void)want_bytes;
	(void)want_room;
}

static void tool_fault(struct conn *c)
{
	(void)c;
}

static void tool_close(struct conn *c)
{
	(void)c;
	tool = NULL;
	said_len = 0;
}

static const struct transport tool_transport = { tool_read, tool_write, tool_settle, tool_fault, tool_close };

/* --- actions ------------------------------------------------------------------------------------------------------ */

struct input {
	const uint8_t *p, *end;
};

static uint8_t next(struct input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static void turn(void)
{
	while (conn_serve_ready())
		;
	conn_flush_all();
	tx_limit_memory();
}

static void say(int client, const void *data, size_t len)
{
	struct domain *d = domain_find(domids[client]);

	if (client == TOOL) {
		if (!tool)
			tool = conn_new(&tool_transport, 0, NULL, -1);
		if (said_len + len > sizeof(said))
			return;
		memcpy(said + said_len, data, len);
		said_len += len;
		conn_readable(tool);
	} else if (d && d->conn) {
		struct xenstore_domain_interface *r = d->ring;

		for (size_t i = 0; i < len && r->req_prod - r->req_cons < XENSTORE_RING_SIZE; i++)
			r->req[MASK_XENSTORE_IDX(r->req_prod++)] = ((const char *)data)[i];
		conn_readable(d->conn);
	}
}

static void say_words(int client, struct input *in)
{
	static const char *const words[] = {
		"/", "/a", "/a/b", "/a/b/c", "/b", "a", "data", "@releaseDomain", "@introduceDomain", "", "0", "1", "2", "T",
		"F", "n1", "r2", "b0", "w1", "n0", "token", "/local/domain/1", "/local/domain/1/data", "/tool/xenstored",
		"99", "3", "//", "quota", "set", "nodes", "help", "memreport",
	};
	char body[256];
	struct xsd_sockmsg hdr = { .type = next(in) % (XS_TYPE_COUNT + 1), .tx_id = next(in) % 4 };
	unsigned int n = next(in) % 8;

	for (unsigned int i = 0; i < n; i++) {
		const char *w = words[next(in) % (sizeof(words) / sizeof(*words))];
		size_t len = strlen(w) + 1;

		if (hdr.len + len > sizeof(body))
			break;
		memcpy(body + hdr.len, w, len);
		hdr.len += len;
	}
	if (next(in) % 16 == 0 && hdr.len)
		hdr.len--;
	say(client, &hdr, sizeof(hdr));
	say(client, body, hdr.len);
}

static void act(struct input *in)
{
	uint8_t what = next(in), client = what % CLIENTS, len;

	switch (what >> 4) {
	case 0:
		len = next(in);
		len = len < in->end - in->p ? len : in->end - in->p;
		say(client, in->p, len);
		in->p += len;
		break;
	case 1:
		dying = domids[client];
		domain_check_all();
		break;
	case 2:
		if (client != TOOL)
			domain_introduce(domids[client], 1, 2 + next(in) % 2 * 97);
		break;
	case 3:
		pages[client].rsp_cons = next(in) % 4 ? pages[client].rsp_prod : next(in) * 0x01010101u;
		break;
	case 4:
		pages[client].req_prod += next(in) * 16;
		break;
	case 5:
		for (struct conn *c = conns; c; c = c->next)
			for (struct tx *tx = c->txs; tx; tx = tx->next)
				tx_refresh(tx);
		break;
	default:
		say_words(client, in);
	}
	turn();
}

static void tear_down(void)
{
	struct domain *d, *next;
	char text[256];

	check_all(text, sizeof(text));
	assert(!strcmp(text, "OK"));
	while (conns)
		conn_free(conns);
	for (d = domains; d; d = d->by_id.next)
		for (int q = QUOTA_WATCHES; q < QUOTA_MEMORY; q++)
			assert(!d->used[q]);
	for (d = domains; d; d = next) {
		next = d->by_id.next;
		domain_release(d);
	}
	node_put(store_root);
	blob_put(store_special_perms("@introduceDomain")->perms);
	blob_put(store_special_perms("@releaseDomain")->perms);
	assert(!tree_bytes);
	store_bytes = 0;
}

/* Small limits are met often. */
static void set_limits(void)
{
	quotas[QUOTA_NODES].value = 8;
	quotas[QUOTA_WATCHES].value = 4;
	quotas[QUOTA_TRANSACTIONS].value = 3;
	quotas[QUOTA_TRANSACTION_NODES].value = 12;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	loop_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };

	memset(pages, 0, sizeof(pages));
	said_len = 0;
	set_limits();
	domain_init();
	store_init();
	domain_introduce(1, 1, 2);
	domain_introduce(2, 1, 2);
	while (in.p < in.end)
		act(&in);
	tear_down();
	return 0;
}

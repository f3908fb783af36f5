// SPDX-License-Identifier: GPL-2.0-only
/*
 * State as a stream. Writing and reading mirror each other, function by function; then the change of programs.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "blob.h"
#include "conn.h"
#include "domain.h"
#include "log.h"
#include "quota.h"
#include "socket.h"
#include "state.h"
#include "store.h"
#include "stream.h"
#include "transaction.h"
#include "xen.h"

/* Of the stream; a program takes only its own over. */
enum { VERSION = 1 };
static const uint64_t magic = 0x58454e4f53544f00 | VERSION;

static char **start_argv;
static char own_program[PATH_MAX];
static char *next_program;

/* --- devices, limits ---------------------------------------------------------------------------------------------- */

static void save_globals(void)
{
	stream_put(magic);
	stream_put(xen_events_fd());
	stream_put(xen_news_port());
	stream_put(socket_listener());
	stream_put(tree_generation);
	for (int i = 0; i < QUOTA_COUNT; i++) {
		stream_put(quotas[i].value);
		stream_put(quotas[i].soft);
	}
}

static void load_limits(void)
{
	for (int i = 0; i < QUOTA_COUNT; i++) {
		quotas[i].value = stream_get();
		quotas[i].soft = stream_get();
	}
}

/* --- domains ------------------------------------------------------------------------------------------------------ */

static void save_domains(void)
{
	stream_put(HASH_CNT(by_id, domains));
	for (struct domain *d = domains; d; d = d->by_id.next) {
		stream_put(d->domid);
		stream_put(d->since);
		stream_put(d->target);
		stream_put(d->introduced);
		stream_put(d->shutdown);
		stream_put(d->mfn);
		stream_put(d->remote_port);
		stream_put(d->port);
	}
}

static void load_domains(void)
{
	for (uint64_t n = stream_get(); n; n--) {
		uint32_t domid = stream_get();
		struct domain *d = domain_new(domid, stream_get());

		d->target = stream_get();
		d->introduced = stream_get();
		d->shutdown = stream_get();
		d->mfn = stream_get();
		d->remote_port = stream_get();
		d->port = stream_get();
	}
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static bool save_node(struct node *n, void *arg);

static void save_below(struct node *n)
{
	stream_put_blob(n->value);
	stream_put_blob(n->perms);
	stream_put(n->gen);
	stream_put(n->perm_gen);
	stream_put(n->list_gen);
	node_each_child(n, save_node, NULL);
	stream_put_bytes("", 0);		/* no further child */
}

static bool save_node(struct node *n, void *arg)
{
	(void)arg;
	stream_put_blob(n->name);
	save_below(n);
	return true;
}

static void load_below(struct node *n)
{
	const char *name;
	size_t len;

	n->value = stream_get_blob();
	blob_put(n->perms);
	n->perms = stream_get_blob();
	n->gen = stream_get();
	n->perm_gen = stream_get();
	n->list_gen = stream_get();
	store_adopt(n);
	while (name = stream_get_bytes(&len), len) {
		uint64_t list_gen = n->list_gen;

		load_below(tree_add(n, name, len, NULL));
		n->list_gen = list_gen;
	}
}

static void save_special(const char *name)
{
	stream_put_blob(store_special_perms(name)->perms);
	stream_put(store_special_perms(name)->generation);
}

static void load_special(const char *name)
{
	struct sight *s = store_special_perms(name);

	s->perms = stream_get_blob();
	s->generation = stream_get();
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void save_watches(const struct conn *c)
{
	struct watch *w;

	DL_FOREACH(c->watches, w) {
		stream_put_blob(w->path);
		stream_put_blob(w->token);
		stream_put(w->strip);
		stream_put(w->depth);
	}
	stream_put_bytes("", 0);
}

/* An empty token is an empty blob, thus NULL. */
static void load_watches(struct conn *c)
{
	struct blob *path, *token;

	while ((path = stream_get_blob())) {
		size_t strip;

		token = stream_get_blob();
		strip = stream_get();
		watch_add(c, path->data, token ? token->data : "", strip, stream_get());
		blob_put(path);
		blob_put(token);
	}
}

static void save_transaction(struct tx *tx)
{
	struct change *c;

	/* What it depends on is compared now; the next life's tree has no older version to compare with. */
	tx_refresh(tx);
	stream_put(tx->id);
	stream_put(tx->doomed);
	for (struct note *n = tx->notes; n; n = n->hh.next) {
		stream_put_bytes(n->path, n->hh.keylen);
		stream_put(n->what);
	}
	stream_put_bytes("", 0);
	LL_FOREACH(tx->changes, c) {
		stream_put_blob(c->path);
		stream_put(c->kind);
		stream_put_blob(c->blob);
	}
	stream_put_bytes("", 0);
}

static void load_transaction(struct conn *c)
{
	struct tx *tx = tx_add(c, stream_get());
	struct blob *path;
	const char *name;
	size_t len;

	tx->doomed = stream_get();
	while (name = stream_get_bytes(&len), len)
		tx_note(tx, name, len, stream_get());
	while ((path = stream_get_blob())) {
		enum change_kind kind = stream_get();

		tx_log(tx, kind, path->data, stream_get_blob());
		blob_put(path);
	}
	tx_refresh(tx);
}

static void save_transactions(struct conn *c)
{
	struct tx *tx;
	int n;

	DL_COUNT(c->txs, tx, n);
	stream_put(n);
	DL_FOREACH(c->txs, tx)
		save_transaction(tx);
}

static void save_unread(const void *data, size_t len, bool event, void *arg)
{
	(void)arg;
	stream_put_bytes(data, len);
	stream_put(event);
}

static void save_conn(struct conn *c)
{
	stream_put(c->domain ? -1 : c->fd);
	stream_put(c->domid);
	stream_put(c->id);
	stream_put(c->last_tx);
	stream_put_bytes(c->in + c->in_start, c->in_used - c->in_start);
	conn_each_unread(c, save_unread, NULL);
	stream_put_bytes("", 0);
	save_watches(c);
	save_transactions(c);
}

static struct conn *load_transport(int fd, uint32_t domid)
{
	struct domain *d = domain_find(domid);

	if (fd >= 0)
		return socket_connect(fd);
	domain_reattach(d);
	return d->conn;
}

static void load_conn(void)
{
	int fd = stream_get();
	struct conn *c = load_transport(fd, stream_get());
	const char *data;
	size_t len;

	c->id = stream_get();
	c->last_tx = stream_get();
	data = stream_get_bytes(&len);
	memcpy(c->in, data, len);
	c->in_used = len;
	while (data = stream_get_bytes(&len), len)
		conn_queue_unread(c, data, len, stream_get());
	load_watches(c);
	for (uint64_t n = stream_get(); n; n--)
		load_transaction(c);
	conn_wake(c);
}

static void save_conns(void)
{
	struct conn *c;
	int n = 0;

	DL_FOREACH(conns, c)
		n += !c->dead;
	stream_put(n);
	DL_FOREACH(conns, c)
		if (!c->dead)
			save_conn(c);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static int save(void)
{
	int fd = memfd_create("xenstored", 0);

	if (fd < 0 || !stream_create(fd))
		return -1;
	save_globals();
	save_domains();
	save_below(store_root);
	save_special("@introduceDomain");
	save_special("@releaseDomain");
	save_conns();
	if (stream_finish())
		return fd;
	close(fd);
	return -1;
}

bool state_can_load(int fd)
{
	return stream_open(fd) && stream_get() == magic;
}

void state_load_devices(int fd)
{
	int events, news;

	if (!state_can_load(fd)) {
		log_line("live update: this is not the state of a program like this one");
		exit(1);
	}
	close(fd);
	events = stream_get();
	news = stream_get();
	if (events >= 0)
		xen_open(events, news);
}

void state_load(void)
{
	int listener = stream_get();
	uint64_t generation = stream_get();

	load_limits();
	load_domains();
	domain_init();
	store_root = tree_new(NULL);
	load_below(store_root);
	load_special("@introduceDomain");
	load_special("@releaseDomain");
	tree_generation = generation;
	for (uint64_t n = stream_get(); n; n--)
		load_conn();
	socket_adopt(listener);
	domain_check_all();
}

/* --- the change --------------------------------------------------------------------------------------------------- */

void state_remember_program(char **argv)
{
	ssize_t n = readlink("/proc/self/exe", own_program, sizeof(own_program) - 1);

	own_program[n > 0 ? n : 0] = 0;
	start_argv = argv;
}

/* argv of the next life: as it was, with "--OPTION=FD" in front. */
static void execute(const char *program, const char *option, int fd)
{
	char word[32];
	char **argv;
	int n = 0, k = 2;

	while (start_argv[n])
		n++;
	argv = xalloc((n + 3) * sizeof(*argv));
	argv[0] = start_argv[0];
	snprintf(word, sizeof(word), "--%s=%d", option, fd);
	argv[1] = word;
	for (int i = 1; i < n; i++)
		if (strncmp(start_argv[i], "--restore=", 10))
			argv[k++] = start_argv[i];
	execv(program, argv);
	free(argv);
}

/* Ask the program itself, in a process of its own, with the head of a stream like the one that it will get. */
static int try_program(const char *program)
{
	int fd = memfd_create("xenstored", 0), status = 1;
	pid_t child;

	if (fd < 0 || write(fd, &magic, sizeof(magic)) != sizeof(magic))
		return errno;
	child = fork();
	if (!child) {
		execute(program, "can-restore", fd);
		_exit(127);
	}
	close(fd);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return errno;
	return status ? EINVAL : 0;
}

int state_request_update(const char *program)
{
	int rc = try_program(program ? program : own_program);

	if (rc)
		return rc;
	free(next_program);
	next_program = strdup(program ? program : own_program);
	return 0;
}

static void keep_across_exec(bool keep)
{
	int flags = keep ? 0 : FD_CLOEXEC;
	struct conn *c;

	fcntl(socket_listener(), F_SETFD, flags);
	DL_FOREACH(conns, c)
		if (!c->domain && !c->dead)
			fcntl(c->fd, F_SETFD, flags);
}

void state_update(void)
{
	int fd;

	if (!next_program)
		return;
	fd = save();
	if (fd >= 0) {
		keep_across_exec(true);
		execute(next_program, "restore", fd);
		keep_across_exec(false);
		close(fd);
	}
	log_line("live update to %s failed: %m", next_program);
	free(next_program);
	next_program = NULL;
}

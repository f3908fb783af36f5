// SPDX-License-Identifier: GPL-2.0-only
/*
 * State as a stream of numbers and blobs. Writing and reading mirror each other, function by function.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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
#include "transaction.h"
#include "xen.h"

/* Of the stream; a program takes only its own over. */
enum { VERSION = 1 };
static const uint64_t magic = 0x58454e4f53544f00 | VERSION;

static FILE *out;
static const char *in, *in_end;

static char **start_argv;
static char own_program[PATH_MAX];
static char *next_program;

/* --- the stream --------------------------------------------------------------------------------------------------- */

static void put(uint64_t n)
{
	fwrite(&n, sizeof(n), 1, out);
}

static void put_bytes(const void *data, size_t len)
{
	put(len);
	fwrite(data, 1, len, out);
}

static void put_blob(const struct blob *b)
{
	put_bytes(b ? b->data : "", blob_len(b));
}

/* Whoever wrote the stream is ourselves, but to go on with half of it would be worse than to stop. */
static void need(size_t len)
{
	if ((size_t)(in_end - in) >= len)
		return;
	log_line("live update: the state is cut short");
	abort();
}

static uint64_t get(void)
{
	uint64_t n;

	need(sizeof(n));
	memcpy(&n, in, sizeof(n));
	in += sizeof(n);
	return n;
}

static const char *get_bytes(size_t *len)
{
	const char *data;

	*len = get();
	need(*len);
	data = in;
	in += *len;
	return data;
}

static struct blob *get_blob(void)
{
	size_t len;
	const char *data = get_bytes(&len);

	return len ? blob_new(data, len) : NULL;
}

/* --- devices, limits ---------------------------------------------------------------------------------------------- */

static void save_globals(void)
{
	put(magic);
	put(xen_events_fd());
	put(xen_news_port());
	put(socket_listener());
	put(tree_generation);
	for (int i = 0; i < QUOTA_COUNT; i++) {
		put(quotas[i].value);
		put(quotas[i].soft);
	}
}

static void load_limits(void)
{
	for (int i = 0; i < QUOTA_COUNT; i++) {
		quotas[i].value = get();
		quotas[i].soft = get();
	}
}

/* --- domains ------------------------------------------------------------------------------------------------------ */

static void save_domains(void)
{
	put(HASH_CNT(by_id, domains));
	for (struct domain *d = domains; d; d = d->by_id.next) {
		put(d->domid);
		put(d->since);
		put(d->target);
		put(d->introduced);
		put(d->shutdown);
		put(d->mfn);
		put(d->remote_port);
		put(d->port);
	}
}

static void load_domains(void)
{
	for (uint64_t n = get(); n; n--) {
		uint32_t domid = get();
		struct domain *d = domain_new(domid, get());

		d->target = get();
		d->introduced = get();
		d->shutdown = get();
		d->mfn = get();
		d->remote_port = get();
		d->port = get();
	}
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static bool save_node(struct node *n, void *arg);

static void save_below(struct node *n)
{
	put_blob(n->value);
	put_blob(n->perms);
	put(n->gen);
	put(n->perm_gen);
	put(n->list_gen);
	node_each_child(n, save_node, NULL);
	put_bytes("", 0);		/* no further child */
}

static bool save_node(struct node *n, void *arg)
{
	(void)arg;
	put_blob(n->name);
	save_below(n);
	return true;
}

static void load_below(struct node *n)
{
	const char *name;
	size_t len;

	n->value = get_blob();
	blob_put(n->perms);
	n->perms = get_blob();
	n->gen = get();
	n->perm_gen = get();
	n->list_gen = get();
	store_adopt(n);
	while (name = get_bytes(&len), len) {
		uint64_t list_gen = n->list_gen;

		load_below(tree_add(n, name, len, NULL));
		n->list_gen = list_gen;
	}
}

static void save_special(const char *name)
{
	put_blob(store_special_perms(name)->perms);
	put(store_special_perms(name)->generation);
}

static void load_special(const char *name)
{
	struct sight *s = store_special_perms(name);

	s->perms = get_blob();
	s->generation = get();
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void save_watches(const struct conn *c)
{
	struct watch *w;

	DL_FOREACH(c->watches, w) {
		put_blob(w->path);
		put_blob(w->token);
		put(w->strip);
		put(w->depth);
	}
	put_bytes("", 0);
}

/* An empty token is an empty blob, thus NULL. */
static void load_watches(struct conn *c)
{
	struct blob *path, *token;

	while ((path = get_blob())) {
		size_t strip;

		token = get_blob();
		strip = get();
		watch_add(c, path->data, token ? token->data : "", strip, get());
		blob_put(path);
		blob_put(token);
	}
}

static void save_transaction(struct tx *tx)
{
	struct change *c;

	/* What it depends on is compared now; the next life's tree has no older version to compare with. */
	tx_refresh(tx);
	put(tx->id);
	put(tx->doomed);
	for (struct note *n = tx->notes; n; n = n->hh.next) {
		put_bytes(n->path, n->hh.keylen);
		put(n->what);
	}
	put_bytes("", 0);
	LL_FOREACH(tx->changes, c) {
		put_blob(c->path);
		put(c->kind);
		put_blob(c->blob);
	}
	put_bytes("", 0);
}

static void load_transaction(struct conn *c)
{
	struct tx *tx = tx_add(c, get());
	struct blob *path;
	const char *name;
	size_t len;

	tx->doomed = get();
	while (name = get_bytes(&len), len)
		tx_note(tx, name, len, get());
	while ((path = get_blob())) {
		enum change_kind kind = get();

		tx_log(tx, kind, path->data, get_blob());
		blob_put(path);
	}
	tx_refresh(tx);
}

static void save_transactions(struct conn *c)
{
	struct tx *tx;
	int n;

	DL_COUNT(c->txs, tx, n);
	put(n);
	DL_FOREACH(c->txs, tx)
		save_transaction(tx);
}

static void save_unread(const void *data, size_t len, bool event, void *arg)
{
	(void)arg;
	put_bytes(data, len);
	put(event);
}

static void save_conn(struct conn *c)
{
	put(c->domain ? -1 : c->fd);
	put(c->domid);
	put(c->id);
	put(c->last_tx);
	put_bytes(c->in + c->in_start, c->in_used - c->in_start);
	conn_each_unread(c, save_unread, NULL);
	put_bytes("", 0);
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
	int fd = get();
	struct conn *c = load_transport(fd, get());
	const char *data;
	size_t len;

	c->id = get();
	c->last_tx = get();
	data = get_bytes(&len);
	memcpy(c->in, data, len);
	c->in_used = len;
	while (data = get_bytes(&len), len)
		conn_queue_unread(c, data, len, get());
	load_watches(c);
	for (uint64_t n = get(); n; n--)
		load_transaction(c);
	conn_wake(c);
}

static void save_conns(void)
{
	struct conn *c;
	int n = 0;

	DL_FOREACH(conns, c)
		n += !c->dead;
	put(n);
	DL_FOREACH(conns, c)
		if (!c->dead)
			save_conn(c);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static int save(void)
{
	int fd = memfd_create("xenstored", 0);

	out = fd < 0 ? NULL : fdopen(dup(fd), "w");
	if (!out)
		return -1;
	save_globals();
	save_domains();
	save_below(store_root);
	save_special("@introduceDomain");
	save_special("@releaseDomain");
	save_conns();
	if (!fclose(out))
		return fd;
	close(fd);
	return -1;
}

static bool map_stream(int fd)
{
	struct stat st;

	if (fstat(fd, &st) || !st.st_size)
		return false;
	in = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (in == MAP_FAILED)
		return false;
	in_end = in + st.st_size;
	return true;
}

bool state_can_load(int fd)
{
	return map_stream(fd) && (size_t)(in_end - in) >= sizeof(magic) && get() == magic;
}

void state_load_devices(int fd)
{
	int events, news;

	if (!state_can_load(fd)) {
		log_line("live update: this is not the state of a program like this one");
		exit(1);
	}
	close(fd);
	events = get();
	news = get();
	if (events >= 0)
		xen_open(events, news);
}

void state_load(void)
{
	int listener = get();
	uint64_t generation = get();

	load_limits();
	load_domains();
	domain_init();
	store_root = tree_new(NULL);
	load_below(store_root);
	load_special("@introduceDomain");
	load_special("@releaseDomain");
	tree_generation = generation;
	for (uint64_t n = get(); n; n--)
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

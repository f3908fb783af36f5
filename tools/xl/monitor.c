// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon that carries out on_poweroff, on_reboot and on_crash.
 *
 * A restart takes two steps, of which the second may never come: the old domain goes, a new one is made. A marker beside
 * the record says that a restart is under way, and how far:
 *
 *	marker "begun"   the old domain, or a half-made new one, goes; then a new one is made
 *	marker "made"    the new one only has to be let run
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "monitor.h"
#include "registry.h"
#include "wire.h"
#include "xl.h"

#define LOCK "/run/xen/xl-monitor.lock"
#define LOG "/var/log/xen/xl-monitor.log"
#define MARKER ".restart."
#define CHUNK 64
#define CRASH_SECONDS 5	/* a domain that lived shorter is not started anew after a crash */

/* --- starting -------------------------------------------------------------------------------------------------------- */

/*
 * @cmd: F_OFD_SETLK to be the one, F_OFD_GETLK only to look whether there is one: that must not take the lock, not even for
 * a moment, or a daemon that just starts would give way to it.
 *
 * Return: the descriptor, -EWOULDBLOCK when somebody else holds the lock.
 */
static int open_lock(int cmd)
{
	struct flock lock = { .l_type = F_WRLCK };
	int fd, rc;

	mkdir("/run/xen", 0755);
	fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = fcntl(fd, cmd, &lock) ? -errno : cmd == F_OFD_GETLK && lock.l_type != F_UNLCK ? -EWOULDBLOCK : fd;
	if (rc < 0)
		close(fd);
	return rc;
}

/* In the child: a daemon's surroundings, and a fresh program without a handle of ours. */
static void become_daemon(void)
{
	int in = open("/dev/null", O_RDWR), out;

	mkdir("/var/log/xen", 0755);
	out = open(LOG, O_WRONLY | O_CREAT | O_APPEND, 0644);
	setsid();
	if (fork())
		_exit(0);
	dup2(in, STDIN_FILENO);
	dup2(out >= 0 ? out : in, STDOUT_FILENO);
	dup2(out >= 0 ? out : in, STDERR_FILENO);
	if (chdir("/"))
		_exit(1);
	execl("/proc/self/exe", "xl", "monitor", NULL);
	_exit(127);
}

void monitor_ensure(void)
{
	int fd = open_lock(F_OFD_GETLK);
	pid_t pid;

	if (fd < 0)
		return;
	close(fd);
	pid = fork();
	if (!pid)
		become_daemon();
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* --- restart ---------------------------------------------------------------------------------------------------------- */

static void mark(const char *name, const char *state)
{
	char *path = xasprintf(REGISTRY "/" MARKER "%s", name);
	FILE *to = state ? fopen(path, "we") : NULL;

	if (to) {
		fputs(state, to);
		fclose(to);
	} else {
		unlink(path);
	}
	free(path);
}

static bool marked_made(const char *name)
{
	char *path = xasprintf(REGISTRY "/" MARKER "%s", name), state[8] = "";
	FILE *from = fopen(path, "re");
	bool made = from && fgets(state, sizeof(state), from) && !strcmp(state, "made");

	if (from)
		fclose(from);
	free(path);
	return made;
}

static void make_again(struct host *h, struct config *c)
{
	uint32_t domid;

	if (!domain_create(h, c, &domid)) {
		mark(c->name, "made");
		fault_point("made");
		domain_unpause(h, domid);
	}
	mark(c->name, NULL);
}

static void restart(struct host *h, uint32_t domid, struct config *c)
{
	mark(c->name, "begun");
	fault_point("begun");
	if (domain_remove(h, domid, true)) {
		mark(c->name, NULL);
		return;
	}
	fault_point("removed");
	make_again(h, c);
}

/*
 * The old domain, perhaps dead already but not yet out of the hypervisor or the store, and a half-made new one. One whose
 * destruction was cut short gives the rest of its memory back only when somebody asks again.
 */
static int clear_away(struct host *h, const struct config *c)
{
	long made = -1;
	uint32_t domid;
	int rc = 0;

	while (!rc && (made = registry_each(h, c->uuid, made + 1, true)) >= 0)
		rc = domain_remove(h, made, true);
	while (!rc && domain_find_node(h, c->name, &domid))
		rc = domain_remove(h, domid, true);
	return rc;
}

/* What a monitor before us did not bring to an end. */
static void resume_restart(struct host *h, const char *name)
{
	struct config c;
	long domid;

	if (registry_read(name, &c) || !c.uuid) {
		mark(name, NULL);
		config_free(&c);
		return;
	}
	if (marked_made(name)) {
		domid = registry_domain(h, c.uuid);
		if (domid >= 0)
			domain_unpause(h, domid);
		mark(name, NULL);
	} else if (!clear_away(h, &c)) {
		make_again(h, &c);
	}
	config_free(&c);
}

static void resume_restarts(struct host *h)
{
	DIR *dir = opendir(REGISTRY);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (!strncmp(e->d_name, MARKER, strlen(MARKER)))
			resume_restart(h, e->d_name + strlen(MARKER));
	if (dir)
		closedir(dir);
}

/* --- policies ---------------------------------------------------------------------------------------------------------- */

/*
 * A domain that crashes as soon as it runs would do so again and again, and with rename-restart fill the machine with what
 * is left of it: it is kept as it is.
 */
static bool crashes_at_once(struct host *h, const struct config *c)
{
	long start = store_number(h, 0, "/vm/%s/start_time", c->uuid);

	return time(NULL) - start < CRASH_SECONDS;
}

static enum on_action action_for(const struct config *c, unsigned int reason)
{
	switch (reason) {
	case SHUTDOWN_poweroff:
		return c->on_poweroff;
	case SHUTDOWN_reboot:
		return c->on_reboot;
	case SHUTDOWN_crash:
		return c->on_crash;
	case SHUTDOWN_watchdog:
		return c->on_watchdog;
	case SHUTDOWN_soft_reset:
		return c->on_soft_reset;
	}
	return ON_PRESERVE;	/* suspended: whoever saves it knows what comes next */
}

/* The old domain stays, under another name and with nothing to be done about it any more. */
static void set_aside(struct host *h, uint32_t domid, struct config *c)
{
	char *aside = xasprintf("%s-%u", c->name, domid), *name = c->name, *uuid = c->uuid;

	if (!domain_rename(h, domid, aside)) {
		struct config kept = *c;

		kept.name = aside;
		kept.on_poweroff = kept.on_reboot = kept.on_crash = kept.on_watchdog = kept.on_soft_reset = ON_PRESERVE;
		registry_write(&kept);
		c->name = name;
		c->uuid = NULL;
		mark(name, "begun");
		make_again(h, c);
		free(uuid);
	}
	free(aside);
}

static void act(struct host *h, uint32_t domid, unsigned int reason, struct config *c)
{
	enum on_action action = action_for(c, reason);

	if (reason == SHUTDOWN_crash && action != ON_DESTROY && action != ON_COREDUMP_DESTROY && crashes_at_once(h, c))
		action = ON_PRESERVE;
	if (action == ON_COREDUMP_DESTROY || action == ON_COREDUMP_RESTART)
		msg_warn("%s: core dumps are not written", c->name);
	if (action != ON_PRESERVE)
		msg_error(0, "%s (domain %u) has shut down, reason %u: %s", c->name, domid, reason, on_action_name[action]);
	switch (action) {
	case ON_DESTROY: case ON_COREDUMP_DESTROY:
		domain_remove(h, domid, false);
		break;
	case ON_RESTART: case ON_COREDUMP_RESTART:
		restart(h, domid, c);
		break;
	case ON_RENAME_RESTART:
		set_aside(h, domid, c);
		break;
	default:
		break;
	}
}

/* Domains without a record are somebody else's. */
static void look_at(struct host *h, const struct xen_domctl_getdomaininfo *d)
{
	struct config c = { 0 };
	char uuid[37], *name;

	if (!(d->flags & XEN_DOMINF_shutdown) || (d->flags & XEN_DOMINF_dying) || !d->domain)
		return;
	name = domain_name(h, d->domain);
	uuid_text(uuid, d->handle);
	if (name && !registry_read(name, &c) && c.uuid && !strcasecmp(c.uuid, uuid))
		act(h, d->domain, d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask, &c);
	config_free(&c);
	free(name);
}

static void look_at_all(struct host *h)
{
	struct xen_domctl_getdomaininfo list[CHUNK];
	uint32_t first = 0;
	int n, i;

	do {
		n = hcall_domain_list(h, first, list, CHUNK);
		for (i = 0; i < n; i++)
			look_at(h, &list[i]);
		first = n > 0 ? list[n - 1].domain + 1u : 0;
	} while (n == CHUNK);
}

/* What else than our own tools look up: Domain0 has no creator who would have written it. */
static void name_domain0(struct host *h)
{
	char *name = domain_name(h, 0);

	if (!name)
		store_write(h, "Domain-0", "/local/domain/0/name");
	free(name);
}

/* The work has a connection of its own: it waits for other nodes and would swallow our events. */
static int watch(struct host *events, struct host *work)
{
	struct pollfd fd;
	int rc;

	if (host_store(events) || host_call(work) || host_store(work))
		return 1;
	rc = store_watch(events, "@releaseDomain");
	if (rc)
		return msg_error(1, "cannot watch for domains that end: %s", strerror(-rc));
	fd = (struct pollfd){ .fd = wire_fd(events->store), .events = POLLIN };
	name_domain0(work);
	resume_restarts(work);
	for (;;) {
		look_at_all(work);
		if (poll(&fd, 1, -1) < 0 && errno != EINTR)
			return 1;
		while ((rc = wire_event(events->store)) > 0)
			continue;
		if (rc < 0)
			return msg_error(1, "the store daemon has gone");
	}
}

int monitor_run(void)
{
	struct host events = { 0 }, work = { 0 };
	int lock = open_lock(F_OFD_SETLK), rc;

	if (lock < 0)
		return lock == -EWOULDBLOCK ? 0 : msg_error(1, LOCK ": %s", strerror(-lock));
	rc = watch(&events, &work);
	host_close(&events);
	host_close(&work);
	close(lock);
	return rc;
}

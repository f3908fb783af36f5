// SPDX-License-Identifier: GPL-2.0-only
/*
 * The records. A creator holds a lock on the record until its domain is complete: a record without lock and without
 * domain is a dead creator's. New contents come by rename, so a reader sees the old or the new.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "registry.h"

#define LIST_CHUNK 64

static char *record_path(const char *name)
{
	return xasprintf(REGISTRY "/%s", name);
}

void uuid_text(char *text, const uint8_t u[16])
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		text += sprintf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

void uuid_bytes(uint8_t uuid[16], const char *text)
{
	unsigned int i, byte;

	for (i = 0; i < 16; i++, text += 2) {
		text += *text == '-';
		if (sscanf(text, "%2x", &byte) != 1)
			byte = 0;
		uuid[i] = byte;
	}
}

void uuid_make(uint8_t uuid[16])
{
	if (getrandom(uuid, 16, 0) != 16)
		abort();
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

long registry_each(struct host *h, const char *uuid, uint32_t from, bool dying)
{
	struct xen_domctl_getdomaininfo list[LIST_CHUNK];
	uint8_t wanted[16];
	int n, i;

	uuid_bytes(wanted, uuid);
	do {
		n = hcall_domain_list(h, from, list, LIST_CHUNK);
		for (i = 0; i < n; i++)
			if (!memcmp(list[i].handle, wanted, 16) && (dying || !(list[i].flags & XEN_DOMINF_dying)))
				return list[i].domain;
		from = n > 0 ? list[n - 1].domain + 1u : 0;
	} while (n == LIST_CHUNK);
	return -ESRCH;
}

int registry_read(const char *name, struct config *c)
{
	char *path, *text = NULL;
	struct cfg cfg = { 0 };
	struct stat st;
	int fd, rc = -ENOENT;

	*c = (struct config){ 0 };
	if (config_check_name(name))
		return rc;
	path = record_path(name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &st) && st.st_size) {
		text = xcalloc(st.st_size + 1, 1);
		if (read(fd, text, st.st_size) == st.st_size)
			rc = cfg_parse(&cfg, path, text, st.st_size) ?: config_read(c, &cfg);
	}
	if (fd >= 0)
		close(fd);
	cfg_free(&cfg);
	free(text);
	free(path);
	return rc;
}

int registry_write(const struct config *c)
{
	char *path = record_path(c->name), *next = xasprintf(REGISTRY "/.%s.%d", c->name, (int)getpid());
	FILE *to = fopen(next, "we");
	int rc = 0;

	if (to) {
		config_write(c, to);
		if (fclose(to) || rename(next, path))
			rc = -errno;
	} else {
		rc = -errno;
	}
	if (rc) {
		unlink(next);
		msg_error(rc, "cannot write %s: %s", path, strerror(-rc));
	}
	free(path);
	free(next);
	return rc;
}

bool registry_remove(const char *name)
{
	char *path;
	bool was;

	if (config_check_name(name))
		return false;
	path = record_path(name);
	was = !unlink(path);
	free(path);
	return was;
}

int registry_rename(const char *from, const char *to)
{
	char *old = record_path(from), *new = record_path(to);
	int rc = rename(old, new) ? -errno : 0;

	free(old);
	free(new);
	return rc;
}

/* Does a domain live that the record speaks of? */
static bool in_use(struct host *h, const char *name)
{
	struct config old;
	bool used = false;

	if (!registry_read(name, &old) && old.uuid)
		used = registry_domain(h, old.uuid) >= 0;
	config_free(&old);
	return used;
}

/* Open and lock; the file may have been replaced in between. Return: descriptor or -errno. */
static int lock_record(const char *path)
{
	struct stat mine, current;
	int fd;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			close(fd);
			return -EEXIST;
		}
		if (!fstat(fd, &mine) && !stat(path, &current) && mine.st_ino == current.st_ino)
			return fd;
		close(fd);
	}
}

/* A locked file with the settings takes the place of what is at @path. Return: its descriptor or -errno. */
static int replace_record(const char *path, const struct config *c)
{
	char *next = xasprintf(REGISTRY "/.claim.%d", (int)getpid()), *text = NULL;
	int fd = open(next, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	config_write(c, to);
	fclose(to);
	rc = fd;
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || write(fd, text, size) != (ssize_t)size || rename(next, path)) {
		rc = -errno;
		unlink(next);
		if (fd >= 0)
			close(fd);
	}
	free(text);
	free(next);
	return rc;
}

int registry_claim(struct host *h, const struct config *c)
{
	char *path = record_path(c->name);
	int old, fd = -EEXIST;

	mkdir("/run/xen", 0755);
	mkdir(REGISTRY, 0700);
	old = lock_record(path);
	if (old >= 0 && !in_use(h, c->name))
		fd = replace_record(path, c);
	else if (old < 0)
		fd = old;
	if (fd == -EEXIST)
		msg_error(fd, "a domain called %s exists already", c->name);
	else if (fd < 0)
		msg_error(fd, "cannot write %s: %s", path, strerror(-fd));
	if (old >= 0)
		close(old);
	free(path);
	return fd;
}

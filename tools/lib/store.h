/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store as a toolstack uses it: reading by a formatted path, and plans: all changes that belong together are listed
 * first and then made in one transaction, so that nobody ever sees half of a domain.
 */
#ifndef TOOLS_STORE_H
#define TOOLS_STORE_H

#include "host.h"

#define STORE_NOBODY UINT32_MAX

struct plan_step {
	enum { PLAN_WRITE, PLAN_DIRECTORY, PLAN_REMOVE } what;
	char *path, *value;
	uint32_t owner, reader;
};

struct plan {
	struct plan_step *step;
	size_t steps;
};

/** plan_write - a node; it inherits the rights of the directory it is made in */
void plan_write(struct plan *p, const char *value, const char *path, ...) __attribute__((format(printf, 3, 4)));

/** plan_number - the same with a decimal number */
void plan_number(struct plan *p, uint64_t value, const char *path, ...) __attribute__((format(printf, 3, 4)));

/**
 * plan_directory - a directory (or node) that @owner may do everything in and @reader may read; what is made in it later
 * inherits that
 * @reader: STORE_NOBODY: no other domain
 */
void plan_directory(struct plan *p, uint32_t owner, uint32_t reader, const char *path, ...)
	__attribute__((format(printf, 4, 5)));

/** plan_remove - a node with everything below it, if there is one */
void plan_remove(struct plan *p, const char *path, ...) __attribute__((format(printf, 2, 3)));

/**
 * plan_commit - make all changes, again when somebody else's transaction came between, and free the plan
 *
 * Return: 0 or -errno after a message; nothing is changed then.
 */
int plan_commit(struct host *h, struct plan *p);
void plan_free(struct plan *p);

/** store_read - a node's value, to be freed; NULL and errno when it cannot be read */
char *store_read(struct host *h, const char *path, ...) __attribute__((format(printf, 2, 3)));

/** store_read_each - the same for @n paths, all asked before the first answer is waited for; @path is freed */
void store_read_each(struct host *h, char **path, char **value, size_t n);

/** store_number - the number in a node; @missing when there is none */
long store_number(struct host *h, long missing, const char *path, ...) __attribute__((format(printf, 3, 4)));

/** store_list - the names in a directory (one block, to be freed); NULL with @count 0 when there is none */
char **store_list(struct host *h, unsigned int *count, const char *path, ...) __attribute__((format(printf, 3, 4)));

/** store_write - one node at once; -errno without a message */
int store_write(struct host *h, const char *value, const char *path, ...) __attribute__((format(printf, 3, 4)));

/** store_replace - @value for @old in one transaction. Return: 1, 0 when the node says something else, or -errno. */
int store_replace(struct host *h, const char *path, const char *old, const char *value);

/** store_introduce - tell the daemon of a domain: the frame of its ring and its event channel. Return: 0 or -errno. */
int store_introduce(struct host *h, uint32_t domid, uint64_t mfn, uint32_t port);

/** store_resume - tell the daemon that the domain goes on: its next end is news again. Return: 0 or -errno. */
int store_resume(struct host *h, uint32_t domid);

/** store_watch - events from now on when @path or something below it changes (wire_event()). Return: 0 or -errno. */
int store_watch(struct host *h, const char *path);

/**
 * store_wait - until @done says something about a node (watched), or so many seconds are over
 * @done: called first and after each change with the value (NULL: no such node); 0 means wait on
 *
 * Return: what @done said, -ETIMEDOUT or another -errno.
 */
int store_wait(struct host *h, const char *path, int (*done)(const char *value, void *data), void *data, int seconds);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a tool holds while it works on a host: the ways to the hypervisor and to the store, each opened when it is first
 * needed, and how the tool speaks to its user.
 */
#ifndef TOOLS_HOST_H
#define TOOLS_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <xencall.h>
#include <xenforeignmemory.h>

struct wire;

struct host {
	xencall_handle *call;
	xenforeignmemory_handle *memory;
	struct wire *store;
	void *page;		/* the hypercall buffer that arguments are put into */
};

/**
 * host_call - the hypercall device
 *
 * Return: 0, or -errno with a message that says what is missing.
 */
int host_call(struct host *h);

/** host_memory - foreign mappings; like host_call() */
int host_memory(struct host *h);

/** host_store - the connection to the store daemon; like host_call() */
int host_store(struct host *h);

/** host_close - give up what was opened; the structure may be used again */
void host_close(struct host *h);

/** msg_error - one line on stderr with the program's name before it; returns @rc, so that a caller can return it */
int msg_error(int rc, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** msg_warn - like msg_error(), for what does not stop the work */
void msg_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** msg_note - said only after msg_verbose was raised (xl -v) */
void msg_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

extern int msg_verbose;
extern const char *msg_program;

/** xstrdup, xasprintf, xcalloc, xrealloc - like libc's, but the program ends when there is no memory */
char *xstrdup(const char *s);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);

#endif

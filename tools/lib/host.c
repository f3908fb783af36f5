// SPDX-License-Identifier: GPL-2.0-only
/*
 * The handles of a tool, its messages, and memory that is never refused: a tool that has none left cannot do better than
 * end, and what it left half done is cleaned by "destroy".
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host.h"
#include "wire.h"

int msg_verbose;
const char *msg_program = "xl";

static void message(const char *kind, const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "%s: %s", msg_program, kind);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int msg_error(int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message("", format, args);
	va_end(args);
	return rc;
}

void msg_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message("warning: ", format, args);
	va_end(args);
}

void msg_note(const char *format, ...)
{
	va_list args;

	if (!msg_verbose)
		return;
	va_start(args, format);
	message("", format, args);
	va_end(args);
}

int host_call(struct host *h)
{
	int rc;

	if (h->call)
		return 0;
	h->call = xencall_open(NULL, XENCALL_OPENFLAG_NON_REENTRANT);
	if (!h->call) {
		rc = -errno;
		return msg_error(rc, "no hypervisor to speak to: /dev/xen/privcmd: %s "
				 "(is this Domain0, and the module xen-privcmd loaded?)", strerror(errno));
	}
	h->page = xencall_alloc_buffer_pages(h->call, 1);
	if (h->page)
		return 0;
	rc = -errno;
	xencall_close(h->call);
	h->call = NULL;
	return msg_error(rc, "no hypercall buffer: %s", strerror(-rc));
}

int host_memory(struct host *h)
{
	if (!h->memory)
		h->memory = xenforeignmemory_open(NULL, 0);
	if (!h->memory)
		return msg_error(-errno, "cannot map memory of domains: %s", strerror(errno));
	return 0;
}

int host_store(struct host *h)
{
	if (!h->store)
		h->store = wire_open();
	if (!h->store)
		return msg_error(-errno, "no connection to the store: %s (is xenstored running?)", strerror(errno));
	return 0;
}

void host_close(struct host *h)
{
	if (h->page)
		xencall_free_buffer_pages(h->call, h->page, 1);
	if (h->call)
		xencall_close(h->call);
	if (h->memory)
		xenforeignmemory_close(h->memory);
	wire_close(h->store);
	*h = (struct host){ 0 };
}

static void *or_die(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return p;
}

char *xstrdup(const char *s)
{
	return s ? or_die(strdup(s)) : NULL;
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	if (vasprintf(&s, format, args) < 0)
		s = NULL;
	va_end(args);
	return or_die(s);
}

void *xcalloc(size_t n, size_t size)
{
	return or_die(calloc(n, size));
}

void *xrealloc(void *p, size_t size)
{
	return or_die(realloc(p, size));
}

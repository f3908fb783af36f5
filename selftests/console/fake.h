/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine for xenconsoled, inside of one program: the daemon is a child process with the fakes of fake.c instead of the
 * libxen* libraries, the test is its parent and plays store and guests in memory that both share.
 */
#ifndef CONSOLE_FAKE_H
#define CONSOLE_FAKE_H

#include <stdbool.h>
#include <xen/io/console.h>

enum { DOMAINS = 200, NODES = 1000, PORT = 2000 };

struct fake {
	struct node { char path[48], value[48]; } node[NODES];
	bool watched[DOMAINS];			/* .../console of that domain */
	bool introduced[DOMAINS];
	bool bound[DOMAINS], masked[DOMAINS], pending[DOMAINS];
	unsigned int told[DOMAINS];		/* events the guest got */
	union {
		struct xencons_interface ring;
		char bytes[4096];
	} page[DOMAINS];
	unsigned int mapped;			/* pages, now */
	bool no_hypercalls;
	unsigned int questions;			/* to the store, whether a domain is introduced */
};

extern struct fake *fake;

/** fake_init() - before the child is made. */
void fake_init(void);

/** fake_write() - set a node, and say so to who watches. */
void fake_write(const char *value, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** fake_read() - the value; "" when there is no such node. */
const char *fake_read(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** fake_special() - "@introduceDomain" or "@releaseDomain" */
void fake_special(const char *name);

/** fake_raise() - an event of that guest's. */
void fake_raise(unsigned int domid);

#endif

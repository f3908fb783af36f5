/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenconsoled's parts:
 *
 *	store watches (domains.c) --> one struct console a domain
 *	ring + event channel (ring.c) --> output window (output.c) --> log file (log.c), readers (reader.c): pty, sockets
 *	                              <-- input of any reader
 */
#ifndef XENCONSOLED_CONSOLE_H
#define XENCONSOLED_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>
#include <xen/io/console.h>

#include "daemon.h"
#include "loop.h"
#include "output.h"

struct console;

/* A file to which output goes too. */
struct log {
	int fd;				/* -1: none */
	bool stamp, middle;		/* time before each line; we are in the middle of one */
	char *path;
};

/* Someone who sees the output and may type. */
struct reader {
	struct source source;
	struct reader *next;
	struct console *console;	/* NULL: a client that has not said yet whose console it wants */
	int fd;
	bool is_pty;
	bool waits_for_room;		/* the guest's ring is full of input */
	char choice[12];		/* the first line, as far as it has come */
	unsigned int chosen;
	bool waits_to_write;
	uint64_t at;			/* in the console's output */
};

struct console {
	struct console *next;
	unsigned int domid;
	bool seen;			/* while the list of domains is gone through */
	char *life;			/* which domain of this number: the path of its /vm folder */
	struct xencons_interface *ring;
	bool ring_granted;		/* mapped by grant, else as foreign memory */
	unsigned int remote_port;	/* as the store says; with the domain's life it changes */
	unsigned long frame;
	int port;			/* ours, -1 when none */
	bool held_back;			/* said too much; its event stays masked until the next tick */
	unsigned int budget;		/* bytes until then */
	uint64_t budget_since;		/* when it was full, in ticks */
	struct output output;
	struct reader *readers;
	int tty_fd;			/* our side of the pty's other end: keeps it alive between readers */
	struct log log;
};

/* ---- main.c ---- */
extern struct options {
	bool log_guest, log_hypervisor, stamp_guest, stamp_hypervisor;
	const char *log_dir;
} options;
extern struct xs_handle *store;
#define TICK_NS	100000000
/** tick_start() - ring_tick() and readers_tick() within a tenth of a second. */
void tick_start(void);

/* ---- domains.c ---- */
extern struct console *consoles;
bool domains_open(void);		/* store handle, watches */
struct console *console_find(unsigned int domid);
void domains_close(void);

/* ---- ring.c ---- */
bool rings_open(void);			/* event channel, grant and foreign memory devices */
/** ring_connect() - map the ring and bind the port that the store names. False: not now. */
bool ring_connect(struct console *c, unsigned long frame, unsigned int remote_port);
void ring_disconnect(struct console *c);
/** ring_serve() - take what is there, without an event: after ring_connect(), and before the end. */
void ring_serve(struct console *c);
/** ring_input() - put bytes into the guest's ring; how many fitted. */
unsigned int ring_input(struct console *c, const char *data, unsigned int n);
unsigned int ring_room(const struct console *c);
void ring_tick(void);			/* who was held back may speak again */

/* ---- reader.c ---- */
bool readers_listen(const char *path);
bool reader_make_pty(struct console *c, char *name, size_t size);
void readers_output(struct console *c);	/* there is new output */
void readers_room(struct console *c);	/* there is room for input again */
void readers_close(struct console *c);
void readers_tick(void);		/* there may be descriptors again */

/* ---- log.c ---- */
/** log_open() - append to NAME.log in the log folder; a file that cannot be opened is said and does without. */
void log_open(struct log *l, const char *name, bool stamp);
void log_write(struct log *l, const char *data, size_t n);
void log_reopen(struct log *l);		/* it was moved away */
void log_close(struct log *l);

/* ---- hypervisor.c ---- */
/** hypervisor_each_domain() - call @lives for each domain but dying ones. False: the hypervisor does not tell. */
bool hypervisor_each_domain(void (*lives)(unsigned int domid));

/* What the hypervisor says goes to a file too. */
extern int hypervisor_port;		/* event channel of VIRQ_CON_RING, -1: none */
extern struct log hypervisor_log;
bool hypervisor_open(void);
void hypervisor_poll(void);		/* there is more */

#endif

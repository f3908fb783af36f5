/* SPDX-License-Identifier: GPL-2.0-only */
/* Event channel calls, in a shape that both the parent and (through child_call) a child can use. */
#ifndef INTERDOMAIN_EVENTS_H
#define INTERDOMAIN_EVENTS_H

#include "child.h"

long ev_alloc(long dom, long remote, long unused);	/* a port of @dom for @remote, or -errno */
long ev_bind(long remote, long port, long unused);	/* the own port, unmasked, or -errno */
long ev_send(long port, long times, long unused);	/* first result that is not 0 */
long ev_close(long port, long unused, long unused2);
long ev_reset(long dom, long unused, long unused2);
long ev_state(long dom, long port, long unused);	/* EVTCHNSTAT_* */
long ev_count(long port, long unused, long unused2);	/* of upcalls */
long ev_ready(long unused, long unused2, long unused3);	/* unmask the vcpu */

/* FIFO. Guest pages are of the caller's own image, the same place in parent and child. */
long fifo_init(long vcpu, long unused, long unused2);
long fifo_expand(long unused, long unused2, long unused3);
long fifo_priority(long port, long priority, long unused);
long fifo_mask(long port, long masked, long unused);
/* Take the next port off vcpu 0's queues, the best priority first; 0: there is none. */
long fifo_take(long unused, long unused2, long unused3);

extern struct child one, two;
void make_child(struct child *c, unsigned int vcpus);	/* running, serving */

void test_fifo(void);
void test_hostile(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event channels that one open file of /dev/xen/evtchn holds, and the queue of those that fired.
 *
 * A bound port is in one of three states:
 *
 *	armed --event--> queued --read()--> taken --write()--> armed
 *
 * From "queued" on it is masked: its interrupt has had no end-of-interrupt yet, so it cannot fire again before user space
 * asks for more with write(). The queue therefore is a list through the ports themselves; it needs no memory beyond
 * them and cannot overflow, however many ports there are.
 */
#ifndef EVTCHN_PORTS_H
#define EVTCHN_PORTS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <xenolith/event.h>

#define NO_RESTRICTION ((domid_t)-1)

/**
 * struct port_set - the ports of one open file
 * @bindings:	read: @ports stays as it is; write: it changes
 * @ports:	struct user_port by port number
 * @restricted:	the only domain that may be bound to, or NO_RESTRICTION; under @bindings
 * @reading:	one reader at a time, so that ports come in the order of their events
 * @lock:	@queue, @offered and the state of each port; taken by the interrupt handler
 * @queue:	ports that fired, oldest first
 * @offered:	ports that a reader is about to hand to user space
 * @wait:	readers and pollers
 * @sigio:	who wants SIGIO
 * @name:	the owner, for /proc/interrupts
 */
struct port_set {
	struct rw_semaphore bindings;
	struct xarray ports;
	domid_t restricted;
	struct mutex reading;
	spinlock_t lock;
	struct list_head queue;
	struct list_head offered;
	wait_queue_head_t wait;
	struct fasync_struct *sigio;
	char name[32];
};

/**
 * ports_create - a new empty set, named after the current process
 *
 * Return: the set, or NULL without memory.
 */
struct port_set *ports_create(void);

/** ports_destroy - close all ports of @set and free it; nobody else uses it any more */
void ports_destroy(struct port_set *set);

/**
 * ports_bind - take an event channel of this domain into the set
 * @set:	the set; @bindings held for writing
 * @port:	an open port that no interrupt is bound to
 * @is_static:	the port belongs to the machine's configuration: it stays open when it leaves the set
 *
 * Return: @port or -errno; after an error the port is closed, unless it is static.
 */
int ports_bind(struct port_set *set, evtchn_port_t port, bool is_static);

/**
 * ports_unbind - close a port of the set
 * @set:	the set; @bindings held for writing
 * @port:	its number
 *
 * An event of it that was not read yet is forgotten.
 * Return: 0, or -ENOTCONN if the set does not have it.
 */
int ports_unbind(struct port_set *set, evtchn_port_t port);

/**
 * ports_rearm - let ports fire again
 * @set:	the set
 * @ports:	port numbers; those that the set does not have, or that are armed, are left out
 * @count:	how many
 */
void ports_rearm(struct port_set *set, const evtchn_port_t *ports, unsigned int count);

/**
 * ports_offer - the oldest events, for a reader
 * @set:	the set; @reading held
 * @ports:	where their ports go
 * @count:	room in @ports
 *
 * Return: how many; ports_taken() must follow.
 */
unsigned int ports_offer(struct port_set *set, evtchn_port_t *ports, unsigned int count);

/**
 * ports_taken - what became of the events offered
 * @set:	the set; @reading held
 * @delivered:	user space has them; otherwise they go back to the queue's head
 */
void ports_taken(struct port_set *set, bool delivered);

/** ports_forget - drop all events that were not read; their ports stay masked until they are written */
void ports_forget(struct port_set *set);

/** ports_pending - whether there is an event to read */
static inline bool ports_pending(const struct port_set *set)
{
	return !list_empty(&set->queue);
}

#endif

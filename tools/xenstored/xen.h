/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor and the kernel's devices, through the stable libraries. Everything else in the daemon runs without.
 */
#ifndef XENSTORED_XEN_H
#define XENSTORED_XEN_H

#include <stdbool.h>
#include <stdint.h>

struct xenstore_domain_interface;

enum domain_state { DOMAIN_GONE, DOMAIN_SHUTDOWN, DOMAIN_ALIVE };

/**
 * xen_open() - open the devices and ask for news of domains' ends.
 * @evtchn_fd: the event channel device as a former life of the daemon had it open, or -1.
 * @news_port: the port of the news in that case.
 * Returns false, and says why in the log, when this is no Domain0.
 */
bool xen_open(int evtchn_fd, int news_port);

/** xen_is_open() - whether there is a hypervisor to talk to. */
bool xen_is_open(void);

/** xen_events_fd() - readable when xen_next_event() has something; -1 without hypervisor. */
int xen_events_fd(void);

/** xen_next_event() - the next port that has an event, unmasked again, or -1. */
int xen_next_event(void);

/** xen_news_port() - the port of VIRQ_DOM_EXC: some domain shut down or died. */
int xen_news_port(void);

/** xen_bind(), xen_unbind(), xen_notify() - the event channel of a ring. xen_bind() returns a port or -1. */
int xen_bind(uint32_t domid, uint32_t remote_port);
void xen_unbind(int port);
void xen_notify(int port);

/** xen_map_ring() - the ring page of @domid, by its reserved grant or else by frame number; NULL with errno. */
struct xenstore_domain_interface *xen_map_ring(uint32_t domid, uint64_t mfn);

/** xen_unmap_ring() - of xen_map_ring() or xen_map_own_ring(). */
void xen_unmap_ring(struct xenstore_domain_interface *ring);

/** xen_map_own_ring() - the ring of the kernel that we run on, and its event channel in @remote_port; or NULL. */
struct xenstore_domain_interface *xen_map_own_ring(uint32_t *remote_port);

/** xen_domain_state() - without hypervisor every domain is alive. */
enum domain_state xen_domain_state(uint32_t domid);

/** xen_each_domain() - call @fn for every domain that there is. False when the hypervisor does not tell. */
bool xen_each_domain(void (*fn)(uint32_t domid, enum domain_state state, void *arg), void *arg);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domains: their numbers' meaning over time, what they may hold, their rings.
 *
 * A domain is known from the moment that a node's permissions name it or it is introduced, until the hypervisor says
 * that it is gone. "since" tells the life of a number from its next one: permissions set earlier mean somebody else.
 */
#ifndef XENSTORED_DOMAIN_H
#define XENSTORED_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "quota.h"

struct conn;
struct xenstore_domain_interface;

struct domain {
	uint32_t domid;
	bool gone;			/* domain_check_all() has not found it */
	bool kick;			/* bytes moved through the ring that the domain was not told of */
	uint32_t target;		/* the domain whose device model this one is, or 0 */
	bool introduced;
	bool shutdown;			/* watchers of @releaseDomain were told that it shut down */
	bool warned;			/* the log has its excess of memory */
	uint64_t since;			/* tree generation at which the number began to mean this domain */
	uint64_t mfn;			/* of the ring, as introduced */
	uint32_t remote_port;
	int port;			/* local port of its ring, -1 without */
	struct xenstore_domain_interface *ring;
	struct conn *conn;
	int used[QUOTA_KINDS];		/* what it holds, see quota.h */
	UT_hash_handle by_id, by_port;
};

/** domains - all known domains, a uthash by number (handle by_id). */
extern struct domain *domains;

/** domain_new() - know a domain; domain_know() asks the hypervisor first. */
struct domain *domain_new(uint32_t domid, uint64_t since);

/** domain_find() - the domain with that number if it is known, or NULL. */
struct domain *domain_find(uint32_t domid);

/** domain_init() - Domain0 is known; with a hypervisor, its news and rings' events are served from now on. */
void domain_init(void);

/** domain_connect_own() - connect the kernel that we run on. False when it offers no ring. */
bool domain_connect_own(void);

/** domain_know() - the domain with that number, known from now on; NULL when the hypervisor has none. */
struct domain *domain_know(uint32_t domid);

/** domain_since() - generation since when @domid means who it means; a number without domain means nobody yet. */
uint64_t domain_since(uint32_t domid);

/** domain_introduce() - connect a domain's ring, or give a connected one a new event channel. 0 or an errno. */
int domain_introduce(uint32_t domid, uint64_t mfn, uint32_t port);

/** domain_reattach() - go on with the ring of a domain that was connected before a live update, by @d->port. */
void domain_reattach(struct domain *d);

/** domain_release() - forget a domain and all that it held: nodes, watches, transactions, rights. */
void domain_release(struct domain *d);

/** domain_check_all() - ask the hypervisor which domains shut down or died, and act. */
void domain_check_all(void);

#endif

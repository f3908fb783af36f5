/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Life of a domain: found, created, suspended, destroyed.
 *
 * Whoever creates a domain may be killed between any two steps, so each step leaves something by which domain_destroy()
 * finds the rest:
 *
 *	record with name and UUID  →  domain with that UUID  →  memory, vcpus  →  nodes in the store (one transaction)
 *	→  introduced  →  devices ready  →  running
 *
 * A record (registry.h) is found by name, the domain by the UUID in it, nodes and backends by the domain's number.
 */
#ifndef TOOLS_DOMAIN_H
#define TOOLS_DOMAIN_H

#include "config.h"
#include "hypercall.h"
#include "store.h"

/**
 * domain_find - a domain by number, name or UUID
 *
 * Return: 0 and @domid, or -errno after a message.
 */
int domain_find(struct host *h, const char *who, uint32_t *domid);

/** domain_lookup - the same without a message */
int domain_lookup(struct host *h, const char *who, uint32_t *domid);

/** domain_find_node - the number under which a name stands in the store, whether that domain lives or not */
bool domain_find_node(struct host *h, const char *name, uint32_t *domid);

/** domain_name - of a domain, to be freed; NULL when it has none */
char *domain_name(struct host *h, uint32_t domid);

/** domain_names - of @n domains, at hardly more than one's cost; an array that is freed after each of its elements */
char **domain_names(struct host *h, const struct xen_domctl_getdomaininfo *list, size_t n);

/**
 * domain_create - all of it, paused
 * @c: uuid and MAC addresses that are missing are made and put in
 *
 * Return: 0 and @domid; -errno after a message, and nothing is left of it.
 */
int domain_create(struct host *h, struct config *c, uint32_t *domid);

/** domain_unpause - let it run */
int domain_unpause(struct host *h, uint32_t domid);

/**
 * domain_suspend - have the guest suspend itself (suspend.c)
 * @seconds: so long it may take until it has heard, and so long until it stands still
 *
 * Return: 0: the domain is shut down for SHUTDOWN_suspend; -errno after a message.
 */
int domain_suspend(struct host *h, uint32_t domid, int seconds);

/** domain_resume - let a suspended domain go on where it is. Return: 0 or -errno after a message. */
int domain_resume(struct host *h, uint32_t domid);

/** domain_suspended - is it shut down for SHUTDOWN_suspend? */
bool domain_suspended(const struct xen_domctl_getdomaininfo *info);

/**
 * domain_destroy - end a domain at once and remove all that belongs to it
 * @who: as for domain_find(); also the name of one whose creation was cut short
 */
int domain_destroy(struct host *h, const char *who);

/** domain_remove - the same for a number; @keep_record for one that is created again under the same name */
int domain_remove(struct host *h, uint32_t domid, bool keep_record);

/** domain_rename - in the store and its record. Return: 0 or -errno after a message. */
int domain_rename(struct host *h, uint32_t domid, const char *name);

/** domain_affinity - where one vcpu runs; @flags: XEN_VCPUAFFINITY_*. Return: 0 or -errno after a message. */
int domain_affinity(struct host *h, uint32_t domid, unsigned int vcpu, const struct cpuset *set, uint32_t flags);

/** fault_point - in builds for tests: be killed here when $XL_FAULT names it */
#ifdef FAULT_INJECTION
void fault_point(const char *name);
#else
static inline void fault_point(const char *name) { (void)name; }
#endif

#endif

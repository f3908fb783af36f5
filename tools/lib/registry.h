/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of each domain beside the store: one file a name in /run/xen/domains, holding its settings in the syntax
 * of xl.cfg. It reserves the name, it tells "reboot" what to create again and "list -l" what to show. It is a record of
 * this boot of the machine, so nothing needs to reach a disk.
 */
#ifndef TOOLS_REGISTRY_H
#define TOOLS_REGISTRY_H

#include "config.h"
#include "hypercall.h"

#define REGISTRY "/run/xen/domains"

/**
 * registry_claim - reserve a name for a domain that is going to be created
 *
 * A record whose domain is gone (its creator was killed, or Domain0's tools lost it) is taken over.
 *
 * Return: a locked descriptor to be closed when the domain is complete, or -errno after a message (-EEXIST: in use).
 */
int registry_claim(struct host *h, const struct config *c);

/** registry_write - the settings of a domain anew, in one step. Return: 0 or -errno after a message. */
int registry_write(const struct config *c);

/** registry_read - the settings of the domain of that name. Return: 0, config_free() it; -ENOENT without a message
 * (also for the empty record of a creator that was killed at once). */
int registry_read(const char *name, struct config *c);

/** registry_remove - Return: was there one? */
bool registry_remove(const char *name);
int registry_rename(const char *from, const char *to);

/** uuid_text, uuid_bytes - between the two forms; uuid_text() wants 37 bytes */
void uuid_text(char *text, const uint8_t uuid[16]);
void uuid_bytes(uint8_t uuid[16], const char *text);

/** uuid_make - a random one (RFC 4122, version 4) */
void uuid_make(uint8_t uuid[16]);

/**
 * registry_each - the next domain with that UUID
 * @from:  where to look on: 0, later one more than what came last
 * @dying: also one whose destruction has begun; a domain and those that it came after have one UUID
 *
 * Return: its number, or -ESRCH.
 */
long registry_each(struct host *h, const char *uuid, uint32_t from, bool dying);

/** registry_domain - the number of the living domain with that UUID, or -ESRCH */
static inline long registry_domain(struct host *h, const char *uuid)
{
	return registry_each(h, uuid, 0, false);
}

#endif

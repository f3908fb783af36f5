/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of a domain: the nodes that frontend and backend find each other by, and what Domain0 has to do so that the
 * backend works: a loop device for a file, a bridge for a network interface.
 *
 *	/local/domain/N/device/vbd/51712   owned by the guest, read by the backend's domain
 *	/local/domain/0/backend/vbd/N/51712   owned by the backend's domain, read by the guest
 */
#ifndef TOOLS_DEVICE_H
#define TOOLS_DEVICE_H

#include "config.h"
#include "store.h"

/* Where a backend outside Domain0 is written down for us alone, for both ends' folders are theirs: libxl's place for it. */
#define DEVICE_RECORD "/libxl/%u/device"

/** struct device - a device on its way into a domain */
struct device {
	const char *kind;	/* "vbd" or "vif" */
	uint32_t devid;
	uint32_t backend;	/* domain */
	const struct disk *disk;	/* one of the two */
	const struct nic *nic;
	int hold;		/* file that must stay open until the backend has the loop device; -1 */
	char *node;		/* block device in Domain0 */
	unsigned int major, minor;
};

/**
 * device_of_disk, device_of_nic - prepare a device: find the backend's domain and what is behind it; a file gets a loop
 * device that vanishes by itself once neither the backend nor we have it open
 *
 * Return: 0 or -errno after a message; device_release() in either case.
 */
int device_of_disk(struct host *h, struct device *dev, const struct disk *disk);
int device_of_nic(struct host *h, struct device *dev, const struct nic *nic);
void device_release(struct device *dev);

/** device_plan - add the nodes of both ends to a plan */
void device_plan(struct plan *p, const struct device *dev, uint32_t domid);

/**
 * device_ready - after the commit: wait for the backend, join the bridge, run scripts
 *
 * Return: 0 or -errno after a message with the backend's reason.
 */
int device_ready(struct host *h, struct device *dev, uint32_t domid);

/**
 * device_detach - ask both ends to close, wait, and remove the nodes
 * @force: do not wait for the guest
 */
int device_detach(struct host *h, uint32_t domid, const char *kind, uint32_t devid, bool force);

/** device_offline - what a script set up is taken down; before the nodes of a domain are removed */
void device_offline(struct host *h, uint32_t domid, const char *kind, uint32_t devid);

/** loop_attach - a loop device over a file. Return: an open descriptor of it, or -errno after a message. */
int loop_attach(const char *file, bool readonly, bool buffered, char **node);

/** bridge_join - interface into bridge and up, over netlink. Return: 0 or -errno without a message. */
int bridge_join(const char *interface, const char *bridge, unsigned int mtu);

/** link_rename - give an interface that is down another name */
int link_rename(const char *interface, const char *name);

/**
 * script_run - a hotplug script of the administrator with the environment Xen's toolstack gives it
 * @action: "add", "remove", "online", "offline"
 */
int script_run(const char *script, const char *action, uint32_t domid, const char *kind, uint32_t devid,
	       const char *interface, const char *bridge);

#endif

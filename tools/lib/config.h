/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a domain shall be: the settings of xl.cfg(5) after they were understood. Everything wrong with a configuration is
 * found here, before anything is created.
 */
#ifndef TOOLS_CONFIG_H
#define TOOLS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "config-syntax.h"

#define CONFIG_MAX_VCPUS 512

enum guest_type { GUEST_PV, GUEST_PVH };

/* Whose code makes a PVH guest's kernel use the hypervisor: its own, or modules (Documentation/port.md) */
enum paravirt { PARAVIRT_KERNEL, PARAVIRT_MODULE };

enum disk_backend { DISK_PHY, DISK_FILE };

/** struct disk - one "disk" specification (xl-disk-configuration(5)) */
struct disk {
	char *target;		/* device or file; NULL: a CD-ROM drive without a disc */
	char *vdev;		/* xvda, hda3, sdb … */
	uint32_t devid;		/* the number the guest knows it by */
	enum disk_backend backend;
	bool readonly, cdrom;
	bool buffered;		/* through the page cache instead of direct I/O */
	bool no_discard;
	char *script;
	char *backend_domain;
};

/** struct nic - one "vif" specification (xl-network-configuration(5)) */
struct nic {
	uint32_t devid;
	uint8_t mac[6];
	bool mac_given;
	char *bridge, *script, *vifname, *ip, *rate, *backend_domain;
	uint64_t mtu;
};

enum on_action { ON_DESTROY, ON_RESTART, ON_RENAME_RESTART, ON_PRESERVE, ON_COREDUMP_DESTROY, ON_COREDUMP_RESTART,
		 ON_ACTIONS };
extern const char *const on_action_name[ON_ACTIONS];

/** struct cpuset - physical CPUs */
struct cpuset {
	bool any;	/* all there are, also those that come later */
	uint64_t bits[CONFIG_MAX_VCPUS / 64];
};

struct config {
	char *name;
	char *uuid;			/* NULL until one is made */
	enum guest_type type;
	enum paravirt paravirt;
	uint64_t memory, maxmem;	/* MiB */
	uint64_t vcpus, maxvcpus;
	char *kernel, *ramdisk;
	char *cmdline, *root, *extra;
	char *cpus;			/* text; see cpuset_parse() */
	char **vcpu_cpus;		/* a text for each vcpu, when "cpus" is a list */
	size_t vcpu_cpus_count;
	uint64_t cpu_weight, cap;	/* 0: the scheduler's default */
	char *pool;
	uint64_t max_grant_frames, max_maptrack_frames, max_grant_version, max_event_channels;
	enum on_action on_poweroff, on_reboot, on_crash, on_watchdog, on_soft_reset;
	struct disk *disk;
	size_t disks;
	struct nic *nic;
	size_t nics;
	bool nomigrate;
};

/**
 * config_read - understand settings
 *
 * A key that nobody knows is a warning with the nearest known one, a wrong value an error.
 *
 * Return: 0, or -EINVAL after messages for all that is wrong, each "FILE:LINE: …". config_free() in either case.
 */
int config_read(struct config *c, const struct cfg *cfg);
void config_free(struct config *c);

/** config_write - the settings such that config_read() understands the same again */
void config_write(const struct config *c, FILE *to);

/** config_check_name - NULL, or why a domain cannot have that name */
const char *config_check_name(const char *name);

/** config_cmdline - cmdline, or root= and extra joined; the caller frees it */
char *config_cmdline(const struct config *c);

/**
 * disk_parse, nic_parse - one specification, as in the file or on the command line of block-attach and network-attach
 *
 * Return: NULL or what is wrong (the caller frees it); disk_free() or nic_free() in either case.
 */
char *disk_parse(struct disk *d, const char *spec);
char *disk_text(const struct disk *d);
void disk_free(struct disk *d);
char *nic_parse(struct nic *n, const char *spec);
char *nic_text(const struct nic *n);
void nic_free(struct nic *n);

/** nic_complete - a random address for a card that got none */
void nic_complete(struct nic *n);

/** disk_number - xvda2 and the like as the guest's device number; -1 when it is none */
long disk_number(const char *vdev);

/** cpuset_parse - "all", "0-3,^1", "2"; NULL or what is wrong (static text) */
const char *cpuset_parse(struct cpuset *set, const char *text);

/** next_item - cut "a, b=c, …" at its commas: the next item without spaces around it, NULL at the end; @at moves on */
char *next_item(char **at);

#endif

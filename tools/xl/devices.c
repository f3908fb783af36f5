// SPDX-License-Identifier: GPL-2.0-only
/* Commands that put devices into running domains, take them out, and list them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device.h"
#include "registry.h"
#include "xl.h"

/* The remaining arguments are one specification. */
static char *join_spec(int argc, char **argv)
{
	char *all = xstrdup(argv[optind++]);

	for (; optind < argc; optind++) {
		char *longer = xasprintf("%s,%s", all, argv[optind]);

		free(all);
		all = longer;
	}
	return all;
}

static int attach(struct host *h, uint32_t domid, struct device *dev)
{
	char *there = store_read(h, "/local/domain/%u/device/%s/%u/backend", domid, dev->kind, dev->devid);
	struct plan p = { 0 };
	int rc;

	free(there);
	if (there)
		return msg_error(-EEXIST, "domain %u has a %s %u already", domid, dev->kind, dev->devid);
	device_plan(&p, dev, domid);
	rc = plan_commit(h, &p);
	if (rc)
		return rc;
	rc = device_ready(h, dev, domid);
	if (rc)
		device_detach(h, domid, dev->kind, dev->devid, true);
	return rc;
}

/* The record of a domain follows its devices, so that a reboot brings them back. */
static void record(struct host *h, uint32_t domid, void (*change)(struct config *c, const void *what), const void *what)
{
	char *name = domain_name(h, domid);
	struct config c = { 0 };

	if (name && !registry_read(name, &c)) {
		change(&c, what);
		registry_write(&c);
	}
	config_free(&c);
	free(name);
}

static void add_disk(struct config *c, const void *what)
{
	c->disk = xrealloc(c->disk, (c->disks + 1) * sizeof(*c->disk));
	free(disk_parse(&c->disk[c->disks++], what));
}

static void drop_disk(struct config *c, const void *what)
{
	const uint32_t *devid = what;
	size_t i;

	for (i = 0; i < c->disks; i++) {
		if (c->disk[i].devid != *devid)
			continue;
		disk_free(&c->disk[i]);
		memmove(&c->disk[i], &c->disk[i + 1], (--c->disks - i) * sizeof(*c->disk));
		return;
	}
}

static void add_nic(struct config *c, const void *what)
{
	c->nic = xrealloc(c->nic, (c->nics + 1) * sizeof(*c->nic));
	free(nic_parse(&c->nic[c->nics++], what));
}

static void drop_nic(struct config *c, const void *what)
{
	const uint32_t *devid = what;
	size_t i;

	for (i = 0; i < c->nics; i++) {
		if (c->nic[i].devid != *devid)
			continue;
		nic_free(&c->nic[i]);
		memmove(&c->nic[i], &c->nic[i + 1], (--c->nics - i) * sizeof(*c->nic));
		return;
	}
}

/* --- disks ------------------------------------------------------------------------------------------------------------ */

static int run_block_attach(struct host *h, int argc, char **argv)
{
	struct device dev = { .hold = -1 };
	struct disk disk;
	char *spec, *wrong;
	uint32_t domid = xl_first_domain(h, argc, argv, 2, 8);
	int rc;

	spec = join_spec(argc, argv);
	wrong = disk_parse(&disk, spec);
	if (wrong) {
		rc = msg_error(-EINVAL, "%s: %s", spec, wrong);
	} else if (xl_dry_run) {
		rc = 0;
	} else {
		rc = device_of_disk(h, &dev, &disk) ?: attach(h, domid, &dev);
		if (!rc)
			record(h, domid, add_disk, spec);
		device_release(&dev);
	}
	disk_free(&disk);
	free(wrong);
	free(spec);
	return rc ? 1 : 0;
}

static long which(const char *text, bool disk)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end != text && !*end)
		return n;
	return disk ? disk_number(text) : -1;
}

static int detach(struct host *h, int argc, char **argv, const char *kind, long devid,
		  void (*change)(struct config *c, const void *what))
{
	uint32_t domid = xl_domain(h, argv), id = devid;
	int rc;

	(void)argc;
	if (devid < 0)
		return msg_error(1, "%s is no device", argv[optind]);
	rc = device_detach(h, domid, kind, id, false);
	if (!rc)
		record(h, domid, change, &id);
	return rc ? 1 : 0;
}

static int run_block_detach(struct host *h, int argc, char **argv)
{
	while (xl_options(argc, argv, "", NULL) != -1)
		continue;
	xl_arguments(argc, argv, 2, 3);
	return detach(h, argc, argv, "vbd", which(argv[optind + 1], true), drop_disk);
}

static void show_disk(struct host *h, uint32_t domid, const char *id)
{
	char *front = xasprintf("/local/domain/%u/device/vbd/%s", domid, id);
	char *back = store_read(h, "%s/backend", front);

	printf("%-5s %-3ld %-6u %-5ld %-6ld %-8ld %-30s\n", id, store_number(h, -1, "%s/backend-id", front), domid,
	       store_number(h, -1, "%s/state", front), store_number(h, -1, "%s/event-channel", front),
	       store_number(h, -1, "%s/ring-ref", front), back ?: "");
	free(back);
	free(front);
}

static int show_devices(struct host *h, int argc, char **argv, const char *kind,
			void (*show)(struct host *h, uint32_t domid, const char *id))
{
	while (optind < argc) {
		uint32_t domid = xl_domain(h, argv);
		unsigned int n, i;
		char **ids = store_list(h, &n, "/local/domain/%u/device/%s", domid, kind);

		for (i = 0; i < n; i++)
			show(h, domid, ids[i]);
		free(ids);
	}
	return 0;
}

static int run_block_list(struct host *h, int argc, char **argv)
{
	while (xl_options(argc, argv, "", NULL) != -1)
		continue;
	xl_arguments(argc, argv, 1, 1000);
	printf("%-5s %-3s %-6s %-5s %-6s %-8s %-30s\n", "Vdev", "BE", "handle", "state", "evt-ch", "ring-ref", "BE-path");
	return show_devices(h, argc, argv, "vbd", show_disk);
}

/* --- network ------------------------------------------------------------------------------------------------------------ */

static uint32_t free_devid(struct host *h, uint32_t domid)
{
	uint32_t devid;

	for (devid = 0;; devid++) {
		char *there = store_read(h, "/local/domain/%u/device/vif/%u/backend", domid, devid);

		free(there);
		if (!there)
			return devid;
	}
}

static int run_network_attach(struct host *h, int argc, char **argv)
{
	struct device dev = { .hold = -1 };
	char *spec, *wrong, *text;
	uint32_t domid;
	struct nic nic;
	int rc;

	while (xl_options(argc, argv, "", NULL) != -1)
		continue;
	xl_arguments(argc, argv, 1, 12);
	domid = xl_domain(h, argv);
	spec = optind < argc ? join_spec(argc, argv) : xstrdup("");
	wrong = nic_parse(&nic, spec);
	if (nic.devid == UINT32_MAX)
		nic.devid = free_devid(h, domid);
	if (wrong) {
		rc = msg_error(-EINVAL, "%s: %s", spec, wrong);
	} else if (xl_dry_run) {
		rc = 0;
	} else {
		nic_complete(&nic);
		text = nic_text(&nic);
		rc = device_of_nic(h, &dev, &nic) ?: attach(h, domid, &dev);
		if (!rc)
			record(h, domid, add_nic, text);
		device_release(&dev);
		free(text);
	}
	nic_free(&nic);
	free(wrong);
	free(spec);
	return rc ? 1 : 0;
}

/* A card is named by its number or by its address. */
static long which_nic(struct host *h, const char *who, const char *text)
{
	unsigned int n, i;
	uint32_t domid;
	long found = -1;
	char **ids;

	if (!strchr(text, ':') || domain_lookup(h, who, &domid))
		return which(text, false);
	ids = store_list(h, &n, "/local/domain/%u/device/vif", domid);
	for (i = 0; i < n; i++) {
		char *mac = store_read(h, "/local/domain/%u/device/vif/%s/mac", domid, ids[i]);

		if (mac && !strcasecmp(mac, text))
			found = atol(ids[i]);
		free(mac);
	}
	free(ids);
	return found;
}

static int run_network_detach(struct host *h, int argc, char **argv)
{
	while (xl_options(argc, argv, "", NULL) != -1)
		continue;
	xl_arguments(argc, argv, 2, 2);
	return detach(h, argc, argv, "vif", which_nic(h, argv[optind], argv[optind + 1]), drop_nic);
}

static void show_nic(struct host *h, uint32_t domid, const char *id)
{
	char *front = xasprintf("/local/domain/%u/device/vif/%s", domid, id);
	char *back = store_read(h, "%s/backend", front), *mac = store_read(h, "%s/mac", front);

	printf("%-3s %-2ld %-17s%6ld %5ld %6ld %5ld/%-11ld %-30s\n", id, store_number(h, -1, "%s/backend-id", front),
	       mac ?: "", store_number(h, -1, "%s/handle", front), store_number(h, -1, "%s/state", front),
	       store_number(h, -1, "%s/event-channel", front), store_number(h, -1, "%s/tx-ring-ref", front),
	       store_number(h, -1, "%s/rx-ring-ref", front), back ?: "");
	free(mac);
	free(back);
	free(front);
}

static int run_network_list(struct host *h, int argc, char **argv)
{
	while (xl_options(argc, argv, "", NULL) != -1)
		continue;
	xl_arguments(argc, argv, 1, 1000);
	printf("%-3s %-2s %-17s %-6s %-5s %-6s %5s/%-5s %-30s\n", "Idx", "BE", "Mac Addr.", "handle", "state", "evt-ch",
	       "tx-", "rx-ring-ref", "BE-path");
	return show_devices(h, argc, argv, "vif", show_nic);
}

const struct command device_commands[] = {
	{ "block-attach", run_block_attach, "DOMAIN DISK-SPECIFICATION", "Put a disk into a running domain",
	  "  as in xl.cfg: \"/dev/vg/data,raw,xvdb,rw\", \"vdev=xvdc,access=ro,target=/iso/cd.iso\"\n" },
	{ "block-detach", run_block_detach, "DOMAIN DEVICE", "Take a disk out; DEVICE is its number or name", NULL },
	{ "block-list", run_block_list, "DOMAIN ...", "List the disks of domains", NULL },
	{ "network-attach", run_network_attach, "DOMAIN [KEY=VALUE ...]", "Put a network card into a running domain",
	  "  as in xl.cfg: mac=00:16:3e:01:02:03 bridge=xenbr0\n" },
	{ "network-detach", run_network_detach, "DOMAIN DEVICE", "Take a network card out; DEVICE is its number or MAC", NULL },
	{ "network-list", run_network_list, "DOMAIN ...", "List the network cards of domains", NULL },
	{ 0 }
};

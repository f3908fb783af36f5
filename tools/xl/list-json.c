// SPDX-License-Identifier: GPL-2.0-only
/* xl list -l and create -n: what is known of domains, in the shape of Xen's xl (c_info, b_info, disks, nics). */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "registry.h"
#include "sched.h"
#include "xl.h"

typedef struct json_object json;

static void text(json *to, const char *key, const char *value)
{
	if (value)
		json_object_object_add(to, key, json_object_new_string(value));
}

static void number(json *to, const char *key, uint64_t value)
{
	json_object_object_add(to, key, json_object_new_int64(value));
}

static void truth(json *to, const char *key, bool value)
{
	text(to, key, value ? "True" : "False");	/* as Xen's xl has it */
}

static json *object(json *to, const char *key)
{
	json *o = json_object_new_object();

	json_object_object_add(to, key, o);
	return o;
}

static json *array(json *to, const char *key)
{
	json *a = json_object_new_array();

	json_object_object_add(to, key, a);
	return a;
}

static void add_disk(json *to, const struct disk *d)
{
	json *o = json_object_new_object();

	json_object_array_add(to, o);
	text(o, "pdev_path", d->target);
	text(o, "vdev", d->vdev);
	text(o, "backend", "phy");
	text(o, "format", "raw");
	text(o, "script", d->script);
	text(o, "backend_domname", d->backend_domain);
	number(o, "removable", d->cdrom);
	number(o, "readwrite", !d->readonly);
	number(o, "is_cdrom", d->cdrom);
}

static void add_nic(json *to, const struct nic *n)
{
	json *o = json_object_new_object();
	char mac[18];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", n->mac[0], n->mac[1], n->mac[2], n->mac[3],
		 n->mac[4], n->mac[5]);
	json_object_array_add(to, o);
	number(o, "devid", n->devid);
	if (n->mac[0] | n->mac[1] | n->mac[2] | n->mac[3] | n->mac[4] | n->mac[5])
		text(o, "mac", mac);
	text(o, "bridge", n->bridge);
	text(o, "script", n->script);
	text(o, "ifname", n->vifname);
	text(o, "ip", n->ip);
	text(o, "backend_domname", n->backend_domain);
	text(o, "nictype", "vif");
}

/* Share of the CPUs: what is in force, not what was asked for. Nothing where there is no domain yet. */
static void add_share(json *to, struct host *h, uint32_t domid)
{
	json *s = object(to, "sched_params");
	uint32_t weight, cap;

	if (!h || sched_get(h, domid, &weight, &cap) < 0)
		return;
	text(s, "sched", sched_current(h) == XEN_SCHEDULER_CREDIT2 ? "credit2" : "credit");
	number(s, "weight", weight);
	number(s, "cap", cap);
}

static void add_kind(json *b)
{
	object(b, "type.pv");
	object(b, "arch_arm");
	truth(object(b, "arch_x86"), "msr_relaxed", false);
}

static void add_build(json *to, const struct config *c, struct host *h, uint32_t domid)
{
	json *b = object(to, "b_info"), *vcpus;
	char *cmdline = config_cmdline(c);
	uint64_t i;

	number(b, "max_vcpus", c->maxvcpus);
	vcpus = array(b, "avail_vcpus");
	for (i = 0; i < c->vcpus; i++)
		json_object_array_add(vcpus, json_object_new_int64(i));
	number(b, "max_memkb", c->maxmem << 10);
	number(b, "target_memkb", c->memory << 10);
	number(b, "video_memkb", 0);
	add_share(b, h, domid);
	truth(b, "claim_mode", true);
	text(b, "kernel", c->kernel);
	text(b, "cmdline", cmdline);
	text(b, "ramdisk", c->ramdisk);
	if (c->nomigrate)
		truth(b, "disable_migrate", true);
	number(b, "event_channels", c->max_event_channels);
	if (c->max_grant_version)
		number(b, "max_grant_version", c->max_grant_version);
	add_kind(b);
	free(cmdline);
}

/* @h NULL: of a domain that is not made. */
static void add_config(json *to, const struct config *c, struct host *h, uint32_t domid)
{
	json *info = object(to, "c_info"), *list;
	size_t i;

	text(info, "type", "pv");
	text(info, "name", c->name);
	text(info, "uuid", c->uuid);
	truth(info, "run_hotplug_scripts", true);
	add_build(to, c, h, domid);
	list = array(to, "disks");
	for (i = 0; i < c->disks; i++)
		add_disk(list, &c->disk[i]);
	list = array(to, "nics");
	for (i = 0; i < c->nics; i++)
		add_nic(list, &c->nic[i]);
	text(to, "on_poweroff", on_action_name[c->on_poweroff]);
	text(to, "on_reboot", on_action_name[c->on_reboot]);
	text(to, "on_watchdog", on_action_name[c->on_watchdog]);
	text(to, "on_crash", on_action_name[c->on_crash]);
	text(to, "on_soft_reset", on_action_name[c->on_soft_reset]);
}

/* Of Domain0 and of others' domains there is no more than the hypervisor and the store tell. */
static void add_known(struct host *h, json *to, const struct xen_domctl_getdomaininfo *d)
{
	json *info = object(to, "c_info"), *b = object(to, "b_info");
	char uuid[37], *name = domain_name(h, d->domain);

	uuid_text(uuid, d->handle);
	text(info, "type", d->flags & XEN_DOMINF_hvm_guest ? "hvm" : "pv");
	text(info, "name", name ?: d->domain ? name : "Domain-0");
	text(info, "uuid", uuid);
	number(b, "max_vcpus", d->max_vcpu_id + 1);
	number(b, "max_memkb", d->max_pages << 2);
	number(b, "target_memkb", d->tot_pages << 2);
	add_share(b, h, d->domain);
	free(name);
}

static void print(json *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

void config_show(const struct config *c)
{
	json *o = json_object_new_object();

	add_config(o, c, NULL, 0);
	print(o);
}

int list_long(struct host *h, const struct xen_domctl_getdomaininfo *list, int n)
{
	json *all = json_object_new_array();
	int i;

	for (i = 0; i < n; i++) {
		char *name = domain_name(h, list[i].domain);
		json *o = json_object_new_object(), *config;
		struct config c = { 0 };

		json_object_array_add(all, o);
		number(o, "domid", list[i].domain);
		config = object(o, "config");
		if (name && !registry_read(name, &c))
			add_config(config, &c, h, list[i].domain);
		else
			add_known(h, config, &list[i]);
		config_free(&c);
		free(name);
	}
	print(all);
	return 0;
}

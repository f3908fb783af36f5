// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keys of xl.cfg(5): one table says what each is, where it goes and what it may be. Reading, writing and the help with
 * misspelt keys all come from that table.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "host.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

const char *const on_action_name[ON_ACTIONS] = {
	"destroy", "restart", "rename-restart", "preserve", "coredump-destroy", "coredump-restart",
};

static const char *const type_name[] = { "pv", "pvh" };

enum key_kind {
	KEY_NUMBER,	/* uint64_t at @offset, between @min and @max */
	KEY_BOOL,	/* bool at @offset */
	KEY_TEXT,	/* char * at @offset */
	KEY_ACTION,	/* enum on_action at @offset */
	KEY_SPECIAL,	/* @read does it; config_write() knows it by itself */
	KEY_IDLE,	/* of Xen's xl, without a meaning for the guests that there are: taken in silence */
	KEY_MISSING,	/* of Xen's xl, and something is lost by not doing it: a warning */
};

struct key {
	const char *name;
	enum key_kind kind;
	size_t offset;
	uint64_t min, max;
	char *(*read)(struct config *c, const struct cfg_value *v);
};

static const char *const paravirt_name[] = { "kernel", "module" };

static char *read_paravirt(struct config *c, const struct cfg_value *v)
{
	size_t i;

	for (i = 0; i < LENGTH(paravirt_name); i++) {
		if (v->kind == CFG_TEXT && !strcmp(v->text, paravirt_name[i])) {
			c->paravirt = i;
			return NULL;
		}
	}
	return xasprintf("\"kernel\" or \"module\" expected");
}

static char *read_type(struct config *c, const struct cfg_value *v)
{
	size_t i;

	for (i = 0; i < LENGTH(type_name); i++) {
		if (v->kind == CFG_TEXT && !strcmp(v->text, type_name[i])) {
			c->type = i;
			return NULL;
		}
	}
	return xasprintf("guests of this type cannot be made; \"pv\" can");
}

static char *read_builder(struct config *c, const struct cfg_value *v)
{
	(void)c;
	if (v->kind == CFG_TEXT && (!strcmp(v->text, "generic") || !strcmp(v->text, "linux")))
		return NULL;
	return xasprintf("only \"generic\" is possible; type=\"pv\" is today's word");
}

static char *read_uuid(struct config *c, const struct cfg_value *v)
{
	const char *p = v->kind == CFG_TEXT ? v->text : "";
	size_t i;

	for (i = 0; p[i]; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? p[i] != '-' : !isxdigit((unsigned char)p[i]))
			break;
	if (i != 36 || p[i])
		return xasprintf("no UUID (like 936da01f-9abd-4d9d-80c7-02af85c822a8)");
	free(c->uuid);
	c->uuid = xstrdup(p);
	return NULL;
}

static char *read_name(struct config *c, const struct cfg_value *v)
{
	const char *wrong = v->kind == CFG_TEXT ? config_check_name(v->text) : "a text in quotes expected";

	if (wrong)
		return xstrdup(wrong);
	free(c->name);
	c->name = xstrdup(v->text);
	return NULL;
}

static char *read_cpus(struct config *c, const struct cfg_value *v)
{
	const struct cfg_value *list = v->kind == CFG_LIST ? v->item : v;
	size_t i, n = v->kind == CFG_LIST ? v->items : 1;
	struct cpuset set;

	for (i = 0; i < n; i++) {
		const char *wrong = list[i].kind == CFG_LIST ? "a list in a list" : cpuset_parse(&set, list[i].text);

		if (wrong)
			return xstrdup(wrong);
	}
	if (v->kind != CFG_LIST) {
		c->cpus = xstrdup(v->text);
		return NULL;
	}
	c->vcpu_cpus = xcalloc(n + 1, sizeof(*c->vcpu_cpus));
	for (i = 0; i < n; i++)
		c->vcpu_cpus[i] = xstrdup(list[i].text);
	c->vcpu_cpus_count = n;
	return NULL;
}

static char *read_disks(struct config *c, const struct cfg_value *v)
{
	size_t i;

	if (v->kind != CFG_LIST)
		return xasprintf("a list in brackets expected");
	c->disk = xcalloc(v->items + 1, sizeof(*c->disk));
	for (i = 0; i < v->items; i++) {
		size_t k;
		char *wrong = v->item[i].kind == CFG_TEXT ? disk_parse(&c->disk[c->disks++], v->item[i].text) :
			      xasprintf("each disk is a text in quotes");

		if (wrong)
			return wrong;
		for (k = 0; k < i; k++)
			if (c->disk[k].devid == c->disk[i].devid)
				return xasprintf("two disks are called %s", c->disk[i].vdev);
	}
	return NULL;
}

static char *read_nics(struct config *c, const struct cfg_value *v)
{
	size_t i;

	if (v->kind != CFG_LIST)
		return xasprintf("a list in brackets expected");
	c->nic = xcalloc(v->items + 1, sizeof(*c->nic));
	for (i = 0; i < v->items; i++) {
		char *wrong = v->item[i].kind == CFG_TEXT ? nic_parse(&c->nic[c->nics++], v->item[i].text) :
			      xasprintf("each network card is a text in quotes");

		if (wrong)
			return wrong;
		if (c->nic[i].devid == UINT32_MAX)
			c->nic[i].devid = i;
	}
	return NULL;
}

#define AT(field) offsetof(struct config, field)

static const struct key keys[] = {
	{ "name",		KEY_SPECIAL, .read = read_name },
	{ "uuid",		KEY_SPECIAL, .read = read_uuid },
	{ "type",		KEY_SPECIAL, .read = read_type },
	{ "paravirt",		KEY_SPECIAL, .read = read_paravirt },
	{ "builder",		KEY_SPECIAL, .read = read_builder },
	{ "memory",		KEY_NUMBER, AT(memory), 1, 1 << 30 },
	{ "maxmem",		KEY_NUMBER, AT(maxmem), 1, 1 << 30 },
	{ "vcpus",		KEY_NUMBER, AT(vcpus), 1, CONFIG_MAX_VCPUS },
	{ "maxvcpus",		KEY_NUMBER, AT(maxvcpus), 1, CONFIG_MAX_VCPUS },
	{ "kernel",		KEY_TEXT, AT(kernel) },
	{ "ramdisk",		KEY_TEXT, AT(ramdisk) },
	{ "cmdline",		KEY_TEXT, AT(cmdline) },
	{ "root",		KEY_TEXT, AT(root) },
	{ "extra",		KEY_TEXT, AT(extra) },
	{ "cpus",		KEY_SPECIAL, .read = read_cpus },
	{ "cpu_weight",		KEY_NUMBER, AT(cpu_weight), 1, 65535 },
	{ "cap",		KEY_NUMBER, AT(cap), 0, 65535 },
	{ "pool",		KEY_TEXT, AT(pool) },
	{ "disk",		KEY_SPECIAL, .read = read_disks },
	{ "vif",		KEY_SPECIAL, .read = read_nics },
	{ "on_poweroff",	KEY_ACTION, AT(on_poweroff) },
	{ "on_reboot",		KEY_ACTION, AT(on_reboot) },
	{ "on_crash",		KEY_ACTION, AT(on_crash) },
	{ "on_watchdog",	KEY_ACTION, AT(on_watchdog) },
	{ "on_soft_reset",	KEY_ACTION, AT(on_soft_reset) },
	{ "max_grant_frames",	KEY_NUMBER, AT(max_grant_frames), 1, 1 << 20 },
	{ "max_maptrack_frames", KEY_NUMBER, AT(max_maptrack_frames), 0, 1 << 20 },
	{ "max_grant_version",	KEY_NUMBER, AT(max_grant_version), 1, 2 },
	{ "max_event_channels",	KEY_NUMBER, AT(max_event_channels), 1, 131071 },
	{ "nomigrate",		KEY_BOOL, AT(nomigrate) },
	{ "vfb", KEY_MISSING }, { "pci", KEY_MISSING }, { "bootloader", KEY_MISSING }, { "bootloader_args", KEY_MISSING },
	{ "cpus_soft", KEY_MISSING }, { "cpuid", KEY_MISSING }, { "tsc_mode", KEY_MISSING }, { "vtpm", KEY_MISSING },
	{ "p9", KEY_MISSING }, { "channel", KEY_MISSING }, { "usbdev", KEY_MISSING }, { "vkb", KEY_MISSING },
	{ "e820_host", KEY_MISSING }, { "irqs", KEY_MISSING }, { "ioports", KEY_MISSING }, { "iomem", KEY_MISSING },
	{ "vnuma", KEY_MISSING }, { "numa_placement", KEY_MISSING }, { "seclabel", KEY_MISSING },
	{ "init_seclabel", KEY_MISSING }, { "driver_domain", KEY_MISSING }, { "device_tree", KEY_MISSING },
	{ "localtime", KEY_IDLE }, { "rtc_timeoffset", KEY_IDLE }, { "blkdev_start", KEY_IDLE }, { "claim_mode", KEY_IDLE },
	{ "suppress_spurious_page_faults", KEY_IDLE }, { "vnc", KEY_IDLE }, { "vnclisten", KEY_IDLE }, { "sdl", KEY_IDLE },
	{ "serial", KEY_IDLE }, { "boot", KEY_IDLE }, { "acpi", KEY_IDLE }, { "apic", KEY_IDLE }, { "pae", KEY_IDLE },
	{ "hap", KEY_IDLE }, { "pvshim", KEY_IDLE }, { "pygrub", KEY_IDLE }, { "usb", KEY_IDLE }, { "xen_platform_pci", KEY_IDLE },
};

static const struct key *find_key(const char *name)
{
	const struct key *k;

	for (k = keys; k < keys + LENGTH(keys); k++)
		if (!strcmp(k->name, name))
			return k;
	return NULL;
}

/* How many letters must be inserted, deleted or replaced to make one word of the other. */
static unsigned int distance(const char *a, const char *b)
{
	size_t n = strlen(b), i, k;
	unsigned int row[40];

	if (n >= LENGTH(row))
		return UINT32_MAX;
	for (k = 0; k <= n; k++)
		row[k] = k;
	for (i = 0; a[i]; i++) {
		unsigned int diagonal = row[0], best;

		row[0] = i + 1;
		for (k = 1; k <= n; k++) {
			best = diagonal + (a[i] != b[k - 1]);
			best = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
			diagonal = row[k];
			row[k] = diagonal + 1 < best ? diagonal + 1 : best;
		}
	}
	return row[n];
}

static void warn_unknown(const struct cfg_setting *s)
{
	const struct key *k, *best = keys;

	for (k = keys; k < keys + LENGTH(keys); k++)
		if (distance(s->name, k->name) < distance(s->name, best->name))
			best = k;
	if (distance(s->name, best->name) <= 1 + strlen(s->name) / 4)
		msg_warn("%s:%u: unknown key '%s'; did you mean '%s'?", s->source, s->value.line, s->name, best->name);
	else
		msg_warn("%s:%u: unknown key '%s' is ignored", s->source, s->value.line, s->name);
}

/* Numbers may be written as texts, as Xen's xl allows. */
static char *read_number(uint64_t *to, const struct cfg_value *v, uint64_t min, uint64_t max)
{
	char *end;

	if (v->kind == CFG_LIST)
		return xasprintf("a number expected, not a list");
	errno = 0;
	*to = strtoull(v->text, &end, 0);
	if (!isdigit((unsigned char)*v->text) || *end || errno)
		return xasprintf("'%s' is no number", v->text);
	if (*to < min || *to > max)
		return xasprintf("%s is not between %lu and %lu", v->text, (unsigned long)min, (unsigned long)max);
	return NULL;
}

static char *read_action(enum on_action *to, const struct cfg_value *v)
{
	unsigned int i;

	for (i = 0; i < ON_ACTIONS; i++) {
		if (v->kind == CFG_TEXT && !strcmp(v->text, on_action_name[i])) {
			*to = i;
			return NULL;
		}
	}
	return xasprintf("one of destroy, restart, rename-restart, preserve, coredump-destroy, coredump-restart expected");
}

/* NULL or what is wrong. */
static char *read_key(struct config *c, const struct key *k, const struct cfg_setting *s)
{
	void *at = (char *)c + k->offset;
	const struct cfg_value *v = &s->value;
	uint64_t number;
	char *wrong;

	switch (k->kind) {
	case KEY_NUMBER:
		return read_number(at, v, k->min, k->max);
	case KEY_BOOL:
		wrong = read_number(&number, v, 0, 1);
		*(bool *)at = !wrong && number;
		return wrong;
	case KEY_TEXT:
		if (v->kind != CFG_TEXT)
			return xasprintf("a text in quotes expected");
		*(char **)at = *v->text ? xstrdup(v->text) : NULL;
		return NULL;
	case KEY_ACTION:
		return read_action(at, v);
	case KEY_SPECIAL:
		return k->read(c, v);
	case KEY_MISSING:
		msg_warn("%s:%u: '%s' is not supported and ignored", s->source, v->line, s->name);
		break;
	case KEY_IDLE:
		break;
	}
	return NULL;
}

static int fault(const struct cfg *cfg, const char *name, const char *what)
{
	size_t i;

	for (i = 0; i < cfg->settings; i++)
		if (!strcmp(cfg->setting[i].name, name))
			return msg_error(-EINVAL, "%s:%u: %s: %s", cfg->setting[i].source,
					 cfg->setting[i].value.line, name, what);
	return msg_error(-EINVAL, "%s: %s", cfg->settings ? cfg->setting[0].source : name, what);
}

/* What no single key can tell. */
static int check(struct config *c, const struct cfg *cfg)
{
	char *cmdline = config_cmdline(c);
	size_t length = strlen(cmdline);

	free(cmdline);
	if (!c->name)
		return fault(cfg, "name", "the domain has no name: name=\"…\" is missing");
	if (!c->kernel)
		return fault(cfg, "kernel", "the domain has no kernel: kernel=\"/boot/vmlinuz-…\" is missing");
	if (c->maxmem && c->maxmem < c->memory)
		return fault(cfg, "maxmem", "less than memory");
	if (c->paravirt == PARAVIRT_MODULE && c->type != GUEST_PVH)
		return fault(cfg, "paravirt", "\"module\" is for guests of type=\"pvh\"");
	if (c->maxvcpus && c->maxvcpus < c->vcpus)
		return fault(cfg, "maxvcpus", "less than vcpus");
	if (length >= 1024)
		return fault(cfg, c->cmdline ? "cmdline" : "extra", "the kernel's command line has 1023 characters at most");
	if (c->cmdline && (c->root || c->extra))
		msg_warn("cmdline is given: root and extra are ignored");
	return 0;
}

static void defaults(struct config *c)
{
	*c = (struct config){
		.memory = 128, .vcpus = 1, .max_event_channels = 1023,
		.on_poweroff = ON_DESTROY, .on_reboot = ON_RESTART, .on_crash = ON_DESTROY, .on_watchdog = ON_DESTROY,
		.on_soft_reset = ON_DESTROY,
	};
}

int config_read(struct config *c, const struct cfg *cfg)
{
	size_t i;
	int rc = 0;

	defaults(c);
	for (i = 0; i < cfg->settings; i++) {
		const struct cfg_setting *s = &cfg->setting[i];
		const struct key *k = find_key(s->name);
		char *wrong = NULL;

		if (k)
			wrong = read_key(c, k, s);
		else
			warn_unknown(s);
		if (wrong)
			rc = msg_error(-EINVAL, "%s:%u: %s: %s", s->source, s->value.line, s->name, wrong);
		free(wrong);
	}
	if (rc)
		return rc;
	rc = check(c, cfg);
	c->maxmem = c->maxmem ?: c->memory;
	c->maxvcpus = c->maxvcpus ?: c->vcpus;
	return rc;
}

static void write_text(FILE *to, const char *key, const char *text)
{
	char *quoted;

	if (!text)
		return;
	quoted = cfg_quote(text);
	fprintf(to, "%s = %s\n", key, quoted);
	free(quoted);
}

/* One element of a list; takes the text over. */
static void write_item(FILE *to, char *text)
{
	char *quoted = cfg_quote(text);

	fprintf(to, " %s,", quoted);
	free(quoted);
	free(text);
}

static void write_lists(const struct config *c, FILE *to)
{
	size_t i;

	fputs("disk = [", to);
	for (i = 0; i < c->disks; i++)
		write_item(to, disk_text(&c->disk[i]));
	fputs(" ]\nvif = [", to);
	for (i = 0; i < c->nics; i++)
		write_item(to, nic_text(&c->nic[i]));
	fputs(" ]\n", to);
	write_text(to, "cpus", c->cpus);
	if (!c->vcpu_cpus)
		return;
	fputs("cpus = [", to);
	for (i = 0; i < c->vcpu_cpus_count; i++)
		write_item(to, xstrdup(c->vcpu_cpus[i]));
	fputs(" ]\n", to);
}

void config_write(const struct config *c, FILE *to)
{
	const struct key *k;

	write_text(to, "name", c->name);
	write_text(to, "uuid", c->uuid);
	write_text(to, "type", type_name[c->type]);
	write_text(to, "paravirt", c->paravirt == PARAVIRT_MODULE ? paravirt_name[c->paravirt] : NULL);
	for (k = keys; k < keys + LENGTH(keys); k++) {
		const void *at = (const char *)c + k->offset;

		if (k->kind == KEY_NUMBER && *(const uint64_t *)at)
			fprintf(to, "%s = %lu\n", k->name, *(const unsigned long *)at);
		else if (k->kind == KEY_BOOL && *(const bool *)at)
			fprintf(to, "%s = 1\n", k->name);
		else if (k->kind == KEY_TEXT)
			write_text(to, k->name, *(char *const *)at);
		else if (k->kind == KEY_ACTION)
			write_text(to, k->name, on_action_name[*(const enum on_action *)at]);
	}
	write_lists(c, to);
}

void config_free(struct config *c)
{
	const struct key *k;
	size_t i;

	for (k = keys; k < keys + LENGTH(keys); k++)
		if (k->kind == KEY_TEXT)
			free(*(char **)((char *)c + k->offset));
	for (i = 0; i < c->disks; i++)
		disk_free(&c->disk[i]);
	for (i = 0; i < c->nics; i++)
		nic_free(&c->nic[i]);
	for (i = 0; i < c->vcpu_cpus_count; i++)
		free(c->vcpu_cpus[i]);
	free(c->vcpu_cpus);
	free(c->disk);
	free(c->nic);
	free(c->name);
	free(c->uuid);
	free(c->cpus);
	*c = (struct config){ 0 };
}

/* The name becomes a file's and a node's name. */
const char *config_check_name(const char *name)
{
	if (!*name)
		return "an empty name";
	if (strlen(name) > 128)
		return "a name longer than 128 characters";
	if (strchr(name, '/') || *name == '.')
		return "a name must not contain '/' or begin with '.'";
	if (name[strspn(name, "0123456789")] == 0)
		return "a name of digits only would be mistaken for a number";
	return NULL;
}

char *config_cmdline(const struct config *c)
{
	if (c->cmdline)
		return xstrdup(c->cmdline);
	return xasprintf("%s%s%s%s", c->root ? "root=" : "", c->root ?: "", c->root && c->extra ? " " : "",
			 c->extra ?: "");
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disk specifications: "TARGET,FORMAT,VDEV,ACCESS" by position, "key=value" in any place, "target=" last and to the end of
 * the text; and the older "phy:TARGET,VDEV[:cdrom],ACCESS".
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "host.h"

char *next_item(char **at)
{
	char *item = *at, *end;

	if (!item)
		return NULL;
	end = strchr(item, ',');
	*at = end ? end + 1 : NULL;
	if (!end)
		end = item + strlen(item);
	while (isspace((unsigned char)*item))
		item++;
	while (end > item && isspace((unsigned char)end[-1]))
		end--;
	*end = 0;
	return item;
}

/* "a" to "z", "aa" …: 0, 1, …; moves behind the letters. -1 without any. */
static long letters(const char **p)
{
	long n = 0;

	if (!islower((unsigned char)**p))
		return -1;
	for (; islower((unsigned char)**p) && n < 1 << 20; (*p)++)
		n = n * 26 + (**p - 'a' + 1);
	return n - 1;
}

static long number(const char **p)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)**p))
		return 0;
	n = strtol(*p, &end, 10);
	*p = end;
	return n;
}

/* The numbers of Documentation/misc/vbd-interface.txt of Xen. */
long disk_number(const char *vdev)
{
	static const struct { const char *prefix; int max_disk, max_part; } kinds[] = {
		{ "xvd", 1 << 20, 255 }, { "sd", 15, 15 }, { "hd", 3, 63 },
	};
	long disk = -1, part = 0;
	const char *p = vdev;
	size_t kind;

	for (kind = 0; kind < 3; kind++)
		if (!strncmp(vdev, kinds[kind].prefix, strlen(kinds[kind].prefix)))
			break;
	if (kind < 3) {
		p += strlen(kinds[kind].prefix);
		disk = letters(&p);
		part = number(&p);
	} else if (vdev[0] == 'd' && isdigit((unsigned char)vdev[1])) {
		kind = 0;
		p++;
		disk = number(&p);
		if (*p == 'p' && isdigit((unsigned char)p[1])) {
			p++;
			part = number(&p);
		}
	}
	if (kind == 3 || *p || disk < 0 || disk > kinds[kind].max_disk || part < 0 || part > kinds[kind].max_part)
		return -1;
	if (kind == 1)
		return 8 << 8 | disk << 4 | part;
	if (kind == 2)
		return (disk < 2 ? 3 : 22) << 8 | (disk & 1) << 6 | part;
	return disk < 16 && part < 16 ? 202 << 8 | disk << 4 | part : 1 << 28 | disk << 8 | part;
}

static void set(char **field, const char *value)
{
	free(*field);
	*field = *value ? xstrdup(value) : NULL;
}

static char *set_format(struct disk *d, const char *value)
{
	(void)d;
	if (!*value || !strcmp(value, "raw") || !strcmp(value, "aio") || !strcmp(value, "empty"))
		return NULL;
	return xasprintf("format '%s' is not supported (supported: raw)", value);
}

static char *set_access(struct disk *d, const char *value)
{
	if (!strcmp(value, "r") || !strcmp(value, "ro"))
		d->readonly = true;
	else if (*value && strcmp(value, "w") && strcmp(value, "rw") && strcmp(value, "w!"))
		return xasprintf("access '%s' is neither 'r' nor 'rw'", value);
	return NULL;
}

static char *set_vdev(struct disk *d, const char *value)
{
	char *colon;
	long devid;

	set(&d->vdev, value);
	colon = d->vdev ? strchr(d->vdev, ':') : NULL;
	if (colon) {
		if (strcmp(colon, ":cdrom") && strcmp(colon, ":disk"))
			return xasprintf("'%s' is neither ':cdrom' nor ':disk'", colon);
		d->cdrom |= colon[1] == 'c';
		*colon = 0;
	}
	devid = d->vdev ? disk_number(d->vdev) : -1;
	if (devid < 0)
		return xasprintf("'%s' is no device of a guest (like xvda, sdb1, hdc)", value);
	d->devid = devid;
	return NULL;
}

static char *set_backendtype(struct disk *d, const char *value)
{
	if (!strcmp(value, "phy"))
		d->backend = DISK_PHY;
	else if (strcmp(value, "qdisk") && strcmp(value, "tap"))
		return xasprintf("backend type '%s' is not known", value);
	return NULL;
}

static char *set_key(struct disk *d, const char *key, const char *value)
{
	if (!strcmp(key, "format"))
		return set_format(d, value);
	if (!strcmp(key, "vdev"))
		return set_vdev(d, value);
	if (!strcmp(key, "access"))
		return set_access(d, value);
	if (!strcmp(key, "backendtype"))
		return set_backendtype(d, value);
	if (!strcmp(key, "script"))
		set(&d->script, value);
	else if (!strcmp(key, "backend"))
		set(&d->backend_domain, value);
	else if (!strcmp(key, "devtype") && !strcmp(value, "cdrom"))
		d->cdrom = true;
	else if (strcmp(key, "devtype") || strcmp(value, "disk"))
		return xasprintf("'%s=%s' is not known", key, value);
	return NULL;
}

static bool set_flag(struct disk *d, const char *item)
{
	if (!strcmp(item, "cdrom"))
		d->cdrom = true;
	else if (!strcmp(item, "no-discard"))
		d->no_discard = true;
	else if (!strcmp(item, "buffered"))
		d->buffered = true;
	else if (strcmp(item, "discard") && strcmp(item, "direct-io-safe"))
		return false;
	return true;
}

/* Old prefixes of a target. */
static void set_target(struct disk *d, const char *value)
{
	static const char *const prefixes[] = { "phy:", "file:", "raw:", "aio:", "tap:", "tap2:", "qdisk:" };
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t n = strlen(prefixes[i]);

		if (!strncmp(value, prefixes[i], n)) {
			value += n;
			i = -1;
		}
	}
	set(&d->target, value);
}

static char *positional(struct disk *d, int position, const char *item, bool old)
{
	if (old && position > 0)
		position++;
	switch (position) {
	case 0:
		set_target(d, item);
		return NULL;
	case 1:
		return set_format(d, item);
	case 2:
		return set_vdev(d, item);
	case 3:
		return set_access(d, item);
	}
	return xasprintf("'%s' is one item too many", item);
}

static char *parse_items(struct disk *d, char *rest)
{
	bool old = !strncmp(rest, "phy:", 4) || !strncmp(rest, "file:", 5);
	char *item, *equals, *wrong = NULL;
	int position = 0;

	while (!wrong && rest) {
		rest += strspn(rest, " \t");
		if (!strncmp(rest, "target=", 7)) {
			set_target(d, rest + 7);
			break;
		}
		item = next_item(&rest);
		equals = strchr(item, '=');
		if (equals && isalpha((unsigned char)*item)) {
			*equals = 0;
			wrong = set_key(d, item, equals + 1);
		} else if (!set_flag(d, item)) {
			if (*item || position < 3)
				wrong = positional(d, position++, item, old);
		}
	}
	return wrong;
}

static char *check(struct disk *d)
{
	if (!d->vdev)
		return xstrdup("no vdev: which device shall the guest see?");
	if (d->cdrom)
		d->readonly = true;
	if (!d->target && !d->cdrom)
		return xstrdup("no target: which device or file is behind it?");
	if (d->target && *d->target != '/') {
		char *absolute = xasprintf("/dev/%s", d->target);

		free(d->target);
		d->target = absolute;
	}
	return NULL;
}

char *disk_parse(struct disk *d, const char *spec)
{
	char *copy = xstrdup(spec), *wrong;

	*d = (struct disk){ .backend = DISK_FILE };
	wrong = parse_items(d, copy);
	free(copy);
	return wrong ?: check(d);
}

char *disk_text(const struct disk *d)
{
	return xasprintf("vdev=%s,access=%s%s%s%s%s%s%s%s%s%s%s", d->vdev, d->readonly ? "ro" : "rw",
			 d->backend == DISK_PHY ? ",backendtype=phy" : "", d->cdrom ? ",devtype=cdrom" : "",
			 d->buffered ? ",buffered" : "", d->no_discard ? ",no-discard" : "",
			 d->script ? ",script=" : "", d->script ?: "",
			 d->backend_domain ? ",backend=" : "", d->backend_domain ?: "",
			 d->target ? ",target=" : "", d->target ?: "");
}

void disk_free(struct disk *d)
{
	free(d->target);
	free(d->vdev);
	free(d->script);
	free(d->backend_domain);
}

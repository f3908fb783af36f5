// SPDX-License-Identifier: GPL-2.0-only
/* Network specifications: "key=value,…" (xl-network-configuration(5)). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "config.h"
#include "host.h"

static bool parse_mac(uint8_t mac[6], const char *text)
{
	unsigned int i;

	for (i = 0; i < 6; i++) {
		char *end;
		unsigned long byte = strtoul(text, &end, 16);

		if (!isxdigit((unsigned char)*text) || end - text > 2 || byte > 255 || *end != (i < 5 ? ':' : 0))
			return false;
		mac[i] = byte;
		text = end + 1;
	}
	return true;
}

static bool parse_number(uint64_t *to, const char *text, uint64_t max)
{
	char *end;

	*to = strtoull(text, &end, 0);
	return isdigit((unsigned char)*text) && !*end && *to <= max;
}

static char **text_field(struct nic *n, const char *key)
{
	return !strcmp(key, "bridge") ? &n->bridge :
	       !strcmp(key, "script") ? &n->script :
	       !strcmp(key, "vifname") ? &n->vifname :
	       !strcmp(key, "ip") ? &n->ip :
	       !strcmp(key, "rate") ? &n->rate :
	       !strcmp(key, "backend") ? &n->backend_domain : NULL;
}

static char *set_key(struct nic *n, const char *key, const char *value)
{
	char **field = text_field(n, key);
	uint64_t devid;

	if (field) {
		free(*field);
		*field = *value ? xstrdup(value) : NULL;
	} else if (!strcmp(key, "mac")) {
		n->mac_given = parse_mac(n->mac, value);
		if (!n->mac_given)
			return xasprintf("'%s' is no MAC address (like 00:16:3e:01:02:03)", value);
		if (n->mac[0] & 1)
			return xasprintf("%s is a group's address, not a card's", value);
	} else if (!strcmp(key, "mtu")) {
		if (!parse_number(&n->mtu, value, 65535))
			return xasprintf("mtu '%s' is no number up to 65535", value);
	} else if (!strcmp(key, "devid")) {
		if (!parse_number(&devid, value, 65535))
			return xasprintf("devid '%s' is no number", value);
		n->devid = devid;
	} else if (strcmp(key, "type") && strcmp(key, "model") && strcmp(key, "gatewaydev") && strcmp(key, "netdev")) {
		return xasprintf("'%s=' is not known", key);
	}
	return NULL;
}

char *nic_parse(struct nic *n, const char *spec)
{
	char *copy = xstrdup(spec), *rest = copy, *item, *wrong = NULL;

	*n = (struct nic){ .devid = UINT32_MAX };
	while (!wrong && (item = next_item(&rest))) {
		char *equals = strchr(item, '=');

		if (equals) {
			*equals = 0;
			wrong = set_key(n, item, equals + 1);
		} else if (*item) {
			wrong = xasprintf("'%s': key=value expected", item);
		}
	}
	free(copy);
	if (!wrong && n->vifname && strlen(n->vifname) > 15)
		wrong = xasprintf("vifname '%s' is longer than 15 characters", n->vifname);
	return wrong;
}

/* The vendor's part is the one that Xen's own cards have, and 00 to 7f behind it are free for anybody. */
void nic_complete(struct nic *n)
{
	if (n->mac_given)
		return;
	memcpy(n->mac, "\x00\x16\x3e", 3);
	if (getrandom(n->mac + 3, 3, 0) != 3)
		abort();
	n->mac[3] &= 0x7f;
	n->mac_given = true;
}

static char *add(char *text, const char *key, const char *value)
{
	char *longer;

	if (!value)
		return text;
	longer = xasprintf("%s,%s=%s", text, key, value);
	free(text);
	return longer;
}

char *nic_text(const struct nic *n)
{
	char *text = xasprintf("mac=%02x:%02x:%02x:%02x:%02x:%02x", n->mac[0], n->mac[1], n->mac[2], n->mac[3],
			       n->mac[4], n->mac[5]);
	char number[24];

	snprintf(number, sizeof(number), "%u", n->devid);
	text = add(text, "devid", number);
	text = add(text, "bridge", n->bridge);
	text = add(text, "script", n->script);
	text = add(text, "vifname", n->vifname);
	text = add(text, "ip", n->ip);
	text = add(text, "rate", n->rate);
	text = add(text, "backend", n->backend_domain);
	snprintf(number, sizeof(number), "%lu", (unsigned long)n->mtu);
	return add(text, "mtu", n->mtu ? number : NULL);
}

void nic_free(struct nic *n)
{
	free(n->bridge);
	free(n->script);
	free(n->vifname);
	free(n->ip);
	free(n->rate);
	free(n->backend_domain);
}

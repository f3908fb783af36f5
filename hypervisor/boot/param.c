// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parameters of the hypervisor's own command line, split into words at the first question. Not
 * boot-only: some questions ("noreboot") are asked when things have gone wrong.
 */
#include <xenolith/boot.h>
#include <xenolith/drivers.h>

#define MAX_PARAMS	64

static struct param {
	const char *name, *value;
	bool known;
} params[MAX_PARAMS];
static unsigned int nr_params;
static char pool[sizeof(boot_info.cmdline) + 4 * MAX_PARAMS];

/* Each word becomes "value\0name\0" in the pool: of n characters, n + 2 bytes at most. */
static void split(void)
{
	const char *pos = boot_info.cmdline;
	char name[48], *p = pool;

	while (nr_params < MAX_PARAMS) {
		size_t room = pool + sizeof(pool) - p;
		struct param *word = &params[nr_params];

		if (!cmdline_next(&pos, name, sizeof(name), p, room))
			break;
		word->value = p;
		p += strlen(p) + 1;
		if (strlcpy_(p, name, pool + sizeof(pool) - p) >= (size_t)(pool + sizeof(pool) - p))
			break;
		word->name = p;
		p += strlen(p) + 1;
		nr_params++;
	}
}

const char *boot_param(const char *name)
{
	const char *found = NULL;

	if (!nr_params)
		split();
	for (unsigned int i = 0; i < nr_params; i++) {
		struct param *p = &params[i];

		if (!strcmp(p->name, name))
			found = p->value;
		else if (!strncmp(p->name, "no-", 3) && !strcmp(p->name + 3, name))
			found = "no";
		else
			continue;
		p->known = true;
	}
	return found;
}

bool boot_param_bool(const char *name, bool deflt)
{
	static const char *const words[][2] = {
		{ "no", "yes" }, { "off", "on" }, { "false", "true" }, { "disable", "enable" }, { "0", "1" },
	};
	const char *value = boot_param(name);

	if (!value || !*value)
		return value || deflt;
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		for (unsigned int yes = 0; yes < 2; yes++)
			if (!strcmp(value, words[i][yes]))
				return yes;
	printk_warn("option %s=%s: yes or no expected, ignored\n", name, value);
	return deflt;
}

unsigned long boot_param_size(const char *name, unsigned long deflt, unsigned long unit)
{
	const char *value = boot_param(name), *end = value;
	unsigned long n;

	if (!value)
		return deflt;
	n = lib_parse_size(value, &end, unit);
	if (end != value && !*end)
		return n;
	printk_warn("option %s=%s: a number expected, ignored\n", name, value);
	return deflt;
}

void boot_param_check_unknown(void)
{
	boot_param("placeholder");	/* GRUB's scripts put it in the file name's place */
	for (unsigned int i = 0; i < nr_params; i++)
		if (!params[i].known)
			printk_warn("unknown option '%s' ignored\n", params[i].name);
}

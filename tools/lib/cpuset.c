// SPDX-License-Identifier: GPL-2.0-only
/* Sets of physical CPUs as users write them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "host.h"

static const char *add_range(struct cpuset *set, const char *item)
{
	bool out = *item == '^';
	unsigned long first, last;
	char *end;

	item += out;
	if (!isdigit((unsigned char)*item))
		return "CPUs are given like \"all\", \"0-3\", \"2,5\" or \"0-7,^3\"";
	first = last = strtoul(item, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		last = strtoul(end + 1, &end, 10);
	if (*end || last < first || last >= CONFIG_MAX_VCPUS)
		return "CPUs are given like \"all\", \"0-3\", \"2,5\" or \"0-7,^3\"";
	for (; first <= last; first++) {
		if (out)
			set->bits[first / 64] &= ~(1ull << first % 64);
		else
			set->bits[first / 64] |= 1ull << first % 64;
	}
	return NULL;
}

const char *cpuset_parse(struct cpuset *set, const char *text)
{
	char *copy = xstrdup(text), *rest = copy, *item;
	const char *wrong = NULL;
	uint64_t any = 0;
	size_t i;

	memset(set, 0, sizeof(*set));
	while (!wrong && (item = next_item(&rest))) {
		if (!strcmp(item, "all"))
			memset(set->bits, 0xff, sizeof(set->bits));
		else
			wrong = add_range(set, item);
	}
	free(copy);
	set->any = !strcmp(text, "all");
	for (i = 0; i < CONFIG_MAX_VCPUS / 64; i++)
		any |= set->bits[i];
	return wrong ?: any ? NULL : "an empty set of CPUs";
}

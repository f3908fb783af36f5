// SPDX-License-Identifier: GPL-2.0-only
/*
 * dom0_mem=SIZE,min:SIZE,max:SIZE (each part optional, a leading minus means "all but") and
 * dom0_max_vcpus=N or MIN-MAX.
 */
#include "boot.h"
#include <xenolith/domain.h>
#include <xenolith/drivers.h>

#define MAX_RESERVE	(MB(128) >> PAGE_SHIFT)

/* Pages of "[-]SIZE" at *@s, of @available; *@s moves behind it. */
static unsigned long __init parse_pages(const char **s, unsigned long available)
{
	bool all_but = **s == '-';
	unsigned long n = lib_parse_size(*s + all_but, s, KB(1)) >> PAGE_SHIFT;

	return !all_but ? n : available > n ? available - n : 0;
}

unsigned long __init dom0_pages(unsigned long available, unsigned long *max_pages)
{
	unsigned long least = 0, wanted, reserve = min(available / 16, MAX_RESERVE);
	const char *s = boot_param("dom0_mem") ?: "";

	available -= reserve;
	wanted = available;
	*max_pages = ~0U;		/* what the ABI can tell: "no limit" */
	while (*s) {
		const char *start = s;

		if (!strncmp(s, "min:", 4)) {
			s += 4;
			least = parse_pages(&s, available);
		} else if (!strncmp(s, "max:", 4)) {
			s += 4;
			*max_pages = parse_pages(&s, available);
		} else {
			wanted = parse_pages(&s, available);
		}
		if (*s == ',') {
			s++;
		} else if (*s) {
			printk_warn("option dom0_mem: '%s' not understood, ignored\n", start);
			break;
		}
	}
	return min(min(max(wanted, least), *max_pages), available);
}

unsigned int __init dom0_max_vcpus(void)
{
	unsigned long n = cpumask_weight(&cpu_online_mask), low, high;
	const char *s = boot_param("dom0_max_vcpus");

	if (s && *s) {
		low = lib_strtoull(s, &s, 0);
		high = *s == '-' ? lib_strtoull(s + 1, &s, 0) : low;
		n = min(max(n, low), high ?: n);
		if (*s)
			printk_warn("option dom0_max_vcpus: '%s' not understood\n", s);
	}
	return min(max(n, 1UL), (unsigned long)MAX_VCPUS);
}

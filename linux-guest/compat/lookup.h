/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbols of the kernel that it exports to nobody, for what is off unless asked for. */
#ifndef XENOLITH_COMPAT_LOOKUP_H
#define XENOLITH_COMPAT_LOOKUP_H

#include <linux/kprobes.h>

typedef unsigned long (*lookup_fn)(const char *name);

/* The function that knows them is one itself; a kprobe says where it is. NULL: the kernel has no kprobes. */
static inline lookup_fn find_lookup(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };

	if (register_kprobe(&probe))
		return NULL;
	unregister_kprobe(&probe);
	return (lookup_fn)probe.addr;
}

#endif

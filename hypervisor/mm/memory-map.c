// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory maps in the BIOS's form (e820): the machine's, which Domain0 reads, and the one that a
 * toolstack gives a guest so that it knows how far it may grow.
 */
#include <xenolith/boot.h>
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include "memory-map.h"

#define MAX_ENTRIES	128

struct memory_map_entry {		/* as the ABI has it */
	u64 addr, size;
	u32 type;
} __packed;

/* What is the hypervisor's stays "RAM" there: Domain0 sees through the M2P who owns it. */
static long machine_map(struct xen_memory_map *map)
{
	unsigned int i, nr = min(boot_info.nr_e820, map->nr_entries);

	for (i = 0; i < nr; i++) {
		const struct boot_e820 *from = &boot_info.e820[i];
		struct memory_map_entry e = { from->addr, from->size, from->type };

		if (copy_to_guest(guest_ptr((unsigned long)map->buffer.p + i * sizeof(e)), &e, sizeof(e)))
			return -EFAULT;
	}
	map->nr_entries = nr;
	return 0;
}

static long own_map(struct domain *d, struct xen_memory_map *map)
{
	int rc = -ENOSYS;		/* guests then take their memory as one piece */

	spin_lock(&d->lock);
	if (d->mm.map) {
		map->nr_entries = min(d->mm.nr_map, map->nr_entries);
		rc = copy_to_guest(guest_ptr((unsigned long)map->buffer.p), d->mm.map, map->nr_entries * sizeof(*d->mm.map));
	}
	spin_unlock(&d->lock);
	return rc;
}

static long set_map(struct domain *d, const struct xen_memory_map *map)
{
	size_t bytes = map->nr_entries * sizeof(*d->mm.map);
	struct memory_map_entry *new, *old;

	if (!map->nr_entries || map->nr_entries > MAX_ENTRIES)
		return -EINVAL;
	new = lib_alloc(bytes);
	if (!new)
		return -ENOMEM;
	if (copy_from_guest(new, guest_ptr((unsigned long)map->buffer.p), bytes)) {
		lib_free(new);
		return -EFAULT;
	}
	spin_lock(&d->lock);
	old = d->mm.map;
	d->mm.map = new;
	d->mm.nr_map = map->nr_entries;
	spin_unlock(&d->lock);
	lib_free(old);
	return 0;
}

static long set_foreign_map(unsigned long arg)
{
	struct xen_foreign_memory_map foreign;
	struct domain *d;
	long rc;

	if (copy_in(&foreign, arg))
		return -EFAULT;
	d = domain_get(foreign.domid);
	if (!d)
		return -ESRCH;
	rc = rights_target(current->domain, d) ?: set_map(d, &foreign.map);
	domain_put(d);
	return rc;
}

long memory_map_op(unsigned int op, unsigned long arg)
{
	struct xen_memory_map map;
	long rc;

	if (op == XENMEM_set_memory_map)
		return set_foreign_map(arg);
	if (op == XENMEM_machine_memory_map && rights_hardware(current->domain))
		return -EPERM;
	if (copy_in(&map, arg))
		return -EFAULT;
	rc = op == XENMEM_memory_map ? own_map(current->domain, &map) : machine_map(&map);
	return rc ?: copy_field_out(arg, struct xen_memory_map, &map, nr_entries);
}

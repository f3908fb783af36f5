// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each call of /dev/xen/privcmd, its errors and its rights. Domain0 gets all; another domain's node is restricted from the
 * start (XSA-482). Frames of the domain KSELFTEST_DOMAIN are mapped where there is one.
 */

#include "privcmd.h"

static void hypercalls(void)
{
	int fd = node_open(PRIVCMD_NODE);

	check(privcmd_hypercall(fd, __HYPERVISOR_xen_version, XENVER_version, 0) >= 4 << 16, "the hypervisor tells its version");
	check_fails(privcmd_hypercall(fd, 56, 0, 0), ENOSYS, "a hypercall that does not exist");
	check(privcmd_hypercall(fd, 1UL << 20, 0, 0) < 0 && (errno == ENOSYS || errno == EINVAL), "one beyond all numbers");
	check_fails(ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, node_nowhere), EFAULT, "with an argument at no address");
	close(fd);
}

static void bad_arguments(void)
{
	privcmd_dm_op_buf_t buffer = { .uptr = &buffer, .size = 1UL << 20 };
	privcmd_dm_op_t dm_op = { .dom = NO_DOMAIN };
	int fd = node_open(PRIVCMD_NODE), error = 0;
	xen_pfn_t frame = 0;
	uint64_t count = 0;
	char *room;

	check_fails(ioctl(fd, _IO('P', 99), 0), ENOTTY, "a call that does not exist");
	check_fails(ioctl(fd, IOCTL_PRIVCMD_MMAP, node_nowhere), EFAULT, "mmap with an argument at no address");
	check_fails(ioctl(fd, IOCTL_PRIVCMD_MMAPBATCH, node_nowhere), EFAULT, "mmapbatch");
	check_fails(ioctl(fd, IOCTL_PRIVCMD_MMAPBATCH_V2, node_nowhere), EFAULT, "mmapbatch v2");
	check_fails(ioctl(fd, IOCTL_PRIVCMD_DM_OP, node_nowhere), EFAULT, "dm_op");
	check_fails(ioctl(fd, IOCTL_PRIVCMD_RESTRICT, node_nowhere), EFAULT, "restrict");
	check_fails(ioctl(fd, IOCTL_PRIVCMD_MMAP_RESOURCE, node_nowhere), EFAULT, "mmap_resource");

	room = privcmd_room(fd, 2);
	check(room != NULL, "room for two frames");
	check_fails(privcmd_map_batch(fd, NO_DOMAIN, room, &frame, &error, 0), EINVAL, "map no frames");
	check_fails(privcmd_map_batch(fd, NO_DOMAIN, room, node_nowhere, &error, 2), EFAULT, "frames at no address");
	check_fails(privcmd_map_batch(fd, NO_DOMAIN, room, &frame, node_nowhere, 1), EFAULT, "errors to no address");
	check_fails(privcmd_map_batch(fd, NO_DOMAIN, &frame, &frame, &error, 1), EINVAL, "into memory of another kind");
	check_fails(privcmd_map_batch(fd, NO_DOMAIN, room + PAGE, &frame, &error, 1), EINVAL, "the first time from the middle");
	munmap(room, 2 * PAGE);

	room = privcmd_room(fd, 1);
	check(privcmd_map_batch(fd, NO_DOMAIN, room, &frame, &error, 1) < 0 || error < 0, "frames of a domain that does not exist");
	munmap(room, PAGE);
	count = 1;
	check_fails(privcmd_map_resource(fd, NO_DOMAIN, 0, NULL, &count), EINVAL, "a resource without room");
	count = 0;
	check(privcmd_map_resource(fd, NO_DOMAIN, XENMEM_resource_grant_table, NULL, &count) < 0, "the size of nobody's resource");

	check(ioctl(fd, IOCTL_PRIVCMD_DM_OP, &dm_op) == 0, "dm_op without a buffer does nothing");
	dm_op.num = 1000;
	dm_op.ubufs = &buffer;
	check_fails(ioctl(fd, IOCTL_PRIVCMD_DM_OP, &dm_op), E2BIG, "dm_op with too many");
	dm_op.num = 1;
	check_fails(ioctl(fd, IOCTL_PRIVCMD_DM_OP, &dm_op), E2BIG, "with one that is too large");
	buffer.size = 16;
	buffer.uptr = node_nowhere;
	check_fails(ioctl(fd, IOCTL_PRIVCMD_DM_OP, &dm_op), EFAULT, "with one at no address");
	close(fd);
}

/* A restricted file serves one domain and makes no hypercalls; nothing widens it again. */
static void restriction(void)
{
	privcmd_dm_op_t dm_op = { .dom = 2345 };
	int fd = node_open(PRIVCMD_NODE), error = 0;
	void *room = privcmd_room(fd, 1);
	xen_pfn_t frame = 0;
	uint64_t count = 0;

	check(privcmd_restrict(fd, 1234) == 0, "restrict to a domain");
	check(privcmd_restrict(fd, 1234) == 0, "again to the same");
	check_fails(privcmd_restrict(fd, 2345), EINVAL, "not to another one");
	check_fails(privcmd_hypercall(fd, __HYPERVISOR_xen_version, XENVER_version, 0), EPERM, "no hypercalls");
	check_fails(privcmd_map_batch(fd, 2345, room, &frame, &error, 1), EPERM, "no frames of others");
	check_fails(privcmd_map_resource(fd, 2345, 0, NULL, &count), EPERM, "no resources of others");
	check_fails(ioctl(fd, IOCTL_PRIVCMD_DM_OP, &dm_op), EPERM, "no dm_op on others");
	check(privcmd_map_resource(fd, 1234, 0, NULL, &count) < 0 && errno != EPERM, "that domain may be asked (it does not exist)");
	close(fd);
}

/* The grant table of a PV guest names the machine frames of its console and its store ring. */
static void foreign_frames(int domid)
{
	int fd = node_open(PRIVCMD_NODE), errors[2] = { 1, 1 };
	grant_entry_v1_t *table = privcmd_room(fd, 1);
	unsigned char *room = privcmd_room(fd, 2);
	xen_pfn_t frames[2];
	uint64_t count = 0;

	check(privcmd_map_resource(fd, domid, XENMEM_resource_grant_table, NULL, &count) == 0 && count >= 1,
	      "how large another domain's grant table is");
	count = 1;
	if (!check(privcmd_map_resource(fd, domid, XENMEM_resource_grant_table, table, &count) == 0, "map its first frame"))
		return;
	check(table[GNTTAB_RESERVED_XENSTORE].frame != 0, "it names the store's ring");
	frames[0] = table[GNTTAB_RESERVED_XENSTORE].frame;
	frames[1] = ~0UL >> 20;
	check(privcmd_map_batch(fd, domid, room, frames, errors, 2) == 0, "map that frame and one that does not exist");
	check(errors[0] == 0 && errors[1] < 0, "each has its own error (%d, %d)", errors[0], errors[1]);
	check(((volatile unsigned char *)room)[0] != 256, "the good one can be read");
	check_fails(privcmd_map_batch(fd, domid, room, frames, errors, 1), EINVAL, "what is mapped is not mapped over");
	check(privcmd_map_batch(fd, domid, room + PAGE, frames, errors, 1) == 0 && errors[0] == 0, "the hole can be filled");
	check(memcmp(room + 2048, room + PAGE + 2048, 16) == 0, "with the same page");
	check(munmap(room, 2 * PAGE) == 0 && munmap(table, PAGE) == 0, "unmap");
	close(fd);
}

static void outside_domain0(void)
{
	int fd = node_open(PRIVCMD_NODE), error = 0;
	void *room = privcmd_room(fd, 1);
	xen_pfn_t frame = 0;

	check_fails(privcmd_hypercall(fd, __HYPERVISOR_xen_version, XENVER_version, 0), EPERM, "no hypercalls outside Domain0");
	check_fails(privcmd_map_batch(fd, 0, room, &frame, &error, 1), EPERM, "no frames of others");
	check_fails(privcmd_restrict(fd, 0), EINVAL, "and no way out by another restriction");
	close(fd);
}

int main(void)
{
	tap_start();
	close(node_open(PRIVCMD_NODE));
	node_check_rights(PRIVCMD_NODE);
	if (!node_is_control_domain()) {
		outside_domain0();
		tap_finish();
	}
	hypercalls();
	bad_arguments();
	restriction();
	if (privcmd_other_domain() < 0)
		tap_skip("frames of another domain", "KSELFTEST_DOMAIN names none");
	else
		foreign_frames(privcmd_other_domain());
	tap_finish();
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/xen/privcmd and /dev/xen/hypercall: the calls. */
#ifndef PRIVCMD_H
#define PRIVCMD_H

#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/version.h>
#include <xen/sys/privcmd.h>

#include "../node.h"

#define PRIVCMD_NODE "/dev/xen/privcmd"
#define HYPERCALL_NODE "/dev/xen/hypercall"
#define PAGE 4096UL
/* A domain that does not exist. */
#define NO_DOMAIN 0x7fe0

static inline long privcmd_hypercall(int fd, uint64_t op, uint64_t arg0, uint64_t arg1)
{
	privcmd_hypercall_t call = { .op = op, .arg = { arg0, arg1 } };

	return ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &call);
}

static inline int privcmd_restrict(int fd, domid_t domid)
{
	return ioctl(fd, IOCTL_PRIVCMD_RESTRICT, &domid);
}

static inline int privcmd_map_batch(int fd, domid_t domid, void *address, const xen_pfn_t *frames, int *errors, unsigned int count)
{
	privcmd_mmapbatch_v2_t batch = {
		.num = count, .dom = domid, .addr = (uintptr_t)address, .arr = frames, .err = errors,
	};

	return ioctl(fd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch);
}

static inline int privcmd_map_resource(int fd, domid_t domid, uint32_t type, void *address, uint64_t *count)
{
	privcmd_mmap_resource_t resource = { .dom = domid, .type = type, .num = *count, .addr = (uintptr_t)address };
	int rc = ioctl(fd, IOCTL_PRIVCMD_MMAP_RESOURCE, &resource);

	*count = resource.num;
	return rc;
}

/* Room in which frames of others can be mapped. */
static inline void *privcmd_room(int fd, unsigned int pages)
{
	void *room = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return room == MAP_FAILED ? NULL : room;
}

/* Another domain for tests in Domain0, which the caller names: -1 without one. */
static inline int privcmd_other_domain(void)
{
	const char *text = getenv("KSELFTEST_DOMAIN");

	return text && node_is_control_domain() ? atoi(text) : -1;
}

#endif

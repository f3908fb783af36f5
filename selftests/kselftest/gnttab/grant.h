/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/xen/gntalloc and /dev/xen/gntdev: the calls, and pages that this domain grants to itself, so that one program can
 * stand on both sides.
 */
#ifndef GRANT_H
#define GRANT_H

#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/sys/gntalloc.h>
#include <xen/sys/gntdev.h>
#include <xenstore.h>

#include "../node.h"

#define GNTALLOC_NODE "/dev/xen/gntalloc"
#define GNTDEV_NODE "/dev/xen/gntdev"
#define PAGE 4096UL

enum { GRANTS_MAX = 64 };

/* Pages granted by gntalloc: where to map them here, and their references. */
struct granted {
	uint64_t index;
	uint32_t count;
	uint32_t refs[GRANTS_MAX];
};

/* This domain's number: Domain0's is known, a guest is told its own by the store. */
static inline int grant_own_domid(void)
{
	struct xs_handle *xs;
	char *text = NULL;
	int domid = -1;

	if (node_is_control_domain())
		return 0;
	xs = xs_open(0);
	if (xs)
		text = xs_read(xs, XBT_NULL, "domid", NULL);
	if (text)
		domid = atoi(text);
	free(text);
	if (xs)
		xs_close(xs);
	return domid;
}

static inline int grant_alloc(int fd, unsigned int domid, unsigned int flags, uint32_t count, struct granted *granted)
{
	static __thread union {
		struct ioctl_gntalloc_alloc_gref call;
		char room[sizeof(struct ioctl_gntalloc_alloc_gref) + GRANTS_MAX * sizeof(uint32_t)];
	} arg;
	int rc;

	memset(&arg, 0, sizeof(arg));
	arg.call.domid = domid;
	arg.call.flags = flags;
	arg.call.count = count;
	rc = ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &arg);
	if (rc)
		return rc;
	granted->index = arg.call.index;
	granted->count = count;
	memcpy(granted->refs, (char *)&arg + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids), count * sizeof(uint32_t));
	return 0;
}

static inline int grant_dealloc(int fd, uint64_t index, uint32_t count)
{
	struct ioctl_gntalloc_dealloc_gref call = { .index = index, .count = count };

	return ioctl(fd, IOCTL_GNTALLOC_DEALLOC_GREF, &call);
}

/* Announce a map of these references; mmap of the index that comes back makes it. */
static inline int grant_map_refs(int fd, uint32_t domid, const uint32_t *refs, uint32_t count, uint64_t *index)
{
	static __thread union {
		struct ioctl_gntdev_map_grant_ref call;
		char room[sizeof(struct ioctl_gntdev_map_grant_ref) + GRANTS_MAX * sizeof(struct ioctl_gntdev_grant_ref)];
	} arg;
	struct ioctl_gntdev_grant_ref *list = (void *)((char *)&arg + offsetof(struct ioctl_gntdev_map_grant_ref, refs));
	uint32_t i;
	int rc;

	memset(&arg, 0, sizeof(arg));
	arg.call.count = count;
	for (i = 0; i < count && i < GRANTS_MAX; i++) {
		list[i].domid = domid;
		list[i].ref = refs[i];
	}
	rc = ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &arg);
	*index = arg.call.index;
	return rc;
}

static inline int grant_unmap(int fd, uint64_t index, uint32_t count)
{
	struct ioctl_gntdev_unmap_grant_ref call = { .index = index, .count = count };

	return ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &call);
}

/* The pages behind an index of either node, NULL and errno when that fails. */
static inline void *grant_mmap(int fd, uint64_t index, uint32_t count, int protection)
{
	void *address = mmap(NULL, count * PAGE, protection, MAP_SHARED, fd, index);

	return address == MAP_FAILED ? NULL : address;
}

static inline int grant_copy(int fd, struct ioctl_gntdev_grant_copy_segment *segments, unsigned int count)
{
	struct ioctl_gntdev_grant_copy call = { .count = count, .segments = segments };

	return ioctl(fd, IOCTL_GNTDEV_GRANT_COPY, &call);
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* What builders of all kinds of guests do alike. */
#include <emmintrin.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "build-common.h"
#include <xen/grant_table.h>

#define SLACK_PAGES 256	/* what a guest may own beyond its memory, as Xen's toolstack allows it */
#define PAGE 4096ull

/*
 * Kernel images are far larger than a cache and nobody reads the copy soon: stores that bypass it. Both ends of the
 * destination are aligned to 16 bytes by the caller's page arithmetic or handled by libc.
 */
void build_copy(uint8_t *to, const uint8_t *from, size_t bytes)
{
	size_t i, head = -(uintptr_t)to & 15;

	if (bytes < 4096) {
		memcpy(to, from, bytes);
		return;
	}
	memcpy(to, from, head);
	for (i = head; i + 64 <= bytes; i += 64) {
		__m128i a = _mm_loadu_si128((const __m128i *)(from + i));
		__m128i b = _mm_loadu_si128((const __m128i *)(from + i + 16));
		__m128i c = _mm_loadu_si128((const __m128i *)(from + i + 32));
		__m128i d = _mm_loadu_si128((const __m128i *)(from + i + 48));

		_mm_stream_si128((__m128i *)(to + i), a);
		_mm_stream_si128((__m128i *)(to + i + 16), b);
		_mm_stream_si128((__m128i *)(to + i + 32), c);
		_mm_stream_si128((__m128i *)(to + i + 48), d);
	}
	memcpy(to + i, from + i, bytes - i);
	_mm_sfence();
}

void build_zero(uint8_t *to, size_t bytes)
{
	size_t i, head = -(uintptr_t)to & 15;

	if (bytes < 4096) {
		memset(to, 0, bytes);
		return;
	}
	memset(to, 0, head);
	for (i = head; i + 16 <= bytes; i += 16)
		_mm_stream_si128((__m128i *)(to + i), _mm_setzero_si128());
	memset(to + i, 0, bytes - i);
	_mm_sfence();
}

void *build_map(struct host *h, const struct build *b, const xen_pfn_t *frame, size_t pages)
{
	void *p = xenforeignmemory_map(h->memory, b->domid, PROT_READ | PROT_WRITE, pages, frame, NULL);

	if (!p)
		msg_error(0, "cannot map %zu pages of the new domain: %s", pages, strerror(errno));
	return p;
}

void build_unmap(struct host *h, void *p, size_t pages)
{
	xenforeignmemory_unmap(h->memory, p, pages);
}

int build_open_ramdisk(const struct build *b, int *fd, uint64_t *bytes)
{
	struct stat st;

	*fd = -1;
	*bytes = 0;
	if (!b->ramdisk)
		return 0;
	*fd = open(b->ramdisk, O_RDONLY | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &st))
		return msg_error(-errno, "ramdisk %s: %s", b->ramdisk, strerror(errno));
	*bytes = st.st_size;
	return 0;
}

int build_copy_ramdisk(const struct build *b, void *to, int fd, uint64_t bytes)
{
	uint8_t *from = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);

	if (from == MAP_FAILED)
		return msg_error(-errno, "ramdisk %s: %s", b->ramdisk, strerror(errno));
	build_copy(to, from, bytes);
	munmap(from, bytes);
	return 0;
}

int build_limits(struct host *h, const struct build *b, const struct e820_entry *entry, unsigned int entries)
{
	struct xen_domctl op = { .u.max_mem.max_memkb = (b->max_pages + SLACK_PAGES) * (PAGE >> 10) };
	struct xen_foreign_memory_map map = { .domid = b->domid, .map.nr_entries = entries };
	int rc = hcall_domctl(h, XEN_DOMCTL_max_mem, b->domid, &op);
	struct e820_entry *copy;

	if (rc < 0)
		return msg_error(rc, "cannot set the memory limit: %s", strerror(-rc));
	copy = hcall_buffer(h, entries * sizeof(*copy));
	if (!copy)
		return msg_error(-ENOMEM, "no memory for a hypercall");
	memcpy(copy, entry, entries * sizeof(*copy));
	set_xen_guest_handle(map.map.buffer, copy);
	rc = hcall_memory(h, XENMEM_set_memory_map, &map, sizeof(map));
	hcall_buffer_free(h, copy);
	return rc;
}

/* The console and store daemons map their pages through these two reserved grants. */
int build_grants(struct host *h, const struct build *b)
{
	xenforeignmemory_resource_handle *resource;
	grant_entry_v1_t *table;
	void *p = NULL;

	resource = xenforeignmemory_map_resource(h->memory, b->domid, XENMEM_resource_grant_table,
						 XENMEM_resource_grant_table_id_shared, 0, 1, &p,
						 PROT_READ | PROT_WRITE, 0);
	if (!resource)
		return msg_error(-errno, "cannot map the new domain's grant table: %s", strerror(errno));
	table = p;
	table[GNTTAB_RESERVED_CONSOLE].frame = b->console_mfn;
	table[GNTTAB_RESERVED_XENSTORE].frame = b->store_mfn;
	table[GNTTAB_RESERVED_CONSOLE].flags = table[GNTTAB_RESERVED_XENSTORE].flags = GTF_permit_access;
	xenforeignmemory_unmap_resource(h->memory, resource);
	return 0;
}


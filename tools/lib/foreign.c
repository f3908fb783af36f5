// SPDX-License-Identifier: GPL-2.0-only
/* Runs of frames, by IOCTL_PRIVCMD_MMAP. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "foreign.h"

#define PAGE 4096ull

/* As in <xen/privcmd.h>, which cannot be included: it wants a header that is not installed. */
struct privcmd_mmap_entry {
	uint64_t va, mfn, npages;
};
struct privcmd_mmap {
	int num;
	domid_t dom;
	struct privcmd_mmap_entry *entry;
};
#define IOCTL_PRIVCMD_MMAP _IOC(_IOC_NONE, 'P', 2, sizeof(struct privcmd_mmap))

static size_t run_length(const xen_pfn_t *mfn, size_t pages)
{
	size_t n = 1;

	while (n < pages && mfn[n] == mfn[0] + n)
		n++;
	return n;
}

/* Return: how many entries; @entry has room for one a page. */
static int list_runs(struct privcmd_mmap_entry *entry, uint64_t va, const xen_pfn_t *mfn, size_t pages)
{
	size_t i, n;
	int runs = 0;

	for (i = 0; i < pages; i += n) {
		n = run_length(mfn + i, pages - i);
		entry[runs++] = (struct privcmd_mmap_entry){ .va = va + i * PAGE, .mfn = mfn[i], .npages = n };
	}
	return runs;
}

static bool map_runs(int fd, uint32_t domid, void *at, const xen_pfn_t *mfn, size_t pages)
{
	struct privcmd_mmap_entry *entry = xcalloc(pages, sizeof(*entry));
	struct privcmd_mmap map = { .dom = domid, .entry = entry };
	bool good;

	map.num = list_runs(entry, (uintptr_t)at, mfn, pages);
	good = !ioctl(fd, IOCTL_PRIVCMD_MMAP, &map);
	free(entry);
	return good;
}

void *foreign_map(struct host *h, uint32_t domid, const xen_pfn_t *mfn, size_t pages)
{
	int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	void *p = MAP_FAILED;

	if (fd >= 0) {
		p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED && !map_runs(fd, domid, p, mfn, pages)) {
			munmap(p, pages * PAGE);
			p = MAP_FAILED;
		}
		close(fd);
	}
	if (p != MAP_FAILED)
		return p;
	return xenforeignmemory_map(h->memory, domid, PROT_READ | PROT_WRITE, pages, mfn, NULL);
}

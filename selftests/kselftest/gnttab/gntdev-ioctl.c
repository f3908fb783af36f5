// SPDX-License-Identifier: GPL-2.0-only
/* Each call of /dev/xen/gntdev, its errors and its rights: map, unmap, notify and copy, on pages granted by gntalloc. */
#include "grant.h"

static int giver, taker, self;

static void mapping(void)
{
	struct ioctl_gntdev_get_offset_for_vaddr offset = { 0 };
	struct granted granted;
	unsigned char *ours, *theirs;
	uint64_t index = 0;
	uint32_t i, same = 0;

	if (grant_alloc(giver, self, GNTALLOC_FLAG_WRITABLE, 4, &granted))
		tap_bail_out("no pages to map");
	ours = grant_mmap(giver, granted.index, 4, PROT_READ | PROT_WRITE);
	for (i = 0; i < 4 * PAGE; i++)
		ours[i] = i * 7 + i / PAGE;
	check(grant_map_refs(taker, self, granted.refs, 4, &index) == 0, "announce four references");
	theirs = grant_mmap(taker, index, 4, PROT_READ | PROT_WRITE);
	if (!check(theirs != NULL, "map them"))
		return;
	for (i = 0; i < 4 * PAGE; i++)
		same += theirs[i] == ours[i];
	check(same == 4 * PAGE, "the same bytes in the same order");
	theirs[PAGE + 3] = 0xee;
	check(ours[PAGE + 3] == 0xee, "what is written on one side is there on the other");
	offset.vaddr = (uint64_t)(uintptr_t)theirs;
	check(ioctl(taker, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &offset) == 0 && offset.offset == index && offset.count == 4,
	      "an address tells its index and its length");
	offset.vaddr = (uint64_t)(uintptr_t)ours;
	check_fails(ioctl(taker, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &offset), EINVAL, "not an address of another node");
	check(mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, taker, index) == MAP_FAILED, "one mapping of them is enough");
	check(grant_unmap(taker, index, 4) == 0, "give the index back");
	check(theirs[5] == ours[5], "the mapping stays until it is unmapped");
	check(munmap(theirs, 4 * PAGE) == 0, "unmap");
	check_fails(grant_unmap(taker, index, 4), ENOENT, "the index is gone");
	munmap(ours, 4 * PAGE);
	grant_dealloc(giver, granted.index, 4);
}

static void read_only(void)
{
	struct granted granted;
	uint64_t index = 0;
	void *theirs;

	check(grant_alloc(giver, self, 0, 1, &granted) == 0, "a page granted for reading");
	grant_map_refs(taker, self, granted.refs, 1, &index);
	check(!grant_mmap(taker, index, 1, PROT_READ | PROT_WRITE), "cannot be mapped for writing");
	grant_unmap(taker, index, 1);
	grant_map_refs(taker, self, granted.refs, 1, &index);
	theirs = grant_mmap(taker, index, 1, PROT_READ);
	check(theirs != NULL, "can be mapped for reading");
	if (theirs)
		munmap(theirs, PAGE);
	grant_unmap(taker, index, 1);
	grant_dealloc(giver, granted.index, 1);
}

static void bad_arguments(void)
{
	struct ioctl_gntdev_unmap_notify notify = { .index = 1UL << 40 };
	uint32_t refs[2] = { 0x7fffff, 0x7ffffe };
	uint64_t index = 0;
	struct granted granted;
	void *address;

	check_fails(ioctl(taker, IOCTL_GNTDEV_MAP_GRANT_REF, node_nowhere), EFAULT, "map with an argument at no address");
	check_fails(ioctl(taker, IOCTL_GNTDEV_UNMAP_GRANT_REF, node_nowhere), EFAULT, "unmap");
	check_fails(ioctl(taker, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, node_nowhere), EFAULT, "offset");
	check_fails(ioctl(taker, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, node_nowhere), EFAULT, "notify");
	check_fails(ioctl(taker, IOCTL_GNTDEV_GRANT_COPY, node_nowhere), EFAULT, "copy");
	check_fails(ioctl(taker, _IO('G', 99), 0), ENOTTY, "a call that does not exist");
	check_fails(grant_map_refs(taker, self, refs, 0, &index), EINVAL, "map nothing");
	check_fails(grant_map_refs(taker, self, refs, UINT32_MAX, &index), EINVAL, "map more than can be");
	check_fails(grant_unmap(taker, 1UL << 40, 1), ENOENT, "unmap what was never mapped");
	check_fails(ioctl(taker, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify), ENOENT, "notify about what was never mapped");
	notify.action = 8;
	check_fails(ioctl(taker, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify), EINVAL, "an action that does not exist");

	check(grant_map_refs(taker, self, refs, 1, &index) == 0, "a reference that does not exist can be announced");
	check(!grant_mmap(taker, index, 1, PROT_READ), "but not be mapped");
	grant_unmap(taker, index, 1);
	check(grant_map_refs(taker, 0x7fee, refs, 1, &index) == 0 && !grant_mmap(taker, index, 1, PROT_READ),
	      "nor can one of a domain that does not exist");
	grant_unmap(taker, index, 1);

	grant_alloc(giver, self, GNTALLOC_FLAG_WRITABLE, 1, &granted);
	refs[0] = granted.refs[0];
	check(grant_map_refs(taker, self, refs, 2, &index) == 0 && !grant_mmap(taker, index, 2, PROT_READ | PROT_WRITE),
	      "a good one next to a bad one: none is mapped");
	grant_unmap(taker, index, 2);
	check(grant_map_refs(taker, self, refs, 1, &index) == 0, "the good one alone");
	address = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, taker, index);
	check(address == MAP_FAILED && errno == EINVAL, "a private writable mapping is refused");
	address = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, taker, index);
	check(address == MAP_FAILED && errno == EINVAL, "one longer than the map, too");
	check(grant_mmap(taker, index, 1, PROT_READ | PROT_WRITE) != NULL, "after all that it still can be mapped");
	check_fails(grant_unmap(taker, index, 2), ENOENT, "unmap takes the count of the map and no other");
	grant_unmap(taker, index, 1);
	grant_dealloc(giver, granted.index, 1);
}

/* The byte is cleared when the mapping goes, by whatever way. */
static void notification(void)
{
	struct ioctl_gntdev_unmap_notify notify = { .action = UNMAP_NOTIFY_CLEAR_BYTE };
	struct granted granted;
	unsigned char *ours, *theirs;
	uint64_t index = 0;

	grant_alloc(giver, self, GNTALLOC_FLAG_WRITABLE, 1, &granted);
	ours = grant_mmap(giver, granted.index, 1, PROT_READ | PROT_WRITE);
	memset(ours, 1, PAGE);
	grant_map_refs(taker, self, granted.refs, 1, &index);
	theirs = grant_mmap(taker, index, 1, PROT_READ | PROT_WRITE);
	notify.index = index + 100;
	check(theirs && ioctl(taker, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify) == 0, "ask for a byte to be cleared");
	munmap(theirs, PAGE);
	grant_unmap(taker, index, 1);
	check(ours[100] == 0 && ours[99] == 1 && ours[101] == 1, "it is cleared at the end, and nothing beside it");
	munmap(ours, PAGE);
	grant_dealloc(giver, granted.index, 1);
}

static void copying(void)
{
	static unsigned char from[3 * PAGE], to[3 * PAGE];
	struct ioctl_gntdev_grant_copy_segment segment[3];
	struct granted granted;
	uint32_t i;

	if (grant_alloc(giver, self, GNTALLOC_FLAG_WRITABLE, 3, &granted))
		tap_bail_out("no pages to copy");
	for (i = 0; i < sizeof(from); i++)
		from[i] = i * 13 + 1;
	memset(segment, 0, sizeof(segment));
	for (i = 0; i < 3; i++) {
		/* from is not at a page's start: each piece crosses pages here. */
		segment[i].source.virt = from + i * 1000 + 77;
		segment[i].dest.foreign.ref = granted.refs[i];
		segment[i].dest.foreign.domid = self;
		segment[i].dest.foreign.offset = 16;
		segment[i].len = 4000;
		segment[i].flags = GNTCOPY_dest_gref;
		segment[i].status = 99;
	}
	check(grant_copy(taker, segment, 3) == 0, "copy three pieces out");
	check(!segment[0].status && !segment[1].status && !segment[2].status, "each has its status");
	for (i = 0; i < 3; i++) {
		segment[i].source.foreign.ref = granted.refs[i];
		segment[i].source.foreign.domid = self;
		segment[i].source.foreign.offset = 16;
		segment[i].dest.virt = to + i * 4000 + 5;
		segment[i].flags = GNTCOPY_source_gref;
	}
	check(grant_copy(taker, segment, 3) == 0, "and back in");
	for (i = 0; i < 3 && !memcmp(to + i * 4000 + 5, from + i * 1000 + 77, 4000); i++)
		;
	check(i == 3 && to[4] == 0, "the same bytes");

	segment[1].source.foreign.ref = 0x7fffff;
	check(grant_copy(taker, segment, 3) == 0, "one of three cannot be copied");
	check(segment[0].status == GNTST_okay && segment[1].status != GNTST_okay && segment[2].status == GNTST_okay,
	      "it alone has an error (%d)", segment[1].status);
	segment[0].source.foreign.offset = 200;
	check_fails(grant_copy(taker, segment, 1), EINVAL, "a piece beyond the end of a granted page");
	segment[0].flags = 0;
	check_fails(grant_copy(taker, segment, 1), EINVAL, "from here to here");
	segment[2].dest.virt = node_nowhere;
	check_fails(grant_copy(taker, &segment[2], 1), EFAULT, "to no address");
	check_fails(grant_copy(taker, node_nowhere, 1), EFAULT, "pieces at no address");
	check(grant_copy(taker, NULL, 0) == 0, "no pieces are no error");
	grant_dealloc(giver, granted.index, 3);
}

/* The child has the parent's file, not its mappings' rights to end them. */
static void across_fork_and_close(void)
{
	struct granted granted;
	unsigned char *ours, *theirs;
	uint64_t index = 0;
	int status = -1;
	pid_t child;

	grant_alloc(giver, self, GNTALLOC_FLAG_WRITABLE, 1, &granted);
	ours = grant_mmap(giver, granted.index, 1, PROT_READ | PROT_WRITE);
	grant_map_refs(taker, self, granted.refs, 1, &index);
	theirs = grant_mmap(taker, index, 1, PROT_READ | PROT_WRITE);
	if (!check(ours && theirs, "a page on both sides"))
		return;
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(0);
	waitpid(child, &status, 0);
	ours[9] = 0x77;
	check(status == 0 && theirs[9] == 0x77, "a child that comes and goes changes nothing");
	close(taker);
	ours[9] = 0x78;
	check(theirs[9] == 0x78, "nor does closing the file while it is mapped");
	munmap(theirs, PAGE);
	check(grant_dealloc(giver, granted.index, 1) == 0, "and the page comes back");
	taker = node_open(GNTDEV_NODE);
}

int main(void)
{
	tap_start();
	taker = node_open(GNTDEV_NODE);
	giver = node_open(GNTALLOC_NODE);
	self = grant_own_domid();
	if (self < 0)
		tap_skip_all("no store that tells this domain's number");
	node_check_rights(GNTDEV_NODE);
	mapping();
	read_only();
	bad_arguments();
	notification();
	copying();
	across_fork_and_close();
	tap_finish();
}

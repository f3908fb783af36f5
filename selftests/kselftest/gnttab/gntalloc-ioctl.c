// SPDX-License-Identifier: GPL-2.0-only
/* Each call of /dev/xen/gntalloc, its errors and its rights. */
#include "grant.h"

static int fd, self;

static void giving_and_taking_back(void)
{
	struct granted one, many;
	unsigned char *page;
	uint32_t i, j;
	int distinct = 1;

	if (!check(grant_alloc(fd, self, GNTALLOC_FLAG_WRITABLE, 1, &one) == 0, "grant a page"))
		tap_bail_out("no grant");
	check(one.refs[0] != 0, "the reference is not one of the reserved");
	page = grant_mmap(fd, one.index, 1, PROT_READ | PROT_WRITE);
	if (!check(page != NULL, "map it here"))
		return;
	for (i = 0; i < PAGE && !page[i]; i++)
		;
	check(i == PAGE, "nothing of its former use is in it");
	memset(page, 0x5a, PAGE);
	check(grant_dealloc(fd, one.index, 1) == 0, "take the grant back while it is mapped here");
	check(page[17] == 0x5a, "the mapping stays good");
	check(munmap(page, PAGE) == 0, "until it is unmapped");
	check_fails(grant_dealloc(fd, one.index, 1), EINVAL, "it cannot be taken back twice");
	check_fails(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, one.index) == MAP_FAILED ? -1 : 0, ENOENT, "nor be mapped again");

	check(grant_alloc(fd, self, 0, GRANTS_MAX, &many) == 0, "grant %d pages", GRANTS_MAX);
	for (i = 0; i < GRANTS_MAX; i++)
		for (j = 0; j < i; j++)
			distinct &= many.refs[i] != many.refs[j];
	check(distinct, "each has a reference of its own");
	check(many.index != one.index || grant_mmap(fd, many.index, 2, PROT_READ), "and an index that maps them in a row");
	check(grant_dealloc(fd, many.index + PAGE, 1) == 0, "one in the middle can be taken back");
	check_fails(grant_dealloc(fd, many.index, GRANTS_MAX), EINVAL, "a row with a gap cannot");
	check(grant_dealloc(fd, many.index + 2 * PAGE, GRANTS_MAX - 2) == 0, "the rest of the row can");
}

static void bad_arguments(void)
{
	struct granted granted;
	void *address;

	check_fails(ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, node_nowhere), EFAULT, "alloc with an argument at no address");
	check_fails(ioctl(fd, IOCTL_GNTALLOC_DEALLOC_GREF, node_nowhere), EFAULT, "dealloc");
	check_fails(ioctl(fd, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, node_nowhere), EFAULT, "notify");
	check_fails(ioctl(fd, _IO('G', 99), 0), ENOTTY, "a call that does not exist");
	check_fails(grant_alloc(fd, self, 0, UINT32_MAX, &granted), ENOSPC, "more pages than may be");
	check_fails(grant_dealloc(fd, 1UL << 40, 1), EINVAL, "take back what was never granted");
	check_fails(grant_dealloc(fd, 0, 0), EINVAL, "take back nothing");
	check(grant_alloc(fd, self, 0, 1, &granted) == 0, "a page");
	address = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, granted.index);
	check(address == MAP_FAILED && errno == EINVAL, "a private mapping is refused");
	address = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, granted.index);
	check(address == MAP_FAILED && errno == ENOENT, "and one beyond its end");
	grant_dealloc(fd, granted.index, 1);
}

/* When the last user of a page goes, a byte of it is cleared: the other side sees that this one is gone. */
static void notification(void)
{
	struct ioctl_gntalloc_unmap_notify call = { .action = UNMAP_NOTIFY_CLEAR_BYTE };
	struct granted granted;

	check(grant_alloc(fd, self, GNTALLOC_FLAG_WRITABLE, 1, &granted) == 0, "a page");
	call.index = granted.index + 5;
	check(ioctl(fd, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &call) == 0, "ask for a byte to be cleared");
	call.action = 4;
	check_fails(ioctl(fd, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &call), EINVAL, "an action that does not exist");
	call.action = UNMAP_NOTIFY_SEND_EVENT;
	call.event_channel_port = UINT32_MAX;
	check_fails(ioctl(fd, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &call), EINVAL, "an event over a port that does not exist");
	call.index = 1UL << 40;
	check_fails(ioctl(fd, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &call), ENOENT, "for a page that does not exist");
	check(grant_dealloc(fd, granted.index, 1) == 0, "and take the page back");
}

/* A file's pages are its own: another file neither maps nor frees them, and closing gives all back. */
static void files_are_apart(void)
{
	int other = node_open(GNTALLOC_NODE), i, made = 0;
	struct granted granted;

	check(grant_alloc(fd, self, 0, 1, &granted) == 0, "a page");
	check_fails(grant_dealloc(other, granted.index, 1), EINVAL, "another file cannot take it back");
	check(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, other, granted.index) == MAP_FAILED, "nor map it");
	grant_dealloc(fd, granted.index, 1);
	close(other);
	for (i = 0; i < 60; i++) {
		other = node_open(GNTALLOC_NODE);
		made += grant_alloc(other, self, 0, GRANTS_MAX, &granted) == 0;
		close(other);
	}
	check(made == 60, "closing gives all pages back: %d pages in %d files, one after the other", 60 * GRANTS_MAX, 60);
}

int main(void)
{
	tap_start();
	fd = node_open(GNTALLOC_NODE);
	self = grant_own_domid();
	if (self < 0)
		tap_skip_all("no store that tells this domain's number");
	node_check_rights(GNTALLOC_NODE);
	giving_and_taking_back();
	bad_arguments();
	notification();
	files_are_apart();
	tap_finish();
}

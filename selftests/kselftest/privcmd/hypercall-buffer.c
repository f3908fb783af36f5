// SPDX-License-Identifier: GPL-2.0-only
/* /dev/xen/hypercall: memory that the hypervisor may read and write during a call, which a child need not get. */
#include <signal.h>

#include "privcmd.h"

static int touch(const char *address)
{
	return *(volatile const char *)address;
}

int main(void)
{
	int fd, i, status = 0;
	char *room;
	pid_t child;

	tap_start();
	fd = node_open(HYPERCALL_NODE);
	node_check_rights(HYPERCALL_NODE);
	room = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!check(room != MAP_FAILED, "four pages"))
		tap_bail_out("mmap");
	for (i = 0; i < (int)(4 * PAGE) && !room[i]; i++)
		;
	check(i == 4 * PAGE, "nothing of their former use is in them");
	memset(room, 0x33, 4 * PAGE);
	check(room[4 * PAGE - 1] == 0x33, "they can be written");
	check(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL, "a private mapping is refused");
	check_fails(ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, NULL), ENOTTY, "the node makes no calls");

	check(madvise(room, 4 * PAGE, MADV_DONTFORK) == 0, "a child can be kept from them");
	fflush(stdout);
	child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		_exit(touch(room) == 0x33);
	}
	waitpid(child, &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "and then has none");
	check(munmap(room + PAGE, PAGE) == 0 || errno == EINVAL, "a hole in the middle is made or refused");
	check(room[0] == 0x33 && room[3 * PAGE] == 0x33, "the rest stays");
	close(fd);
	tap_finish();
}

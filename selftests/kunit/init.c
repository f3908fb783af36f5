// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only process of the machine that runs the suites: load each module named on the command line, which runs its tests
 * and logs them as TAP, say how that went, end the machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *load(const char *path)
{
	int fd = open(path, O_RDONLY);
	long rc;

	if (fd < 0)
		return strerror(errno);
	rc = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return rc ? strerror(errno) : "loaded";
}

int main(int argc, char **argv)
{
	int log = open("/dev/kmsg", O_WRONLY), i;
	char line[128];

	for (i = 1; i < argc && argv[i][0] == '/'; i++) {
		snprintf(line, sizeof(line), "suite %s: %s\n", argv[i] + 1, load(argv[i]));
		if (write(log, line, strlen(line)) < 0)
			break;
	}
	reboot(RB_POWER_OFF);
	return 1;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Files as block devices. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "device.h"

/* A free device may be taken by somebody else before it is configured: then the next one. */
static int configure(int control, const struct loop_config *config, int mode, char **node)
{
	int tries, fd;

	for (tries = 0; tries < 64; tries++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		if (n < 0)
			return -errno;
		*node = xasprintf("/dev/loop%d", n);
		fd = open(*node, mode | O_CLOEXEC);
		if (fd >= 0 && !ioctl(fd, LOOP_CONFIGURE, config))
			return fd;
		if (fd < 0 || errno != EBUSY)
			return -errno;
		close(fd);
	}
	return -EBUSY;
}

int loop_attach(const char *file, bool readonly, bool buffered, char **node)
{
	int mode = readonly ? O_RDONLY : O_RDWR, control, backing, rc;
	struct loop_config config = {
		.info.lo_flags = LO_FLAGS_AUTOCLEAR | (readonly ? LO_FLAGS_READ_ONLY : 0) |
				 (buffered ? 0 : LO_FLAGS_DIRECT_IO),
	};

	backing = open(file, mode | O_CLOEXEC);
	if (backing < 0)
		return msg_error(-errno, "disk %s: %s", file, strerror(errno));
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0) {
		rc = msg_error(-errno, "disk %s: /dev/loop-control: %s (is the module loop loaded?)", file, strerror(errno));
		close(backing);
		return rc;
	}
	config.fd = backing;
	strncpy((char *)config.info.lo_file_name, file, LO_NAME_SIZE - 1);
	rc = configure(control, &config, mode, node);
	close(control);
	close(backing);
	return rc < 0 ? msg_error(rc, "disk %s: no loop device: %s", file, strerror(-rc)) : rc;
}

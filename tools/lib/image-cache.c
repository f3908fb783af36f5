// SPDX-License-Identifier: GPL-2.0-only
/* The cache of unpacked kernels. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "host.h"
#include "image.h"
#include "image-cache.h"

#define CACHE "/var/cache/xen/kernels"
#define KEEP 8		/* kernels */

static char *entry_path(const struct stat *st)
{
	return xasprintf(CACHE "/%lx-%lx-%lx-%lx.%lx-%lx.%lx", (unsigned long)st->st_dev, (unsigned long)st->st_ino,
			 (unsigned long)st->st_size, (unsigned long)st->st_mtim.tv_sec,
			 (unsigned long)st->st_mtim.tv_nsec, (unsigned long)st->st_ctim.tv_sec,
			 (unsigned long)st->st_ctim.tv_nsec);
}

uint8_t *image_cache_map(const struct stat *st, size_t *size)
{
	char *path = entry_path(st);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	void *data = MAP_FAILED;
	struct stat own;

	free(path);
	/* Only what root wrote may become a kernel. */
	if (fd >= 0 && !fstat(fd, &own) && own.st_uid == 0 && !(own.st_mode & 022) && own.st_size > 0 &&
	    own.st_size <= IMAGE_MAX) {
		*size = own.st_size;
		data = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (fd >= 0)
		close(fd);
	return data == MAP_FAILED ? NULL : data;
}

/* The oldest goes when there are too many. */
static void prune(void)
{
	char oldest[256] = "";
	struct timespec least = { 0 };
	DIR *dir = opendir(CACHE);
	struct dirent *e;
	unsigned int n = 0;
	struct stat st;

	while (dir && (e = readdir(dir))) {
		if (*e->d_name == '.' || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (!n++ || st.st_mtim.tv_sec < least.tv_sec) {
			least = st.st_mtim;
			snprintf(oldest, sizeof(oldest), "%s", e->d_name);
		}
	}
	if (n > KEEP)
		unlinkat(dirfd(dir), oldest, 0);
	if (dir)
		closedir(dir);
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n <= 0)
			return false;
		data += n;
		size -= n;
	}
	return true;
}

void image_cache_put(const struct stat *st, const uint8_t *data, size_t size)
{
	char *path = entry_path(st), *next = xasprintf(CACHE "/.new.%d", (int)getpid());
	int fd;

	mkdir("/var/cache/xen", 0755);
	mkdir(CACHE, 0700);
	fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		if (!write_all(fd, data, size) || rename(next, path))
			unlink(next);
		close(fd);
		prune();
	}
	free(path);
	free(next);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/gntdev's calls for DMA buffers: a buffer granted to this very domain and mapped again, grants made into a buffer,
 * waiting for its end, errors.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../kselftest.h"
#include "self.h"

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define PAGE 4096ul
#define CHECK(condition, ...) ksft_test_result(condition, __VA_ARGS__)

static int gntdev, gntalloc, self;
static void *volatile nowhere = (void *)8;

static int call(int fd, unsigned long cmd, void *arg)
{
	int rc = ioctl(fd, cmd, arg);

	return rc < 0 ? -errno : rc;
}

static int open_node(const char *name)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		ksft_exit_skip("%s: %s\n", name, strerror(errno));
	return fd;
}

/* A page of ours, granted. */
static unsigned char *share(uint32_t *ref)
{
	struct ioctl_gntalloc_alloc_gref arg = { .domid = self, .flags = GNTALLOC_FLAG_WRITABLE, .count = 1 };

	if (ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &arg))
		return MAP_FAILED;
	*ref = arg.gref_ids[0];
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc, arg.index);
}

/* A DMA buffer of one page that a program made. */
static int make_buffer(unsigned char **at)
{
	int memory = memfd_create("dmabuf", MFD_ALLOW_SEALING), device = open("/dev/udmabuf", O_RDWR);
	struct udmabuf_create arg = { .memfd = memory, .size = PAGE };
	int fd;

	if (device < 0 || memory < 0 || ftruncate(memory, PAGE))
		return -1;
	*at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	memset(*at, 0x61, PAGE);
	fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK);
	fd = ioctl(device, UDMABUF_CREATE, &arg);
	close(device);
	close(memory);
	return fd;
}

static unsigned char *map_ref(int node, uint32_t ref, uint64_t *index)
{
	struct ioctl_gntdev_map_grant_ref arg = { .count = 1 };

	arg.refs[0].domid = self;
	arg.refs[0].ref = ref;
	if (ioctl(node, IOCTL_GNTDEV_MAP_GRANT_REF, &arg))
		return MAP_FAILED;
	*index = arg.index;
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, node, arg.index);
}

static void unmap_ref(int node, unsigned char *at, uint64_t index)
{
	struct ioctl_gntdev_unmap_grant_ref arg = { .index = index, .count = 1 };

	munmap(at, PAGE);
	ioctl(node, IOCTL_GNTDEV_UNMAP_GRANT_REF, &arg);
}

static void skip_import(void)
{
	int i;

	for (i = 0; i < 6; i++)
		ksft_test_result_skip("the buffer's addresses are not those of its memory\n");
}

static void test_import(void)
{
	struct ioctl_gntdev_dmabuf_imp_to_refs arg = { .count = 1, .domid = self };
	struct ioctl_gntdev_dmabuf_imp_release release;
	unsigned char *at = NULL, *seen;
	uint64_t index = 0;
	int fd = make_buffer(&at), rc;

	if (fd < 0) {
		ksft_test_result_skip("no /dev/udmabuf to make a buffer with\n");
		return;
	}
	arg.fd = release.fd = fd;
	release.reserved = 0;
	arg.count = 2;
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, &arg) == -EINVAL, "not the buffer's size: EINVAL\n");
	arg.count = 1;
	rc = call(gntdev, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, &arg);
	if (rc == -EINVAL) {	/* a PV guest without swiotlb-xen: devices get other addresses than the machine's */
		skip_import();
		return;
	}
	CHECK(rc == 0, "a buffer is granted\n");
	seen = map_ref(gntdev, arg.refs[0], &index);
	CHECK(seen != MAP_FAILED && seen[100] == 0x61, "and mapped: it is its memory\n");
	if (seen == MAP_FAILED)
		return;
	seen[101] = 0x62;
	CHECK(at[101] == 0x62, "in both directions\n");
	close(fd);
	munmap(at, PAGE);
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, &release) == 0, "it is given back while it is mapped\n");
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, &release) == -ENOENT, "once: ENOENT\n");
	sleep(2);
	CHECK(seen[101] == 0x62, "nobody else gets the page meanwhile\n");
	unmap_ref(gntdev, seen, index);
}

static void test_import_errors(void)
{
	struct ioctl_gntdev_dmabuf_imp_to_refs arg = { .fd = gntdev, .count = 1, .domid = self };

	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, &arg) == -EINVAL, "a file that is no buffer: EINVAL\n");
	arg.fd = -1;
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, &arg) == -EBADF, "no file: EBADF\n");
	arg.count = 0;
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, &arg) == -EINVAL, "no pages: EINVAL\n");
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, nowhere) == -EFAULT, "from nowhere: EFAULT\n");
}

static void test_export(void)
{
	struct ioctl_gntdev_dmabuf_exp_from_refs arg = { .count = 1, .domid = self };
	struct ioctl_gntdev_dmabuf_exp_wait_released wait = { .wait_to_ms = 20 };
	unsigned char *at = share(&arg.refs[0]);

	CHECK(at != MAP_FAILED && call(gntdev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, &arg) == 0, "a grant becomes a buffer\n");
	wait.fd = arg.fd;
	CHECK(lseek(arg.fd, 0, SEEK_END) == (off_t)PAGE, "of one page\n");
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, &wait) == -ETIMEDOUT, "it is in use: ETIMEDOUT\n");
	close(arg.fd);
	wait.wait_to_ms = 2000;
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, &wait) == -ENOENT, "then it is not: ENOENT\n");
	arg.refs[0] = 0x3fffff00;
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, &arg) == -EINVAL, "a grant that is none: EINVAL\n");
	arg.count = 0;
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, &arg) == -EINVAL, "nothing: EINVAL\n");
	arg.count = 1;
	arg.flags = GNTDEV_DMA_FLAG_WC | GNTDEV_DMA_FLAG_COHERENT;
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, &arg) == -EINVAL, "two kinds of memory: EINVAL\n");
	CHECK(call(gntdev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, nowhere) == -EFAULT, "from nowhere: EFAULT\n");
	munmap(at, PAGE);
}

int main(void)
{
	struct ioctl_gntdev_dmabuf_imp_release none = { .fd = 12345 };
	unsigned char *at;
	int rc;

	ksft_print_header();
	self = own_domid();
	gntalloc = open_node("/dev/xen/gntalloc");
	gntdev = open_node("/dev/xen/gntdev");
	rc = call(gntdev, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, &none);
	if (rc == -ENOTTY)
		ksft_exit_skip("this gntdev has no DMA buffers\n");
	ksft_set_plan(make_buffer(&at) < 0 ? 14 : 20);
	CHECK(rc == -ENOENT, "giving back what is not there: ENOENT\n");
	test_import();
	test_import_errors();
	test_export();
	ksft_finished();
}

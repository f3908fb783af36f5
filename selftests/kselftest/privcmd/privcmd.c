// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/privcmd and /dev/xen/hypercall: hypercalls and their buffers, what mapping foreign frames refuses, what a
 * restricted file still may do. That mappings show the right memory is seen where domains are built.
 *
 * The structures are those of <xen/privcmd.h>, which programs cannot include by itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../kselftest.h"

typedef uint16_t domid_t;

struct hypercall { uint64_t op, arg[5]; };
struct mmap_entry { uint64_t va, mfn, npages; };
struct mmap_list { int num; domid_t dom; struct mmap_entry *entry; };
struct mmapbatch { int num; domid_t dom; uint64_t addr; uint64_t *arr; };
struct mmapbatch_v2 { unsigned int num; domid_t dom; uint64_t addr; const uint64_t *arr; int *err; };
struct dm_op_buf { void *uptr; size_t size; };
struct dm_op { domid_t dom; uint16_t num; const struct dm_op_buf *ubufs; };
struct mmap_resource { domid_t dom; uint32_t type, id, idx; uint64_t num, addr; };

#define HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct hypercall))
#define MMAP _IOC(_IOC_NONE, 'P', 2, sizeof(struct mmap_list))
#define MMAPBATCH _IOC(_IOC_NONE, 'P', 3, sizeof(struct mmapbatch))
#define MMAPBATCH_V2 _IOC(_IOC_NONE, 'P', 4, sizeof(struct mmapbatch_v2))
#define DM_OP _IOC(_IOC_NONE, 'P', 5, sizeof(struct dm_op))
#define RESTRICT _IOC(_IOC_NONE, 'P', 6, sizeof(domid_t))
#define MMAP_RESOURCE _IOC(_IOC_NONE, 'P', 7, sizeof(struct mmap_resource))

#define MFN_ERROR 0xf0000000u
#define XEN_VERSION 17		/* hypercall */
#define XENVER_VERSION 0
#define XENVER_EXTRAVERSION 1
#define NOBODY 32000		/* a domain that is not there */
#define PAGE 4096ul
#define FRAMES 300
#define THREADS 4

#define CHECK(condition, ...) ksft_test_result(condition, __VA_ARGS__)

/* What Linux's own module (ours alone has a version) does not look at: it says something else, or takes it. */
#define CHECK_STRICT(condition, text) do {								\
		if (access("/sys/module/xen_privcmd/version", F_OK))					\
			ksft_test_result_skip(text " (not looked at by the kernel's own privcmd)\n");	\
		else											\
			CHECK(condition, text "\n");							\
	} while (0)

static int fd;
static void *volatile nowhere = (void *)8;

static int open_node(const char *name)
{
	int new = open(name, O_RDWR | O_CLOEXEC);

	if (new < 0)
		ksft_exit_skip("%s: %s\n", name, strerror(errno));
	return new;
}

static int call(int node, unsigned long cmd, void *arg)
{
	int rc = ioctl(node, cmd, arg);

	return rc < 0 ? -errno : rc;
}

static int xen_version(int node, int cmd, void *buffer)
{
	struct hypercall arg = { .op = XEN_VERSION, .arg = { cmd, (uintptr_t)buffer } };

	return call(node, HYPERCALL, &arg);
}

static void test_hypercall(void)
{
	struct hypercall none = { .op = 63 };
	int version = xen_version(fd, XENVER_VERSION, NULL);

	CHECK(version > 0x40000, "the hypervisor's version: %d.%d\n", version >> 16, version & 0xffff);
	CHECK(call(fd, HYPERCALL, &none) == -ENOSYS, "a hypercall that is none: ENOSYS\n");
	CHECK(call(fd, HYPERCALL, nowhere) == -EFAULT, "from nowhere: EFAULT\n");
	CHECK(xen_version(fd, XENVER_EXTRAVERSION, nowhere) == -EFAULT, "an argument nowhere: EFAULT\n");
	CHECK(call(fd, _IO('P', 99), NULL) == -ENOTTY, "an unknown call: ENOTTY\n");
}

static void test_buffer(void)
{
	int node = open_node("/dev/xen/hypercall"), status;
	unsigned char *at = mmap(NULL, 40 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, node, 0);
	unsigned int i, zero = 1;

	CHECK(at != MAP_FAILED, "40 pages of buffers\n");
	for (i = 0; i < 40 * PAGE; i++)
		zero &= !at[i];
	CHECK(zero, "they are zero\n");
	CHECK(xen_version(fd, XENVER_EXTRAVERSION, at + 39 * PAGE) == 0 && at[39 * PAGE], "the hypervisor answers into one: %s\n",
	      at + 39 * PAGE);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, node, 0) == MAP_FAILED && errno == EINVAL,
	      "a private mapping: EINVAL\n");
	if (!fork()) {
		at[0] = 5;
		munmap(at, 40 * PAGE);
		_exit(0);
	}
	wait(&status);
	CHECK(at[0] == 5, "a child has the same pages, and leaves them alone\n");
	CHECK(munmap(at + PAGE, PAGE) == 0, "they can go one by one\n");
	munmap(at, 40 * PAGE);
	close(node);
}

static void *foreign(unsigned int pages)
{
	return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int batch(int node, domid_t dom, void *at, const uint64_t *frames, int *errs, unsigned int num)
{
	struct mmapbatch_v2 arg = { .num = num, .dom = dom, .addr = (uintptr_t)at, .arr = frames, .err = errs };

	return call(node, MMAPBATCH_V2, &arg);
}

static void test_batch_errors(void)
{
	static uint64_t frames[FRAMES];
	static int errs[FRAMES];
	unsigned char *at = foreign(FRAMES);
	void *other = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(batch(fd, NOBODY, at, frames, errs, 0) == -EINVAL, "no frames: EINVAL\n");
	CHECK_STRICT(batch(fd, NOBODY, at, frames, errs, 0x80000000) == -EINVAL, "more than there can be: EINVAL");
	CHECK(batch(fd, NOBODY, at, frames, errs, FRAMES - 1) == -EINVAL, "a part of a mapping: EINVAL\n");
	CHECK(batch(fd, NOBODY, at, frames, errs, FRAMES + 1) == -EINVAL, "more than a mapping: EINVAL\n");
	CHECK(batch(fd, NOBODY, other, frames, errs, 1) == -EINVAL, "memory of another kind: EINVAL\n");
	CHECK(call(fd, MMAPBATCH_V2, nowhere) == -EFAULT, "from nowhere: EFAULT\n");
	CHECK(batch(fd, NOBODY, at, nowhere, errs, FRAMES) == -EFAULT, "frames from nowhere: EFAULT\n");
	munmap(at, FRAMES * PAGE);
	at = foreign(FRAMES);
	CHECK(batch(fd, NOBODY, at, frames, nowhere, FRAMES) == -EFAULT, "errors to nowhere: EFAULT\n");
	munmap(at, FRAMES * PAGE);
}

static void test_batch(void)
{
	static uint64_t frames[FRAMES];
	static int errs[FRAMES];
	struct mmapbatch v1 = { .num = 4, .dom = NOBODY, .arr = frames };
	unsigned char *at = foreign(FRAMES);
	int i, refused = 0, status;

	frames[7] = ~0ull;
	CHECK(batch(fd, NOBODY, at, frames, errs, FRAMES) == 0, "frames of a domain that is not there\n");
	for (i = 0; i < FRAMES; i++)
		refused += errs[i] < 0;
	CHECK(refused == FRAMES, "each has its error: %d\n", refused);
	CHECK(batch(fd, NOBODY, at + 5 * PAGE, frames, errs, 2) == 0 && errs[0] < 0, "some are tried again\n");
	CHECK_STRICT(batch(fd, NOBODY, at + 5 * PAGE + 1, frames, errs, 2) == -EINVAL, "not in between pages: EINVAL");
	CHECK(munmap(at + PAGE, PAGE) < 0 && errno == EINVAL, "it is not unmapped in parts: EINVAL\n");
	if (!fork()) {
		*(volatile unsigned char *)at;
		_exit(0);
	}
	wait(&status);
	CHECK(WIFSIGNALED(status), "a child has nothing of it\n");
	CHECK(munmap(at, FRAMES * PAGE) == 0, "it goes\n");
	at = foreign(4);
	v1.addr = (uintptr_t)at;
	frames[0] = 0x1234;
	CHECK(call(fd, MMAPBATCH, &v1) == 0 && frames[0] == (0x1234 | MFN_ERROR), "version 1 marks the frames\n");
	munmap(at, 4 * PAGE);
}

static void test_ranges(void)
{
	unsigned char *at = foreign(4);
	struct mmap_entry e[2] = { { (uintptr_t)at, 0, 2 }, { (uintptr_t)at + 3 * PAGE, 0, 1 } };
	struct mmap_list list = { .num = 1, .dom = NOBODY, .entry = e };
	int rc;

	rc = call(fd, MMAP, &list);
	if (rc == -ENOSYS) {
		ksft_test_result_skip("translated memory has no MMAP\n");
		ksft_test_result_skip("translated memory has no MMAP\n");
		ksft_test_result_skip("translated memory has no MMAP\n");
		return;
	}
	CHECK(rc < 0 && rc != -EINVAL, "a range of a domain that is not there\n");
	munmap(at, 4 * PAGE);
	at = foreign(4);
	e[0].va = (uintptr_t)at + PAGE;
	CHECK(call(fd, MMAP, &list) == -EINVAL, "not from the mapping's start: EINVAL\n");
	e[0].va = (uintptr_t)at;
	e[0].npages = ~0ull / PAGE;
	CHECK(call(fd, MMAP, &list) == -EINVAL, "around the end of the address space: EINVAL\n");
	munmap(at, 4 * PAGE);
}

static void test_resource(void)
{
	unsigned char *at = foreign(2);
	struct mmap_resource arg = { .dom = NOBODY, .type = 1, .num = 1 };

	CHECK(call(fd, MMAP_RESOURCE, &arg) == -EINVAL, "a resource without a place: EINVAL\n");
	arg.num = 0;
	CHECK(call(fd, MMAP_RESOURCE, &arg) == -ESRCH, "the size of one of a domain that is not there: ESRCH\n");
	arg.num = 3;
	arg.addr = (uintptr_t)at;
	CHECK_STRICT(call(fd, MMAP_RESOURCE, &arg) == -EINVAL, "more than the mapping: EINVAL");
	arg.num = ~0ull;
	CHECK_STRICT(call(fd, MMAP_RESOURCE, &arg) == -EINVAL, "much more: EINVAL");
	arg.num = 2;
	CHECK(call(fd, MMAP_RESOURCE, &arg) == -ESRCH, "a domain that is not there: ESRCH\n");
	munmap(at, 2 * PAGE);
}

static void test_dm_op(void)
{
	char bytes[64] = "";
	struct dm_op_buf bufs[17] = { { bytes, sizeof(bytes) } };
	struct dm_op arg = { .dom = NOBODY, .num = 0, .ubufs = bufs };
	int rc;

	CHECK(call(fd, DM_OP, &arg) == 0, "a dm_op without buffers: 0\n");
	arg.num = 17;
	CHECK(call(fd, DM_OP, &arg) == -E2BIG, "with too many: E2BIG\n");
	arg.num = 1;
	rc = call(fd, DM_OP, &arg);
	CHECK(rc == -ESRCH || rc == -ENOSYS, "for a domain that is not there: ESRCH, or ENOSYS without dm_op: %d\n", rc);
	bufs[0].size = 4097;
	CHECK(call(fd, DM_OP, &arg) == -E2BIG, "with too large a one: E2BIG\n");
	bufs[0] = (struct dm_op_buf){ nowhere, 8 };
	CHECK(call(fd, DM_OP, &arg) == -EFAULT, "with one nowhere: EFAULT\n");
	arg.ubufs = nowhere;
	CHECK(call(fd, DM_OP, &arg) == -EFAULT, "from nowhere: EFAULT\n");
}

static int restrict_to(int node, domid_t domain)
{
	return call(node, RESTRICT, &domain);
}

static void test_restrict(void)
{
	int node = open_node("/dev/xen/privcmd"), errs[1];
	void *at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, node, 0);
	struct mmap_resource resource = { .dom = NOBODY - 1, .type = 1 };
	struct dm_op op = { .dom = NOBODY - 1 };
	uint64_t frames[1] = { 0 };

	CHECK(restrict_to(node, NOBODY) == 0 && restrict_to(node, NOBODY) == 0, "restricted to a domain\n");
	CHECK(restrict_to(node, NOBODY - 1) == -EINVAL, "and not to another one any more: EINVAL\n");
	CHECK(xen_version(node, XENVER_VERSION, NULL) == -EPERM, "no hypercalls: EPERM\n");
	CHECK(batch(node, NOBODY - 1, at, frames, errs, 1) == -EPERM, "no other domain's memory: EPERM\n");
	CHECK(call(node, DM_OP, &op) == -EPERM, "nor its devices: EPERM\n");
	CHECK(call(node, MMAP_RESOURCE, &resource) == -EPERM, "nor its resources: EPERM\n");
	CHECK(batch(node, NOBODY, at, frames, errs, 1) == 0 && errs[0] < 0, "that domain's, if it is there\n");
	munmap(at, PAGE);
	close(node);
}

static volatile int stop;

/* Two threads map into and unmap the same mapping. */
static void *load(void *data)
{
	static uint64_t frames[FRAMES];
	int errs[FRAMES];
	unsigned long *rounds = data;
	static void *shared;

	while (!stop) {
		void *at = foreign(FRAMES);

		if (at == MAP_FAILED)
			continue;
		__atomic_store_n(&shared, at, __ATOMIC_RELAXED);
		batch(fd, NOBODY, __atomic_load_n(&shared, __ATOMIC_RELAXED), frames, errs, FRAMES);
		munmap(at, FRAMES * PAGE);
		++*rounds;
	}
	return NULL;
}

static void test_threads(void)
{
	unsigned long rounds[THREADS] = { 0 }, least = ~0ul;
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, load, &rounds[i]);
	sleep(2);
	stop = 1;
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		least = rounds[i] < least ? rounds[i] : least;
	}
	CHECK(least > 0, "%d threads map over each other: each %lu times or more\n", THREADS, least);
}

int main(void)
{
	ksft_print_header();
	fd = open_node("/dev/xen/privcmd");
	if (xen_version(fd, XENVER_VERSION, NULL) == -EPERM)
		ksft_exit_skip("privcmd is restricted in this domain\n");
	ksft_set_plan(49);
	test_hypercall();
	test_buffer();
	test_batch_errors();
	test_batch();
	test_ranges();
	test_resource();
	test_dm_op();
	test_restrict();
	test_threads();
	ksft_finished();
}

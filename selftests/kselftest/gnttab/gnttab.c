// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/gntalloc and /dev/xen/gntdev: each ioctl, its errors, what mappings of both ends show, copies, notifications,
 * direct I/O, partial unmapping, many pages, many threads, and that nothing is left behind.
 *
 * Needs no second domain: a domain may map what it grants to itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../kselftest.h"
#include "self.h"

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define DOMID_SELF 0x7ff0
#define GNTST_okay 0
#define GNTCOPY_source_gref 1
#define GNTCOPY_dest_gref 2
#define PAGE 4096ul
#define MOST 300
#define THREADS 4
#define GONE 0x3fffff00u	/* no table is that large */

#define CHECK(condition, ...) ksft_test_result(condition, __VA_ARGS__)

static void *volatile nowhere = (void *)8;
static int gntdev, gntalloc, self;

static int open_node(const char *name)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		ksft_exit_skip("%s: %s\n", name, strerror(errno));
	return fd;
}

static int call(int fd, unsigned long cmd, void *arg)
{
	int rc = ioctl(fd, cmd, arg);

	return rc < 0 ? -errno : rc;
}

/* Pages of ours: their references and where they are. */
struct shared {
	unsigned int count;
	uint64_t index;
	uint32_t refs[MOST];
	unsigned char *at;
};

static int alloc_refs(int fd, struct shared *s, unsigned int count, int writable)
{
	char buffer[sizeof(struct ioctl_gntalloc_alloc_gref) + MOST * sizeof(uint32_t)];
	struct ioctl_gntalloc_alloc_gref *arg = (void *)buffer;
	int rc;

	memset(buffer, 0, sizeof(buffer));
	arg->domid = self;
	arg->flags = writable ? GNTALLOC_FLAG_WRITABLE : 0;
	arg->count = count;
	rc = call(fd, IOCTL_GNTALLOC_ALLOC_GREF, arg);
	s->count = count;
	s->index = arg->index;
	memcpy(s->refs, buffer + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids), count * sizeof(uint32_t));
	return rc;
}

static int share(int fd, struct shared *s, unsigned int count, int writable)
{
	int rc = alloc_refs(fd, s, count, writable);

	if (rc)
		return rc;
	s->at = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, s->index);
	return s->at == MAP_FAILED ? -errno : 0;
}

static int dealloc(int fd, uint64_t index, unsigned int count)
{
	struct ioctl_gntalloc_dealloc_gref arg = { .index = index, .count = count };

	return call(fd, IOCTL_GNTALLOC_DEALLOC_GREF, &arg);
}

static int map_refs(int fd, const uint32_t *refs, unsigned int count, uint64_t *index)
{
	char buffer[sizeof(struct ioctl_gntdev_map_grant_ref) + MOST * sizeof(struct ioctl_gntdev_grant_ref)];
	struct ioctl_gntdev_map_grant_ref *arg = (void *)buffer;
	struct ioctl_gntdev_grant_ref *ref = (void *)(buffer + offsetof(struct ioctl_gntdev_map_grant_ref, refs));
	unsigned int i;
	int rc;

	memset(buffer, 0, sizeof(buffer));
	arg->count = count;
	for (i = 0; i < count && i < MOST; i++) {
		ref[i].domid = self;
		ref[i].ref = refs[i];
	}
	rc = call(fd, IOCTL_GNTDEV_MAP_GRANT_REF, arg);
	*index = arg->index;
	return rc;
}

static int unmap(int fd, uint64_t index, unsigned int count)
{
	struct ioctl_gntdev_unmap_grant_ref arg = { .index = index, .count = count };

	return call(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &arg);
}

static unsigned char *show(int fd, uint64_t index, unsigned int count, int prot)
{
	return mmap(NULL, count * PAGE, prot, MAP_SHARED, fd, index);
}

static void test_share(struct shared *s)
{
	unsigned int i, zero = 1;
	struct shared other;

	CHECK(share(gntalloc, s, 4, 1) == 0, "gntalloc shares 4 pages\n");
	for (i = 0; i < 4 * PAGE; i++)
		zero &= !s->at[i];
	CHECK(zero, "they are zero\n");
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, gntalloc, s->index) == MAP_FAILED && errno == EINVAL,
	      "a private mapping: EINVAL\n");
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, gntalloc, s->index + 64 * PAGE) == MAP_FAILED && errno == ENOENT,
	      "a mapping of nothing: ENOENT\n");
	CHECK(dealloc(gntalloc, s->index + PAGE, 4) == -EINVAL, "giving back more than there is: EINVAL\n");
	CHECK(call(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, nowhere) == -EFAULT, "a bad pointer: EFAULT\n");
	CHECK(call(gntalloc, _IO('G', 99), NULL) == -ENOTTY, "an unknown call: ENOTTY\n");
	memset(&other, 0, sizeof(other));
	other.refs[0] = 0;
	CHECK(({ struct ioctl_gntalloc_alloc_gref arg = { .domid = self, .count = 100000 };
		 call(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &arg); }) == -ENOSPC, "more than the limit: ENOSPC\n");
}

static void test_map_errors(const struct shared *s)
{
	uint32_t bad[2] = { s->refs[0], GONE };
	uint64_t index;

	CHECK(map_refs(gntdev, s->refs, 0, &index) == -EINVAL, "mapping nothing: EINVAL\n");
	CHECK(({ struct ioctl_gntdev_map_grant_ref arg = { .count = 0x7fffffff };
		 call(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &arg); }) == -EINVAL, "more than the limit: EINVAL\n");
	CHECK(call(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, nowhere) == -EFAULT, "a bad pointer: EFAULT\n");
	CHECK(call(gntdev, _IO('G', 99), NULL) == -ENOTTY, "an unknown call: ENOTTY\n");
	CHECK(unmap(gntdev, 12345 * PAGE, 1) == -ENOENT, "unmapping what is not there: ENOENT\n");
	map_refs(gntdev, bad, 2, &index);
	CHECK(show(gntdev, index, 1, PROT_READ) == MAP_FAILED && errno == EINVAL, "a part of a map: EINVAL\n");
	CHECK(show(gntdev, index, 2, PROT_READ) == MAP_FAILED && errno == EINVAL, "one grant that is none: EINVAL\n");
	CHECK(unmap(gntdev, index, 2) == 0, "that map goes\n");
}

static void test_map(struct shared *s)
{
	struct ioctl_gntdev_get_offset_for_vaddr where = { .vaddr = 0 };
	unsigned char *at;
	uint64_t index;

	CHECK(map_refs(gntdev, s->refs, 4, &index) == 0, "gntdev takes 4 references\n");
	at = show(gntdev, index, 4, PROT_READ | PROT_WRITE);
	CHECK(at != MAP_FAILED, "and maps them\n");
	s->at[5] = 42;
	at[3 * PAGE + 7] = 43;
	CHECK(at[5] == 42 && s->at[3 * PAGE + 7] == 43, "both sides see the same memory\n");
	where.vaddr = (uintptr_t)at;
	CHECK(call(gntdev, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &where) == 0 && where.offset == index && where.count == 4,
	      "the address leads to offset and count\n");
	where.vaddr = (uintptr_t)s->at;
	CHECK(call(gntdev, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &where) == -EINVAL, "another address does not: EINVAL\n");
	CHECK(show(gntdev, index, 4, PROT_READ) == MAP_FAILED, "it is mapped once only\n");
	CHECK(unmap(gntdev, index, 3) == -ENOENT, "unmapping a part: ENOENT\n");
	munmap(at, 4 * PAGE);
	CHECK(unmap(gntdev, index, 4) == 0 && unmap(gntdev, index, 4) == -ENOENT, "unmapped: once\n");
}

static void test_readonly(void)
{
	unsigned char *at = MAP_FAILED;
	struct shared s;
	uint64_t index;
	int status;

	CHECK(share(gntalloc, &s, 1, 0) == 0, "a page shared for reading\n");
	map_refs(gntdev, s.refs, 1, &index);
	CHECK(show(gntdev, index, 1, PROT_READ | PROT_WRITE) == MAP_FAILED, "it cannot be mapped for writing\n");
	unmap(gntdev, index, 1);
	map_refs(gntdev, s.refs, 1, &index);
	s.at[9] = 9;
	at = show(gntdev, index, 1, PROT_READ);
	CHECK(at != MAP_FAILED && at[9] == 9, "but for reading\n");
	if (!fork()) {
		mprotect(at, PAGE, PROT_READ | PROT_WRITE);
		at[9] = 1;
		_exit(0);
	}
	wait(&status);
	CHECK(WIFSIGNALED(status) && s.at[9] == 9, "and does not become writable\n");
	munmap(at, PAGE);
	unmap(gntdev, index, 1);
	munmap(s.at, PAGE);
	dealloc(gntalloc, s.index, 1);
}

static int copy(struct gntdev_grant_copy_segment *segments, unsigned int count)
{
	struct ioctl_gntdev_grant_copy arg = { .count = count, .segments = segments };

	return call(gntdev, IOCTL_GNTDEV_GRANT_COPY, &arg);
}

static struct gntdev_grant_copy_segment from_grant(uint32_t ref, unsigned int offset, void *to, unsigned int len)
{
	struct gntdev_grant_copy_segment seg = { .flags = GNTCOPY_source_gref, .len = len, .status = 77 };

	seg.source.foreign.ref = ref;
	seg.source.foreign.offset = offset;
	seg.source.foreign.domid = self;
	seg.dest.virt = to;
	return seg;
}

static struct gntdev_grant_copy_segment to_grant(uint32_t ref, unsigned int offset, void *from, unsigned int len)
{
	struct gntdev_grant_copy_segment seg = { .flags = GNTCOPY_dest_gref, .len = len, .status = 77 };

	seg.dest.foreign.ref = ref;
	seg.dest.foreign.offset = offset;
	seg.dest.foreign.domid = self;
	seg.source.virt = from;
	return seg;
}

static void test_copy(struct shared *s)
{
	static unsigned char buffer[(MOST + 2) * PAGE];
	static struct gntdev_grant_copy_segment segs[MOST];
	unsigned char *odd = buffer + 100;
	unsigned int i, good = 0;

	for (i = 0; i < 4 * PAGE; i++)
		s->at[i] = i * 7 + i / PAGE;
	for (i = 0; i < MOST; i++)
		segs[i] = from_grant(s->refs[i % 4], 0, odd + i * PAGE, PAGE);
	CHECK(copy(segs, MOST) == 0, "%d pages are copied out of grants\n", MOST);
	for (i = 0; i < MOST; i++)
		good += segs[i].status == GNTST_okay && !memcmp(odd + i * PAGE, s->at + i % 4 * PAGE, PAGE);
	CHECK(good == MOST, "all of them right, though none is aligned: %u\n", good);
	segs[0] = to_grant(s->refs[1], 11, "hello", 5);
	CHECK(copy(segs, 1) == 0 && segs[0].status == GNTST_okay && !memcmp(s->at + PAGE + 11, "hello", 5),
	      "bytes are copied into a grant\n");
	segs[0] = from_grant(GONE, 0, buffer, 8);
	segs[1] = from_grant(s->refs[1], 11, buffer, 5);
	CHECK(copy(segs, 2) == 0 && segs[0].status < 0 && segs[1].status == GNTST_okay && !memcmp(buffer, "hello", 5),
	      "a bad reference fails for itself only\n");
	segs[0] = from_grant(s->refs[0], PAGE - 2, buffer, 3);
	CHECK(copy(segs, 1) == -EINVAL, "past the granted page: EINVAL\n");
	segs[0] = from_grant(s->refs[0], 0, buffer, 3);
	segs[0].flags = 0;
	CHECK(copy(segs, 1) == -EINVAL, "no grant at all: EINVAL\n");
	segs[0] = from_grant(s->refs[0], 0, nowhere, 3);
	CHECK(copy(segs, 1) == -EFAULT, "into nowhere: EFAULT\n");
	CHECK(copy(nowhere, 1) == -EFAULT, "segments from nowhere: EFAULT\n");
	segs[0] = from_grant(s->refs[0], 0, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 3);
	CHECK(copy(segs, 1) == -EFAULT, "into what may only be read: EFAULT\n");
}

static int bind_self(int fd)
{
	struct ioctl_evtchn_bind_unbound_port open = { .remote_domain = DOMID_SELF };
	struct ioctl_evtchn_bind_interdomain bind = { .remote_domain = DOMID_SELF };

	bind.remote_port = call(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &open);
	return call(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);
}

static int event(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint32_t port;

	if (poll(&p, 1, ms) != 1)
		return 0;
	return read(fd, &port, 4) == 4 && write(fd, &port, 4) == 4;
}

static void test_notify(struct shared *s)
{
	struct ioctl_gntdev_unmap_notify arg = { .action = UNMAP_NOTIFY_CLEAR_BYTE | UNMAP_NOTIFY_SEND_EVENT };
	int evtchn = open_node("/dev/xen/evtchn"), port = bind_self(evtchn);
	unsigned char *at;
	uint64_t index;

	while (event(evtchn, 50))
		;
	map_refs(gntdev, s->refs, 2, &index);
	at = show(gntdev, index, 2, PROT_READ | PROT_WRITE);
	arg.index = index + PAGE + 33;
	arg.event_channel_port = 0x3ffff;
	CHECK(call(gntdev, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &arg) == -EINVAL, "notifying a port that is not there: EINVAL\n");
	arg.event_channel_port = port;
	CHECK(call(gntdev, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &arg) == 0, "a notification is set\n");
	CHECK(call(gntdev, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &arg) == 0, "and set again\n");
	arg.action = 4;
	CHECK(call(gntdev, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &arg) == -EINVAL, "an action that is none: EINVAL\n");
	arg.action = 1;
	arg.index = index + 1000 * PAGE;
	CHECK(call(gntdev, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &arg) == -ENOENT, "a page that is not there: ENOENT\n");
	s->at[PAGE + 33] = 1;
	s->at[PAGE + 34] = 1;
	CHECK(!event(evtchn, 100) && at[PAGE + 33] == 1, "nothing happens before\n");
	munmap(at, 2 * PAGE);
	unmap(gntdev, index, 2);
	CHECK(event(evtchn, 2000), "unmapped: the event comes\n");
	CHECK(s->at[PAGE + 33] == 0 && s->at[PAGE + 34] == 1, "the byte is cleared, and only that\n");
	close(evtchn);
}

static void test_alloc_notify(void)
{
	struct ioctl_gntalloc_unmap_notify arg = { .action = UNMAP_NOTIFY_CLEAR_BYTE | UNMAP_NOTIFY_SEND_EVENT };
	int evtchn = open_node("/dev/xen/evtchn"), port = bind_self(evtchn);
	unsigned char *at = MAP_FAILED;
	struct shared s;
	uint64_t index;

	while (event(evtchn, 50))
		;
	CHECK(share(gntalloc, &s, 1, 1) == 0 && map_refs(gntdev, s.refs, 1, &index) == 0 &&
	      (at = show(gntdev, index, 1, PROT_READ | PROT_WRITE)) != MAP_FAILED, "a page shared and mapped\n");
	arg.index = s.index + 5;
	arg.event_channel_port = port;
	s.at[5] = 7;
	s.at[6] = 7;
	CHECK(call(gntalloc, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &arg) == 0, "its owner's end is to be notified\n");
	munmap(s.at, PAGE);
	CHECK(dealloc(gntalloc, s.index, 1) == 0 && event(evtchn, 2000), "the owner goes: the event comes\n");
	CHECK(at[5] == 0 && at[6] == 7, "the byte is cleared, the rest is still there for the other side\n");
	munmap(at, PAGE);
	unmap(gntdev, index, 1);
	close(evtchn);
}

/* The kernel reads from the mapping as from any other memory. */
static void test_direct_io(struct shared *s)
{
	char name[] = "/tmp/gnttab.XXXXXX";
	unsigned char back[PAGE];
	unsigned char *at;
	int file = mkstemp(name);
	uint64_t index;
	int pipes[2];

	map_refs(gntdev, s->refs, 1, &index);
	at = show(gntdev, index, 1, PROT_READ | PROT_WRITE);
	memset(s->at, 0x5a, PAGE);
	CHECK(write(file, at, PAGE) == (ssize_t)PAGE && pread(file, back, PAGE, 0) == (ssize_t)PAGE &&
	      !memcmp(back, s->at, PAGE), "write() takes from a mapping\n");
	memset(back, 0xa5, PAGE);
	CHECK(pwrite(file, back, PAGE, 0) == (ssize_t)PAGE && pread(file, at, PAGE, 0) == (ssize_t)PAGE &&
	      s->at[17] == 0xa5, "read() puts into it\n");
	/*
	 * The pages are in the pipe, not their bytes: they stay mapped until the pipe is read. Linux's own module (ours
	 * alone has a version) then frees the pages of a PV domain's mapping twice.
	 */
	if (access("/sys/module/xen_gntdev/version", F_OK)) {
		ksft_test_result_skip("pages in use outlive their mapping: not with the kernel's own gntdev\n");
	} else if (!pipe(pipes)) {
		struct iovec v = { .iov_base = at, .iov_len = PAGE };
		ssize_t n = vmsplice(pipes[1], &v, 1, 0);

		munmap(at, PAGE);
		unmap(gntdev, index, 1);
		memset(back, 0, PAGE);
		CHECK(n < 0 || (read(pipes[0], back, PAGE) == n && back[17] == 0xa5),
		      "pages that the kernel still uses outlive their mapping\n");
		close(pipes[0]);
		close(pipes[1]);
	}
	close(file);
	unlink(name);
}

static int touch_fails(unsigned char *at)
{
	int status;

	if (!fork()) {
		*(volatile unsigned char *)at;
		_exit(0);
	}
	wait(&status);
	return WIFSIGNALED(status);
}

static void test_parts(struct shared *s)
{
	unsigned char *at;
	uint64_t index;

	map_refs(gntdev, s->refs, 4, &index);
	at = show(gntdev, index, 4, PROT_READ | PROT_WRITE);
	s->at[0] = s->at[3 * PAGE] = 3;
	CHECK(munmap(at + PAGE, PAGE) == 0 && at[0] == 3 && at[3 * PAGE] == 3, "a part is unmapped, the rest is there\n");
	CHECK(touch_fails(at + PAGE), "that part is not\n");
	CHECK(madvise(at, PAGE, MADV_DONTNEED) == 0 || errno == EINVAL, "pages that are not needed\n");
	munmap(at, 4 * PAGE);
	CHECK(unmap(gntdev, index, 4) == 0, "then all of it\n");
}

/* After fork() in a PV domain the child has no mapping; in any case the parent's stays. */
static void test_fork(struct shared *s)
{
	unsigned char *at;
	uint64_t index;
	int status;

	map_refs(gntdev, s->refs, 2, &index);
	at = show(gntdev, index, 2, PROT_READ | PROT_WRITE);
	at[1] = 1;
	if (!fork())
		_exit(0);
	wait(&status);
	at[1]++;
	CHECK(s->at[1] == 2, "a child's end leaves the mapping alone\n");
	if (!fork()) {
		int fd = open_node("/dev/xen/gntdev");
		uint64_t other;

		map_refs(fd, s->refs, 4, &other);
		raise(show(fd, other, 4, PROT_READ | PROT_WRITE) == MAP_FAILED ? SIGTERM : SIGKILL);
	}
	wait(&status);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a process dies with a mapping\n");
	munmap(at, 2 * PAGE);
	unmap(gntdev, index, 2);
}

static void test_many(void)
{
	int node = open_node("/dev/xen/gntdev"), alloc = open_node("/dev/xen/gntalloc");
	unsigned int i, good = 0, rounds;
	unsigned char *at;
	struct shared s;
	uint64_t index;

	for (rounds = 0; rounds < 20; rounds++) {
		if (share(alloc, &s, MOST, 1) || map_refs(node, s.refs, MOST, &index))
			break;
		at = show(node, index, MOST, PROT_READ | PROT_WRITE);
		if (at == MAP_FAILED)
			break;
		for (i = 0; i < MOST; i++)
			at[i * PAGE] = i;
		for (i = 0; i < MOST; i++)
			good += s.at[i * PAGE] == (unsigned char)i;
		munmap(at, MOST * PAGE);
		unmap(node, index, MOST);
		munmap(s.at, MOST * PAGE);
		dealloc(alloc, s.index, MOST);
	}
	CHECK(rounds == 20 && good == 20 * MOST, "%u rounds of %d pages: nothing is used up\n", rounds, MOST);
	close(node);
	close(alloc);
}

/* Files closed with everything in them, far more of it than there is. */
static void test_closing(void)
{
	unsigned int rounds, made = 0;
	struct shared s;
	uint64_t index;

	for (rounds = 0; rounds < 20; rounds++) {
		int node = open_node("/dev/xen/gntdev"), alloc = open_node("/dev/xen/gntalloc");
		unsigned char *at = MAP_FAILED;

		if (!share(alloc, &s, 100, 1) && !map_refs(node, s.refs, 100, &index))
			at = show(node, index, 100, PROT_READ | PROT_WRITE);
		made += at != MAP_FAILED;
		close(alloc);
		close(node);
		munmap(s.at, 100 * PAGE);
		munmap(at, 100 * PAGE);
	}
	CHECK(made == 20, "closing files and mappings gives all back: %u rounds of 20\n", made);
}

struct load {
	const struct shared *s;
	unsigned int seed;
	volatile int *stop;
	unsigned long done, wrong;
};

/* Threads on one file: they map, unmap, copy, and guess each other's offsets. */
static void *load(void *data)
{
	struct load *l = data;
	struct gntdev_grant_copy_segment seg;
	unsigned char buffer[64];
	unsigned char *at;
	uint64_t index;

	while (!*l->stop) {
		if (map_refs(gntdev, l->s->refs, 2, &index))
			continue;
		at = show(gntdev, index, 2, PROT_READ | PROT_WRITE);
		if (at != MAP_FAILED) {
			l->wrong += at[PAGE] != 0x77;
			l->done++;
		}
		seg = from_grant(l->s->refs[1], 0, buffer, sizeof(buffer));
		l->wrong += copy(&seg, 1) || seg.status || buffer[1] != 0x77;
		if (rand_r(&l->seed) % 2)
			unmap(gntdev, index + (rand_r(&l->seed) % 3) * 2 * PAGE, 2);
		if (at != MAP_FAILED)
			munmap(at, 2 * PAGE);
		unmap(gntdev, index, 2);
	}
	return NULL;
}

static void test_threads(struct shared *s)
{
	pthread_t threads[THREADS];
	unsigned long done = 0, wrong = 0;
	struct load l[THREADS];
	volatile int stop = 0;
	int i;

	memset(s->at, 0x77, 2 * PAGE);
	for (i = 0; i < THREADS; i++) {
		l[i] = (struct load){ .s = s, .seed = i + 1, .stop = &stop };
		pthread_create(&threads[i], NULL, load, &l[i]);
	}
	sleep(2);
	stop = 1;
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		done += l[i].done;
		wrong += l[i].wrong;
	}
	CHECK(done > THREADS && !wrong, "%d threads on one file: %lu maps, %lu wrong\n", THREADS, done, wrong);
}

/* What one map costs, for those who compare. */
static void say_cost(const struct shared *s)
{
	struct timespec from, to;
	unsigned char *at;
	uint64_t index;
	int i;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < 200; i++) {
		map_refs(gntdev, s->refs, 4, &index);
		at = show(gntdev, index, 4, PROT_READ | PROT_WRITE);
		munmap(at, 4 * PAGE);
		unmap(gntdev, index, 4);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	ksft_print_msg("mapping and unmapping 4 pages: %ld us\n",
		       ((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec) / 200 / 1000);
}

int main(void)
{
	struct shared s;

	ksft_print_header();
	self = own_domid();
	gntalloc = open_node("/dev/xen/gntalloc");
	gntdev = open_node("/dev/xen/gntdev");
	ksft_set_plan(61);
	test_share(&s);
	test_map_errors(&s);
	test_map(&s);
	test_readonly();
	test_copy(&s);
	test_notify(&s);
	test_alloc_notify();
	test_direct_io(&s);
	test_parts(&s);
	test_fork(&s);
	test_many();
	test_closing();
	test_threads(&s);
	say_cost(&s);
	ksft_finished();
}

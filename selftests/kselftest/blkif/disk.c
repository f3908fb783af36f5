// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk verify DEVICE SECONDS THREADS: write and read at random, in pieces of 512 bytes to 256 KiB, past the page cache;
 *	each sector read must hold what was written to it last. Each thread has a part of the disk of its own.
 * disk bench DEVICE: instructions of a read and a write of 4 and 64 KiB (on a machine with -icount shift=0 the TSC counts
 *	those of everything that ran meanwhile), the least of many; sequential ones so that nothing is found by chance.
 * disk fill DEVICE, disk check DEVICE: each sector says its number; somebody else looks whether it does.
 * disk zero|discard|erase DEVICE FIRST COUNT: have sectors written with zeros, discarded, discarded for good
 * disk zeros DEVICE FIRST COUNT: whether they are all zero
 * disk durable DEVICE: a write that has to be on the disk when it returns
 * disk flush DEVICE: nothing but a flush
 * disk cdrom DEVICE: whether it says that it is one
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <x86intrin.h>

#define SECTOR 512
#define WORDS (SECTOR / 8)
#define LARGEST (256 << 10)

struct worker {
	pthread_t thread;
	int fd;
	uint64_t first, sectors, random, done;
	uint32_t *generation;
	time_t end;
};

static int failed;

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	return x * 0xc4ceb9fe1a85ec53ULL;
}

static uint64_t random_of(struct worker *w)
{
	return mix(w->random += 0x9e3779b97f4a7c15ULL);
}

static void fill(uint64_t *sector, uint64_t number, uint32_t generation)
{
	for (int i = 0; i < WORDS; i++)
		sector[i] = generation ? mix(number ^ (uint64_t)generation << 40) + i : 0;
}

/* What is wrong is said once, with what was there. */
static int check(const uint64_t *found, uint64_t number, uint32_t generation)
{
	uint64_t want[WORDS];

	fill(want, number, generation);
	if (!generation || !memcmp(found, want, SECTOR))
		return 0;
	fprintf(stderr, "disk: sector %lu of generation %u: %016lx instead of %016lx\n", (unsigned long)number, generation,
		(unsigned long)found[0], (unsigned long)want[0]);
	failed = 1;
	return 1;
}

static void write_some(struct worker *w, char *buffer, uint64_t at, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		fill((uint64_t *)(buffer + i * SECTOR), w->first + at + i, ++w->generation[at + i]);
	if (pwrite(w->fd, buffer, n * SECTOR, (w->first + at) * SECTOR) != (ssize_t)(n * SECTOR)) {
		fprintf(stderr, "disk: writing: %m\n");
		failed = 1;
	}
}

static void read_some(struct worker *w, char *buffer, uint64_t at, unsigned int n)
{
	if (pread(w->fd, buffer, n * SECTOR, (w->first + at) * SECTOR) != (ssize_t)(n * SECTOR)) {
		fprintf(stderr, "disk: reading: %m\n");
		failed = 1;
	}
	for (unsigned int i = 0; i < n && !failed; i++)
		check((uint64_t *)(buffer + i * SECTOR), w->first + at + i, w->generation[at + i]);
}

static void *work(void *data)
{
	struct worker *w = data;
	char *buffer;

	if (posix_memalign((void **)&buffer, 4096, LARGEST + 4096))
		exit(2);
	while (!failed && time(NULL) < w->end) {
		unsigned int shift = random_of(w) % 4 ? 0 : random_of(w) % 8 * SECTOR;
		unsigned int n = 1 + random_of(w) % (random_of(w) % 2 ? 16 : LARGEST / SECTOR);
		uint64_t at = random_of(w) % (w->sectors - n);

		if (random_of(w) % 2)
			write_some(w, buffer + shift, at, n);
		else
			read_some(w, buffer + shift, at, n);
		w->done += n;
	}
	for (uint64_t at = 0; !failed && at < w->sectors; at += 64)
		read_some(w, buffer, at, at + 64 > w->sectors ? w->sectors - at : 64);
	return NULL;
}

static uint64_t sectors_of(int fd)
{
	uint64_t size = 0;
	struct stat st;

	if (ioctl(fd, BLKGETSIZE64, &size) && !fstat(fd, &st))
		size = st.st_size;
	return size / SECTOR;
}

static int open_disk(const char *name, int flags)
{
	int fd = open(name, flags);

	if (fd < 0) {
		fprintf(stderr, "disk: %s: %m\n", name);
		exit(2);
	}
	return fd;
}

static int verify(const char *name, int seconds, int threads)
{
	int fd = open_disk(name, O_RDWR | O_DIRECT);
	struct worker *all = calloc(threads, sizeof(*all));
	uint64_t each = sectors_of(fd) / threads, done = 0;

	if (each <= LARGEST / SECTOR)
		return fprintf(stderr, "disk: %s is too small\n", name), 2;
	for (int i = 0; i < threads; i++) {
		all[i] = (struct worker) { .fd = fd, .first = i * each, .sectors = each, .random = i + 1,
					   .generation = calloc(each, 4), .end = time(NULL) + seconds };
		pthread_create(&all[i].thread, NULL, work, &all[i]);
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(all[i].thread, NULL);
		done += all[i].done;
	}
	if (fsync(fd)) {
		fprintf(stderr, "disk: flushing: %m\n");
		failed = 1;
	}
	printf("disk: %s, %lu KiB moved\n", failed ? "WRONG" : "verified", (unsigned long)done / 2);
	return failed;
}

static uint64_t least(int fd, char *buffer, size_t size, int writing, int rounds)
{
	uint64_t best = UINT64_MAX, before, n, blocks = sectors_of(fd) * SECTOR / size;

	for (int i = 0; i < rounds; i++) {
		before = __rdtsc();
		if ((writing ? pwrite(fd, buffer, size, i % blocks * size) : pread(fd, buffer, size, i % blocks * size)) !=
		    (ssize_t)size) {
			fprintf(stderr, "disk: %m\n");
			exit(1);
		}
		n = __rdtsc() - before;
		best = n < best ? n : best;
	}
	return best;
}

static int bench(const char *name)
{
	int fd = open_disk(name, O_RDWR | O_DIRECT);
	char *buffer;

	if (posix_memalign((void **)&buffer, 65536, 65536))
		return 2;
	memset(buffer, 'x', 65536);
	for (int k = 4; k <= 64; k *= 16) {
		printf("BENCH write %d KiB %lu\n", k, (unsigned long)least(fd, buffer, k << 10, 1, 300));
		printf("BENCH read %d KiB %lu\n", k, (unsigned long)least(fd, buffer, k << 10, 0, 300));
	}
	return 0;
}

static int every_sector(const char *name, int writing)
{
	int fd = open_disk(name, writing ? O_WRONLY : O_RDONLY);
	uint64_t sectors = sectors_of(fd), sector[WORDS];

	for (uint64_t n = 0; n < sectors && !failed; n++) {
		if (writing)
			fill(sector, n, 1);
		if ((writing ? pwrite(fd, sector, SECTOR, n * SECTOR) : pread(fd, sector, SECTOR, n * SECTOR)) != SECTOR)
			return fprintf(stderr, "disk: sector %lu: %m\n", (unsigned long)n), 1;
		if (!writing)
			check(sector, n, 1);
	}
	if (writing && fsync(fd))
		return fprintf(stderr, "disk: flushing: %m\n"), 1;
	printf("disk: %lu sectors %s\n", (unsigned long)sectors, writing ? "filled" : failed ? "WRONG" : "checked");
	return failed;
}

static int range(const char *what, const char *name, uint64_t first, uint64_t count)
{
	unsigned long call = !strcmp(what, "zero") ? BLKZEROOUT : !strcmp(what, "discard") ? BLKDISCARD : BLKSECDISCARD;
	uint64_t bytes[2] = { first * SECTOR, count * SECTOR };
	int fd = open_disk(name, O_RDWR | O_DIRECT);

	if (ioctl(fd, call, bytes))
		return printf("disk: %s refused, %m\n", what), 1;
	printf("disk: %s done\n", what);
	return 0;
}

static int zeros(const char *name, uint64_t first, uint64_t count)
{
	static const char none[SECTOR];
	int fd = open_disk(name, O_RDONLY | O_DIRECT);
	void *sector;

	if (posix_memalign(&sector, 4096, SECTOR))
		return 2;
	for (uint64_t n = first; n < first + count; n++) {
		if (pread(fd, sector, SECTOR, n * SECTOR) != SECTOR || memcmp(sector, none, SECTOR))
			return printf("disk: sector %lu is not zero\n", (unsigned long)n), 1;
	}
	printf("disk: all zero\n");
	return 0;
}

static int durable(const char *name)
{
	int fd = open_disk(name, O_WRONLY | O_DIRECT | O_DSYNC);
	void *block;

	if (posix_memalign(&block, 4096, 4096))
		return 2;
	memset(block, 'd', 4096);
	if (pwrite(fd, block, 4096, 0) != 4096)
		return printf("disk: durable refused, %m\n"), 1;
	printf("disk: durable done\n");
	return 0;
}

static int flush(const char *name)
{
	int fd = open_disk(name, O_WRONLY);

	if (fsync(fd))
		return printf("disk: flush refused, %m\n"), 1;
	printf("disk: flush done\n");
	return 0;
}

static int cdrom(const char *name)
{
	int fd = open_disk(name, O_RDONLY | O_NONBLOCK), is = ioctl(fd, CDROM_GET_CAPABILITY, 0) >= 0;

	printf("disk: %s\n", is ? "a CD-ROM" : "no CD-ROM");
	return !is;
}

static int usage(void)
{
	fprintf(stderr, "usage: disk verify DEVICE SECONDS THREADS | bench DEVICE | fill DEVICE | check DEVICE | durable DEVICE |\n"
		"       disk flush DEVICE | cdrom DEVICE\n"
		"       disk zero|discard|erase|zeros DEVICE FIRST COUNT\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (argc == 5 && !strcmp(what, "verify"))
		return verify(argv[2], atoi(argv[3]), atoi(argv[4]));
	if (argc == 5 && !strcmp(what, "zeros"))
		return zeros(argv[2], atoll(argv[3]), atoll(argv[4]));
	if (argc == 5 && (!strcmp(what, "zero") || !strcmp(what, "discard") || !strcmp(what, "erase")))
		return range(what, argv[2], atoll(argv[3]), atoll(argv[4]));
	if (argc != 3)
		return usage();
	if (!strcmp(what, "bench"))
		return bench(argv[2]);
	if (!strcmp(what, "durable"))
		return durable(argv[2]);
	if (!strcmp(what, "flush"))
		return flush(argv[2]);
	if (!strcmp(what, "cdrom"))
		return cdrom(argv[2]);
	if (!strcmp(what, "fill") || !strcmp(what, "check"))
		return every_sector(argv[2], what[0] == 'f');
	return usage();
}

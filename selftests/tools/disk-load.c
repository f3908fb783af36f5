// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk-load read|write DEVICE DEPTH THREADS REQUESTS: 4 KiB at random places, past the page cache. Each thread has DEPTH
 *	requests under way and makes REQUESTS of them on the CPU of its number. Prints the TSC cycles of one request: on a
 *	machine with -icount shift=0 the instructions of everything that ran meanwhile.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <x86intrin.h>

#define BLOCK 4096
#define MOST_THREADS 16
#define MOST_DEPTH 256

static int disk, writing;
static unsigned int depth;
static unsigned long requests, blocks;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Every block comes once before one comes again: the step has no factor in common with a power of two. */
static unsigned long next_block(unsigned long *at)
{
	*at += 2654435761UL;
	return (*at >> 7) % blocks;
}

static void submit(aio_context_t context, struct iocb *request, unsigned long *at)
{
	struct iocb *list[] = { request };

	request->aio_offset = next_block(at) * BLOCK;
	if (syscall(SYS_io_submit, context, 1, list) != 1)
		fail("io_submit");
}

static void run(aio_context_t context, struct iocb *all, unsigned long *at)
{
	struct io_event events[MOST_DEPTH];
	unsigned long sent, done;
	long n;

	for (sent = 0; sent < depth && sent < requests; sent++)
		submit(context, &all[sent], at);
	for (done = 0; done < requests; done += n) {
		n = syscall(SYS_io_getevents, context, 1, MOST_DEPTH, events, NULL);
		if (n <= 0)
			fail("io_getevents");
		for (long i = 0; i < n; i++) {
			if (events[i].res != BLOCK)
				fail("a request");
			if (sent < requests) {
				submit(context, (struct iocb *)events[i].obj, at);
				sent++;
			}
		}
	}
}

static void *work(void *number)
{
	struct iocb all[MOST_DEPTH] = { };
	unsigned long at = (unsigned long)number * 7919;
	aio_context_t context = 0;
	void *buffer;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET((long)number % sysconf(_SC_NPROCESSORS_ONLN), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	if (syscall(SYS_io_setup, depth, &context) || posix_memalign(&buffer, BLOCK, (size_t)depth * BLOCK))
		fail("io_setup");
	memset(buffer, 'x', (size_t)depth * BLOCK);
	for (unsigned int i = 0; i < depth; i++)
		all[i] = (struct iocb) { .aio_fildes = disk, .aio_lio_opcode = writing ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
					 .aio_buf = (uintptr_t)buffer + (size_t)i * BLOCK, .aio_nbytes = BLOCK };
	run(context, all, &at);
	syscall(SYS_io_destroy, context);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread[MOST_THREADS];
	unsigned long threads, start;
	uint64_t size;

	if (argc != 6)
		return fprintf(stderr, "usage: disk-load read|write DEVICE DEPTH THREADS REQUESTS\n"), 2;
	writing = argv[1][0] == 'w';
	depth = atoi(argv[3]);
	threads = atoi(argv[4]);
	requests = atol(argv[5]);
	disk = open(argv[2], O_RDWR | O_DIRECT);
	if (disk < 0 || ioctl(disk, BLKGETSIZE64, &size))
		fail(argv[2]);
	if (!depth || depth > MOST_DEPTH || !threads || threads > MOST_THREADS || !requests)
		return fprintf(stderr, "disk-load: 1 to %d requests at a time, 1 to %d threads\n", MOST_DEPTH, MOST_THREADS), 2;
	blocks = size / BLOCK;
	start = __rdtsc();
	for (unsigned long i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, work, (void *)i);
	for (unsigned long i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	printf("disk-load: %s depth %u threads %lu: %lu\n", argv[1], depth, threads,
	       (unsigned long)(__rdtsc() - start) / (threads * requests));
	return 0;
}

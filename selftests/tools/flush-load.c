// SPDX-License-Identifier: GPL-2.0-only
/*
 * flush-load WHAT THREADS ROUNDS: what makes a kernel flush the TLBs of other CPUs: threads that run everywhere in one address
 * space, while the first one changes it.
 *
 *	remap	one page is now this frame of a file and now that one; each says which change put it there. Whoever knows that a
 *		change is over must not find an earlier one: that would be a translation that nobody flushed
 *	protect	the rights of 64 pages, twice
 *	unmap	8 pages come, are written and go
 *	rest	nothing for ten million ticks of the TSC: what the threads cost by themselves
 *
 * Prints "FLUSH what COST", the time of a round by the TSC, or what is wrong. ROUNDS 0: until it is killed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>
#include <x86intrin.h>

#define PAGE 4096
#define MOST 64

static int file;
static char *window, *frames, *data;
static _Atomic uint64_t over;			/* this change is */
static _Atomic unsigned int started;

static void fail(const char *what)
{
	perror(what);
	_exit(1);
}

static void *map(void *at, size_t pages, int flags, int fd, off_t page)
{
	void *p = mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, flags | (at ? MAP_FIXED : 0), fd, page * PAGE);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

static void pin(long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);	/* one that is away is as good as any other */
}

static void *run(void *cpu)
{
	pin((long)cpu);
	started++;
	for (;;) {
		uint64_t least = over, is = *(volatile uint64_t *)window;

		if (is >= least)
			continue;
		printf("flush-load: %lu after change %lu\n", (unsigned long)is, (unsigned long)least);
		fflush(stdout);
		_exit(1);
	}
	return NULL;
}

static void remap(uint64_t n)
{
	*(volatile uint64_t *)(frames + n % 2 * PAGE) = n;
	map(window, 1, MAP_SHARED | MAP_POPULATE, file, n % 2);
	over = n;
}

static void protect(uint64_t n)
{
	(void)n;
	if (mprotect(data, 64 * PAGE, PROT_READ) || mprotect(data, 64 * PAGE, PROT_READ | PROT_WRITE))
		fail("mprotect");
}

static void unmap(uint64_t n)
{
	char *p = map(NULL, 8, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)n;
	for (int i = 0; i < 8; i++)
		p[i * PAGE] = 1;
	if (munmap(p, 8 * PAGE))
		fail("munmap");
}

static void rest(uint64_t n)
{
	(void)n;
	for (uint64_t start = __rdtsc(); __rdtsc() - start < 10000000; )
		;
}

static const struct {
	const char *name;
	void (*round)(uint64_t n);
} kinds[] = { { "remap", remap }, { "protect", protect }, { "unmap", unmap }, { "rest", rest } };

static void measure(const char *name, void (*round)(uint64_t n), unsigned long rounds)
{
	uint64_t start = __rdtsc();

	for (uint64_t n = 1; n <= rounds || !rounds; n++)
		round(n);
	printf("FLUSH %s %lu\n", name, (unsigned long)((__rdtsc() - start) / rounds));
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned int threads = argc > 2 ? atoi(argv[2]) : 2;
	pthread_t thread;

	if (argc != 4 || threads < 1 || threads > MOST)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	file = memfd_create("frames", 0);
	if (file < 0 || ftruncate(file, 2 * PAGE))
		fail("memfd");
	frames = map(NULL, 2, MAP_SHARED, file, 0);
	window = map(NULL, 1, MAP_SHARED | MAP_POPULATE, file, 0);
	data = map(NULL, 64, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(data, 1, 64 * PAGE);
	pin(0);
	for (long cpu = 1; cpu < threads; cpu++)
		if (pthread_create(&thread, NULL, run, (void *)cpu))
			fail("thread");
	while (started < threads - 1)
		sched_yield();
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			measure(kinds[i].name, kinds[i].round, strtoul(argv[3], NULL, 0));
	return 2;
}

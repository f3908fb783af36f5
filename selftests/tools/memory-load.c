// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory-load PROCESSES ROUNDS: what an address space goes through, with every page looked at afterwards.
 *
 * A round: pages are mapped and written, moved, made read-only (a system call that writes there must fail, and one after they
 * are writable again must not), shared with a child that changes its own copy while its parent changes its own, shared with
 * it in earnest, dropped, and unmapped. Rounds of several processes run side by side. A page that is not what was written
 * last, or an access that should not be possible, ends it with a line that says so. ROUNDS 0: until it is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 96

static int source;	/* /dev/zero: reading from it writes to memory */

static void fail(const char *what, int page)
{
	printf("memory-load: %s, page %d, errno %d\n", what, page, errno);
	fflush(stdout);
	_exit(1);
}

static uint64_t stamp(uint64_t seed, int page) { return (seed << 16 | (uint64_t)page) * 0x9e3779b97f4a7c15ull; }

static void fill(char *area, uint64_t seed)
{
	for (int i = 0; i < PAGES; i++) {
		*(uint64_t *)(area + i * PAGE) = stamp(seed, i);
		*(uint64_t *)(area + i * PAGE + PAGE - 8) = ~stamp(seed, i);
	}
}

static void look(const char *area, uint64_t seed, const char *what)
{
	for (int i = 0; i < PAGES; i++)
		if (*(uint64_t *)(area + i * PAGE) != stamp(seed, i) || *(uint64_t *)(area + i * PAGE + PAGE - 8) != ~stamp(seed, i))
			fail(what, i);
}

static bool writable(char *page) { return read(source, page + 64, 8) == 8; }

static void rights(char *area, uint64_t seed)
{
	for (int i = 0; i < PAGES; i += 3)
		if (mprotect(area + i * PAGE, PAGE, PROT_READ))
			fail("mprotect", i);
	for (int i = 0; i < PAGES; i++)
		if (writable(area + i * PAGE) != !!(i % 3))
			fail("what may be written is not what was said", i);
	if (mprotect(area, PAGES * PAGE, PROT_NONE) || writable(area) || mprotect(area, PAGES * PAGE, PROT_READ | PROT_WRITE))
		fail("mprotect of all", 0);
	for (int i = 0; i < PAGES; i++)
		if (!writable(area + i * PAGE))
			fail("a page stays read-only", i);
	look(area, seed, "rights changed what is there");
}

static void end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		fail("a child failed", status);
}

static void copies(char *area, char *shared, uint64_t seed)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork", 0);
	if (!pid) {
		look(area, seed, "the child's copy");
		fill(area, seed + 1);
		fill(shared, seed + 2);
		rights(area, seed + 1);
		_exit(0);
	}
	fill(area, seed + 3);
	end_of(pid);
	look(area, seed + 3, "the parent's copy");
	look(shared, seed + 2, "what is shared");
}

static void one_round(uint64_t seed)
{
	char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (seed & 1 ? MAP_POPULATE : 0), -1, 0);
	char *shared = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED || shared == MAP_FAILED)
		fail("mmap", 0);
	fill(area, seed);
	rights(area, seed);
	area = mremap(area, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)((seed & 15 ? 16 : 64) * (1ull << 39)));
	if (area == MAP_FAILED)
		fail("mremap", 0);
	look(area, seed, "moving changed what is there");
	copies(area, shared, seed);
	if (madvise(area, PAGES * PAGE, MADV_DONTNEED))
		fail("madvise", 0);
	for (int i = 0; i < PAGES * PAGE; i += 8)
		if (*(uint64_t *)(area + i))
			fail("a new page is not empty", i / PAGE);
	munmap(area, PAGES * PAGE);
	munmap(shared, PAGES * PAGE);
}

int main(int argc, char **argv)
{
	int processes = argc > 1 ? atoi(argv[1]) : 1, rounds = argc > 2 ? atoi(argv[2]) : 100;
	pid_t pid[64];

	source = open("/dev/zero", O_RDONLY);
	if (source < 0 || processes < 1 || processes > 64)
		return 2;
	for (int p = 0; p < processes; p++) {
		pid[p] = fork();
		if (pid[p])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int r = 0; r < rounds || !rounds; r++)
			one_round((uint64_t)(p + 1) << 32 | (uint64_t)r * 5);
		_exit(0);
	}
	for (int p = 0; p < processes; p++)
		end_of(pid[p]);
	printf("memory-load: %d rounds\n", processes * rounds);
	return 0;
}

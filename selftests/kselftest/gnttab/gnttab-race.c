// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many threads grant, map, copy, unmap and take back on the same two files, and each finds its own bytes; processes that end
 * in the middle leave nothing behind.
 */
#include <pthread.h>
#include <signal.h>

#include "grant.h"

enum { THREADS = 4, ROUNDS = 40, PAGES = 3, DEATHS = 12 };

static int giver, taker, self;

static int mapped_is_granted(const struct granted *granted, unsigned char *ours, unsigned char mark)
{
	unsigned char *theirs;
	uint64_t index = 0;
	uint32_t i;
	int good;

	if (grant_map_refs(taker, self, granted->refs, PAGES, &index))
		return 0;
	theirs = grant_mmap(taker, index, PAGES, PROT_READ | PROT_WRITE);
	if (!theirs)
		return 0;
	for (i = 0; i < PAGES; i++)
		ours[i * PAGE + 1] = mark + i;
	good = theirs[1] == mark && theirs[PAGE + 1] == (unsigned char)(mark + 1);
	theirs[2 * PAGE] = mark;
	good &= ours[2 * PAGE] == mark;
	munmap(theirs, PAGES * PAGE);
	return good & (grant_unmap(taker, index, PAGES) == 0);
}

static int copied_is_granted(const struct granted *granted, unsigned char *ours)
{
	unsigned char here[PAGE];
	struct ioctl_gntdev_grant_copy_segment segment = {
		.source.foreign = { .ref = granted->refs[1], .domid = self },
		.dest.virt = here,
		.len = PAGE,
		.flags = GNTCOPY_source_gref,
	};

	return grant_copy(taker, &segment, 1) == 0 && segment.status == GNTST_okay && !memcmp(here, ours + PAGE, PAGE);
}

static int one_round(unsigned char mark)
{
	struct granted granted;
	unsigned char *ours;
	int good;

	if (grant_alloc(giver, self, GNTALLOC_FLAG_WRITABLE, PAGES, &granted))
		return 0;
	ours = grant_mmap(giver, granted.index, PAGES, PROT_READ | PROT_WRITE);
	if (!ours)
		return 0;
	memset(ours, mark, PAGES * PAGE);
	good = mapped_is_granted(&granted, ours, mark) && copied_is_granted(&granted, ours);
	munmap(ours, PAGES * PAGE);
	return good & (grant_dealloc(giver, granted.index, PAGES) == 0);
}

static void *work(void *number)
{
	long i, good = 0;

	for (i = 0; i < ROUNDS; i++)
		good += one_round((long)number * 64 + i);
	return (void *)good;
}

static long in_parallel(void)
{
	pthread_t threads[THREADS];
	long t, good = 0;
	void *one;

	for (t = 0; t < THREADS; t++)
		pthread_create(&threads[t], NULL, work, (void *)t);
	for (t = 0; t < THREADS; t++) {
		pthread_join(threads[t], &one);
		good += (long)one;
	}
	return good;
}

/* A process with its own files, killed at any point of its rounds. */
static int killed_at_work(void)
{
	int i, status;
	pid_t child;

	fflush(stdout);
	for (i = 0; i < DEATHS; i++) {
		child = fork();
		if (child < 0)
			return 0;
		if (child == 0) {
			giver = node_open(GNTALLOC_NODE);
			taker = node_open(GNTDEV_NODE);
			for (;;)
				if (!one_round(i))
					_exit(1);
		}
		usleep(3000 + 1700 * i);
		kill(child, SIGKILL);
		if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
			return 0;
	}
	return 1;
}

int main(void)
{
	tap_start();
	taker = node_open(GNTDEV_NODE);
	giver = node_open(GNTALLOC_NODE);
	self = grant_own_domid();
	if (self < 0)
		tap_skip_all("no store that tells this domain's number");
	check(in_parallel() == THREADS * ROUNDS, "%d threads: %d rounds of grant, map, copy, unmap, take back", THREADS, THREADS * ROUNDS);
	check(killed_at_work(), "%d processes killed in such rounds", DEATHS);
	check(in_parallel() == THREADS * ROUNDS, "and all goes on as before");
	tap_finish();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The micro-benchmarks: what one operation of a kernel costs, in instructions.
 *
 * Meant for QEMU with -icount shift=0, where the TSC counts instructions executed by everything on the machine. Each row
 * is measured in ROUNDS rounds of many operations; the minimum is printed, as "BENCH name cost". In Domain0 of a hypervisor
 * that counts (XEN_SYSCTL_perfc_op), one more round follows, as "COUNT name value..." per operation. Static, no dependence
 * on anything but the kernel. `micro NAME` measures one row and says how many operations it made, for who counts outside.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#define __XEN_TOOLS__
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/sys/evtchn.h>
#include <xen/sysctl.h>

#define ROUNDS 21
#define PAGE 4096

static const char *self;

static inline uint64_t tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi));
	return ((uint64_t)hi << 32) | lo;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void null_syscall(int n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void on_signal(int s)
{
	(void)s;
}

static void signal_self(int n)
{
	while (n--)
		raise(SIGUSR1);
}

/* 64 touched pages that stay: their rights are changed, and fork has to copy them. */
static char *data;

/* One fault per page; the region is made and removed outside the measured time. */
static char *region;

static void page_fault(int n)
{
	for (int i = 0; i < n; i++)
		((volatile char *)region)[(size_t)i * PAGE] = 1;
}

static void mmap_populate(int n)
{
	while (n--) {
		void *p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (p == MAP_FAILED)
			fail("mmap");
		munmap(p, 64 * PAGE);
	}
}

static void mprotect_twice(int n)
{
	while (n--) {
		if (mprotect(data, 64 * PAGE, PROT_READ) || mprotect(data, 64 * PAGE, PROT_READ | PROT_WRITE))
			fail("mprotect");
	}
}

static void fork_wait(int n)
{
	while (n--) {
		pid_t pid = fork();
		int status;

		if (pid < 0)
			fail("fork");
		if (!pid)
			_exit(0);
		waitpid(pid, &status, 0);
	}
}

static void vfork_exec(int n)
{
	while (n--) {
		pid_t pid = vfork();
		int status;

		if (pid < 0)
			fail("vfork");
		if (!pid) {
			execl(self, self, "nothing", (char *)NULL);
			_exit(1);
		}
		waitpid(pid, &status, 0);
		if (status)
			fail("exec");
	}
}

static int to_child[2], to_parent[2];

static void pipe_round(int n)
{
	char c = 0;

	while (n--)
		if (write(to_child[1], &c, 1) != 1 || read(to_parent[0], &c, 1) != 1)
			fail("pipe");
}

/* An event channel with both ends in this domain, each bound by a file of /dev/xen/evtchn. */
static int end[2];
static uint32_t port[2];

static int event_open(void)
{
	struct ioctl_evtchn_bind_unbound_port unbound = { .remote_domain = DOMID_SELF };
	struct ioctl_evtchn_bind_interdomain bound = { .remote_domain = DOMID_SELF };

	for (int i = 0; i < 2; i++)
		end[i] = open("/dev/xen/evtchn", O_RDWR);
	if (end[0] < 0 || end[1] < 0)
		return 0;
	port[0] = bound.remote_port = ioctl(end[0], IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);
	port[1] = ioctl(end[1], IOCTL_EVTCHN_BIND_INTERDOMAIN, &bound);
	return (int)port[0] > 0 && (int)port[1] > 0;
}

/* There, and back. */
static void event_round(int n)
{
	while (n--)
		for (int i = 0; i < 2; i++) {
			struct ioctl_evtchn_notify notify = { .port = port[i] };
			uint32_t came;

			if (ioctl(end[i], IOCTL_EVTCHN_NOTIFY, &notify) || read(end[!i], &came, 4) != 4 ||
			    write(end[!i], &came, 4) != 4)
				fail("event");
		}
}

/* ---- the hypervisor's counters ---- */
#define MAX_COUNTERS 16
#define SHOWN 5	/* those that have to do with memory and calls; the others are of devices */
#define PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_call))
struct privcmd_call {
	uint64_t op, arg[5];
};
/* Written right before the call, so that it is in memory, and in one page. */
static struct {
	struct xen_sysctl op;
	uint32_t value[MAX_COUNTERS];
} query __attribute__((aligned(512)));
static int privcmd;

/* How many there are; 0: none here. */
static unsigned int read_counters(uint32_t *value)
{
	struct privcmd_call call = { .op = __HYPERVISOR_sysctl, .arg = { (uintptr_t)&query.op } };

	memset(&query, 0, sizeof(query));
	query.op.cmd = XEN_SYSCTL_perfc_op;
	query.op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	query.op.u.perfc_op.cmd = XEN_SYSCTL_PERFCOP_query;
	query.op.u.perfc_op.val.p = query.value;
	if (ioctl(privcmd, PRIVCMD_HYPERCALL, &call))
		return 0;
	memcpy(value, query.value, sizeof(query.value));
	return query.op.u.perfc_op.nr_counters;
}

/* Without what reading them costs, which is what two readings one after the other see. */
static void count(const char *name, void (*run)(int), int n)
{
	uint32_t before[MAX_COUNTERS], idle[MAX_COUNTERS], after[MAX_COUNTERS];
	unsigned int nr = read_counters(before);

	if (!nr)
		return;
	read_counters(idle);
	run(n);
	read_counters(after);
	printf("COUNT %s", name);
	for (unsigned int i = 0; i < nr && i < SHOWN; i++)
		printf(" %.1f", (double)(int)(after[i] - idle[i] - (idle[i] - before[i])) / n);
	printf("\n");
}

static const char *only;		/* row that is wanted; NULL: all */

static void row(const char *name, void (*run)(int), int n, int pages)
{
	uint64_t best = ~0ULL;

	if (only && strcmp(only, name))
		return;
	for (int i = 0; i <= ROUNDS; i++) {
		uint64_t start, cost;

		if (pages) {
			region = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (region == MAP_FAILED)
				fail("mmap");
			madvise(region, (size_t)pages * PAGE, MADV_NOHUGEPAGE);
		}
		if (i == ROUNDS) {
			count(name, run, n);
			break;
		}
		start = tsc();
		run(n);
		cost = (tsc() - start) / (uint64_t)n;
		if (cost < best)
			best = cost;
		if (pages)
			munmap(region, (size_t)pages * PAGE);
	}
	printf("BENCH %s %llu\n", name, (unsigned long long)best);
	if (only)
		printf("OPERATIONS %s %d\n", name, ROUNDS * n);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	pid_t echo;

	if (argc > 1 && !strcmp(argv[1], "nothing"))
		_exit(0);
	/* The same page tables everywhere: where stack and heap lie decides how many fork and exec have to make. */
	if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE) && personality(ADDR_NO_RANDOMIZE) != -1)
		execv(argv[0], argv);
	self = argv[0];
	only = argv[1];
	data = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		fail("mmap");
	memset(data, 1, 64 * PAGE);
	signal(SIGUSR1, on_signal);
	privcmd = open("/proc/xen/privcmd", O_RDWR);
	row("syscall", null_syscall, 1000, 0);
	row("signal", signal_self, 200, 0);
	row("fault", page_fault, 64, 64);
	row("mmap64", mmap_populate, 4, 0);
	row("mprotect64", mprotect_twice, 10, 0);
	row("fork", fork_wait, 4, 0);
	row("exec", vfork_exec, 4, 0);
	if (event_open())
		row("event", event_round, 100, 0);

	if (pipe(to_child) || pipe(to_parent))
		fail("pipe");
	echo = fork();
	if (!echo) {
		char c;

		while (read(to_child[0], &c, 1) == 1 && write(to_parent[1], &c, 1) == 1)
			;
		_exit(0);
	}
	row("pipe", pipe_round, 100, 0);
	kill(echo, SIGKILL);
	return 0;
}

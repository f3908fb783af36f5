// SPDX-License-Identifier: GPL-2.0-only
/*
 * What xenconsoled must stand: hostile guests, and readers that do not read. In every case the other consoles work on and
 * the daemon sleeps when there is nothing to do (its CPU time is looked at), and nothing is left behind at its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"

int xenconsoled_main(int argc, char **argv);

static char folder[] = "/tmp/test-console.XXXXXX", socket_path[64];
static pid_t daemon_pid;
static unsigned int checks, failures;

static bool check(bool good, const char *what)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++checks, what);
	fflush(stdout);
	failures += !good;
	return good;
}

/* --- machine ---------------------------------------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double daemon_cpu(void)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(daemon_pid, &clock) || clock_gettime(clock, &t))
		return 1e9;
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Does it sleep? Work under way is waited for. */
static bool is_quiet(void)
{
	double before;

	usleep(150000);
	before = daemon_cpu();
	usleep(300000);
	return daemon_cpu() - before < 0.1;
}

static void start(void)
{
	char socket_option[80], log_option[80], pid_option[80];
	char *argv[] = { "xenconsoled", "-i", "--log=guest", socket_option, log_option, pid_option, NULL };
	struct rlimit limit = { 256, 256 };

	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	snprintf(socket_option, sizeof(socket_option), "--socket=%s", socket_path);
	snprintf(log_option, sizeof(log_option), "--log-dir=%s/log", folder);
	snprintf(pid_option, sizeof(pid_option), "--pid-file=%s/pid", folder);
	fflush(stdout);
	daemon_pid = fork();
	if (daemon_pid)
		return;
	setrlimit(RLIMIT_NOFILE, &limit);
	exit(xenconsoled_main(6, argv));
}

static bool wait_tty(unsigned int domid)
{
	for (int i = 0; i < 500 && !*fake_read("/local/domain/%u/console/tty", domid); i++)
		usleep(10000);
	return *fake_read("/local/domain/%u/console/tty", domid);
}

static void domain_nodes(unsigned int domid, const char *life)
{
	char text[32];

	fake_write(life, "/local/domain/%u/vm", domid);
	sprintf(text, "guest%u", domid);
	fake_write(text, "/local/domain/%u/name", domid);
	fake_write("5", "/local/domain/%u/console/port", domid);
	fake_write("77", "/local/domain/%u/console/ring-ref", domid);
}

static void domain_new(unsigned int domid)
{
	domain_nodes(domid, "/vm/first");
	fake->introduced[domid] = true;
	fake_special("@introduceDomain");
}

/* The guest's kernel: as much as there is room for. */
static unsigned int guest_say(unsigned int domid, const char *text, unsigned int n)
{
	struct xencons_interface *ring = &fake->page[domid].ring;
	unsigned int prod = ring->out_prod, i;

	for (i = 0; i < n && prod + i - __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE) < sizeof(ring->out); i++)
		ring->out[(prod + i) % sizeof(ring->out)] = text[i];
	__atomic_store_n(&ring->out_prod, prod + i, __ATOMIC_RELEASE);
	fake_raise(domid);
	return i;
}

static void say(unsigned int domid, const char *text)
{
	guest_say(domid, text, strlen(text));
}

/* All it can in so many seconds. Return: bytes that were taken. */
static unsigned int flood(unsigned int domid, double seconds)
{
	struct xencons_interface *ring = &fake->page[domid].ring;
	unsigned int before = ring->out_cons;
	char line[2048];

	memset(line, 'x', sizeof(line));
	line[2047] = '\n';
	for (double end = now() + seconds; now() < end; usleep(100))
		guest_say(domid, line, sizeof(line));
	return ring->out_cons - before;
}

/* --- readers ---------------------------------------------------------------------------------------------------------- */

static int connect_raw(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, socket_path);
	for (int i = 0; i < 500; i++) {
		if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
			return fd;
		usleep(10000);
	}
	close(fd);
	return -1;
}

static int attach(unsigned int domid)
{
	int fd = connect_raw();

	dprintf(fd, "%u\n", domid);
	return fd;
}

/* Does it hear that, soon? */
static bool hears(int fd, const char *text)
{
	static char heard[200000];
	struct pollfd p = { fd, POLLIN, 0 };
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(heard) - 5000 && poll(&p, 1, 3000) == 1) {
		got = read(fd, heard + n, 4096);
		if (got <= 0)
			return false;
		n += got;
		heard[n] = 0;
		if (memmem(heard, n, text, strlen(text)))
			return true;
	}
	return false;
}

static bool is_closed(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	char data[4096];
	ssize_t n = 1;

	while (n > 0 && poll(&p, 1, 3000) == 1)
		n = read(fd, data, sizeof(data));
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static bool guest_hears(unsigned int domid, const char *text)
{
	struct xencons_interface *ring = &fake->page[domid].ring;

	for (int i = 0; i < 300; i++, usleep(10000))
		if (__atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE) - ring->in_cons >= strlen(text))
			return !memcmp(ring->in + ring->in_cons % sizeof(ring->in), text, strlen(text));
	return false;
}

/* The console of a domain that nobody disturbs. */
static bool other_works(void)
{
	int fd = attach(2);
	bool good;

	say(2, "the other one\n");
	good = hears(fd, "the other one\n");
	close(fd);
	return good;
}

static bool log_has(const char *name, const char *text)
{
	char path[128], data[65536];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/log/%s", folder, name);
	for (int i = 0; i < 100; i++, usleep(10000)) {
		f = fopen(path, "r");
		if (!f)
			continue;
		n = fread(data, 1, sizeof(data), f);
		fclose(f);
		if (memmem(data, n, text, strlen(text)))
			return true;
	}
	return false;
}

/* The guest takes its input, until there is no more. */
static void guest_drains(unsigned int domid)
{
	struct xencons_interface *ring = &fake->page[domid].ring;

	do {
		__atomic_store_n(&ring->in_cons, ring->in_prod, __ATOMIC_RELEASE);
		fake_raise(domid);
		usleep(150000);
	} while (ring->in_cons != ring->in_prod);
}

/* --- what must hold --------------------------------------------------------------------------------------------------- */

static void test_readers(void)
{
	int a, b;

	say(1, "before anybody listens\n");
	check(log_has("guest-guest1.log", "before anybody"), "output goes to the log");
	a = attach(1);
	b = attach(1);
	check(hears(a, "before anybody listens\n") && hears(b, "before anybody listens\n"), "a new reader begins with the last lines");
	say(1, "to all\n");
	check(hears(a, "to all\n") && hears(b, "to all\n"), "two readers hear the same");
	dprintf(a, "typed");
	check(guest_hears(1, "typed"), "what one types reaches the guest");
	fake->page[1].ring.in_cons = fake->page[1].ring.in_prod;
	close(a);
	say(1, "to the rest\n");
	check(hears(b, "to the rest\n"), "one leaves, the other one hears on");
	close(b);
}

static void test_nonsense(void)
{
	struct xencons_interface *ring = &fake->page[1].ring;

	for (unsigned int i = 0; i < 1000; i++) {
		ring->out_prod = ring->out_cons + 4096 + i * 7919;
		ring->in_cons = i * 104729;
		fake_raise(1);
		if (i % 100 == 0)
			usleep(1000);
	}
	check(other_works() && is_quiet(), "nonsense in the indexes harms nobody else");
	ring->out_prod = ring->out_cons;
	ring->in_cons = ring->in_prod;
	usleep(200000);
	check(other_works(), "nor does it when it is over");
}

static void test_flood(void)
{
	unsigned int taken = flood(1, 1.0);

	printf("# %u bytes in a second\n", taken);
	check(taken > 100000 && taken < 1200000, "a guest that floods is held to its share");
	check(other_works(), "and the others speak");
	usleep(200000);
	say(1, "after the flood\n");
	check(log_has("guest-guest1.log", "x\n"), "it is heard after that");
}

/* Events without a byte cost as well. */
static void test_event_flood(void)
{
	double before = daemon_cpu();

	for (double end = now() + 1; now() < end;)
		fake_raise(1);
	check(daemon_cpu() - before < 0.8 && other_works(), "empty events are held to a share too");
}

static void test_no_input(void)
{
	struct xencons_interface *ring = &fake->page[1].ring;
	int fd = attach(1);
	char many[8192];

	memset(many, 'i', sizeof(many));
	check(write(fd, many, sizeof(many)) == sizeof(many) && is_quiet(), "a guest that takes no input: we wait");
	close(fd);
	check(is_quiet(), "its reader hangs up: still quiet");
	guest_drains(1);
	fd = attach(1);
	check(write(fd, many, 4096) == 4096 && !usleep(100000), "a reader waits for room");
	ring->in_cons = ring->in_prod;
	fake_raise(1);
	usleep(100000);
	check(ring->in_prod - ring->in_cons == sizeof(ring->in), "and goes on when there is some");
	close(fd);
	guest_drains(1);
}

static void test_deaf_reader(void)
{
	int deaf = attach(1), fd;
	unsigned int taken;

	usleep(100000);
	taken = flood(1, 1.0);
	usleep(200000);
	fd = attach(1);
	say(1, "\nlast line\n");
	check(taken > 300000 && hears(fd, "last line\n"), "a reader who does not read (nor does who has the pty) holds up nobody");
	check(hears(deaf, "last line\n"), "when it reads at last it has lost the middle only");
	close(deaf);
	close(fd);
	check(is_quiet(), "quiet again");
}

static void test_half_line(void)
{
	int fd = connect_raw(), other = connect_raw(), third = attach(150);

	dprintf(fd, "1");
	dprintf(other, "one hundred domains");
	check(is_quiet(), "half a first line: we wait");
	check(is_closed(other) && is_closed(third), "what is no number of a domain is refused");
	say(1, "\nnow\n");
	dprintf(fd, "\nXY");
	check(hears(fd, "now\n") && guest_hears(1, "XY"), "the rest comes later, and what follows is input");
	fake->page[1].ring.in_cons = fake->page[1].ring.in_prod;
	close(fd);
	close(other);
	close(third);
}

static void test_descriptors(void)
{
	int fd[300], n = 0, late;

	for (int i = 0; i < 300; i++) {
		fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		struct sockaddr_un addr = { .sun_family = AF_UNIX };

		strcpy(addr.sun_path, socket_path);
		n += !connect(fd[i], (struct sockaddr *)&addr, sizeof(addr));
		usleep(1000);
	}
	printf("# %d connections\n", n);
	check(n > 200 && is_quiet(), "no descriptor is left: we do not spin");
	say(2, "still logged\n");
	check(log_has("guest-guest2.log", "still logged\n"), "consoles work on");
	for (int i = 0; i < 300; i++)
		close(fd[i]);
	late = attach(2);
	check(hears(late, "still logged\n"), "and new readers come in when there is one again");
	close(late);
}

static void test_rotation(void)
{
	char from[100], to[100];

	snprintf(from, sizeof(from), "%s/log/guest-guest2.log", folder);
	snprintf(to, sizeof(to), "%s/log/guest-guest2.log.1", folder);
	rename(from, to);
	kill(daemon_pid, SIGHUP);
	usleep(200000);
	say(2, "in the new file\n");
	check(log_has("guest-guest2.log", "in the new file\n"), "SIGHUP opens the log again");
	check(log_has("guest-guest2.log.1", "still logged\n"), "the old one keeps what it had");
}

static void test_number_again(void)
{
	int old = attach(3), fd;
	char tty[48];

	say(3, "secret of the first\n");
	check(hears(old, "secret of the first\n"), "a domain speaks");
	strcpy(tty, fake_read("/local/domain/3/console/tty"));
	memset(&fake->page[3], 0, sizeof(fake->page[3]));
	domain_nodes(3, "/vm/second");
	check(is_closed(old), "its number comes again: the old reader is sent away");
	fd = attach(3);
	say(3, "second\n");
	usleep(100000);
	check(!hears(fd, "secret"), "the new one's reader does not see what the first one said");
	close(fd);
	close(old);
	fake->introduced[3] = false;
	fd = attach(3);
	usleep(100000);
	fake->no_hypercalls = true;
	fake_special("@releaseDomain");
	check(is_closed(fd), "a domain ends: so does its console, though the hypervisor does not tell");
	fake->no_hypercalls = false;
	close(fd);
}

static void test_many(void)
{
	unsigned int mapped = fake->mapped, good = 0, questions;
	char name[40];

	for (unsigned int d = 10; d < 70; d++)
		domain_new(d);
	for (unsigned int d = 10; d < 70; d++)
		good += wait_tty(d);
	for (unsigned int d = 10; d < 70; d++)
		say(d, "one of many\n");
	for (unsigned int d = 10; d < 70; d++) {
		snprintf(name, sizeof(name), "guest-guest%u.log", d);
		good += log_has(name, "one of many\n");
	}
	check(good == 120 && fake->mapped == mapped + 60, "60 more domains (as many as the limit of descriptors here allows)");
	for (unsigned int d = 11; d < 70; d++)
		fake->introduced[d] = false;
	questions = fake->questions;
	fake_special("@releaseDomain");
	for (int i = 0; i < 6000 && fake->mapped != mapped + 1; i++)
		usleep(10000);
	check(fake->mapped == mapped + 1 && wait_tty(10) && other_works(), "nothing of those that end stays mapped");
	check(fake->questions == questions, "which of many are gone is not asked one by one");
}

int main(void)
{
	char pid_file[80];
	int status;

	if (!mkdtemp(folder))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	fake_init();
	start();
	for (unsigned int d = 1; d <= 3; d++)
		domain_new(d);
	if (!check(wait_tty(1) && wait_tty(2) && wait_tty(3), "the pty's name is published"))
		return 1;
	test_readers();
	test_nonsense();
	test_flood();
	test_event_flood();
	test_no_input();
	test_deaf_reader();
	test_half_line();
	test_descriptors();
	test_rotation();
	test_number_again();
	test_many();
	kill(daemon_pid, SIGTERM);
	waitpid(daemon_pid, &status, 0);
	check(WIFEXITED(status) && !WEXITSTATUS(status), "it ends cleanly, without a leak");
	check(access(socket_path, F_OK) && !fake->mapped, "socket and mappings are gone");
	snprintf(pid_file, sizeof(pid_file), "%s/pid", folder);
	check(access(pid_file, F_OK), "so is the pid file");
	printf("1..%u\n", checks);
	return failures ? 1 : 0;
}

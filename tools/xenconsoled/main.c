// SPDX-License-Identifier: GPL-2.0-only
/* xenconsoled: the consoles of guests, for whoever reads them and for log files. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "console.h"

#define SOCKET	"/run/xenconsoled/socket"

struct options options = { .log_dir = "/var/log/xen/console" };
static const char *pid_file = "/run/xenconsoled.pid", *socket_path = SOCKET;
static bool foreground;
static int tick_fd = -1, signal_fd = -1;
static bool ticking;

static const char usage[] =
"Usage: xenconsoled [OPTION...]\n"
"Serve the consoles of guests to 'xl console' and log what they say.\n"
"\n"
"  -i, --no-daemon             stay in the foreground, messages to stderr\n"
"  --log=none|guest|hv|all     what goes to files: guest-NAME.log, hypervisor.log (none)\n"
"  --log-dir=FOLDER            where to (/var/log/xen/console)\n"
"  --timestamp=none|guest|hv|all  put the time before each line of these logs (none)\n"
"  --pid-file=FILE             process number (/run/xenconsoled.pid)\n"
"  --socket=FILE               where readers connect (" SOCKET ")\n"
"  -h, --help                  this\n"
"\n"
"SIGHUP opens the log files again. xenconsoled(8) tells more.\n";

enum { OPT_LOG = 256, OPT_LOG_DIR, OPT_PID, OPT_STAMP, OPT_SOCKET, OPT_IGNORED };
static const struct option long_options[] = {
	{ "no-daemon", 0, NULL, 'i' },
	{ "interactive", 0, NULL, 'i' },
	{ "log", 1, NULL, OPT_LOG },
	{ "log-dir", 1, NULL, OPT_LOG_DIR },
	{ "pid-file", 1, NULL, OPT_PID },
	{ "timestamp", 1, NULL, OPT_STAMP },
	{ "socket", 1, NULL, OPT_SOCKET },
	{ "help", 0, NULL, 'h' },
	/* Of the other implementation; here it is always so. */
	{ "verbose", 0, NULL, OPT_IGNORED },
	{ "overflow-data", 1, NULL, OPT_IGNORED },
	{ "replace-escape", 0, NULL, OPT_IGNORED },
	{ NULL, 0, NULL, 0 },
};

static void choose(const char *option, const char *what, bool *guest, bool *hypervisor)
{
	bool all = !strcmp(what, "all");

	*guest = all || !strcmp(what, "guest");
	*hypervisor = all || !strcmp(what, "hv");
	if (*guest || *hypervisor || !strcmp(what, "none"))
		return;
	fprintf(stderr, "xenconsoled: --%s takes none, guest, hv or all, not '%s'\n", option, what);
	exit(2);
}

static void parse_options(int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "iht:", long_options, NULL)) != -1) {
		switch (opt) {
		case 'i':
			foreground = true;
			break;
		case OPT_LOG:
			choose("log", optarg, &options.log_guest, &options.log_hypervisor);
			break;
		case OPT_LOG_DIR:
			options.log_dir = optarg;
			break;
		case 't':
		case OPT_STAMP:
			choose("timestamp", optarg, &options.stamp_guest, &options.stamp_hypervisor);
			break;
		case OPT_PID:
			pid_file = optarg;
			break;
		case OPT_SOCKET:
			socket_path = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		case '?':
			exit(2);
		}
	}
}

/* ---- time ---- */

void tick_start(void)
{
	struct itimerspec when = { .it_value.tv_nsec = TICK_NS };

	if (!ticking)
		timerfd_settime(tick_fd, 0, &when, NULL);
	ticking = true;
}

static void tick_ready(struct source *s, uint32_t events)
{
	uint64_t n;

	(void)s, (void)events;
	if (read(tick_fd, &n, sizeof(n)) != sizeof(n))
		return;
	ticking = false;
	ring_tick();
	readers_tick();
}

/* ---- signals ---- */

static void signal_ready(struct source *s, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)s, (void)events;
	if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		for (struct console *c = consoles; c; c = c->next)
			log_reopen(&c->log);
		log_reopen(&hypervisor_log);
		return;
	}
	domains_close();
	unlink(socket_path);
	daemon_end(pid_file);
	exit(0);
}

static void open_own_sources(void)
{
	static struct source ticks = { tick_ready }, signals = { signal_ready };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	loop_watch(signal_fd, &signals, EPOLLIN);
	loop_watch(tick_fd, &ticks, EPOLLIN);
}

/* Each domain takes two descriptors for its pty and one for its log, each reader one. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void need(bool done, const char *what)
{
	if (done)
		return;
	log_line("%s: %s", what, strerror(errno));
	exit(1);
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	daemon_begin("xenconsoled", foreground, false);
	raise_descriptors();
	loop_init();
	open_own_sources();
	if (!strcmp(socket_path, SOCKET))
		mkdir("/run/xenconsoled", 0755);
	if (options.log_guest || options.log_hypervisor)
		mkdir(options.log_dir, 0700);
	need(rings_open(), "no event channels (is this Domain0, are xen-evtchn and xen-gntdev loaded?)");
	need(domains_open(), "no store (is xenstored running?)");
	need(readers_listen(socket_path), socket_path);
	daemon_ready(pid_file);
	for (;;)
		loop_round(false);
}

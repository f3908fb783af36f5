// SPDX-License-Identifier: GPL-2.0-only
/*
 * xenstored: the store in which domains and tools find each other.
 *
 *	sockets (socket.c) ---.                                            .--- tree.c: the nodes
 *	                       >--- conn.c --- request.c --- store.c -----<---- transaction.c
 *	rings (domain.c) -----'                 control.c                  '--- watch.c ---> conn.c
 *
 * One process, one thread, one loop (loop.c): each round serves every client that has something to say with a few
 * requests, then writes the answers. Nothing waits for a client.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conn.h"
#include "domain.h"
#include "log.h"
#include "quota.h"
#include "socket.h"
#include "state.h"
#include "store.h"
#include "transaction.h"
#include "xen.h"

struct signals {
	struct source source;
	int fd;
};

static struct {
	bool foreground, no_domains, print_pid;
	const char *pid_file, *trace;
	int restore;			/* the file with the state of a former life, or -1 */
} options = { .restore = -1 };

static const char usage[] =
"Usage: xenstored [OPTION...]\n"
"Keep the store that domains and tools share.\n"
"\n"
"  -N, --no-fork             stay in the foreground and log to stderr\n"
"  -F, --pid-file FILE       write the process number there\n"
"  -P, --output-pid          print the process number\n"
"  -T, --trace-file FILE     write every message there\n"
"  -D, --no-domain-init      serve the socket only: no hypervisor, no rings\n"
"  -E, --entry-nb N          nodes that a domain may own\n"
"  -S, --entry-size N        bytes in a node\n"
"  -W, --watch-nb N          watches of a domain\n"
"  -t, --transaction N       open transactions of a domain\n"
"  -A, --perm-nb N           entries in a list of permissions\n"
"  -M, --path-max N          characters in a path\n"
"  -Q, --quota NAME=N        any limit; 'xenstore control quota' lists them\n"
"  -q, --quota-soft NAME=N   say so in the log above this\n"
"  -H, --help                this\n"
"\n"
"XENSTORED_PATH names the socket (/var/run/xenstored/socket). xenstored(8) tells more.\n";

static const struct option long_options[] = {
	{ "no-fork", 0, NULL, 'N' },
	{ "pid-file", 1, NULL, 'F' },
	{ "output-pid", 0, NULL, 'P' },
	{ "trace-file", 1, NULL, 'T' },
	{ "no-domain-init", 0, NULL, 'D' },
	{ "entry-nb", 1, NULL, 'E' },
	{ "entry-size", 1, NULL, 'S' },
	{ "watch-nb", 1, NULL, 'W' },
	{ "transaction", 1, NULL, 't' },
	{ "perm-nb", 1, NULL, 'A' },
	{ "path-max", 1, NULL, 'M' },
	{ "quota", 1, NULL, 'Q' },
	{ "quota-soft", 1, NULL, 'q' },
	{ "help", 0, NULL, 'H' },
	/* What a live update passes on to itself. */
	{ "restore", 1, NULL, 'x' },
	{ "can-restore", 1, NULL, 'X' },
	/* Of the other implementation, where they choose between what is always so here. */
	{ "internal-db", 2, NULL, 'I' },
	{ "timeout", 1, NULL, 'w' },
	{ "no-recovery", 0, NULL, 'R' },
	{ "verbose", 0, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void fail(const char *what)
{
	fprintf(stderr, "xenstored: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void bad_argument(const char *arg)
{
	fprintf(stderr, "xenstored: what does '%s' mean? See xenstored --help.\n", arg);
	exit(2);
}

static int number(const char *arg)
{
	char *end;
	long n = strtol(arg, &end, 10);

	if (!*arg || *end || n < 0 || n > 1 << 30)
		bad_argument(arg);
	return n;
}

static void set_quota(const char *arg, bool soft)
{
	const char *equals = strchr(arg, '=');
	char name[32];
	int i;

	if (!equals || equals - arg >= (long)sizeof(name))
		bad_argument(arg);
	memcpy(name, arg, equals - arg);
	name[equals - arg] = 0;
	i = quota_by_name(name);
	if (i < 0)
		bad_argument(arg);
	if (soft)
		quotas[i].soft = number(equals + 1);
	else
		quotas[i].value = number(equals + 1);
}

static void set_option(int opt)
{
	static const struct {
		char letter;
		enum quota quota;
	} limits[] = {
		{ 'E', QUOTA_NODES }, { 'S', QUOTA_NODE_SIZE }, { 'W', QUOTA_WATCHES },
		{ 't', QUOTA_TRANSACTIONS }, { 'A', QUOTA_PERMS }, { 'M', QUOTA_PATH },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (limits[i].letter == opt)
			quotas[limits[i].quota].value = number(optarg);
	switch (opt) {
	case 'N':
		options.foreground = true;
		break;
	case 'D':
		options.no_domains = true;
		break;
	case 'P':
		options.print_pid = true;
		break;
	case 'F':
		options.pid_file = optarg;
		break;
	case 'T':
		options.trace = optarg;
		break;
	case 'Q':
	case 'q':
		set_quota(optarg, opt == 'q');
		break;
	case 'x':
		options.restore = number(optarg);
		break;
	case 'X':
		exit(state_can_load(number(optarg)) ? 0 : 1);
	case 'H':
		fputs(usage, stdout);
		exit(0);
	case '?':
		exit(2);
	}
}

static void parse_options(int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "NF:PT:DE:S:W:t:A:M:Q:q:HI::w:RV", long_options, NULL)) != -1)
		set_option(opt);
	if (optind != argc)
		bad_argument(argv[optind]);
}

/* One descriptor for each client, so as many as we may have. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Where libxenstore looks for us, by the same rules. */
static void open_socket(void)
{
	const char *path = getenv("XENSTORED_PATH"), *folder = getenv("XENSTORED_RUNDIR");
	char buf[PATH_MAX];

	if (!folder)
		folder = "/var/run/xenstored";
	if (!path) {
		snprintf(buf, sizeof(buf), "%s/socket", folder);
		mkdir(folder, 0755);
		path = buf;
	}
	errno = socket_listen(path);
	if (errno)
		fail(path);
}

static void start(void)
{
	bool hypervisor = !options.no_domains && xen_open(-1, -1);

	domain_init();
	store_init();
	open_socket();
	if (hypervisor) {
		store_name_domain0();
		domain_connect_own();
	}
}

static void resume(void)
{
	state_load_devices(options.restore);
	state_load();
}

/* SIGUSR1: a live update; SIGHUP: the trace file was moved away. */
static void signal_ready(struct source *s, uint32_t events)
{
	int fd = ((struct signals *)s)->fd;
	struct signalfd_siginfo info;

	(void)events;
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1 && state_request_update(NULL))
		log_line("live update: this program does not take the state over");
	if (info.ssi_signo == SIGHUP && options.trace)
		trace_file(options.trace);
}

static void open_signals(void)
{
	static struct signals signals = { { signal_ready } };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	loop_watch(signals.fd, &signals.source, EPOLLIN);
	signal(SIGPIPE, SIG_IGN);
}

static _Noreturn void run(void)
{
	bool busy = options.restore >= 0;

	for (;;) {
		loop_round(busy);
		busy = conn_serve_ready();
		conn_flush_all();
		tx_limit_memory();
		state_update();
	}
}

int main(int argc, char **argv)
{
	state_remember_program(argv);
	parse_options(argc, argv);
	daemon_begin("xenstored", options.foreground, options.restore >= 0);
	raise_descriptor_limit();
	loop_init();
	open_signals();
	errno = options.trace ? trace_file(options.trace) : 0;
	if (errno)
		fail(options.trace);
	if (options.restore >= 0) {
		resume();
		run();
	}
	start();
	if (options.print_pid) {
		printf("%d\n", getpid());
		fflush(stdout);
	}
	daemon_ready(options.pid_file);
	run();
}

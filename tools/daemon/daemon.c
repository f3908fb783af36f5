// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a program in a terminal to a daemon. The two ends of a pipe join parent and child: a byte says "ready", an end
 * of file that the child is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon.h"

static const char *program;
static bool to_stderr = true;		/* until the terminal is left */
static int ready_pipe = -1;

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program, what, strerror(errno));
	exit(1);
}

static void use_syslog(void)
{
	openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	to_stderr = false;
}

/* Who started us may have closed them; then our own files would get these numbers, and be lost when we leave. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < 3);
	if (fd >= 0)
		close(fd);
}

void daemon_begin(const char *name, bool foreground, bool resumed)
{
	int ready[2];
	pid_t child;
	char byte;

	program = name;
	if (!resumed)
		fill_standard_descriptors();
	if (resumed && !foreground)
		use_syslog();
	if (foreground || resumed)
		return;
	if (pipe2(ready, O_CLOEXEC))
		fail("pipe");
	child = fork();
	if (child < 0)
		fail("fork");
	if (child) {
		close(ready[1]);
		_exit(read(ready[0], &byte, 1) == 1 ? 0 : 1);
	}
	setsid();
	close(ready[0]);
	ready_pipe = ready[1];
}

static void write_pid(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f || fprintf(f, "%d\n", getpid()) < 0 || fclose(f))
		fail(path);
}

/* systemd waits for this word of a service of Type=notify. */
static void notify_systemd(void)
{
	static const char word[] = "READY=1";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, len);
	if (*path == '@')
		addr.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, word, strlen(word), MSG_NOSIGNAL, (struct sockaddr *)&addr, offsetof(struct sockaddr_un, sun_path) + len);
	close(fd);
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || chdir("/") || write(ready_pipe, "", 1) != 1)
		fail("starting");
	close(ready_pipe);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close(null);
	use_syslog();
}

void daemon_ready(const char *pid_file)
{
	if (pid_file)
		write_pid(pid_file);
	notify_systemd();
	if (ready_pipe >= 0)
		leave_terminal();
}

void daemon_end(const char *pid_file)
{
	struct stat st;

	if (pid_file && !lstat(pid_file, &st) && S_ISREG(st.st_mode))
		unlink(pid_file);
}

void log_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (to_stderr) {
		fprintf(stderr, "%s: ", program);
		vfprintf(stderr, format, args);
		fputc('\n', stderr);
	} else {
		vsyslog(LOG_WARNING, format, args);
	}
	va_end(args);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* The device nodes of a Xen domain, and who this domain is. */
#ifndef NODE_H
#define NODE_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

/* An address where nothing is, which the compiler does not know. */
static void *volatile node_nowhere __attribute__((unused)) = (void *)8;

/* The node, or the end of the program: skipped where there is no such node. */
static inline int node_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		tap_skip_all("no such device node here");
	if (fd < 0)
		tap_bail_out(path);
	return fd;
}

/* What a first line of a file starts with. */
static inline int node_file_has(const char *path, const char *text)
{
	char line[64] = "";
	FILE *file = fopen(path, "r");

	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	return strncmp(line, text, strlen(text)) == 0;
}

static inline int node_is_control_domain(void)
{
	return node_file_has("/proc/xen/capabilities", "control_d");
}

/* Run it as the user nobody, whom no node is meant for; its return value is the answer. */
static inline int node_as_nobody(int (*function)(const char *), const char *argument)
{
	int status = -1;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(99);
		_exit(function(argument));
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int node_open_error(const char *path)
{
	int fd = open(path, O_RDWR);

	return fd < 0 ? errno : 0;
}

/* Who is not root gets nothing: neither through the node's mode nor, where only some may read it, by writing. */
static inline void node_check_rights(const char *path)
{
	struct stat stat;
	int error;

	if (geteuid()) {
		tap_skip("another user may not open it", "needs root");
		return;
	}
	check(lstat(path, &stat) == 0 && S_ISCHR(stat.st_mode) && (stat.st_mode & 077) == 0 && stat.st_uid == 0,
	      "%s is a character device of root's alone", path);
	error = node_as_nobody(node_open_error, path);
	check(error == EACCES, "another user may not open it (error %d)", error);
}

#endif

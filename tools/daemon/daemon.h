/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all our daemons do alike: leave the terminal when they are ready to serve, say so to systemd, write a pid file,
 * and speak to syslog (in the foreground: to stderr).
 */
#ifndef TOOLS_DAEMON_H
#define TOOLS_DAEMON_H

#include <stdbool.h>

/**
 * daemon_begin() - first of all: name for messages; unless @foreground fork: the parent waits until the child is ready,
 * so that who started us can go on at once, or fails when the child ends before. @resumed: this process was a daemon
 * before it executed this program; nothing is left to do but to speak to syslog.
 */
void daemon_begin(const char *name, bool foreground, bool resumed);

/** daemon_ready() - served from now on: pid file (NULL: none), systemd's notification, the terminal is left. */
void daemon_ready(const char *pid_file);

/** daemon_end() - before a clean exit: the pid file goes. What is no regular file (/dev/null) was not made by us and stays. */
void daemon_end(const char *pid_file);

/** log_line() - one line for the operator. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* What the operator gets to see: log_line() of daemon.h, and each message of the wire in a trace file. */
#ifndef XENSTORED_LOG_H
#define XENSTORED_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>
#include "daemon.h"

struct conn;

/** trace_file() - write every message to the file @path from now on; NULL: stop. Returns 0 or an errno. */
int trace_file(const char *path);

/** trace_on - whether trace_message() would write. */
extern bool trace_on;

/** trace_message() - @direction is "IN" or "OUT". */
void trace_message(const struct conn *c, const char *direction, const struct xsd_sockmsg *hdr, const char *body);

#endif

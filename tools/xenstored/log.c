// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log and trace.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

#include "conn.h"
#include "log.h"
#include "request.h"

static bool stderr_too;
static FILE *trace;
bool trace_on;

void log_open(bool to_stderr)
{
	stderr_too = to_stderr;
	openlog("xenstored", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void log_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (stderr_too) {
		fputs("xenstored: ", stderr);
		vfprintf(stderr, format, args);
		fputc('\n', stderr);
	} else {
		vsyslog(LOG_WARNING, format, args);
	}
	va_end(args);
}

int trace_file(const char *path)
{
	if (trace)
		fclose(trace);
	trace = path ? fopen(path, "ae") : NULL;
	trace_on = trace;
	return path && !trace ? errno : 0;
}

void trace_message(const struct conn *c, const char *direction, const struct xsd_sockmsg *hdr, const char *body)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d %H:%M:%S", &tm);
	fprintf(trace, "%s.%03ld %s d%u.%u %s tx=%u id=%u (", stamp, now.tv_nsec / 1000000, direction, c->domid, c->id,
		request_name(hdr->type), hdr->tx_id, hdr->req_id);
	for (uint32_t i = 0; i < hdr->len; i++)
		fputc(body[i] >= ' ' && body[i] < 127 ? body[i] : ' ', trace);
	fputs(")\n", trace);
	fflush(trace);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The trace: each message of the wire. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "conn.h"
#include "log.h"
#include "request.h"

static FILE *trace;
bool trace_on;

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

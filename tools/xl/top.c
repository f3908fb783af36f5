// SPDX-License-Identifier: GPL-2.0-only
/*
 * xl top: the domains as a table that is drawn again and again, on a terminal by its own words (ECMA-48), or line by line.
 * The columns are xentop's, one entry each in a table, and behind them what a hardware-assisted domain costs in exits.
 */
#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "top.h"

/* --- columns ----------------------------------------------------------------------------------------------------------- */

struct column {
	const char *title;
	int width;
	bool by_name;
	void (*show)(const struct table *t, const struct row *r, char *text, size_t size);
	double (*value)(const struct row *r);		/* to sort by, the highest first */
};

static void show_name(const struct table *t, const struct row *r, char *text, size_t size)
{
	(void)t;
	snprintf(text, size, "%s", r->name);
	for (; *text; text++)
		if (!isprint((unsigned char)*text))
			*text = '?';
}

static void show_state(const struct table *t, const struct row *r, char *text, size_t size)
{
	uint32_t flags = r->info.flags;
	unsigned int reason = flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;

	(void)t;
	snprintf(text, size, "%c%c%c%c%c%c", flags & XEN_DOMINF_dying ? 'd' : '-', flags & XEN_DOMINF_shutdown ? 's' : '-',
		 flags & XEN_DOMINF_blocked ? 'b' : '-',
		 flags & XEN_DOMINF_shutdown && reason == SHUTDOWN_crash ? 'c' : '-',
		 flags & XEN_DOMINF_paused ? 'p' : '-', flags & XEN_DOMINF_running ? 'r' : '-');
}

static uint64_t pages_to_kib(uint64_t pages)
{
	return pages * 4;
}

static bool limited(const struct row *r)
{
	return r->info.max_pages < UINT32_MAX / 4;
}

static void show_most(const struct table *t, const struct row *r, char *text, size_t size)
{
	(void)t;
	if (limited(r))
		snprintf(text, size, "%lu", (unsigned long)pages_to_kib(r->info.max_pages));
	else
		snprintf(text, size, "no limit");
}

static void show_most_share(const struct table *t, const struct row *r, char *text, size_t size)
{
	if (limited(r))
		snprintf(text, size, "%.1f", 100.0 * pages_to_kib(r->info.max_pages) / t->total_kib);
	else
		snprintf(text, size, "n/a");
}

static void show_memory_share(const struct table *t, const struct row *r, char *text, size_t size)
{
	snprintf(text, size, "%.1f", 100.0 * pages_to_kib(r->info.tot_pages) / t->total_kib);
}

/* A column that is a number: how to sort by it, and how to print it. */
#define NUMBER(name, format, expression)									\
	static double value_##name(const struct row *r)								\
	{													\
		return (expression);										\
	}													\
	static void show_##name(const struct table *t, const struct row *r, char *text, size_t size)		\
	{													\
		(void)t;											\
		snprintf(text, size, format, value_##name(r));							\
	}

NUMBER(seconds, "%.0f", r->info.cpu_time / 1e9)
NUMBER(cpu, "%.1f", r->cpu)
NUMBER(memory, "%.0f", pages_to_kib(r->info.tot_pages))
NUMBER(vcpus, "%.0f", r->info.nr_online_vcpus)
NUMBER(nets, "%.0f", r->counts.nets)
NUMBER(tx, "%.0f", r->counts.tx >> 10)
NUMBER(rx, "%.0f", r->counts.rx >> 10)
NUMBER(vbds, "%.0f", r->counts.vbds)
NUMBER(busy, "%.0f", r->counts.busy)
NUMBER(reads, "%.0f", r->counts.reads)
NUMBER(writes, "%.0f", r->counts.writes)
NUMBER(read_sectors, "%.0f", r->counts.read_sectors)
NUMBER(written_sectors, "%.0f", r->counts.written_sectors)
NUMBER(label, "%.0f", r->info.ssidref)
NUMBER(exits, "%.0f", r->exit_rate)

static double value_most(const struct row *r)
{
	return r->info.max_pages;
}

static const struct column columns[] = {
	{ "NAME", 10, true, show_name, NULL },
	{ "STATE", 6, true, show_state, NULL },
	{ "CPU(sec)", 10, false, show_seconds, value_seconds },
	{ "CPU(%)", 6, false, show_cpu, value_cpu },
	{ "MEM(k)", 10, false, show_memory, value_memory },
	{ "MEM(%)", 6, false, show_memory_share, value_memory },
	{ "MAXMEM(k)", 10, false, show_most, value_most },
	{ "MAXMEM(%)", 9, false, show_most_share, value_most },
	{ "VCPUS", 5, false, show_vcpus, value_vcpus },
	{ "NETS", 4, false, show_nets, value_nets },
	{ "NETTX(k)", 8, false, show_tx, value_tx },
	{ "NETRX(k)", 8, false, show_rx, value_rx },
	{ "VBDS", 4, false, show_vbds, value_vbds },
	{ "VBD_OO", 8, false, show_busy, value_busy },
	{ "VBD_RD", 8, false, show_reads, value_reads },
	{ "VBD_WR", 8, false, show_writes, value_writes },
	{ "VBD_RSECT", 10, false, show_read_sectors, value_read_sectors },
	{ "VBD_WSECT", 10, false, show_written_sectors, value_written_sectors },
	{ "SSID", 4, false, show_label, value_label },
	{ "EXITS/s", 8, false, show_exits, value_exits },
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]), BY_CPU = 3 };

static int sorted_by = BY_CPU;
static const struct table *shown;

static int compare(const void *a, const void *b)
{
	const struct row *x = *(const struct row **)a, *y = *(const struct row **)b;
	const struct column *c = &columns[sorted_by];
	char left[64], right[64];
	int order;

	if (c->by_name) {
		c->show(shown, x, left, sizeof(left));
		c->show(shown, y, right, sizeof(right));
		order = strcmp(left, right);
	} else {
		order = (c->value(y) > c->value(x)) - (c->value(y) < c->value(x));
	}
	return order ?: x->info.domain - y->info.domain;
}

/* --- showing ----------------------------------------------------------------------------------------------------------- */

static struct options {
	bool batch, full_names;
	double delay;
	unsigned long rounds;			/* 0: no end */
} options;

/* One line, no longer than the screen is wide. */
static void line(const char *text, int wide, const char *look)
{
	if (options.batch)
		puts(text);
	else
		printf("%s%.*s\033[m\033[K\r\n", look, wide, text);
}

static void title_line(char *text, size_t size)
{
	size_t n = 0;

	for (int i = 0; i < COLUMNS && n < size; i++)
		n += snprintf(text + n, size - n, "%*s ", columns[i].width, columns[i].title);
}

static void row_line(const struct table *t, const struct row *r, char *text, size_t size)
{
	char value[64];
	size_t n = 0;

	for (int i = 0; i < COLUMNS && n < size; i++) {
		columns[i].show(t, r, value, sizeof(value));
		if (!i && !options.full_names)
			value[columns[0].width] = 0;
		n += snprintf(text + n, size - n, "%*s ", columns[i].width, value);
	}
}

static int head(const struct table *t, int wide)
{
	unsigned int running = 0, blocked = 0, paused = 0;
	char text[256];

	for (int i = 0; i < t->rows; i++) {
		running += !!(t->row[i].info.flags & XEN_DOMINF_running);
		blocked += !!(t->row[i].info.flags & XEN_DOMINF_blocked);
		paused += !!(t->row[i].info.flags & XEN_DOMINF_paused);
	}
	snprintf(text, sizeof(text), "%d domains: %u running, %u blocked, %u paused", t->rows, running, blocked, paused);
	line(text, wide, "");
	snprintf(text, sizeof(text), "Mem: %luk total, %luk used, %luk free    CPUs: %u @ %uMHz", (unsigned long)t->total_kib,
		 (unsigned long)(t->total_kib - t->free_kib), (unsigned long)t->free_kib, t->cpus, t->mhz);
	line(text, wide, "");
	return 2;
}

static void show(const struct table *t, int *top)
{
	struct winsize size = { .ws_row = 25, .ws_col = 80 };
	const struct row **order = xcalloc(t->rows + 1, sizeof(*order));
	int high, last = t->rows;
	char text[512];

	shown = t;
	for (int i = 0; i < t->rows; i++)
		order[i] = &t->row[i];
	qsort(order, t->rows, sizeof(*order), compare);
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (!options.batch) {
		fputs("\033[H", stdout);
		high = size.ws_row - head(t, size.ws_col) - 2;
		*top = *top > t->rows - high ? t->rows - high : *top;
		*top = *top < 0 ? 0 : *top;
		last = *top + high < last ? *top + high : last;
	}
	title_line(text, sizeof(text));
	line(text, size.ws_col, "\033[7m");
	for (int i = options.batch ? 0 : *top; i < last; i++) {
		row_line(t, order[i], text, sizeof(text));
		line(text, size.ws_col, "");
	}
	if (!options.batch)
		printf("\033[J\033[1mq\033[m quit  \033[1mleft right\033[m sort by: %s  \033[1mup down\033[m scroll",
		       columns[sorted_by].title);
	fflush(stdout);
	free(order);
}

/* --- the user ---------------------------------------------------------------------------------------------------------- */

static struct termios before;
static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = true;
}

/* A second screen, no cursor, keys at once. */
static void screen_begin(void)
{
	struct sigaction act = { .sa_handler = end };
	struct termios t;

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	tcgetattr(STDIN_FILENO, &before);
	t = before;
	t.c_lflag &= ~(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
	fputs("\033[?1049h\033[?25l\033[2J", stdout);
}

static void screen_end(void)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

/* Return: is there something new to see? An arrow comes as ESC [ and a letter, ESC alone ends as q does. */
static bool key(int *top)
{
	char text[8] = { 0 };
	ssize_t n = read(STDIN_FILENO, text, sizeof(text) - 1);
	char c = n >= 3 && text[0] == '\033' && (text[1] == '[' || text[1] == 'O') ? text[2] : 0;

	if (n <= 0 || *text == 'q' || *text == 'Q' || (n == 1 && *text == '\033'))
		ended = true;
	else if (c == 'C' || c == 'D' || *text == 's' || *text == 'S')
		sorted_by = (sorted_by + (c == 'D' ? COLUMNS - 1 : 1)) % COLUMNS;
	else if (c == 'A' || c == 'B')
		*top += c == 'A' ? -1 : 1;
	else
		return false;
	return !ended;
}

/* Until the next round is due. */
static void linger(const struct table *t, int *top)
{
	double due = t->time + options.delay, left;
	struct pollfd fd = { .fd = options.batch ? -1 : STDIN_FILENO, .events = POLLIN };

	for (left = options.delay; left > 0 && !ended; left = due - top_now())
		if (poll(&fd, 1, left * 1000 + 1) > 0 && key(top))
			show(t, top);
}

static int rounds(struct host *h)
{
	struct table last = { 0 }, t;
	int rc = 0, top = 0;

	for (unsigned long n = 1; !ended; n++) {
		rc = top_gather(h, &t, &last, n % 10 == 0);
		top_free(&last);
		last = t;
		if (rc)
			break;
		show(&t, &top);
		if (n == options.rounds)
			break;
		linger(&t, &top);
	}
	top_free(&last);
	return rc;
}

static int run_top(struct host *h, int argc, char **argv)
{
	static const struct option more[] = {
		{ "help", no_argument, NULL, 'h' }, { "batch", no_argument, NULL, 'b' },
		{ "delay", required_argument, NULL, 'd' }, { "iterations", required_argument, NULL, 'i' },
		{ "full-name", no_argument, NULL, 'f' }, { 0 }
	};
	int opt, rc;

	options = (struct options){ .delay = 3 };
	while ((opt = xl_options(argc, argv, "bd:i:f", more)) != -1) {
		options.batch |= opt == 'b';
		options.full_names |= opt == 'f';
		options.delay = opt == 'd' ? strtod(optarg, NULL) : options.delay;
		options.rounds = opt == 'i' ? strtoul(optarg, NULL, 10) : options.rounds;
	}
	xl_arguments(argc, argv, 0, 0);
	if (options.delay < 0.1 || options.delay > 3600)
		return msg_error(2, "a delay is 0.1 to 3600 seconds");
	if (!options.batch && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		return msg_error(2, "this is no terminal: try -b");
	if (host_call(h) || host_store(h))
		return 1;
	if (!options.batch)
		screen_begin();
	rc = rounds(h);
	if (!options.batch)
		screen_end();
	return rc ? 1 : 0;
}

const struct command top_commands[] = {
	{ "top", run_top, "[-b] [-f] [-d SECONDS] [-i ROUNDS]", "Watch what the domains do",
	  "  -b, --batch         lines for a file, no screen\n"
	  "  -f, --full-name     names in full length\n"
	  "  -d, --delay=SECONDS between two rounds (3)\n"
	  "  -i, --iterations=N  end after so many rounds\n\n"
	  "Keys: q ends, left and right (or s) choose the column to sort by, up and down scroll.\n" },
	{ 0 }
};

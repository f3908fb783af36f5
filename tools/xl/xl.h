/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program's inside: one function a command, found in the table of main.c. A command gets its own name as argv[0] and
 * answers the exit code.
 */
#ifndef XL_H
#define XL_H

#include <getopt.h>
#include "domain.h"

struct command {
	const char *name;
	int (*run)(struct host *h, int argc, char **argv);
	const char *arguments;
	const char *summary;
	const char *options;	/* a line each; NULL: none */
};

/* A file's commands; the list ends with a command without a name. */
extern const struct command create_commands[], list_commands[], life_commands[], console_commands[], vcpu_commands[],
	memory_commands[], host_commands[], device_commands[], sched_commands[], top_commands[];

extern bool xl_dry_run;

/**
 * xl_options - getopt_long for a command: -h/--help shows its help and ends the program
 * @spec: short options without 'h'
 * @more: long options, or NULL
 *
 * Return: the option's value, or -1 at the end. An unknown option ends the program with exit code 2.
 */
int xl_options(int argc, char **argv, const char *spec, const struct option *more);

/** xl_help - the help of one command on stdout (or stderr, when something was wrong) */
void xl_help(const char *name, bool wrong);

/** xl_arguments - are there between @min and @max arguments left? If not: help, and exit code 2 */
void xl_arguments(int argc, char **argv, int min, int max);

/** xl_domain - the domain that the next argument names, or the end of the program with exit code 1 */
uint32_t xl_domain(struct host *h, char **argv);

/** xl_first_domain - for a command without options: are there @min to @max arguments, and which domain does the first name? */
uint32_t xl_first_domain(struct host *h, int argc, char **argv, int min, int max);

/** console_attach - the terminal of a domain until it or the user ends it. Return: exit code. */
int console_attach(struct host *h, uint32_t domid, bool escape);

/** cpumap_show - print what is set of @nr bits: "all", "none" or ranges like "0-2,5" */
void cpumap_show(const uint8_t *map, unsigned int nr);

/** topology_show - print which CPU is where, and the memory nodes */
void topology_show(struct host *h);

/** config_show - a domain's settings as JSON on stdout */
void config_show(const struct config *c);

/** list_long - domains as JSON on stdout. Return: exit code. */
int list_long(struct host *h, const struct xen_domctl_getdomaininfo *list, int n);

#endif

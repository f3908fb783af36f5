/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builders: what turns a fresh, empty domain into one that starts. One builder a kind of guest.
 */
#ifndef TOOLS_BUILD_H
#define TOOLS_BUILD_H

#include "hypercall.h"
#include "image.h"

/**
 * struct build - what to build, and what came of it
 */
struct build {
	/* in */
	uint32_t domid;
	uint64_t pages;			/* memory at start */
	uint64_t max_pages;		/* as far as it may grow */
	unsigned int vcpus, max_vcpus;
	const char *kernel, *ramdisk;	/* files; the second may be NULL */
	const char *cmdline;
	bool asleep;			/* the kernel's own Xen code shall not find the hypervisor */
	uint32_t store_port, console_port;
	/* out */
	uint64_t store_mfn, console_mfn;
};

/**
 * build_pv - memory, kernel, page tables and first vcpu of a 64-bit PV guest
 * @image: of b->kernel; given up as soon as it is copied
 *
 * Context: the domain exists with its vcpus, paused, and owns no memory. After a failure it is good for nothing but
 * being destroyed.
 *
 * Return: 0, or -errno after a message.
 */
int build_pv(struct host *h, struct build *b, struct image *image);

/**
 * build_pvh - memory, kernel, start_info, ACPI tables and first vcpu of a PVH guest; as build_pv()
 */
int build_pvh(struct host *h, struct build *b, struct image *image);

#endif

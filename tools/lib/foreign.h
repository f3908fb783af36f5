/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mapping much memory of a domain. xenforeignmemory_map() hands the kernel a list that it copies and goes through frame by
 * frame; here it is told runs of frames, of which there is one for each extent of 2 MiB.
 */
#ifndef TOOLS_FOREIGN_H
#define TOOLS_FOREIGN_H

#include "host.h"

/**
 * foreign_map - map @pages frames of a domain for reading and writing, in one piece
 *
 * Where the kernel does not take runs (a Domain0 without PV page tables) xenforeignmemory_map() does it. Unmapped with
 * munmap().
 *
 * Return: NULL and errno when it fails.
 */
void *foreign_map(struct host *h, uint32_t domid, const xen_pfn_t *mfn, size_t pages);

#endif

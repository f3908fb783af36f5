/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unpacked kernels are kept in /var/cache/xen/kernels, in the form of image_compact(): unpacking one costs a hundred times
 * what the rest of a domain's creation does, and most domains of a machine start the same few kernels. An entry is named
 * after everything that tells one state of a file from another; entries appear by rename and can be deleted at any time.
 */
#ifndef TOOLS_IMAGE_CACHE_H
#define TOOLS_IMAGE_CACHE_H

#include <sys/stat.h>
#include <stddef.h>
#include <stdint.h>

/** image_cache_map - the unpacked form of the kernel file with this state, mapped read-only; NULL when it is not kept */
uint8_t *image_cache_map(const struct stat *st, size_t *size);

/** image_cache_put - keep it; a cache that cannot be written is no error */
void image_cache_put(const struct stat *st, const uint8_t *data, size_t size);

#endif

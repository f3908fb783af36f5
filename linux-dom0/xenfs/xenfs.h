/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of xenfs, each with its own operations.
 *
 *	super	the file system, and "capabilities"
 *	store	xsd_kva and xsd_port: what a store in Domain0 needs to serve Domain0
 *	symbols	xensyms: the hypervisor's symbols
 */
#ifndef XENFS_H
#define XENFS_H

#include <linux/fs.h>

extern const struct file_operations store_page_ops;
extern const struct file_operations store_port_ops;
extern const struct file_operations symbols_ops;

#endif

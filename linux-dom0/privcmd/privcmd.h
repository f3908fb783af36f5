/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of xen-privcmd.
 *
 *	main	devices, what an open file may do
 *	target	an unprivileged domain's right: the one domain that it may control
 *	call	hypercalls, and dm_op with buffers of user space
 *	mmap	the calls that put frames of other domains into a mapping
 *	foreign	how a frame gets there, in a PV domain and in one with translated memory
 *	buffer	/dev/xen/hypercall: memory for hypercall arguments
 */
#ifndef PRIVCMD_H
#define PRIVCMD_H

#include <linux/fs.h>
#include <linux/mm_types.h>
#include <xenolith/hypercall.h>
#include <xen/privcmd.h>

/**
 * struct privcmd_file - an open file of /dev/xen/privcmd
 * @domain:	the only domain it may act on; DOMID_INVALID: any, and any hypercall
 */
struct privcmd_file {
	domid_t domain;
};

/** privcmd_may - whether a file may act on a domain */
static inline bool privcmd_may(const struct privcmd_file *pf, domid_t domain)
{
	domid_t only = READ_ONCE(pf->domain);

	return only == DOMID_INVALID || only == domain;
}

/**
 * target_init - find out what this domain may do; before the first target_get()
 *
 * Domain0 may do everything. Other domains may act on the domain that the store names as their target, or on none: the
 * hypervisor would let them do more to themselves than the owner of a file should be able to. The module's parameter
 * "unrestricted" lifts that, but not in a kernel that is locked down.
 */
int target_init(void);

/** target_exit - the end of target_init() */
void target_exit(void);

/**
 * target_get - the domain that a new file may act on
 * @domain:	where it goes; DOMID_INVALID is any
 *
 * May sleep until the store is there. Return: 0, or -EINTR after a signal.
 */
int target_get(domid_t *domain);

/* The calls; each returns what ioctl() returns. */
long privcmd_hypercall(struct privcmd_file *pf, void __user *user);
long privcmd_dm_op(struct privcmd_file *pf, void __user *user);
long privcmd_mmap_ranges(struct privcmd_file *pf, void __user *user);
long privcmd_mmap_batch(struct privcmd_file *pf, void __user *user, int version);
long privcmd_mmap_resource(struct privcmd_file *pf, void __user *user);

/** privcmd_mmap - make a mapping that the calls above can fill */
int privcmd_mmap(struct file *file, struct vm_area_struct *vma);

extern const struct file_operations xen_privcmd_fops;
extern const struct file_operations xen_privcmdbuf_fops;

#endif

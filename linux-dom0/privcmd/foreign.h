/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames of other domains in a mapping of user space.
 *
 * In a PV domain a page-table entry names a machine frame; one of a foreign frame is written by a hypercall that says
 * whose it is. In a domain with translated memory it can only name a frame of the domain's own: unpopulated frames are
 * taken for the whole mapping, foreign memory is put in their place, and they are emptied before they are given back.
 */
#ifndef PRIVCMD_FOREIGN_H
#define PRIVCMD_FOREIGN_H

#include <linux/mm_types.h>
#include <linux/refcount.h>
#include <xenolith/hypercall.h>

/* As many frames as one call of these functions takes. */
#define FOREIGN_BATCH 128

/**
 * struct foreign - the foreign memory of a mapping, its vm_private_data once something was mapped
 * @users:	mappings that have it: one, and another for the moment in which the kernel moves it
 * @count:	pages in @pages; 0 in a PV domain
 * @filled:	which of @pages have something foreign in their place
 * @pages:	the frames for the mapping, one for each of its pages
 */
struct foreign {
	refcount_t users;
	unsigned long count;
	unsigned long *filled;
	struct page *pages[];
};

/**
 * foreign_create - be ready to map something into a mapping
 * @vma:	the mapping; nothing was mapped there before
 *
 * Context: mmap lock held for writing. Return: 0 or -ENOMEM.
 */
int foreign_create(struct vm_area_struct *vma);

/** foreign_put - give up a reference; the last one empties and frees the frames */
void foreign_put(struct foreign *foreign);

/**
 * foreign_unmapped - whether nothing is mapped in a range yet
 *
 * Context: mmap lock held.
 */
bool foreign_unmapped(struct vm_area_struct *vma, unsigned long addr, unsigned long count);

/**
 * foreign_map - map frames of a domain
 * @vma:	the mapping, after foreign_create()
 * @addr:	where the first one goes
 * @frames:	the frames, by the domain's own numbers
 * @errs:	gets what became of each: 0 or -errno
 * @count:	how many, FOREIGN_BATCH at most, inside of the mapping
 * @domain:	whose they are
 *
 * Context: mmap lock held for writing. Return: 0 when each has its status in @errs, or -errno when nothing was mapped.
 */
int foreign_map(struct vm_area_struct *vma, unsigned long addr, const xen_pfn_t *frames, int *errs, unsigned int count,
		domid_t domain);

/**
 * foreign_map_resource - map a part of a domain's resource
 * @vma:	the mapping, after foreign_create()
 * @addr:	where it goes
 * @op:		which part, FOREIGN_BATCH frames at most; the list of frames is not the caller's business
 *
 * Context: mmap lock held for writing. Return: 0 or -errno.
 */
struct xen_mem_acquire_resource;
int foreign_map_resource(struct vm_area_struct *vma, unsigned long addr, struct xen_mem_acquire_resource *op);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/hypercall: memory for the arguments of hypercalls.
 *
 * The hypervisor reads and writes arguments where they are and cannot wait for a page. Ordinary memory of a program can
 * vanish under it for a moment: by a fork's copy on write, by compaction, by swapping. What is mapped from here is there
 * from the start and stays. The mapping alone holds the pages.
 */

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include "compat/compat.h"
#include "privcmd.h"

#define BATCH 32

/* Return: 0 or -errno; in any case the pages belong to the mapping or are free. */
static int insert_pages(struct vm_area_struct *vma, unsigned long addr, unsigned long count)
{
	struct page *pages[BATCH];
	unsigned long n, left;
	int rc = 0;

	for (n = 0; n < count; n++) {
		pages[n] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!pages[n])
			break;
	}
	left = n;
	if (n)
		rc = vm_insert_pages(vma, addr, pages, &left);
	if (!rc && n < count)
		rc = -ENOMEM;
	while (n)
		put_page(pages[--n]);
	return rc;
}

static vm_fault_t buffer_fault(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct buffer_vm_ops = { .fault = buffer_fault };

/* After an error the caller takes away what is mapped already. */
static int buffer_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long addr, count;
	int rc = 0;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_DONTEXPAND | VM_MIXEDMAP);
	vma->vm_ops = &buffer_vm_ops;
	for (addr = vma->vm_start; addr < vma->vm_end && !rc; addr += count * PAGE_SIZE) {
		count = min_t(unsigned long, (vma->vm_end - addr) / PAGE_SIZE, BATCH);
		rc = fatal_signal_pending(current) ? -EINTR : insert_pages(vma, addr, count);
	}
	return rc;
}

const struct file_operations xen_privcmdbuf_fops = {
	.owner = THIS_MODULE,
	.mmap = buffer_mmap,
};
EXPORT_SYMBOL_GPL(xen_privcmdbuf_fops);

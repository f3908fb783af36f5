// SPDX-License-Identifier: GPL-2.0-only
/* The page and the port through which Domain0's kernel talks to a store that runs in Domain0. */

#include <linux/mm.h>
#include <linux/slab.h>
#include <xenolith/bus.h>
#include <xenolith/hypercall.h>
#include "compat/compat.h"
#include "xenfs.h"

static int open_text(struct file *file, char *text)
{
	file->private_data = text;
	return text ? 0 : -ENOMEM;
}

static int release_text(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t read_text(struct file *file, char __user *buffer, size_t size, loff_t *offset)
{
	const char *text = file->private_data;

	return simple_read_from_buffer(buffer, size, offset, text, strlen(text));
}

/* The address only tells pages apart: it is printed hashed. */
static int page_open(struct inode *inode, struct file *file)
{
	return open_text(file, kasprintf(GFP_KERNEL, "0x%p", xen_store_interface));
}

static int page_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma_pages(vma) != 1 || vma->vm_pgoff || !xen_store_interface)
		return -EINVAL;
	if (remap_pfn_range(vma, vma->vm_start, virt_to_pfn(xen_store_interface), PAGE_SIZE, vma->vm_page_prot))
		return -EAGAIN;
	return 0;
}

const struct file_operations store_page_ops = {
	.owner = THIS_MODULE,
	.open = page_open,
	.release = release_text,
	.read = read_text,
	.mmap = page_mmap,
};

static int port_open(struct inode *inode, struct file *file)
{
	return open_text(file, kasprintf(GFP_KERNEL, "%d", xen_store_evtchn));
}

const struct file_operations store_port_ops = {
	.owner = THIS_MODULE,
	.open = port_open,
	.release = release_text,
	.read = read_text,
};

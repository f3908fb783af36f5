// SPDX-License-Identifier: GPL-2.0-only
/* Frames of other domains in a mapping. The two ways are in foreign.h. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <xenolith/hypercall.h>
#include <xen/interface/memory.h>
#include "compat/compat.h"
#include "foreign.h"

/* No machine has a frame of that number; what is larger would change other bits of a page-table entry. */
#define NO_FRAME (PTE_PFN_MASK >> PAGE_SHIFT)

static bool translated(void)
{
	return xen_feature(XENFEAT_auto_translated_physmap);
}

int foreign_create(struct vm_area_struct *vma)
{
	unsigned long count = translated() ? vma_pages(vma) : 0;
	struct foreign *f;

	if (count > INT_MAX)
		return -ENOMEM;
	f = kvzalloc(struct_size(f, pages, count), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	refcount_set(&f->users, 1);
	if (count) {
		f->filled = bitmap_zalloc(count, GFP_KERNEL);
		if (!f->filled || xen_alloc_unpopulated_pages(count, f->pages))
			goto free;
		f->count = count;
	}
	vma->vm_private_data = f;
	return 0;

free:
	bitmap_free(f->filled);
	kvfree(f);
	return -ENOMEM;
}

/* Empties up to FOREIGN_BATCH frames from @first on with one hypercall. Return: the frame after the last one looked at. */
static unsigned long empty_frames(struct foreign *f, unsigned long first)
{
	static DEFINE_MUTEX(lock);
	static struct multicall_entry calls[FOREIGN_BATCH];
	static struct xen_remove_from_physmap args[FOREIGN_BATCH];
	static unsigned long index[FOREIGN_BATCH];
	unsigned long next = first;
	unsigned int n = 0;
	int rc;

	mutex_lock(&lock);
	for_each_set_bit_from(next, f->filled, f->count) {
		index[n] = next;
		args[n] = (struct xen_remove_from_physmap){ .domid = DOMID_SELF, .gpfn = page_to_xen_pfn(f->pages[next]) };
		calls[n] = (struct multicall_entry){ .op = __HYPERVISOR_memory_op };
		calls[n].args[0] = XENMEM_remove_from_physmap;
		calls[n].args[1] = (unsigned long)&args[n];
		if (++n == FOREIGN_BATCH)
			break;
	}
	rc = n ? HYPERVISOR_multicall(calls, n) : 0;
	while (n--)
		if (!rc && !calls[n].result)
			clear_bit(index[n], f->filled);
	mutex_unlock(&lock);
	return next + 1;
}

/* A frame that cannot be emptied still shows foreign memory: it is lost, it must not be given back. */
static void give_back(struct foreign *f)
{
	unsigned long i, good = 0;

	for (i = 0; i < f->count; i = empty_frames(f, i))
		;
	for (i = 0; i < f->count; i++)
		if (!test_bit(i, f->filled))
			f->pages[good++] = f->pages[i];
	if (good < f->count)
		pr_crit("%lu frames cannot be emptied and are lost\n", f->count - good);
	xen_free_unpopulated_pages(good, f->pages);
}

void foreign_put(struct foreign *f)
{
	if (!refcount_dec_and_test(&f->users))
		return;
	if (f->count)
		give_back(f);
	bitmap_free(f->filled);
	kvfree(f);
}

static int refuse_used(pte_t *pte, unsigned long addr, void *data)
{
	return pte_none(*pte) ? 0 : -EBUSY;
}

bool foreign_unmapped(struct vm_area_struct *vma, unsigned long addr, unsigned long count)
{
	return !apply_to_page_range(vma->vm_mm, addr, count * PAGE_SIZE, refuse_used, NULL);
}

/* PV domains */

/**
 * struct pv_batch - entries to be written
 * @frames:	the next frame
 * @prot:	the mapping's rights
 * @kind:	how the hypervisor takes frame numbers: MMU_NORMAL_PT_UPDATE, MMU_PT_UPDATE_NO_TRANSLATE
 * @count:	how many entries
 * @updates:	what the hypervisor is asked to do
 */
struct pv_batch {
	const xen_pfn_t *frames;
	pgprot_t prot;
	unsigned int kind;
	unsigned int count;
	struct mmu_update updates[FOREIGN_BATCH];
};

static int add_update(pte_t *pte, unsigned long addr, void *data)
{
	struct pv_batch *batch = data;
	struct mmu_update *update = &batch->updates[batch->count++];
	unsigned long frame = min_t(xen_pfn_t, *batch->frames++, NO_FRAME);

	if (!pte_none(*pte))
		return -EBUSY;
	update->ptr = arbitrary_virt_to_machine(pte).maddr | batch->kind;
	update->val = pte_val_ma(pte_mkspecial(mfn_pte(frame, batch->prot)));
	return 0;
}

/* The hypervisor stops at an entry that it refuses: its status is noted, and it goes on behind it. */
static void write_entries(struct pv_batch *batch, int *errs, domid_t domain)
{
	unsigned int i = 0;
	int done, rc;

	memset(errs, 0, batch->count * sizeof(*errs));
	while (i < batch->count) {
		done = 0;
		rc = HYPERVISOR_mmu_update(&batch->updates[i], batch->count - i, &done, domain);
		if (done < 0 || done > batch->count - i)
			done = 0;
		i += done;
		if (rc < 0 && i < batch->count)
			errs[i++] = rc;
		else if (!done)
			errs[i++] = -EIO;
	}
}

static int map_pv(struct vm_area_struct *vma, unsigned long addr, const xen_pfn_t *frames, int *errs,
		  unsigned int count, domid_t domain, unsigned int kind)
{
	struct pv_batch *batch = kmalloc(sizeof(*batch), GFP_KERNEL);
	int rc;

	if (!batch)
		return -ENOMEM;
	batch->frames = frames;
	batch->prot = vma->vm_page_prot;
	batch->kind = kind;
	batch->count = 0;
	rc = apply_to_page_range(vma->vm_mm, addr, count * PAGE_SIZE, add_update, batch);
	if (!rc)
		write_entries(batch, errs, domain);
	kfree(batch);
	return rc;
}

/* Domains with translated memory */

/**
 * struct shown - frames of this domain about to be seen by user space
 * @pages:	the next one
 * @errs:	those with an error are left out; NULL: none has one
 * @prot:	the mapping's rights
 * @mm:	where
 */
struct shown {
	struct page **pages;
	const int *errs;
	pgprot_t prot;
	struct mm_struct *mm;
};

static int show_frame(pte_t *pte, unsigned long addr, void *data)
{
	struct shown *shown = data;
	struct page *page = *shown->pages++;

	if (shown->errs && *shown->errs++)
		return 0;
	set_pte_at(shown->mm, addr, pte, pte_mkspecial(pfn_pte(page_to_pfn(page), shown->prot)));
	return 0;
}

static int show(struct vm_area_struct *vma, unsigned long addr, unsigned int count, const int *errs)
{
	struct foreign *f = vma->vm_private_data;
	struct shown shown = {
		.pages = f->pages + (addr - vma->vm_start) / PAGE_SIZE,
		.errs = errs,
		.prot = vma->vm_page_prot,
		.mm = vma->vm_mm,
	};

	return apply_to_page_range(vma->vm_mm, addr, count * PAGE_SIZE, show_frame, &shown);
}

static void own_frames(struct vm_area_struct *vma, unsigned long addr, xen_pfn_t *frames, unsigned int count)
{
	struct foreign *f = vma->vm_private_data;
	unsigned long first = (addr - vma->vm_start) / PAGE_SIZE;
	unsigned int i;

	for (i = 0; i < count; i++)
		frames[i] = page_to_xen_pfn(f->pages[first + i]);
}

/* Whether the hypervisor filled a frame before an error is not always known: then it counts as filled. */
static void note_filled(struct vm_area_struct *vma, unsigned long addr, unsigned int count, const int *errs)
{
	struct foreign *f = vma->vm_private_data;
	unsigned long first = (addr - vma->vm_start) / PAGE_SIZE;
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!errs || !errs[i])
			set_bit(first + i, f->filled);
}

static int map_translated(struct vm_area_struct *vma, unsigned long addr, const xen_pfn_t *frames, int *errs,
			  unsigned int count, domid_t domain)
{
	struct xen_add_to_physmap_range op = {
		.domid = DOMID_SELF,
		.foreign_domid = domain,
		.space = XENMAPSPACE_gmfn_foreign,
		.size = count,
	};
	xen_pfn_t *own = kmalloc_array(count, sizeof(*own), GFP_KERNEL);
	int rc;

	if (!own)
		return -ENOMEM;
	own_frames(vma, addr, own, count);
	memset(errs, 0, count * sizeof(*errs));
	set_xen_guest_handle(op.idxs, (xen_ulong_t *)frames);
	set_xen_guest_handle(op.gpfns, own);
	set_xen_guest_handle(op.errs, errs);
	rc = HYPERVISOR_memory_op(XENMEM_add_to_physmap_range, &op);
	kfree(own);
	if (rc < 0) {
		while (count--)
			errs[count] = rc;
		return 0;
	}
	note_filled(vma, addr, count, errs);
	return show(vma, addr, count, errs);
}

int foreign_map(struct vm_area_struct *vma, unsigned long addr, const xen_pfn_t *frames, int *errs, unsigned int count,
		domid_t domain)
{
	if (translated())
		return map_translated(vma, addr, frames, errs, count, domain);
	return map_pv(vma, addr, frames, errs, count, domain, MMU_NORMAL_PT_UPDATE);
}

/* The hypervisor answers with machine frames; they belong to the other domain, or to this one if it says so. */
static int show_resource_pv(struct vm_area_struct *vma, unsigned long addr, const xen_pfn_t *frames,
			    const struct xen_mem_acquire_resource *op)
{
	domid_t owner = op->flags & XENMEM_rsrc_acq_caller_owned ? DOMID_SELF : op->domid;
	int *errs = kcalloc(op->nr_frames, sizeof(*errs), GFP_KERNEL);
	unsigned int i;
	int rc;

	if (!errs)
		return -ENOMEM;
	rc = map_pv(vma, addr, frames, errs, op->nr_frames, owner, MMU_PT_UPDATE_NO_TRANSLATE);
	for (i = 0; !rc && i < op->nr_frames; i++)
		rc = errs[i];
	kfree(errs);
	return rc;
}

int foreign_map_resource(struct vm_area_struct *vma, unsigned long addr, struct xen_mem_acquire_resource *op)
{
	unsigned int count = op->nr_frames;
	xen_pfn_t *frames = kcalloc(count, sizeof(*frames), GFP_KERNEL);
	int rc;

	if (!frames)
		return -ENOMEM;
	if (translated())
		own_frames(vma, addr, frames, count);
	set_xen_guest_handle(op->frame_list, frames);
	xen_preemptible_hcall_begin();
	rc = HYPERVISOR_memory_op(XENMEM_acquire_resource, op);
	xen_preemptible_hcall_end();
	op->nr_frames = count;
	if (translated())
		note_filled(vma, addr, count, NULL);
	if (!rc)
		rc = translated() ? show(vma, addr, count, NULL) : show_resource_pv(vma, addr, frames, op);
	kfree(frames);
	return rc;
}
